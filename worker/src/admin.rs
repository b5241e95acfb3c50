//! What a worker answers about itself: /health, /ready, /metrics.

use std::net::SocketAddr;

use anyhow::Context;
use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};
use metrics_exporter_prometheus::PrometheusHandle;
use queue::{Check, Operations};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

#[derive(Clone)]
struct Admin {
    operations: Operations,
    metrics: PrometheusHandle,
    draining: CancellationToken,
}

pub(crate) async fn listen(addr: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(addr).await.with_context(|| format!("ADMIN_ADDR: listening on {addr}"))
}

pub(crate) async fn serve(listener: TcpListener, operations: Operations, metrics: PrometheusHandle, draining: CancellationToken) {
    let router = Router::new()
        .route("/health", get(|| async { "ok" }))
        .route("/ready", get(ready))
        .route("/metrics", get(render))
        .with_state(Admin { operations, metrics, draining });
    // It serves as long as the process lives, also while it drains.
    let _ = axum::serve(listener, router).await;
}

async fn ready(State(admin): State<Admin>) -> impl IntoResponse {
    let mut readiness = admin.operations.readiness().await;
    if admin.draining.is_cancelled() {
        readiness.ready = false;
        readiness.checks.insert("worker", Check { ok: false, ms: 0.0, error: Some("draining".to_owned()) });
    }
    (if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(readiness))
}

async fn render(State(admin): State<Admin>) -> impl IntoResponse {
    admin.operations.publish_gauges().await;
    ([("content-type", "text/plain; version=0.0.4; charset=utf-8")], admin.metrics.render())
}
