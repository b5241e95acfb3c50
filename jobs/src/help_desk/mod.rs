//! The help desk: what clients ask, who sees to it, and how long that may take.
//!
//! ```text
//! ticket ─► clocks ──(deadlines, worked out when something is written)──► monitor_sla ─► alerts ─► notify_sla_alert
//!   ▲         ▲                                                             every five minutes, one statement
//!   │         └── terms: a policy for client and priority · a calendar: hours, holidays, a time zone
//!   └── open · comment · change: each in the caller's transaction, at a time that the caller has asked Postgres for
//! ```
//!
//! A change says at which version it has seen the ticket. Before it moves a clock, it tells what that clock had come to, so that nothing is lost
//! between two looks of the monitor.

pub mod actor;
pub mod advance;
pub mod alert;
pub mod announce_answer;
pub mod announce_assignment;
pub mod announce_closure;
pub mod announce_reply;
pub mod announce_solution;
pub mod articles;
pub mod business_time;
pub mod calendar;
pub mod change;
pub mod client;
pub mod client_draft;
pub mod clock;
pub mod comment;
pub mod follow_rule_change;
mod hear;
pub mod history;
pub mod monitor_sla;
pub mod notify_sla_alert;
pub mod number;
pub mod open;
pub mod pause;
pub mod policy;
pub mod rule_change;
mod rules;
pub mod say_alerts;
pub(crate) mod say_tickets;
pub mod search;
pub mod send_invitation;
pub mod text;
pub mod ticket;
mod ticket_clocks;
mod told;
pub mod trouble;
pub mod words;
