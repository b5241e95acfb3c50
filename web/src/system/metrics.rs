//! `GET /metrics`: the figures, for Prometheus.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};

use crate::app::App;

/// The figures of this process.
pub(crate) async fn show(State(app): State<App>) -> Response {
    let open = app.db.size();
    let idle = u32::try_from(app.db.num_idle()).unwrap_or(u32::MAX);
    metrics::gauge!("faena_web_pool_connections", "state" => "idle").set(idle);
    metrics::gauge!("faena_web_pool_connections", "state" => "used").set(open.saturating_sub(idle));
    metrics::gauge!("faena_web_pool_connections_max").set(app.settings.database_connections);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.metrics.render()).into_response()
}
