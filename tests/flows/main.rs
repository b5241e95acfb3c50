//! The flows: one test binary, because linking dominates.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod attempts;
mod browser;
mod certificates;
mod chat;
mod engine;
mod enqueuing;
mod help_desk;
mod house;
mod housekeeping;
mod mail;
mod operators;
mod payments;
mod reports;
mod sandbox;
mod web;
