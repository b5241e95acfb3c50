//! An operator's commands: written first, then carried out, by the asker or by any worker later.

use std::time::Duration;

use sqlx::{PgConnection, PgPool, types::Json};

use crate::{
    batch,
    ends::{self, Ended},
    event::{Event, Outcome, storable},
    faults::crash_point,
    job::JobId,
    lane::Lane,
    lanes::lanes,
    loops::{Outage, bounded},
    operations::{Operations, OperationsError, State},
    store::{Cancelled, Store, StoreError},
    terms::Terms,
    unique,
};

const PAUSE: Duration = Duration::from_secs(1);

/// What came of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommandOutcome {
    /// A dead or cancelled job was promised anew, under the same id.
    EnqueuedAgain,
    /// A waiting job need not wait any more.
    MadeAvailable,
    /// The job was waiting and is over.
    Cancelled,
    /// The job runs; its worker is told within a second.
    CancelRequested,
    /// The command is written, and will be carried out when Redis can be reached.
    Pending,
    /// It waits with what was changed.
    Edited,
    /// The ledger has forgotten it.
    Deleted,
}

impl CommandOutcome {
    /// Its name in Postgres and pages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EnqueuedAgain => "enqueued_again",
            Self::MadeAvailable => "made_available",
            Self::Cancelled => "cancelled",
            Self::CancelRequested => "cancel_requested",
            Self::Pending => "pending",
            Self::Edited => "edited",
            Self::Deleted => "deleted",
        }
    }
}

/// Why a command was not accepted. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// Nobody knows a job of that id.
    #[error("there is no job {0}")]
    NoSuchJob(JobId),
    /// The job's state does not allow it.
    #[error("the job {id} cannot be {verb}: it is {state}")]
    WrongState {
        /// Which job.
        id: JobId,
        /// What was asked, as a participle.
        verb: &'static str,
        /// Where the job is.
        state: String,
    },
    /// Its arguments could never be decoded, so there is nothing to run again.
    #[error("the job {0} cannot be enqueued again: its arguments are not JSON")]
    Undecodable(JobId),
    /// It is unique, and another job already does what it asks for.
    #[error("the job {id} cannot be enqueued again: it would be a duplicate of {duplicate_of}")]
    Duplicate {
        /// Which job.
        id: JobId,
        /// The job that is wanted in its stead.
        duplicate_of: JobId,
    },
    /// It was pushed directly: nothing but Redis knows it, and what is there is never changed.
    #[error("the job {0} cannot be edited: it was pushed directly; cancel it and push another")]
    NotPromised(JobId),
    /// What it was to be changed to is not right.
    #[error("{field}: {reason}")]
    Refused {
        /// Which field: `args`, a field of the arguments as a JSON pointer, or `run_at`.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A store did not answer.
    #[error(transparent)]
    Stores(#[from] OperationsError),
}

impl From<sqlx::Error> for CommandError {
    fn from(error: sqlx::Error) -> Self {
        Self::Stores(error.into())
    }
}

impl Operations {
    /// Runs a job again: a dead or cancelled one is promised anew with a fresh budget of attempts, a waiting one becomes available at
    /// once. `actor` is whose name stands in the record.
    ///
    /// # Errors
    /// There is no such job, its state does not allow it, or a store did not answer.
    pub async fn retry(&self, id: JobId, actor: &str) -> Result<CommandOutcome, CommandError> {
        let state = self.state_of(id).await?;
        let mut tx = self.db.begin().await?;
        let command = write_command(&mut tx, id, "retry", actor).await?;
        match state {
            State::Dead | State::Cancelled => {
                // The state is decided under the row's lock: two retries at once promise the job once.
                let decodable: Option<(bool, Option<Json<Terms>>)> =
                    sqlx::query_as("select args is not null, terms from faena.jobs where id = $1 for update")
                        .bind(id)
                        .fetch_optional(&mut *tx)
                        .await?;
                match decodable {
                    Some((true, terms)) => take_again(&mut tx, id, terms.map(|Json(terms)| terms)).await?,
                    Some((false, _)) => return Err(CommandError::Undecodable(id)),
                    None => {
                        return Err(CommandError::WrongState {
                            id,
                            verb: "enqueued again",
                            state: "live again already".to_owned(),
                        });
                    }
                }
                sqlx::query(include_str!("sql/promise_again.sql")).bind(id).execute(&mut *tx).await?;
                batch::reopen(&mut tx, id).await?;
                close_command(&mut tx, command, CommandOutcome::EnqueuedAgain.as_str()).await?;
                tx.commit().await?;
                Ok(CommandOutcome::EnqueuedAgain)
            }
            State::Scheduled | State::Retryable | State::Parked => {
                tx.commit().await?;
                self.carry_out_now(command, id, Verb::Retry, actor).await
            }
            state => Err(CommandError::WrongState { id, verb: "run again", state: state.to_string() }),
        }
    }

    /// Ends a job that nobody wants any more, whatever live state it is in. A running job sees its token fire within a second.
    ///
    /// # Errors
    /// There is no such job, it is over already, or a store did not answer.
    pub async fn cancel(&self, id: JobId, actor: &str) -> Result<CommandOutcome, CommandError> {
        let state = self.state_of(id).await?;
        if state.is_ended() {
            return Err(CommandError::WrongState { id, verb: "cancelled", state: state.to_string() });
        }
        let mut tx = self.db.begin().await?;
        let command = write_command(&mut tx, id, "cancel", actor).await?;
        let unpushed = sqlx::query("select from faena.outbox where id = $1 and pushed_at is null for update");
        if unpushed.bind(id).fetch_optional(&mut *tx).await?.is_none() {
            tx.commit().await?;
            return self.carry_out_now(command, id, Verb::Cancel, actor).await;
        }
        // Not marked as pushed, it may be in Redis all the same: its relay died before it could. Asked under the row's lock, which every relay
        // waits for.
        let carried = carry_out(&self.store, &mut tx, id, Verb::Cancel, actor).await;
        if matches!(carried, Ok(Carried::NotYet)) {
            let ended = end_unpushed(&mut tx, id, &format!("cancelled by {actor} before it was pushed")).await?;
            if ended.is_empty() {
                // It has had its effect, and Redis forgot. Pushed once more, it ends completed.
                tx.rollback().await?;
                return Err(CommandError::WrongState {
                    id,
                    verb: Verb::Cancel.participle(),
                    state: "over, but for its end".to_owned(),
                });
            }
            close_command(&mut tx, command, CommandOutcome::Cancelled.as_str()).await?;
            tx.commit().await?;
            return Ok(CommandOutcome::Cancelled);
        }
        tx.commit().await?;
        self.answer(command, id, Verb::Cancel, carried).await
    }

    pub(crate) async fn state_of(&self, id: JobId) -> Result<State, CommandError> {
        Ok(self.job(id).await?.ok_or(CommandError::NoSuchJob(id))?.summary.state)
    }

    /// Redis being away now is no error: the command is written, and some worker will carry it out.
    async fn carry_out_now(&self, command: i64, id: JobId, verb: Verb, actor: &str) -> Result<CommandOutcome, CommandError> {
        let carried = carry_out(&self.store, &mut *self.db.acquire().await?, id, verb, actor).await;
        self.answer(command, id, verb, carried).await
    }

    async fn answer(
        &self,
        command: i64,
        id: JobId,
        verb: Verb,
        carried: Result<Carried, OperationsError>,
    ) -> Result<CommandOutcome, CommandError> {
        match carried {
            Err(_) | Ok(Carried::NotYet) => Ok(CommandOutcome::Pending),
            Ok(Carried::Out(outcome)) => {
                close_command(&mut *self.db.acquire().await?, command, outcome.as_str()).await?;
                Ok(outcome)
            }
            Ok(Carried::TooLate) => {
                let mut connection = self.db.acquire().await?;
                close_command(&mut connection, command, TOO_LATE).await?;
                // A worker may have carried it out in between, and then this was too late.
                if let Some(outcome) = outcome_of(&mut connection, command).await? {
                    return Ok(outcome);
                }
                Err(CommandError::WrongState { id, verb: verb.participle(), state: "in another state by now".to_owned() })
            }
        }
    }
}

/// A unique job that is run again holds its key again.
async fn take_again(tx: &mut PgConnection, id: JobId, terms: Option<Terms>) -> Result<(), CommandError> {
    let Some(term) = terms.and_then(|terms| terms.unique) else { return Ok(()) };
    match unique::take(tx, &term, id).await? {
        None => Ok(()),
        Some(duplicate_of) => Err(CommandError::Duplicate { id, duplicate_of }),
    }
}

const TOO_LATE: &str = "too_late";

#[derive(Debug, Clone, Copy)]
enum Verb {
    Retry,
    Cancel,
}

impl Verb {
    const fn participle(self) -> &'static str {
        match self {
            Self::Retry => "made available",
            Self::Cancel => "cancelled",
        }
    }
}

enum Carried {
    Out(CommandOutcome),
    TooLate,
    /// Redis has lost the job, and reconcile has not brought it back yet.
    NotYet,
}

/// Carries out commands that their askers could not, until halted.
pub(crate) async fn carry_out_commands(store: Store, db: PgPool, mut outage: Outage) {
    let mut after = 0;
    loop {
        match bounded(carry_out_open(&store, &db, after)).await {
            Ok((next, None)) => {
                after = next;
                outage.over();
            }
            Ok((next, Some(error))) => {
                after = next;
                outage.failed(&error);
            }
            Err(error) => outage.failed(&error),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Carries out a hundred of them; those that cannot be yet do not keep the others from their turn. Answers where to go on, and what a lane had to
/// say whose keys are not what they must be.
async fn carry_out_open(store: &Store, db: &PgPool, after: i64) -> Result<(i64, Option<OperationsError>), OperationsError> {
    const SOME: usize = 100;
    let mut tx = db.begin().await?;
    let open: Vec<(i64, JobId, String, String)> = sqlx::query_as(
        "select id, job_id, verb, actor from faena.commands where carried_out_at is null and id > $1 order by id limit $2 for update skip locked",
    )
    .bind(after)
    .bind(SOME as i64)
    .fetch_all(&mut *tx)
    .await?;
    let (mut refused, next) = (None, open.last().filter(|_| open.len() == SOME).map_or(0, |(command, ..)| *command));
    let any = !open.is_empty();
    for (command, id, verb, actor) in open {
        let verb = if verb == "cancel" { Verb::Cancel } else { Verb::Retry };
        match carry_out(store, &mut tx, id, verb, &actor).await {
            Ok(Carried::Out(outcome)) => close_command(&mut tx, command, outcome.as_str()).await?,
            Ok(Carried::TooLate) => close_command(&mut tx, command, TOO_LATE).await?,
            Ok(Carried::NotYet) => {}
            Err(OperationsError::Redis(error)) if error.is_of_one_lane() => refused = Some(error.into()),
            Err(error) => return Err(error),
        }
    }
    if any {
        crash_point("commands.carried_out");
    }
    tx.commit().await?;
    Ok((next, refused))
}

async fn carry_out(store: &Store, db: &mut PgConnection, id: JobId, verb: Verb, actor: &str) -> Result<Carried, OperationsError> {
    let mut refused = None;
    for lane in lanes(db).await? {
        match carry_out_in(store, lane, id, verb, actor).await {
            Ok(None) => {}
            Ok(Some(carried)) => return Ok(carried),
            // The job may be in another lane.
            Err(error) if error.is_of_one_lane() => refused = Some(error),
            Err(error) => return Err(error.into()),
        }
    }
    if let Some(error) = refused {
        return Err(error.into());
    }
    let (promised,) = sqlx::query_as("select exists (select from faena.outbox where id = $1)").bind(id).fetch_one(db).await?;
    Ok(if promised { Carried::NotYet } else { Carried::TooLate })
}

/// `None`: the lane does not know the job.
async fn carry_out_in(store: &Store, lane: Lane, id: JobId, verb: Verb, actor: &str) -> Result<Option<Carried>, StoreError> {
    let key = id.to_string();
    Ok(match verb {
        Verb::Retry if store.hasten(lane, &key).await? => Some(Carried::Out(CommandOutcome::MadeAvailable)),
        // Available, at work or over by now: it does not wait any more.
        Verb::Retry => store.missing(lane, &[id]).await?.is_empty().then_some(Carried::TooLate),
        Verb::Cancel => match store.cancel(lane, &key, &cancel_event(&key, format!("cancelled by {actor}")), false).await? {
            Cancelled::Now => Some(Carried::Out(CommandOutcome::Cancelled)),
            Cancelled::Asked => Some(Carried::Out(CommandOutcome::CancelRequested)),
            Cancelled::TooLate => Some(Carried::TooLate),
            Cancelled::Unknown => None,
        },
    })
}

/// Ends a promise that is not in Redis. Its row is locked, so that no relay has it in hand. Nothing is answered when it has had its effect.
pub(crate) async fn end_unpushed(tx: &mut PgConnection, id: JobId, reason: &str) -> Result<Vec<Ended>, OperationsError> {
    let ended: Vec<Ended> =
        sqlx::query_as(include_str!("sql/cancel_unpushed.sql")).bind(id).bind(reason).fetch_all(&mut *tx).await?;
    ends::settle(tx, &ended).await?;
    Ok(ended)
}

/// The end of a job that did not run, for that reason.
pub(crate) fn cancel_event(id: &str, reason: String) -> String {
    let event = Event { id: id.to_owned(), outcome: Outcome::Cancelled, error: Some(storable(&reason)), ..Event::default() };
    serde_json::to_string(&event).unwrap_or_default()
}

pub(crate) async fn write_command(tx: &mut PgConnection, id: JobId, verb: &str, actor: &str) -> sqlx::Result<i64> {
    let (command,) = sqlx::query_as("insert into faena.commands (job_id, verb, actor) values ($1, $2, $3) returning id")
        .bind(id)
        .bind(verb)
        .bind(actor)
        .fetch_one(tx)
        .await?;
    Ok(command)
}

/// What came of a command that was carried out.
async fn outcome_of(connection: &mut PgConnection, command: i64) -> sqlx::Result<Option<CommandOutcome>> {
    let outcome: Option<String> =
        sqlx::query_scalar("select outcome from faena.commands where id = $1").bind(command).fetch_one(connection).await?;
    let all = [CommandOutcome::MadeAvailable, CommandOutcome::Cancelled, CommandOutcome::CancelRequested];
    Ok(all.into_iter().find(|known| outcome.as_deref() == Some(known.as_str())))
}

pub(crate) async fn close_command(connection: &mut PgConnection, command: i64, outcome: &str) -> sqlx::Result<()> {
    sqlx::query(
        "update faena.commands set carried_out_at = clock_timestamp(), outcome = $2 where id = $1 and carried_out_at is null",
    )
    .bind(command)
    .bind(outcome)
    .execute(connection)
    .await
    .map(drop)
}
