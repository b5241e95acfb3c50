//! Stripe, by its Checkout Sessions (<https://docs.stripe.com/api/checkout/sessions>): the person pays at Stripe's own page, so no card ever
//! passes through us, strong authentication is Stripe's business, and our pages need no script of theirs.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use jobs::{
    payments::{
        money::{Currency, Money},
        nullable::or_default,
        sale::SaleId,
        stripe::amount,
    },
    ports::{
        links,
        mailer::BoxFuture,
        payments::{
            Checkout, CheckoutPage, Known, Listed, ListedPayment, ListedReturn, Opened, PaymentProvider, RefundOrder, Returned,
            Seen, SeenCharge, SeenDispute, SeenDisputeState, SeenRefund, SeenRefundState, Trouble,
        },
    },
};
use reqwest::{Method, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::http::{Http, ask};

/// The version of the API that the answers are read by.
const VERSION: &str = "2024-06-20";
/// More pages of a hundred refunds or disputes than this nobody reads.
const MAX_PAGES: usize = 200;
/// A bank may send a refund back for so long (<https://docs.stripe.com/refunds#failed-refunds>).
const REFUNDS_MAY_FAIL_FOR: TimeDelta = TimeDelta::days(30);

/// The account at Stripe.
#[derive(Clone)]
pub struct Stripe {
    http: Http,
    base: Url,
    key: SecretString,
    public_url: Url,
    is_live: bool,
}

impl fmt::Debug for Stripe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stripe").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

impl Stripe {
    pub(super) fn new(http: Http, base: Url, key: SecretString, public_url: Url, is_live: bool) -> Self {
        Self { http, base, key, public_url, is_live }
    }

    fn request(&self, method: Method, path: &[&str], query: &[(&str, &str)]) -> RequestBuilder {
        let mut url = self.base.clone();
        // An https or http address always has a path.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.http.client().request(method, url).bearer_auth(self.key.expose_secret().trim()).header("Stripe-Version", VERSION)
    }

    async fn create<T: serde::de::DeserializeOwned>(
        &self,
        path: &[&str],
        key: &str,
        form: &[(&str, String)],
    ) -> Result<T, Trouble> {
        ask(self.request(Method::POST, path, &[]).header("Idempotency-Key", key).form(form), words).await
    }

    async fn all<T: serde::de::DeserializeOwned + Named>(&self, path: &[&str], of: (&str, &str)) -> Result<Vec<T>, Trouble> {
        let mut all: Vec<T> = Vec::new();
        for _ in 0..MAX_PAGES {
            let after = all.last().map(|last| last.name().to_owned());
            let mut query = vec![of, ("limit", "100")];
            query.extend(after.as_deref().map(|after| ("starting_after", after)));
            let page: Page<T> = ask(self.request(Method::GET, path, &query), words).await?;
            all.extend(page.data);
            if !page.has_more {
                return Ok(all);
            }
        }
        Err(Trouble::Refused { words: "there are more refunds or disputes than can be read".to_owned() })
    }

    async fn open(&self, checkout: &Checkout) -> Result<Opened, Trouble> {
        if !amount::takes(checkout.amount) {
            return Err(Trouble::Refused { words: format!("Stripe does not take that amount of {}", checkout.amount.currency) });
        }
        let sale = checkout.sale.to_string();
        // The person returns to one page, which is told when they have not paid.
        let page = links::purchase(&self.public_url, checkout.locale, checkout.sale);
        let unpaid = links::purchase_unpaid(&self.public_url, checkout.locale, checkout.sale);
        let form = [
            ("mode", "payment".to_owned()),
            ("client_reference_id", sale.clone()),
            ("metadata[sale_id]", sale.clone()),
            // A charge gets its metadata from the payment intent, and events about either say which sale they are about.
            ("payment_intent_data[metadata][sale_id]", sale),
            ("line_items[0][quantity]", "1".to_owned()),
            ("line_items[0][price_data][currency]", checkout.amount.currency.as_str().to_ascii_lowercase()),
            ("line_items[0][price_data][unit_amount]", checkout.amount.minor.to_string()),
            ("line_items[0][price_data][product_data][name]", checkout.description.clone()),
            ("locale", checkout.locale.as_str().to_owned()),
            ("expires_at", checkout.expires_at.timestamp().to_string()),
            ("success_url", page.to_string()),
            ("cancel_url", unpaid.to_string()),
        ];
        let session: NewSession = self.create(&["checkout", "sessions"], &checkout.key, &form).await?;
        Ok(Opened { checkout_ref: session.id, url: session.url })
    }

    async fn see(&self, checkout_ref: &str) -> Result<Seen, Trouble> {
        let query = [("expand[]", "payment_intent.latest_charge.balance_transaction")];
        let session: Session = ask(self.request(Method::GET, &["checkout", "sessions", checkout_ref], &query), words).await?;
        let (mut refunds, mut disputes) = (Vec::new(), Vec::new());
        if let Some(intent) = &session.payment_intent
            && let Some(charge) = &intent.latest_charge
        {
            refunds = self.all(&["refunds"], ("payment_intent", &intent.id)).await?;
            if charge.disputed {
                disputes = self.all(&["disputes"], ("payment_intent", &intent.id)).await?;
            }
        }
        session.seen(self.is_live, refunds, disputes)
    }

    async fn sessions(&self, since: DateTime<Utc>, after: Option<&str>) -> Result<Listed, Trouble> {
        let since = since.timestamp().to_string();
        let mut query = vec![("created[gte]", since.as_str()), ("limit", "100")];
        query.extend(after.map(|after| ("starting_after", after)));
        let page: Page<ListedSession> = ask(self.request(Method::GET, &["checkout", "sessions"], &query), words).await?;
        let next = page.data.last().filter(|_| page.has_more).map(|last| last.id.clone());
        Ok(Listed { payments: page.data.into_iter().map(ListedSession::listed).collect(), next, complete_until: None })
    }
}

impl PaymentProvider for Stripe {
    fn open_checkout<'a>(&'a self, checkout: &'a Checkout) -> BoxFuture<'a, Result<Opened, Trouble>> {
        Box::pin(self.open(checkout))
    }

    fn look<'a>(&'a self, known: &'a Known) -> BoxFuture<'a, Result<Seen, Trouble>> {
        Box::pin(self.see(&known.checkout_ref))
    }

    fn trace<'a>(&'a self, payment_ref: &'a str) -> BoxFuture<'a, Result<Option<SaleId>, Trouble>> {
        Box::pin(async move {
            let intent: Traced = ask(self.request(Method::GET, &["payment_intents", payment_ref], &[]), words).await?;
            Ok(intent.metadata.sale())
        })
    }

    fn refund<'a>(&'a self, order: &'a RefundOrder) -> BoxFuture<'a, Result<SeenRefund, Trouble>> {
        Box::pin(async move {
            let form = [
                ("payment_intent", order.payment_ref.clone()),
                ("amount", order.amount.minor.to_string()),
                ("metadata[refund_id]", order.id.to_string()),
                ("metadata[sale_id]", order.sale.to_string()),
            ];
            let refund: Refund = self.create(&["refunds"], &order.key(), &form).await?;
            refund.seen()
        })
    }

    fn list<'a>(&'a self, since: DateTime<Utc>, after: Option<&'a str>) -> BoxFuture<'a, Result<Listed, Trouble>> {
        Box::pin(self.sessions(since, after))
    }

    fn list_returns(&self, since: DateTime<Utc>) -> BoxFuture<'_, Result<Vec<ListedReturn>, Trouble>> {
        Box::pin(async move {
            // The lists go by when something was made, and a refund may fail weeks later.
            let refunds_since = (since - REFUNDS_MAY_FAIL_FOR).timestamp().to_string();
            let refunds: Vec<Return> = self.all(&["refunds"], ("created[gte]", &refunds_since)).await?;
            let disputes: Vec<Return> = self.all(&["disputes"], ("created[gte]", &since.timestamp().to_string())).await?;
            let refunds = refunds.into_iter().filter_map(|made| {
                let state = Returned::Refund(refund_state(made.status.as_deref()));
                Some(ListedReturn { payment_ref: made.payment_intent?, own_ref: made.id, state })
            });
            let disputes = disputes.into_iter().filter_map(|made| {
                let state = Returned::Dispute(dispute_state(made.status.as_deref().unwrap_or_default())?);
                Some(ListedReturn { payment_ref: made.payment_intent?, own_ref: made.id, state })
            });
            Ok(refunds.chain(disputes).collect())
        })
    }
}

/// Stripe's words about an error (<https://docs.stripe.com/api/errors>).
fn words(body: &Value) -> Option<String> {
    let error = body.get("error")?;
    let text = |field| error.get(field).and_then(Value::as_str).unwrap_or_default();
    Some(format!("{} {}: {}", text("type"), text("code"), text("message")))
}

fn money(minor: i64, currency: &str) -> Result<Money, Trouble> {
    let currency: Currency =
        currency.parse().map_err(|_| Trouble::Unknown { words: format!("the answer names no currency: {currency:?}") })?;
    Ok(Money::new(minor, currency))
}

fn moment(seconds: i64) -> Result<DateTime<Utc>, Trouble> {
    DateTime::from_timestamp(seconds, 0).ok_or_else(|| Trouble::Unknown { words: "the answer names no time".to_owned() })
}

/// What pages of a list are told apart by.
trait Named {
    fn name(&self) -> &str;
}

#[derive(Debug, Deserialize)]
struct Page<T> {
    data: Vec<T>,
    has_more: bool,
}

#[derive(Debug, Deserialize)]
struct NewSession {
    id: String,
    url: String,
}

#[derive(Debug, Default, Deserialize)]
struct Metadata {
    sale_id: Option<String>,
    refund_id: Option<String>,
}

impl Metadata {
    fn sale(&self) -> Option<SaleId> {
        self.sale_id.as_deref().and_then(|id| id.parse().ok()).map(SaleId)
    }
}

#[derive(Debug, Deserialize)]
struct Traced {
    #[serde(default, deserialize_with = "or_default")]
    metadata: Metadata,
}

#[derive(Debug, Deserialize)]
struct Session {
    livemode: bool,
    status: Option<String>,
    payment_status: String,
    #[serde(default, deserialize_with = "or_default")]
    metadata: Metadata,
    payment_intent: Option<Intent>,
}

#[derive(Debug, Deserialize)]
struct Intent {
    id: String,
    status: String,
    #[serde(default, deserialize_with = "or_default")]
    metadata: Metadata,
    /// Somebody whom a platform charges for, or whom it passes the money to.
    on_behalf_of: Option<Value>,
    transfer_data: Option<Value>,
    latest_charge: Option<Charge>,
}

#[derive(Debug, Deserialize)]
struct Charge {
    id: String,
    status: String,
    paid: bool,
    captured: bool,
    disputed: bool,
    amount_captured: i64,
    currency: String,
    created: i64,
    balance_transaction: Option<BalanceTransaction>,
}

#[derive(Debug, Deserialize)]
struct BalanceTransaction {
    fee: i64,
    currency: String,
}

#[derive(Debug, Deserialize)]
struct Refund {
    id: String,
    amount: i64,
    currency: String,
    status: Option<String>,
    created: i64,
    #[serde(default, deserialize_with = "or_default")]
    metadata: Metadata,
}

#[derive(Debug, Deserialize)]
struct Dispute {
    id: String,
    amount: i64,
    currency: String,
    status: String,
    created: i64,
}

#[derive(Debug, Deserialize)]
struct ListedSession {
    id: String,
    payment_status: String,
    amount_total: Option<i64>,
    currency: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    metadata: Metadata,
}

/// A refund or a dispute, as far as a list of them is read.
#[derive(Debug, Deserialize)]
struct Return {
    id: String,
    payment_intent: Option<String>,
    status: Option<String>,
}

impl Named for Return {
    fn name(&self) -> &str {
        &self.id
    }
}

impl Named for Refund {
    fn name(&self) -> &str {
        &self.id
    }
}

impl Named for Dispute {
    fn name(&self) -> &str {
        &self.id
    }
}

impl Session {
    fn seen(self, is_live: bool, refunds: Vec<Refund>, disputes: Vec<Dispute>) -> Result<Seen, Trouble> {
        let page = self.page();
        let intent = self.payment_intent.as_ref();
        let named = self.metadata.sale();
        // Both say it, and must say the same.
        let agrees = intent.is_none_or(|intent| intent.metadata.sale() == named);
        let charge = intent.and_then(|intent| intent.latest_charge.as_ref()).filter(|charge| charge.has_arrived());
        Ok(Seen {
            sale: named.filter(|_| agrees),
            is_of_our_world: self.livemode == is_live,
            is_to_us: intent.is_none_or(|intent| intent.on_behalf_of.is_none() && intent.transfer_data.is_none()),
            page,
            // What is paid there is taken by Stripe itself.
            asked: None,
            payment_ref: intent.map(|intent| intent.id.clone()),
            charge: charge.map(Charge::seen).transpose()?,
            refunds: refunds.into_iter().map(Refund::seen).collect::<Result<_, _>>()?,
            disputes: disputes.into_iter().filter_map(|dispute| dispute.seen().transpose()).collect::<Result<_, _>>()?,
        })
    }

    /// A declined card leaves the page open. A page that is complete and unpaid waits for a slow way of paying, unless that has failed:
    /// then the intent wants another way (<https://docs.stripe.com/payments/checkout/fulfill-orders>), and the page is gone.
    fn page(&self) -> CheckoutPage {
        let intent = self.payment_intent.as_ref().map(|intent| intent.status.as_str());
        match (self.status.as_deref(), self.payment_status.as_str(), intent) {
            (Some("expired"), ..) => CheckoutPage::Expired,
            (Some("complete"), "unpaid", Some("requires_payment_method" | "canceled")) => {
                CheckoutPage::Failed("the payment was refused".to_owned())
            }
            (Some("complete"), ..) => CheckoutPage::Complete,
            _ => CheckoutPage::Open,
        }
    }
}

impl Charge {
    /// Not promised, not held: with us.
    fn has_arrived(&self) -> bool {
        self.status == "succeeded" && self.paid && self.captured
    }

    fn seen(&self) -> Result<SeenCharge, Trouble> {
        let fee =
            self.balance_transaction.as_ref().map(|transaction| money(transaction.fee, &transaction.currency)).transpose()?;
        Ok(SeenCharge {
            charge_ref: self.id.clone(),
            amount: money(self.amount_captured, &self.currency)?,
            fee,
            at: moment(self.created)?,
        })
    }
}

fn refund_state(status: Option<&str>) -> SeenRefundState {
    match status {
        Some("succeeded") => SeenRefundState::Succeeded,
        Some("failed" | "canceled") => SeenRefundState::Failed,
        _ => SeenRefundState::Pending,
    }
}

/// An inquiry (`warning_…`) takes no money yet and is none.
fn dispute_state(status: &str) -> Option<SeenDisputeState> {
    match status {
        "won" => Some(SeenDisputeState::Won),
        "lost" => Some(SeenDisputeState::Lost),
        status if status.starts_with("warning_") => None,
        _ => Some(SeenDisputeState::Open),
    }
}

impl Refund {
    fn seen(self) -> Result<SeenRefund, Trouble> {
        let state = refund_state(self.status.as_deref());
        Ok(SeenRefund {
            id: self.metadata.refund_id.as_deref().and_then(|id| id.parse().ok()),
            amount: money(self.amount, &self.currency)?,
            at: moment(self.created)?,
            refund_ref: self.id,
            state,
        })
    }
}

impl Dispute {
    fn seen(self) -> Result<Option<SeenDispute>, Trouble> {
        let Some(state) = dispute_state(&self.status) else { return Ok(None) };
        Ok(Some(SeenDispute {
            amount: money(self.amount, &self.currency)?,
            at: moment(self.created)?,
            dispute_ref: self.id,
            state,
        }))
    }
}

impl ListedSession {
    fn listed(self) -> ListedPayment {
        let amount = self.amount_total.zip(self.currency.as_deref().and_then(|currency| currency.parse().ok()));
        ListedPayment {
            sale: self.metadata.sale(),
            amount: amount.map(|(minor, currency)| Money::new(minor, currency)),
            is_paid: self.payment_status == "paid",
            object_ref: self.id,
        }
    }
}
