//! What a refusal says of the address: that it will never work, that it does not at present, or that its reader minds.

use sqlx::PgConnection;
use uuid::Uuid;

use super::suppression::{Cause, suppress};
use crate::ports::mailer::Reply;

/// So many letters that come back softly, within [`SOFT_DAYS`], count as a hard bounce.
pub const SOFT_MAX: i64 = 3;
/// See [`SOFT_MAX`].
pub const SOFT_DAYS: i32 = 7;

/// How final it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Kind {
    /// Not now: the mailbox is full, its server was away for days, a filter minded this letter.
    Soft,
    /// Never: there is no such mailbox.
    Hard,
    /// Its reader called the letter spam (RFC 5965).
    Complaint,
}

/// What became of a letter after all.
#[derive(Debug)]
pub struct Bounce<'a> {
    /// The letter.
    pub message_id: Uuid,
    /// Where it was read. `None`: the server said it to us.
    pub report_id: Option<Uuid>,
    /// Where the letter went.
    pub address: &'a str,
    /// How final it is.
    pub kind: Kind,
    /// The enhanced status code (RFC 3463), where one was given.
    pub status: Option<&'a str>,
    /// The server's words.
    pub detail: &'a str,
}

/// Writes it down and draws the conclusion for the address. Whether it was news.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub async fn record(db: &mut PgConnection, bounce: &Bounce<'_>) -> sqlx::Result<bool> {
    let short = |text: &str, most| text.chars().filter(|c| *c != '\0').take(most).collect::<String>();
    let recorded = sqlx::query(
        "insert into mail.bounces (message_id, report_id, address, kind, status, detail) values ($1, $2, $3::citext, $4, $5, $6)
         on conflict do nothing",
    )
    .bind(bounce.message_id)
    .bind(bounce.report_id)
    .bind(bounce.address)
    .bind(bounce.kind)
    .bind(bounce.status.map(|status| short(status, 20)))
    .bind(short(bounce.detail, 1000))
    .execute(&mut *db)
    .await?;
    if recorded.rows_affected() == 0 {
        return Ok(false);
    }
    let cause = match bounce.kind {
        Kind::Hard => Some(Cause::HardBounce),
        Kind::Complaint => Some(Cause::Complaint),
        Kind::Soft => is_soft_no_more(db, bounce.address).await?.then_some(Cause::SoftBounces),
    };
    if let Some(cause) = cause {
        suppress(db, bounce.address, cause, bounce.detail, Some(bounce.message_id)).await?;
    }
    Ok(true)
}

async fn is_soft_no_more(db: &mut PgConnection, address: &str) -> sqlx::Result<bool> {
    // Two that are recorded at once would not see each other.
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('mail.bounces:' || lower($1), 0))")
        .bind(address)
        .execute(&mut *db)
        .await?;
    let letters: i64 =
        sqlx::query_scalar(include_str!("sql/soft_bounces.sql")).bind(address).bind(SOFT_DAYS).fetch_one(db).await?;
    Ok(letters >= SOFT_MAX)
}

/// What a status code (RFC 3463) says of the address.
#[must_use]
pub fn kind_of(status: &str) -> Kind {
    match status {
        // No such mailbox, no such host, no such syntax there, moved away without a trace, a domain that takes no mail (RFC 7505), and a
        // mailbox that is closed.
        "5.1.1" | "5.1.2" | "5.1.3" | "5.1.6" | "5.1.10" | "5.2.1" => Kind::Hard,
        _ => Kind::Soft,
    }
}

/// The enhanced status code at the head of a server's words (RFC 2034, 4).
#[must_use]
pub fn enhanced_status(words: &str) -> Option<&str> {
    let status = words.split_whitespace().next()?;
    let mut parts = status.split('.');
    let (class, subject, detail) = (parts.next()?, parts.next()?, parts.next()?);
    let numbers = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    (parts.next().is_none() && ["2", "4", "5"].contains(&class) && numbers(subject) && numbers(detail)).then_some(status)
}

/// Whether the mailbox is full: servers say it as permanent, and it passes.
pub(super) fn is_full(reply: &Reply) -> bool {
    let status = enhanced_status(&reply.words);
    matches!(status, Some("4.2.2" | "5.2.2")) || (reply.code == 552 && status.is_none())
}

/// What a refusal of the letter says of its address, if anything.
pub(super) fn kind_of_reply(reply: &Reply) -> Option<Kind> {
    if is_full(reply) {
        return Some(Kind::Soft);
    }
    let hard = enhanced_status(&reply.words).is_some_and(|status| kind_of(status) == Kind::Hard);
    (reply.code >= 500 && hard).then_some(Kind::Hard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_only_where_one_stands() {
        for (words, status) in [
            ("5.1.1 no such user", Some("5.1.1")),
            ("4.2.2", Some("4.2.2")),
            ("5.1.10 null MX", Some("5.1.10")),
            ("no such user 5.1.1", None),
            ("5.1 no", None),
            ("5.1.1.1 no", None),
            ("3.1.1 no", None),
            ("5.1111.1 no", None),
            ("10.0.0.1 is blocked", None),
            ("", None),
        ] {
            assert_eq!(enhanced_status(words), status, "{words}");
        }
    }

    #[test]
    fn only_a_mailbox_that_does_not_exist_is_hard_and_a_full_one_is_soft() {
        for (code, words, kind) in [
            (550, "5.1.1 no such user", Some(Kind::Hard)),
            (550, "5.1.2 no such host", Some(Kind::Hard)),
            (552, "5.2.2 full", Some(Kind::Soft)),
            (552, "quota exceeded", Some(Kind::Soft)),
            (452, "4.2.2 full", Some(Kind::Soft)),
            (552, "5.3.4 the letter is too big", None),
            (550, "5.7.1 looks like spam", None),
            (550, "go away", None),
            (451, "4.7.1 greylisted", None),
            (451, "5.1.1 says two things", None),
        ] {
            assert_eq!(kind_of_reply(&Reply::new(code, words)), kind, "{code} {words}");
        }
    }
}
