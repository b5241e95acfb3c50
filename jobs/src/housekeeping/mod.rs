//! Keeping house: what is old or expired goes, in bounded batches.
//!
//! Each sweep is a job with a dry run, and a row in core.sweeps with what it removed ([`sweep`]). How long things are kept: [`retention`].

pub mod archive_tickets;
pub mod check_counters;
pub mod close_tickets;
pub mod make_partitions;
pub mod retention;
pub mod runs;
mod sweep;
pub mod sweep_files;
pub mod sweep_ledger;
pub mod sweep_letters;
pub mod sweep_payment_messages;
pub mod sweep_remains;
pub mod sweep_reports;
pub mod sweep_sessions;
pub mod sweep_tokens;
