//! Watches from outside whether anything in this process still moves: when every thread of the runtime is blocked, so is the engine's
//! own watchdog.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use tracing::error;

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// As many looks, not seconds: a process that was stopped and goes on has not hung. More than the engine's watchdog takes to build a
/// loop anew.
const PATIENCE: u32 = 20;

/// Ends the process if the runtime stands still.
pub(crate) fn watch_the_runtime() -> std::io::Result<()> {
    let moved = Arc::new(AtomicBool::new(true));
    let moves = moved.clone();
    tokio::spawn(async move {
        loop {
            moves.store(true, Ordering::Relaxed);
            tokio::time::sleep(LOOK_EVERY).await;
        }
    });
    thread::Builder::new().name("watchdog".to_owned()).spawn(move || {
        let mut still = 0;
        while still < PATIENCE {
            thread::sleep(LOOK_EVERY);
            still = if moved.swap(false, Ordering::Relaxed) { 0 } else { still + 1 };
        }
        // Beside this thread: what they hang on may be the log.
        let _ = thread::Builder::new().spawn(|| error!("every thread of the worker hangs; only a new process can help"));
        thread::sleep(LOOK_EVERY);
        std::process::exit(1)
    })?;
    Ok(())
}
