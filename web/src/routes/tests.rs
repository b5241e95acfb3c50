use axum::{
    body::{Body, to_bytes},
    extract::{Extension, Request},
    http::{StatusCode, header, request},
    middleware::{Next, from_fn},
};
use chrono::Utc;
use clap::Parser;
use jobs::{
    access::api_token::ApiToken,
    accounts::{
        email_address::EmailAddress,
        full_name::FullName,
        role::Role,
        user::{User, UserId},
    },
};
use metrics_exporter_prometheus::PrometheusBuilder;
use tower::ServiceExt as _;

use super::*;
use crate::{settings::Given, visit::Visit};

const TOKEN: &str = "the-token-of-the-scraper";
/// What the cookie of somebody without a session holds in these tests.
const FORM_COOKIE: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    given: Given,
}

/// An application whose servers are all away: port 9 refuses.
fn app() -> App {
    // As `main` does; another test may have done it before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let given = [
        "web",
        "--public-url=http://127.0.0.1:8080",
        "--database-url=postgres://127.0.0.1:9/none",
        "--redis-url=redis://127.0.0.1:9",
        "--secret-key=k3Jm0Zr+9sQvT1yXw8bL5cN2aD7fG4hE6uIoPq/RtUs=",
        &format!("--metrics-token={TOKEN}"),
        "--max-requests=1",
    ];
    let settings = Command::parse_from(given).given.check().expect("settings");
    App::new(settings, PrometheusBuilder::new().build_recorder().handle()).expect("an application")
}

fn person(role: Role) -> User {
    User {
        id: UserId(7),
        email: EmailAddress::parse("ana@correo.example").expect("an address"),
        full_name: FullName::parse("Ana Ñáñez").expect("a name"),
        role,
        locale: Locale::Es,
        time_zone: "America/Bogota".to_owned(),
        email_verified_at: None,
        disabled_at: None,
        created_at: Utc::now(),
    }
}

/// The site as this role sees it. Rows answer 204 unless their handlers are wanted.
fn site(app: &App, role: Option<Role>, handlers: Vec<Route>) -> Router {
    let identified = from_fn(move |Extension(visit): Extension<Arc<Visit>>, request: Request, next: Next| async move {
        visit.is_by(role.map(|role| (Arc::new(person(role)), "session".to_owned())));
        next.run(request).await
    });
    in_layers(app, guarded(app, handlers).layer(identified))
}

fn stubs() -> Vec<Route> {
    let stub = |route: Route| Route { handler: on(filter(route.row), || async { StatusCode::NO_CONTENT }), row: route.row };
    table().into_iter().map(stub).collect()
}

fn filter(row: Row) -> MethodFilter {
    MethodFilter::try_from(row.method.clone()).unwrap_or(MethodFilter::POST)
}

fn asking(row: Row) -> request::Builder {
    Request::builder().method(row.method).uri(
        row.path
            .replace("{id}", "01890a5d-ac96-774b-bcce-b302099a8057")
            .replace("{name}", "x.css")
            .replace("{slug}", "git")
            .replace("{lesson}", "1")
            .replace("{serial}", "CC-7Q4M-2K9T-X8WB-51DN")
            .replace("{list}", "1"),
    )
}

/// A form with a good token, as a browser of that person would send it.
fn form(app: &App, row: Row, role: Option<Role>) -> Request {
    let binding = role.map_or(FORM_COOKIE, |_| "session");
    asking(row)
        .header(header::COOKIE, format!("form={FORM_COOKIE}"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin")
        .body(Body::from(format!("csrf={}", app.csrf.token(binding))))
        .expect("a request")
}

async fn text(response: Response) -> String {
    String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.expect("a body").to_vec()).expect("UTF-8")
}

/// Who sees what. A new row has to be added here by hand.
const MATRIX: &str = include_str!("matrix.txt");

#[tokio::test]
async fn every_route_answers_every_role_as_the_matrix_says() {
    let app = app();
    let roles: Vec<Option<Role>> = std::iter::once(None).chain(Role::ALL.map(Some)).collect();
    let mut found = String::from(MATRIX.lines().next().expect("a heading"));
    for row in table().into_iter().map(|route| route.row) {
        let mut line = format!("\n{:4} {:35}", row.method.as_str(), row.path);
        for (column, role) in roles.iter().enumerate() {
            let response = site(&app, *role, stubs()).oneshot(form(&app, row, *role)).await.expect("an answer");
            let location = response.headers().get(header::LOCATION).map(|value| value.to_str().unwrap_or_default().to_owned());
            let cell = match (response.status(), location.as_deref()) {
                (StatusCode::NO_CONTENT, _) => "ok".to_owned(),
                (StatusCode::SEE_OTHER, Some(to)) if to.starts_with("/entrar") || to.starts_with("/login") => "login".to_owned(),
                (StatusCode::SEE_OTHER, Some("/cuenta" | "/account")) => "home".to_owned(),
                (status, _) => status.as_u16().to_string(),
            };
            line += &format!(" {cell:width$}", width = [6, 8, 6, 6, 8, 7, 9, 6][column]);
        }
        found += line.trim_end();
    }
    assert_eq!(found.trim(), MATRIX.trim(), "\n{found}\n");
}

/// What a token opens, by what it allows.
const TOKENS: &str = "
                                         none   read  enqueue  both
POST /api/v1/jobs                        401    403   ok       ok
GET  /api/v1/jobs/{id}                   401    ok    403      ok
GET  /api/v1/job-kinds                   401    ok    ok       ok
GET  /api/v1/schedules                   401    403   403      ok
GET  /api/v1/schedules/{name}            401    403   403      ok
GET  /api/v1/schedules/{name}/ticks      401    403   403      ok
PUT  /api/v1/schedules/{name}            401    403   403      ok
DELETE /api/v1/schedules/{name}            401    403   403      ok
POST /api/v1/schedules/{name}/run-now    401    403   403      ok
POST /api/v1/schedules/{name}/pause      401    403   403      ok
POST /api/v1/schedules/{name}/resume     401    403   403      ok
POST /api/v1/reports                     401    403   403      ok
GET  /api/v1/reports/{id}                401    403   403      ok
GET  /api/v1/reports/{id}/file           401    403   403      ok
GET  /api/v1/reports                     401    403   403      ok
POST /api/v1/reports/{id}/cancel         401    403   403      ok
GET  /api/v1/tickets                     401    403   403      ok
POST /api/v1/tickets                     401    403   403      ok
GET  /api/v1/tickets/{id}                401    403   403      ok
PATCH /api/v1/tickets/{id}                401    403   403      ok
GET  /api/v1/tickets/{id}/comments       401    403   403      ok
POST /api/v1/tickets/{id}/comments       401    403   403      ok
GET  /api/v1/tickets/{id}/pauses         401    403   403      ok
GET  /api/v1/clients                     401    403   403      ok
GET  /api/v1/clients/{id}                401    403   403      ok
GET  /api/v1/articles                    401    403   403      ok
GET  /api/v1/articles/{id}               401    403   403      ok
GET  /api/v1/alerts                      401    403   403      ok
GET  /api/v1/alerts/{id}                 401    403   403      ok
POST /api/v1/alerts/{id}/acknowledge     401    403   403      ok
GET  /api/v1/archived-tickets            401    403   403      ok
GET  /api/v1/archived-tickets/{id}       401    403   403      ok
GET  /api/v1/archived-tickets/{id}/comments 401    403   403      ok
GET  /api/v1/archived-tickets/{id}/pauses 401    403   403      ok
GET  /api/v1/openapi.json                ok     ok    ok       ok
";

#[tokio::test]
async fn every_route_of_the_api_answers_every_token_as_the_matrix_says() {
    let app = app();
    let all: [Option<&[Scope]>; 4] = [None, Some(&[Scope::ReadJobs]), Some(&[Scope::EnqueueJobs]), Some(&Scope::ALL)];
    let mut found = String::from(TOKENS.lines().nth(1).expect("a heading"));
    for row in table().into_iter().map(|route| route.row).filter(|row| row.path.starts_with("/api/")) {
        let mut line = format!("\n{:4} {:35}", row.method.as_str(), row.path);
        for (column, scopes) in all.iter().enumerate() {
            let request = form(&app, row, Some(Role::Admin));
            let response = called(&app, scopes.map(token), stubs()).oneshot(request).await.expect("an answer");
            let cell = if response.status() == StatusCode::NO_CONTENT {
                "ok".to_owned()
            } else {
                response.status().as_u16().to_string()
            };
            if response.status() != StatusCode::NO_CONTENT {
                assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
            }
            line += &format!(" {cell:width$}", width = [6, 5, 8, 4][column]);
        }
        found += line.trim_end();
    }
    assert_eq!(found.trim(), TOKENS.trim(), "\n{found}\n");
}

fn token(scopes: &[Scope]) -> ApiToken {
    ApiToken {
        id: 1,
        name: "billing".to_owned(),
        scopes: scopes.iter().map(ToString::to_string).collect(),
        job_names: None,
        user_id: None,
        created_at: Utc::now(),
        created_by: "ana".to_owned(),
        expires_at: None,
        revoked_at: None,
        revoked_by: None,
        last_used_at: None,
    }
}

/// The site as a program sees it that bears this token. It is also signed in, which opens nothing here.
fn called(app: &App, token: Option<ApiToken>, handlers: Vec<Route>) -> Router {
    let token = token.map(Arc::new);
    let identified = from_fn(move |Extension(visit): Extension<Arc<Visit>>, request: Request, next: Next| {
        visit.is_by(Some((Arc::new(person(Role::Admin)), "session".to_owned())));
        if let Some(token) = &token {
            visit.is_called_by(Arc::clone(token));
        }
        next.run(request)
    });
    in_layers(app, guarded(app, handlers).layer(identified))
}

#[tokio::test]
async fn what_is_no_token_is_refused_without_asking_anybody() {
    // Every server is away here: an answer that is not 503 asked none.
    let app = app();
    for given in ["Bearer x", "Bearer faena_short", "Basic YTpi", "faena_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", ""] {
        let request =
            Request::get("/api/v1/job-kinds").header(header::AUTHORIZATION, given).body(Body::empty()).expect("a request");
        let response = site(&app, None, stubs()).oneshot(request).await.expect("an answer");
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{given}");
        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
    }
}

#[tokio::test]
async fn a_document_that_is_too_large_is_refused_in_words() {
    let app = app();
    let request = Request::post("/api/v1/jobs").body(Body::from(" ".repeat(96 * 1024 + 1))).expect("a request");
    let response = called(&app, Some(token(&Scope::ALL)), stubs()).oneshot(request).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(text(response).await.contains("\"detail\":\"the body has more than 96 KiB\""));
}

#[tokio::test]
async fn who_has_to_sign_in_comes_back_afterwards() {
    let app = app();
    let request = Request::get("/cuenta?done=letter&x=%2F%2Fevil").body(Body::empty()).expect("a request");
    let response = site(&app, None, stubs()).oneshot(request).await.expect("an answer");
    assert_eq!(response.headers()[header::LOCATION], "/entrar?next=%2Fcuenta%3Fdone%3Dletter%26x%3D%252F%252Fevil");
}

#[tokio::test]
async fn no_form_is_taken_without_its_token_or_from_elsewhere() {
    let app = app();
    let takes_forms = |row: &Row| {
        !row.method.is_safe() && row.surface == Surface::Page && !matches!(row.who, Who::Signed | Who::AnyoneWithFile)
    };
    for row in table().into_iter().map(|route| route.row).filter(takes_forms) {
        let role = (row.who != Who::Guest).then_some(Role::Admin);
        let bare = asking(row)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from("a=b"))
            .expect("a request");
        let mut stolen = form(&app, row, role);
        *stolen.body_mut() = Body::from(format!("csrf={}", app.csrf.token("another session")));
        let mut foreign = form(&app, row, role);
        foreign.headers_mut().insert("sec-fetch-site", header::HeaderValue::from_static("cross-site"));
        let mut posing = form(&app, row, role);
        posing.headers_mut().remove("sec-fetch-site");
        posing.headers_mut().insert(header::ORIGIN, header::HeaderValue::from_static("https://evil.example"));
        for (how, request) in [("bare", bare), ("stolen", stolen), ("foreign", foreign), ("posing", posing)] {
            let response = site(&app, role, stubs()).oneshot(request).await.expect("an answer");
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{how}: {row:?}");
            assert!(text(response).await.contains("El formulario venció") || row.locale == Some(Locale::En), "{how}: {row:?}");
        }
    }
}

#[tokio::test]
async fn a_form_that_is_too_large_is_refused_in_words() {
    let app = app();
    for bytes in [64 * 1024 + 1, 5 * 1024 * 1024] {
        let body = Body::from("x".repeat(bytes));
        let request = Request::post("/registro").header(header::CONTENT_LENGTH, bytes).body(body).expect("a request");
        let response = site(&app, None, stubs()).oneshot(request).await.expect("an answer");
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert!(text(response).await.contains("64 KiB"));
    }
}

#[tokio::test]
async fn the_scraper_needs_its_whole_token() {
    let app = app();
    for (given, status) in [(TOKEN, 204), ("the-token-of-the-scrape", 401), ("the-token-of-the-scraper2", 401), ("", 401)] {
        let request = Request::get("/metrics").header(header::AUTHORIZATION, format!("Bearer {given}"));
        let response =
            site(&app, None, stubs()).oneshot(request.body(Body::empty()).expect("a request")).await.expect("an answer");
        assert_eq!(response.status(), status, "{given}");
        if status == 401 {
            assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
            assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
        }
    }
}

#[tokio::test]
async fn lost_visitors_are_told_in_their_language() {
    let app = app();
    for (request, role, status, said) in [
        (Request::get("/no-hay"), None, 404, "Aquí no hay nada"),
        (Request::get("/none").header(header::ACCEPT_LANGUAGE, "en"), None, 404, "There is nothing here"),
        (Request::get("/none").header(header::ACCEPT_LANGUAGE, "en"), Some(Role::Learner), 404, "Aquí no hay nada"),
        (Request::delete("/registro"), None, 405, "Eso no se puede hacer aquí"),
        (Request::get("/salir"), None, 405, "Eso no se puede hacer aquí"),
    ] {
        let response =
            site(&app, role, stubs()).oneshot(request.body(Body::empty()).expect("a request")).await.expect("an answer");
        assert_eq!(response.status(), status);
        assert_eq!(response.headers().contains_key(header::ALLOW), status == 405);
        assert!(text(response).await.contains(said), "{said}");
    }
}

#[tokio::test]
async fn every_answer_carries_the_headers() {
    let app = app();
    let mut nonces = std::collections::HashSet::new();
    for row in table().into_iter().map(|route| route.row) {
        let response = site(&app, None, stubs()).oneshot(form(&app, row, None)).await.expect("an answer");
        let headers = response.headers();
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().expect("a policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'nonce-") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(nonces.insert(policy.to_owned()), "a nonce is used once");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert!(headers.contains_key("x-request-id") && headers.contains_key(header::CACHE_CONTROL));
        assert!(!headers.contains_key(header::STRICT_TRANSPORT_SECURITY), "loopback speaks http");
    }
    let request = Request::get("/cuenta").body(Body::empty()).expect("a request");
    let response = site(&app, Some(Role::Learner), stubs()).oneshot(request).await.expect("an answer");
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
}

#[tokio::test]
async fn a_panic_is_a_page_with_the_requests_name() {
    async fn panics() -> StatusCode {
        panic!("on purpose")
    }
    let app = app();
    let response =
        site(&app, None, get(paths::LANDING, Anyone, panics)).oneshot(Request::new(Body::empty())).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let id = response.headers()["x-request-id"].to_str().expect("an id").to_owned();
    let page = text(response).await;
    assert!(page.contains("Fallamos nosotros") && page.contains(&id) && !page.contains("on purpose"), "{page}");
}

#[tokio::test]
async fn a_crowd_is_turned_away_but_probes_pass() {
    let app = app();
    let never = || std::future::pending::<StatusCode>();
    let rows = [get(paths::LANDING, Anyone, never), for_the_system(paths::HEALTH, health::show)].into_iter().flatten().collect();
    let site = site(&app, None, rows);
    let first = tokio::spawn(site.clone().oneshot(Request::new(Body::empty())));
    while !first.is_finished() {
        let second = site.clone().oneshot(Request::new(Body::empty()));
        // The one place is taken as soon as the first request has begun.
        if let Ok(response) = tokio::time::timeout(Duration::from_millis(50), second).await {
            let response = response.expect("an answer");
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert!(response.headers().contains_key(header::RETRY_AFTER));
            break;
        }
    }
    let probe = Request::get("/health").body(Body::empty()).expect("a request");
    assert_eq!(site.oneshot(probe).await.expect("an answer").status(), StatusCode::OK);
    first.abort();
}

#[tokio::test]
async fn pages_that_need_nobody_work_while_postgres_is_away() {
    let app = app();
    let site = router(&app, table());
    for (path, status) in [
        ("/", 200),
        ("/en", 200),
        ("/registro", 200),
        ("/entrar?next=//evil", 200),
        ("/health", 200),
        ("/verificar?token=x", 422),
    ] {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let response = site.clone().oneshot(request).await.expect("an answer");
        assert_eq!(response.status(), status, "{path}");
        assert!(!text(response).await.contains("value=\"//evil"), "{path}");
    }
}

#[tokio::test]
async fn a_form_page_gives_the_cookie_that_its_token_needs() {
    let app = app();
    let site = router(&app, table());
    let request = Request::get("/registro").body(Body::empty()).expect("a request");
    let response = site.oneshot(request).await.expect("an answer");
    let cookie = response.headers()[header::SET_COOKIE].to_str().expect("a cookie").to_owned();
    assert!(cookie.starts_with("form=") && cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{cookie}");
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    let page = text(response).await;
    let token = page.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a token");
    let binding = cookie.trim_start_matches("form=").split(';').next().unwrap_or_default();
    assert!(app.csrf.accepts(binding, token));
}

#[tokio::test]
async fn samples_of_letters_are_shown_only_where_the_settings_allow_it() {
    for path in ["/dev/mail", "/dev/mail/receipt/html", "/dev/mail/receipt/text"] {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let response = router(&app(), table()).oneshot(request).await.expect("an answer");
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
    }
}
