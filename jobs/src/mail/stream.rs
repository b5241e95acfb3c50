//! Why somebody gets a letter, and so whether they may say no to it.

use serde::{Deserialize, Serialize};

/// A letter's stream. Each has its own reputation with readers: nobody who is tired of news shall miss a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Stream {
    /// What the person has just asked for, or must have: a link, a receipt. Nobody can say no to it.
    Transactional,
    /// What has happened to something of theirs: a certificate, a ticket, a report.
    Notifications,
    /// What somebody tells many: a course's news.
    Broadcast,
}

impl Stream {
    /// Those that a person may say no to.
    pub const OPTIONAL: [Self; 2] = [Self::Notifications, Self::Broadcast];

    /// Whether a person may say no to it.
    #[must_use]
    pub const fn is_optional(self) -> bool {
        !matches!(self, Self::Transactional)
    }

    /// Its name, as in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transactional => "transactional",
            Self::Notifications => "notifications",
            Self::Broadcast => "broadcast",
        }
    }
}
