//! The real worker with the tests' own catalogue of jobs.

use std::process::ExitCode;

use faena_tests::probe::NoOutside;

#[tokio::main]
async fn main() -> ExitCode {
    worker::main::<NoOutside>().await
}
