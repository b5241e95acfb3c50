//! A script of misbehaviour: rules that fire a number of times, a record of what fired, and the HTTP routes that set them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use chrono::Utc;
use faena_tests::sandbox::{Fired, Misbehaviour, RuleState, Rules};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::door::Door;

/// Firings that are remembered.
const REMEMBERED: usize = 1_000;
/// Rules that one script may hold.
const MAX_RULES: usize = 1_000;
/// The longest delay that a rule may ask for.
pub(crate) const MAX_DELAY: Duration = Duration::from_secs(600);

/// What a script must know of a stand-in's rules.
pub(crate) trait Rule: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// How many times it fires; none means for ever.
    fn times(&self) -> Option<u32>;
    /// The wait of a rule after which the next matching one is looked for.
    fn delay(&self) -> Option<Duration>;
    /// Whether the service's doors are shut as long as it is there.
    fn refuses(&self) -> bool;
    /// Why it makes no sense, if it does not.
    fn mistake(&self) -> Option<String>;
}

/// The rules of one service.
pub(crate) struct Script<R>(Mutex<Misbehaviour<R>>);

/// What the rules say about one event.
pub(crate) struct Verdict<R> {
    /// To be waited first.
    pub delay: Duration,
    /// To be done then; none: behave.
    pub rule: Option<R>,
}

impl<R: Rule> Script<R> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Misbehaviour { rules: Vec::new(), fired: Vec::new() })))
    }

    /// Fires the rules that match an event: delays, up to and including the first that is none. `met` describes the event.
    pub(crate) fn fire(&self, met: impl Fn() -> String, matches: impl Fn(&R) -> bool) -> Verdict<R> {
        let mut script = self.lock();
        let mut verdict = Verdict { delay: Duration::ZERO, rule: None };
        for index in 0..script.rules.len() {
            let state = &mut script.rules[index];
            if state.left == Some(0) || !matches(&state.rule) {
                continue;
            }
            state.left = state.left.map(|left| left - 1);
            state.fired += 1;
            let rule = state.rule.clone();
            if script.fired.len() >= REMEMBERED {
                script.fired.remove(0);
            }
            script.fired.push(Fired { rule: index, fired_at: Utc::now(), met: met() });
            match rule.delay() {
                Some(delay) => verdict.delay += delay,
                None => {
                    verdict.rule = Some(rule);
                    break;
                }
            }
        }
        verdict
    }

    fn replace(&self, rules: Vec<R>) -> Result<(), String> {
        if rules.len() > MAX_RULES {
            return Err(format!("{} rules are more than {MAX_RULES}", rules.len()));
        }
        let mistakes: Vec<_> =
            rules.iter().enumerate().filter_map(|(index, rule)| Some(format!("rule {index}: {}", rule.mistake()?))).collect();
        if !mistakes.is_empty() {
            return Err(mistakes.join("\n"));
        }
        let rules = rules.into_iter().map(|rule| RuleState { left: rule.times(), fired: 0, rule }).collect();
        *self.lock() = Misbehaviour { rules, fired: Vec::new() };
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Misbehaviour<R>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `GET`, `PUT` and `DELETE /api/misbehave/{service}`. The doors follow the rules before an answer is given.
pub(crate) fn routes<R: Rule>(service: &str, script: Arc<Script<R>>, doors: Vec<Door>) -> Router {
    Router::new()
        .route(&format!("/api/misbehave/{service}"), get(show::<R>).put(replace::<R>).delete(clear::<R>))
        .with_state((script, doors.into()))
}

type Service<R> = State<(Arc<Script<R>>, Arc<[Door]>)>;

async fn show<R: Rule>(State((script, _)): Service<R>) -> Json<Misbehaviour<R>> {
    Json(script.lock().clone())
}

async fn replace<R: Rule>(State((script, doors)): Service<R>, Json(rules): Json<Rules<R>>) -> Response {
    match script.replace(rules.rules) {
        Ok(()) => follow(&script, &doors).await,
        Err(mistakes) => (StatusCode::UNPROCESSABLE_ENTITY, mistakes).into_response(),
    }
}

async fn clear<R: Rule>(State((script, doors)): Service<R>) -> Response {
    *script.lock() = Misbehaviour { rules: Vec::new(), fired: Vec::new() };
    follow(&script, &doors).await
}

async fn follow<R: Rule>(script: &Script<R>, doors: &[Door]) -> Response {
    let shut = script.lock().rules.iter().any(|state| state.rule.refuses());
    for door in doors {
        if let Err(error) = door.turn(shut).await {
            return (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")).into_response();
        }
    }
    StatusCode::NO_CONTENT.into_response()
}
