//! What operators change of jobs that do not run, and what they have the ledger forget.

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use sqlx::{PgConnection, postgres::PgDatabaseError};

use crate::{
    batch,
    commands::{CommandError, CommandOutcome, close_command, write_command},
    event::is_storable_json,
    job::JobId,
    lanes::lanes,
    operations::{Operations, State},
    store::Cancelled,
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
    /// Changes a promised job that does not run. One that waits goes on waiting, for its new time if it was given one; one that is dead or
    /// cancelled is promised anew, with a fresh budget of attempts. It keeps its id and what follows it. Either everything is as it was, or it has changed:
    /// no attempt sees a mixture. A push that left a dying relay more than a moment ago and reaches Redis only now would bring the old job.
    ///
    /// # Errors
    /// There is no such job, it runs or has completed, it was pushed directly, what it would be changed to is refused, or a store did not answer.
    pub async fn edit(&self, id: JobId, edit: &Edit, actor: &str) -> Result<CommandOutcome, CommandError> {
        let wrong_state = |state: State| CommandError::WrongState { id, verb: "edited", state: state.to_string() };
        if edit.args.as_ref().is_some_and(|args| !is_storable_json(args.get())) {
            let reason = "hold what Postgres cannot store: a NUL, a lone surrogate or an absurd number".to_owned();
            return Err(CommandError::Refused { field: "args".to_owned(), reason });
        }
        let state = self.state_of(id).await?;
        let mut tx = self.db.begin().await?;
        let outcome = match state {
            State::Running | State::Completed => return Err(wrong_state(state)),
            State::Dead | State::Cancelled => {
                let decodable: Option<bool> =
                    sqlx::query_scalar("select args is not null from faena.jobs where id = $1 for update")
                        .bind(id)
                        .fetch_optional(&mut *tx)
                        .await?;
                match decodable {
                    Some(true) => {}
                    Some(false) => return Err(CommandError::Undecodable(id)),
                    None => return Err(CommandError::WrongState { id, verb: "edited", state: "live again already".to_owned() }),
                }
                sqlx::query(include_str!("sql/promise_again.sql")).bind(id).execute(&mut *tx).await?;
                batch::reopen(&mut tx, id).await?;
                change(&mut tx, id, edit).await?;
                CommandOutcome::EnqueuedAgain
            }
            _ => {
                let is_promised = sqlx::query("select from faena.outbox where id = $1 for update").bind(id);
                if is_promised.fetch_optional(&mut *tx).await?.is_none() {
                    return Err(CommandError::NotPromised(id));
                }
                // Refused before anything is touched. The relay and reconcile wait for the row.
                change(&mut tx, id, edit).await?;
                self.take_back(&mut tx, id).await?;
                CommandOutcome::Edited
            }
        };
        let command = write_command(&mut tx, id, "edit", actor).await?;
        close_command(&mut tx, command, outcome.as_str()).await?;
        tx.commit().await?;
        Ok(outcome)
    }

    /// Takes a promised job out of Redis, if it is there. Should the transaction not end well, reconcile puts it back as it was.
    async fn take_back(&self, tx: &mut PgConnection, id: JobId) -> Result<(), CommandError> {
        for lane in lanes(&mut *tx).await? {
            match self.store.withdraw(lane, &id.to_string()).await.map_err(crate::operations::OperationsError::from)? {
                (Cancelled::Unknown, _) => {}
                (Cancelled::Now, used) => {
                    sqlx::query("update faena.outbox set attempts_before = attempts_before + $2 where id = $1")
                        .bind(id)
                        .bind(i32::try_from(used).unwrap_or(i32::MAX))
                        .execute(tx)
                        .await?;
                    return Ok(());
                }
                (Cancelled::Asked, _) => {
                    return Err(CommandError::WrongState { id, verb: "edited", state: State::Running.to_string() });
                }
                (Cancelled::TooLate, _) => {
                    return Err(CommandError::WrongState { id, verb: "edited", state: "over, but for its record".to_owned() });
                }
            }
        }
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
        // What Redis remembers, it would tell once more.
        if self.unknown_to_redis(vec![id]).await?.is_empty() {
            return Err(wrong_state("over, but for its record".to_owned()));
        }
        let mut tx = self.db.begin().await?;
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
