//! Writes the program's own schedules into their rows when a worker starts, so that every worker fires them alike and operators find them
//! beside those that were made at run time. Where binaries of two versions run side by side, the one that started last has said it.

use queue::post_notice;
use sqlx::PgPool;
use tracing::{info, warn};

use crate::{
    Schedule,
    row::{CODE, CREATE, EDIT, lock, write},
    settle::Reason,
};

pub(crate) async fn register(db: &PgPool, schedules: &[Schedule]) -> sqlx::Result<()> {
    for schedule in schedules {
        register_one(db, schedule).await?;
    }
    let names: Vec<&str> = schedules.iter().map(|schedule| &*schedule.name).collect();
    let gone: Vec<String> = sqlx::query_scalar(
        "select name from faena.schedules where source = 'code' and deleted_at is null and expression is not null and name <> all($1)",
    )
    .bind(&names)
    .fetch_all(db)
    .await?;
    for name in &gone {
        withdraw(db, name).await?;
    }
    Ok(())
}

async fn register_one(db: &PgPool, schedule: &Schedule) -> sqlx::Result<()> {
    let mut tx = db.begin().await?;
    let Some(row) = lock(&mut tx, &schedule.name).await? else {
        let now = sqlx::query_scalar("select clock_timestamp()").fetch_one(&mut *tx).await?;
        write(CREATE, schedule, CODE, now, CODE).fetch_optional(&mut *tx).await?;
        return tx.commit().await;
    };
    let is_there = row.deleted_at.is_none();
    if is_there && !row.is_of_code() {
        let message = format!(
            "the program has a schedule {0} of its own, which does not tick because {1} made another one under that name: delete or rename that one and restart a worker",
            row.name, row.created_by
        );
        warn!(schedule = row.name, "{message}");
        post_notice(&mut *tx, &format!("schedule_name_taken:{}", row.name), &message).await?;
        return tx.commit().await;
    }
    queue::clear_notice(&mut *tx, &format!("schedule_name_taken:{}", row.name)).await?;
    if is_there && row.expression.is_none() {
        // Nothing is given up: what an older worker has not fired is still to be caught up.
        write(EDIT, schedule, CODE, row.settled_to, CODE).fetch_optional(&mut *tx).await?;
    } else if !is_there {
        write(CREATE, schedule, CODE, row.now, CODE).fetch_optional(&mut *tx).await?;
    } else if !row.says(schedule) {
        row.give_up_undecided(&mut tx, Reason::Edited).await?;
        write(EDIT, schedule, CODE, row.decided(), CODE).fetch_optional(&mut *tx).await?;
        info!(schedule = row.name, "a schedule of the program has changed");
    }
    tx.commit().await
}

/// The program has it no more.
async fn withdraw(db: &PgPool, name: &str) -> sqlx::Result<()> {
    let mut tx = db.begin().await?;
    if let Some(row) = lock(&mut tx, name).await?.filter(|row| row.deleted_at.is_none() && row.is_of_code()) {
        row.give_up_undecided(&mut tx, Reason::Deleted).await?;
        crate::operations::mark_deleted(&mut tx, &row, CODE).await?;
        info!(schedule = name, "a schedule is in the program no more");
    }
    tx.commit().await
}
