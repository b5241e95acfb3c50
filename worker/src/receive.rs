//! `worker receive-report`: takes what a mail server pipes in, and promises to read it.
//!
//! A mail server calls it for each message to the return path, for example Postfix with a line in /etc/aliases:
//! `bounces: "|/usr/local/bin/worker receive-report"`. It keeps the message and ends; a worker reads it.

use std::{io::Read as _, process::ExitCode, time::Duration};

use jobs::mail::report::{MAX_BYTES, Source, fingerprint, keep};
use tokio::{task::spawn_blocking, time::timeout};

use crate::settings::{Mistakes, StoreArgs};

/// "Try again later" to whoever called (EX_TEMPFAIL of sysexits.h): a mail server keeps the message and comes back with it. Any other failure
/// it would take for its end.
const TRY_AGAIN: u8 = 75;
/// A message that goes on after this is no report.
const MOST_READ: u64 = 64 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads standard input to its end and keeps the beginning.
pub(crate) async fn receive(stores: &StoreArgs) -> ExitCode {
    match timeout(PATIENCE, receive_once(stores))
        .await
        .unwrap_or_else(|_| Err(format!("not done within {} s", PATIENCE.as_secs())))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            // Whoever still holds the pipe open, and says nothing, would be waited for.
            std::process::exit(TRY_AGAIN.into())
        }
    }
}

async fn receive_once(stores: &StoreArgs) -> Result<(), String> {
    let message = spawn_blocking(read).await.map_err(|error| error.to_string())?.map_err(|error| format!("reading: {error}"))?;
    // A message that a mail server brings again, because it did not hear that we have it, is one.
    let mut mistakes = Mistakes::default();
    let stores = stores.checked(&mut mistakes).ok_or_else(|| mistakes.to_string())?;
    let db = stores.pool(1);
    keep(&db, Source::Message, &fingerprint(&message), &message).await.map(drop).map_err(|error| error.to_string())
}

/// The beginning of standard input. The rest is read too: a mail server takes a pipe that closes early for a failure.
fn read() -> std::io::Result<Vec<u8>> {
    let mut input = std::io::stdin().lock().take(MOST_READ);
    let mut message = Vec::new();
    (&mut input).take(MAX_BYTES as u64).read_to_end(&mut message)?;
    std::io::copy(&mut input, &mut std::io::sink())?;
    Ok(message)
}
