//! Opening a ticket: its row, and the clocks of what is promised for it.

use chrono::{DateTime, SubsecRound as _, Utc};
use serde_json::json;
use sqlx::PgConnection;

use super::{
    actor::Actor,
    calendar::Calendar,
    client::Client,
    number::{ClientId, TicketId},
    policy::Terms,
    rules,
    text::{Body, Tag, Title},
    ticket::{Ticket, note},
    ticket_clocks::follow_terms,
    trouble::DeskError,
    words::{Category, Priority},
};

/// What somebody wants to be seen to.
#[derive(Debug, Clone)]
pub struct NewTicket {
    /// Whose it is.
    pub client: ClientId,
    /// What it is about, in a line.
    pub title: Title,
    /// What it is about.
    pub description: Body,
    /// What sort of matter it is.
    pub category: Category,
    /// Words by which it is found again.
    pub tags: Vec<Tag>,
    /// How much depends on it.
    pub priority: Priority,
}

impl NewTicket {
    /// Opens it.
    ///
    /// # Errors
    /// Nothing may be kept of the transaction: the person may not open tickets for that client ([`DeskError::NoSuchClient`]), the client has no
    /// contract and is not served without one, or Postgres refuses or cannot be reached.
    pub async fn open(&self, tx: &mut PgConnection, at: DateTime<Utc>, actor: &Actor) -> Result<TicketId, DeskError> {
        if !actor.sees(self.client) {
            return Err(DeskError::NoSuchClient);
        }
        rules::read(tx).await?;
        let at = at.trunc_subsecs(0);
        let client = Client::find(tx, self.client).await?;
        let calendar = Calendar::find(tx, client.calendar_id).await?;
        let contract = client.contract_on(tx, calendar.time.day(at)).await?;
        let mut tags = self.tags.clone();
        tags.sort_unstable();
        tags.dedup();
        let ticket: Ticket = sqlx::query_as(include_str!("sql/open_ticket.sql"))
            .bind(at)
            .bind(self.client)
            .bind(&self.title)
            .bind(&self.description)
            .bind(self.category)
            .bind(tags)
            .bind(self.priority)
            .bind(actor.id())
            .bind(contract)
            .fetch_one(&mut *tx)
            .await?;
        let terms = Terms::find(tx, self.client, self.priority, contract).await?;
        follow_terms(tx, at, &ticket, &mut Vec::new(), &terms, &calendar).await?;
        note(tx, at, actor, "open_ticket", ticket.id, json!({})).await?;
        Ok(ticket.id)
    }
}
