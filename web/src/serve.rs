//! Takes connections and gives them to the router; at the end, lets what has begun be finished.

use std::{convert::Infallible, io, net::SocketAddr, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo, http::Request};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpStream},
    signal::unix::{SignalKind, signal},
    sync::Semaphore,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

use crate::app::App;

/// How long a client may take to send the head of a request; also how long an idle connection is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long requests that have begun may take to end.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);
/// How long connections to Postgres may take to be closed in order.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);
/// Who takes nothing of what is sent for so long is gone.
const UNREAD_TIMEOUT: Duration = Duration::from_secs(30);
/// More connections than this wait to be accepted.
const CONNECTIONS: usize = 4096;

/// Serves until SIGTERM or SIGINT: then /ready says no while requests are still taken, then nothing new is taken, and what has
/// begun may end.
///
/// # Errors
/// The process cannot hear signals.
pub(crate) async fn serve(listener: TcpListener, router: Router, app: App) -> io::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let closing = CancellationToken::new();
    let connections = TaskTracker::new();
    let places = std::sync::Arc::new(Semaphore::new(CONNECTIONS));

    let accept = async {
        loop {
            let Ok(place) = std::sync::Arc::clone(&places).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let served = connection(stream, peer, router.clone(), closing.clone());
                    connections.spawn(async move {
                        served.await;
                        drop(place);
                    });
                }
                // Out of file handles, or a client that left before it was served: the next may do better.
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    };
    let stop = async {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        app.drain();
        tracing::info!(notice_s = app.settings.drain_notice.as_secs(), "draining");
        // A second signal ends the notice at once.
        tokio::select! {
            () = tokio::time::sleep(app.settings.drain_notice) => {}
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    tokio::select! { () = accept => {}, () = stop => {} }

    drop(listener);
    closing.cancel();
    connections.close();
    if timeout(DRAIN_TIMEOUT, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "some requests were cut off");
    }
    // A connection whose other end is gone would be waited for.
    let _ = timeout(CLOSE_TIMEOUT, app.db.close()).await;
    tracing::info!("stopped");
    Ok(())
}

async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, closing: CancellationToken) {
    // Answers are small and written whole: waiting to fill a packet only delays them.
    // And who neither takes them nor leaves keeps no place: nothing else bounds how long an answer is on its way.
    let unread = SockRef::from(&stream).set_tcp_user_timeout(Some(UNREAD_TIMEOUT));
    if let Err(error) = stream.set_nodelay(true).and(unread) {
        tracing::debug!(%error, "a connection has no options");
    }
    let service = router.map_request(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        request
    });
    let service = service.map_err(|never: Infallible| never);
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    let mut served = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)));
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = closing.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}
