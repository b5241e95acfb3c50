//! How a stand-in is told to misbehave: the rules a test sends to the sandbox, and what the sandbox tells back.
//!
//! The sandbox and its client share these types, so that a rule which compiles is a rule that is understood.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The body of `PUT /api/misbehave/{service}`. It replaces the rules that were there.
///
/// Rules are tried in their order. The first that matches and has firings left decides; a delay waits and goes on to the next.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules<R> {
    /// The rules, most urgent first.
    pub rules: Vec<R>,
}

/// What `GET /api/misbehave/{service}` answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Misbehaviour<R> {
    /// Every rule that was set, spent ones included, in their order.
    pub rules: Vec<RuleState<R>>,
    /// What fired since the rules were last set or cleared, oldest first. Bounded: the oldest 1,000 fall out.
    pub fired: Vec<Fired>,
}

/// A rule and what is left of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RuleState<R> {
    /// The rule as it was sent.
    pub rule: R,
    /// Firings left; none means for ever.
    pub left: Option<u32>,
    /// How often it fired.
    pub fired: u32,
}

/// One firing of a rule.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Fired {
    /// The rule's place in the list, from 0.
    pub rule: usize,
    /// When.
    pub fired_at: DateTime<Utc>,
    /// What met the rule, for people: `rcpt ana@example.com (session 7)`.
    pub met: String,
}

/// One misbehaviour of the mail server.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpRule {
    /// The point of the dialogue; none for those acts that have a point of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<At>,
    /// Only for this recipient (any case), or with a leading `@` for all of a domain. Possible at rcpt, data and body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// How many times; none means for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// What is done.
    #[serde(rename = "do")]
    pub act: SmtpAct,
}

/// A point of the SMTP dialogue, at which a rule can fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum At {
    /// A client connected; before the greeting.
    Connect,
    /// EHLO or HELO.
    Helo,
    /// The STARTTLS command.
    Starttls,
    /// The AUTH command, before any credential is looked at.
    Auth,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Rcpt,
    /// The DATA command.
    Data,
    /// The message's end: after the final dot.
    Body,
}

/// What the mail server does instead of behaving.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmtpAct {
    /// Answers this and does not carry out the command. After 421 the connection is closed.
    Reply {
        /// Three digits, 200 to 599.
        code: u16,
        /// The text; its lines become a multi-line reply.
        text: String,
    },
    /// Waits so many milliseconds, then goes on with the next matching rule, else normally.
    DelayMs(u64),
    /// Closes the connection without an answer. At the body the message was received and is not kept.
    Cut,
    /// At the body only: the message is kept, the reply is lost.
    KeepAndCut,
    /// Both SMTP ports refuse connections until the rule is gone; then they listen on the same ports again.
    Refuse,
    /// STARTTLS is not offered.
    NoStarttls,
    /// TLS, on both ports, presents a certificate of an authority that nobody knows.
    UntrustedCertificate,
}

impl SmtpRule {
    /// Answers `code text` at this point and does not carry out the command.
    pub fn reply(at: At, code: u16, text: &str) -> Self {
        Self::new(Some(at), SmtpAct::Reply { code, text: text.to_owned() })
    }

    /// Waits at this point, then goes on.
    pub fn delay(at: At, delay: Duration) -> Self {
        Self::new(Some(at), SmtpAct::DelayMs(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Closes the connection at this point without an answer.
    pub fn cut(at: At) -> Self {
        Self::new(Some(at), SmtpAct::Cut)
    }

    /// Keeps the message, then closes the connection without an answer.
    pub fn keep_and_cut() -> Self {
        Self::new(Some(At::Body), SmtpAct::KeepAndCut)
    }

    /// Refuses connections until the rules change.
    pub fn refuse() -> Self {
        Self::new(None, SmtpAct::Refuse)
    }

    /// Does not offer STARTTLS.
    pub fn no_starttls() -> Self {
        Self::new(None, SmtpAct::NoStarttls)
    }

    /// Presents a certificate that no client can trust.
    pub fn untrusted_certificate() -> Self {
        Self::new(None, SmtpAct::UntrustedCertificate)
    }

    /// The same rule, only this many times.
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    /// The same rule, only once.
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// The same rule, only for this recipient or `@domain`.
    pub fn to(self, recipient: &str) -> Self {
        Self { to: Some(recipient.to_owned()), ..self }
    }

    fn new(at: Option<At>, act: SmtpAct) -> Self {
        Self { at, to: None, times: None, act }
    }
}

/// One misbehaviour of a stand-in that speaks HTTP, such as S3.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpRule {
    /// Only this method (any case); none means every method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Only paths that begin so, as sent (`/bucket/key`, percent-encoded); none means every path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_prefix: Option<String>,
    /// How many times; none means for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// What is done.
    #[serde(rename = "do")]
    pub act: HttpAct,
}

/// What a stand-in that speaks HTTP does instead of behaving.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HttpAct {
    /// Answers this status (400 to 599) with an error body of the service's own form, and does nothing.
    Status(u16),
    /// Waits so many milliseconds, then goes on with the next matching rule, else normally.
    DelayMs(u64),
    /// Closes the connection without an answer, having done nothing.
    Cut,
    /// Does what was asked, then closes the connection without an answer.
    KeepAndCut,
    /// Answers normally, but closes the connection after at most so many bytes of the body: the last of them may be lost on the way.
    CutAfterBytes(u64),
    /// The port refuses connections until the rule is gone; then it listens on the same port again.
    Refuse,
}

impl HttpRule {
    /// Answers this status with an error body.
    pub fn status(status: u16) -> Self {
        Self::new(HttpAct::Status(status))
    }

    /// Waits, then goes on.
    pub fn delay(delay: Duration) -> Self {
        Self::new(HttpAct::DelayMs(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Closes the connection, having done nothing.
    pub fn cut() -> Self {
        Self::new(HttpAct::Cut)
    }

    /// Does what was asked, then closes the connection without an answer.
    pub fn keep_and_cut() -> Self {
        Self::new(HttpAct::KeepAndCut)
    }

    /// Closes the connection after at most so many bytes of the answer's body.
    pub fn cut_after_bytes(bytes: u64) -> Self {
        Self::new(HttpAct::CutAfterBytes(bytes))
    }

    /// Refuses connections until the rules change.
    pub fn refuse() -> Self {
        Self::new(HttpAct::Refuse)
    }

    /// The same rule, only for this method.
    pub fn method(self, method: &str) -> Self {
        Self { method: Some(method.to_owned()), ..self }
    }

    /// The same rule, only for paths that begin so: `/faena/videos/`.
    pub fn path(self, prefix: &str) -> Self {
        Self { path_prefix: Some(prefix.to_owned()), ..self }
    }

    /// The same rule, only this many times.
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    /// The same rule, only once.
    pub fn once(self) -> Self {
        self.times(1)
    }

    fn new(act: HttpAct) -> Self {
        Self { method: None, path_prefix: None, times: None, act }
    }
}
