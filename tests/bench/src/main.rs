//! The real worker with a catalogue of one job that does nothing, and `bench load`, which enqueues it and takes the time.

mod client;
mod load;
mod notes;
mod world;

use std::process::ExitCode;

/// As the worker's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    if std::env::args().nth(1).is_some_and(|command| command == "load") {
        client::main().await
    } else {
        worker::main::<world::World>().await
    }
}
