//! One question to a provider: bounded in time and size, and its answer sorted into what a job can act on.

use std::time::Duration;

use jobs::ports::payments::Trouble;
use reqwest::{Client, RequestBuilder, StatusCode, redirect::Policy};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::http::{chain, retry_after};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a question may take in all.
const TOTAL: Duration = Duration::from_secs(20);
/// A page of a hundred objects is a tenth of this.
pub(super) const MAX_BYTES: usize = 4 * 1024 * 1024;
/// When it says "later" and not when.
const SHORT_WAIT: Duration = Duration::from_secs(5);
/// No wait that it asks for is longer.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// Until somebody has looked at the keys.
const KEY_WAIT: Duration = Duration::from_secs(60);

/// Asks.
#[derive(Debug, Clone)]
pub(super) struct Http(Client);

impl Http {
    pub(super) fn new() -> Result<Self, String> {
        let client =
            Client::builder().connect_timeout(CONNECT).timeout(TOTAL).redirect(Policy::none()).user_agent("faena").build();
        client.map(Self).map_err(|error| chain(&error))
    }

    pub(super) fn client(&self) -> &Client {
        &self.0
    }
}

/// What came back.
#[derive(Debug)]
pub(super) enum Answer {
    /// It was done: the body.
    Good(Vec<u8>),
    /// It was not.
    Bad(Refusal),
}

/// An answer that says no.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    wait: Option<Duration>,
    /// The body, if it is JSON.
    pub(super) body: Value,
}

impl Refusal {
    /// What a job can do about it. `words` finds the provider's own in the body.
    pub(super) fn trouble(&self, words: fn(&Value) -> Option<String>) -> Trouble {
        sort(self.status, self.wait, &words(&self.body).unwrap_or_default())
    }
}

impl Answer {
    /// Reads it.
    pub(super) fn read<T: DeserializeOwned>(self, words: fn(&Value) -> Option<String>) -> Result<T, Trouble> {
        match self {
            Self::Good(body) => serde_json::from_slice(&body)
                .map_err(|error| Trouble::Unknown { words: format!("the answer cannot be read: {error}") }),
            Self::Bad(refusal) => Err(refusal.trouble(words)),
        }
    }
}

/// Asks, and reads the answer. `words` finds the provider's own in an error's body.
pub(super) async fn ask<T: DeserializeOwned>(request: RequestBuilder, words: fn(&Value) -> Option<String>) -> Result<T, Trouble> {
    answer(request, MAX_BYTES).await?.read(words)
}

/// Asks, and takes at most so many bytes.
pub(super) async fn answer(request: RequestBuilder, most: usize) -> Result<Answer, Trouble> {
    // The address may hold what is nobody's business.
    let unknown = |error: reqwest::Error| Trouble::Unknown { words: chain(&error.without_url()) };
    let mut response = request.send().await.map_err(unknown)?;
    let wait = retry_after(&response).map(|wait| wait.clamp(Duration::from_secs(1), LONGEST_WAIT));
    let status = response.status();
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(unknown)? {
        body.extend_from_slice(&piece);
        if body.len() > most {
            return Err(Trouble::Unknown { words: format!("the answer has more than {most} bytes") });
        }
    }
    if status.is_success() {
        return Ok(Answer::Good(body));
    }
    Ok(Answer::Bad(Refusal { status, wait, body: serde_json::from_slice(&body).unwrap_or_default() }))
}

fn sort(status: StatusCode, wait: Option<Duration>, said: &str) -> Trouble {
    let said: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).take(500).collect();
    let words = format!("{} {said}", status.as_u16()).trim_end().to_owned();
    match status.as_u16() {
        404 => Trouble::Missing,
        401 | 403 => Trouble::Away { words, wait: KEY_WAIT, needs_operator: true },
        429 => Trouble::Away { words, wait: wait.unwrap_or(SHORT_WAIT), needs_operator: false },
        503 if wait.is_some() => Trouble::Away { words, wait: wait.unwrap_or(SHORT_WAIT), needs_operator: false },
        // 409: the same request is being carried out at this moment.
        408 | 409 | 425 | 500.. => Trouble::Unknown { words },
        400..500 => Trouble::Refused { words },
        _ => Trouble::Unknown { words },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_whether_to_wait_to_ask_again_or_to_give_up() {
        let sorted = |status: u16, wait: Option<u64>| {
            sort(StatusCode::from_u16(status).expect("a status"), wait.map(Duration::from_secs), "no\nmoney")
        };
        for status in [408, 409, 500, 502, 503, 504] {
            assert!(matches!(sorted(status, None), Trouble::Unknown { .. }), "{status}");
        }
        assert_eq!(sorted(404, None), Trouble::Missing);
        assert_eq!(sorted(402, None), Trouble::Refused { words: "402 no money".to_owned() });
        let away = |status, wait| match sorted(status, wait) {
            Trouble::Away { wait, needs_operator, .. } => (wait.as_secs(), needs_operator),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            (away(429, Some(7)), away(429, None), away(503, Some(30)), away(401, None)),
            ((7, false), (5, false), (30, false), (60, true))
        );
    }
}
