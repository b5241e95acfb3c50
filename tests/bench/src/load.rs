//! Enqueues numbered payloads in one of several ways and says how long it took. Every Rust program of the benchmarks compiles this file.

use std::{
    fs::OpenOptions,
    future::Future,
    io::Write,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::Context;

use crate::notes::{Payload, monotonic_ns, setting};

/// How many calls are on their way at once, in `in-flight`.
const IN_FLIGHT: u64 = 64;
/// How many batches are, in `bulk`: one is made while another is carried out.
const BULK_IN_FLIGHT: u64 = 4;

/// A system's ways in.
pub(crate) trait Client: Send + Sync + 'static {
    /// How many payloads go into one batch; 1: there is no bulk call, and `bulk` is `in-flight`.
    const BATCH: u64;

    /// Enqueues one payload and waits until it is accepted.
    fn one(&self, payload: Payload) -> impl Future<Output = anyhow::Result<()>> + Send;

    /// Enqueues a batch.
    fn bulk(&self, payloads: Vec<Payload>) -> impl Future<Output = anyhow::Result<()>> + Send;

    /// Enqueues one payload in a transaction of its own; says when the commit was asked for.
    fn promise(&self, payload: Payload) -> impl Future<Output = anyhow::Result<u64>> + Send;
}

/// `MODE N [RATE]`, with a client that has connected already.
///
/// # Errors
/// The arguments are none of the contract's, or a payload is not accepted.
pub(crate) async fn load<C: Client>(client: C, arguments: &[String]) -> anyhow::Result<()> {
    let arguments = arguments.to_vec();
    // Where a server's handlers run, too: what `main` waits for has a thread of its own, and each of its answers costs a change of threads.
    tokio::spawn(async move { in_task(Arc::new(client), &arguments).await }).await?
}

async fn in_task<C: Client>(client: Arc<C>, arguments: &[String]) -> anyhow::Result<()> {
    let mode = arguments.first().context("which mode?")?;
    let n: u64 = arguments.get(1).context("how many?")?.parse().context("how many?")?;
    let rate = || arguments.get(2).context("at which rate?")?.parse::<f64>().context("at which rate?");
    let begun = Instant::now();
    match mode.as_str() {
        "one" => at_once(&client, n, 1, 1).await?,
        "bulk" if C::BATCH > 1 => at_once(&client, n, BULK_IN_FLIGHT, C::BATCH).await?,
        "in-flight" | "bulk" => at_once(&client, n, IN_FLIGHT, 1).await?,
        "paced" => {
            let rate = rate()?;
            for id in 0..n {
                keep_pace(begun, id, rate).await;
                client.one(Payload::new(id)).await?;
            }
        }
        "steady" => {
            let rate = rate()?;
            for from in (0..n).step_by(usize::try_from(C::BATCH)?) {
                keep_pace(begun, from, rate).await;
                client.bulk((from..n.min(from + C::BATCH)).map(Payload::new).collect()).await?;
            }
        }
        "promised" => {
            let (rate, mut commits) = (rate()?, String::new());
            for id in 0..n {
                keep_pace(begun, id, rate).await;
                let asked = client.promise(Payload::new(id)).await?;
                commits += &format!("{id} {asked} {}\n", monotonic_ns());
            }
            let out = setting("PEERS_OUT").unwrap_or_else(|| ".".to_owned());
            let file = OpenOptions::new().create(true).append(true).open(Path::new(&out).join("commits"));
            file?.write_all(commits.as_bytes())?;
        }
        other => anyhow::bail!("no mode is named {other:?}"),
    }
    writeln!(std::io::stdout(), "{{\"n\":{n},\"seconds\":{}}}", begun.elapsed().as_secs_f64())?;
    Ok(())
}

/// Shares the payloads out among `lanes` that each wait for an answer before the next call.
async fn at_once<C: Client>(client: &Arc<C>, n: u64, lanes: u64, batch: u64) -> anyhow::Result<()> {
    let next = Arc::new(AtomicU64::new(0));
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..lanes {
        let (client, next) = (client.clone(), next.clone());
        running.spawn(async move {
            loop {
                let from = next.fetch_add(batch, Relaxed);
                if from >= n {
                    return anyhow::Ok(());
                }
                if batch == 1 {
                    client.one(Payload::new(from)).await?;
                } else {
                    client.bulk((from..n.min(from + batch)).map(Payload::new).collect()).await?;
                }
            }
        });
    }
    while let Some(ended) = running.join_next().await {
        ended??;
    }
    Ok(())
}

async fn keep_pace(begun: Instant, id: u64, rate: f64) {
    #[expect(clippy::cast_precision_loss, reason = "a count far below 2^52")]
    let due = begun + Duration::from_secs_f64(id as f64 / rate);
    tokio::time::sleep_until(due.into()).await;
}
