//! The API for programs, version 1: enqueue by name, see what became of a job, read the catalogue, schedule, ask for reports. Its callers bear tokens.

mod answers;
mod body;
pub(crate) mod enqueue;
pub(crate) mod job;
pub(crate) mod job_kinds;
pub(crate) mod mail_events;
pub(crate) mod openapi;
pub(crate) mod reports;
pub(crate) mod schedule_commands;
pub(crate) mod schedules;
