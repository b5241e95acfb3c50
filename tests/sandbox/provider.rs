//! What the stand-ins for those who take money have in common: requests that are carried out once for each key, things that happen at their
//! side, and messages about them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router, extract::State};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::messages::{Endpoint, Messages};

/// A stand-in for a provider.
pub(crate) trait Provider: Send + Sync + 'static {
    /// What can happen at its side.
    type Happening: DeserializeOwned + Send + 'static;
    /// Where it is told to send its messages.
    type Told: Serialize + DeserializeOwned + Send + 'static;
    /// The same, with all that signing takes.
    type Endpoint: Endpoint;

    /// What it tells.
    fn messages(&self) -> &Messages<Self::Endpoint>;
    /// Where it sends that, as it was told.
    fn told(&self) -> Self::Told;
    /// From now on it sends there.
    fn tell(&self, told: Self::Told);
    /// Lets something happen: the messages about it, or why it cannot.
    fn happen(&self, happening: &Self::Happening) -> Result<Vec<Value>, String>;
    /// How many of each there are: what a test counts that fears to have paid twice.
    fn counts(&self) -> Value;
}

/// `/api/NAME/endpoint`, `…/events`, `…/happen`, `…/objects`.
pub(crate) fn routes<P: Provider>(name: &str) -> Router<Arc<P>> {
    Router::new()
        .route(&format!("/api/{name}/endpoint"), get(show_endpoint::<P>).put(set_endpoint::<P>))
        .route(&format!("/api/{name}/events"), get(list_events::<P>))
        .route(&format!("/api/{name}/happen"), post(happen::<P>))
        .route(&format!("/api/{name}/objects"), get(list_objects::<P>))
}

async fn show_endpoint<P: Provider>(State(provider): State<Arc<P>>) -> Json<P::Told> {
    Json(provider.told())
}

async fn set_endpoint<P: Provider>(State(provider): State<Arc<P>>, Json(told): Json<P::Told>) -> StatusCode {
    provider.tell(told);
    StatusCode::NO_CONTENT
}

async fn list_events<P: Provider>(State(provider): State<Arc<P>>) -> Json<Vec<Value>> {
    Json(provider.messages().all())
}

async fn list_objects<P: Provider>(State(provider): State<Arc<P>>) -> Json<Value> {
    Json(provider.counts())
}

async fn happen<P: Provider>(State(provider): State<Arc<P>>, Json(happening): Json<P::Happening>) -> (StatusCode, Json<Value>) {
    match provider.happen(&happening) {
        Ok(events) => {
            provider.messages().send(events);
            (StatusCode::OK, Json(json!({})))
        }
        Err(why) => (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "error": why }))),
    }
}

/// The answers that were given under idempotency keys.
pub(crate) struct Answers<A>(Mutex<HashMap<String, (Vec<u8>, A)>>);

impl<A> Default for Answers<A> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<A: Clone> Answers<A> {
    /// From now on every key is new.
    pub(crate) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Carries out a request once for each key; a key that comes with another request is `in_use`. An error of the work is not remembered.
    pub(crate) fn once<E>(
        &self,
        key: Option<&str>,
        request: Vec<u8>,
        work: impl FnOnce() -> Result<(A, Vec<Value>), E>,
        in_use: impl FnOnce() -> E,
    ) -> Result<(A, Vec<Value>), E> {
        let Some(key) = key else { return work() };
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match answers.get(key) {
            Some((before, answer)) if *before == request => Ok((answer.clone(), Vec::new())),
            Some(_) => Err(in_use()),
            None => {
                let (answer, events) = work()?;
                answers.insert(key.to_owned(), (request, answer.clone()));
                Ok((answer, events))
            }
        }
    }
}
