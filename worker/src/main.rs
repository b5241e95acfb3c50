//! The worker of CompilandoCode and the help desk.

mod outside;

use std::process::ExitCode;

use outside::OutsideArgs;

#[tokio::main]
async fn main() -> ExitCode {
    // Two providers could be compiled in; every binary says which one it means.
    let _ = rustls::crypto::ring::default_provider().install_default();
    worker::main::<OutsideArgs>().await
}
