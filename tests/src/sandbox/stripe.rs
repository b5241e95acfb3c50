//! What the stand-in for Stripe is told and tells, besides what Stripe itself would.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where the stand-in sends its messages: the body of `PUT /api/stripe/endpoint`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StripeEndpoint {
    /// The address; none: messages are kept and not sent.
    pub url: Option<String>,
    /// What they are signed with.
    pub secret: String,
    /// How often each is sent.
    #[serde(default = "once")]
    pub copies: u32,
}

fn once() -> u32 {
    1
}

/// Something that happens to a payment at Stripe's side: the body of `POST /api/stripe/happen`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum StripeHappening {
    /// The person pays at the page, with what the page says or with something else.
    Pay {
        /// The checkout session.
        session: String,
        /// Another amount than the page's.
        #[serde(default)]
        amount: Option<i64>,
        /// Another currency than the page's.
        #[serde(default)]
        currency: Option<String>,
    },
    /// The person promises to pay in a slow way; the money comes or not.
    Promise {
        /// The checkout session.
        session: String,
    },
    /// The promised money comes.
    Arrive {
        /// The checkout session.
        session: String,
    },
    /// The promised money does not come.
    Bounce {
        /// The checkout session.
        session: String,
    },
    /// The page closes unpaid.
    Expire {
        /// The checkout session.
        session: String,
    },
    /// Somebody gives money back at Stripe's own pages.
    Refund {
        /// The checkout session.
        session: String,
        /// How much.
        amount: i64,
    },
    /// The last refund of the payment fails: the money comes back.
    FailRefund {
        /// The checkout session.
        session: String,
    },
    /// The person's bank takes the money back.
    Dispute {
        /// The checkout session.
        session: String,
    },
    /// The bank decides.
    Decide {
        /// The checkout session.
        session: String,
        /// For us.
        won: bool,
    },
    /// Stripe forgets the keys of idempotent requests, as it may when they are a day old
    /// (<https://docs.stripe.com/api/idempotent_requests>).
    ForgetKeys {},
    /// What the payment says about itself changes, as no honest provider would let it.
    Forge {
        /// The checkout session.
        session: String,
        /// Fields of the session that are overwritten.
        #[serde(default)]
        fields: Value,
        /// Fields of its payment intent that are overwritten.
        #[serde(default)]
        intent: Value,
    },
}
