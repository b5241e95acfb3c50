//! Tells an operator by letter what they must know.

use std::time::Duration;

use queue::{Attempted, Failure, Job, Limit, OrFailure, Queue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    accounts::{
        locale::Locale,
        role::Role,
        user::{User, UserId},
    },
    mail::{delivery, letters},
    ports::{Ctx, Ports},
};

/// Sends the letter.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct TellOperator {
    /// What of.
    pub notice_id: i64,
    /// Whom.
    pub user_id: UserId,
}

impl Job for TellOperator {
    type Ports = Ports;
    const NAME: &'static str = "tell_operator";
    const QUEUE: Queue = Queue::Default;
    const MAX_ATTEMPTS: u32 = delivery::MAX_ATTEMPTS;
    const TIMEOUT: Duration = delivery::TIMEOUT;
    const LIMITS: &'static [Limit] = delivery::DEFAULT_LIMITS;

    async fn run(self, ctx: &Ctx) -> Attempted {
        let key = format!("operator_notice:{}:{}", self.notice_id, self.user_id);
        let user = User::find(&ctx.db, self.user_id).await.context("looking up the account")?;
        let Some(user) = user.filter(|user| user.disabled_at.is_none() && matches!(user.role, Role::Operator | Role::Admin))
        else {
            delivery::withdraw(ctx, &key).await?;
            return Err(Failure::cancelled("they are no operator any more"));
        };
        let columns = match user.locale {
            Locale::Es => "select subject_es, es, path from core.operator_notices where id = $1",
            Locale::En => "select subject_en, en, path from core.operator_notices where id = $1",
        };
        let told: Option<(String, String, String)> =
            sqlx::query_as(columns).bind(self.notice_id).fetch_optional(&ctx.db).await.context("looking up the notice")?;
        let (subject, text, path) = told.or_dead("there is no such notice")?;
        let home = ctx.links.home();
        // What operators may not open is told them too: they know whom to wake.
        let path = if user.role == Role::Admin || !path.starts_with("/admin/") { path } else { "/ops".to_owned() };
        let link = home.join(&path).unwrap_or_else(|_| home.clone());
        delivery::send(ctx, key, &user, &letters::OperatorNotice { subject, text, link }).await
    }
}
