//! Fires ticks. Every worker does; a tick is a row that only one of them can insert.

use std::time::Duration;

use chrono::{DateTime, Utc};
use queue::{EnqueueError, Enqueued};
use sqlx::PgPool;
use tracing::{info, warn};

use crate::Schedule;

const EVERY: Duration = Duration::from_secs(1);

/// Fires what is due, each second, for as long as it is polled. An outage of Postgres delays ticks and loses none that its
/// schedule wants caught up.
pub async fn tick(db: PgPool, schedules: Vec<Schedule>) {
    let mut failing = false;
    loop {
        match fire_due(&db, &schedules).await {
            Ok(()) => failing = false,
            Err(error) => {
                if !failing {
                    warn!(%error, "ticks cannot be fired; trying again");
                }
                failing = true;
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn fire_due(db: &PgPool, schedules: &[Schedule]) -> Result<(), EnqueueError> {
    let names: Vec<&str> = schedules.iter().map(|schedule| schedule.name).collect();
    // Postgres's clock decides, so that workers whose clocks differ agree.
    let last: Vec<(String, DateTime<Utc>, DateTime<Utc>)> =
        sqlx::query_as(include_str!("sql/last_ticks.sql")).bind(&names).fetch_all(db).await?;
    for schedule in schedules {
        let Some((_, last, now)) = last.iter().find(|(name, ..)| name == schedule.name) else {
            sqlx::query("insert into faena.schedules (name) values ($1) on conflict do nothing")
                .bind(schedule.name)
                .execute(db)
                .await?;
            continue;
        };
        if let Some(tick) = schedule.due(*last, *now) {
            fire(db, schedule, tick, *now).await?;
        }
    }
    Ok(())
}

async fn fire(db: &PgPool, schedule: &Schedule, tick: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), EnqueueError> {
    let mut tx = db.begin().await?;
    let inserted =
        sqlx::query("insert into faena.schedule_ticks (schedule, tick, job_id) values ($1, $2, $3) on conflict do nothing")
            .bind(schedule.name)
            .bind(tick)
            .bind(schedule.job_id(tick))
            .execute(&mut *tx)
            .await?;
    if inserted.rows_affected() == 1 {
        let Enqueued { id: job, duplicate_of } = schedule.enqueue(&mut tx, tick).await?;
        tx.commit().await?;
        let duplicate_of = duplicate_of.map(tracing::field::display);
        info!(schedule = schedule.name, %tick, %job, duplicate_of, late_s = (now - tick).num_seconds(), "ticked");
    }
    Ok(())
}
