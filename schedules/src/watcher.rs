//! Watches that schedules fire. It runs in every worker and in the web, apart from the ticker: that may be what is broken.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use queue::{Outage, bounded, post_notice};
use sqlx::PgPool;
use tracing::error;

use crate::{row::seconds, settle::ON_TIME};

const EVERY: Duration = Duration::from_secs(5);

/// Says in a notice which schedules have not fired when they should have, and takes it back when they have, for as long as it is polled.
pub async fn watch(db: PgPool, mut outage: Outage) {
    loop {
        match bounded(look(&db)).await {
            Ok(()) => outage.over(),
            Err(error) => {
                outage.failed(&error);
                // What is not known is not called zero.
                publish(f64::NAN, f64::NAN);
            }
        }
        tokio::time::sleep(EVERY).await;
        // The look has all of its time, and is not taken for a hang because of the pause before it.
        outage.waits();
    }
}

#[derive(Debug, sqlx::FromRow)]
struct Overdue {
    name: String,
    job: String,
    next_at: Option<DateTime<Utc>>,
    jitter_s: i32,
    refused: Option<String>,
    now: DateTime<Utc>,
}

impl Overdue {
    fn late(&self) -> Option<Duration> {
        let late = self.now - self.next_at?;
        late.to_std().ok().filter(|_| late > lateness_allowed(seconds(self.jitter_s)))
    }
}

async fn look(db: &PgPool) -> sqlx::Result<()> {
    let overdue: Vec<Overdue> = sqlx::query_as(include_str!("sql/overdue.sql")).bind(ON_TIME.as_secs_f64()).fetch_all(db).await?;
    let late: Vec<Duration> = overdue.iter().filter_map(Overdue::late).collect();
    publish(late.len() as f64, late.iter().max().map_or(0.0, Duration::as_secs_f64));

    let mut standing = Vec::new();
    for schedule in &overdue {
        let Overdue { name, job, .. } = schedule;
        if let (Some(late), Some(due)) = (schedule.late(), schedule.next_at) {
            let (due, late_s) = (due.to_rfc3339_opts(SecondsFormat::Secs, true), late.as_secs());
            let message = format!(
                "El horario {name} no se ha disparado: su tick de {due} lleva {late_s} s de retraso. ¿Hay algún worker en marcha que \
                 conozca el trabajo {job}? / The schedule {name} has not fired: its tick of {due} is {late_s} s late. Is a worker running \
                 that knows the job {job}?"
            );
            standing.push((late_key(name), message));
        }
        if let Some(why) = &schedule.refused {
            let message = format!(
                "El horario {name} no puede encolar su trabajo {job}: {why} / The schedule {name} cannot enqueue its job {job}: {why}"
            );
            standing.push((refused_key(name), message));
        }
    }
    let keys: Vec<&str> = standing.iter().map(|(key, _)| &**key).collect();
    let known: Vec<String> = sqlx::query_scalar(include_str!("sql/end_notices.sql")).bind(&keys).fetch_all(db).await?;
    for (key, message) in &standing {
        if !known.contains(key) {
            error!(key, "{message}");
        }
        post_notice(db, key, message).await?;
    }
    Ok(())
}

fn publish(how_many: f64, longest_s: f64) {
    metrics::gauge!("faena_schedules_late").set(how_many);
    metrics::gauge!("faena_schedule_late_seconds").set(longest_s);
}

/// A tick may be this much behind its instant before anybody is told.
pub(crate) fn lateness_allowed(jitter: Duration) -> TimeDelta {
    TimeDelta::from_std(ON_TIME + jitter).unwrap_or(TimeDelta::MAX)
}

/// How the key of the notice about a late schedule begins; its name follows.
pub const LATE_KEY: &str = "schedule_late:";

pub(crate) fn late_key(schedule: &str) -> String {
    format!("{LATE_KEY}{schedule}")
}

pub(crate) fn refused_key(schedule: &str) -> String {
    format!("schedule_refused:{schedule}")
}
