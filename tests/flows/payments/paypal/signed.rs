//! Messages of PayPal's that are believed, and those that are refused, each with its own reason.

use chrono::{SecondsFormat, TimeDelta, Utc};
use faena_tests::{
    http::http_client,
    judge::quiet,
    sandbox::{HttpRule, PAYPAL_WEBHOOK_ID, paypal_headers},
    wait::until,
};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::School;

type Headers = Vec<(&'static str, String)>;

fn body(id: &str) -> Vec<u8> {
    json!({
        "id": id, "event_version": "1.0", "create_time": "2026-11-28T10:59:58.100Z", "resource_type": "plan", "event_type": "BILLING.PLAN.CREATED",
        "summary": "Un plan con ñ", "resource": { "id": "P-1" },
    })
    .to_string()
    .into_bytes()
}

impl School {
    fn certificate(&self, name: &str) -> String {
        format!("{}/v1/notifications/certs/{name}", self.site.sandbox.paypal_url())
    }

    /// The headers of a good message that is so old.
    fn sent(&self, body: &[u8], age_s: i64) -> Headers {
        self.sent_with("CERT-good", "69cd13f0-d67a-11e5-baa3-778b53f4ae55", body, age_s)
    }

    fn sent_with(&self, certificate: &str, id: &str, body: &[u8], age_s: i64) -> Headers {
        let time = (Utc::now() - TimeDelta::seconds(age_s)).to_rfc3339_opts(SecondsFormat::Secs, true);
        paypal_headers(PAYPAL_WEBHOOK_ID, &self.certificate(certificate), id, &time, body)
    }

    /// Sends a body as PayPal would, or would not: the answer's status and what it says.
    async fn is_told(&self, body: Vec<u8>, headers: Headers) -> (u16, String) {
        let request = http_client().post(format!("{}/hooks/paypal", self.site.url)).body(body);
        let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let said: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default();
        (status.as_u16(), said["detail"].as_str().unwrap_or_default().to_owned())
    }

    async fn count(&self, table: &'static str) -> i64 {
        let sql = format!("select count(*) from school.{table}");
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&self.site.stores.db).await.unwrap()
    }

    /// The web knows the certificate, as it does but for the first message.
    async fn knows_the_certificate(&self) {
        let first = body("WH-first");
        assert_eq!(self.is_told(first.clone(), self.sent(&first, 0)).await.0, 200);
        until("the first message to be believed", async || self.count("payment_events").await == 1).await;
        assert_eq!((self.count("paypal_certificates").await, self.count("unverified_messages").await), (1, 0));
    }
}

fn with(mut headers: Headers, name: &'static str, value: &str) -> Headers {
    headers.retain(|(own, _)| *own != name);
    headers.push((name, value.to_owned()));
    headers
}

fn without(mut headers: Headers, name: &'static str) -> Headers {
    headers.retain(|(own, _)| *own != name);
    headers
}

#[tokio::test]
async fn each_message_that_is_not_paypals_is_refused_with_its_own_reason() {
    let school = School::open_with(&[("PAYPAL_WEBHOOK_IDS", &format!("THENEXTID,{PAYPAL_WEBHOOK_ID}"))]).await;
    school.knows_the_certificate().await;
    let good = body("WH-1");
    let sent = || school.sent(&good, 0);
    let changed = [good.as_slice(), b" "].concat();
    let huge = json!({ "id": "WH-1", "x": "x".repeat(256 * 1024) }).to_string().into_bytes();
    let others = paypal_headers("SOMEBODYELSES", &school.certificate("CERT-good"), "id", "2026-11-28T11:00:00Z", &good);
    for (body, headers, status, said) in [
        (good.clone(), Vec::new(), 400, "the header paypal-auth-algo is missing"),
        (good.clone(), without(sent(), "paypal-transmission-sig"), 400, "the header paypal-transmission-sig is missing"),
        (good.clone(), without(sent(), "paypal-cert-url"), 400, "the header paypal-cert-url is missing"),
        (good.clone(), with(sent(), "paypal-transmission-sig", "%%"), 400, "the header paypal-transmission-sig cannot be read"),
        (
            good.clone(),
            with(sent(), "paypal-transmission-time", "today"),
            400,
            "the header paypal-transmission-time cannot be read",
        ),
        (good.clone(), with(sent(), "paypal-auth-algo", "SHA1withRSA"), 400, "the signature's algorithm is not SHA256withRSA"),
        (
            good.clone(),
            with(sent(), "paypal-cert-url", "https://evil.example/v1/notifications/certs/CERT-good"),
            400,
            "the certificate's address is not PayPal's",
        ),
        (
            good.clone(),
            with(sent(), "paypal-cert-url", &format!("{}/v2/checkout/orders/1", school.site.sandbox.paypal_url())),
            400,
            "the certificate's address is not PayPal's",
        ),
        (changed, sent(), 400, "the signature is wrong"),
        (good.clone(), others, 400, "the signature is wrong"),
        (good.clone(), with(sent(), "paypal-transmission-id", "another"), 400, "the signature is wrong"),
        (
            good.clone(),
            school.sent(&good, 3 * 24 * 3600 + 3700),
            400,
            "the message's time is more than three days before ours, or after it",
        ),
        (good.clone(), school.sent(&good, -4000), 400, "the message's time is more than three days before ours, or after it"),
        (b"{}".to_vec(), school.sent(b"{}", 0), 400, "the body is no event"),
        (huge.clone(), school.sent(&huge, 0), 413, "the body has more than 256 KiB"),
    ] {
        assert_eq!(school.is_told(body, headers).await, (status, said.to_owned()));
    }
    assert_eq!((school.count("payment_events").await, school.count("unverified_messages").await), (1, 0), "nothing was kept");

    assert_eq!(school.is_told(good.clone(), school.sent(&good, 2 * 24 * 3600)).await.0, 200, "as late as PayPal tries");
    let rotated = body("WH-2");
    let time = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
    let headers = paypal_headers("THENEXTID", &school.certificate("CERT-good"), "id", &time, &rotated);
    assert_eq!(school.is_told(rotated, headers).await.0, 200, "while the id is replaced");
    assert_eq!(school.is_told(good.clone(), sent()).await.0, 200, "again");
    assert_eq!(school.count("payment_events").await, 3);
}

#[tokio::test]
async fn a_message_does_not_wait_for_its_certificate_and_is_judged_by_it() {
    let school = School::open_with(&[("SUPERVISE", "false")]).await;
    // Whoever asked for it would have it at once, and the worker does not ask yet.
    school.site.worker.signal(Signal::SIGSTOP);
    let good = body("WH-1");

    let answer = school.is_told(good.clone(), school.sent(&good, 0)).await;

    assert_eq!((answer.0, school.count("payment_events").await), (200, 0), "it is kept, and nobody has judged it");
    assert_eq!(school.count("unverified_messages").await, 1);
    assert_eq!(school.is_told(good.clone(), school.sent(&good, 0)).await.0, 200, "again");
    assert_eq!(school.count("unverified_messages").await, 1);
    school.site.worker.signal(Signal::SIGCONT);
    until("it to be believed", async || school.count("payment_events").await == 1).await;
    assert_eq!(school.count("unverified_messages").await, 0);
}

#[tokio::test]
async fn a_certificate_that_does_not_hold_is_refused_with_its_reason() {
    let school = School::open().await;
    for (name, why) in [
        ("CERT-expired", "the certificate has expired"),
        ("CERT-other-name", "the certificate is not PayPal's for messages"),
        ("CERT-stranger", "the certificate is by an unknown authority"),
        ("CERT-moved", "its certificate cannot be had: 302"),
        ("CERT-nowhere", "there is no certificate at its address"),
    ] {
        let body = body(name);
        let headers = school.sent_with(name, name, &body, 0);
        assert_eq!(school.is_told(body, headers).await.0, 200);
        quiet(&school.site.stores).await;
        until(format!("the word of {name}"), async || school.site.worker.log_text().contains(why)).await;
    }
    // Signed well, by a certificate that holds, and another body.
    let headers = school.sent_with("CERT-good", "changed", &body("WH-1"), 0);
    assert_eq!(school.is_told(body("WH-2"), headers).await.0, 200);
    quiet(&school.site.stores).await;
    until("the word of the changed one", async || school.site.worker.log_text().contains("the signature is wrong")).await;
    for table in ["payment_events", "unverified_messages", "paypal_certificates"] {
        assert_eq!(school.count(table).await, 0, "nothing of it was kept in {table}");
    }
}

#[tokio::test]
async fn no_more_messages_wait_for_certificates_than_may_and_those_of_known_ones_pass() {
    let school = School::open().await;
    school.knows_the_certificate().await;
    sqlx::query(
        "insert into school.unverified_messages (transmission_id, transmission_time, certificate_url, signature, body)
         select 'x' || n, '2026-11-28T11:00:00Z', 'x', 'x', '' from generate_series(1, 200) n",
    )
    .execute(&school.site.stores.db)
    .await
    .unwrap();
    let message = body("WH-1");

    let unknown = school.is_told(message.clone(), school.sent_with("CERT-other", "other", &message, 0)).await.0;
    let known = school.is_told(message.clone(), school.sent(&message, 0)).await.0;

    assert_eq!((unknown, known), (503, 200));
    assert_eq!(school.count("unverified_messages").await, 200);
}

#[tokio::test]
async fn a_certificate_whose_server_is_away_is_had_when_it_is_back() {
    let school = School::open().await;
    let rules = [HttpRule::status(503).path("/v1/notifications/certs/").times(2)];
    school.site.sandbox.misbehave_paypal(rules).await.unwrap();
    let good = body("WH-1");

    assert_eq!(school.is_told(good.clone(), school.sent(&good, 0)).await.0, 200);

    until("it to be believed", async || school.count("payment_events").await == 1).await;
}
