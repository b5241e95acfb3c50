//! Every kind of letter can be looked at, where that is allowed.

use faena_tests::stores::Stores;
use reqwest::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};

use super::Web;

#[tokio::test]
async fn a_developer_looks_at_every_letter_in_both_languages() {
    let web = Web::start_on(Stores::fresh().await, &[("DEV_PAGES", "true")]).await;
    let developer = web.visitor();

    let list = developer.page("/dev/mail").await;

    let kinds = list.texts("tbody th");
    for kind in [
        "welcome",
        "password_reset",
        "receipt",
        "refund",
        "certificate_ready",
        "certificate_revoked",
        "video_ready",
        "sla_warning",
        "ticket_answer",
        "ticket_solved",
        "ticket_closed",
        "ticket_assigned",
        "invitation",
        "ticket_reply",
        "report_ready",
    ] {
        assert!(kinds.iter().any(|shown| shown == kind), "{kind} is missing in {kinds:?}");
    }
    for kind in kinds {
        for (locale, greeting) in [("es", "Hola"), ("en", "Hello")] {
            let html = developer.get(&format!("/dev/mail/{kind}/html?in={locale}")).await;
            let policy = html.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
            assert!(
                policy.starts_with("default-src 'none'; style-src 'unsafe-inline';") && !policy.contains("script"),
                "{policy}"
            );
            assert!(html.text().await.unwrap().contains(&format!("<html lang=\"{locale}\"")), "{kind}");
            let text = developer.get(&format!("/dev/mail/{kind}/text?in={locale}")).await;
            assert_eq!(text.headers()[CONTENT_TYPE], "text/plain; charset=utf-8");
            assert!(text.text().await.unwrap().contains(greeting), "{kind} {locale}");
        }
    }
    assert_eq!(developer.get("/dev/mail/nothing/html").await.status(), 404);
}
