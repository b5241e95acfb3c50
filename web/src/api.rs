//! The API for programs, version 1: enqueue by name, see what became of a job, read the catalogue, schedule, ask for reports, see
//! to tickets, read articles, watch deadlines. Its callers bear tokens.

pub(crate) mod alerts;
mod answers;
pub(crate) mod archived_tickets;
pub(crate) mod articles;
mod body;
pub(crate) mod clients;
pub(crate) mod enqueue;
pub(crate) mod job;
pub(crate) mod job_kinds;
pub(crate) mod mail_events;
pub(crate) mod openapi;
mod pages;
mod person;
pub(crate) mod reports;
pub(crate) mod schedule_commands;
pub(crate) mod schedules;
pub(crate) mod ticket_commands;
pub(crate) mod ticket_comments;
pub(crate) mod ticket_pauses;
pub(crate) mod tickets;
