//! Certificates: what somebody has completed, printed, signed, and for anybody to check.
//!
//! ```text
//! last section ─tx─► row with serial + issue_certificate ──► PDF in the store, statement and credential signed ─► letter
//! correction ───tx─► another row, which replaces the first when it is issued ─┐
//! revocation ───tx─► ended ───────────────────────────────────────────────────┴─► publish_status_list
//! ```

pub mod amend;
pub mod announce_certificate;
pub mod ask;
pub mod badge;
pub mod certificate;
pub mod check;
pub mod issue_certificate;
pub mod notice;
pub mod publish_status_list;
pub mod request;
pub mod serial;
pub mod signing;
pub mod statement;
pub mod status_list;
