//! Welcomes a new learner by mail, and asks them to prove that the address is theirs.

use std::time::Duration;

use queue::{Attempted, Backoff, Failure, Job, Limit, OrFailure, Queue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    user::{User, UserId},
    verification::Verification,
};
use crate::{
    mail::{delivery, letters::Welcome},
    ports::{Ctx, Ports},
};

/// Sends the letter with the verification link.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct WelcomeLearner {
    /// Whom to welcome.
    pub user_id: UserId,
    /// 0 at registration; one more each time the person asks for the letter again.
    #[serde(default)]
    pub resend: u32,
}

impl Job for WelcomeLearner {
    type Ports = Ports;
    const NAME: &'static str = "welcome_learner";
    /// A person sits before the page that says "look into your mailbox".
    const QUEUE: Queue = Queue::Critical;
    const MAX_ATTEMPTS: u32 = delivery::MAX_ATTEMPTS;
    const TIMEOUT: Duration = delivery::TIMEOUT;
    const LIMITS: &'static [Limit] = delivery::CRITICAL_LIMITS;
    /// For hiccups of our own; a letter that the server refuses waits as [`delivery::refused_wait`] says.
    const BACKOFF: Backoff = delivery::BACKOFF;

    async fn run(self, ctx: &Ctx) -> Attempted {
        let key = format!("welcome:{}:{}", self.user_id, self.resend);
        let user = match User::find(&ctx.db, self.user_id).await.context("looking up the account")? {
            Some(user) if user.disabled_at.is_some() => Err(Failure::cancelled("the account is disabled")),
            // Also the end of a repeat whose first copy did arrive.
            Some(user) if user.email_verified_at.is_some() => Err(Failure::cancelled("the address is verified already")),
            Some(user) => Ok(user),
            None => Err(Failure::dead("the account is gone")),
        };
        let user = match user {
            Ok(user) => user,
            Err(failure) => {
                delivery::withdraw(ctx, &key).await?;
                return Err(failure);
            }
        };
        let letter = Welcome { link: ctx.links.verification(&user, ctx.now()), good_for_days: Verification::GOOD_FOR.num_days() };
        delivery::send(ctx, key, &user, &letter).await
    }
}
