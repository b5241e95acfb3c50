//! The morning's report of each manager: at nine by their own clock, about the day before, once.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use sqlx::PgConnection;

use super::{
    kind::{Format, Kind},
    report::{Asked, ReportError, ReportId, write},
    wish::{Params, Wish},
};
use crate::accounts::{locale::Locale, role::Role, user::UserId};

/// The hour, by each manager's clock.
const NINE: NaiveTime = match NaiveTime::from_hms_opt(9, 0, 0) {
    Some(nine) => nine,
    None => NaiveTime::MIN,
};
/// A morning that is longer over than this is let go: the next one is near.
const CATCHES_UP: TimeDelta = TimeDelta::hours(12);
/// What is made later than this says so. Mornings are looked for every quarter of an hour.
pub(super) const LATE_AFTER: TimeDelta = TimeDelta::minutes(15);
/// Whoever looks for mornings does so alone: Postgres's advisory lock, by a number of our own.
const LOCK: i64 = 0xda11_0900;

/// What the letter says: the columns of the report, and what they are called in it.
pub(super) const FIGURES: [(&str, &str, &str); 9] = [
    ("opened", "Solicitudes abiertas", "Tickets opened"),
    ("answered", "Respondidas por primera vez", "First answered"),
    ("resolved", "Resueltas", "Resolved"),
    ("open", "Sin resolver al final del día", "Open at the end of the day"),
    ("kept", "Plazos cumplidos", "Deadlines met"),
    ("broken", "Plazos incumplidos", "Deadlines missed"),
    ("share", "Cumplimiento", "Compliance"),
    ("answer_mean", "Primera respuesta, media", "First answer, mean"),
    ("solution_mean", "Solución, media (MTTR)", "Resolution, mean (MTTR)"),
];

#[derive(Debug, sqlx::FromRow)]
struct Manager {
    id: UserId,
    role: Role,
    locale: Locale,
    time_zone: String,
    created_at: DateTime<Utc>,
}

/// Promises the reports of all mornings that have come by `at` and are not longer over than twelve hours. Any number of callers promise each once.
///
/// # Errors
/// Nothing may be kept of the transaction.
pub async fn promise(tx: &mut PgConnection, at: DateTime<Utc>) -> Result<Vec<ReportId>, ReportError> {
    sqlx::query("select pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *tx).await?;
    let managers: Vec<Manager> = sqlx::query_as(
        "select id, role, locale, time_zone, created_at from core.users
         where role = 'manager' and disabled_at is null and email_verified_at is not null order by id",
    )
    .fetch_all(&mut *tx)
    .await?;
    let mut promised = Vec::new();
    for manager in managers {
        let (zone, nine, day) = morning(&manager.time_zone, at);
        let is_due = nine <= at && at - nine < CATCHES_UP && manager.created_at <= nine;
        let Some(scope) = Kind::Daily.scope_of(manager.role).filter(|_| is_due) else { continue };
        let is_there: bool = sqlx::query_scalar("select exists (select from core.daily_reports where (user_id, day) = ($1, $2))")
            .bind(manager.id)
            .bind(day)
            .fetch_one(&mut *tx)
            .await?;
        if is_there {
            continue;
        }
        let before = day - Days::new(1);
        let wish = Wish {
            kind: Kind::Daily,
            format: Format::Pdf,
            params: Params { from: before, to: before, client: None },
            locale: manager.locale,
            time_zone: zone.name(),
        };
        if let Asked::New(report) = write(tx, manager.id, &wish, scope, Some(nine)).await? {
            sqlx::query("insert into core.daily_reports (user_id, day, report_id) values ($1, $2, $3)")
                .bind(manager.id)
                .bind(day)
                .bind(report)
                .execute(&mut *tx)
                .await?;
            promised.push(report);
        }
    }
    Ok(promised)
}

/// Nine o'clock of the day that it is there. A zone that nobody knows counts as UTC, as in letters.
fn morning(time_zone: &str, at: DateTime<Utc>) -> (Tz, DateTime<Utc>, NaiveDate) {
    let zone: Tz = time_zone.parse().unwrap_or_default();
    let day = at.with_timezone(&zone).date_naive();
    let nine = day.and_time(NINE);
    // No zone of today leaps over nine o'clock; where one did, the hour after it is meant, and of two the first.
    let nine =
        zone.from_local_datetime(&nine).earliest().or_else(|| zone.from_local_datetime(&(nine + TimeDelta::hours(1))).earliest());
    (zone, nine.map_or(at, |nine| nine.to_utc()), day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_is_nine_on_days_when_the_clock_is_changed_too() {
        let nine = |zone: &str, at: &str| {
            let (_, nine, day) = morning(zone, at.parse().expect("a moment"));
            (nine.to_rfc3339(), day.to_string())
        };
        // Madrid went from UTC+1 to UTC+2 at 01:00 UTC on 29 March 2026, and back on 25 October.
        assert_eq!(nine("Europe/Madrid", "2026-03-28T12:00:00Z"), ("2026-03-28T08:00:00+00:00".into(), "2026-03-28".into()));
        assert_eq!(nine("Europe/Madrid", "2026-03-29T00:30:00Z"), ("2026-03-29T07:00:00+00:00".into(), "2026-03-29".into()));
        assert_eq!(nine("Europe/Madrid", "2026-10-25T12:00:00Z"), ("2026-10-25T08:00:00+00:00".into(), "2026-10-25".into()));
        assert_eq!(nine("America/Bogota", "2026-03-29T03:00:00Z"), ("2026-03-28T14:00:00+00:00".into(), "2026-03-28".into()));
        assert_eq!(nine("Asia/Kathmandu", "2026-03-29T04:00:00Z"), ("2026-03-29T03:15:00+00:00".into(), "2026-03-29".into()));
        assert_eq!(nine("Nowhere/Land", "2026-03-29T04:00:00Z"), ("2026-03-29T09:00:00+00:00".into(), "2026-03-29".into()));
    }
}
