//! What every client of another service does with its answers.

use std::{error::Error as _, time::Duration};

use reqwest::{Response, header::RETRY_AFTER};

/// `Retry-After` in seconds (RFC 9110, 10.2.3); as a date nobody of those whom we ask sends it.
pub(crate) fn retry_after(response: &Response) -> Option<Duration> {
    response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// The error with its causes: what reqwest says first is only that something went wrong. Whose address is secret takes it out before.
pub(crate) fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
