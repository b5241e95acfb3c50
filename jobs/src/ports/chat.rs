//! The door through which messages go into channels of a chat.

use std::{fmt, time::Duration};

use url::Url;

use super::mailer::BoxFuture;
use crate::chat::webhook::{Webhook, WebhookProblem};

/// Puts messages into channels, and says exactly what became of each. It keeps none.
pub trait Chat: fmt::Debug + Send + Sync {
    /// What tells the webhook that the settings have for the channel from another (SHA-256), and opens nothing; `None`: they have none.
    fn fingerprint(&self, channel: &str) -> Option<[u8; 32]>;

    /// Reads a webhook that stands elsewhere.
    ///
    /// # Errors
    /// It is none, or leads where none may.
    fn read_webhook(&self, text: &str) -> Result<Webhook, WebhookProblem>;

    /// Posts a message.
    fn post<'a>(&'a self, door: Door<'a>, message: &'a Message) -> BoxFuture<'a, Result<(), ChatTrouble>>;
}

/// What is posted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// All of it, addresses written out: what a notification shows, and a service that knows no blocks. The signs with which Slack's mentions and links begin are
    /// escaped.
    pub text: String,
    /// The same as it is shown, line by line, in parts of at most 3,000 characters, or of one line that has them alone.
    pub parts: Vec<Vec<Line>>,
}

/// A line of a message: words, which are shown as they are whatever signs are in them, and where they lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it says.
    pub words: String,
    /// A page of ours, and what stands for it.
    pub link: Option<(Url, &'static str)>,
}

/// Which way a message goes.
#[derive(Debug, Clone, Copy)]
pub enum Door<'a> {
    /// By the webhook that the settings have for that channel.
    Setting(&'a str),
    /// By this one.
    Webhook(&'a Webhook),
}

/// Why a message is not in its channel, or may not be. `words` are the chat's own, or what was seen instead of an answer, without addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatTrouble {
    /// It did not leave, or was turned away for a reason that passes.
    Away {
        #[expect(missing_docs, reason = "see above")]
        words: String,
    },
    /// Nothing may come for so long.
    Quiet {
        /// As the chat asks.
        wait: Duration,
        #[expect(missing_docs, reason = "see above")]
        words: String,
    },
    /// The channel or its webhook is gone.
    Gone {
        #[expect(missing_docs, reason = "see above")]
        words: String,
    },
    /// This message will never be taken.
    Refused {
        #[expect(missing_docs, reason = "see above")]
        words: String,
    },
    /// It left, and no answer came back.
    Unknown {
        #[expect(missing_docs, reason = "see above")]
        words: String,
    },
}
