//! Who may pass: the door that stands before every row of the routes' table.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::{Extension, Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use futures_util::StreamExt as _;
use jobs::accounts::role::Role;
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;
use tokio::time::timeout;
use tower_sessions::Session;
use url::form_urlencoded;

use crate::{app::App, csrf, identity, page::see_other, paths, problem::Problem, routes::Row, visit::Visit};

/// Who may open a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// Everybody.
    Anyone,
    /// Only those who are not signed in; the others are sent to their account.
    Guest,
    /// Everybody who is signed in.
    SignedIn,
    /// Everybody who is signed in and has one of these roles.
    Roles(&'static [Role]),
    /// One of these roles, or whoever holds METRICS_TOKEN.
    RolesOrMetricsToken(&'static [Role]),
}

/// The roles that watch over jobs.
pub(crate) const OPERATORS: &[Role] = &[Role::Operator, Role::Admin];

/// What kind of reader a row answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    /// A person: problems are pages, and who is not signed in is sent to sign in.
    Page,
    /// A program: problems are documents (RFC 9457).
    Program,
    /// Probes and assets: nobody asks who it is, and no crowd of visitors shuts them out.
    System,
}

/// What the door says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Pass,
    SignIn,
    ToAccount,
    Forbidden,
}

/// The rule of every door.
pub(crate) fn judge(who: Who, role: Option<Role>, holds_token: bool) -> Verdict {
    match (who, role) {
        (Who::Anyone, _) | (Who::Guest, None) | (Who::SignedIn, Some(_)) => Verdict::Pass,
        (Who::Guest, Some(_)) => Verdict::ToAccount,
        (Who::RolesOrMetricsToken(_), _) if holds_token => Verdict::Pass,
        (Who::SignedIn | Who::Roles(_) | Who::RolesOrMetricsToken(_), None) => Verdict::SignIn,
        (Who::Roles(roles) | Who::RolesOrMetricsToken(roles), Some(role)) => {
            if roles.contains(&role) {
                Verdict::Pass
            } else {
                Verdict::Forbidden
            }
        }
    }
}

/// Notes which row the request met, before anything can refuse it.
pub(crate) async fn meet(
    State(row): State<Row>,
    Extension(visit): Extension<Arc<Visit>>,
    request: Request,
    next: Next,
) -> Response {
    visit.meets(row);
    next.run(request).await
}

/// Stands before a row: identifies, judges, and for anything but a look checks the form's token.
pub(crate) async fn stand(
    State((app, row)): State<(App, Row)>,
    Extension(visit): Extension<Arc<Visit>>,
    session: Session,
    request: Request,
    next: Next,
) -> Response {
    if row.surface == Surface::System {
        return next.run(request).await;
    }
    if let Err(problem) = identity::identify(&app, &visit, &session).await {
        // Who needs nobody's name is served while the database is away.
        if row.who != Who::Anyone {
            return problem.into_response();
        }
        visit.is_by(None);
    }
    let holds_token = bears(request.headers(), app.settings.metrics_token.as_ref());
    match judge(row.who, visit.person().map(|person| person.role), holds_token) {
        Verdict::Pass => {}
        Verdict::ToAccount => return see_other(paths::ACCOUNT.at(visit.locale())),
        Verdict::Forbidden => return Problem::Forbidden.into_response(),
        Verdict::SignIn if row.surface == Surface::Program => return Problem::NotSignedIn.into_response(),
        Verdict::SignIn => return to_login(&request, &visit),
    }
    if row.method.is_safe() {
        return next.run(request).await;
    }
    match check_form(&app, &visit, request).await {
        Ok(request) => next.run(request).await,
        Err(problem) => {
            if matches!(problem, Problem::FormExpired) {
                metrics::counter!("faena_web_forms_refused_total", "route" => row.path).increment(1);
            }
            problem.into_response()
        }
    }
}

fn to_login(request: &Request, visit: &Visit) -> Response {
    let login = paths::LOGIN.at(visit.locale());
    if !request.method().is_safe() {
        return see_other(login);
    }
    let here = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let next: String = form_urlencoded::byte_serialize(here.as_bytes()).collect();
    see_other(&format!("{login}?next={next}"))
}

/// The most bytes that a form may have.
const FORM_BYTES: usize = 64 * 1024;
/// How much of a body that is too large is read and dropped, so that a browser is done sending when the answer comes.
const DROPPED_BYTES: usize = 4 * 1024 * 1024;

/// Reads the form and checks where it comes from. The handler gets the request back with its body in memory.
async fn check_form(app: &App, visit: &Visit, request: Request) -> Result<Request, Problem> {
    if csrf::comes_from_elsewhere(request.headers(), &app.settings.public_url) {
        return Err(Problem::FormExpired);
    }
    let (parts, body) = request.into_parts();
    let announced = parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let body = read(body, announced).await?;
    let token = form_urlencoded::parse(&body).find(|(name, _)| name == csrf::FIELD).map(|(_, token)| token);
    if !token.is_some_and(|token| app.csrf.accepts(visit.form_binding(), &token)) {
        return Err(Problem::FormExpired);
    }
    Ok(Request::from_parts(parts, Body::from(body)))
}

async fn read(body: Body, announced: Option<usize>) -> Result<Bytes, Problem> {
    let mut stream = body.into_data_stream();
    let mut kept = Vec::with_capacity(announced.unwrap_or_default().min(FORM_BYTES));
    let mut seen = 0;
    if announced.is_some_and(|bytes| bytes > DROPPED_BYTES) {
        return Err(Problem::TooLarge);
    }
    let reading = async {
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|_| Problem::BadRequest)?;
            seen += chunk.len();
            if seen <= FORM_BYTES {
                kept.extend_from_slice(&chunk);
            } else if seen > DROPPED_BYTES {
                break;
            }
        }
        Ok(())
    };
    timeout(Duration::from_secs(8), reading).await.map_err(|_| Problem::TooSlow)??;
    if seen > FORM_BYTES { Err(Problem::TooLarge) } else { Ok(Bytes::from(kept)) }
}

/// Whether the request carries that bearer token.
fn bears(headers: &HeaderMap, token: Option<&SecretString>) -> bool {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    match (given, token) {
        (Some(given), Some(token)) => bool::from(given.as_bytes().ct_eq(token.expose_secret().as_bytes())),
        _ => false,
    }
}

/// What meets no row: the page says so, to whoever it is.
pub(crate) async fn not_found(State(app): State<App>, Extension(visit): Extension<Arc<Visit>>, session: Session) -> Problem {
    // A page that does not exist needs no name either.
    if identity::identify(&app, &visit, &session).await.is_err() {
        visit.is_by(None);
    }
    Problem::NotFound
}

/// What meets a row, but with a verb that it does not have.
pub(crate) async fn method_not_allowed(app: State<App>, visit: Extension<Arc<Visit>>, session: Session) -> Problem {
    not_found(app, visit, session).await;
    Problem::MethodNotAllowed
}
