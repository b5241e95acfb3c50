//! What PayPal answers with, as far as it is read, and what it means to us.

use chrono::{DateTime, TimeDelta, Utc};
use jobs::{
    payments::{
        money::{Currency, Money},
        nullable::or_default,
        paypal::amount,
        sale::SaleId,
    },
    ports::payments::{
        CheckoutPage, ListedPayment, Seen, SeenCharge, SeenDispute, SeenDisputeState, SeenRefund, SeenRefundState, Trouble,
    },
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// It takes three hours at most until a transaction is listed, when the answer does not say how fresh it is.
const LISTED_WITHIN: TimeDelta = TimeDelta::hours(3);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Amount {
    pub(super) currency_code: String,
    pub(super) value: String,
}

impl Amount {
    fn money(&self) -> Result<Money, Trouble> {
        let unknown = || Trouble::Unknown { words: format!("the answer has an amount that is none: {self:?}") };
        let currency: Currency = self.currency_code.parse().map_err(|_| unknown())?;
        amount::from_value(&self.value, currency).map_err(|_| unknown())
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Link {
    pub(super) rel: String,
    pub(super) href: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Order {
    pub(super) id: String,
    status: String,
    #[serde(default, deserialize_with = "or_default")]
    purchase_units: Vec<PurchaseUnit>,
    #[serde(default, deserialize_with = "or_default")]
    links: Vec<Link>,
}

#[derive(Debug, Deserialize)]
struct PurchaseUnit {
    custom_id: Option<String>,
    amount: Amount,
    payee: Option<Payee>,
    #[serde(default, deserialize_with = "or_default")]
    payments: Payments,
}

#[derive(Debug, Deserialize)]
struct Payee {
    merchant_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Payments {
    #[serde(default, deserialize_with = "or_default")]
    captures: Vec<Capture>,
    #[serde(default, deserialize_with = "or_default")]
    refunds: Vec<Refund>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Capture {
    id: String,
    status: String,
    status_details: Option<StatusDetails>,
    amount: Amount,
    custom_id: Option<String>,
    create_time: DateTime<Utc>,
    seller_receivable_breakdown: Option<Breakdown>,
    payee: Option<Payee>,
}

#[derive(Debug, Deserialize)]
struct StatusDetails {
    reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Breakdown {
    paypal_fee: Option<Amount>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Refund {
    pub(super) id: String,
    status: String,
    amount: Amount,
    custom_id: Option<String>,
    create_time: DateTime<Utc>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Dispute {
    dispute_id: String,
    status: String,
    dispute_life_cycle_stage: Option<String>,
    dispute_amount: Amount,
    dispute_outcome: Option<Outcome>,
    create_time: DateTime<Utc>,
    update_time: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "or_default")]
    disputed_transactions: Vec<DisputedTransaction>,
}

#[derive(Debug, Deserialize)]
struct Outcome {
    outcome_code: Option<String>,
}

#[derive(Debug, Deserialize)]
struct DisputedTransaction {
    seller_transaction_id: Option<String>,
}

fn sale(custom_id: Option<&String>) -> Option<SaleId> {
    custom_id.and_then(|id| id.parse().ok()).map(SaleId)
}

fn is_to(payee: Option<&Payee>, merchant_id: &str) -> bool {
    payee.and_then(|payee| payee.merchant_id.as_deref()) == Some(merchant_id)
}

impl Order {
    /// Where the person agrees. An order that names its way of paying calls it `payer-action`, any other `approve`.
    pub(super) fn page(&self) -> Option<&str> {
        let named = |rel: &str| self.links.iter().find(|link| link.rel == rel);
        named("payer-action").or_else(|| named("approve")).map(|link| link.href.as_str())
    }

    /// What is known of it without its refunds, and those.
    pub(super) fn seen(mut self, merchant_id: &str) -> Result<(Seen, Vec<Refund>), Trouble> {
        let is_one = self.purchase_units.len() == 1;
        let unit = self.purchase_units.pop().filter(|_| is_one);
        let unit = unit.ok_or_else(|| Trouble::Unknown { words: "the order is not for one thing".to_owned() })?;
        let named = sale(unit.custom_id.as_ref());
        let capture = Capture::of(&unit.payments.captures);
        // Both say it, and must say the same.
        let agrees = capture.is_none_or(|capture| capture.custom_id.is_none() || capture.sale() == named);
        let seen = Seen {
            sale: named.filter(|_| agrees),
            // Which world it is of says the address that was asked.
            is_of_our_world: true,
            is_to_us: is_to(unit.payee.as_ref(), merchant_id),
            page: page(&self.status, capture),
            asked: Some(unit.amount.money()?),
            payment_ref: capture.map(|capture| capture.id.clone()),
            charge: capture.and_then(|capture| capture.charge().transpose()).transpose()?,
            refunds: Vec::new(),
            disputes: Vec::new(),
        };
        Ok((seen, unit.payments.refunds))
    }
}

/// What can be done with the page of an order in that state.
fn page(status: &str, capture: Option<&Capture>) -> CheckoutPage {
    match (status, capture) {
        ("COMPLETED", Some(capture)) if capture.was_refused() => CheckoutPage::Failed(capture.refusal()),
        ("COMPLETED", _) => CheckoutPage::Complete,
        ("APPROVED", _) => CheckoutPage::Approved,
        ("VOIDED", _) => CheckoutPage::Expired,
        _ => CheckoutPage::Open,
    }
}

impl Capture {
    /// The one that counts: that with money, else that with money on its way, else the last.
    fn of(captures: &[Self]) -> Option<&Self> {
        let arrived = captures.iter().find(|capture| capture.has_arrived());
        arrived.or_else(|| captures.iter().find(|capture| capture.status == "PENDING")).or(captures.last())
    }

    pub(super) fn sale(&self) -> Option<SaleId> {
        sale(self.custom_id.as_ref())
    }

    fn has_arrived(&self) -> bool {
        matches!(self.status.as_str(), "COMPLETED" | "PARTIALLY_REFUNDED" | "REFUNDED")
    }

    fn was_refused(&self) -> bool {
        matches!(self.status.as_str(), "DECLINED" | "FAILED")
    }

    fn refusal(&self) -> String {
        let reason = self.status_details.as_ref().and_then(|details| details.reason.as_deref()).unwrap_or_default();
        format!("the payment was refused: {} {reason}", self.status).trim_end().to_owned()
    }

    fn charge(&self) -> Result<Option<SeenCharge>, Trouble> {
        if !self.has_arrived() {
            return Ok(None);
        }
        let fee = self.seller_receivable_breakdown.as_ref().and_then(|breakdown| breakdown.paypal_fee.as_ref());
        Ok(Some(SeenCharge {
            charge_ref: self.id.clone(),
            amount: self.amount.money()?,
            fee: fee.map(Amount::money).transpose()?,
            at: self.create_time,
        }))
    }

    /// What is known when the order is forgotten.
    pub(super) fn seen_alone(self, merchant_id: &str) -> Result<Seen, Trouble> {
        Ok(Seen {
            sale: self.sale(),
            is_of_our_world: true,
            is_to_us: is_to(self.payee.as_ref(), merchant_id),
            page: page("COMPLETED", Some(&self)),
            asked: None,
            charge: self.charge()?,
            payment_ref: Some(self.id),
            refunds: Vec::new(),
            disputes: Vec::new(),
        })
    }
}

impl Refund {
    /// Ours has our id as its custom id; one that somebody else made may have that of the sale.
    fn own_id(&self, sale: Option<SaleId>) -> Option<Uuid> {
        self.custom_id.as_deref().and_then(|id| id.parse().ok()).filter(|id| Some(SaleId(*id)) != sale)
    }

    pub(super) fn seen(self, sale: Option<SaleId>) -> Result<SeenRefund, Trouble> {
        let state = match self.status.as_str() {
            "COMPLETED" => SeenRefundState::Succeeded,
            "FAILED" | "CANCELLED" => SeenRefundState::Failed,
            _ => SeenRefundState::Pending,
        };
        Ok(SeenRefund { id: self.own_id(sale), amount: self.amount.money()?, at: self.create_time, refund_ref: self.id, state })
    }
}

impl Dispute {
    fn outcome(&self) -> &str {
        self.dispute_outcome.as_ref().and_then(|outcome| outcome.outcome_code.as_deref()).unwrap_or_default()
    }

    /// How it stands, if it is about money yet: while the two still talk to each other (`INQUIRY`) nobody takes any.
    pub(super) fn state(&self) -> Option<SeenDisputeState> {
        let is_talk = self.dispute_life_cycle_stage.as_deref() == Some("INQUIRY");
        match (self.status.as_str(), self.outcome()) {
            ("RESOLVED", "RESOLVED_BUYER_FAVOUR" | "ACCEPTED") => Some(SeenDisputeState::Lost),
            ("RESOLVED", _) if !is_talk => Some(SeenDisputeState::Won),
            (_, _) if is_talk => None,
            _ => Some(SeenDisputeState::Open),
        }
    }

    /// Whether it had the money at that moment. One that was won gave it back, and that is the last that happened to it (`update_time` in
    /// <https://developer.paypal.com/docs/api/customer-disputes/v1/#disputes_get>).
    fn had_the_money(&self, at: DateTime<Utc>) -> bool {
        let has_begun = at >= self.create_time;
        match self.state() {
            Some(SeenDisputeState::Open | SeenDisputeState::Lost) => has_begun,
            Some(SeenDisputeState::Won) => has_begun && self.update_time.is_some_and(|end| at < end),
            None => false,
        }
    }

    /// The payment that it is about.
    pub(super) fn payment(&self) -> Option<&str> {
        self.disputed_transactions.iter().find_map(|transaction| transaction.seller_transaction_id.as_deref())
    }

    /// Whether that refund is how PayPal shows the money that the dispute took: nobody of ours asked for it, the dispute had the money then, and it
    /// is as much. Who gave money back so that the buyer withdrew the dispute gave a refund; so did who gave it back after the dispute was won.
    pub(super) fn took(&self, refund: &Refund, sale: Option<SaleId>) -> bool {
        self.had_the_money(refund.create_time)
            && self.outcome() != "CANCELED_BY_BUYER"
            && refund.own_id(sale).is_none()
            && refund.amount == self.dispute_amount
    }

    pub(super) fn seen(self) -> Result<Option<SeenDispute>, Trouble> {
        let Some(state) = self.state() else { return Ok(None) };
        Ok(Some(SeenDispute { amount: self.dispute_amount.money()?, at: self.create_time, dispute_ref: self.dispute_id, state }))
    }
}

/// A page of transactions.
#[derive(Debug, Deserialize)]
pub(super) struct Transactions {
    #[serde(default, deserialize_with = "or_default")]
    transaction_details: Vec<Transaction>,
    total_pages: Option<u32>,
    last_refreshed_datetime: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Transaction {
    transaction_info: TransactionInfo,
}

#[derive(Debug, Deserialize)]
struct TransactionInfo {
    transaction_id: String,
    paypal_reference_id: Option<String>,
    transaction_event_code: Option<String>,
    transaction_amount: Option<Amount>,
    transaction_status: Option<String>,
    custom_field: Option<String>,
}

impl Transactions {
    pub(super) fn page_after(&self, page: &str) -> Option<String> {
        let page: u32 = page.parse().ok()?;
        (page < self.total_pages.unwrap_or(1)).then(|| (page + 1).to_string())
    }

    /// Up to when all is there. PayPal writes the zone without a colon.
    pub(super) fn complete_until(&self) -> DateTime<Utc> {
        let text = self.last_refreshed_datetime.as_deref().unwrap_or_default();
        let read = DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%z"));
        read.map_or_else(|_| Utc::now() - LISTED_WITHIN, |at| at.to_utc())
    }

    /// Payments (`T00…`) that say they are for a sale of ours; the account may take others too.
    pub(super) fn payments(self) -> Vec<ListedPayment> {
        let infos = self.transaction_details.into_iter().map(|transaction| transaction.transaction_info);
        infos
            .filter(|info| info.is("T00"))
            .filter_map(|info| {
                let sale = sale(info.custom_field.as_ref())?;
                Some(ListedPayment {
                    sale: Some(sale),
                    amount: info.transaction_amount.and_then(|amount| amount.money().ok()),
                    // `V`: it was paid, and all of it went back.
                    is_paid: matches!(info.transaction_status.as_deref(), Some("S" | "V")),
                    object_ref: info.transaction_id,
                })
            })
            .collect()
    }

    /// Refunds (`T1107`) and reversals (`T1106`): the payment's name, and their own.
    pub(super) fn refunds(self) -> Vec<(String, String)> {
        let infos = self.transaction_details.into_iter().map(|transaction| transaction.transaction_info);
        infos
            .filter(|info| info.is("T1107") || info.is("T1106"))
            .filter_map(|info| Some((info.paypal_reference_id?, info.transaction_id)))
            .collect()
    }
}

impl TransactionInfo {
    /// Whether it is of that kind (<https://developer.paypal.com/docs/transaction-search/transaction-event-codes/>).
    fn is(&self, code: &str) -> bool {
        self.transaction_event_code.as_deref().is_some_and(|own| own.starts_with(code))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const MERCHANT: &str = "ABCDEFGHJKLMN";
    const SALE: &str = "0195d1c5-0000-7000-8000-000000000001";

    fn read<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> T {
        serde_json::from_value(value).expect("an object")
    }

    fn order(status: &str, captures: serde_json::Value) -> Seen {
        let unit = json!({
            "custom_id": SALE, "amount": { "currency_code": "USD", "value": "49.00" }, "payee": { "merchant_id": MERCHANT },
            "payments": { "captures": captures },
        });
        let order: Order = read(json!({ "id": "5O1", "status": status, "purchase_units": [unit] }));
        order.seen(MERCHANT).expect("an order").0
    }

    fn capture(status: &str) -> serde_json::Value {
        json!({
            "id": "3C6", "status": status, "amount": { "currency_code": "USD", "value": "49.00" }, "create_time": "2026-11-28T10:59:58Z",
        })
    }

    #[test]
    fn an_order_says_what_can_be_done_with_its_page_and_whether_money_has_come() {
        for (status, captures, page, has_money) in [
            ("CREATED", json!([]), CheckoutPage::Open, false),
            ("PAYER_ACTION_REQUIRED", json!([]), CheckoutPage::Open, false),
            ("APPROVED", json!([]), CheckoutPage::Approved, false),
            ("VOIDED", json!([]), CheckoutPage::Expired, false),
            ("COMPLETED", json!([capture("PENDING")]), CheckoutPage::Complete, false),
            ("COMPLETED", json!([capture("COMPLETED")]), CheckoutPage::Complete, true),
            ("COMPLETED", json!([capture("REFUNDED")]), CheckoutPage::Complete, true),
            (
                "COMPLETED",
                json!([capture("DECLINED")]),
                CheckoutPage::Failed("the payment was refused: DECLINED".to_owned()),
                false,
            ),
            ("COMPLETED", json!([capture("DECLINED"), capture("PARTIALLY_REFUNDED")]), CheckoutPage::Complete, true),
        ] {
            let seen = order(status, captures.clone());
            assert_eq!((seen.page, seen.charge.is_some()), (page, has_money), "{status} {captures}");
            assert!(seen.is_to_us && seen.sale.is_some());
        }
    }

    #[test]
    fn a_dispute_counts_from_the_claim_and_its_end_is_the_outcomes() {
        let state = |status: &str, stage: &str, outcome: &str| {
            let dispute: Dispute = read(json!({
                "dispute_id": "PP-D-1", "status": status, "dispute_life_cycle_stage": stage, "create_time": "2026-11-28T10:59:58.000Z",
                "dispute_amount": { "currency_code": "USD", "value": "49.00" }, "dispute_outcome": { "outcome_code": outcome },
            }));
            dispute.state()
        };
        assert_eq!(state("OPEN", "INQUIRY", ""), None);
        assert_eq!(state("RESOLVED", "INQUIRY", "CANCELED_BY_BUYER"), None);
        assert_eq!(state("RESOLVED", "INQUIRY", "ACCEPTED"), Some(SeenDisputeState::Lost));
        for status in ["OPEN", "UNDER_REVIEW", "WAITING_FOR_SELLER_RESPONSE"] {
            assert_eq!(state(status, "CHARGEBACK", ""), Some(SeenDisputeState::Open), "{status}");
        }
        assert_eq!(state("RESOLVED", "CHARGEBACK", "RESOLVED_BUYER_FAVOUR"), Some(SeenDisputeState::Lost));
        for outcome in ["RESOLVED_SELLER_FAVOUR", "RESOLVED_WITH_PAYOUT", "CANCELED_BY_BUYER", "DENIED", "NONE"] {
            assert_eq!(state("RESOLVED", "ARBITRATION", outcome), Some(SeenDisputeState::Won), "{outcome}");
        }
    }

    #[test]
    fn what_a_dispute_took_is_no_refund_and_what_we_gave_is() {
        let dispute = |outcome: &str| -> Dispute {
            read(json!({
                "dispute_id": "PP-D-1", "status": "RESOLVED", "dispute_life_cycle_stage": "CHARGEBACK", "create_time": "2026-11-28T10:00:00Z",
                "update_time": "2026-11-28T12:00:00Z", "dispute_amount": { "currency_code": "USD", "value": "49.00" }, "dispute_outcome": { "outcome_code": outcome },
            }))
        };
        let refund = |value: &str, custom_id: Option<&str>, at: &str| -> Refund {
            read(json!({
                "id": "1JU", "status": "COMPLETED", "amount": { "currency_code": "USD", "value": value }, "custom_id": custom_id, "create_time": at,
            }))
        };
        let sale = Some(SaleId(SALE.parse().expect("an id")));
        let after = "2026-11-28T11:00:00Z";
        let lost = dispute("RESOLVED_BUYER_FAVOUR");
        assert!(lost.took(&refund("49.00", None, after), sale));
        assert!(lost.took(&refund("49.00", Some(SALE), after), sale), "the payment's own name");
        assert!(!lost.took(&refund("49.00", Some("0195d1c5-0000-7000-8000-000000000002"), after), sale), "we asked for it");
        assert!(!lost.took(&refund("10.00", None, after), sale));
        assert!(!lost.took(&refund("49.00", None, "2026-11-28T09:00:00Z"), sale));
        assert!(lost.took(&refund("49.00", None, "2026-11-28T13:00:00Z"), sale));
        assert!(!dispute("CANCELED_BY_BUYER").took(&refund("49.00", None, after), sale), "it was withdrawn for a refund");
        let won = dispute("RESOLVED_SELLER_FAVOUR");
        assert!(won.took(&refund("49.00", None, after), sale), "nobody had decided");
        for at in ["2026-11-28T12:00:00Z", "2026-11-28T13:00:00Z"] {
            assert!(!won.took(&refund("49.00", None, at), sale), "what it took it has given back, and this was given by us");
        }
    }

    #[test]
    fn a_list_says_up_to_when_it_is_complete_and_what_in_it_is_ours() {
        let listed = |refreshed: serde_json::Value| -> Transactions {
            let info = |id: &str, code: &str, custom: Option<&str>, status: &str| {
                json!({ "transaction_info": {
                    "transaction_id": id, "transaction_event_code": code, "custom_field": custom, "transaction_status": status,
                    "paypal_reference_id": "3C6", "transaction_amount": { "currency_code": "USD", "value": "49.00" },
                } })
            };
            read(json!({
                "transaction_details": [
                    info("ours", "T0006", Some(SALE), "S"), info("pending", "T0006", Some(SALE), "P"), info("somebodys", "T0006", Some("x"), "S"),
                    info("nobodys", "T0000", None, "S"), info("refund", "T1107", None, "S"), info("fee", "T1401", None, "S"),
                ],
                "total_pages": 2, "last_refreshed_datetime": refreshed,
            }))
        };
        let at = DateTime::parse_from_rfc3339("2026-11-28T09:59:59Z").expect("a moment");
        for text in ["2026-11-28T09:59:59+0000", "2026-11-28T09:59:59Z", "2026-11-28T04:59:59-05:00"] {
            assert_eq!(listed(json!(text)).complete_until(), at, "{text}");
        }
        assert!(listed(json!(null)).complete_until() <= Utc::now() - LISTED_WITHIN);
        let payments: Vec<_> =
            listed(json!(null)).payments().into_iter().map(|payment| (payment.object_ref, payment.is_paid)).collect();
        assert_eq!(payments, [("ours".to_owned(), true), ("pending".to_owned(), false)]);
        assert_eq!(listed(json!(null)).refunds(), [("3C6".to_owned(), "refund".to_owned())]);
        assert_eq!((listed(json!(null)).page_after("1"), listed(json!(null)).page_after("2")), (Some("2".to_owned()), None));
    }
}
