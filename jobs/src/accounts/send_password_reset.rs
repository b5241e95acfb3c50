//! Sends the link by which somebody who has forgotten their password chooses another.

use std::time::Duration;

use queue::{Attempted, Backoff, Failure, Job, Limit, OrFailure, Queue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    password_reset::{PasswordReset, Subject},
    user::{User, UserId},
};
use crate::{
    mail::{delivery, letters},
    ports::{Ctx, Ports},
};

/// Sends the letter.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct SendPasswordReset {
    /// Who has asked for it.
    pub user_id: UserId,
    /// 0 for the first letter; one more each time they ask again.
    pub number: u32,
}

impl Job for SendPasswordReset {
    type Ports = Ports;
    const NAME: &'static str = "send_password_reset";
    /// A person sits before the page that says "look into your mailbox".
    const QUEUE: Queue = Queue::Critical;
    /// As long as a link is good; nobody waits longer for the letter.
    const MAX_ATTEMPTS: u32 = 3;
    const TIMEOUT: Duration = delivery::TIMEOUT;
    const LIMITS: &'static [Limit] = delivery::CRITICAL_LIMITS;
    const BACKOFF: Backoff = Backoff::between(Duration::from_secs(5), Duration::from_secs(120)).at_least(Duration::from_secs(1));

    async fn run(self, ctx: &Ctx) -> Attempted {
        let key = format!("password_reset:{}:{}", self.user_id, self.number);
        let user = User::find(&ctx.db, self.user_id).await.context("looking up the account")?;
        let subject = Subject::find(&ctx.db, self.user_id).await.context("looking up the account's password")?;
        let (Some(user), Some(subject)) = (user, subject) else {
            delivery::withdraw(ctx, &key).await?;
            return Err(Failure::cancelled("the account is gone or closed"));
        };
        let letter = letters::PasswordReset {
            link: ctx.links.password_reset(&subject, user.locale, ctx.now()),
            good_for_minutes: PasswordReset::GOOD_FOR.num_minutes(),
        };
        delivery::send(ctx, key, &user, &letter).await
    }
}
