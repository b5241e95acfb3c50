//! The door to those who take money for us.

use std::{fmt, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::mailer::BoxFuture;
use crate::{
    accounts::locale::Locale,
    payments::{
        money::Money,
        paypal::endpoint::Endpoint,
        sale::{Provider, SaleId},
    },
};

/// One provider. Nothing that it is asked twice under one key happens twice, as long as it remembers the key.
pub trait PaymentProvider: fmt::Debug + Send + Sync {
    /// Makes the page where the person pays.
    fn open_checkout<'a>(&'a self, checkout: &'a Checkout) -> BoxFuture<'a, Result<Opened, Trouble>>;

    /// Everything that the provider knows about a sale now.
    fn look<'a>(&'a self, known: &'a Known) -> BoxFuture<'a, Result<Seen, Trouble>>;

    /// Collects the money that the person has agreed to ([`CheckoutPage::Approved`]). Most providers do that by themselves.
    fn collect<'a>(&'a self, _order: &'a CollectOrder) -> BoxFuture<'a, Result<Collected, Trouble>> {
        Box::pin(async { Ok(Collected::Done) })
    }

    /// Which sale a payment is for, if it is for one of ours.
    fn trace<'a>(&'a self, payment_ref: &'a str) -> BoxFuture<'a, Result<Option<SaleId>, Trouble>>;

    /// Gives money back.
    fn refund<'a>(&'a self, order: &'a RefundOrder) -> BoxFuture<'a, Result<SeenRefund, Trouble>>;

    /// A page of what was to be paid since then, and where the next page begins.
    fn list<'a>(&'a self, since: DateTime<Utc>, after: Option<&'a str>) -> BoxFuture<'a, Result<Listed, Trouble>>;

    /// The refunds and disputes that were made since then, or have come to another end since then as far as the provider's lists say so.
    fn list_returns(&self, since: DateTime<Utc>) -> BoxFuture<'_, Result<Vec<ListedReturn>, Trouble>>;
}

/// The providers that this installation has an account with.
#[derive(Debug, Clone, Default)]
pub struct Payments {
    /// stripe.com.
    pub stripe: Option<Arc<dyn PaymentProvider>>,
    /// paypal.com.
    pub paypal: Option<Arc<dyn PaymentProvider>>,
    /// What PayPal's messages are judged by.
    pub paypal_messages: Option<PaypalMessages>,
}

/// What PayPal's messages are judged by.
#[derive(Debug, Clone)]
pub struct PaypalMessages {
    /// Our address, as PayPal knows it, and whom we believe.
    pub endpoint: Arc<Endpoint>,
    /// Brings certificates.
    pub certificates: Arc<dyn Certificates>,
    /// Whether real money moves.
    pub is_live: bool,
}

/// Brings the certificates that messages are signed with.
pub trait Certificates: fmt::Debug + Send + Sync {
    /// What stands at that address, at most as much as a chain may have. Whether it may be asked is the caller's business.
    fn fetch<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Vec<u8>, Trouble>>;
}

impl Payments {
    /// That provider, if there is an account with it.
    #[must_use]
    pub fn with(&self, provider: Provider) -> Option<&dyn PaymentProvider> {
        match provider {
            Provider::Stripe => self.stripe.as_deref(),
            Provider::Paypal => self.paypal.as_deref(),
            Provider::Free => None,
        }
    }
}

/// A page to be made. Under one key it is always the same to the letter: providers refuse a key that comes with another request.
#[derive(Debug, Clone)]
pub struct Checkout {
    /// The idempotency key.
    pub key: String,
    /// For which sale.
    pub sale: SaleId,
    /// What is paid.
    pub amount: Money,
    /// What for, as the person reads it.
    pub description: String,
    /// In which language.
    pub locale: Locale,
    /// Until when it can be paid.
    pub expires_at: DateTime<Utc>,
}

/// A page that was made.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The provider's name for it.
    pub checkout_ref: String,
    /// Its address.
    pub url: String,
}

/// By what a sale is asked about.
#[derive(Debug, Clone)]
pub struct Known {
    /// The provider's name for the checkout.
    pub checkout_ref: String,
    /// Its name for the payment, once there was one: checkouts may be forgotten sooner than payments.
    pub payment_ref: Option<String>,
    /// Its names for refunds of the sale.
    pub refund_refs: Vec<String>,
}

/// Money that a person has agreed to pay.
#[derive(Debug, Clone)]
pub struct CollectOrder {
    /// The idempotency key.
    pub key: String,
    /// The provider's name for the checkout.
    pub checkout_ref: String,
}

/// What came of collecting it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collected {
    /// It was, or had been: what it came to is seen by looking.
    Done,
    /// The person's way of paying was declined. They may choose another at the same page.
    Declined,
}

/// What a provider knows about a checkout.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The sale that it says it is for.
    pub sale: Option<SaleId>,
    /// Whether it is of the world that we are in: real money, or a trial.
    pub is_of_our_world: bool,
    /// Whether the money comes to our account.
    pub is_to_us: bool,
    /// Whether the page can still be paid.
    pub page: CheckoutPage,
    /// What the page asks for, if it says so.
    pub asked: Option<Money>,
    /// The provider's name for the payment, once there is one.
    pub payment_ref: Option<String>,
    /// The money that has arrived.
    pub charge: Option<SeenCharge>,
    /// Money that went or is going back.
    pub refunds: Vec<SeenRefund>,
    /// What banks have taken back or want to.
    pub disputes: Vec<SeenDispute>,
}

/// What can be done with a checkout's page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckoutPage {
    /// It can be paid.
    Open,
    /// The person has agreed; the money is to be collected.
    Approved,
    /// The person has done their part. Without a charge the money is on its way.
    Complete,
    /// Nobody can pay it any more.
    Expired,
    /// The money was refused for good, in the provider's words.
    Failed(String),
}

/// Money that has arrived. What is only promised is not here.
#[derive(Debug, Clone)]
pub struct SeenCharge {
    /// The provider's name for it.
    pub charge_ref: String,
    /// How much.
    pub amount: Money,
    /// What the provider keeps of it, as soon as that is known.
    pub fee: Option<Money>,
    /// When.
    pub at: DateTime<Utc>,
}

/// Money that went or is going back.
#[derive(Debug, Clone)]
pub struct SeenRefund {
    /// The provider's name for it.
    pub refund_ref: String,
    /// Ours, if it was asked for by us.
    pub id: Option<Uuid>,
    /// How much.
    pub amount: Money,
    /// How far it is.
    pub state: SeenRefundState,
    /// Since when.
    pub at: DateTime<Utc>,
}

/// How far a refund is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeenRefundState {
    /// Under way.
    Pending,
    /// Done.
    Succeeded,
    /// Not possible; the money is with us.
    Failed,
}

/// What a bank has taken back.
#[derive(Debug, Clone)]
pub struct SeenDispute {
    /// The provider's name for it.
    pub dispute_ref: String,
    /// How much.
    pub amount: Money,
    /// How it stands.
    pub state: SeenDisputeState,
    /// When the money was taken.
    pub at: DateTime<Utc>,
}

/// How a dispute stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeenDisputeState {
    /// Nobody has decided.
    Open,
    /// The money came back to us.
    Won,
    /// It did not.
    Lost,
}

/// Money to be given back.
#[derive(Debug, Clone)]
pub struct RefundOrder {
    /// Our id; the idempotency key is made of it.
    pub id: Uuid,
    /// Of which sale.
    pub sale: SaleId,
    /// Of which payment, by the provider's name for the payment and for the charge.
    pub payment_ref: String,
    /// How much.
    pub amount: Money,
}

impl RefundOrder {
    /// Under what key it is asked for.
    #[must_use]
    pub fn key(&self) -> String {
        format!("refund:{}:1", self.id)
    }
}

/// A page of a provider's list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// What was or is to be paid, each with what it says of its sale and its money.
    pub payments: Vec<ListedPayment>,
    /// Where the next page begins.
    pub next: Option<String>,
    /// Up to when the list is complete; `None`: up to now.
    pub complete_until: Option<DateTime<Utc>>,
}

/// A checkout or a payment in a list.
#[derive(Debug, Clone)]
pub struct ListedPayment {
    /// The provider's name for it.
    pub object_ref: String,
    /// The sale that it says it is for.
    pub sale: Option<SaleId>,
    /// What it is for.
    pub amount: Option<Money>,
    /// Whether the provider calls it paid.
    pub is_paid: bool,
}

/// A refund or a dispute in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedReturn {
    /// The provider's name for the payment.
    pub payment_ref: String,
    /// Its name for the refund or the dispute.
    pub own_ref: String,
    /// What it is, and how far.
    pub state: Returned,
}

/// What a list says of money that goes or is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returned {
    /// A refund.
    Refund(SeenRefundState),
    /// A dispute.
    Dispute(SeenDisputeState),
}

/// Why a provider did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// Nobody knows whether it did: ask again under the same key.
    #[error("{words}")]
    Unknown {
        /// What was seen.
        words: String,
    },
    /// It asks us to wait, or does not let us in at present.
    #[error("{words}")]
    Away {
        /// What it said.
        words: String,
        /// For how long.
        wait: Duration,
        /// Whether only a person can help: a key that it does not take.
        needs_operator: bool,
    },
    /// It will not do this.
    #[error("{words}")]
    Refused {
        /// Why, in its words.
        words: String,
    },
    /// It knows of no such thing.
    #[error("the provider knows of no such thing")]
    Missing,
}
