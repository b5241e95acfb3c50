//! Logs as JSON lines on stderr, and metrics for Prometheus.

use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use queue::Outage;
use tracing::error;
use tracing_subscriber::EnvFilter;

const UPKEEP_EVERY: Duration = Duration::from_secs(5);
/// From a millisecond to ten minutes.
const SECONDS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 600.0];

/// Logs from here on; RUST_LOG filters, LOG_FORMAT=text is for people. A panic is a log line too.
pub fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,apalis_core=warn"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start in one process (tests) keeps the first subscriber.
    let _ = if std::env::var("LOG_FORMAT").is_ok_and(|format| format == "text") {
        lines.try_init()
    } else {
        lines.json().flatten_event(true).try_init()
    };
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        error!(place, message = panic.payload_as_str().unwrap_or("without a message"), "panicked");
    }));
}

/// Collects metrics from here on; the handle renders them, and [`keep_up`] must run beside it.
///
/// # Errors
/// Something collects already.
pub fn collect_metrics() -> anyhow::Result<PrometheusHandle> {
    let builder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?;
    Ok(builder.install_recorder()?)
}

/// What histograms were told lies in memory until it is put into buckets: whether or not anybody fetches the figures.
pub async fn keep_up(metrics: PrometheusHandle, mut outage: Outage) {
    let mut ticks = tokio::time::interval(UPKEEP_EVERY);
    loop {
        ticks.tick().await;
        metrics.run_upkeep();
        outage.over();
    }
}
