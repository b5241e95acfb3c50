//! Why something is not done at the desk.

use super::{
    business_time::{HoursProblem, NeverOpen},
    number::{CalendarId, TicketId},
    words::{ArticleState, Status},
};

/// Why it was not done. Nothing may be kept of the transaction.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// There is no such ticket, or it is somebody else's: who may not see it is not told which.
    #[error("there is no such ticket")]
    NoSuchTicket,
    /// There is no such client.
    #[error("there is no such client")]
    NoSuchClient,
    /// There is no such calendar.
    #[error("there is no such calendar")]
    NoSuchCalendar,
    /// The person's role does not allow it.
    #[error("the person's role does not allow it")]
    NotAllowed,
    /// Somebody else has changed the ticket since it was looked at.
    #[error("the ticket has changed since it was looked at: then it was version {seen}, now it is version {present}")]
    Changed {
        /// The version that the change was meant for.
        seen: i32,
        /// The version that there is.
        present: i32,
    },
    /// In this status that is not done to a ticket.
    #[error("the ticket is {status}: it cannot be {act}")]
    WrongStatus {
        /// Where it stands.
        status: Status,
        /// What was wanted.
        act: &'static str,
    },
    /// A ticket is not resolved before the client has read a word from us.
    #[error("nobody has answered the client yet")]
    Unanswered,
    /// The ticket goes on in another one.
    #[error("the ticket goes on in {0}")]
    Merged(TicketId),
    /// The ticket in which it should go on is none of the client's, is void, or is this one.
    #[error("no other ticket of the client's that is not void has that number")]
    NoMerger,
    /// The ticket in which it should go on is over itself.
    #[error("ticket {ticket} is {status}: nothing goes on there before it is opened again")]
    MergerOver {
        /// Which.
        ticket: TicketId,
        /// Where it stands.
        status: Status,
    },
    /// The client has no contract on that day, and is not served without one.
    #[error("the client has no contract")]
    NoContract,
    /// There is no such article, or none that they may read.
    #[error("there is no such article")]
    NoSuchArticle,
    /// Somebody else has changed the article since it was looked at.
    #[error("the article has changed since it was looked at: then it was version {seen}, now it is version {present}")]
    ArticleChanged {
        /// The version that the change was meant for.
        seen: i32,
        /// The version that there is.
        present: i32,
    },
    /// An article does not go there from where it stands.
    #[error("the article is {from}: from there it does not become {to}")]
    WrongArticleState {
        /// Where it stands.
        from: ArticleState,
        /// Where it should.
        to: ArticleState,
    },
    /// Another article of that language has that name in addresses.
    #[error("another article of that language has that slug")]
    SlugTaken,
    /// Somebody else has changed the client, the calendar or the policies since they were looked at.
    #[error("it has changed since it was looked at")]
    RulesChanged,
    /// Clocks of open tickets are following another change of what is promised.
    #[error("another change of what is promised is being followed: {followed} of {tickets} tickets")]
    ChangeUnderWay {
        /// How many tickets have followed it.
        followed: i64,
        /// How many it touches.
        tickets: i64,
    },
    /// Nobody would be at work for a year from now on.
    #[error("the calendar would have no open hour for a year")]
    NoOpenHour,
    /// Another calendar, or another client, has that name.
    #[error("another one has that name")]
    NameTaken,
    /// Another contract of the client has that reference.
    #[error("another contract of the client has that reference")]
    ReferenceTaken,
    /// Another contract of the client has days in common with it.
    #[error("another contract of the client has days in common with it")]
    ContractsOverlap,
    /// There is no such contract of the client's.
    #[error("the client has no such contract")]
    NoSuchContract,
    /// The account of that address is closed, or none that opens tickets for clients.
    #[error("nobody of that address has an open account of the role client")]
    NoSuchPerson,
    /// Nobody has an account of that address.
    #[error("nobody has an account of that address")]
    NoAccount,
    /// The person opens tickets for another client.
    #[error("the person opens tickets for another client")]
    PersonElsewhere,
    /// Who should take the ticket is no agent, or not here any more.
    #[error("the ticket can only be assigned to an agent or a manager whose account is open")]
    NoAgent,
    /// By the calendar nobody is at work for a year.
    #[error("calendar {0}: {NeverOpen}")]
    NeverOpen(CalendarId),
    /// The calendar is in a zone that is none, or its hours are none.
    #[error("calendar {calendar}: {reason}")]
    BadCalendar {
        /// Which calendar.
        calendar: CalendarId,
        /// What is wrong with it.
        reason: String,
    },
    /// The hours that a calendar should have are none.
    #[error(transparent)]
    Hours(#[from] HoursProblem),
    /// What follows could not be promised.
    #[error("promising what follows: {0}")]
    Enqueue(#[source] queue::EnqueueError),
    /// Postgres refused or could not be reached.
    #[error("the help desk's tables: {0}")]
    Postgres(#[from] sqlx::Error),
}
