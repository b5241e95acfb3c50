//! What a stand-in for a provider tells: kept, and sent until it is taken.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::Client;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// Providers try for three days; a stand-in is restarted sooner.
const TRIES: u32 = 12;
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Where messages go, and what goes with them.
pub(crate) trait Endpoint: Clone + Send + Sync + 'static {
    /// The address; none: messages are kept and not sent.
    fn url(&self) -> Option<&str>;
    /// How often each is sent.
    fn copies(&self) -> u32;
    /// The headers of a body that is sent now: the provider's signature.
    fn headers(&self, body: &[u8]) -> Vec<(&'static str, String)>;
}

/// What was told, and to whom.
pub(crate) struct Messages<E> {
    told: Arc<Mutex<Told<E>>>,
    stop: CancellationToken,
    client: Client,
}

struct Told<E> {
    endpoint: E,
    events: Vec<Value>,
}

impl<E: Endpoint> Messages<E> {
    pub(crate) fn start(endpoint: E, stop: &CancellationToken) -> Self {
        let client = Client::builder().timeout(Duration::from_secs(20)).no_proxy().build().unwrap_or_default();
        Self { told: Arc::new(Mutex::new(Told { endpoint, events: Vec::new() })), stop: stop.clone(), client }
    }

    pub(crate) fn endpoint(&self) -> E {
        self.lock().endpoint.clone()
    }

    pub(crate) fn set_endpoint(&self, endpoint: E) {
        self.lock().endpoint = endpoint;
    }

    /// Everything that was ever told, oldest first.
    pub(crate) fn all(&self) -> Vec<Value> {
        self.lock().events.clone()
    }

    /// Tells, each message by itself: in what order they arrive is anybody's guess, as with the providers.
    pub(crate) fn send(&self, events: Vec<Value>) {
        let endpoint = {
            let mut told = self.lock();
            told.events.extend(events.iter().cloned());
            told.endpoint.clone()
        };
        if endpoint.url().is_none() {
            return;
        }
        for event in events {
            for _ in 0..endpoint.copies() {
                let delivery = deliver(self.client.clone(), endpoint.clone(), event.to_string());
                tokio::spawn(self.stop.clone().run_until_cancelled_owned(delivery));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Told<E>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn deliver<E: Endpoint>(client: Client, endpoint: E, body: String) {
    let mut wait = FIRST_WAIT;
    for _ in 0..TRIES {
        let request = client.post(endpoint.url().unwrap_or_default()).header("content-type", "application/json");
        let headers = endpoint.headers(body.as_bytes());
        let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        match request.body(body.clone()).send().await {
            Ok(answer) if answer.status().is_success() => return,
            Ok(answer) => tracing::info!(status = answer.status().as_u16(), "a provider's message was not taken"),
            Err(error) => tracing::info!(error = %error.without_url(), "a provider's message did not arrive"),
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}
