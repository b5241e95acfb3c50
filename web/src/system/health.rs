//! `GET /health`: the process lives. It says nothing of the servers it needs; /ready does.

/// 200, always.
pub(crate) async fn show() -> &'static str {
    "ok\n"
}
