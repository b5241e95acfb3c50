//! Unique jobs: of those that ask for the same, one is wanted at a time. Who holds a key is decided in the transaction that enqueues.

use std::{fmt::Write as _, time::Duration};

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sqlx::{PgConnection, PgPool};

use crate::{
    job::JobId,
    terms::{UniqueTerm, Until},
};

/// Longer values are told apart by their hash.
const MAX_READABLE: usize = 80;

/// That a job is unique: [`Job::UNIQUE`](crate::Job::UNIQUE), or [`Order::unique`](crate::Order::unique). Two jobs of one kind ask for the
/// same when their arguments are equal, or those fields that [`Unique::by`] names.
///
/// ```
/// # use queue::Unique;
/// const ONE_A_USER: Unique = Unique::until_end().by(&["user_id"]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Unique {
    until: Until,
    by: &'static [&'static str],
}

/// Why no key can be made of a job's arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UniqueProblem {
    /// They are no object with fields, or have no such field.
    #[error("there is no such field")]
    NoSuchField,
    /// A secret is sealed differently each time: it cannot tell one job from another.
    #[error("it is secret; name other fields with `by`")]
    Secret,
}

impl Unique {
    /// From the enqueue until the job has ended: neither while it waits nor while it runs is another wanted.
    #[must_use]
    pub const fn until_end() -> Self {
        Self { until: Until::End, by: &[] }
    }

    /// From the enqueue until the job's first attempt begins: one may wait while another runs. What is committed together with an enqueue
    /// that met a waiting job is seen by that job's first attempt.
    #[must_use]
    pub const fn until_start() -> Self {
        Self { until: Until::Start, by: &[] }
    }

    /// For `time` after the enqueue, whatever becomes of the job.
    #[must_use]
    pub const fn for_time(time: Duration) -> Self {
        let seconds = time.as_secs().saturating_mul(1000);
        Self { until: Until::Passed(seconds.saturating_add(time.subsec_millis() as u64)), by: &[] }
    }

    /// By these fields of the arguments alone, and not by all of them.
    #[must_use]
    pub const fn by(self, fields: &'static [&'static str]) -> Self {
        Self { by: fields, ..self }
    }

    /// What a job of kind `name` with these arguments holds; otherwise the field that is wrong, and why.
    pub(crate) fn term(&self, name: &str, args: &str) -> Result<UniqueTerm, (&'static str, UniqueProblem)> {
        let args: Value = serde_json::from_str(args).unwrap_or(Value::Null);
        let mut values = String::new();
        if self.by.is_empty() {
            write_canonical(&args, &mut values).map_err(|problem| ("(all of them)", problem))?;
        }
        for (place, field) in self.by.iter().enumerate() {
            let value = args.get(field).ok_or((*field, UniqueProblem::NoSuchField))?;
            let _ = write!(values, "{}{field}=", if place > 0 { "," } else { "" });
            write_canonical(value, &mut values).map_err(|problem| (*field, problem))?;
        }
        Ok(self.named(name, &values))
    }

    /// What a job of kind `name` holds whose caller says which are the same.
    pub(crate) fn named(&self, name: &str, values: &str) -> UniqueTerm {
        // A key stands in lines of words, so what is readable has neither spaces nor control characters.
        let readable = values.len() <= MAX_READABLE && values.bytes().all(|byte| byte.is_ascii_graphic());
        let hash = || format!("#{}", hex::encode(&Sha256::digest(values)[..16]));
        let key = if readable { format!("{name}:{values}") } else { format!("{name}:{}", hash()) };
        UniqueTerm { key, until: self.until }
    }
}

/// The same text for equal values, whatever the order of their fields.
fn write_canonical(value: &Value, text: &mut String) -> Result<(), UniqueProblem> {
    match value {
        Value::Array(values) => {
            text.push('[');
            for (place, value) in values.iter().enumerate() {
                text.push_str(if place > 0 { "," } else { "" });
                write_canonical(value, text)?;
            }
            text.push(']');
        }
        Value::Object(fields) => {
            if fields.contains_key(crate::secret::SEAL) {
                return Err(UniqueProblem::Secret);
            }
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            text.push('{');
            for (place, (name, value)) in fields.into_iter().enumerate() {
                let _ = write!(text, "{}{}:", if place > 0 { "," } else { "" }, Value::from(name.as_str()));
                write_canonical(value, text)?;
            }
            text.push('}');
        }
        plain => {
            let _ = write!(text, "{plain}");
        }
    }
    Ok(())
}

/// Takes a key for a job, in the transaction that enqueues it; answers who holds it, if that is another job. Of transactions that want
/// one key at the same time, the later ones wait until the first has ended.
pub(crate) async fn take(tx: &mut PgConnection, term: &UniqueTerm, id: JobId) -> sqlx::Result<Option<JobId>> {
    let for_ms = match term.until {
        Until::Passed(millis) => Some(i64::try_from(millis).unwrap_or(i64::MAX)),
        Until::Start | Until::End => None,
    };
    let (holder,) = sqlx::query_as("select faena.take_unique($1, $2, $3, $4)")
        .bind(&term.key)
        .bind(id)
        .bind(for_ms)
        .bind(term.until == Until::Start)
        .fetch_one(tx)
        .await?;
    Ok(holder)
}

/// Gives back what is held until the start. It waits for transactions that have met the holder and not ended yet, so that the attempt
/// sees what they commit.
pub(crate) async fn release_at_start(db: &PgPool, term: &UniqueTerm, id: JobId) -> sqlx::Result<()> {
    let release = sqlx::query("delete from faena.unique_holders where key = $1 and job_id = $2").bind(&term.key).bind(id);
    release.execute(db).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_readable_where_the_values_are() {
        let term = |unique: Unique, args| unique.term("recount", args).unwrap().key;
        let by = Unique::until_end().by(&["user", "locale"]);
        assert_eq!(term(by, r#"{"locale":"es","user":7,"more":1}"#), r#"recount:user=7,locale="es""#);
        assert_eq!(
            term(Unique::until_end(), r#"{"b":[1,null],"a":{"d":1,"c":2}}"#),
            r#"recount:{"a":{"c":2,"d":1},"b":[1,null]}"#
        );
        assert_eq!(term(Unique::until_end(), "null"), "recount:null");
        let hashed = term(by, r#"{"user":"Begoña Núñez","locale":"es"}"#);
        assert!(hashed.starts_with("recount:#") && hashed.len() == "recount:#".len() + 32, "{hashed}");
        assert_ne!(hashed, term(by, r#"{"user":"Begoña Nuñez","locale":"es"}"#));
    }

    #[test]
    fn what_tells_no_jobs_apart_is_refused() {
        let by = Unique::until_start().by(&["user"]);
        assert_eq!(by.term("recount", r#"{"n":1}"#), Err(("user", UniqueProblem::NoSuchField)));
        assert_eq!(by.term("recount", "[]"), Err(("user", UniqueProblem::NoSuchField)));
        assert_eq!(by.term("recount", r#"{"user":{"$secret":"v1.x"}}"#), Err(("user", UniqueProblem::Secret)));
        assert_eq!(Unique::until_end().term("recount", r#"{"a":[{"$secret":""}]}"#).unwrap_err().1, UniqueProblem::Secret);
    }
}
