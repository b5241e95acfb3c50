//! Judges a message of PayPal's whose certificate was not known when it came.

use std::time::Duration;

use chrono::{DateTime, Utc};
use queue::{Attempted, Backoff, Failure, Job, Limit, OrFailure, Queue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use super::{
    checkout::{self, failure},
    paypal::{
        certificate::Chain,
        event,
        signature::{Transmission, Unsigned},
    },
    receive::{Event, write},
    sale::Provider,
};
use crate::ports::{
    Ctx, Ports,
    payments::{PaypalMessages, Trouble},
};

/// Fetches the certificate, keeps it for those to come, and either receives the message or throws it away.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct VerifyMessage {
    /// PayPal's name for the sending.
    #[schemars(length(max = 100))]
    pub transmission_id: String,
}

#[derive(Debug, sqlx::FromRow)]
struct Held {
    #[sqlx(flatten)]
    sent: Transmission,
    body: Vec<u8>,
}

impl Job for VerifyMessage {
    type Ports = Ports;
    const NAME: &'static str = "verify_message";
    /// A person may wait for their course.
    const QUEUE: Queue = Queue::Critical;
    const MAX_ATTEMPTS: u32 = checkout::MAX_ATTEMPTS;
    const TIMEOUT: Duration = checkout::TIMEOUT;
    const BACKOFF: Backoff = checkout::BACKOFF;
    /// Whoever sends us rubbish does not have us ask PayPal for certificates as fast as they can.
    const LIMITS: &'static [Limit] = &[Limit::rate("certificate", 5, Duration::from_secs(1)).and_at_once(2)];

    async fn run(self, ctx: &Ctx) -> Attempted {
        let held: Option<Held> = sqlx::query_as("select * from school.unverified_messages where transmission_id = $1")
            .bind(&self.transmission_id)
            .fetch_optional(&ctx.db)
            .await
            .context("looking up the message")?;
        let Some(Held { sent, body }) = held else { return Err(Failure::cancelled("the message has been judged")) };
        let messages = ctx
            .payments
            .paypal_messages
            .as_ref()
            .or_dead("this worker knows nothing of PayPal's messages: see PAYPAL_WEBHOOK_IDS")?;
        // The settings may have changed since it came.
        let judged = if messages.endpoint.may_fetch(&sent.certificate_url) {
            match pem_at(ctx, messages, &sent.certificate_url).await? {
                Ok(pem) => judge(messages, &sent, &pem, &body, ctx.now()).map(|event| (event, pem)),
                Err(why) => Err(why),
            }
        } else {
            Err(Unsigned::Address.to_string())
        };
        let mut effect = ctx.effect().await?;
        match judged {
            Ok((event, pem)) => {
                sqlx::query(
                    "insert into school.paypal_certificates (url, pem) values ($1, $2)
                     on conflict (url) do update set pem = excluded.pem, fetched_at = clock_timestamp()",
                )
                .bind(&sent.certificate_url)
                .bind(&pem)
                .execute(&mut *effect)
                .await
                .context("keeping the certificate")?;
                write(&mut effect, &event, &body).await.context("receiving the message")?;
                info!(job = %ctx.job_id(), event = event.id, "a message was believed once its certificate was there");
            }
            Err(why) => {
                metrics::counter!("faena_messages_refused_total", "provider" => Provider::Paypal.as_str()).increment(1);
                warn!(job = %ctx.job_id(), transmission = self.transmission_id, why, "a message was thrown away");
            }
        }
        sqlx::query("delete from school.unverified_messages where transmission_id = $1")
            .bind(&self.transmission_id)
            .execute(&mut *effect)
            .await
            .context("ending the message's wait")?;
        Ok(effect.into())
    }
}

/// What stands at that address: what we have of it, if it is still good, or what is there now. The inner error: there is nothing.
async fn pem_at(ctx: &Ctx, messages: &PaypalMessages, url: &str) -> Result<Result<Vec<u8>, String>, Failure> {
    let kept: Option<Vec<u8>> = sqlx::query_scalar("select pem from school.paypal_certificates where url = $1")
        .bind(url)
        .fetch_optional(&ctx.db)
        .await
        .context("looking up the certificate")?;
    let is_good =
        |pem: &[u8]| Chain::read(pem).is_ok_and(|chain| messages.endpoint.trust.check(&chain, ctx.now().timestamp()).is_ok());
    if let Some(pem) = kept.filter(|pem| is_good(pem)) {
        return Ok(Ok(pem));
    }
    match messages.certificates.fetch(url).await {
        Ok(pem) => Ok(Ok(pem)),
        Err(Trouble::Missing) => Ok(Err("there is no certificate at its address".to_owned())),
        Err(Trouble::Refused { words }) => Ok(Err(format!("its certificate cannot be had: {words}"))),
        Err(trouble) => Err(failure(ctx, Provider::Paypal, trouble).await),
    }
}

fn judge(messages: &PaypalMessages, sent: &Transmission, pem: &[u8], body: &[u8], now: DateTime<Utc>) -> Result<Event, String> {
    let chain = Chain::read(pem).map_err(|why| why.to_string())?;
    sent.verify(&messages.endpoint, &chain, body, now).map_err(|why| why.to_string())?;
    event::read(body, messages.is_live).map_err(|why| why.to_string())
}
