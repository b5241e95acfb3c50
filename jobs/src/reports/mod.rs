//! Reports: what somebody wants to have as a file.
//!
//! ```text
//! ask ─► row + promise ─► build_report: one snapshot ─► cells ─► CSV · XLSX · PDF ─► the store, in parts ─► row + announce_report ─► letter
//!  ▲                        │  looks again whether whoever asked may have it                                                         │
//!  │                        └──► close_report, whatever becomes of the job                          our page ◄─────────────────────────┘
//! send_daily_reports, when somebody's morning has come                            └─► a link to the file that is good for five minutes
//! ```
//!
//! Rows come from one read-only snapshot through a cursor and leave in parts of some megabytes, so that a report of millions of rows takes no more
//! memory than one of hundreds. A file is nobody's until the transaction that makes it the report's; what attempts that died have left in the store
//! stands in core.report_uploads and is taken away.

pub mod announce_report;
pub mod build_report;
mod chart;
pub mod close_report;
mod csv;
pub mod daily;
mod encode;
pub mod kind;
pub mod layout;
pub mod report;
mod said;
pub mod send_daily_reports;
mod snapshot;
pub mod table;
mod upload;
pub mod wish;

pub(crate) use upload::clear;
