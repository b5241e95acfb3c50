//! The figures of the help desk's dashboard, each group made by one question and kept for its time. What a figure means is said on the page, and once: the
//! texts `dashboard-how-…`, and for promises the words of the reports (`jobs::reports`). They mean the same there, and tests compare the two.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Days, NaiveDate, Utc};
use chrono_tz::Tz;
use jobs::{
    accounts::user::{User, UserId},
    reports::kind::{Kind, Scope},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sqlx::{PgConnection, PgPool};

use crate::{
    app::App,
    flights::Wanted,
    problem::{Doing as _, Problem},
};

/// The shape of what is kept: rises with each change of it, so that two versions of the web may share a cache.
const SHAPE: &str = "v2";
const FIVE_MINUTES: Duration = Duration::from_secs(300);
const FIFTEEN_MINUTES: Duration = Duration::from_secs(900);

/// Whose tickets, and which days.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    first: NaiveDate,
    last: NaiveDate,
    zone: Tz,
    /// Only what this person sees to; none: everybody's.
    pub(crate) agent: Option<UserId>,
}

impl Asked {
    /// What that person is shown of so many days that end today, by their own clock: as much as they may have in a report.
    ///
    /// # Errors
    /// [`Problem::Forbidden`]: nothing.
    pub(crate) fn by(person: &User, days: u64, now: DateTime<Utc>) -> Result<Self, Problem> {
        let agent = match Kind::Sla.scope_of(person.role).ok_or(Problem::Forbidden)? {
            Scope::Everything => None,
            Scope::Own => Some(person.id),
        };
        // As in reports, a zone that nobody knows counts as UTC.
        let zone: Tz = person.time_zone.parse().unwrap_or_default();
        let last = now.with_timezone(&zone).date_naive();
        Ok(Self { first: last - Days::new(days.saturating_sub(1)), last, zone, agent })
    }

    /// All that tells it from another.
    fn key(&self) -> String {
        let agent = self.agent.map_or_else(|| "all".to_owned(), |agent| agent.to_string());
        format!("{SHAPE}:{}:{}:{}:{agent}", self.first, self.last, self.zone.name())
    }
}

/// Figures, all of one moment.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Made<T> {
    pub(crate) at: DateTime<Utc>,
    pub(crate) figures: T,
}

/// A group of figures.
pub(crate) trait Figures: Serialize + DeserializeOwned + Send + 'static {
    /// A word for keys and metrics.
    const NAME: &'static str;
    /// How long they are kept.
    const KEEP: Duration;

    /// Asks for them.
    fn ask(tx: &mut PgConnection, asked: &Asked) -> impl Future<Output = sqlx::Result<Self>> + Send;
}

/// What has become of a promise, of tickets of one priority.
#[derive(Debug, Clone, Default, PartialEq, Eq, sqlx::FromRow, Serialize, Deserialize)]
pub(crate) struct Promises {
    pub(crate) promise: String,
    pub(crate) priority: String,
    pub(crate) kept: i64,
    pub(crate) broken: i64,
    pub(crate) overdue: i64,
    pub(crate) near: i64,
}

/// How long tickets of one priority took, in seconds; of no priority: all.
#[derive(Debug, Clone, Default, sqlx::FromRow, Serialize, Deserialize)]
pub(crate) struct Times {
    pub(crate) priority: Option<String>,
    pub(crate) answered: i64,
    pub(crate) answer_mean_s: Option<i64>,
    pub(crate) answer_median_s: Option<i64>,
    pub(crate) answer_p90_s: Option<i64>,
    pub(crate) resolved: i64,
    pub(crate) solution_mean_s: Option<i64>,
    pub(crate) solution_median_s: Option<i64>,
    pub(crate) solution_p90_s: Option<i64>,
}

/// What the charts show.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Volumes {
    pub(crate) days: Vec<Day>,
    pub(crate) backlog: Vec<Backlog>,
}

/// What a day brought, took and left.
#[derive(Debug, sqlx::FromRow, Serialize, Deserialize)]
pub(crate) struct Day {
    pub(crate) day: NaiveDate,
    pub(crate) opened: i64,
    pub(crate) resolved: i64,
    pub(crate) left_open: i64,
}

/// Tickets that are not resolved.
#[derive(Debug, sqlx::FromRow, Serialize, Deserialize)]
pub(crate) struct Backlog {
    pub(crate) status: String,
    pub(crate) priority: String,
    /// 0 to 4; the question says what they are.
    pub(crate) age: i32,
    pub(crate) tickets: i64,
}

impl Figures for Vec<Promises> {
    const NAME: &'static str = "promises";
    const KEEP: Duration = FIVE_MINUTES;

    async fn ask(tx: &mut PgConnection, asked: &Asked) -> sqlx::Result<Self> {
        of_period(include_str!("desk_figures/promises.sql"), asked).fetch_all(tx).await
    }
}

impl Figures for Vec<Times> {
    const NAME: &'static str = "times";
    const KEEP: Duration = FIVE_MINUTES;

    async fn ask(tx: &mut PgConnection, asked: &Asked) -> sqlx::Result<Self> {
        of_period(include_str!("desk_figures/times.sql"), asked).fetch_all(tx).await
    }
}

impl Figures for Volumes {
    const NAME: &'static str = "volumes";
    const KEEP: Duration = FIFTEEN_MINUTES;

    async fn ask(tx: &mut PgConnection, asked: &Asked) -> sqlx::Result<Self> {
        let days = of_period(include_str!("desk_figures/days.sql"), asked).fetch_all(&mut *tx).await?;
        let backlog = sqlx::query_as(include_str!("desk_figures/backlog.sql")).bind(asked.agent).fetch_all(tx).await?;
        Ok(Self { days, backlog })
    }
}

fn of_period<'q, T>(sql: &'static str, asked: &Asked) -> sqlx::query::QueryAs<'q, sqlx::Postgres, T, sqlx::postgres::PgArguments>
where
    T: for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>,
{
    sqlx::query_as(sql).bind(asked.first).bind(asked.last).bind(asked.zone.name()).bind(asked.agent)
}

/// How many transactions have changed what figures are made of, whoever made them: figures that were made when there were fewer count no more.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Generation(i64);

impl Generation {
    /// As it is now.
    ///
    /// # Errors
    /// Postgres is away.
    pub(crate) async fn of_now(app: &App) -> Result<Self, Problem> {
        sqlx::query_scalar("select desk.generation()")
            .fetch_one(&app.db)
            .await
            .map(Self)
            .doing("asking whether tickets have changed")
    }
}

/// The figures, kept or new. Nothing: there are none in time, and who asks again may have them.
///
/// # Errors
/// Postgres is away, or the fault is ours.
pub(crate) async fn read<F: Figures>(app: &App, asked: &Asked, generation: Generation) -> Result<Option<Made<F>>, Problem> {
    let wanted = Wanted { name: F::NAME, of: asked.key(), generation: generation.0, keep: F::KEEP };
    let landed = app.desk_figures.get(wanted, || make::<F>(app.db.clone(), asked.clone())).await;
    let landed = match landed {
        Ok(text) => match serde_json::from_str(&text) {
            Ok(made) => return Ok(Some(made)),
            // Somebody else's bytes under our key: until they run out, each reader has figures of their own.
            Err(error) => {
                tracing::warn!(%error, figures = F::NAME, "what the cache has kept are no figures");
                make::<F>(app.db.clone(), asked.clone()).await.map_err(Arc::new)
            }
        },
        Err(problem) => Err(problem),
    };
    let problem = match landed {
        Ok(text) => {
            let read = serde_json::from_str(&text).map(Some);
            return read.map_err(|error| Problem::Internal(anyhow::Error::from(error).context("reading figures")));
        }
        Err(problem) => problem,
    };
    match &*problem {
        Problem::TooSlow | Problem::Busy => {
            tracing::warn!(figures = F::NAME, "the dashboard's figures were not there in time");
            Ok(None)
        }
        // Each of those who waited for it has the problem for themselves.
        Problem::Unavailable(error) => Err(Problem::Unavailable(anyhow::anyhow!("{error:#}"))),
        Problem::Internal(error) => Err(Problem::Internal(anyhow::anyhow!("{error:#}"))),
        other => Err(Problem::Internal(anyhow::anyhow!("making figures: {other:?}"))),
    }
}

async fn make<F: Figures>(db: PgPool, asked: Asked) -> Result<String, Problem> {
    let made = async {
        // All that a group says is of one moment.
        let mut tx = db.begin_with("begin isolation level repeatable read").await?;
        let at = sqlx::query_scalar("select now() from set_config('jit', 'off', true)").fetch_one(&mut *tx).await?;
        let figures = F::ask(&mut tx, &asked).await?;
        tx.commit().await?;
        Ok(Made { at, figures })
    };
    let made: Made<F> = match made.await {
        // The statement's time was over, or it has waited in vain for a lock: that of whoever changes the tables, for nobody else is in its way.
        Err(sqlx::Error::Database(error)) if error.code().is_some_and(|code| code == "57014" || code == "55P03") => {
            return Err(Problem::TooSlow);
        }
        made => made.doing("making the dashboard's figures")?,
    };
    serde_json::to_string(&made).map_err(|error| Problem::Internal(anyhow::Error::from(error).context("writing figures")))
}

#[cfg(test)]
mod tests {
    use jobs::accounts::{email_address::EmailAddress, full_name::FullName, locale::Locale, role::Role};

    use super::*;

    fn person(role: Role, time_zone: &str) -> User {
        User {
            id: UserId(7),
            email: EmailAddress::parse("ana@correo.example").expect("an address"),
            full_name: FullName::parse("Ana Ñáñez").expect("a name"),
            role,
            locale: Locale::Es,
            time_zone: time_zone.to_owned(),
            email_verified_at: None,
            disabled_at: None,
            created_at: Utc::now(),
        }
    }

    #[test]
    fn who_may_not_have_it_in_a_report_is_not_shown_it_here() {
        let now = "2026-03-29T23:30:00Z".parse().expect("a moment");
        let whose = |role| Asked::by(&person(role, "UTC"), 7, now).map(|asked| asked.agent);
        assert!(matches!(whose(Role::Manager), Ok(None)) && matches!(whose(Role::Admin), Ok(None)));
        assert!(matches!(whose(Role::Agent), Ok(Some(UserId(7)))));
        for role in [Role::Learner, Role::Instructor, Role::Client, Role::Operator] {
            assert!(matches!(whose(role), Err(Problem::Forbidden)), "{role}");
        }
    }

    #[test]
    fn a_period_ends_today_by_the_readers_clock() {
        let now = "2026-03-29T23:30:00Z".parse().expect("a moment");
        let named = |zone: &str, days| Asked::by(&person(Role::Agent, zone), days, now).expect("figures").key();
        assert_eq!(named("Europe/Madrid", 7), "v2:2026-03-24:2026-03-30:Europe/Madrid:7");
        assert_eq!(named("America/Bogota", 30), "v2:2026-02-28:2026-03-29:America/Bogota:7");
        assert_eq!(named("Nowhere/Land", 1), "v2:2026-03-29:2026-03-29:UTC:7");
    }
}
