//! Who may pass: the door that stands before every row of the routes' table.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::{Extension, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use futures_util::StreamExt as _;
use jobs::{
    access::api_token::{ApiToken, Scope},
    accounts::role::Role,
};
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;
use tokio::time::timeout;
use tower_sessions::Session;
use url::form_urlencoded;

use crate::{
    app::App,
    csrf, identity,
    page::see_other,
    paths,
    problem::{Doing as _, Problem, Told},
    routes::Row,
    throttle::CALLS_PER_TOKEN,
    visit::Visit,
};

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
    /// Whoever brings what its handler checks: an address that we signed, a provider's token. Nobody is asked for a cookie or a form's token,
    /// because the mail programs that press a button for their readers (RFC 8058, 3.1) and the providers have neither.
    Signed,
    /// Everybody, with a file that is looked at and not kept. It changes nothing and shows nothing of whoever sends it, so no form's token
    /// protects it; its handler bounds what it reads.
    AnyoneWithFile,
    /// Programs whose API token allows one of these. A session opens nothing here, so no other site can send a browser.
    Bearer(&'static [Scope]),
}

/// The role that sees everybody's money.
pub(crate) const ADMINS: &[Role] = &[Role::Admin];

/// The roles that lead courses; which ones is the course's to say.
pub(crate) const TEACHERS: &[Role] = &[Role::Instructor, Role::Admin];

/// The roles that work at the help desk.
pub(crate) const AGENTS: &[Role] = &[Role::Agent, Role::Manager, Role::Admin];

/// The same, and those who open tickets for a client.
pub(crate) const DESK: &[Role] = &[Role::Agent, Role::Manager, Role::Client, Role::Admin];

/// The roles that say what the help desk promises.
pub(crate) const LEADS: &[Role] = &[Role::Manager, Role::Admin];

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
        (Who::Anyone | Who::AnyoneWithFile | Who::Signed, _) | (Who::Guest, None) | (Who::SignedIn, Some(_)) => Verdict::Pass,
        (Who::Guest, Some(_)) => Verdict::ToAccount,
        (Who::RolesOrMetricsToken(_), _) if holds_token => Verdict::Pass,
        (Who::SignedIn | Who::Roles(_) | Who::RolesOrMetricsToken(_), None) | (Who::Bearer(_), _) => Verdict::SignIn,
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
    // A zero byte is in no name of anything here, and Postgres takes none in a text.
    if visit.path.contains("%00") {
        return Problem::NotFound.into_response();
    }
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
    if row.who == Who::Signed {
        visit.is_by(None);
        let held = match row.surface {
            Surface::Program => whole(request, EVENT_BYTES).await,
            _ => held(request, FORM_BYTES).await,
        };
        return match held {
            Ok(request) => next.run(request).await,
            Err(problem) => problem.into_response(),
        };
    }
    if let Who::Bearer(scopes) = row.who {
        return match admit(&app, &visit, scopes, request).await {
            Ok(request) => next.run(request).await,
            Err(problem) => problem.into_response(),
        };
    }
    if let Err(problem) = identity::identify(&app, &visit, &session).await {
        // Who needs nobody's name is served while the database is away.
        if !matches!(row.who, Who::Anyone | Who::AnyoneWithFile) {
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
    if row.method.is_safe() || row.who == Who::AnyoneWithFile {
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

/// Finds the token that the request bears, counts the call, and reads the body. The handler gets the request back with that in memory.
async fn admit(app: &App, visit: &Visit, scopes: &[Scope], request: Request) -> Result<Request, Problem> {
    if visit.caller().is_none() {
        let given = bearer(request.headers()).ok_or(Problem::NotSignedIn)?;
        let token = ApiToken::find(&app.db, given).await.doing("looking up an API token")?.ok_or(Problem::NotSignedIn)?;
        app.throttle.take(CALLS_PER_TOKEN, &token.id.to_string()).await?;
        visit.is_called_by(Arc::new(token));
    }
    if !visit.caller().is_some_and(|token| scopes.iter().any(|scope| token.allows(*scope))) {
        let wanted = scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" or ");
        return Err(Told::new(StatusCode::FORBIDDEN, format!("the token lacks the scope {wanted}")).into());
    }
    if request.method().is_safe() {
        return Ok(request);
    }
    whole(request, DOCUMENT_BYTES).await
}

/// The request of a program with its body in memory.
async fn whole(request: Request, most: usize) -> Result<Request, Problem> {
    let (parts, body) = request.into_parts();
    let body = read(body, announced(&parts.headers), most).await.map_err(|problem| match problem {
        Problem::TooLarge => {
            Told::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body has more than {} KiB", most / 1024)).into()
        }
        problem => problem,
    })?;
    Ok(Request::from_parts(parts, Body::from(body)))
}

/// The request with its body in memory, if that has at most so many bytes.
async fn held(request: Request, most: usize) -> Result<Request, Problem> {
    let (parts, body) = request.into_parts();
    let body = read(body, announced(&parts.headers), most).await?;
    Ok(Request::from_parts(parts, Body::from(body)))
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
/// The most bytes that a program's document may have: a job's arguments, and room for what stands around and between them.
const DOCUMENT_BYTES: usize = 96 * 1024;
/// The most bytes that a provider's event may have; a letter's own text may be in it.
const EVENT_BYTES: usize = jobs::payments::receive::MAX_BYTES;
/// How much of a body that is too large is read and dropped, so that a browser is done sending when the answer comes.
const DROPPED_BYTES: usize = 4 * 1024 * 1024;

/// Reads the form and checks where it comes from. The handler gets the request back with its body in memory.
async fn check_form(app: &App, visit: &Visit, request: Request) -> Result<Request, Problem> {
    if csrf::comes_from_elsewhere(request.headers(), &app.settings.public_url) {
        return Err(Problem::FormExpired);
    }
    let (parts, body) = request.into_parts();
    let body = read(body, announced(&parts.headers), FORM_BYTES).await?;
    let token = form_urlencoded::parse(&body).find(|(name, _)| name == csrf::FIELD).map(|(_, token)| token);
    if !token.is_some_and(|token| app.csrf.accepts(visit.form_binding(), &token)) {
        return Err(Problem::FormExpired);
    }
    Ok(Request::from_parts(parts, Body::from(body)))
}

fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok())
}

/// Reads a body of at most so many bytes.
async fn read(body: Body, announced: Option<usize>, most: usize) -> Result<Bytes, Problem> {
    let mut stream = body.into_data_stream();
    let mut kept = Vec::with_capacity(announced.unwrap_or_default().min(most));
    let mut seen = 0;
    if announced.is_some_and(|bytes| bytes > DROPPED_BYTES) {
        return Err(Problem::TooLarge);
    }
    let reading = async {
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|_| Problem::BadRequest)?;
            seen += chunk.len();
            if seen <= most {
                kept.extend_from_slice(&chunk);
            } else if seen > DROPPED_BYTES {
                break;
            }
        }
        Ok::<_, Problem>(())
    };
    timeout(Duration::from_secs(8), reading).await.map_err(|_| Problem::TooSlow)??;
    if seen > most { Err(Problem::TooLarge) } else { Ok(Bytes::from(kept)) }
}

/// Whether the request carries that bearer token.
pub(crate) fn bears(headers: &HeaderMap, token: Option<&SecretString>) -> bool {
    match (bearer(headers), token) {
        (Some(given), Some(token)) => bool::from(given.as_bytes().ct_eq(token.expose_secret().as_bytes())),
        _ => false,
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then_some(token)
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
