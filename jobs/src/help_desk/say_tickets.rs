//! Says in the chat which tickets clients have opened: those that nothing is promised for are told of nowhere else.

use chrono::{DateTime, Utc};
use queue::EnqueueError;
use sqlx::PgConnection;

use super::{
    number::TicketId,
    say_alerts::{CHANNEL, LONGEST_TITLE},
    words::Priority,
};
use crate::{
    accounts::locale::Locale,
    chat::{Notice, cut, has_channel, post_all},
    ports::Ports,
};

/// So many are said at one look; the next one goes on.
const MOST: i64 = 500;

#[derive(sqlx::FromRow)]
struct Opened {
    id: TicketId,
    title: String,
    client: String,
    priority: Priority,
}

/// Says what nobody has said yet of the last hour's tickets that wait for somebody to take them up: in one transaction, and each once. Only those who say it know
/// whether there is such a channel, so it is no business of whoever opens a ticket.
pub(super) async fn say_tickets(tx: &mut PgConnection, ports: &Ports, at: DateTime<Utc>) -> Result<(), EnqueueError> {
    if !has_channel(tx, ports, CHANNEL).await? {
        return Ok(());
    }
    let unsaid: Vec<Opened> =
        sqlx::query_as(include_str!("sql/unsaid_tickets.sql")).bind(CHANNEL).bind(at).bind(MOST).fetch_all(&mut *tx).await?;
    if unsaid.is_empty() {
        return Ok(());
    }
    let list = ports.links.tickets(Locale::Es).path().to_owned();
    let said: Vec<(String, String, String, bool)> = unsaid
        .iter()
        .map(|ticket| {
            let page = ports.links.ticket(Locale::Es, ticket.id).path().to_owned();
            (format!("ticket:{}", ticket.id), sentence(ticket), page, ticket.priority == Priority::Urgent)
        })
        .collect();
    let mut notices = Vec::with_capacity(said.len());
    for (key, text, page, is_urgent) in &said {
        notices.push(Notice { channel: CHANNEL, key, text, page: Some(page), list: Some(&list), is_urgent: *is_urgent });
    }
    post_all(tx, &notices).await
}

/// Withdraws what waits in the channel of tickets that somebody has taken up meanwhile.
pub(crate) async fn withdraw_tickets(tx: &mut PgConnection, channel: &str) -> sqlx::Result<()> {
    sqlx::query(include_str!("sql/withdraw_tickets.sql")).bind(channel).execute(tx).await.map(drop)
}

/// In Spanish, as everything in the channel.
fn sentence(ticket: &Opened) -> String {
    let priority = match ticket.priority {
        Priority::Low => "baja",
        Priority::Normal => "normal",
        Priority::High => "alta",
        Priority::Urgent => "urgente",
    };
    format!("Nueva: #{} «{}» ({}), de prioridad {priority}.", ticket.id, cut(&ticket.title, LONGEST_TITLE), ticket.client)
}
