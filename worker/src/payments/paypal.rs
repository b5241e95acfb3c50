//! PayPal, by its Orders (<https://developer.paypal.com/docs/api/orders/v2/>): the person agrees at PayPal's own page, we collect.

use std::{
    fmt,
    time::{Duration, Instant},
};

use chrono::{DateTime, SecondsFormat, Utc};
use jobs::{
    accounts::locale::Locale,
    payments::{money::Money, paypal::amount, sale::SaleId},
    ports::{
        links,
        mailer::BoxFuture,
        payments::{
            Checkout, CollectOrder, Collected, Known, Listed, ListedReturn, Opened, PaymentProvider, RefundOrder, Seen,
            SeenRefund, Trouble,
        },
    },
};
use reqwest::{Method, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use url::Url;

use super::http::{Answer, Http, MAX_BYTES, answer, ask};
use objects::{Amount, Capture, Dispute, Order, Refund};

mod listed;
mod objects;

/// A token is not used in the last minute of its life, or in the last half of a shorter one.
const SPARE: Duration = Duration::from_secs(60);

/// The account at PayPal.
pub(super) struct Paypal {
    http: Http,
    base: Url,
    client_id: String,
    secret: SecretString,
    /// Whom orders must be paid to.
    merchant_id: String,
    public_url: Url,
    token: Mutex<Option<Token>>,
}

/// What opens the API for some hours (<https://developer.paypal.com/api/rest/authentication/>).
#[derive(Debug, Clone)]
struct Token {
    text: SecretString,
    good_until: Instant,
}

impl fmt::Debug for Paypal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paypal").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

impl Paypal {
    pub(super) fn new(
        http: Http,
        base: Url,
        (client_id, secret): (String, SecretString),
        merchant_id: String,
        public_url: Url,
    ) -> Self {
        Self { http, base, client_id, secret, merchant_id, public_url, token: Mutex::new(None) }
    }

    fn request(&self, method: Method, path: &[&str], query: &[(&str, &str)]) -> RequestBuilder {
        let mut url = self.base.clone();
        // An https or http address always has a path.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.http.client().request(method, url)
    }

    /// A token that is still good. Who needs one while it is fetched waits for that one.
    async fn token(&self) -> Result<SecretString, Trouble> {
        #[derive(Deserialize)]
        struct Given {
            access_token: SecretString,
            expires_in: u64,
        }
        let mut kept = self.token.lock().await;
        if let Some(token) = kept.as_ref().filter(|token| Instant::now() < token.good_until) {
            return Ok(token.text.clone());
        }
        let asked = Instant::now();
        let request = self
            .request(Method::POST, &["v1", "oauth2", "token"], &[])
            .basic_auth(&self.client_id, Some(self.secret.expose_secret()))
            .form(&[("grant_type", "client_credentials")]);
        let given: Given = ask(request, words).await?;
        let life = Duration::from_secs(given.expires_in.min(30 * 24 * 3600));
        let good_until = asked + life.saturating_sub(SPARE).max(life / 2);
        Ok(kept.insert(Token { text: given.access_token, good_until }).text.clone())
    }

    /// Asks in our name. A token may be taken back before its time: then another is fetched, once.
    async fn exchange(&self, request: impl Fn() -> RequestBuilder) -> Result<Answer, Trouble> {
        let token = self.token().await?;
        let first = answer(request().bearer_auth(token.expose_secret()), MAX_BYTES).await?;
        match first {
            Answer::Bad(refusal) if refusal.status == StatusCode::UNAUTHORIZED => {
                self.token.lock().await.take_if(|kept| kept.text.expose_secret() == token.expose_secret());
                let token = self.token().await?;
                answer(request().bearer_auth(token.expose_secret()), MAX_BYTES).await
            }
            answered => Ok(answered),
        }
    }

    async fn get<T: DeserializeOwned>(&self, path: &[&str], query: &[(&str, &str)]) -> Result<T, Trouble> {
        self.exchange(|| self.request(Method::GET, path, query)).await?.read(words)
    }

    async fn post(&self, path: &[&str], key: &str, body: &Value) -> Result<Answer, Trouble> {
        let request = || {
            self.request(Method::POST, path, &[])
                .header("PayPal-Request-Id", key)
                .header("Prefer", "return=representation")
                .json(body)
        };
        self.exchange(request).await
    }

    async fn open(&self, checkout: &Checkout) -> Result<Opened, Trouble> {
        // The person returns to one page, which is told when they have not agreed.
        let page = links::purchase(&self.public_url, checkout.locale, checkout.sale);
        let unpaid = links::purchase_unpaid(&self.public_url, checkout.locale, checkout.sale);
        let order = json!({
            "intent": "CAPTURE",
            "purchase_units": [{
                "custom_id": checkout.sale.to_string(),
                "description": checkout.description,
                "amount": value(checkout.amount)?,
                "payee": { "merchant_id": self.merchant_id },
            }],
            "payment_source": { "paypal": { "experience_context": {
                "brand_name": "CompilandoCode",
                "locale": match checkout.locale { Locale::Es => "es-ES", Locale::En => "en-US" },
                "shipping_preference": "NO_SHIPPING",
                "user_action": "PAY_NOW",
                "return_url": page.as_str(),
                "cancel_url": unpaid.as_str(),
            } } },
        });
        let order: Order = self.post(&["v2", "checkout", "orders"], &checkout.key, &order).await?.read(words)?;
        let url = order.page().ok_or_else(|| Trouble::Unknown { words: "the order names no page to pay at".to_owned() })?;
        Ok(Opened { url: url.to_owned(), checkout_ref: order.id })
    }

    async fn see(&self, known: &Known) -> Result<Seen, Trouble> {
        let order = self.get::<Order>(&["v2", "checkout", "orders", &known.checkout_ref], &[]).await;
        let (mut seen, mut refunds) = match (order, &known.payment_ref) {
            (Ok(order), _) => order.seen(&self.merchant_id)?,
            // The order is forgotten; its money is not.
            (Err(Trouble::Missing), Some(payment)) => {
                let capture: Capture = self.get(&["v2", "payments", "captures", payment], &[]).await?;
                (capture.seen_alone(&self.merchant_id)?, Vec::new())
            }
            (Err(trouble), _) => return Err(trouble),
        };
        if seen.charge.is_none() {
            return Ok(seen);
        }
        for name in &known.refund_refs {
            if refunds.iter().all(|refund: &Refund| refund.id != *name) {
                match self.get(&["v2", "payments", "refunds", name], &[]).await {
                    Ok(refund) => refunds.push(refund),
                    Err(Trouble::Missing) => {}
                    Err(trouble) => return Err(trouble),
                }
            }
        }
        let disputes = match &seen.payment_ref {
            Some(payment) => self.disputes(payment).await?,
            None => Vec::new(),
        };
        let own = refunds.into_iter().filter(|refund| !disputes.iter().any(|dispute| dispute.took(refund, seen.sale)));
        seen.refunds = own.map(|refund| refund.seen(seen.sale)).collect::<Result<_, _>>()?;
        seen.disputes = disputes.into_iter().filter_map(|dispute| dispute.seen().transpose()).collect::<Result<_, _>>()?;
        Ok(seen)
    }

    async fn disputes(&self, payment: &str) -> Result<Vec<Dispute>, Trouble> {
        let mut disputes = Vec::new();
        for name in self.disputes_by(("disputed_transaction_id", payment)).await? {
            disputes.push(self.get(&["v1", "customer", "disputes", &name], &[]).await?);
        }
        Ok(disputes)
    }

    /// Collects, and tells apart who has already, who may choose another way, and who cannot.
    async fn capture(&self, order: &CollectOrder) -> Result<Collected, Trouble> {
        let path = ["v2", "checkout", "orders", &order.checkout_ref, "capture"];
        let refusal = match self.post(&path, &order.key, &json!({})).await? {
            Answer::Good(_) => return Ok(Collected::Done),
            Answer::Bad(refusal) => refusal,
        };
        match issue(&refusal.body) {
            // Somebody was faster, or an answer was lost; or the person has not agreed after all: a look says which.
            "ORDER_ALREADY_CAPTURED" | "ORDER_NOT_APPROVED" | "PAYER_ACTION_REQUIRED" => Ok(Collected::Done),
            "INSTRUMENT_DECLINED" | "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING" => Ok(Collected::Declined),
            _ => Err(refusal.trouble(words)),
        }
    }
}

impl PaymentProvider for Paypal {
    fn open_checkout<'a>(&'a self, checkout: &'a Checkout) -> BoxFuture<'a, Result<Opened, Trouble>> {
        Box::pin(self.open(checkout))
    }

    fn look<'a>(&'a self, known: &'a Known) -> BoxFuture<'a, Result<Seen, Trouble>> {
        Box::pin(self.see(known))
    }

    fn collect<'a>(&'a self, order: &'a CollectOrder) -> BoxFuture<'a, Result<Collected, Trouble>> {
        Box::pin(self.capture(order))
    }

    fn trace<'a>(&'a self, payment_ref: &'a str) -> BoxFuture<'a, Result<Option<SaleId>, Trouble>> {
        Box::pin(async move {
            let capture: Capture = self.get(&["v2", "payments", "captures", payment_ref], &[]).await?;
            Ok(capture.sale())
        })
    }

    fn refund<'a>(&'a self, order: &'a RefundOrder) -> BoxFuture<'a, Result<SeenRefund, Trouble>> {
        Box::pin(async move {
            let body = json!({ "amount": value(order.amount)?, "custom_id": order.id.to_string() });
            let path = ["v2", "payments", "captures", &order.payment_ref, "refund"];
            let refund: Refund = self.post(&path, &order.key(), &body).await?.read(words)?;
            refund.seen(Some(order.sale))
        })
    }

    fn list<'a>(&'a self, since: DateTime<Utc>, after: Option<&'a str>) -> BoxFuture<'a, Result<Listed, Trouble>> {
        Box::pin(self.payments(since, after))
    }

    fn list_returns(&self, since: DateTime<Utc>) -> BoxFuture<'_, Result<Vec<ListedReturn>, Trouble>> {
        Box::pin(self.returns(since))
    }
}

/// PayPal's words about an error (<https://developer.paypal.com/api/rest/responses/#failed-requests>), and those of its token's server.
fn words(body: &Value) -> Option<String> {
    let text = |field| body.get(field).and_then(Value::as_str).unwrap_or_default();
    if body.get("name").is_none() {
        return Some(format!("{}: {}", text("error"), text("error_description")));
    }
    Some(format!("{} {}: {} ({})", text("name"), issue(body), text("message"), text("debug_id")))
}

/// What exactly was wrong.
fn issue(body: &Value) -> &str {
    body.pointer("/details/0/issue").and_then(Value::as_str).unwrap_or_default()
}

fn value(money: Money) -> Result<Amount, Trouble> {
    let value = amount::to_value(money)
        .ok_or_else(|| Trouble::Refused { words: format!("PayPal does not take that amount of {}", money.currency) })?;
    Ok(Amount { currency_code: money.currency.as_str().to_owned(), value })
}

/// A moment as PayPal takes it, with seconds.
fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
