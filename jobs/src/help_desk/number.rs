//! The numbers by which the help desk knows things.

/// Declares a number of a table of `desk`.
macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, schemars::JsonSchema, sqlx::Type,
        )]
        #[serde(transparent)]
        #[sqlx(transparent)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// A client's number.
    ClientId
}
number! {
    /// A contract's number.
    ContractId
}
number! {
    /// A calendar's number.
    CalendarId
}
number! {
    /// A policy's number.
    PolicyId
}
number! {
    /// A ticket's number, as people name it.
    TicketId
}
number! {
    /// A comment's number.
    CommentId
}
number! {
    /// The number of a clock of a promise.
    ClockId
}
number! {
    /// An alert's number.
    AlertId
}
number! {
    /// An article's number.
    ArticleId
}
number! {
    /// The number of a change of what is promised.
    RuleChangeId
}
