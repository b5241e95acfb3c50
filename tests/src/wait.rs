//! Waiting for something to become true: polled until a deadline, never slept for.

use std::{fmt::Display, time::Duration};

use tokio::time::Instant;

/// Longer than anything takes on a busy machine, shorter than anybody's patience.
pub const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(20);

/// Polls until `condition` gives something.
///
/// # Panics
/// The [`PATIENCE`] is over; `what` says what was waited for.
pub async fn eventually<T>(what: impl Display, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(Instant::now() < deadline, "waited {} s in vain for {what}", PATIENCE.as_secs());
        tokio::time::sleep(POLL).await;
    }
}

/// Polls until `condition` holds.
///
/// # Panics
/// As [`eventually`].
pub async fn until(what: impl Display, mut condition: impl AsyncFnMut() -> bool) {
    eventually(what, async || condition().await.then_some(())).await;
}
