//! A word under a ticket, with what a letter about it says of the ticket.

use queue::{Failure, OrFailure};
use sqlx::PgExecutor;

use super::{
    actor::Actor,
    number::{ClientId, CommentId, TicketId},
    trouble::DeskError,
};
use crate::{accounts::user::UserId, ports::Ctx};

/// What was told, and where.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct Told {
    /// Under which ticket.
    pub(super) ticket_id: TicketId,
    /// Whose it is.
    pub(super) client_id: ClientId,
    /// What that client is called.
    pub(super) client: String,
    /// Who has the ticket.
    pub(super) assigned_to: Option<UserId>,
    /// What the ticket is about.
    pub(super) title: String,
    /// Who told it.
    pub(super) author: String,
    /// What was told.
    pub(super) body: String,
    /// Whether the client does not see it.
    pub(super) is_internal: bool,
}

impl Told {
    /// The comment of that number, if its ticket is at the desk still.
    pub(super) async fn comment(db: impl PgExecutor<'_>, id: CommentId) -> sqlx::Result<Option<Self>> {
        sqlx::query_as(
            "select c.ticket_id, t.client_id, cl.name as client, t.assigned_to, t.title, u.full_name as author, c.body, c.is_internal
             from desk.comments c
             join desk.tickets t on (t.id, t.created_at) = (c.ticket_id, c.ticket_created_at)
             join desk.clients cl on cl.id = t.client_id
             join core.users u on u.id = c.author_id
             where c.id = $1",
        )
        .bind(id)
        .fetch_optional(db)
        .await
    }
}

/// What the reader of a letter is at the help desk now; none: nothing any more.
pub(super) async fn reader(ctx: &Ctx, id: UserId) -> Result<Option<Actor>, Failure> {
    match Actor::find(&ctx.db, id).await {
        Ok(actor) => Ok(Some(actor)),
        Err(DeskError::Postgres(error)) => Err(error).context("asking what somebody is at the help desk"),
        Err(_) => Ok(None),
    }
}
