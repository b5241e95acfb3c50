//! Logs as JSON lines on stderr, and the recorder of the figures.

use std::time::Duration;

use anyhow::Context as _;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

const UPKEEP_EVERY: Duration = Duration::from_secs(5);
/// The session layer warns of every stale cookie; that is no news.
const DEFAULT_FILTER: &str = "info,tower_sessions=error,tower_sessions_core=off";

/// Begins to log: JSON lines, or text for people when LOG_FORMAT=text. RUST_LOG filters.
///
/// # Errors
/// Somebody logs already.
pub(crate) fn start_log() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let registry = tracing_subscriber::registry().with(filter);
    let is_text = std::env::var("LOG_FORMAT").is_ok_and(|format| format == "text");
    let started = if is_text {
        registry.with(fmt::layer().with_writer(std::io::stderr)).try_init()
    } else {
        let json = fmt::layer().json().flatten_event(true).with_current_span(true).with_span_list(false);
        registry.with(json.with_writer(std::io::stderr)).try_init()
    };
    started.context("starting the log")
}

/// Begins to count and measure.
///
/// # Errors
/// Somebody does already.
pub(crate) fn start_metrics() -> anyhow::Result<PrometheusHandle> {
    let recorder = builder()?.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).context("installing the recorder of figures")?;
    describe();
    keep_up(handle.clone());
    Ok(handle)
}

/// What histograms were told lies in memory until it is put into buckets: whether or not anybody fetches the figures.
fn keep_up(metrics: PrometheusHandle) {
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(UPKEEP_EVERY);
        loop {
            ticks.tick().await;
            metrics.run_upkeep();
        }
    });
}

fn describe() {
    use metrics::{describe_counter as counter, describe_gauge as gauge, describe_histogram as histogram};
    counter!("faena_web_requests_total", "Requests by method, route (as in the table) and status.");
    histogram!("faena_web_request_seconds", "How long requests took, by method and route.");
    counter!("faena_web_panics_total", "Handlers that panicked.");
    counter!("faena_web_forms_refused_total", "Forms refused because their token or origin was not right.");
    counter!("faena_web_throttled_total", "Tries refused, by limit.");
    counter!("faena_web_logins_total", "Logins by outcome.");
    counter!("faena_web_registrations_total", "Registrations by outcome.");
    counter!("faena_web_session_cache_total", "Sessions looked up in the cache, by result.");
    counter!("faena_web_cache_away_total", "Calls that found the cache away.");
    gauge!("faena_web_pool_connections", "Connections to Postgres, by state.");
    gauge!("faena_web_pool_connections_max", "The most connections to Postgres that may be open.");
}

fn builder() -> anyhow::Result<PrometheusBuilder> {
    let seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
    let requests = Matcher::Full("faena_web_request_seconds".to_owned());
    PrometheusBuilder::new().set_buckets_for_metric(requests, &seconds).context("naming the buckets")
}
