//! Tells a person by mail that their money has come.

use std::time::Duration;

use queue::{Attempted, Backoff, Job, Limit, OrFailure, Queue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sale::{Sale, SaleId};
use crate::{
    accounts::user::User,
    mail::{Said, delivery, letters::Receipt},
    ports::{Ctx, Ports},
};

/// Sends the receipt of a sale.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct SendReceipt {
    /// Of which sale.
    pub sale_id: SaleId,
}

impl Job for SendReceipt {
    type Ports = Ports;
    const NAME: &'static str = "send_receipt";
    const QUEUE: Queue = Queue::Default;
    const MAX_ATTEMPTS: u32 = delivery::MAX_ATTEMPTS;
    const TIMEOUT: Duration = delivery::TIMEOUT;
    const BACKOFF: Backoff = delivery::BACKOFF;
    const LIMITS: &'static [Limit] = delivery::DEFAULT_LIMITS;

    async fn run(self, ctx: &Ctx) -> Attempted {
        let sale = Sale::find(&ctx.db, self.sale_id).await.context("looking up the sale")?.or_dead("the sale is gone")?;
        let user = User::find(&ctx.db, sale.user_id).await.context("looking up the account")?.or_dead("the account is gone")?;
        let slug: String = sqlx::query_scalar("select slug from school.courses where id = $1")
            .bind(sale.course_id)
            .fetch_one(&ctx.db)
            .await
            .context("looking up the course")?;
        let total = sale.charged();
        let letter = Receipt {
            number: sale.id.to_string(),
            course: sale.description.clone(),
            total: Said::new(move |locale| total.to_text(locale)),
            paid_with: sale.provider.brand().to_owned(),
            paid_at: sale.paid_at.unwrap_or(sale.created_at),
            link: ctx.links.course(user.locale, &slug),
            orders: ctx.links.purchases(user.locale),
        };
        delivery::send(ctx, format!("receipt:{}", sale.id), &user, &letter).await
    }
}
