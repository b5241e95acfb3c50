//! When work happens: one line a schedule.
//!
//! ```text
//! expression + time zone ─ calendar ─► ticks ─ settle (policy) ─► fired: a row of the ledger and the promise of a job
//!                                                             └─► missed: a row of the ledger that says why
//! ```
//!
//! `register` writes the program's own schedules beside those that `operations` makes at run time; `ticker`, in every worker, decides about
//! what is due; `watcher` tells when nobody does.

mod calendar;
mod catalogue;
mod draft;
mod expression;
mod operations;
mod register;
mod row;
mod schedule;
mod settle;
#[cfg(test)]
mod simulation;
mod ticker;
mod watcher;
pub mod words;

pub use calendar::{Calendar, Run};
pub use catalogue::{Catalogue, SharedCatalogue};
/// A time zone of the IANA database.
pub use chrono_tz::Tz;
pub use draft::{Draft, DraftField, Mistake, Mistakes};
pub use expression::{Expression, ExpressionError, Field};
pub use operations::{OperationError, Operations, ScheduleList, ScheduleView, TickList, TickRecord};
pub use schedule::{LONGEST_JITTER, Schedule, job_id};
pub use settle::{CatchUp, LONGEST_WITHIN, NoCatchUp, ON_TIME, Reason, Settlement, settle, span};
pub use ticker::tick;
pub use watcher::{LATE_KEY, watch};

use jobs::{
    help_desk::monitor_sla::MonitorSla,
    housekeeping::{
        archive_tickets::ArchiveTickets, check_counters::CheckCounters, close_tickets::CloseTickets,
        make_partitions::MakePartitions, sweep_files::SweepFiles, sweep_ledger::SweepLedger, sweep_letters::SweepLetters,
        sweep_payment_messages::SweepPaymentMessages, sweep_remains::SweepRemains, sweep_reports::SweepReports,
        sweep_sessions::SweepSessions, sweep_tokens::SweepTokens,
    },
    operators::watch_platform::WatchPlatform,
    payments::{check_pending_payments::CheckPendingPayments, reconcile_payments::ReconcilePayments},
    reports::send_daily_reports::SendDailyReports,
    sales::{compare_sales_statistics::CompareSalesStatistics, refresh_sales_statistics::RefreshSalesStatistics},
};

/// Where the business is: its nights and mornings.
const HOME: Tz = Tz::America__Bogota;

/// Every schedule of the program's own. An expression has five fields: minute, hour, day of the month, month, day of the week.
///
/// # Panics
/// An expression cannot be read: a mistake in this list, found when the program starts.
#[must_use]
pub fn schedules() -> Vec<Schedule> {
    vec![
        Schedule::new("watch_platform", "* * * * *", HOME, CatchUp::Skip, WatchPlatform::default()),
        Schedule::new("monitor_sla", "*/5 * * * *", HOME, CatchUp::Once, MonitorSla {}),
        // Mornings are looked for and not ticked: each manager has a clock of their own. The job itself makes up for what was missed, for twelve hours.
        Schedule::new("send_daily_reports", "*/15 * * * *", HOME, CatchUp::Once, SendDailyReports {}),
        Schedule::new("make_partitions", "55 2 * * *", HOME, CatchUp::Once, MakePartitions::default()),
        Schedule::new("sweep_sessions", "0 3 * * *", HOME, CatchUp::Once, SweepSessions::default()),
        Schedule::new("sweep_tokens", "5 3 * * *", HOME, CatchUp::Once, SweepTokens::default()),
        Schedule::new("sweep_ledger", "10 3 * * *", HOME, CatchUp::Once, SweepLedger::default()),
        Schedule::new("sweep_letters", "40 3 * * *", HOME, CatchUp::Once, SweepLetters::default()),
        Schedule::new("sweep_payment_messages", "50 3 * * *", HOME, CatchUp::Once, SweepPaymentMessages::default()),
        Schedule::new("sweep_reports", "20 3 * * *", HOME, CatchUp::Once, SweepReports::default()),
        Schedule::new("sweep_files", "25 3 * * *", HOME, CatchUp::Once, SweepFiles::default()),
        Schedule::new("close_tickets", "45 2 * * *", HOME, CatchUp::Once, CloseTickets::default()),
        // Before the months that are empty then are taken away, on the next night.
        Schedule::new("archive_tickets", "15 3 * * *", HOME, CatchUp::Once, ArchiveTickets::default()),
        Schedule::new("check_counters", "55 3 * * *", HOME, CatchUp::Once, CheckCounters::default()),
        Schedule::new("sweep_remains", "0 4 * * 0", HOME, CatchUp::Once, SweepRemains::default()),
        Schedule::new("check_pending_payments", "7 * * * *", HOME, CatchUp::Once, CheckPendingPayments {}),
        Schedule::new("reconcile_payments", "30 2 * * *", HOME, CatchUp::Once, ReconcilePayments {}),
        Schedule::new("refresh_sales_statistics", "*/30 * * * *", HOME, CatchUp::Once, RefreshSalesStatistics {}),
        Schedule::new("compare_sales_statistics", "50 2 * * *", HOME, CatchUp::Once, CompareSalesStatistics {}),
    ]
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_schedule_can_be_read_has_a_name_of_its_own_and_a_job_that_exists() {
        let schedules = super::schedules();
        let mut names: Vec<_> = schedules.iter().map(|schedule| &schedule.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), schedules.len());
        for schedule in &schedules {
            jobs::catalogue().normalize(&schedule.job, &schedule.args).expect("a job of the catalogue");
        }
    }
}
