//! What becomes of a letter: the state machine of its row in mail.messages, which nothing else writes.
//!
//! ```text
//! queued ─► sending ─► sent
//!   ▲         │  ├───► failed     5xx, or 4xx until the attempts are used up
//!   └─────────┘  └───► unknown ─► sending     a security letter once; any letter when an operator retries its job
//!   4xx, out of service
//! ```
//!
//! Any attempt may also find that the letter is not to leave: `withheld`, or `unknown` where a copy may have left before. An operator who has
//! lifted the suppression retries its job.
//!
//! `sending` is committed when a server is ready to take the letter, and before its body can leave. A row found in it is one whose
//! attempt died in between: unknown.

use std::time::{Duration, Instant};

use queue::{Attempted, Backoff, Effect, Failure, JobId, Limit, OrFailure};
use sqlx::PgConnection;
use tracing::{info, warn};
use url::Url;
use uuid::Uuid;

use super::{
    bounce::{self, Bounce},
    letter::{Letter, MessageId, Recipient},
    letters::Blanks,
    notice,
    paper::Paper,
    reader::Reader,
    stream::Stream,
    suppression::{Withheld, withheld},
};
use crate::{
    accounts::{
        locale::Locale,
        user::{User, UserId},
    },
    ports::{
        Ctx,
        mailer::{Fate, PATIENCE, Part, Reply},
    },
};

/// How long an attempt at a letter may take: the mailer's time, and Postgres's before and after it.
pub const TIMEOUT: Duration = PATIENCE.saturating_add(Duration::from_secs(60));

/// How long a refused letter (4xx) waits, attempt by attempt: servers that put strangers on a grey list want five minutes, then some
/// patience (RFC 6647, 4.5; RFC 5321, 4.5.4.1).
const REFUSED_MINUTES: [u32; 3] = [5, 15, 60];
/// Every later wait.
const REFUSED_LATER_MINUTES: u32 = 120;

/// How fast letters leave, until an operator sets another pace (`worker limits set mail_critical --rate 20/1s`), over all workers. A limit is
/// counted in one lane, so each lane of letters has its own: letters that somebody waits for do not queue behind news.
pub const CRITICAL_LIMITS: &[Limit] = &[pace("mail_critical")];
/// The same for the lane `default`.
pub const DEFAULT_LIMITS: &[Limit] = &[pace("mail_default")];
/// The same for the lane `low`.
pub const LOW_LIMITS: &[Limit] = &[pace("mail_low")];

const fn pace(name: &'static str) -> Limit {
    Limit::rate(name, 50, Duration::from_secs(1)).with_burst(50)
}

/// How long a job waits whose letter could not be written, or found no server: nobody has refused it.
pub const BACKOFF: Backoff = Backoff::between(Duration::from_secs(5), Duration::from_secs(600)).at_least(Duration::from_secs(1));

/// With [`refused_wait`] a letter is tried for most of a day.
pub const MAX_ATTEMPTS: u32 = 14;

/// How long a letter that was refused for now waits after that attempt (the first is 1). A crowd that was refused together does not come back
/// together.
#[must_use]
pub fn refused_wait(attempt: u32) -> Duration {
    let step = usize::try_from(attempt.max(1) - 1).unwrap_or(usize::MAX);
    let minutes = REFUSED_MINUTES.get(step).copied().unwrap_or(REFUSED_LATER_MINUTES);
    Duration::from_secs(u64::from(minutes) * 60).mul_f64(1.0 + 0.1 * rand::random::<f64>())
}

/// Before a letter that may have arrived goes out once more.
const BEFORE_REPEAT: Duration = Duration::from_secs(30);
/// How long what became of a letter is held until Postgres takes it: forgotten, it would be unknown.
const INSISTENCE: Duration = Duration::from_secs(30);
const INSIST_EVERY: Duration = Duration::from_millis(500);

/// A letter to be delivered. A job delivers one.
#[derive(Debug)]
pub struct Dispatch {
    /// What makes two requests the same letter, for example `welcome:42:0`.
    pub key: String,
    /// The kind of letter, in the table and in metrics.
    pub letter: &'static str,
    /// Why the person gets it.
    pub stream: Stream,
    /// Whose letter it is, as long as there is an account.
    pub user_id: Option<UserId>,
    /// Who it is for.
    pub to: Recipient,
    /// The language it is written in.
    pub locale: Locale,
    /// What it says.
    pub paper: Paper,
    /// Whether somebody is locked out without it: such a letter is worth arriving twice, so it is repeated once when nobody knows
    /// whether it arrived.
    pub security: bool,
    /// Where its reader says no to such letters with one click (RFC 8058).
    pub unsubscribe: Option<Url>,
}

/// Writes the letter to a person in their language and delivers it, or says why not. Return what it returns.
///
/// `key` is what makes two requests the same letter, for example `welcome:42:0`.
///
/// # Errors
/// As [`deliver`]; dead: the letter cannot be written.
pub async fn send<B: Blanks>(ctx: &Ctx, key: String, user: &User, blanks: &B) -> Attempted {
    let reader = Reader {
        name: &user.full_name,
        locale: user.locale,
        time_zone: &user.time_zone,
        home: ctx.links.home(),
        unsubscribe: ctx.links.unsubscribe(user, B::STREAM),
    };
    let dispatch = Dispatch {
        key,
        letter: B::KIND,
        stream: B::STREAM,
        user_id: Some(user.id),
        to: Recipient::new(&user.full_name, user.email.clone()),
        locale: user.locale,
        paper: blanks.write(&reader).or_dead("the letter cannot be written")?,
        security: B::IS_SECURITY,
        unsubscribe: reader.unsubscribe,
    };
    deliver(ctx, dispatch).await
}

/// Delivers the letter, or says why not. Return what it returns.
///
/// # Errors
/// Retry: refused for now, or unknown and worth one repeat. Throttled: no letter can leave at present. Dead: refused for good, or
/// unknown. Cancelled: another job has this letter.
pub async fn deliver(ctx: &Ctx, dispatch: Dispatch) -> Attempted {
    let row = begin(ctx, &dispatch).await?;
    let Dispatch { letter: kind, to, locale, paper: Paper { subject, text, html }, security, unsubscribe, .. } = dispatch;
    let message_id = MessageId::stored(&row.message_id);
    let return_tag = ctx.links.return_tag(row.id);
    let letter = Letter { to, locale, subject, text, html, message_id, written_at: ctx.now(), unsubscribe, return_tag };
    let fate = match ctx.mail.offer(&letter).await {
        Ok(offered) => {
            mark_sending(ctx, &row, &letter).await?;
            offered.hand_over().await
        }
        Err(fate) => fate,
    };
    let verdict = judge(&fate, &row, security, ctx.is_last_attempt());
    let effect = settle(ctx, row.id, &letter, &verdict).await?;
    count(kind, verdict.outcome);
    info!(job = %ctx.job_id(), letter = kind, message_id = row.message_id, outcome = verdict.outcome, "what became of a letter");
    if let Some(effect) = effect {
        return Ok(effect.into());
    }
    let pause = match &fate {
        Fate::OutOfService(trouble) => notice::post(&ctx.db, trouble).await.unwrap_or_else(|error| {
            warn!(%error, "the operator could not be told that no letter can leave");
            notice::wait(Duration::ZERO)
        }),
        _ => Duration::ZERO,
    };
    Err(match verdict.next {
        Next::Retry(Wait::Refused) => Failure::retry_after(verdict.words, refused_wait(ctx.attempt())),
        Next::Retry(Wait::Repeat) => Failure::retry_after(verdict.words, BEFORE_REPEAT),
        Next::Pause => Failure::throttled(ctx.now() + pause, verdict.words),
        Next::Done | Next::Dead => Failure::dead(verdict.words),
    })
}

/// Closes the row of a letter that is no longer wanted; one that was sent, or may have been, keeps what is known of it.
///
/// # Errors
/// Retry: Postgres did not take it.
pub async fn withdraw(ctx: &Ctx, key: &str) -> Result<(), Failure> {
    let mut step = ctx.step().await?;
    sqlx::query(
        "update mail.messages
         set state = case state when 'queued' then 'failed' else 'unknown' end, updated_at = clock_timestamp()
         where dedupe_key = $1 and state in ('queued', 'sending')",
    )
    .bind(key)
    .execute(&mut *step)
    .await
    .context("closing the letter's row")?;
    step.commit().await
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
enum State {
    Queued,
    Sending,
    Sent,
    Unknown,
    Failed,
    Withheld,
}

#[derive(Debug, sqlx::FromRow)]
struct Row {
    /// The id of the job that delivers the letter.
    id: Uuid,
    message_id: String,
    state: State,
    /// How many copies the server has, or may have.
    sends: i32,
    asked_again: bool,
    /// Made more than a day ago.
    old: bool,
}

/// Finds or makes the letter's row, and asks whether the letter may leave.
async fn begin(ctx: &Ctx, dispatch: &Dispatch) -> Result<Row, Failure> {
    let mut step = ctx.step().await?;
    let row = find_or_make(&mut step, ctx, dispatch).await.context("finding the letter's row")?;
    let mut refusal = may_begin(&row, ctx.job_id(), dispatch.security).err();
    if refusal.is_none() {
        let Dispatch { to, user_id, stream, .. } = dispatch;
        let reason = withheld(&mut step, &to.address, *user_id, *stream).await.context("asking whether the letter may leave")?;
        refusal = reason.map(|reason| kept_back(&row, reason));
    }
    match &refusal {
        Some(Refusal::Unknown(words)) if row.state != State::Unknown => {
            write(&mut step, row.id, State::Unknown, row.sends, None, Some(words)).await?;
            count(dispatch.letter, "unknown");
        }
        Some(Refusal::Withheld(reason)) => {
            withhold(&mut step, row.id, *reason).await.context("keeping the letter back")?;
            count(dispatch.letter, "withheld");
        }
        _ => {}
    }
    step.commit().await?;
    match refusal {
        None => Ok(row),
        Some(Refusal::Unknown(words)) => Err(Failure::dead(words)),
        Some(Refusal::NotOurs(reason)) => Err(Failure::cancelled(reason)),
        Some(Refusal::Withheld(reason)) => Err(Failure::cancelled(format!("the letter stays here: {reason}"))),
    }
}

async fn withhold(db: &mut PgConnection, id: Uuid, reason: Withheld) -> sqlx::Result<()> {
    sqlx::query("update mail.messages set state = 'withheld', withheld_for = $2, updated_at = clock_timestamp() where id = $1")
        .bind(id)
        .bind(reason)
        .execute(db)
        .await
        .map(drop)
}

/// From here on the letter may have left.
async fn mark_sending(ctx: &Ctx, row: &Row, letter: &Letter) -> Result<(), Failure> {
    if ctx.cancelled().is_cancelled() {
        return Err(Failure::retry("asked to stop before the letter left"));
    }
    let mut step = ctx.step().await?;
    sqlx::query("update mail.messages set to_address = $2::citext, locale = $3 where id = $1")
        .bind(row.id)
        .bind(letter.to.address.as_str())
        .bind(letter.locale)
        .execute(&mut *step)
        .await
        .context("addressing the letter")?;
    write(&mut step, row.id, State::Sending, row.sends + 1, None, None).await?;
    step.commit().await
}

async fn find_or_make(db: &mut PgConnection, ctx: &Ctx, dispatch: &Dispatch) -> sqlx::Result<Row> {
    let id = ctx.job_id().0;
    sqlx::query(
        "insert into mail.messages (id, dedupe_key, letter, locale, to_address, user_id, message_id, stream)
         values ($1, $2, $3, $4, $5::citext, $6, $7, $8) on conflict (dedupe_key) do nothing",
    )
    .bind(id)
    .bind(&dispatch.key)
    .bind(dispatch.letter)
    .bind(dispatch.locale)
    .bind(dispatch.to.address.as_str())
    .bind(dispatch.user_id)
    .bind(MessageId::new(id, ctx.mail.domain()).as_str())
    .bind(dispatch.stream)
    .execute(&mut *db)
    .await?;
    sqlx::query_as(include_str!("sql/find_row.sql")).bind(&dispatch.key).fetch_one(db).await
}

/// Why a letter does not leave in this attempt.
#[derive(Debug)]
enum Refusal {
    /// It may have arrived, and is not worth a second copy.
    Unknown(String),
    /// It is another job's letter, or was this one's before.
    NotOurs(String),
    /// It may not go there, or nobody there wants it.
    Withheld(Withheld),
}

fn may_begin(row: &Row, job: JobId, security: bool) -> Result<(), Refusal> {
    if row.id != job.0 {
        return Err(Refusal::NotOurs(format!("duplicate of {}", row.id)));
    }
    match row.state {
        State::Queued | State::Failed | State::Withheld => Ok(()),
        State::Sending | State::Unknown if row.asked_again || may_repeat(security, row.sends) => Ok(()),
        State::Sending | State::Unknown => Err(Refusal::Unknown(in_doubt(row))),
        // The row and the job's end are committed together, so this is a job made twice under one id.
        State::Sent => Err(Refusal::NotOurs("the letter was sent before".to_owned())),
    }
}

fn may_repeat(security: bool, sends: i32) -> bool {
    security && sends < 2
}

/// What is not to leave now. Of a copy that may have left before nobody says that it was kept back.
fn kept_back(row: &Row, reason: Withheld) -> Refusal {
    if row.sends == 0 {
        Refusal::Withheld(reason)
    } else {
        Refusal::Unknown(format!("{}; at present it would stay here: {reason}", in_doubt(row)))
    }
}

/// What is known of a letter whose last attempt did not hear whether it arrived.
fn in_doubt(row: &Row) -> String {
    let why = match row.state {
        State::Sending => "an earlier attempt ended before the mail server had answered",
        _ => "as an earlier attempt found",
    };
    unknown(row, row.sends, why)
}

/// What is written, counted and done next.
#[derive(Debug)]
struct Verdict {
    state: State,
    sends: i32,
    code: Option<u16>,
    /// What the server said, or what was seen instead: for the row.
    seen: String,
    /// What it means: for the job.
    words: String,
    outcome: &'static str,
    next: Next,
    /// What it says of the address.
    bounce: Option<bounce::Kind>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Done,
    Retry(Wait),
    /// Wait, without using up an attempt, until letters can leave again.
    Pause,
    Dead,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    Refused,
    Repeat,
}

fn judge(fate: &Fate, row: &Row, security: bool, last_attempt: bool) -> Verdict {
    // A server that refuses a letter has no copy of it, and neither has one that it never reached.
    let sends = row.sends + i32::from(matches!(fate, Fate::Accepted(_) | Fate::Unknown { .. }));
    let (code, seen) = match fate {
        Fate::Accepted(reply) | Fate::RefusedForNow(reply) | Fate::RefusedForGood(reply) => (Some(reply.code), &reply.words),
        Fate::OutOfService(trouble) => (None, &trouble.words),
        Fate::Unknown { why } => (None, why),
    };
    let waiting = if last_attempt { State::Failed } else { State::Queued };
    let (state, outcome, next, words) = match fate {
        Fate::Accepted(_) => (State::Sent, "sent", Next::Done, String::new()),
        Fate::RefusedForNow(reply) => refused_for_now(waiting, reply),
        // A full mailbox is called permanent by most servers, and is emptied all the same.
        Fate::RefusedForGood(reply) if bounce::is_full(reply) => refused_for_now(waiting, reply),
        Fate::RefusedForGood(reply) => {
            (State::Failed, "refused_for_good", Next::Dead, format!("the mail server refused the letter for good: {reply}"))
        }
        // Where conversations end badly for a day it may be this letter's doing: then it has its attempts and no more.
        Fate::OutOfService(trouble) if trouble.part == Part::Conversation && row.old => {
            (waiting, "out_of_service", Next::Retry(Wait::Refused), format!("the letter cannot leave: {}", trouble.words))
        }
        Fate::OutOfService(trouble) => {
            (State::Queued, "out_of_service", Next::Pause, format!("no letter can leave at present: {}", trouble.words))
        }
        Fate::Unknown { why } => {
            let next = if may_repeat(security, sends) { Next::Retry(Wait::Repeat) } else { Next::Dead };
            (State::Unknown, "unknown", next, unknown(row, sends, why))
        }
    };
    let bounce = match fate {
        Fate::RefusedForNow(reply) | Fate::RefusedForGood(reply) => bounce::kind_of_reply(reply),
        Fate::Accepted(_) | Fate::OutOfService(_) | Fate::Unknown { .. } => None,
    };
    Verdict { state, sends, code, seen: seen.clone(), words, outcome, next, bounce }
}

fn refused_for_now(state: State, reply: &Reply) -> (State, &'static str, Next, String) {
    let words = format!("the mail server refused the letter for now: {reply}");
    (state, "refused_for_now", Next::Retry(Wait::Refused), words)
}

/// What an operator can act on.
fn unknown(row: &Row, sends: i32, why: &str) -> String {
    let copies = if sends == 1 { "one copy".to_owned() } else { format!("{sends} copies") };
    format!(
        "nobody knows whether the letter arrived ({why}): {copies} left as <{}>. Look for it in the mail server's log; a retry sends \
         it again",
        row.message_id
    )
}

fn count(letter: &'static str, outcome: &'static str) {
    metrics::counter!("faena_letters_total", "letter" => letter, "outcome" => outcome).increment(1);
}

/// Writes what became of the letter, and asks Postgres again and again before it gives up.
async fn settle(ctx: &Ctx, id: Uuid, letter: &Letter, verdict: &Verdict) -> Result<Option<Effect>, Failure> {
    let deadline = Instant::now() + INSISTENCE;
    loop {
        match settle_once(ctx, id, letter, verdict).await {
            Err(Failure::Retry { error, .. }) if Instant::now() < deadline => {
                warn!(job = %ctx.job_id(), error, "what became of a letter could not be written yet");
                tokio::time::sleep(INSIST_EVERY).await;
            }
            settled => return settled,
        }
    }
}

/// `sent` is the job's effect, committed with its end; every other state is a step on the way.
async fn settle_once(ctx: &Ctx, id: Uuid, letter: &Letter, verdict: &Verdict) -> Result<Option<Effect>, Failure> {
    let (sends, code, seen) = (verdict.sends, verdict.code, Some(verdict.seen.as_str()));
    if verdict.next == Next::Done {
        let mut effect = ctx.effect().await?;
        write(&mut effect, id, verdict.state, sends, code, seen).await?;
        notice::clear(&mut *effect).await.context("telling the operator that letters leave again")?;
        return Ok(Some(effect));
    }
    let mut step = ctx.step().await?;
    write(&mut step, id, verdict.state, sends, code, seen).await?;
    if let Some(kind) = verdict.bounce {
        let (address, detail) = (letter.to.address.as_str(), verdict.seen.as_str());
        let status = bounce::enhanced_status(detail);
        let bounce = Bounce { message_id: id, report_id: None, address, kind, status, detail };
        bounce::record(&mut step, &bounce).await.context("noting what the refusal says of the address")?;
    }
    step.commit().await?;
    Ok(None)
}

async fn write(
    db: &mut PgConnection,
    id: Uuid,
    state: State,
    sends: i32,
    code: Option<u16>,
    seen: Option<&str>,
) -> Result<(), Failure> {
    sqlx::query(include_str!("sql/write_row.sql"))
        .bind(id)
        .bind(state)
        .bind(sends)
        .bind(code.map(i32::from))
        .bind(seen)
        .execute(db)
        .await
        .context("writing what became of the letter")
        .map(drop)
}

#[cfg(test)]
mod tests;
