//! The door through which letters leave.

use std::{fmt, pin::Pin, time::Duration};

use crate::mail::letter::Letter;

/// Sends one letter and says exactly what became of it. It keeps no letter: whether to try again is not its business.
///
/// A letter leaves in two steps, because only the second can leave its fate unknown: what is written down between them says
/// "it may have left" of no letter that cannot have.
pub trait Mailer: fmt::Debug + Send + Sync {
    /// The domain that letters come from; their Message-IDs end in it.
    fn domain(&self) -> &str;

    /// Asks a mail server to take the letter, up to the point where its body would leave.
    ///
    /// # Errors
    /// What became of the letter without leaving: refused, or out of service.
    fn offer<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<Box<dyn Offered>, Fate>>;
}

/// A letter that a server is ready to take. Dropped, it does not leave.
pub trait Offered: Send {
    /// Lets the body leave. Dropping the future leaves the letter's fate unknown.
    fn hand_over(self: Box<Self>) -> BoxFuture<'static, Fate>;
}

/// How long a mailer may take over both steps together, whatever the server does.
pub const PATIENCE: Duration = Duration::from_secs(150);

/// A boxed future: what an object-safe trait returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What became of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// The server has taken it: from here on it is the server's to deliver.
    Accepted(Reply),
    /// The server did not take it this time (4xx). It has no copy.
    RefusedForNow(Reply),
    /// The server will never take it (5xx). It has no copy.
    RefusedForGood(Reply),
    /// It did not leave, for a reason that is ours or the server's and not the letter's.
    OutOfService(Trouble),
    /// Its body began to leave and no answer came back: the server may or may not have it.
    Unknown {
        /// What was seen instead of an answer.
        why: String,
    },
}

/// A server's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The three digits (RFC 5321, 4.2).
    pub code: u16,
    /// The server's own words, in one line.
    pub words: String,
}

/// Why no letter can leave at present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What does not work.
    pub part: Part,
    /// What was seen, with the server's words where it said any.
    pub words: String,
}

/// What of the way to a mail server does not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Nobody answers, or what answers is no mail server that works.
    Connection,
    /// The server offers no encryption, or none that can be trusted.
    Encryption,
    /// The server does not let us in.
    Login,
    /// The conversation about a letter ended before its body left.
    Conversation,
}

impl Reply {
    /// An answer as it may be stored and shown: one line without control characters, at most 1,000 characters.
    #[must_use]
    pub fn new(code: u16, words: &str) -> Self {
        Self { code, words: one_line(words) }
    }
}

impl Trouble {
    /// A trouble, its words made storable as those of a [`Reply`].
    #[must_use]
    pub fn new(part: Part, words: &str) -> Self {
        Self { part, words: one_line(words) }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.words)
    }
}

/// A server's words go into Postgres, logs and pages: none of them takes everything a server may send.
fn one_line(words: &str) -> String {
    let spaced: String = words.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(1000).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_words_become_one_storable_line() {
        let reply = Reply::new(550, "5.1.1 no such\r\n  user\0 here\u{1b}[31m");
        assert_eq!(reply.to_string(), "550 5.1.1 no such user here [31m");
        assert_eq!(Reply::new(451, &"ñ".repeat(5000)).words.chars().count(), 1000);
    }
}
