//! Stripe's messages: signed as <https://docs.stripe.com/webhooks#verify-manually> says, sent until they are taken.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::Utc;
use faena_tests::sandbox::{StripeEndpoint, stripe_signature};
use reqwest::Client;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// Stripe tries for three days; a stand-in is restarted sooner.
const TRIES: u32 = 12;
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// What was told, and to whom.
#[derive(Clone)]
pub(super) struct Messages {
    told: Arc<Mutex<Told>>,
    stop: CancellationToken,
    client: Client,
}

struct Told {
    endpoint: StripeEndpoint,
    events: Vec<Value>,
}

impl Messages {
    pub(super) fn start(url: Option<String>, secret: String, stop: &CancellationToken) -> Self {
        let endpoint = StripeEndpoint { url, secret, copies: 1 };
        let client = Client::builder().timeout(Duration::from_secs(20)).no_proxy().build().unwrap_or_default();
        Self { told: Arc::new(Mutex::new(Told { endpoint, events: Vec::new() })), stop: stop.clone(), client }
    }

    pub(super) fn endpoint(&self) -> StripeEndpoint {
        self.lock().endpoint.clone()
    }

    pub(super) fn set_endpoint(&self, endpoint: StripeEndpoint) {
        self.lock().endpoint = endpoint;
    }

    /// Everything that was ever told, oldest first.
    pub(super) fn all(&self) -> Vec<Value> {
        self.lock().events.clone()
    }

    /// Tells, each message by itself: in what order they arrive is anybody's guess, as with Stripe.
    pub(super) fn send(&self, events: Vec<Value>) {
        let endpoint = {
            let mut told = self.lock();
            told.events.extend(events.iter().cloned());
            told.endpoint.clone()
        };
        let Some(url) = endpoint.url else { return };
        for event in events {
            for _ in 0..endpoint.copies {
                let (client, url, secret, body) = (self.client.clone(), url.clone(), endpoint.secret.clone(), event.to_string());
                tokio::spawn(self.stop.clone().run_until_cancelled_owned(deliver(client, url, secret, body)));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn deliver(client: Client, url: String, secret: String, body: String) {
    let mut wait = FIRST_WAIT;
    for _ in 0..TRIES {
        let signature = stripe_signature(&secret, Utc::now().timestamp(), body.as_bytes());
        let request =
            client.post(&url).header("Stripe-Signature", signature).header("Content-Type", "application/json").body(body.clone());
        match request.send().await {
            Ok(answer) if answer.status().is_success() => return,
            Ok(answer) => tracing::info!(status = answer.status().as_u16(), "a message of Stripe's was not taken"),
            Err(error) => tracing::info!(error = %error.without_url(), "a message of Stripe's did not arrive"),
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}
