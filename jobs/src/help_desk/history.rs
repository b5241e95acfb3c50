//! What has become of a ticket, and by whom: from the audit log, the alerts about its deadlines, and the changes of rules that its clocks have followed.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{PgExecutor, types::Json};

use super::{
    actor::Actor,
    clock::{BREACHED, Level},
    number::TicketId,
    ticket::Ticket,
    trouble::DeskError,
    words::{Category, Priority, Promise, Status, VoidReason},
};

/// So many of the latest events are told.
pub const MOST: usize = 200;

/// Something that has happened to a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: DateTime<Utc>,
    /// Who did it; none: nobody, time did, or whoever it was has no account any more.
    pub by: Option<String>,
    /// What.
    pub what: What,
    /// From where the ticket went to where, if it did.
    pub status: Option<(Status, Status)>,
}

/// What has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It was opened.
    Opened,
    /// Somebody wrote under it; for agents alone?
    Commented {
        /// Whether the client does not see it.
        is_internal: bool,
    },
    /// It was given to somebody, or taken from them; who has no account any more is nobody.
    Assigned {
        /// Who had it.
        from: Option<String>,
        /// Who has it.
        to: Option<String>,
    },
    /// More or less depends on it.
    Priority {
        /// As it was.
        from: Priority,
        /// As it is.
        to: Priority,
    },
    /// It is about something else, or found by other words.
    Classified {
        /// What it was about, and what it is about; none: the same.
        category: Option<(Category, Category)>,
        /// Tags that it got.
        added: Vec<String>,
        /// Tags that it lost.
        removed: Vec<String>,
    },
    /// The client is waited for.
    Waits,
    /// The client is waited for no more.
    GoesOn,
    /// It was solved.
    Resolved,
    /// It was not solved after all.
    Reopened,
    /// It is over.
    Closed,
    /// It should not have been.
    Void {
        /// Why.
        reason: VoidReason,
        /// In which ticket it goes on.
        into: Option<TicketId>,
    },
    /// Another ticket goes on in it.
    Merged {
        /// Which.
        from: TicketId,
    },
    /// A deadline was told of.
    Alert {
        /// What was promised.
        promise: Promise,
        /// What it had come to.
        level: Level,
        /// The deadline.
        due_at: DateTime<Utc>,
    },
    /// What is promised has changed, and its clocks have followed.
    Rules,
    /// Something that this version has no words for: its name in the audit log.
    Other(String),
}

#[derive(sqlx::FromRow)]
struct Row {
    at: DateTime<Utc>,
    by: Option<String>,
    action: String,
    detail: Json<Value>,
    from_name: Option<String>,
    to_name: Option<String>,
}

impl Event {
    /// Whether it is told of a deadline that has passed.
    #[must_use]
    pub fn is_breach(&self) -> bool {
        matches!(self.what, What::Alert { level, .. } if level >= BREACHED)
    }
}

/// What has become of a ticket, the latest first, at most [`MOST`]; of one that was put away too.
///
/// # Errors
/// The person does not work here, or Postgres refuses or cannot be reached.
pub async fn history(db: impl PgExecutor<'_>, actor: &Actor, ticket: &Ticket) -> Result<Vec<Event>, DeskError> {
    actor.must_be_agent()?;
    let rows: Vec<Row> = sqlx::query_as(include_str!("sql/history.sql"))
        .bind(ticket.id)
        .bind(ticket.created_at)
        .bind(ticket.client_id)
        .bind(ticket.priority)
        .bind(ticket.resolved_at)
        .bind(i64::try_from(MOST).unwrap_or(i64::MAX))
        .fetch_all(db)
        .await?;
    Ok(rows.into_iter().map(Row::event).collect())
}

impl Row {
    fn event(self) -> Event {
        let (from, to) = (self.word("from"), self.word("to"));
        let status = pair(&self.detail.0["status"]);
        let what = self.what(from, to).unwrap_or_else(|| What::Other(self.action.clone()));
        Event { at: self.at, by: self.by, what, status }
    }

    fn word<W: std::str::FromStr>(&self, name: &str) -> Option<W> {
        self.detail.0[name].as_str()?.parse().ok()
    }

    /// None: it does not say what such an event says.
    fn what(&self, from: Option<Priority>, to: Option<Priority>) -> Option<What> {
        let detail = &self.detail.0;
        Some(match self.action.as_str() {
            "open_ticket" => What::Opened,
            "comment_ticket" => What::Commented { is_internal: detail["internal"].as_bool()? },
            "assign_ticket" => What::Assigned { from: self.from_name.clone(), to: self.to_name.clone() },
            "set_ticket_priority" => What::Priority { from: from?, to: to? },
            "classify_ticket" => What::Classified {
                category: pair(&detail["category"]),
                added: words(&detail["tags"]["added"]),
                removed: words(&detail["tags"]["removed"]),
            },
            "wait_for_client" => What::Waits,
            "go_on_with_ticket" => What::GoesOn,
            "resolve_ticket" => What::Resolved,
            "reopen_ticket" => What::Reopened,
            "close_ticket" => What::Closed,
            "void_ticket" => What::Void { reason: self.word("reason")?, into: detail["into"].as_i64().map(TicketId) },
            "merge_ticket" => What::Merged { from: TicketId(detail["from"].as_i64()?) },
            "alert" => What::Alert {
                promise: self.word("promise")?,
                level: Level::try_from(detail["level"].as_i64()?).ok()?,
                due_at: detail["due_at"].as_str()?.parse().ok()?,
            },
            "change_rules" => What::Rules,
            _ => return None,
        })
    }
}

/// `{"from": …, "to": …}`.
fn pair<W: std::str::FromStr>(of: &Value) -> Option<(W, W)> {
    Some((of["from"].as_str()?.parse().ok()?, of["to"].as_str()?.parse().ok()?))
}

fn words(of: &Value) -> Vec<String> {
    of.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
