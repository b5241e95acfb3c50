//! One conversation with a mail server, and what each way it can end means for a letter.
//!
//! | until | it ended by | the letter |
//! | --- | --- | --- |
//! | the session is open | anything | did not leave: out of service |
//! | the answer to DATA | 4xx · 5xx · a login wanted · silence, a cut, nonsense | refused for now · for good · out of service |
//! | the final answer | 2xx · 4xx · 5xx · silence, a cut, nonsense | accepted · refused for now · for good · unknown |

use std::{
    error::Error as _,
    fmt, io,
    time::{Duration, Instant},
};

use jobs::ports::mailer::{Fate, Part, Reply, Trouble};
use lettre::transport::smtp::{
    Error,
    authentication::DEFAULT_MECHANISMS,
    client::AsyncSmtpConnection,
    commands::{Data, Mail, Rcpt},
    extension::Extension,
    response::{Response, Severity},
};
use tokio::{
    net::TcpStream,
    time::{timeout, timeout_at},
};

use super::{
    message::Outgoing,
    settings::{Encryption, Limits, SmtpSettings},
    wary::Wary,
};

/// The server wants a login, another kind of login, or encryption before one (RFC 4954, 6): that says nothing about the letter.
const LOGIN_CODES: [u16; 4] = [530, 534, 535, 538];
/// The server ends the session (RFC 5321, 3.8).
pub(super) const CLOSING: u16 = 421;

/// A session that is open: encrypted and logged in as far as the settings ask.
pub(super) struct Session {
    connection: AsyncSmtpConnection,
    limits: Limits,
    opened: Instant,
    letters: u32,
    good: bool,
    /// Whether the last letter's conversation came to its own end: then nothing is left begun (RFC 5321, 4.1.1.4).
    ended: bool,
}

/// What came instead of a good answer.
#[derive(Debug)]
enum Snag {
    /// The server said no.
    No(Reply),
    /// Nothing came that could be understood.
    Lost(String),
}

impl Session {
    /// Connects, encrypts and logs in.
    ///
    /// # Errors
    /// What does not work, with the server's name and words.
    pub(super) async fn open(settings: &SmtpSettings) -> Result<Self, Trouble> {
        let until = Instant::now() + settings.limits.open;
        match timeout_at(until.into(), connect(settings)).await {
            Ok(connection) => {
                let connection = connection.map_err(|(part, seen)| settings.trouble(part, &seen))?;
                Ok(Self { connection, limits: settings.limits, opened: Instant::now(), letters: 0, good: true, ended: true })
            }
            Err(_) => Err(settings.trouble(Part::Connection, &format!("no session within {}", seconds(settings.limits.open)))),
        }
    }

    /// Asks the server to take a letter: sender and recipient.
    ///
    /// # Errors
    /// What became of the letter, which did not leave.
    pub(super) async fn offer(&mut self, letter: &Outgoing) -> Result<(), Fate> {
        self.letters += 1;
        // Whatever cuts this future short leaves a conversation that nobody can go on with.
        self.good = false;
        self.ended = false;
        let until = Instant::now() + self.limits.conversation;
        let offered = self.address(letter, until).await;
        offered.map_err(|snag| self.not_left(snag))
    }

    async fn address(&mut self, letter: &Outgoing, until: Instant) -> Result<(), Snag> {
        // Letters are ASCII throughout, so neither 8BITMIME nor SMTPUTF8 is asked for.
        self.ask("MAIL FROM", Mail::new(Some(letter.from.clone()), Vec::new()), Severity::PositiveCompletion, until).await?;
        self.ask("RCPT TO", Rcpt::new(letter.to.clone(), Vec::new()), Severity::PositiveCompletion, until).await
    }

    /// DATA, the body and its last dot. Once the body leaves, only an answer tells whether the server has the letter.
    pub(super) async fn hand_over(&mut self, body: &[u8]) -> Fate {
        let until = Instant::now() + self.limits.data;
        if let Err(snag) = self.ask("DATA", Data, Severity::PositiveIntermediate, until).await {
            return self.not_left(snag);
        }
        let answer = timeout(self.limits.body, self.connection.message(body)).await;
        let why = match answer {
            Ok(Ok(answer)) if answer.code().severity == Severity::PositiveCompletion => {
                self.good = true;
                self.ended = true;
                return Fate::Accepted(reply(&answer));
            }
            Ok(Ok(answer)) => format!("a strange answer to the letter: {}", reply(&answer)),
            Ok(Err(error)) => match Snag::of("the letter", &error) {
                Snag::No(reply) => {
                    self.good = reply.code != CLOSING;
                    self.ended = true;
                    return refused(reply);
                }
                Snag::Lost(seen) => seen,
            },
            Err(_) => format!("no answer to the letter within {}", seconds(self.limits.body)),
        };
        Fate::Unknown { why }
    }

    fn not_left(&mut self, snag: Snag) -> Fate {
        match snag {
            Snag::No(reply) => {
                self.good = reply.code != CLOSING;
                refused_before_the_body(reply)
            }
            Snag::Lost(seen) => Fate::OutOfService(Trouble::new(Part::Conversation, &seen)),
        }
    }

    async fn ask(&mut self, what: &str, command: impl fmt::Display, wanted: Severity, until: Instant) -> Result<(), Snag> {
        match timeout_at(until.into(), self.connection.command(command)).await {
            Err(_) => Err(Snag::Lost(format!("no answer to {what} in time"))),
            Ok(Err(error)) => Err(Snag::of(what, &error)),
            Ok(Ok(answer)) if answer.code().severity == wanted => Ok(()),
            Ok(Ok(answer)) => Err(Snag::Lost(format!("a strange answer to {what}: {}", reply(&answer)))),
        }
    }

    /// Whether the server still answers. Ends whatever an earlier letter left begun.
    pub(super) async fn is_alive(&mut self) -> bool {
        matches!(timeout(self.limits.alive, self.connection.command("RSET\r\n")).await, Ok(Ok(_)))
    }

    /// Whether the next letter may begin at once.
    pub(super) fn has_ended_a_letter(&self) -> bool {
        self.ended
    }

    /// Whether another letter may be sent.
    pub(super) fn is_good(&self) -> bool {
        self.good
    }

    pub(super) fn letters(&self) -> u32 {
        self.letters
    }

    pub(super) fn age(&self) -> Duration {
        self.opened.elapsed()
    }

    /// Says goodbye where there is still somebody to say it to.
    pub(super) async fn close(mut self) {
        if self.good {
            // Whether the server answers a goodbye changes nothing.
            let _ = timeout(self.limits.quit, self.connection.quit()).await;
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("letters", &self.letters).field("good", &self.good).finish_non_exhaustive()
    }
}

impl SmtpSettings {
    fn trouble(&self, part: Part, seen: &str) -> Trouble {
        Trouble::new(part, &format!("{}:{}: {seen}", self.host, self.port))
    }
}

async fn connect(settings: &SmtpSettings) -> Result<AsyncSmtpConnection, (Part, String)> {
    let SmtpSettings { host, port, encryption, login, hello, limits } = settings;
    let mut connection = match encryption {
        Encryption::Implicit(tls) => {
            let address = (host.as_str(), *port);
            let opened = AsyncSmtpConnection::connect_tokio1(address, Some(limits.connect), hello, Some(tls.clone()), None).await;
            opened.map_err(|error| (part_of(&error), said("connecting", &error)))?
        }
        Encryption::None | Encryption::StartTls(_) => {
            let stream = timeout(limits.connect, TcpStream::connect((host.as_str(), *port))).await;
            let stream = stream.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "no answer")));
            // A letter's last dot is a small write of its own: it must not wait until the server has acknowledged the body.
            let stream = stream.and_then(|stream| stream.set_nodelay(true).map(|()| stream));
            let stream = stream.map_err(|error| (Part::Connection, format!("connecting: {error}")))?;
            let opened = AsyncSmtpConnection::connect_with_transport(Box::new(Wary::new(stream)), hello).await;
            opened.map_err(|error| (Part::Connection, said("the greeting", &error)))?
        }
    };
    if let Encryption::StartTls(tls) = encryption {
        if !connection.server_info().supports_feature(Extension::StartTls) {
            return Err((Part::Encryption, "it offers no STARTTLS, and nothing is sent unencrypted".to_owned()));
        }
        let encrypted = connection.starttls(tls.clone(), hello).await;
        encrypted.map_err(|error| (Part::Encryption, said("STARTTLS", &error)))?;
    }
    if let Some(login) = login {
        // The settings never pair a login with a plain connection; here is where that would do harm.
        if !connection.is_encrypted() {
            return Err((Part::Encryption, "no password is sent over a connection that is not encrypted".to_owned()));
        }
        let entered = connection.auth(DEFAULT_MECHANISMS, login).await;
        entered.map_err(|error| (if is_lost(&error) { Part::Connection } else { Part::Login }, said("AUTH", &error)))?;
    }
    Ok(connection)
}

/// lettre calls a failed handshake a failed connection; what lies beneath tells them apart.
fn part_of(error: &Error) -> Part {
    let mut cause = error.source();
    while let Some(inner) = cause {
        let beneath = inner.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if inner.is::<rustls::Error>() || beneath.is_some_and(|beneath| beneath.is::<rustls::Error>()) {
            return Part::Encryption;
        }
        cause = inner.source();
    }
    if error.is_tls() { Part::Encryption } else { Part::Connection }
}

/// Whether no answer came at all.
fn is_lost(error: &Error) -> bool {
    error.status().is_none() && !error.is_client()
}

impl Snag {
    fn of(what: &str, error: &Error) -> Self {
        match error.status() {
            Some(code) => Self::No(Reply::new(code.into(), &words(error))),
            None => Self::Lost(said(what, error)),
        }
    }
}

fn refused_before_the_body(reply: Reply) -> Fate {
    if LOGIN_CODES.contains(&reply.code) {
        return Fate::OutOfService(Trouble::new(Part::Login, &reply.to_string()));
    }
    refused(reply)
}

fn refused(reply: Reply) -> Fate {
    if reply.code < 500 { Fate::RefusedForNow(reply) } else { Fate::RefusedForGood(reply) }
}

fn reply(answer: &Response) -> Reply {
    Reply::new(answer.code().into(), &answer.message().collect::<Vec<_>>().join(" "))
}

/// What was being done, and what came of it: the server's answer where there is one.
fn said(what: &str, error: &Error) -> String {
    match error.status() {
        Some(code) => format!("{what}: {code} {}", words(error)),
        None => format!("{what}: {}", words(error)),
    }
}

/// The cause without lettre's own preface.
fn words(error: &Error) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}

fn seconds(limit: Duration) -> String {
    format!("{} s", limit.as_secs_f64())
}
