//! Sends the link by which somebody whom the desk has invited chooses their password.

use std::time::Duration;

use queue::{Attempted, Backoff, Failure, Job, Limit, OrFailure, Queue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number::ClientId;
use crate::{
    accounts::{
        password_reset::{PasswordReset, Subject},
        user::{User, UserId},
    },
    mail::{delivery, letters::Invitation},
    ports::{Ctx, Ports},
};

/// Sends the letter.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct SendInvitation {
    /// Who is invited.
    pub user_id: UserId,
    /// For whom they may open tickets.
    pub client_id: ClientId,
    /// Who invites them.
    pub by_user_id: UserId,
    /// 0 for the first letter; one more each time it is sent again.
    pub number: u32,
}

impl Job for SendInvitation {
    type Ports = Ports;
    const NAME: &'static str = "send_invitation";
    const QUEUE: Queue = Queue::Default;
    const MAX_ATTEMPTS: u32 = delivery::MAX_ATTEMPTS;
    const TIMEOUT: Duration = delivery::TIMEOUT;
    const BACKOFF: Backoff = delivery::BACKOFF;
    const LIMITS: &'static [Limit] = delivery::DEFAULT_LIMITS;

    async fn run(self, ctx: &Ctx) -> Attempted {
        let key = format!("invitation:{}:{}", self.user_id, self.number);
        let user = User::find(&ctx.db, self.user_id).await.context("looking up the account")?;
        let subject = Subject::find(&ctx.db, self.user_id).await.context("looking up the account's password")?;
        let told: Option<(String, Option<String>)> = sqlx::query_as(
            "select c.name, u.full_name from desk.contacts k join desk.clients c on c.id = k.client_id left join core.users u on u.id = $3
             where (k.user_id, k.client_id) = ($1, $2)",
        )
        .bind(self.user_id)
        .bind(self.client_id)
        .bind(self.by_user_id)
        .fetch_optional(&ctx.db)
        .await
        .context("looking up the client")?;
        let (Some(user), Some(subject), Some((client, by))) = (user, subject.filter(Subject::is_invited), told) else {
            delivery::withdraw(ctx, &key).await?;
            return Err(Failure::cancelled("they have chosen a password, or are not invited any more"));
        };
        let letter = Invitation {
            client,
            by,
            link: ctx.links.invitation(&subject, user.locale, ctx.now()),
            good_for_days: PasswordReset::INVITATION_GOOD_FOR.num_days(),
        };
        delivery::send(ctx, key, &user, &letter).await
    }
}
