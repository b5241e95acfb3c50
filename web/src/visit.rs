//! One request, from its first byte to its last: what is known of it, its log line and its figures.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderValue, Method, header},
    middleware::Next,
    response::Response,
};
use axum_extra::extract::CookieJar;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jobs::{
    access::api_token::ApiToken,
    accounts::{locale::Locale, user::User},
};
use tracing::Instrument as _;
use uuid::Uuid;

use crate::{app::App, client_ip::client_ip, guard::Surface, headers, problem, routes::Row};

/// What is known of a request. Made when it arrives, filled in on its way, read when it is answered.
#[derive(Debug)]
pub(crate) struct Visit {
    /// Names the request in the log and on error pages.
    pub(crate) id: Uuid,
    /// Lets this response's own script run, and no other.
    pub(crate) nonce: String,
    /// The path without its query, which may hold a token.
    pub(crate) path: String,
    pub(crate) method: Method,
    pub(crate) client: IpAddr,
    query: Option<String>,
    referer: Option<String>,
    host: String,
    accepted: Option<Locale>,
    row: OnceLock<Row>,
    person: OnceLock<Option<Arc<User>>>,
    caller: OnceLock<Arc<ApiToken>>,
    form_seal: FormSeal,
    frames: OnceLock<&'static str>,
}

/// What a form's token is bound to: the session of a person who is signed in, else a cookie of its own.
#[derive(Debug)]
struct FormSeal {
    session: OnceLock<String>,
    cookie: String,
    cookie_is_new: bool,
    used: AtomicBool,
}

impl Visit {
    pub(crate) fn new(request: &Request, app: &App) -> Self {
        let headers = request.headers();
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map_or(IpAddr::from([127, 0, 0, 1]), |info| info.0.ip());
        let cookie = CookieJar::from_headers(headers).get(app.form_cookie_name()).map(|cookie| cookie.value().to_owned());
        let cookie = cookie.filter(|value| value.len() == 43 && value.is_ascii());
        Self {
            id: Uuid::now_v7(),
            nonce: random_text(),
            path: request.uri().path().to_owned(),
            method: request.method().clone(),
            client: client_ip(peer, headers, &app.settings.trusted_proxies),
            query: request.uri().query().map(str::to_owned),
            referer: text(header::REFERER),
            host: text(header::HOST).unwrap_or_default(),
            accepted: accepted_language(headers),
            row: OnceLock::new(),
            person: OnceLock::new(),
            caller: OnceLock::new(),
            form_seal: FormSeal {
                session: OnceLock::new(),
                cookie_is_new: cookie.is_none(),
                cookie: cookie.unwrap_or_else(random_text),
                used: AtomicBool::new(false),
            },
            frames: OnceLock::new(),
        }
    }

    /// The query of the address; never for the log.
    pub(crate) fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// Where the request says it comes from.
    pub(crate) fn referer(&self) -> Option<&str> {
        self.referer.as_deref()
    }

    /// The host that the visitor believes to speak with. Links are never made from it.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The row of the routes' table that the request met.
    pub(crate) fn meets(&self, row: Row) {
        self.row.get_or_init(|| row);
    }

    pub(crate) fn row(&self) -> Option<Row> {
        self.row.get().copied()
    }

    /// Whose request it is, once that is known.
    pub(crate) fn person(&self) -> Option<&Arc<User>> {
        self.person.get()?.as_ref()
    }

    /// Records whose request it is, and the session that proves it.
    pub(crate) fn is_by(&self, person: Option<(Arc<User>, String)>) {
        let (person, session) = person.unzip();
        if let Some(session) = session {
            self.form_seal.session.get_or_init(|| session);
        }
        self.person.get_or_init(|| person);
    }

    /// The token that the request bears, once it is known to open something.
    pub(crate) fn caller(&self) -> Option<&Arc<ApiToken>> {
        self.caller.get()
    }

    /// Records the token that the request bears. A program is nobody's session.
    pub(crate) fn is_called_by(&self, token: Arc<ApiToken>) {
        self.is_by(None);
        self.caller.get_or_init(|| token);
    }

    pub(crate) fn is_identified(&self) -> bool {
        self.person.get().is_some()
    }

    /// The page's language: that of its address, else of the person, else of the browser.
    pub(crate) fn locale(&self) -> Locale {
        let of_address = self.row().and_then(|row| row.locale);
        of_address.or_else(|| self.person().map(|person| person.locale)).or(self.accepted).unwrap_or_default()
    }

    /// Whether the answer is read by a program.
    pub(crate) fn is_for_a_program(&self) -> bool {
        // What is no address of the API is told to whoever meant it in its own way too.
        self.row().map_or_else(|| self.path.starts_with("/api/"), |row| row.surface == Surface::Program)
    }

    /// What a form's token on this visit is bound to.
    pub(crate) fn form_binding(&self) -> &str {
        self.form_seal.session.get().unwrap_or(&self.form_seal.cookie)
    }

    /// As [`Visit::form_binding`], and the visitor gets the cookie if that is what it is.
    pub(crate) fn use_form_binding(&self) -> &str {
        self.form_seal.used.store(true, Ordering::Relaxed);
        self.form_binding()
    }

    /// Whether the response holds a token, so that no cache may keep it.
    pub(crate) fn holds_a_token(&self) -> bool {
        self.form_seal.used.load(Ordering::Relaxed)
    }

    /// Lets the response show frames of that origin.
    pub(crate) fn allow_frames_of(&self, origin: &'static str) {
        self.frames.get_or_init(|| origin);
    }

    /// The origin whose frames the response may show.
    pub(crate) fn frames(&self) -> Option<&'static str> {
        self.frames.get().copied()
    }

    /// The cookie that the visitor still lacks.
    pub(crate) fn form_cookie_to_set(&self) -> Option<&str> {
        let wanted = self.holds_a_token() && self.form_seal.cookie_is_new && self.form_seal.session.get().is_none();
        wanted.then_some(&*self.form_seal.cookie)
    }
}

/// The outermost layer: begins the visit, answers problems with pages, sets the headers, writes the log line.
pub(crate) async fn attend(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let visit = Arc::new(Visit::new(&request, &app));
    request.extensions_mut().insert(Arc::clone(&visit));
    let started = Instant::now();
    let span = tracing::info_span!("request", request_id = %visit.id);

    async {
        let response = next.run(request).await;
        let mut response = problem::answer(response, &app, &visit);
        headers::set(response.headers_mut(), &app, &visit);
        record(&visit, &response, started);
        response
    }
    .instrument(span)
    .await
}

fn record(visit: &Visit, response: &Response, started: Instant) {
    let row = visit.row();
    let route = row.map_or("none", |row| row.path);
    let status = response.status().as_u16();
    let seconds = started.elapsed().as_secs_f64();
    let method = if row.is_some() { visit.method.to_string() } else { "any".to_owned() };
    metrics::counter!("faena_web_requests_total", "method" => method.clone(), "route" => route, "status" => status.to_string())
        .increment(1);
    metrics::histogram!("faena_web_request_seconds", "method" => method, "route" => route).record(seconds);
    // Probes and assets come every few seconds and tell nothing.
    let is_noise = status < 400 && row.is_some_and(|row| row.surface == Surface::System);
    if !is_noise {
        let user_id = visit.person().map(|person| person.id.0);
        let token = visit.caller().map(|token| &*token.name);
        let (method, path, duration_ms) = (&visit.method, &*visit.path, (seconds * 1000.0).round());
        tracing::info!(%method, path, status, duration_ms, user_id, token, client = %visit.client, "request");
    }
}

/// 256 random bits as 43 characters.
fn random_text() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// The first of our languages that the browser names. Weights are not compared: browsers list languages in order.
fn accepted_language(headers: &HeaderMap) -> Option<Locale> {
    let accepted: &HeaderValue = headers.get(header::ACCEPT_LANGUAGE)?;
    let tags = accepted.to_str().ok()?.split(',').take(16);
    tags.filter_map(|tag| tag.trim().get(..2)?.to_ascii_lowercase().parse().ok()).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_names_a_language() {
        let accepted = |value: &str| {
            let value = HeaderValue::from_bytes(value.as_bytes()).expect("a value");
            accepted_language(&HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, value)]))
        };
        assert_eq!(accepted("en-GB,en;q=0.9,es;q=0.8"), Some(Locale::En));
        assert_eq!(accepted("de, ES-co;q=0.5, en"), Some(Locale::Es));
        assert_eq!(accepted("de,fr"), None);
        assert_eq!(accepted("ñ,é,,;"), None);
    }
}
