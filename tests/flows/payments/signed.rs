//! Messages that are believed, and those that are refused, each with its own reason.

use chrono::Utc;
use faena_tests::sandbox::{STRIPE_SECRET, stripe_signature};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::School;

fn body(id: &str, livemode: bool) -> Vec<u8> {
    json!({ "id": id, "object": "event", "type": "customer.created", "livemode": livemode, "created": 1_700_000_000, "data": { "object": { "id": "cus_1" } } })
        .to_string()
        .into_bytes()
}

impl School {
    /// Sends a body as Stripe would, or would not: the answer's status and what it says.
    async fn hears(&self, body: Vec<u8>, signature: Option<String>) -> (u16, String) {
        let mut request = self.browser_of_nobody().post(format!("{}/webhooks/stripe", self.site.url)).body(body);
        if let Some(signature) = signature {
            request = request.header("Stripe-Signature", signature);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let said: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default();
        (status.as_u16(), said["detail"].as_str().unwrap_or_default().to_owned())
    }

    fn browser_of_nobody(&self) -> reqwest::Client {
        faena_tests::http::http_client()
    }

    async fn kept(&self) -> i64 {
        sqlx::query_scalar("select count(*) from school.payment_events").fetch_one(&self.site.stores.db).await.unwrap()
    }
}

#[tokio::test]
async fn each_message_that_is_not_stripes_is_refused_with_its_own_reason() {
    let next = "whsec_the_next_secret";
    let school = School::open_with(&[("STRIPE_WEBHOOK_SECRETS", &format!("{next},{STRIPE_SECRET}"))]).await;
    let now = Utc::now().timestamp();
    let good = body("evt_1", false);
    let signed = |body: &[u8], time| Some(stripe_signature(STRIPE_SECRET, time, body));
    let huge = json!({ "id": "evt_1", "x": "x".repeat(256 * 1024) }).to_string().into_bytes();
    let mut changed = good.clone();
    changed.push(b' ');
    for (body, signature, status, said) in [
        (good.clone(), None, 400, "the signature is missing"),
        (good.clone(), Some("t=1".to_owned()), 400, "the signature cannot be read"),
        (good.clone(), Some(stripe_signature("whsec_somebody_elses", now, &good)), 400, "the signature is wrong"),
        (changed, signed(&good, now), 400, "the signature is wrong"),
        (good.clone(), signed(&good, now - 301), 400, "the signature's time is more than 300 s from ours"),
        (good.clone(), signed(&good, now + 3600), 400, "the signature's time is more than 300 s from ours"),
        (body("evt_1", true), signed(&body("evt_1", true), now), 400, "the event's livemode is not that of this installation"),
        (b"{}".to_vec(), signed(b"{}", now), 400, "the body is no event"),
        (body("evt\0", false), signed(&body("evt\0", false), now), 400, r"the event's id has a zero byte (\u0000)"),
        (huge.clone(), signed(&huge, now), 413, "the body has more than 256 KiB"),
    ] {
        assert_eq!(school.hears(body, signature).await, (status, said.to_owned()));
    }
    assert_eq!(school.kept().await, 0, "nothing of it was kept");

    assert_eq!(school.hears(good.clone(), signed(&good, Utc::now().timestamp() - 200)).await.0, 200);
    let rotated = body("evt_2", false);
    assert_eq!(
        school.hears(rotated.clone(), Some(stripe_signature(next, now, &rotated))).await.0,
        200,
        "while the secret is replaced"
    );
    assert_eq!(school.hears(good.clone(), signed(&good, now)).await.0, 200, "again");
    assert_eq!(school.kept().await, 2);
    // What Stripe's documents call nullable may be null.
    let object = json!({ "id": "re_1", "object": "refund", "metadata": null, "payment_intent": null });
    let bare = json!({ "id": "evt_3", "object": "event", "type": "refund.created", "livemode": false, "created": 1_700_000_000, "data": { "object": object } });
    let bare = bare.to_string().into_bytes();
    assert_eq!(school.hears(bare.clone(), signed(&bare, now)).await, (200, String::new()));
}

#[tokio::test]
async fn a_message_is_answered_only_when_it_is_kept() {
    let school = School::open().await;
    let good = body("evt_1", false);
    let signature = || Some(stripe_signature(STRIPE_SECRET, Utc::now().timestamp(), &good));
    sqlx::raw_sql("alter table school.payment_events rename to away").execute(&school.site.stores.db).await.unwrap();
    assert_eq!(school.hears(good.clone(), signature()).await.0, 500);
    sqlx::raw_sql("alter table school.away rename to payment_events").execute(&school.site.stores.db).await.unwrap();
    // Somebody holds the table: the web's patience with a lock ends, and the sender is told to come again.
    let mut tx = school.site.stores.db.begin().await.unwrap();
    sqlx::raw_sql("lock table school.payment_events").execute(&mut *tx).await.unwrap();
    assert_eq!(school.hears(good.clone(), signature()).await.0, StatusCode::SERVICE_UNAVAILABLE.as_u16());
    tx.rollback().await.unwrap();
    assert_eq!(school.kept().await, 0);

    assert_eq!(school.hears(good.clone(), signature()).await.0, 200);
    assert_eq!(school.kept().await, 1);
}
