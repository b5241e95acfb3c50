//! The real worker with the tests' own catalogue of jobs.

use faena_tests::probe::NoOutside;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    worker::main::<NoOutside>().await
}
