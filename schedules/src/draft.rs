//! A schedule as somebody types it, and everything that is wrong with that at once.

use std::{fmt, time::Duration};

use queue::ByNameError;
use serde::Deserialize;

use crate::{
    Schedule,
    calendar::Calendar,
    catalogue::Catalogue,
    expression::{Expression, ExpressionError},
    schedule::{LONGEST_JITTER, is_name},
    settle::{CatchUp, read_span},
    ticker::say,
};

/// What a form or a command line gives, as text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Draft {
    /// At most 63 lower-case letters, digits and underscores.
    pub name: String,
    /// Five fields: minute, hour, day of the month, month, day of the week.
    pub expression: String,
    /// Of the IANA database, for example `America/Bogota`.
    pub time_zone: String,
    /// The kind of job.
    pub job: String,
    /// Its arguments, as JSON.
    pub args: String,
    /// `skip`, `once` or `all:6h`.
    pub catch_up: String,
    /// Up to how much later a tick's job runs: `30s`, `5m`; nothing for none.
    pub jitter: String,
}

/// One thing that is wrong with a draft.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Mistake {
    /// It cannot name a schedule.
    #[error("use 1 to 63 lower-case letters, digits and underscores, the first a letter")]
    Name,
    /// Another schedule has it.
    #[error("there is a schedule of that name already")]
    NameTaken,
    /// It says no time.
    #[error("{0}")]
    Expression(#[from] ExpressionError),
    /// The database of time zones has none of that name.
    #[error("there is no such time zone; one is America/Bogota")]
    TimeZone,
    /// The catalogue has none of that name.
    #[error("there is no such job; the jobs are {known}")]
    Job {
        /// What there is.
        known: String,
    },
    /// They are not the job's.
    #[error("{0}")]
    Args(String),
    /// It is no policy.
    #[error("`skip`, `once`, or `all:` and a time from 30s to 31d")]
    CatchUp,
    /// It is no time, or too long.
    #[error("a time up to 1h, for example 30s or 5m")]
    Jitter,
}

/// A field of a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DraftField {
    /// [`Draft::name`].
    Name,
    /// [`Draft::expression`].
    Expression,
    /// [`Draft::time_zone`].
    TimeZone,
    /// [`Draft::job`].
    Job,
    /// [`Draft::args`].
    Args,
    /// [`Draft::catch_up`].
    CatchUp,
    /// [`Draft::jitter`].
    Jitter,
}

impl Mistake {
    /// Where it is.
    #[must_use]
    pub const fn field(&self) -> DraftField {
        match self {
            Self::Name | Self::NameTaken => DraftField::Name,
            Self::Expression(_) => DraftField::Expression,
            Self::TimeZone => DraftField::TimeZone,
            Self::Job { .. } => DraftField::Job,
            Self::Args(_) => DraftField::Args,
            Self::CatchUp => DraftField::CatchUp,
            Self::Jitter => DraftField::Jitter,
        }
    }
}

impl DraftField {
    /// As it is named in forms, in JSON and, with dashes, on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Expression => "expression",
            Self::TimeZone => "time_zone",
            Self::Job => "job",
            Self::Args => "args",
            Self::CatchUp => "catch_up",
            Self::Jitter => "jitter",
        }
    }
}

/// Everything that is wrong with a draft.
#[derive(Debug)]
pub struct Mistakes(pub Vec<Mistake>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, mistake) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}: {mistake}", mistake.field().as_str())?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

impl Mistakes {
    /// The same for somebody who only asks when it would tick: what is left empty, but for that, may still come.
    #[must_use]
    pub fn without_what_may_come(self, draft: &Draft) -> Self {
        let is_empty = |text: &str| text.trim().is_empty();
        let may_come = |mistake: &Mistake| match mistake.field() {
            DraftField::Name => is_empty(&draft.name),
            DraftField::Job => is_empty(&draft.job),
            _ => false,
        };
        Self(self.0.into_iter().filter(|mistake| !may_come(mistake)).collect())
    }
}

impl Draft {
    /// When it would tick, as far as that can be read.
    #[must_use]
    pub fn calendar(&self) -> Option<Calendar> {
        Some(Calendar { expression: Expression::parse(&self.expression).ok()?, zone: self.time_zone.trim().parse().ok()? })
    }

    /// The schedule that it describes, its arguments as the job itself would write them.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the fields.
    pub fn check(&self, catalogue: &dyn Catalogue) -> Result<Schedule, Mistakes> {
        let mut mistakes = Vec::new();
        let mut wrong = |mistake| mistakes.push(mistake);
        let name = self.name.trim();
        if !is_name(name) {
            wrong(Mistake::Name);
        }
        let expression = Expression::parse(&self.expression).map_err(|error| wrong(Mistake::Expression(error))).ok();
        let zone = self.time_zone.trim().parse::<chrono_tz::Tz>().map_err(|_| wrong(Mistake::TimeZone)).ok();
        let job = self.job.trim();
        let args = match self.args.trim() {
            "" => "{}",
            args => args,
        };
        let args = match catalogue.check_args(job, args) {
            Ok(args) => Some(args),
            Err(ByNameError::UnknownName { known, .. }) => {
                wrong(Mistake::Job { known });
                None
            }
            Err(error) => {
                wrong(Mistake::Args(say(&error)));
                None
            }
        };
        let catch_up = self.catch_up.trim().parse::<CatchUp>().map_err(|_| wrong(Mistake::CatchUp)).ok();
        let jitter = match self.jitter.trim() {
            "" | "0" => Some(Duration::ZERO),
            text => read_span(text).filter(|jitter| *jitter <= LONGEST_JITTER),
        };
        if jitter.is_none() {
            wrong(Mistake::Jitter);
        }
        match (expression, zone, args, catch_up, jitter) {
            (Some(expression), Some(zone), Some(args), Some(catch_up), Some(jitter)) if mistakes.is_empty() => Ok(Schedule {
                name: name.to_owned(),
                calendar: Calendar { expression, zone },
                catch_up,
                jitter,
                job: job.to_owned(),
                args,
            }),
            _ => Err(Mistakes(mistakes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_told_at_once() {
        let draft = Draft { name: "Bad name".into(), expression: "0 0 30 2 *".into(), args: "[1]".into(), ..Draft::default() };
        let mistakes = draft.check(&jobs::catalogue()).expect_err("mistakes").0;
        let fields: Vec<&str> = mistakes.iter().map(|mistake| mistake.field().as_str()).collect();
        assert_eq!(fields, ["name", "expression", "time_zone", "job", "catch_up"]);
    }

    #[test]
    fn arguments_are_those_of_the_job() {
        let draft = |args: &str| Draft {
            name: "letters".into(),
            expression: "0 9 * * 1-5".into(),
            time_zone: "America/Bogota".into(),
            job: "welcome_learner".into(),
            args: args.into(),
            catch_up: "all:6h".into(),
            jitter: "90s".into(),
        };
        let good = draft(r#" {"resend": 2, "user_id": 7} "#).check(&jobs::catalogue()).expect("a schedule");
        assert_eq!(good.args, r#"{"user_id":7,"resend":2}"#, "in the job's own order");
        let wrong = draft(r#"{"resend": 2}"#).check(&jobs::catalogue()).expect_err("a mistake").to_string();
        assert!(wrong.starts_with("args: the arguments of welcome_learner are not valid: missing field `user_id`"), "{wrong}");
    }
}
