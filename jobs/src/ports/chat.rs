//! The door through which messages go into channels of a chat.

use std::{fmt, time::Duration};

use super::mailer::BoxFuture;

/// Puts messages into channels, and says exactly what became of each. It keeps none.
pub trait Chat: fmt::Debug + Send + Sync {
    /// What tells the channel's webhook from another (SHA-256), and opens nothing; `None`: there is no such channel.
    fn fingerprint(&self, channel: &str) -> Option<[u8; 32]>;

    /// Posts a message, whose text is escaped already.
    fn post<'a>(&'a self, channel: &'a str, text: &'a str) -> BoxFuture<'a, Result<(), ChatTrouble>>;
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
