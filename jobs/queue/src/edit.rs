//! What operators change of jobs that do not run, and what they have the ledger forget.

use std::time::Duration;

use chrono::{DateTime, Utc};
use redis::aio::MultiplexedConnection;
use serde_json::value::RawValue;
use sqlx::{PgConnection, postgres::PgDatabaseError};
use tracing::warn;

use crate::{
    batch,
    commands::{CommandError, CommandOutcome, PATIENCE, close_command, hold_effect, write_command},
    envelope::Durability,
    event::is_storable_json,
    job::JobId,
    lane::Lane,
    live::ensure_epoch,
    operations::{JobDetail, JobSummary, Operations, OperationsError, State},
    recall::recall_edited,
    store::{Cancelled, StoreError, Withdrawn},
};

/// What is to be changed of a job. What is `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct Edit {
    /// Its arguments, whole. They are judged by the published schema of its kind, as whoever enqueues is.
    pub args: Option<Box<RawValue>>,
    /// Not before this time; a time that has passed: at once.
    pub run_at: Option<DateTime<Utc>>,
}

impl Operations {
    /// Changes a promised job that does not run. One that waits goes on waiting, behind the others, for its new time if it was given one, and with a fresh budget of attempts; one that is dead or
    /// cancelled is promised anew, with a fresh budget of attempts. It keeps its id and what follows it. Either everything is as it was, or it has changed:
    /// no attempt sees a mixture, and none that began before has an effect any more. A push that left a dying relay more than a moment ago and reaches
    /// Redis only now would bring the old job.
    ///
    /// # Errors
    /// There is no such job, it runs or has completed, it was pushed directly, what it would be changed to is refused, or a store did not answer.
    pub async fn edit(&self, id: JobId, edit: &Edit, actor: &str) -> Result<CommandOutcome, CommandError> {
        let wrong_state = |state: State| CommandError::WrongState { id, verb: "edited", state: state.to_string() };
        if edit.args.as_ref().is_some_and(|args| !is_storable_json(args.get())) {
            let reason = "hold what Postgres cannot store: a NUL, a lone surrogate or an absurd number".to_owned();
            return Err(CommandError::Refused { field: "args".to_owned(), reason });
        }
        let JobDetail { summary: JobSummary { state, lane, .. }, durability, .. } =
            self.job(id).await?.ok_or(CommandError::NoSuchJob(id))?;
        match state {
            State::Running | State::Completed => return Err(wrong_state(state)),
            State::Dead | State::Cancelled => {}
            _ if edit.args.is_none() && edit.run_at.is_none() => {
                // It would lose its place in line, for nothing.
                return Err(CommandError::Refused { field: "args".to_owned(), reason: "nothing is different".to_owned() });
            }
            _ if durability != Durability::Outbox.as_str() => return Err(CommandError::NotPromised(id)),
            _ => {}
        }
        // Looked at over the connection that takes the job back: what that Redis says of fences holds.
        let mut redis = self.store.blocking_connection(Duration::ZERO).await.map_err(OperationsError::from)?;
        ensure_epoch(&self.store, &self.db, lane, &mut redis).await.map_err(OperationsError::from)?;
        let mut tx = self.db.begin().await?;
        sqlx::query(PATIENCE).execute(&mut *tx).await?;
        if state.is_ended() {
            let decodable: Option<bool> = sqlx::query_scalar("select args is not null from faena.jobs where id = $1 for update")
                .bind(id)
                .fetch_optional(&mut *tx)
                .await?;
            match decodable {
                Some(true) => {}
                Some(false) => return Err(CommandError::Undecodable(id)),
                None => return Err(CommandError::WrongState { id, verb: "edited", state: "live again already".to_owned() }),
            }
            batch::reopen(&mut tx, id).await?;
            sqlx::query(include_str!("sql/promise_again.sql")).bind(id).execute(&mut *tx).await?;
        }
        // One that was promised anew just now nobody else can see yet, nor wait for. Relay and reconcile wait for the promise.
        let is_done = hold_effect(&mut tx, id).await?;
        let promise = sqlx::query("select from faena.outbox where id = $1 for update").bind(id);
        if promise.fetch_optional(&mut *tx).await?.is_none() {
            return Err(CommandError::NotPromised(id));
        }
        if is_done {
            return Err(over_but_for_its_record(id, "edited"));
        }
        // Refused before anything is touched.
        change(&mut tx, id, edit).await?;
        self.take_back(&mut tx, &mut redis, (id, state, lane)).await?;
        let outcome = if state.is_ended() { CommandOutcome::EnqueuedAgain } else { CommandOutcome::Edited };
        let command = write_command(&mut tx, id, "edit", actor).await?;
        close_command(&mut tx, command, outcome.as_str()).await?;
        tx.commit().await?;
        // A Redis that came back meanwhile, without its last words, was looked through before this could be seen.
        if self.store.life(&mut redis, lane).await.is_err()
            && let Ok(mut redis) = self.store.blocking_connection(Duration::ZERO).await
            && let Err(error) = recall_edited(&self.store, &self.db, lane, &mut redis).await
        {
            warn!(job = %id, %error, "whether Redis has brought back the job as it was could not be seen");
        }
        Ok(outcome)
    }

    /// Takes a promised job out of Redis, if it is there, and its effect from every delivery so far: one may run of which Redis knows nothing any more.
    /// Should the transaction not end well, reconcile puts it back as it was.
    async fn take_back(
        &self,
        tx: &mut PgConnection,
        redis: &mut MultiplexedConnection,
        (id, state, lane): (JobId, State, Lane),
    ) -> Result<(), CommandError> {
        let withdrawn = self.store.withdraw(redis, lane, &id.to_string(), false).await.map_err(OperationsError::from)?;
        let Withdrawn { was, used, epoch, fence } = withdrawn;
        if epoch == 0 {
            // Wiped since it was looked at.
            return Err(OperationsError::from(StoreError::another_life()).into());
        }
        let used = match was {
            Cancelled::Asked => return Err(CommandError::WrongState { id, verb: "edited", state: State::Running.to_string() }),
            // Of a job that is over in the ledger Redis forgets the end in a moment, and then reconcile sees to it.
            Cancelled::TooLate if !state.is_ended() => return Err(over_but_for_its_record(id, "edited")),
            Cancelled::Now if !state.is_ended() => used,
            _ => 0,
        };
        sqlx::query(
            "update faena.outbox set attempts_before = attempts_before + $2, edited_at = clock_timestamp() where id = $1",
        )
        .bind(id)
        .bind(i32::try_from(used).unwrap_or(i32::MAX))
        .execute(&mut *tx)
        .await?;
        sqlx::query("update faena.effects set epoch = $2, fence = $3 where job_id = $1 and (epoch, fence) <= ($2, $3)")
            .bind(id)
            .bind(epoch)
            .bind(fence)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Has the ledger forget a job that is over, with its arguments and attempts: they may hold what nobody may keep. That it was deleted, and by whom, stays,
    /// and so does its effect row until it is old: nothing that comes late has a second effect.
    ///
    /// # Errors
    /// There is no such job, it is not over, or a store did not answer.
    pub async fn delete(&self, id: JobId, actor: &str) -> Result<CommandOutcome, CommandError> {
        let state = self.state_of(id).await?;
        let wrong_state = |state: String| CommandError::WrongState { id, verb: "deleted", state };
        if !state.is_ended() {
            return Err(wrong_state(state.to_string()));
        }
        // What Redis remembers, it would tell once more. It forgets an end right after that was recorded.
        let mut looks = 0;
        while self.unknown_to_redis(vec![id]).await?.is_empty() {
            looks += 1;
            if looks == 10 {
                return Err(over_but_for_its_record(id, "deleted"));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let mut tx = self.db.begin().await?;
        sqlx::query(PATIENCE).execute(&mut *tx).await?;
        let gone = sqlx::query(include_str!("sql/delete_ended.sql")).bind(id).execute(&mut *tx).await?.rows_affected();
        if gone == 0 {
            return Err(wrong_state("live again already".to_owned()));
        }
        let command = write_command(&mut tx, id, "delete", actor).await?;
        close_command(&mut tx, command, CommandOutcome::Deleted.as_str()).await?;
        tx.commit().await?;
        Ok(CommandOutcome::Deleted)
    }
}

/// Its end has come, and does not stand in the ledger yet.
fn over_but_for_its_record(id: JobId, verb: &'static str) -> CommandError {
    CommandError::WrongState { id, verb, state: "over, but for its record".to_owned() }
}

async fn change(tx: &mut PgConnection, id: JobId, edit: &Edit) -> Result<(), CommandError> {
    let changed = sqlx::query("select faena.edit($1, $2::jsonb, $3)")
        .bind(id)
        .bind(edit.args.as_ref().map(|args| args.get()))
        .bind(edit.run_at)
        .execute(tx)
        .await;
    match changed {
        Ok(_) => Ok(()),
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(REFUSED) => {
            // The message says job and field before the reason, for those who see nothing else.
            let said = error.downcast_ref::<PgDatabaseError>();
            let field = said.column().unwrap_or_default();
            let rest = said.message().split_once(": ").map_or(said.message(), |(_, rest)| rest);
            let reason = rest.strip_prefix(field).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(rest).to_owned();
            let field = if field.is_empty() || field.starts_with('/') { format!("args{field}") } else { field.to_owned() };
            Err(CommandError::Refused { field, reason })
        }
        Err(error) => Err(error.into()),
    }
}

/// What `faena.refuse` raises.
const REFUSED: &str = "22023";
