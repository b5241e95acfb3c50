//! What work exists, by business domain.

pub mod access;
pub mod accounts;
pub mod housekeeping;
pub mod mail;
pub mod ports;

use accounts::{send_password_reset::SendPasswordReset, welcome_learner::WelcomeLearner};
use housekeeping::sweep_sessions::SweepSessions;
use mail::read_mail_report::ReadMailReport;
use ports::Ports;
use queue::Registry;

/// Every job there is: one line a job.
#[must_use]
pub fn catalogue() -> Registry<Ports> {
    Registry::new() //
        .job::<WelcomeLearner>()
        .job::<SendPasswordReset>()
        .job::<ReadMailReport>()
        .job::<SweepSessions>()
}
