//! Every address of the site, in one table. Nothing is routed outside it.

use std::{any::Any, sync::Arc, time::Duration};

use axum::{
    BoxError, Router,
    error_handling::HandleErrorLayer,
    handler::Handler,
    http::Method,
    middleware::from_fn_with_state,
    response::{IntoResponse as _, Response},
    routing::{MethodFilter, MethodRouter, on},
};
use jobs::{access::api_token::Scope, accounts::locale::Locale};
use tokio::sync::Semaphore;
use tower::{ServiceBuilder, limit::GlobalConcurrencyLimitLayer};
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer};
use tower_sessions::{Expiry, SessionManagerLayer, cookie::SameSite};

use crate::{
    api,
    app::App,
    assets, credentials,
    guard::{
        self, ADMINS, AGENTS, DESK, LEADS, OPERATORS, Surface, TEACHERS,
        Who::{self, Anyone, AnyoneWithFile, Bearer, Guest, Roles, RolesOrMetricsToken, Signed, SignedIn},
    },
    identity::SESSION_HOURS,
    pages::{
        account, account_preferences, admin_account, admin_accounts, admin_certificate, admin_certificates, admin_chat,
        admin_reconciliation, admin_refund, admin_sale, admin_sales, admin_statistics, alerts, amend_certificate, announcements,
        archive, ask_certificate, calendar_form, calendars, certificate_credential, certificate_pdf, certificates,
        check_certificate, client, client_commands, client_form, clients, course, course_buy, courses, dashboard, dev_letter,
        dev_mail, forgotten_password, help, help_article, help_editor, landing, lesson, login, logout, mail_preferences,
        my_courses, new_password, new_ticket, ops, ops_cancel, ops_delete, ops_housekeeping, ops_job, ops_job_edit, ops_jobs,
        ops_mail, ops_retry, ops_schedule, ops_schedule_commands, ops_schedule_form, ops_schedules, policies, purchase,
        purchase_pay, purchases, register, report_file, reports, search, ticket, ticket_commands, tickets, unsubscribe,
        verification_letter, verify,
    },
    paths::{self, Twin},
    problem::Problem,
    sessions::Sessions,
    system::{health, metrics, ready},
    visit,
    webhooks::{paypal, stripe},
};

/// The longest that a page may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// The same with the session that is looked up before and kept after it.
const WHOLE_TIMEOUT: Duration = Duration::from_secs(13);

/// One address, one verb.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) method: &'static Method,
    pub(crate) path: &'static str,
    /// The language that the address is in.
    pub(crate) locale: Option<Locale>,
    pub(crate) twin: Twin,
    pub(crate) who: Who,
    pub(crate) surface: Surface,
    /// Whether the address can also be read (GET).
    pub(crate) can_be_read: bool,
}

/// A row and what answers it.
pub(crate) struct Route {
    pub(crate) row: Row,
    pub(crate) handler: MethodRouter<App>,
}

/// The table.
pub(crate) fn table() -> Vec<Route> {
    let mut table: Vec<Route> = [
        get(paths::LANDING, Anyone, landing::show),
        get(paths::REGISTER, Guest, register::show),
        post(paths::REGISTER, Guest, register::submit),
        get(paths::LOGIN, Guest, login::show),
        post(paths::LOGIN, Guest, login::submit),
        get(paths::FORGOTTEN_PASSWORD, Anyone, forgotten_password::show),
        post(paths::FORGOTTEN_PASSWORD, Anyone, forgotten_password::submit),
        get(paths::NEW_PASSWORD, Anyone, new_password::show),
        post(paths::NEW_PASSWORD, Anyone, new_password::submit),
        post(paths::LOGOUT, SignedIn, logout::submit),
        get(paths::ACCOUNT, SignedIn, account::show),
        post(paths::ACCOUNT_PREFERENCES, SignedIn, account_preferences::submit),
        post(paths::VERIFICATION_LETTER, SignedIn, verification_letter::submit),
        get(paths::VERIFY, Anyone, verify::show),
        post(paths::VERIFY, Anyone, verify::submit),
        get(paths::COURSES, Anyone, courses::show),
        get(paths::COURSE, Anyone, course::show),
        post(paths::COURSE_BUY, SignedIn, course_buy::submit),
        get(paths::ANNOUNCEMENTS, SignedIn, announcements::show),
        post(paths::ANNOUNCEMENTS, Roles(TEACHERS), announcements::submit),
        get(paths::LESSON, SignedIn, lesson::show),
        post(paths::LESSON_DONE, SignedIn, lesson::submit),
        get(paths::MY_COURSES, SignedIn, my_courses::show),
        get(paths::PURCHASES, SignedIn, purchases::show),
        get(paths::PURCHASE, SignedIn, purchase::show),
        get(paths::PURCHASE_PAY, SignedIn, purchase_pay::show),
        get(paths::CERTIFICATES, SignedIn, certificates::show),
        get(paths::CERTIFICATE_PDF, SignedIn, certificate_pdf::show),
        get(paths::CERTIFICATE_CREDENTIAL, SignedIn, certificate_credential::show),
        get(paths::CHECK, Anyone, check_certificate::ask),
        post(paths::CHECK, AnyoneWithFile, check_certificate::recognise),
        get(paths::CHECK_CERTIFICATE, Anyone, check_certificate::show),
        post(paths::CHECK_CERTIFICATE, AnyoneWithFile, check_certificate::compare),
        for_programs(&Method::GET, paths::CHECK_STATEMENT, Anyone, check_certificate::statement),
        for_programs(&Method::GET, paths::SIGNING_KEYS, Anyone, credentials::keys),
        for_programs(&Method::GET, paths::DID, Anyone, credentials::did),
        for_programs(&Method::GET, paths::SIGNING_KEY, Anyone, credentials::key),
        for_programs(&Method::GET, paths::STATUS_LIST, Anyone, credentials::status),
        get(paths::ADMIN_CERTIFICATES, Roles(ADMINS), admin_certificates::show),
        post(paths::ADMIN_CERTIFICATES, Roles(ADMINS), ask_certificate::submit),
        get(paths::ADMIN_CERTIFICATE, Roles(ADMINS), admin_certificate::show),
        post(paths::ADMIN_REISSUE, Roles(ADMINS), amend_certificate::submit_reissue),
        post(paths::ADMIN_REVOKE, Roles(ADMINS), amend_certificate::submit_revoke),
        get(paths::ADMIN_SALES, Roles(ADMINS), admin_sales::show),
        get(paths::ADMIN_SALE, Roles(ADMINS), admin_sale::show),
        post(paths::ADMIN_REFUND, Roles(ADMINS), admin_refund::submit),
        post(paths::ADMIN_CLOSE_REVIEW, Roles(ADMINS), admin_refund::submit_close),
        get(paths::ADMIN_STATISTICS, Roles(ADMINS), admin_statistics::show),
        get(paths::ADMIN_RECONCILIATION, Roles(ADMINS), admin_reconciliation::show),
        post(paths::ADMIN_CLOSE_DIFFERENCE, Roles(ADMINS), admin_reconciliation::submit_close),
        get(paths::ADMIN_ACCOUNTS, Roles(ADMINS), admin_accounts::show),
        get(paths::ADMIN_ACCOUNT, Roles(ADMINS), admin_account::show),
        post(paths::ADMIN_ACCOUNT, Roles(ADMINS), admin_account::submit),
        get(paths::ADMIN_CHAT, Roles(ADMINS), admin_chat::show),
        post(paths::ADMIN_CHAT, Roles(ADMINS), admin_chat::submit),
        post(paths::ADMIN_CHAT_TEST, Roles(ADMINS), admin_chat::submit_test),
        post(paths::ADMIN_CHAT_ENABLE, Roles(ADMINS), admin_chat::submit_enable),
        post(paths::ADMIN_CHAT_FORGET, Roles(ADMINS), admin_chat::submit_forget),
        get(paths::DASHBOARD, Roles(AGENTS), dashboard::show),
        get(paths::TICKETS, Roles(DESK), tickets::show),
        get(paths::ARCHIVE, Roles(DESK), archive::show),
        get(paths::NEW_TICKET, Roles(DESK), new_ticket::show),
        post(paths::NEW_TICKET, Roles(DESK), new_ticket::submit),
        get(paths::TICKET, Roles(DESK), ticket::show),
        post(paths::TICKET_COMMENT, Roles(DESK), ticket_commands::comment),
        post(paths::TICKET_ASSIGN, Roles(AGENTS), ticket_commands::assign),
        post(paths::TICKET_PRIORITY, Roles(AGENTS), ticket_commands::set_priority),
        post(paths::TICKET_CLASSIFY, Roles(AGENTS), ticket_commands::classify),
        post(paths::TICKET_VOID, Roles(AGENTS), ticket_commands::make_void),
        post(paths::TICKET_RESOLVE, Roles(AGENTS), ticket_commands::resolve),
        post(paths::TICKET_STATUS, Roles(DESK), ticket_commands::set_status),
        get(paths::ALERTS, Roles(AGENTS), alerts::show),
        post(paths::ALERTS_NOTED, Roles(AGENTS), alerts::acknowledge_chosen),
        post(paths::ALERT_NOTED, Roles(AGENTS), alerts::acknowledge),
        get(paths::SEARCH, Roles(DESK), search::show),
        get(paths::HELP, Roles(DESK), help::show),
        get(paths::HELP_ARTICLE, Roles(DESK), help_article::show),
        get(paths::HELP_NEW, Roles(AGENTS), help_editor::show_new),
        post(paths::HELP_NEW, Roles(AGENTS), help_editor::create),
        get(paths::HELP_EDIT, Roles(AGENTS), help_editor::show_edit),
        post(paths::HELP_EDIT, Roles(AGENTS), help_editor::edit),
        post(paths::HELP_STATE, Roles(AGENTS), help_editor::move_article),
        get(paths::CLIENTS, Roles(AGENTS), clients::show),
        get(paths::NEW_CLIENT, Roles(LEADS), client_form::show_new),
        post(paths::NEW_CLIENT, Roles(LEADS), client_form::create),
        get(paths::CLIENT, Roles(AGENTS), client::show),
        get(paths::CLIENT_EDIT, Roles(LEADS), client_form::show_edit),
        post(paths::CLIENT_EDIT, Roles(LEADS), client_form::edit),
        get(paths::CLIENT_POLICIES, Roles(AGENTS), policies::show_of_client),
        post(paths::CLIENT_POLICIES, Roles(LEADS), policies::submit_of_client),
        post(paths::CLIENT_CONTRACTS, Roles(LEADS), client_commands::write_contract),
        post(paths::CLIENT_ADD_PERSON, Roles(LEADS), client_commands::add_person),
        post(paths::CLIENT_INVITE_AGAIN, Roles(LEADS), client_commands::invite_again),
        post(paths::CLIENT_REMOVE_PERSON, Roles(LEADS), client_commands::remove_person),
        get(paths::POLICIES, Roles(AGENTS), policies::show),
        post(paths::POLICIES, Roles(LEADS), policies::submit),
        post(paths::FOLLOW_RULES, Roles(LEADS), policies::follow),
        get(paths::CALENDARS, Roles(AGENTS), calendars::show),
        get(paths::NEW_CALENDAR, Roles(LEADS), calendar_form::show_new),
        post(paths::NEW_CALENDAR, Roles(LEADS), calendar_form::create),
        get(paths::CALENDAR, Roles(AGENTS), calendar_form::show_edit),
        post(paths::CALENDAR, Roles(LEADS), calendar_form::edit),
        get(paths::REPORTS, Roles(AGENTS), reports::show),
        post(paths::REPORTS, Roles(AGENTS), reports::submit),
        get(paths::REPORT_FILE, Roles(AGENTS), report_file::show),
        post(paths::REPORT_AGAIN, Roles(AGENTS), report_file::again),
        post(paths::REPORT_CANCEL, Roles(AGENTS), reports::cancel),
        get(paths::MAIL_PREFERENCES, SignedIn, mail_preferences::show),
        post(paths::MAIL_PREFERENCES, SignedIn, mail_preferences::submit),
        get(paths::UNSUBSCRIBE, Anyone, unsubscribe::show),
        post(paths::UNSUBSCRIBE, Signed, unsubscribe::submit),
        get(paths::OPS, Roles(OPERATORS), ops::show),
        get(paths::OPS_JOBS, Roles(OPERATORS), ops_jobs::show),
        get(paths::OPS_JOB, Roles(OPERATORS), ops_job::show),
        post(paths::OPS_RETRY, Roles(OPERATORS), ops_retry::submit),
        post(paths::OPS_CANCEL, Roles(OPERATORS), ops_cancel::submit),
        get(paths::OPS_EDIT, Roles(OPERATORS), ops_job_edit::show),
        post(paths::OPS_EDIT, Roles(OPERATORS), ops_job_edit::submit),
        post(paths::OPS_DELETE, Roles(OPERATORS), ops_delete::submit),
        get(paths::OPS_MAIL, Roles(OPERATORS), ops_mail::show),
        post(paths::OPS_MAIL, Roles(OPERATORS), ops_mail::add),
        post(paths::OPS_MAIL_LIFT, Roles(OPERATORS), ops_mail::lift),
        get(paths::OPS_HOUSEKEEPING, Roles(OPERATORS), ops_housekeeping::show),
        post(paths::OPS_DRY_RUN, Roles(OPERATORS), ops_housekeeping::count_only),
        get(paths::OPS_SCHEDULES, Roles(OPERATORS), ops_schedules::show),
        post(paths::OPS_SCHEDULES, Roles(OPERATORS), ops_schedule_form::create),
        get(paths::OPS_NEW_SCHEDULE, Roles(OPERATORS), ops_schedule_form::show_new),
        get(paths::OPS_SCHEDULE, Roles(OPERATORS), ops_schedule::show),
        get(paths::OPS_SCHEDULE_EDIT, Roles(OPERATORS), ops_schedule_form::show_edit),
        post(paths::OPS_SCHEDULE_EDIT, Roles(OPERATORS), ops_schedule_form::edit),
        post(paths::OPS_SCHEDULE_RUN_NOW, Roles(OPERATORS), ops_schedule_commands::run_now),
        post(paths::OPS_SCHEDULE_PAUSE, Roles(OPERATORS), ops_schedule_commands::pause),
        post(paths::OPS_SCHEDULE_RESUME, Roles(OPERATORS), ops_schedule_commands::resume),
        post(paths::OPS_SCHEDULE_DELETE, Roles(OPERATORS), ops_schedule_commands::delete),
        get(paths::DEV_MAIL, Anyone, dev_mail::show),
        get(paths::DEV_LETTER, Anyone, dev_letter::show),
        for_programs(&Method::POST, paths::API_JOBS, Bearer(&[Scope::EnqueueJobs]), api::enqueue::submit),
        for_programs(&Method::GET, paths::API_JOB, Bearer(&[Scope::ReadJobs]), api::job::show),
        for_programs(&Method::GET, paths::API_JOB_KINDS, Bearer(&Scope::ALL), api::job_kinds::show),
        for_programs(&Method::GET, paths::API_SCHEDULES, Bearer(&[Scope::ReadSchedules]), api::schedules::list),
        for_programs(&Method::GET, paths::API_SCHEDULE, Bearer(&[Scope::ReadSchedules]), api::schedules::show),
        for_programs(&Method::GET, paths::API_SCHEDULE_TICKS, Bearer(&[Scope::ReadSchedules]), api::schedules::ticks),
        for_programs(&Method::PUT, paths::API_SCHEDULE, Bearer(&[Scope::WriteSchedules]), api::schedule_commands::put),
        for_programs(&Method::DELETE, paths::API_SCHEDULE, Bearer(&[Scope::WriteSchedules]), api::schedule_commands::delete),
        for_programs(
            &Method::POST,
            paths::API_SCHEDULE_RUN_NOW,
            Bearer(&[Scope::WriteSchedules]),
            api::schedule_commands::run_now,
        ),
        for_programs(&Method::POST, paths::API_SCHEDULE_PAUSE, Bearer(&[Scope::WriteSchedules]), api::schedule_commands::pause),
        for_programs(&Method::POST, paths::API_SCHEDULE_RESUME, Bearer(&[Scope::WriteSchedules]), api::schedule_commands::resume),
        for_programs(&Method::POST, paths::API_REPORTS, Bearer(&[Scope::WriteReports]), api::reports::submit),
        for_programs(&Method::GET, paths::API_REPORT, Bearer(&[Scope::ReadReports]), api::reports::show),
        for_programs(&Method::GET, paths::API_REPORT_FILE, Bearer(&[Scope::ReadReports]), api::reports::file),
        for_programs(&Method::GET, paths::API_REPORTS, Bearer(&[Scope::ReadReports]), api::reports::list),
        for_programs(&Method::POST, paths::API_REPORT_CANCEL, Bearer(&[Scope::WriteReports]), api::reports::cancel),
        for_programs(&Method::GET, paths::API_TICKETS, Bearer(&[Scope::ReadTickets]), api::tickets::list),
        for_programs(&Method::POST, paths::API_TICKETS, Bearer(&[Scope::WriteTickets]), api::ticket_commands::submit),
        for_programs(&Method::GET, paths::API_TICKET, Bearer(&[Scope::ReadTickets]), api::tickets::show),
        for_programs(&Method::PATCH, paths::API_TICKET, Bearer(&[Scope::WriteTickets]), api::ticket_commands::edit),
        for_programs(&Method::GET, paths::API_TICKET_COMMENTS, Bearer(&[Scope::ReadTickets]), api::ticket_comments::list),
        for_programs(&Method::POST, paths::API_TICKET_COMMENTS, Bearer(&[Scope::WriteTickets]), api::ticket_comments::submit),
        for_programs(&Method::GET, paths::API_TICKET_PAUSES, Bearer(&[Scope::ReadTickets]), api::ticket_pauses::list),
        for_programs(&Method::GET, paths::API_CLIENTS, Bearer(&[Scope::ReadClients]), api::clients::list),
        for_programs(&Method::GET, paths::API_CLIENT, Bearer(&[Scope::ReadClients]), api::clients::show),
        for_programs(&Method::GET, paths::API_ARTICLES, Bearer(&[Scope::ReadArticles]), api::articles::list),
        for_programs(&Method::GET, paths::API_ARTICLE, Bearer(&[Scope::ReadArticles]), api::articles::show),
        for_programs(&Method::GET, paths::API_ALERTS, Bearer(&[Scope::ReadAlerts]), api::alerts::list),
        for_programs(&Method::GET, paths::API_ALERT, Bearer(&[Scope::ReadAlerts]), api::alerts::show),
        for_programs(&Method::POST, paths::API_ALERT_ACKNOWLEDGE, Bearer(&[Scope::WriteAlerts]), api::alerts::acknowledge),
        for_programs(&Method::GET, paths::API_ARCHIVED_TICKETS, Bearer(&[Scope::ReadTickets]), api::archived_tickets::list),
        for_programs(&Method::GET, paths::API_ARCHIVED_TICKET, Bearer(&[Scope::ReadTickets]), api::archived_tickets::show),
        for_programs(
            &Method::GET,
            paths::API_ARCHIVED_TICKET_COMMENTS,
            Bearer(&[Scope::ReadTickets]),
            api::ticket_comments::list_archived,
        ),
        for_programs(
            &Method::GET,
            paths::API_ARCHIVED_TICKET_PAUSES,
            Bearer(&[Scope::ReadTickets]),
            api::ticket_pauses::list_archived,
        ),
        for_programs(&Method::GET, paths::API_DESCRIPTION, Anyone, api::openapi::show),
        for_programs(&Method::POST, paths::WEBHOOK_STRIPE, Signed, stripe::submit),
        for_programs(&Method::POST, paths::WEBHOOK_PAYPAL, Signed, paypal::submit),
        for_programs(&Method::POST, paths::MAIL_EVENTS, Signed, api::mail_events::submit),
        for_programs(&Method::GET, paths::METRICS, RolesOrMetricsToken(OPERATORS), metrics::show),
        for_the_system(paths::HEALTH, health::show),
        for_the_system(paths::READY, ready::show),
        for_the_system(paths::ASSET, assets::show),
    ]
    .into_iter()
    .flatten()
    .collect();
    let readable: Vec<&str> =
        table.iter().map(|route| route.row).filter(|row| *row.method == Method::GET).map(|row| row.path).collect();
    for route in &mut table {
        route.row.can_be_read = readable.contains(&route.row.path);
    }
    table
}

fn get<H: Handler<T, App>, T: 'static>(twin: Twin, who: Who, handler: H) -> Vec<Route> {
    rows(&Method::GET, twin, who, Surface::Page, handler)
}

fn post<H: Handler<T, App>, T: 'static>(twin: Twin, who: Who, handler: H) -> Vec<Route> {
    rows(&Method::POST, twin, who, Surface::Page, handler)
}

fn for_programs<H: Handler<T, App>, T: 'static>(method: &'static Method, twin: Twin, who: Who, handler: H) -> Vec<Route> {
    rows(method, twin, who, Surface::Program, handler)
}

fn for_the_system<H: Handler<T, App>, T: 'static>(twin: Twin, handler: H) -> Vec<Route> {
    rows(&Method::GET, twin, Anyone, Surface::System, handler)
}

fn rows<H: Handler<T, App>, T: 'static>(
    method: &'static Method,
    twin: Twin,
    who: Who,
    surface: Surface,
    handler: H,
) -> Vec<Route> {
    let filter = MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::POST);
    let route = |(path, locale)| Route {
        row: Row { method, path, locale, twin, who, surface, can_be_read: false },
        handler: on(filter, handler.clone()),
    };
    twin.all().into_iter().map(route).collect()
}

/// The site: the table's rows, each behind its guard, inside the layers that every request passes.
pub(crate) fn router(app: &App, table: Vec<Route>) -> Router {
    in_layers(app, guarded(app, table))
}

/// The rows, each behind its guard, with its bounds around both.
fn guarded(app: &App, table: Vec<Route>) -> Router<App> {
    let places = Arc::new(Semaphore::new(app.settings.max_requests));
    let mut router = Router::new();
    for Route { row, handler } in table {
        let mut handler = handler.route_layer(from_fn_with_state((app.clone(), row), guard::stand));
        if row.surface != Surface::System {
            let bounds = ServiceBuilder::new()
                .layer(HandleErrorLayer::new(refused))
                .load_shed()
                .layer(GlobalConcurrencyLimitLayer::with_semaphore(Arc::clone(&places)))
                .timeout(REQUEST_TIMEOUT);
            handler = handler.route_layer(bounds);
        }
        router = router.route(row.path, handler.route_layer(from_fn_with_state(row, guard::meet)));
    }
    router.fallback(guard::not_found).method_not_allowed_fallback(guard::method_not_allowed)
}

/// What every request passes, from the outside in: compression, the visit, the net under panics, the session.
fn in_layers(app: &App, router: Router<App>) -> Router {
    let sessions = SessionManagerLayer::new(Sessions::new(app.db.clone(), app.cache.clone()))
        .with_name(app.session_cookie_name())
        .with_secure(app.settings.is_https())
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_expiry(Expiry::OnInactivity(time::Duration::hours(SESSION_HOURS)));
    // What stands outside of the rows asks Postgres too: who meets no row, and the session that is kept at the end.
    let whole = ServiceBuilder::new().layer(HandleErrorLayer::new(refused)).timeout(WHOLE_TIMEOUT);
    router
        .layer(sessions)
        .layer(whole)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(app.clone(), visit::attend))
        .layer(CompressionLayer::new())
        .with_state(app.clone())
}

async fn refused(error: BoxError) -> Problem {
    if error.is::<tower::timeout::error::Elapsed>() { Problem::TooSlow } else { Problem::Busy }
}

fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    ::metrics::counter!("faena_web_panics_total").increment(1);
    Problem::Internal(anyhow::anyhow!("a handler panicked: {}", said.unwrap_or("?"))).into_response()
}

#[cfg(test)]
mod tests;
