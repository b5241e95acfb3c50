//! Serves an HTTP stand-in and misbehaves on its behalf: delays, error answers, cut connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, Response, StatusCode};
use faena_tests::sandbox::{HttpAct, HttpRule};
use futures_util::{Stream, StreamExt, future};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio_util::sync::CancellationToken;

use crate::door::Door;
use crate::script::{MAX_DELAY, Rule, Script};

/// An HTTP stand-in: how it answers, and how its errors look.
pub(crate) trait StandIn: Send + Sync + 'static {
    /// Carries out a request.
    fn answer(&self, request: Request<Incoming>) -> impl Future<Output = Response<Body>> + Send;
    /// The service's own form of an error answer: its content type and body.
    fn error(&self, status: StatusCode, path: &str) -> (&'static str, String);
}

/// Serves the stand-in at this address until `stop`, as far as the script lets it.
pub(crate) fn serve<S: StandIn>(
    stand_in: S,
    script: Arc<Script<HttpRule>>,
    addr: SocketAddr,
    flag: &str,
    stop: &CancellationToken,
) -> anyhow::Result<Door> {
    let stand_in = Arc::new(stand_in);
    let stopping = stop.clone();
    Door::open(addr, flag, stop, move |socket, _| {
        let (stand_in, script, stopping) = (Arc::clone(&stand_in), Arc::clone(&script), stopping.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&stand_in), Arc::clone(&script), request));
            let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(socket), service);
            tokio::select! {
                // A connection that ends in an error was cut, by the client or by a rule.
                _ = connection => {}
                () = stopping.cancelled() => {}
            }
        });
    })
}

/// An error closes the connection at once, without an answer.
async fn answer<S: StandIn>(
    stand_in: Arc<S>,
    script: Arc<Script<HttpRule>>,
    request: Request<Incoming>,
) -> io::Result<Response<Body>> {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let verdict = script.fire(|| format!("{method} {path}"), |rule| matches(rule, method.as_str(), &path));
    if !verdict.delay.is_zero() {
        tokio::time::sleep(verdict.delay).await;
    }
    match verdict.rule.map(|rule| rule.act) {
        Some(HttpAct::Cut) => Err(cut()),
        Some(HttpAct::Status(status)) => Ok(refusal(&*stand_in, status, &path)),
        Some(HttpAct::KeepAndCut) => {
            // The work may go on while the body is read: it is done only when the body has ended.
            let mut body = stand_in.answer(request).await.into_body().into_data_stream();
            while body.next().await.is_some() {}
            Err(cut())
        }
        Some(HttpAct::CutAfterBytes(bytes)) => Ok(stand_in.answer(request).await.map(|body| truncated(body, bytes))),
        Some(HttpAct::DelayMs(_) | HttpAct::Refuse) | None => Ok(stand_in.answer(request).await),
    }
}

fn matches(rule: &HttpRule, method: &str, path: &str) -> bool {
    rule.act != HttpAct::Refuse
        && rule.method.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
        && rule.path_prefix.as_ref().is_none_or(|prefix| path.starts_with(prefix))
}

fn refusal(stand_in: &impl StandIn, status: u16, path: &str) -> Response<Body> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (content_type, body) = stand_in.error(status, path);
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", axum::http::HeaderValue::from_static(content_type));
    if matches!(status.as_u16(), 429 | 503) {
        response.headers_mut().insert("retry-after", axum::http::HeaderValue::from_static("1"));
    }
    response
}

fn truncated(body: Body, bytes: u64) -> Body {
    Body::from_stream(first_bytes(body.into_data_stream(), bytes))
}

/// At most so many bytes of a stream, then an error.
fn first_bytes<E>(stream: impl Stream<Item = Result<Bytes, E>>, bytes: u64) -> impl Stream<Item = io::Result<Bytes>> {
    let mut left = usize::try_from(bytes).unwrap_or(usize::MAX);
    stream
        .filter_map(|piece| future::ready(piece.ok()))
        .map(move |mut piece| {
            piece.truncate(left);
            left -= piece.len();
            piece
        })
        .take_while(|piece| future::ready(!piece.is_empty()))
        .map(Ok)
        .chain(futures_util::stream::once(async {
            // The server sends what it holds whenever the body makes it wait; at an error it would drop it, the head included.
            tokio::task::yield_now().await;
            Err(cut())
        }))
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "cut by a rule")
}

impl Rule for HttpRule {
    fn times(&self) -> Option<u32> {
        self.times
    }

    fn delay(&self) -> Option<Duration> {
        if let HttpAct::DelayMs(ms) = self.act { Some(Duration::from_millis(ms)) } else { None }
    }

    fn refuses(&self) -> bool {
        self.act == HttpAct::Refuse
    }

    fn mistake(&self) -> Option<String> {
        let choosy = self.method.is_some() || self.path_prefix.is_some() || self.times.is_some();
        match self.act {
            HttpAct::Status(status) if !(400..600).contains(&status) => {
                Some(format!("{status} is not an error status (400 to 599)"))
            }
            HttpAct::Refuse if choosy => {
                Some("refuse takes neither method, path_prefix nor times: it holds until it is removed".to_owned())
            }
            _ if self.delay().is_some_and(|delay| delay > MAX_DELAY) => Some(format!("a delay is at most {MAX_DELAY:?}")),
            _ => None,
        }
    }
}
