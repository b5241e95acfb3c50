//! Tells an agent by mail what a client has written under a ticket of theirs.

use std::time::Duration;

use queue::{Attempted, Backoff, Failure, Job, Limit, OrFailure, Queue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    actor::Actor,
    number::CommentId,
    told::{Told, reader},
};
use crate::{
    accounts::user::{User, UserId},
    mail::{
        delivery,
        letters::{TicketReply, Words},
    },
    ports::{Ctx, Ports},
};

/// Sends the letter with a word of the client's to whoever has the ticket.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct AnnounceReply {
    /// To whom.
    pub user_id: UserId,
    /// Which word.
    pub comment_id: CommentId,
}

impl Job for AnnounceReply {
    type Ports = Ports;
    const NAME: &'static str = "announce_reply";
    const QUEUE: Queue = Queue::Default;
    const MAX_ATTEMPTS: u32 = delivery::MAX_ATTEMPTS;
    const TIMEOUT: Duration = delivery::TIMEOUT;
    const BACKOFF: Backoff = delivery::BACKOFF;
    const LIMITS: &'static [Limit] = delivery::DEFAULT_LIMITS;

    async fn run(self, ctx: &Ctx) -> Attempted {
        let key = format!("ticket_reply:{}:{}", self.comment_id, self.user_id);
        let user = User::find(&ctx.db, self.user_id).await.context("looking up the account")?.or_dead("the account is gone")?;
        let told = Told::comment(&ctx.db, self.comment_id).await.context("looking up what was written")?;
        let works_here = matches!(reader(ctx, user.id).await?, Some(Actor::Agent { .. }));
        // Somebody else may have the ticket by now.
        let Some(told) = told.filter(|told| works_here && told.assigned_to == Some(user.id)) else {
            delivery::withdraw(ctx, &key).await?;
            return Err(Failure::cancelled("the ticket is not theirs to see to any more"));
        };
        let letter = TicketReply {
            ticket: told.ticket_id.0,
            title: told.title,
            client: told.client,
            author: told.author,
            words: Words::of(&told.body),
            link: ctx.links.ticket(user.locale, told.ticket_id),
        };
        delivery::send(ctx, key, &user, &letter).await
    }
}
