//! Tells somebody of a client by mail what was answered to their ticket.

use std::time::Duration;

use queue::{Attempted, Backoff, Failure, Job, Limit, OrFailure, Queue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    number::CommentId,
    told::{Told, reader},
};
use crate::{
    accounts::user::{User, UserId},
    mail::{
        delivery,
        letters::{TicketAnswer, Words},
    },
    ports::{Ctx, Ports},
};

/// Sends the letter with a word of the help desk's to the client.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct AnnounceAnswer {
    /// To whom.
    pub user_id: UserId,
    /// Which word.
    pub comment_id: CommentId,
}

impl Job for AnnounceAnswer {
    type Ports = Ports;
    const NAME: &'static str = "announce_answer";
    const QUEUE: Queue = Queue::Default;
    const MAX_ATTEMPTS: u32 = delivery::MAX_ATTEMPTS;
    const TIMEOUT: Duration = delivery::TIMEOUT;
    const BACKOFF: Backoff = delivery::BACKOFF;
    const LIMITS: &'static [Limit] = delivery::DEFAULT_LIMITS;

    async fn run(self, ctx: &Ctx) -> Attempted {
        let key = format!("ticket_answer:{}:{}", self.comment_id, self.user_id);
        let user = User::find(&ctx.db, self.user_id).await.context("looking up the account")?.or_dead("the account is gone")?;
        let told = Told::comment(&ctx.db, self.comment_id).await.context("looking up the answer")?;
        let client = reader(ctx, user.id).await?.and_then(|reader| reader.client());
        // What stands in the letter is for the client's people, and they may have left since.
        let Some(told) = told.filter(|told| !told.is_internal && client == Some(told.client_id)) else {
            delivery::withdraw(ctx, &key).await?;
            return Err(Failure::cancelled("the answer is not theirs to read any more"));
        };
        let letter = TicketAnswer {
            ticket: told.ticket_id.0,
            title: told.title,
            author: told.author,
            words: Words::of(&told.body),
            link: ctx.links.ticket(user.locale, told.ticket_id),
        };
        delivery::send(ctx, key, &user, &letter).await
    }
}
