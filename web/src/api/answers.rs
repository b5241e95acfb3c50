//! What was answered under an idempotency key. A key is good for a day, for one token and for one body.

use axum::http::{HeaderMap, StatusCode};
use queue::JobId;
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::problem::{Doing as _, Problem, Told};

/// What the caller names its request by.
const HEADER: &str = "idempotency-key";

/// The key of a request, if it has one.
///
/// # Errors
/// It cannot name anything.
pub(crate) fn key_of(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut given = headers.get_all(HEADER).iter();
    let Some(key) = given.next() else { return Ok(None) };
    let key = key.to_str().ok().filter(|key| (1..=255).contains(&key.len()) && given.next().is_none());
    let told = || Told::new(StatusCode::BAD_REQUEST, "Idempotency-Key must have from 1 to 255 visible ASCII characters, once");
    key.map(Some).ok_or_else(|| told().into())
}

/// Whether a request is the first under its key.
#[derive(Debug)]
pub(crate) enum Claim {
    /// It is; whoever comes later gets its answer, if the transaction commits.
    First,
    /// It was answered before, with this job, and the one that it is a duplicate of.
    Answered(JobId, Option<JobId>),
}

/// Claims a key for the request with this body, which will enqueue `job_id`. Of requests at the same moment one is the first; the others wait
/// for its end.
///
/// # Errors
/// The key was used for another body, or Postgres cannot be reached.
pub(crate) async fn claim(tx: &mut PgConnection, token_id: i64, key: &str, body: &[u8], job_id: JobId) -> Result<Claim, Problem> {
    let hash = Sha256::digest(body);
    let claimed = sqlx::query(include_str!("claim_key.sql"))
        .bind(token_id)
        .bind(key)
        .bind(hash.as_slice())
        .bind(job_id)
        .execute(&mut *tx)
        .await
        .doing("claiming an idempotency key")?;
    if claimed.rows_affected() > 0 {
        return Ok(Claim::First);
    }
    let (same, job_id, duplicate_of): (bool, JobId, Option<JobId>) =
        sqlx::query_as("select request_hash = $3, job_id, duplicate_of from faena.api_answers where token_id = $1 and key = $2")
            .bind(token_id)
            .bind(key)
            .bind(hash.as_slice())
            .fetch_one(tx)
            .await
            .doing("reading the answer under an idempotency key")?;
    if same {
        return Ok(Claim::Answered(job_id, duplicate_of));
    }
    Err(Told::new(StatusCode::UNPROCESSABLE_ENTITY, "this Idempotency-Key was used for another body within the last 24 hours")
        .into())
}

/// Claims a key for a request at that place, whose answer has a number: the one of an earlier request under the key, or none, where this is the first. The
/// same body is another request at another place.
///
/// # Errors
/// As [`claim`].
pub(crate) async fn claim_at(
    tx: &mut PgConnection,
    token_id: i64,
    key: &str,
    place: &str,
    body: &[u8],
) -> Result<Option<i64>, Problem> {
    let request = [place.as_bytes(), b"\n", body].concat();
    match claim(&mut *tx, token_id, key, &request, JobId::new()).await? {
        Claim::First => Ok(None),
        Claim::Answered(..) => sqlx::query_scalar("select number from faena.api_answers where token_id = $1 and key = $2")
            .bind(token_id)
            .bind(key)
            .fetch_one(tx)
            .await
            .doing("reading the answer under an idempotency key"),
    }
}

/// Keeps with a claimed key the number that it was answered with.
///
/// # Errors
/// Postgres cannot be reached.
pub(crate) async fn note_number(tx: &mut PgConnection, token_id: i64, key: &str, number: i64) -> sqlx::Result<()> {
    sqlx::query("update faena.api_answers set number = $3 where token_id = $1 and key = $2")
        .bind(token_id)
        .bind(key)
        .bind(number)
        .execute(tx)
        .await
        .map(drop)
}

/// Keeps with a claimed key what it was answered with, where that is known only afterwards.
///
/// # Errors
/// Postgres cannot be reached.
pub(crate) async fn note_answer(tx: &mut PgConnection, token_id: i64, key: &str, id: Uuid) -> Result<(), Problem> {
    sqlx::query("update faena.api_answers set job_id = $3 where token_id = $1 and key = $2")
        .bind(token_id)
        .bind(key)
        .bind(id)
        .execute(tx)
        .await
        .map(drop)
        .doing("keeping the answer under an idempotency key")
}

/// Keeps with a claimed key that its job is a duplicate.
///
/// # Errors
/// Postgres cannot be reached.
pub(crate) async fn note_duplicate(tx: &mut PgConnection, token_id: i64, key: &str, holder: JobId) -> Result<(), Problem> {
    sqlx::query("update faena.api_answers set duplicate_of = $3 where token_id = $1 and key = $2")
        .bind(token_id)
        .bind(key)
        .bind(holder)
        .execute(tx)
        .await
        .map(drop)
        .doing("keeping the answer under an idempotency key")
}
