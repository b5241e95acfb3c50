//! Where every page lives, in both languages.

use jobs::accounts::locale::Locale;

/// One page's two addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Twin {
    es: &'static str,
    en: &'static str,
}

impl Twin {
    const fn new(es: &'static str, en: &'static str) -> Self {
        Self { es, en }
    }

    /// A page whose language is the reader's own, not its address's.
    const fn same(path: &'static str) -> Self {
        Self { es: path, en: path }
    }

    /// The address in that language.
    pub(crate) const fn at(self, locale: Locale) -> &'static str {
        match locale {
            Locale::Es => self.es,
            Locale::En => self.en,
        }
    }

    /// The address in that language with these values in its places: `/cursos/{slug}`. Values are words of ours: slugs, numbers, ids.
    pub(crate) fn with(self, locale: Locale, values: &[(&str, &str)]) -> String {
        values.iter().fold(self.at(locale).to_owned(), |path, (name, value)| path.replace(&format!("{{{name}}}"), value))
    }

    /// Where a visitor of `path` finds the same in the other language, `pattern` being the address that was met.
    pub(crate) fn translated(self, to: Locale, pattern: &str, path: &str) -> String {
        let places = pattern.split('/').zip(path.split('/')).filter(|(place, _)| place.starts_with('{'));
        places.fold(self.at(to).to_owned(), |translated, (place, value)| translated.replace(place, value))
    }

    /// Every address, each with its language; no language when both are one address.
    pub(crate) fn all(self) -> Vec<(&'static str, Option<Locale>)> {
        if self.es == self.en {
            vec![(self.es, None)]
        } else {
            Locale::ALL.map(|locale| (self.at(locale), Some(locale))).to_vec()
        }
    }
}

pub(crate) const LANDING: Twin = Twin::new("/", "/en");
pub(crate) const REGISTER: Twin = Twin::new("/registro", "/register");
pub(crate) const LOGIN: Twin = Twin::new("/entrar", "/login");
pub(crate) const FORGOTTEN_PASSWORD: Twin = Twin::new("/contrasena", "/password");
pub(crate) const NEW_PASSWORD: Twin = Twin::new("/contrasena/nueva", "/password/new");
pub(crate) const LOGOUT: Twin = Twin::new("/salir", "/logout");
pub(crate) const ACCOUNT: Twin = Twin::new("/cuenta", "/account");
pub(crate) const VERIFICATION_LETTER: Twin = Twin::new("/cuenta/carta", "/account/letter");
pub(crate) const ACCOUNT_PREFERENCES: Twin = Twin::new("/cuenta/preferencias", "/account/preferences");
pub(crate) const MAIL_PREFERENCES: Twin = Twin::new("/cuenta/cartas", "/account/letters");
pub(crate) const UNSUBSCRIBE: Twin = Twin::new("/baja", "/unsubscribe");
pub(crate) const VERIFY: Twin = Twin::new("/verificar", "/verify");
pub(crate) const COURSES: Twin = Twin::new("/cursos", "/courses");
pub(crate) const COURSE: Twin = Twin::new("/cursos/{slug}", "/courses/{slug}");
pub(crate) const COURSE_BUY: Twin = Twin::new("/cursos/{slug}/comprar", "/courses/{slug}/buy");
pub(crate) const ANNOUNCEMENTS: Twin = Twin::new("/cursos/{slug}/avisos", "/courses/{slug}/announcements");
pub(crate) const LESSON: Twin = Twin::new("/cursos/{slug}/{lesson}", "/courses/{slug}/{lesson}");
pub(crate) const LESSON_DONE: Twin = Twin::new("/cursos/{slug}/{lesson}/hecha", "/courses/{slug}/{lesson}/done");
pub(crate) const MY_COURSES: Twin = Twin::new("/mis-cursos", "/my-courses");
pub(crate) const PURCHASES: Twin = Twin::new("/compras", "/purchases");
pub(crate) const PURCHASE: Twin = Twin::new("/compras/{id}", "/purchases/{id}");
pub(crate) const PURCHASE_PAY: Twin = Twin::new("/compras/{id}/pagar", "/purchases/{id}/pay");
pub(crate) const CERTIFICATES: Twin = Twin::new("/certificados", "/certificates");
pub(crate) const CERTIFICATE_PDF: Twin = Twin::new("/certificados/{id}/pdf", "/certificates/{id}/pdf");
pub(crate) const CERTIFICATE_CREDENTIAL: Twin = Twin::new("/certificados/{id}/credencial", "/certificates/{id}/credential");
// Short, because it is printed.
pub(crate) const CHECK: Twin = Twin::same("/v");
pub(crate) const CHECK_CERTIFICATE: Twin = Twin::same("/v/{serial}");
pub(crate) const CHECK_STATEMENT: Twin = Twin::same("/v/{serial}/statement");
pub(crate) const SIGNING_KEYS: Twin = Twin::same("/.well-known/jwks.json");
pub(crate) const DID: Twin = Twin::same("/.well-known/did.json");
pub(crate) const SIGNING_KEY: Twin = Twin::same("/certificate-keys/{name}");
pub(crate) const STATUS_LIST: Twin = Twin::same("/credentials/status/{list}");
pub(crate) const ADMIN_CERTIFICATES: Twin = Twin::same("/admin/certificates");
pub(crate) const ADMIN_CERTIFICATE: Twin = Twin::same("/admin/certificates/{id}");
pub(crate) const ADMIN_REISSUE: Twin = Twin::same("/admin/certificates/{id}/reissue");
pub(crate) const ADMIN_REVOKE: Twin = Twin::same("/admin/certificates/{id}/revoke");
pub(crate) const ADMIN_SALES: Twin = Twin::same("/admin/sales");
pub(crate) const ADMIN_SALE: Twin = Twin::same("/admin/sales/{id}");
pub(crate) const ADMIN_REFUND: Twin = Twin::same("/admin/sales/{id}/refund");
pub(crate) const ADMIN_CLOSE_REVIEW: Twin = Twin::same("/admin/sales/{id}/close-review");
pub(crate) const ADMIN_STATISTICS: Twin = Twin::same("/admin/statistics");
pub(crate) const ADMIN_RECONCILIATION: Twin = Twin::same("/admin/reconciliation");
pub(crate) const ADMIN_CLOSE_DIFFERENCE: Twin = Twin::same("/admin/reconciliation/close");
pub(crate) const ADMIN_ACCOUNTS: Twin = Twin::same("/admin/accounts");
pub(crate) const ADMIN_ACCOUNT: Twin = Twin::same("/admin/accounts/{id}");
pub(crate) const ADMIN_CHAT: Twin = Twin::same("/admin/chat");
pub(crate) const ADMIN_CHAT_TEST: Twin = Twin::same("/admin/chat/{name}/test");
pub(crate) const ADMIN_CHAT_ENABLE: Twin = Twin::same("/admin/chat/{name}/enable");
pub(crate) const ADMIN_CHAT_FORGET: Twin = Twin::same("/admin/chat/{name}/forget");
pub(crate) const WEBHOOK_STRIPE: Twin = Twin::same("/webhooks/stripe");
pub(crate) const WEBHOOK_PAYPAL: Twin = Twin::same("/hooks/paypal");
pub(crate) const DASHBOARD: Twin = Twin::new("/tablero", "/dashboard");
pub(crate) const TICKETS: Twin = Twin::new("/solicitudes", "/tickets");
pub(crate) const ARCHIVE: Twin = Twin::new("/solicitudes/archivo", "/tickets/archive");
pub(crate) const NEW_TICKET: Twin = Twin::new("/solicitudes/nueva", "/tickets/new");
pub(crate) const TICKET: Twin = Twin::new("/solicitudes/{id}", "/tickets/{id}");
pub(crate) const TICKET_COMMENT: Twin = Twin::new("/solicitudes/{id}/comentario", "/tickets/{id}/comment");
pub(crate) const TICKET_ASSIGN: Twin = Twin::new("/solicitudes/{id}/asignar", "/tickets/{id}/assign");
pub(crate) const TICKET_PRIORITY: Twin = Twin::new("/solicitudes/{id}/prioridad", "/tickets/{id}/priority");
pub(crate) const TICKET_CLASSIFY: Twin = Twin::new("/solicitudes/{id}/clasificar", "/tickets/{id}/classify");
pub(crate) const TICKET_VOID: Twin = Twin::new("/solicitudes/{id}/anular", "/tickets/{id}/void");
pub(crate) const TICKET_RESOLVE: Twin = Twin::new("/solicitudes/{id}/resolver", "/tickets/{id}/resolve");
pub(crate) const TICKET_STATUS: Twin = Twin::new("/solicitudes/{id}/estado", "/tickets/{id}/status");
pub(crate) const ALERTS: Twin = Twin::new("/alertas", "/alerts");
pub(crate) const ALERTS_NOTED: Twin = Twin::new("/alertas/vistas", "/alerts/noted");
pub(crate) const ALERT_NOTED: Twin = Twin::new("/alertas/{id}/vista", "/alerts/{id}/noted");
pub(crate) const SEARCH: Twin = Twin::new("/buscar", "/search");
pub(crate) const HELP: Twin = Twin::new("/ayuda", "/help");
pub(crate) const HELP_ARTICLE: Twin = Twin::new("/ayuda/{slug}", "/help/{slug}");
// Deeper than where an article has its name.
pub(crate) const HELP_NEW: Twin = Twin::new("/ayuda/articulos/nuevo", "/help/articles/new");
pub(crate) const HELP_EDIT: Twin = Twin::new("/ayuda/articulos/{id}", "/help/articles/{id}");
pub(crate) const HELP_STATE: Twin = Twin::new("/ayuda/articulos/{id}/estado", "/help/articles/{id}/state");
pub(crate) const CLIENTS: Twin = Twin::new("/clientes", "/clients");
pub(crate) const NEW_CLIENT: Twin = Twin::new("/clientes/nuevo", "/clients/new");
pub(crate) const CLIENT: Twin = Twin::new("/clientes/{id}", "/clients/{id}");
pub(crate) const CLIENT_EDIT: Twin = Twin::new("/clientes/{id}/editar", "/clients/{id}/edit");
pub(crate) const CLIENT_POLICIES: Twin = Twin::new("/clientes/{id}/plazos", "/clients/{id}/policies");
pub(crate) const CLIENT_CONTRACTS: Twin = Twin::new("/clientes/{id}/contratos", "/clients/{id}/contracts");
pub(crate) const CLIENT_ADD_PERSON: Twin = Twin::new("/clientes/{id}/personas", "/clients/{id}/people");
pub(crate) const CLIENT_INVITE_AGAIN: Twin = Twin::new("/clientes/{id}/personas/invitar", "/clients/{id}/people/invite");
pub(crate) const CLIENT_REMOVE_PERSON: Twin = Twin::new("/clientes/{id}/personas/quitar", "/clients/{id}/people/remove");
pub(crate) const POLICIES: Twin = Twin::new("/plazos", "/policies");
pub(crate) const FOLLOW_RULES: Twin = Twin::new("/plazos/seguir", "/policies/follow");
pub(crate) const CALENDARS: Twin = Twin::new("/calendarios", "/calendars");
pub(crate) const NEW_CALENDAR: Twin = Twin::new("/calendarios/nuevo", "/calendars/new");
pub(crate) const CALENDAR: Twin = Twin::new("/calendarios/{id}", "/calendars/{id}");
pub(crate) const REPORTS: Twin = Twin::new("/informes", "/reports");
pub(crate) const REPORT_FILE: Twin = Twin::new("/informes/{id}/archivo", "/reports/{id}/file");
pub(crate) const REPORT_AGAIN: Twin = Twin::new("/informes/{id}/otra-vez", "/reports/{id}/again");
pub(crate) const REPORT_CANCEL: Twin = Twin::new("/informes/{id}/cancelar", "/reports/{id}/cancel");
pub(crate) const OPS: Twin = Twin::same("/ops");
pub(crate) const OPS_JOBS: Twin = Twin::same("/ops/jobs");
pub(crate) const OPS_JOB: Twin = Twin::same("/ops/jobs/{id}");
pub(crate) const OPS_RETRY: Twin = Twin::same("/ops/jobs/{id}/retry");
pub(crate) const OPS_EDIT: Twin = Twin::same("/ops/jobs/{id}/edit");
pub(crate) const OPS_DELETE: Twin = Twin::same("/ops/jobs/{id}/delete");
pub(crate) const OPS_CANCEL: Twin = Twin::same("/ops/jobs/{id}/cancel");
pub(crate) const OPS_MAIL: Twin = Twin::same("/ops/mail");
pub(crate) const OPS_MAIL_LIFT: Twin = Twin::same("/ops/mail/{id}/lift");
pub(crate) const OPS_HOUSEKEEPING: Twin = Twin::same("/ops/housekeeping");
pub(crate) const OPS_DRY_RUN: Twin = Twin::same("/ops/housekeeping/{job}/dry-run");
pub(crate) const OPS_SCHEDULES: Twin = Twin::same("/ops/schedules");
// Beside the others and not below them, where a schedule could have its name.
pub(crate) const OPS_NEW_SCHEDULE: Twin = Twin::same("/ops/new-schedule");
pub(crate) const OPS_SCHEDULE: Twin = Twin::same("/ops/schedules/{name}");
pub(crate) const OPS_SCHEDULE_EDIT: Twin = Twin::same("/ops/schedules/{name}/edit");
pub(crate) const OPS_SCHEDULE_RUN_NOW: Twin = Twin::same("/ops/schedules/{name}/run-now");
pub(crate) const OPS_SCHEDULE_PAUSE: Twin = Twin::same("/ops/schedules/{name}/pause");
pub(crate) const OPS_SCHEDULE_RESUME: Twin = Twin::same("/ops/schedules/{name}/resume");
pub(crate) const OPS_SCHEDULE_DELETE: Twin = Twin::same("/ops/schedules/{name}/delete");

pub(crate) const MAIL_EVENTS: Twin = Twin::same("/hooks/mail");
pub(crate) const DEV_MAIL: Twin = Twin::same("/dev/mail");
pub(crate) const DEV_LETTER: Twin = Twin::same("/dev/mail/{kind}/{form}");

pub(crate) const API_JOBS: Twin = Twin::same("/api/v1/jobs");
pub(crate) const API_JOB: Twin = Twin::same("/api/v1/jobs/{id}");
pub(crate) const API_JOB_KINDS: Twin = Twin::same("/api/v1/job-kinds");
pub(crate) const API_SCHEDULES: Twin = Twin::same("/api/v1/schedules");
pub(crate) const API_SCHEDULE: Twin = Twin::same("/api/v1/schedules/{name}");
pub(crate) const API_SCHEDULE_TICKS: Twin = Twin::same("/api/v1/schedules/{name}/ticks");
pub(crate) const API_SCHEDULE_RUN_NOW: Twin = Twin::same("/api/v1/schedules/{name}/run-now");
pub(crate) const API_SCHEDULE_PAUSE: Twin = Twin::same("/api/v1/schedules/{name}/pause");
pub(crate) const API_SCHEDULE_RESUME: Twin = Twin::same("/api/v1/schedules/{name}/resume");
pub(crate) const API_REPORTS: Twin = Twin::same("/api/v1/reports");
pub(crate) const API_REPORT: Twin = Twin::same("/api/v1/reports/{id}");
pub(crate) const API_REPORT_FILE: Twin = Twin::same("/api/v1/reports/{id}/file");
pub(crate) const API_REPORT_CANCEL: Twin = Twin::same("/api/v1/reports/{id}/cancel");
pub(crate) const API_TICKETS: Twin = Twin::same("/api/v1/tickets");
pub(crate) const API_TICKET: Twin = Twin::same("/api/v1/tickets/{id}");
pub(crate) const API_TICKET_COMMENTS: Twin = Twin::same("/api/v1/tickets/{id}/comments");
pub(crate) const API_TICKET_PAUSES: Twin = Twin::same("/api/v1/tickets/{id}/pauses");
pub(crate) const API_CLIENTS: Twin = Twin::same("/api/v1/clients");
pub(crate) const API_CLIENT: Twin = Twin::same("/api/v1/clients/{id}");
pub(crate) const API_ARTICLES: Twin = Twin::same("/api/v1/articles");
pub(crate) const API_ARTICLE: Twin = Twin::same("/api/v1/articles/{id}");
pub(crate) const API_ALERTS: Twin = Twin::same("/api/v1/alerts");
pub(crate) const API_ALERT: Twin = Twin::same("/api/v1/alerts/{id}");
pub(crate) const API_ALERT_ACKNOWLEDGE: Twin = Twin::same("/api/v1/alerts/{id}/acknowledge");
pub(crate) const API_ARCHIVED_TICKETS: Twin = Twin::same("/api/v1/archived-tickets");
pub(crate) const API_ARCHIVED_TICKET: Twin = Twin::same("/api/v1/archived-tickets/{id}");
pub(crate) const API_ARCHIVED_TICKET_COMMENTS: Twin = Twin::same("/api/v1/archived-tickets/{id}/comments");
pub(crate) const API_ARCHIVED_TICKET_PAUSES: Twin = Twin::same("/api/v1/archived-tickets/{id}/pauses");
pub(crate) const API_DESCRIPTION: Twin = Twin::same("/api/v1/openapi.json");

pub(crate) const HEALTH: Twin = Twin::same("/health");
pub(crate) const READY: Twin = Twin::same("/ready");
pub(crate) const METRICS: Twin = Twin::same("/metrics");
pub(crate) const ASSET: Twin = Twin::same("/assets/{name}");

#[cfg(test)]
mod tests {
    use jobs::{
        accounts::{password_reset::PasswordReset, verification::Verification},
        certificates::signing::KeyId,
        help_desk::number::TicketId,
        mail::unsubscribe::Unsubscribe,
        payments::sale::SaleId,
        ports::links::{self, Links},
    };

    use super::*;

    #[test]
    fn a_page_with_values_has_its_address_in_both_languages() {
        let values = [("slug", "git-sin-sustos"), ("lesson", "3")];
        assert_eq!(LESSON.with(Locale::Es, &values), "/cursos/git-sin-sustos/3");
        assert_eq!(LESSON.translated(Locale::En, LESSON.at(Locale::Es), "/cursos/git-sin-sustos/3"), "/courses/git-sin-sustos/3");
        assert_eq!(LANDING.translated(Locale::En, "/", "/"), "/en");
    }

    #[test]
    fn the_links_in_letters_lead_to_the_pages() {
        let home: url::Url = "https://compilandocode.example".parse().expect("a URL");
        let sale = SaleId(uuid::Uuid::nil());
        let ours = Links::new(home.clone(), &"a secret of more than 32 bytes, 0123456789".into());
        let (serial, key): (_, KeyId) = ("CC-7Q4M-2K9T-X8WB-51DN".parse().expect("a serial"), "k1".parse().expect("a name"));
        assert_eq!(CHECK_CERTIFICATE.with(Locale::Es, &[("serial", "CC-7Q4M-2K9T-X8WB-51DN")]), ours.check(&serial).path());
        assert_eq!(SIGNING_KEY.with(Locale::Es, &[("name", "k1")]), ours.signing_key(&key).path());
        assert_eq!(STATUS_LIST.with(Locale::Es, &[("list", "7")]), ours.status_list(7).path());
        for locale in Locale::ALL {
            assert_eq!(CERTIFICATES.at(locale), ours.certificates(locale).path());
            assert_eq!(TICKET.with(locale, &[("id", "7")]), ours.ticket(locale, TicketId(7)).path());
            assert_eq!(ALERTS.at(locale), ours.alerts(locale).path());
            assert_eq!(VERIFY.at(locale), Verification::path(locale));
            assert_eq!(PURCHASE.with(locale, &[("id", &sale.to_string())]), links::purchase(&home, locale, sale).path());
            assert_eq!(NEW_PASSWORD.at(locale), PasswordReset::path(locale));
            assert_eq!(UNSUBSCRIBE.at(locale), Unsubscribe::path(locale));
        }
    }
}
