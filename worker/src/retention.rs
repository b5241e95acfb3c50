//! How long what is over is kept: RETAIN_COMPLETED_DAYS and its sisters. The sweeps of jobs/src/housekeeping remove what is older.

use chrono::TimeDelta;
use clap::Args;
use jobs::housekeeping::retention::Retention;

use crate::settings::Mistakes;

/// Nobody keeps anything for longer than a century.
const MOST_DAYS: i64 = 36_500;
/// The engine looks twice at what is older than a day, and so nothing of its ledger is forgotten sooner than after two.
const FEWEST_DAYS: i64 = 2;

/// For how many days what is over is kept.
#[derive(Debug, Args)]
pub struct RetentionArgs {
    /// For how many days completed jobs stay in the ledger, with their attempts. An id is remembered as long: whoever enqueues the same one
    /// later gets another job. Never set Redis back by more than this.
    #[arg(long, env = "RETAIN_COMPLETED_DAYS", default_value = "30")]
    pub retain_completed_days: String,
    /// For how many days cancelled jobs stay.
    #[arg(long, env = "RETAIN_CANCELLED_DAYS", default_value = "30")]
    pub retain_cancelled_days: String,
    /// For how many days dead jobs stay, and can be run again.
    #[arg(long, env = "RETAIN_DEAD_DAYS", default_value = "180")]
    pub retain_dead_days: String,
    /// For how many days API tokens that have expired or been revoked stay on the list.
    #[arg(long, env = "RETAIN_TOKENS_DAYS", default_value = "90")]
    pub retain_tokens_days: String,
    /// For how many days it is known which letters were sent. No fewer than any job is kept: a letter that is not known is sent again.
    #[arg(long, env = "RETAIN_LETTERS_DAYS", default_value = "365")]
    pub retain_letters_days: String,
    /// For how many days the payment providers' messages are kept as they came. The books are kept for ever.
    #[arg(long, env = "RETAIN_PAYMENT_MESSAGES_DAYS", default_value = "180")]
    pub retain_payment_messages_days: String,
    /// For how many days closed tickets stay at the desk. Then they are put away into the tables of the schema archive, where they are kept for ever and no
    /// page, search or report finds them.
    #[arg(long, env = "RETAIN_TICKETS_DAYS", default_value = "1095")]
    pub retain_tickets_days: String,
    /// For how many days the results of sweeps are kept.
    #[arg(long, env = "RETAIN_RECORDS_DAYS", default_value = "400")]
    pub retain_records_days: String,
}

impl RetentionArgs {
    /// Reads the values.
    pub fn checked(&self, mistakes: &mut Mistakes) -> Option<Retention> {
        let mut days = |setting: &str, text: &str| {
            let days = text.trim().parse::<i64>().ok().filter(|days| (FEWEST_DAYS..=MOST_DAYS).contains(days));
            let days = days.ok_or_else(|| format!("{text:?} is not a number of days from {FEWEST_DAYS} to {MOST_DAYS}"));
            mistakes.note(setting, days).map(TimeDelta::days)
        };
        let completed = days("RETAIN_COMPLETED_DAYS", &self.retain_completed_days);
        let cancelled = days("RETAIN_CANCELLED_DAYS", &self.retain_cancelled_days);
        let dead = days("RETAIN_DEAD_DAYS", &self.retain_dead_days);
        let tokens = days("RETAIN_TOKENS_DAYS", &self.retain_tokens_days);
        let letters = days("RETAIN_LETTERS_DAYS", &self.retain_letters_days);
        let payment_messages = days("RETAIN_PAYMENT_MESSAGES_DAYS", &self.retain_payment_messages_days);
        let tickets = days("RETAIN_TICKETS_DAYS", &self.retain_tickets_days);
        let records = days("RETAIN_RECORDS_DAYS", &self.retain_records_days);
        let kept = Retention {
            completed: completed?,
            cancelled: cancelled?,
            dead: dead?,
            tokens: tokens?,
            letters: letters?,
            payment_messages: payment_messages?,
            tickets: tickets?,
            records: records?,
        };
        let longest = kept.completed.max(kept.cancelled).max(kept.dead);
        if kept.letters < longest {
            mistakes.add(
                "RETAIN_LETTERS_DAYS",
                format!(
                    "is less than the {} days that jobs are kept: run again, they would send their letters again",
                    longest.num_days()
                ),
            );
            return None;
        }
        Some(kept)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Given {
        #[command(flatten)]
        retention: RetentionArgs,
    }

    fn checked(args: &[&str]) -> (Option<Retention>, String) {
        let given = Given::parse_from([&["worker"], args].concat());
        let mut mistakes = Mistakes::default();
        let kept = given.retention.checked(&mut mistakes);
        (kept, mistakes.as_slice().join("; "))
    }

    #[test]
    fn what_is_not_said_is_kept_as_documented() {
        assert_eq!(checked(&[]), (Some(Retention::default()), String::new()));
    }

    #[test]
    fn every_mistake_is_named_and_letters_outlast_jobs() {
        let (kept, mistakes) = checked(&["--retain-dead-days", "1", "--retain-tokens-days", "many"]);
        assert_eq!(kept, None);
        assert!(mistakes.contains("RETAIN_DEAD_DAYS") && mistakes.contains("RETAIN_TOKENS_DAYS"), "{mistakes}");
        let (kept, mistakes) = checked(&["--retain-dead-days", "400"]);
        assert_eq!(kept, None);
        assert!(mistakes.contains("RETAIN_LETTERS_DAYS: is less than the 400 days"), "{mistakes}");
    }
}
