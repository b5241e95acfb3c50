//! What went wrong with a request, and the page or document that says so.

use std::{sync::Arc, time::Duration};

use askama::Template;
use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use jobs::{
    certificates::request::RequestError,
    chat::channel::ChannelError,
    courses::announcement::AnnounceError,
    help_desk::trouble::DeskError,
    payments::{purchase::BuyError, receive::ReceiveError},
    reports::report::ReportError,
};
use queue::{EnqueueError, operations::OperationsError};
use serde_json::json;

use crate::{
    app::App,
    next_url::local_referer,
    page::{Page, key},
    visit::Visit,
};

/// A request that is not answered as it was asked. Handlers return it; the outermost layer writes the page, in the visit's
/// language, or the document (RFC 9457).
#[derive(Debug)]
pub(crate) enum Problem {
    /// The request makes no sense.
    BadRequest,
    /// A program has to say who it is. (A person is sent to the login page instead.)
    NotSignedIn,
    /// Known, and not allowed.
    Forbidden,
    /// The form's token is missing, old or not ours.
    FormExpired,
    /// There is no such page.
    NotFound,
    /// There is, but not for that verb.
    MethodNotAllowed,
    /// More bytes than a form may have.
    TooLarge,
    /// A program's request that is wrong in a place that can be named.
    Told(Told),
    /// Too often. Try again after that time.
    TooMany(Duration),
    /// It took too long.
    TooSlow,
    /// More requests than can be worked on.
    Busy,
    /// A server that it needs is away.
    Unavailable(anyhow::Error),
    /// Our own fault.
    Internal(anyhow::Error),
}

/// What is wrong with a program's request, in words for whoever writes the program.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) status: StatusCode,
    pub(crate) detail: String,
    /// Where in the request's document (JSON Pointers), and what is wrong there.
    pub(crate) faults: Vec<(String, String)>,
}

impl Told {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), faults: Vec::new() }
    }

    /// The same, at a place of the document.
    pub(crate) fn at(self, pointer: impl Into<String>) -> Self {
        Self { faults: vec![(pointer.into(), self.detail.clone())], ..self }
    }
}

impl From<Told> for Problem {
    fn from(told: Told) -> Self {
        Self::Told(told)
    }
}

impl Problem {
    fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::NotSignedIn => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::FormExpired => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Told(told) => told.status,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::TooSlow | Self::Busy | Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// How long to wait before the next try, in whole seconds.
    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::TooMany(wait) => Some(wait.as_secs_f64().ceil().max(1.0) as u64),
            Self::TooSlow | Self::Busy | Self::Unavailable(_) => Some(5),
            _ => None,
        }
    }

    /// The keys of its title and of the sentence below it.
    fn keys(&self) -> (&'static str, &'static str) {
        match self {
            Self::BadRequest | Self::Told(_) => (key("problem-bad-request"), key("problem-bad-request-say")),
            Self::NotSignedIn => (key("problem-not-signed-in"), key("problem-not-signed-in-say")),
            Self::Forbidden => (key("problem-forbidden"), key("problem-forbidden-say")),
            Self::FormExpired => (key("problem-form-expired"), key("problem-form-expired-say")),
            Self::NotFound => (key("problem-not-found"), key("problem-not-found-say")),
            Self::MethodNotAllowed => (key("problem-method"), key("problem-method-say")),
            Self::TooLarge => (key("problem-too-large"), key("problem-too-large-say")),
            Self::TooMany(_) => (key("problem-too-many"), key("problem-too-many-say")),
            Self::TooSlow | Self::Busy | Self::Unavailable(_) => (key("problem-unavailable"), key("problem-unavailable-say")),
            Self::Internal(_) => (key("problem-internal"), key("problem-internal-say")),
        }
    }

    /// What a bare status of the layers below means. Their own bodies are for programmers.
    fn of_status(status: StatusCode) -> Option<Self> {
        Some(match status {
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Self::MethodNotAllowed,
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            status if status.is_client_error() => Self::BadRequest,
            status if status.is_server_error() => Self::Internal(anyhow::anyhow!("a layer answered {status}")),
            _ => return None,
        })
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

/// Says what was being done when something failed. A foreign error becomes a problem in no other way.
pub(crate) trait Doing<T> {
    /// The value, or the problem, with `what` for the log.
    ///
    /// # Errors
    /// The problem.
    fn doing(self, what: &'static str) -> Result<T, Problem>;
}

impl<T> Doing<T> for Result<T, sqlx::Error> {
    fn doing(self, what: &'static str) -> Result<T, Problem> {
        self.map_err(|error| {
            let is_away = matches!(error, sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Tls(_))
                // Class 57: shut down, starting up, or a statement that was cancelled; class 53: out of resources; 55P03: waited in vain for
                // somebody else's lock.
                || error
                    .as_database_error()
                    .and_then(|error| error.code())
                    .is_some_and(|code| code.starts_with("57") || code.starts_with("53") || code == "55P03");
            let error = anyhow::Error::from(error).context(what);
            if is_away { Problem::Unavailable(error) } else { Problem::Internal(error) }
        })
    }
}

impl<T> Doing<T> for Result<T, tower_sessions::session::Error> {
    fn doing(self, what: &'static str) -> Result<T, Problem> {
        self.map_err(|error| Problem::Unavailable(anyhow::Error::from(error).context(what)))
    }
}

impl<T> Doing<T> for Result<T, EnqueueError> {
    fn doing(self, what: &'static str) -> Result<T, Problem> {
        match self {
            Err(EnqueueError::Postgres(error)) => Err(error).doing(what),
            other => other.map_err(|error| Problem::Internal(anyhow::Error::from(error).context(what))),
        }
    }
}

impl<T> Doing<T> for Result<T, RequestError> {
    fn doing(self, what: &'static str) -> Result<T, Problem> {
        match self {
            Err(RequestError::Postgres(error) | RequestError::Enqueue(EnqueueError::Postgres(error))) => Err(error).doing(what),
            Err(error) => Err(Problem::Internal(anyhow::Error::from(error).context(what))),
            Ok(value) => Ok(value),
        }
    }
}

impl<T> Doing<T> for Result<T, AnnounceError> {
    fn doing(self, what: &'static str) -> Result<T, Problem> {
        match self {
            Err(AnnounceError::Db(error) | AnnounceError::Enqueue(EnqueueError::Postgres(error))) => Err(error).doing(what),
            other => other.map_err(|error| Problem::Internal(anyhow::Error::from(error).context(what))),
        }
    }
}

impl<T> Doing<T> for Result<T, OperationsError> {
    fn doing(self, what: &'static str) -> Result<T, Problem> {
        match self {
            Err(OperationsError::Postgres(error)) => Err(error).doing(what),
            other => other.map_err(|error| Problem::Unavailable(anyhow::Error::from(error).context(what))),
        }
    }
}

impl<T> Doing<T> for Result<T, ReceiveError> {
    fn doing(self, what: &'static str) -> Result<T, Problem> {
        match self {
            Err(ReceiveError::Postgres(error) | ReceiveError::Enqueue(EnqueueError::Postgres(error))) => Err(error).doing(what),
            other => other.map_err(|error| Problem::Internal(anyhow::Error::from(error).context(what))),
        }
    }
}

impl<T> Doing<T> for Result<T, BuyError> {
    fn doing(self, what: &'static str) -> Result<T, Problem> {
        match self {
            Err(BuyError::Postgres(error) | BuyError::Enqueue(EnqueueError::Postgres(error))) => Err(error).doing(what),
            other => other.map_err(|error| Problem::Internal(anyhow::Error::from(error).context(what))),
        }
    }
}

/// What a page has its own words for is taken from the error before.
impl<T> Doing<T> for Result<T, DeskError> {
    fn doing(self, what: &'static str) -> Result<T, Problem> {
        match self {
            Err(DeskError::Postgres(error) | DeskError::Enqueue(EnqueueError::Postgres(error))) => Err(error).doing(what),
            Err(DeskError::NoSuchTicket | DeskError::NoSuchClient | DeskError::NoSuchCalendar | DeskError::NoSuchArticle) => {
                Err(Problem::NotFound)
            }
            Err(DeskError::NotAllowed) => Err(Problem::Forbidden),
            other => other.map_err(|error| Problem::Internal(anyhow::Error::from(error).context(what))),
        }
    }
}

impl<T> Doing<T> for Result<T, ChannelError> {
    fn doing(self, what: &'static str) -> Result<T, Problem> {
        match self {
            Err(ChannelError::Postgres(error) | ChannelError::Enqueue(EnqueueError::Postgres(error))) => Err(error).doing(what),
            Err(ChannelError::NoSuchChannel) => Err(Problem::NotFound),
            other => other.map_err(|error| Problem::Internal(anyhow::Error::from(error).context(what))),
        }
    }
}

impl<T> Doing<T> for Result<T, ReportError> {
    fn doing(self, what: &'static str) -> Result<T, Problem> {
        match self {
            Err(ReportError::Postgres(error) | ReportError::Enqueue(EnqueueError::Postgres(error))) => Err(error).doing(what),
            Err(ReportError::NotAllowed) => Err(Problem::Forbidden),
            // No form of ours offers it.
            Err(ReportError::NoSuchClient) => Err(Problem::BadRequest),
            other => other.map_err(|error| Problem::Internal(anyhow::Error::from(error).context(what))),
        }
    }
}

impl<T> Doing<T> for Result<T, schedules::OperationError> {
    fn doing(self, what: &'static str) -> Result<T, Problem> {
        match self {
            Err(schedules::OperationError::Postgres(error)) => Err(error).doing(what),
            Err(schedules::OperationError::NoSuchSchedule(_)) => Err(Problem::NotFound),
            // No page of ours has a form that asks for the first; the second's job is one that only a newer binary knows.
            Err(schedules::OperationError::OfCode(_) | schedules::OperationError::Refused(_)) => Err(Problem::BadRequest),
            other => other.map_err(|error| Problem::Internal(anyhow::Error::from(error).context(what))),
        }
    }
}

impl<T> Doing<T> for Result<T, askama::Error> {
    fn doing(self, what: &'static str) -> Result<T, Problem> {
        self.map_err(|error| Problem::Internal(anyhow::Error::from(error).context(what)))
    }
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    page: Page,
    status: u16,
    title: &'static str,
    say: &'static str,
    wait_s: Option<u64>,
    back: Option<String>,
    shows_id: bool,
}

/// Turns a problem, or a bare error of a layer below, into what the visitor reads. Other responses pass.
pub(crate) fn answer(mut response: Response, app: &App, visit: &Arc<Visit>) -> Response {
    let problem = match response.extensions_mut().remove::<Arc<Problem>>() {
        Some(problem) => problem,
        None if is_page_or_document(&response) => return response,
        None => match Problem::of_status(response.status()) {
            Some(problem) => Arc::new(problem),
            None => return response,
        },
    };
    match &*problem {
        Problem::Unavailable(error) => tracing::warn!(error = format!("{error:#}"), "a server is away"),
        Problem::Internal(error) => tracing::error!(error = format!("{error:#}"), "a request failed"),
        _ => {}
    }

    let status = problem.status();
    let (mut parts, _) = response.into_parts();
    parts.status = status;
    parts.headers.remove(header::CONTENT_LENGTH);
    if let Some(seconds) = problem.retry_after_s() {
        parts.headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    let (kind, body) = if visit.is_for_a_program() {
        if status == StatusCode::UNAUTHORIZED {
            parts.headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        ("application/problem+json", document(&problem, visit))
    } else {
        ("text/html; charset=utf-8", page(&problem, app, visit))
    };
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Response::from_parts(parts, Body::from(body))
}

fn document(problem: &Problem, visit: &Visit) -> String {
    let status = problem.status();
    let title = status.canonical_reason().unwrap_or_default();
    let mut document =
        json!({ "type": "about:blank", "title": title, "status": status.as_u16(), "instance": format!("urn:uuid:{}", visit.id) });
    if let Problem::Told(told) = problem {
        document["detail"] = told.detail.clone().into();
        if !told.faults.is_empty() {
            let fault = |(pointer, detail): &(String, String)| json!({ "pointer": format!("#{pointer}"), "detail": detail });
            document["errors"] = told.faults.iter().map(fault).collect();
        }
    }
    document.to_string()
}

fn page(problem: &Problem, app: &App, visit: &Arc<Visit>) -> String {
    let (title, say) = problem.keys();
    let page = ProblemPage {
        page: Page::new(app, visit),
        status: problem.status().as_u16(),
        title,
        say,
        wait_s: match problem {
            Problem::TooMany(_) => problem.retry_after_s(),
            _ => None,
        },
        back: match problem {
            Problem::FormExpired | Problem::TooLarge | Problem::TooMany(_) => {
                visit.referer().and_then(|from| local_referer(from, visit.host()))
            }
            _ => None,
        },
        shows_id: problem.status().is_server_error(),
    };
    page.render().unwrap_or_else(|error| {
        tracing::error!(%error, "the page of a problem failed");
        page.status.to_string()
    })
}

/// A handler that answers an error status with a body of its own has said what it wanted to.
fn is_page_or_document(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    kind.starts_with(b"text/html") || kind.starts_with(b"application/")
}
