//! What a ticket can be: its status, its priority, its category; and what an article can be.

/// Declares words that are the same in code and in the database.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, sqlx::Type)]
        #[sqlx(type_name = "text", rename_all = "snake_case")]
        pub enum $name {
            $($(#[$word_doc])* $word,)+
        }

        impl $name {
            /// Every one, in order.
            pub const ALL: &[Self] = &[$(Self::$word,)+];

            /// The word in the database and in addresses.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$word => $text,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::help_desk::words::UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text).ok_or($crate::help_desk::words::UnknownWord)
            }
        }
    };
}
pub(crate) use words;

/// A word that is none of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such word")]
pub struct UnknownWord;

words! {
    /// Where a ticket stands.
    Status {
        /// Nobody has taken it up.
        New = "new",
        /// Somebody is at it.
        Open = "open",
        /// The client has been asked something.
        WaitingClient = "waiting_client",
        /// It is solved; the client may say that it is not.
        Resolved = "resolved",
        /// It is over. What the client writes now is another matter, with promises of its own.
        Closed = "closed",
    }
}

impl Status {
    /// Whether there is something left to do.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, Self::New | Self::Open | Self::WaitingClient)
    }

    /// Whether it is for us to do it, and not for the client to answer first.
    #[must_use]
    pub const fn waits_for_us(self) -> bool {
        matches!(self, Self::New | Self::Open)
    }
}

words! {
    /// Why a ticket should not have been.
    VoidReason {
        /// Nobody of the client's asks for anything.
        Spam = "spam",
        /// Another ticket is about the same.
        Duplicate = "duplicate",
        /// It was opened by mistake.
        Mistake = "mistake",
    }
}

words! {
    /// How much depends on a ticket.
    Priority {
        /// It can wait.
        Low = "low",
        /// As most.
        Normal = "normal",
        /// Somebody cannot work as usual.
        High = "high",
        /// Many cannot work at all.
        Urgent = "urgent",
    }
}

words! {
    /// What a ticket is about.
    Category {
        /// Accounts, passwords, rights.
        Access = "access",
        /// Machines.
        Hardware = "hardware",
        /// What connects them.
        Network = "network",
        /// Programs.
        Software = "software",
        /// Contracts and invoices.
        Billing = "billing",
        /// Anything else.
        Other = "other",
    }
}

words! {
    /// What clients are promised in time.
    Promise {
        /// That somebody answers.
        FirstResponse = "first_response",
        /// That it is solved.
        Resolution = "resolution",
    }
}

words! {
    /// Where a clock stands.
    ClockState {
        /// Time is used up.
        Running = "running",
        /// Time stands still.
        Paused = "paused",
        /// The promise was kept.
        Met = "met",
        /// It was kept too late, or was overdue when it was taken back.
        Missed = "missed",
        /// Nothing is promised any more.
        Void = "void",
    }
}

words! {
    /// Why a clock stands still.
    PauseReason {
        /// The client has been asked something.
        WaitingClient = "waiting_client",
        /// The ticket seemed to be solved.
        Resolved = "resolved",
        /// The ticket seemed to be one that should not have been.
        Void = "void",
    }
}

words! {
    /// What becomes of a client's tickets on days without a contract.
    WithoutContract {
        /// They are served as before.
        Serve = "serve",
        /// They are served, and nothing is promised.
        NoPromise = "no_promise",
        /// They are refused.
        Refuse = "refuse",
    }
}

words! {
    /// Where an article stands.
    ArticleState {
        /// Somebody is writing it, or looks at it again.
        Draft = "draft",
        /// Whom it is for, they read.
        Published = "published",
        /// It is kept, and nobody finds it by chance.
        Archived = "archived",
    }
}

words! {
    /// For whom an article is.
    Readers {
        /// Clients, who help themselves.
        Clients = "clients",
        /// Those who work here.
        Desk = "desk",
    }
}
