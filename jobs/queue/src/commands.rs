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
/// A wish that has stood for so long without an end to the job may be forgotten in Redis.
const TOLD_AGAIN_AFTER_SECONDS: i32 = 5;
/// So many are looked at together.
const SOME: usize = 100;
/// What an operator changes in Postgres waits for nobody for longer: what it holds meanwhile, recorders may want.
pub(crate) const PATIENCE: &str = "set local lock_timeout = '3s'";

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
        sqlx::query(PATIENCE).execute(&mut *tx).await?;
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
                // First what may have to be waited for: the other changes what every recorder writes.
                batch::reopen(&mut tx, id).await?;
                sqlx::query(include_str!("sql/promise_again.sql")).bind(id).execute(&mut *tx).await?;
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
        let job = self.job(id).await?.ok_or(CommandError::NoSuchJob(id))?;
        let state = job.summary.state;
        if state.is_ended() {
            return Err(CommandError::WrongState { id, verb: "cancelled", state: state.to_string() });
        }
        // No relay has pushed it, and Redis does not know it: it may have to be ended here.
        let is_absent = state == State::Outboxed && job.pushed_at.is_none();
        let mut tx = self.db.begin().await?;
        let command = write_command(&mut tx, id, "cancel", actor).await?;
        if is_absent {
            hold_effect(&mut tx, id).await?;
        }
        let unpushed = sqlx::query("select from faena.outbox where id = $1 and pushed_at is null for update");
        if unpushed.bind(id).fetch_optional(&mut *tx).await?.is_none() {
            tx.commit().await?;
            return self.carry_out_now(command, id, Verb::Cancel, actor).await;
        }
        // Not marked as pushed, it may be in Redis all the same: its relay died before it could. Asked under the row's lock, which every relay
        // waits for.
        let carried = carry_out(&self.store, &mut tx, id, Verb::Cancel, actor).await;
        if is_absent && matches!(carried, Ok(Carried::NotYet)) {
            let ended = end_absent(&mut tx, id, &format!("cancelled by {actor} before it was pushed")).await?;
            if ended.is_empty() {
                // It has had its effect, and Redis forgot. Pushed once more, it ends completed.
                tx.rollback().await?;
                return Err(CommandError::WrongState {
                    id,
                    verb: Verb::Cancel.participle(),
                    state: "over, but for its end".to_owned(),
                });
            }
            ends::settle(&mut tx, &ended).await?;
            close_command(&mut tx, command, CommandOutcome::Cancelled.as_str()).await?;
            tx.commit().await?;
            return Ok(CommandOutcome::Cancelled);
        }
        if matches!(carried, Ok(Carried::Out(_))) {
            // Redis has it. Should Redis forget it, reconcile must find it, and not a relay that asks nobody.
            let mark = sqlx::query("update faena.outbox set pushed_at = clock_timestamp() where id = $1 and pushed_at is null");
            mark.bind(id).execute(&mut *tx).await?;
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
                note(&mut *self.db.acquire().await?, command, id, outcome).await?;
                Ok(outcome)
            }
            Ok(Carried::Ending | Carried::TooLate) => {
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
    /// The job's end is on its way to the ledger.
    Ending,
    /// Redis has lost the job, and reconcile has not brought it back yet.
    NotYet,
}

/// Carries out commands that their askers could not, and tells Redis again of wishes that stand, until halted.
pub(crate) async fn carry_out_commands(store: Store, db: PgPool, mut outage: Outage) {
    let (mut after, mut told_until) = (0, 0);
    loop {
        let refused = match carry_out_some(&store, &db, &mut after, &outage).await {
            Ok(refused) => bounded(tell_again(&store, &db, &mut told_until)).await.map(|again| refused.or(again)),
            failed => failed,
        };
        match refused {
            Ok(None) => {
                outage.over();
                if after > 0 {
                    continue;
                }
            }
            Ok(Some(error)) | Err(error) => outage.failed(&error),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Carries out some of those that are open behind one of them, each in a step of its own: what is done is noted whatever befalls the next. Those that
/// cannot be yet do not keep the others from their turn. Answers what a lane had to say whose keys are not what they must be.
async fn carry_out_some(
    store: &Store,
    db: &PgPool,
    after: &mut i64,
    outage: &Outage,
) -> Result<Option<OperationsError>, OperationsError> {
    let listed = async {
        let open =
            "select id, job_id, verb, actor from faena.commands where carried_out_at is null and id > $1 order by id limit $2";
        Ok::<Vec<Open>, OperationsError>(sqlx::query_as(open).bind(*after).bind(SOME as i64).fetch_all(db).await?)
    };
    let open = bounded(listed).await?;
    outage.waits();
    let (mut refused, is_last) = (None, open.len() < SOME);
    for command in open {
        // Also when it fails: then it is tried again in its turn.
        *after = command.id;
        refused = bounded(carry_out_one(store, db, &command)).await?.or(refused);
        outage.waits();
    }
    if is_last {
        *after = 0;
    }
    Ok(refused)
}

/// A command that nobody has carried out yet.
#[derive(Debug, sqlx::FromRow)]
struct Open {
    id: i64,
    job_id: JobId,
    verb: String,
    actor: String,
}

async fn carry_out_one(store: &Store, db: &PgPool, open: &Open) -> Result<Option<OperationsError>, OperationsError> {
    let mut tx = db.begin().await?;
    // Another worker may have it in hand, or it is closed by now.
    let lock = sqlx::query("select from faena.commands where id = $1 and carried_out_at is null for update skip locked");
    if lock.bind(open.id).fetch_optional(&mut *tx).await?.is_none() {
        return Ok(None);
    }
    let verb = if open.verb == "cancel" { Verb::Cancel } else { Verb::Retry };
    let carried = match carry_out(store, &mut tx, open.job_id, verb, &open.actor).await {
        Err(OperationsError::Redis(error)) if error.is_of_one_lane() => return Ok(Some(error.into())),
        carried => carried?,
    };
    match carried {
        Carried::Out(outcome) => note(&mut tx, open.id, open.job_id, outcome).await?,
        Carried::NotYet => return Ok(None),
        Carried::Ending | Carried::TooLate => {
            // By whom? Whoever carried it out may have died before it was noted. The ledger knows, once the end is in it.
            let end: Option<(bool,)> = sqlx::query_as(
                "select state = 'cancelled' and not starts_with(reason, 'expired: ') and not starts_with(reason, 'duplicate of ') from faena.jobs where id = $1",
            )
            .bind(open.job_id)
            .fetch_optional(&mut *tx)
            .await?;
            match (verb, end) {
                (Verb::Cancel, Some((true,))) => close_command(&mut tx, open.id, CommandOutcome::Cancelled.as_str()).await?,
                (Verb::Cancel, None) if matches!(carried, Carried::Ending) => return Ok(None),
                _ => close_command(&mut tx, open.id, TOO_LATE).await?,
            }
        }
    }
    crash_point("commands.carried_out");
    tx.commit().await?;
    Ok(None)
}

/// Redis may have forgotten a wish, or the end that it was granted by: it is told again until the ledger has the job's end. Told twice it does the same.
/// What it has lost altogether, reconcile ends.
async fn tell_again(store: &Store, db: &PgPool, until: &mut i64) -> Result<Option<OperationsError>, OperationsError> {
    sqlx::query(
        "update faena.commands set stands = false where id in (
             select id from faena.commands c where stands and not exists (select from faena.outbox o where o.id = c.job_id) for update skip locked)",
    )
    .execute(db)
    .await?;
    // Locked, so that whoever promises the job anew waits for a wish that is on its way.
    let mut tx = db.begin().await?;
    let standing: Vec<(i64, JobId, String, String)> = sqlx::query_as(
        "select c.id, c.job_id, o.queue, c.actor from faena.commands c join faena.outbox o on o.id = c.job_id
         where c.stands and c.id > $1 and c.carried_out_at < clock_timestamp() - make_interval(secs => $2)
         order by c.id limit $3 for update of c skip locked",
    )
    .bind(*until)
    .bind(TOLD_AGAIN_AFTER_SECONDS)
    .bind(SOME as i64)
    .fetch_all(&mut *tx)
    .await?;
    *until = standing.last().filter(|_| standing.len() == SOME).map_or(0, |(id, ..)| *id);
    let mut refused = None;
    for (_, id, queue, actor) in standing {
        let Ok(lane) = queue.parse::<Lane>() else { continue };
        match carry_out_in(store, lane, id, Verb::Cancel, &actor).await {
            Ok(_) => {}
            Err(error) if error.is_of_one_lane() => refused = Some(error.into()),
            Err(error) => return Err(error.into()),
        }
    }
    tx.commit().await?;
    Ok(refused)
}

async fn carry_out(store: &Store, db: &mut PgConnection, id: JobId, verb: Verb, actor: &str) -> Result<Carried, OperationsError> {
    let promised: Option<String> =
        sqlx::query_scalar("select queue from faena.outbox where id = $1").bind(id).fetch_optional(&mut *db).await?;
    // A promise is in its lane or nowhere.
    let lanes = match promised.as_ref().and_then(|queue| queue.parse::<Lane>().ok()) {
        Some(lane) => vec![lane],
        None => lanes(db).await?,
    };
    let mut refused = None;
    for lane in lanes {
        match carry_out_in(store, lane, id, verb, actor).await {
            Ok(None) => {}
            Ok(Some(carried)) => return Ok(carried),
            // The job may be in another lane.
            Err(error) if error.is_of_one_lane() => refused = Some(error),
            Err(error) => return Err(error.into()),
        }
    }
    match refused {
        Some(error) => Err(error.into()),
        None => Ok(if promised.is_some() { Carried::NotYet } else { Carried::TooLate }),
    }
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
            Cancelled::TooLate => Some(Carried::Ending),
            Cancelled::Unknown => None,
        },
    })
}

/// Locks a job's effect row, before its promise is locked. Everybody takes them in this order, the recorder among them: whoever locked the promise first
/// and then asked for the effect would wait for somebody who waits for the promise. An attempt that is at its last act, or in a step, is waited for.
/// Answers whether the job has had its effect, or is barred from it.
pub(crate) async fn hold_effect(tx: &mut PgConnection, id: JobId) -> sqlx::Result<bool> {
    sqlx::query_scalar(include_str!("sql/hold_effect.sql")).bind(id).fetch_one(tx).await
}

/// Whether somebody else had what was wanted for longer than it was to be waited for.
pub(crate) fn is_lock_not_available(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if error.code().as_deref() == Some("55P03"))
}

/// Ends a promise that is not in Redis. Its effect row is held, and its own row is locked, so that no relay has it in hand. Nothing is answered when it
/// has had its effect: then the transaction must not be kept. What the end brings with it is left to the caller.
pub(crate) async fn end_absent(tx: &mut PgConnection, id: JobId, reason: &str) -> sqlx::Result<Vec<Ended>> {
    sqlx::query_as(include_str!("sql/end_absent.sql")).bind(id).bind(reason).fetch_all(tx).await
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

/// Notes what a command came to in Redis. What it has made available at once is so after a wipe, too.
async fn note(connection: &mut PgConnection, command: i64, id: JobId, outcome: CommandOutcome) -> sqlx::Result<()> {
    if outcome == CommandOutcome::MadeAvailable {
        sqlx::query("update faena.outbox set run_at = clock_timestamp() where id = $1 and run_at > clock_timestamp()")
            .bind(id)
            .execute(&mut *connection)
            .await?;
    }
    close_command(connection, command, outcome.as_str()).await
}

/// A wish to cancel stands until the promise has its end.
pub(crate) async fn close_command(connection: &mut PgConnection, command: i64, outcome: &str) -> sqlx::Result<()> {
    sqlx::query(
        "update faena.commands c set carried_out_at = clock_timestamp(), outcome = $2,
             stands = (c.verb = 'cancel' and $2 <> 'too_late' and exists (select from faena.outbox o where o.id = c.job_id))
         where c.id = $1 and c.carried_out_at is null",
    )
    .bind(command)
    .bind(outcome)
    .execute(connection)
    .await
    .map(drop)
}
