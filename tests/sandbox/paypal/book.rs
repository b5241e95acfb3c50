//! What the stand-in knows: orders with their captures and refunds, and disputes, each as the JSON that PayPal would answer with.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, SecondsFormat, Utc};
use faena_tests::sandbox::{PaypalFunding, PaypalHappening};
use serde_json::{Value, json};
use uuid::Uuid;

use super::api::{Answer, Refusal, refuse};

/// Everything that there is.
pub(super) struct Book {
    shelf: Mutex<Shelf>,
    pages: String,
    merchant_id: String,
}

/// Objects by id. Ids rise with time, so a list is in the order of its making.
#[derive(Default)]
pub(super) struct Shelf {
    /// Without their captures and refunds: what is forgotten of an order is not forgotten of its money.
    pub(super) orders: BTreeMap<String, Value>,
    /// How the person who agreed to an order pays it.
    pub(super) agreed: HashMap<String, Agreed>,
    pub(super) captures: BTreeMap<String, Value>,
    pub(super) refunds: BTreeMap<String, Value>,
    pub(super) disputes: BTreeMap<String, Value>,
}

/// What the person has agreed to.
pub(super) struct Agreed {
    pub(super) by: PaypalFunding,
    /// What is collected: that of the order, unless told otherwise.
    pub(super) amount: Value,
}

/// What the page for people shows.
pub(super) struct PageOfOrder {
    pub(super) description: String,
    pub(super) value: String,
    pub(super) currency: String,
    pub(super) is_open: bool,
    pub(super) return_url: String,
    pub(super) cancel_url: String,
}

/// 17 capitals and digits, as PayPal's ids.
pub(super) fn new_id() -> String {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    format!("{number:06X}{}", &Uuid::new_v4().simple().to_string().to_uppercase()[..11])
}

pub(super) fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_default()
}

pub(super) fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// How many decimals PayPal takes of a currency, as its table says; none: it does not take it.
fn places(currency: &str) -> Option<usize> {
    match currency {
        "HUF" | "JPY" | "TWD" => Some(0),
        "AUD" | "BRL" | "CAD" | "CHF" | "CNY" | "CZK" | "DKK" | "EUR" | "GBP" | "HKD" | "ILS" | "MXN" | "MYR" | "NOK" | "NZD"
        | "PHP" | "PLN" | "SEK" | "SGD" | "THB" | "USD" => Some(2),
        _ => None,
    }
}

/// Its value in hundredths, or in whole units where the currency has no others.
pub(super) fn minor(amount: &Value) -> i64 {
    let digits: String = text(amount, "value").chars().filter(|c| *c != '.').collect();
    digits.parse().unwrap_or(0)
}

pub(super) fn money(minor: i64, currency: &str) -> Value {
    let value = match places(currency) {
        Some(0) => minor.to_string(),
        _ => format!("{}.{:02}", minor / 100, minor % 100),
    };
    json!({ "currency_code": currency, "value": value })
}

/// An amount that PayPal takes.
fn check_amount(amount: &Value) -> Result<(), Refusal> {
    let places = places(text(amount, "currency_code")).ok_or_else(|| refuse(422, "CURRENCY_NOT_SUPPORTED"))?;
    let (whole, part) = text(amount, "value").split_once('.').unwrap_or((text(amount, "value"), ""));
    let is_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(part) {
        return Err(refuse(400, "INVALID_PARAMETER_SYNTAX"));
    }
    if part.len() > places {
        return Err(refuse(422, if places == 0 { "DECIMALS_NOT_SUPPORTED" } else { "DECIMAL_PRECISION" }));
    }
    if minor(amount) == 0 { Err(refuse(422, "CANNOT_BE_ZERO_OR_NEGATIVE")) } else { Ok(()) }
}

pub(super) fn event(kind: &str, resource_type: &str, resource: &Value) -> Value {
    json!({
        "id": format!("WH-{}", new_id()), "event_version": "1.0", "create_time": now(), "resource_type": resource_type, "resource_version": "2.0",
        "event_type": kind, "summary": kind, "resource": resource, "links": [],
    })
}

fn missing() -> Refusal {
    refuse(404, "INVALID_RESOURCE_ID")
}

impl Book {
    pub(super) fn new(pages: &str, merchant_id: &str) -> Self {
        Self { shelf: Mutex::default(), pages: pages.to_owned(), merchant_id: merchant_id.to_owned() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn counts(&self) -> Value {
        let shelf = self.lock();
        json!({
            "orders": shelf.orders.len(), "captures": shelf.captures.len(), "refunds": shelf.refunds.len(), "disputes": shelf.disputes.len(),
        })
    }

    pub(super) fn page(&self, order: &str) -> Option<PageOfOrder> {
        let shelf = self.lock();
        let order = shelf.orders.get(order)?;
        let (unit, context) = (&order["purchase_units"][0], &order["payment_source"]["paypal"]["experience_context"]);
        let leads = |field: &str| {
            let page = text(context, field);
            let mark = if page.contains('?') { '&' } else { '?' };
            format!("{page}{mark}token={}", text(order, "id"))
        };
        Some(PageOfOrder {
            description: text(unit, "description").to_owned(),
            value: text(&unit["amount"], "value").to_owned(),
            currency: text(&unit["amount"], "currency_code").to_owned(),
            is_open: text(order, "status") == "PAYER_ACTION_REQUIRED",
            return_url: format!("{}&PayerID=QYR5Z8XDVJNXQ", leads("return_url")),
            cancel_url: leads("cancel_url"),
        })
    }

    pub(super) fn read(&self, segments: &[&str], query: &HashMap<String, String>) -> Result<Value, Refusal> {
        let shelf = self.lock();
        match segments {
            ["v2", "checkout", "orders", id] => shelf.order(id).ok_or_else(missing),
            ["v2", "payments", "captures", id] => shelf.captures.get(*id).cloned().ok_or_else(missing),
            ["v2", "payments", "refunds", id] => shelf.refunds.get(*id).cloned().ok_or_else(missing),
            ["v1", "customer", "disputes"] => Ok(shelf.list_disputes(query)),
            ["v1", "customer", "disputes", id] => shelf.disputes.get(*id).cloned().ok_or_else(missing),
            ["v1", "reporting", "transactions"] => shelf.transactions(query),
            _ => Err(missing()),
        }
    }

    pub(super) fn write(&self, segments: &[&str], asked: &Value) -> (Answer, Vec<Value>) {
        let done = match segments {
            ["v2", "checkout", "orders"] => self.make_order(asked),
            ["v2", "checkout", "orders", id, "capture"] => self.lock().capture(id),
            ["v2", "payments", "captures", id, "refund"] => self.lock().refund(id, asked),
            _ => Err(missing()),
        };
        match done {
            Ok((status, body, events)) => (Ok((status, body)), events),
            Err(refusal) => (Err(refusal), Vec::new()),
        }
    }

    fn make_order(&self, asked: &Value) -> Result<(u16, Value, Vec<Value>), Refusal> {
        if text(asked, "intent") != "CAPTURE" {
            return Err(refuse(400, "INVALID_PARAMETER_VALUE"));
        }
        let unit = asked["purchase_units"].as_array().filter(|units| units.len() == 1).map(|units| &units[0]);
        let unit = unit.ok_or_else(|| refuse(400, "MISSING_REQUIRED_PARAMETER"))?;
        check_amount(&unit["amount"])?;
        if text(unit, "description").chars().count() > 127 || text(unit, "custom_id").len() > 127 {
            return Err(refuse(400, "INVALID_STRING_LENGTH"));
        }
        let context = &asked["payment_source"]["paypal"]["experience_context"];
        if !text(context, "return_url").starts_with("http") || !text(context, "cancel_url").starts_with("http") {
            return Err(refuse(400, "MISSING_REQUIRED_PARAMETER"));
        }
        let id = new_id();
        let mut unit = unit.clone();
        unit["reference_id"] = json!("default");
        if unit["payee"]["merchant_id"].is_null() {
            unit["payee"]["merchant_id"] = json!(self.merchant_id);
        }
        if text(&unit["payee"], "merchant_id") != self.merchant_id {
            return Err(refuse(422, "PAYEE_ACCOUNT_INVALID"));
        }
        let order = json!({
            "id": id, "intent": "CAPTURE", "status": "PAYER_ACTION_REQUIRED", "create_time": now(), "purchase_units": [unit],
            "payment_source": asked["payment_source"],
            "links": [
                { "href": format!("https://api-m.sandbox.paypal.com/v2/checkout/orders/{id}"), "rel": "self", "method": "GET" },
                { "href": format!("{}/paypal/checkoutnow?token={id}", self.pages), "rel": "payer-action", "method": "GET" },
            ],
        });
        self.lock().orders.insert(id, order.clone());
        Ok((200, order, Vec::new()))
    }

    /// Lets something happen at PayPal's side. The messages that tell of it.
    pub(super) fn happen(&self, happening: &PaypalHappening) -> Result<Vec<Value>, String> {
        self.lock().happen(happening)
    }
}

impl Shelf {
    /// An order with its money.
    pub(super) fn order(&self, id: &str) -> Option<Value> {
        let mut order = self.orders.get(id)?.clone();
        let captures: Vec<&Value> = self.captures.values().filter(|capture| capture["sandbox_order"] == id).collect();
        if !captures.is_empty() {
            let is_of = |refund: &&Value| captures.iter().any(|capture| capture["id"] == refund["sandbox_capture"]);
            let refunds: Vec<&Value> = self.refunds.values().filter(is_of).collect();
            order["purchase_units"][0]["payments"] = json!({ "captures": captures, "refunds": refunds });
        }
        Some(order)
    }

    /// Collects what the person has agreed to.
    pub(super) fn capture(&mut self, id: &str) -> Result<(u16, Value, Vec<Value>), Refusal> {
        let order = self.orders.get_mut(id).ok_or_else(missing)?;
        match text(order, "status") {
            "COMPLETED" => return Err(refuse(422, "ORDER_ALREADY_CAPTURED")),
            "APPROVED" => {}
            _ => return Err(refuse(422, "ORDER_NOT_APPROVED")),
        }
        let agreed = self.agreed.remove(id).ok_or_else(|| refuse(422, "ORDER_NOT_APPROVED"))?;
        if agreed.by == PaypalFunding::Declined {
            order["status"] = json!("PAYER_ACTION_REQUIRED");
            let page = order["links"][1]["href"].as_str().unwrap_or_default().to_owned();
            return Err(refuse(422, "INSTRUMENT_DECLINED").redirecting(&page));
        }
        order["status"] = json!("COMPLETED");
        let unit = &order["purchase_units"][0];
        let capture_id = new_id();
        let capture = json!({
            "id": capture_id, "status": "PENDING", "status_details": { "reason": "ECHECK" }, "amount": agreed.amount, "final_capture": true,
            "custom_id": unit["custom_id"], "payee": unit["payee"], "create_time": now(), "update_time": now(),
            "supplementary_data": { "related_ids": { "order_id": id } },
            "links": [{ "href": format!("https://api-m.sandbox.paypal.com/v2/checkout/orders/{id}"), "rel": "up", "method": "GET" }],
            // Not PayPal's: whose it is.
            "sandbox_order": id,
        });
        self.captures.insert(capture_id.clone(), capture);
        let mut events = if agreed.by == PaypalFunding::Instant {
            self.clear(&capture_id)
        } else {
            vec![event("PAYMENT.CAPTURE.PENDING", "capture", &self.captures[&capture_id])]
        };
        let order = self.order(id).unwrap_or_default();
        events.push(event("CHECKOUT.ORDER.COMPLETED", "checkout-order", &order));
        Ok((201, order, events))
    }

    /// The money is there: 3.49 % and 49 hundredths are PayPal's.
    pub(super) fn clear(&mut self, capture_id: &str) -> Vec<Value> {
        let Some(capture) = self.captures.get_mut(capture_id) else { return Vec::new() };
        let (gross, currency) = (minor(&capture["amount"]), text(&capture["amount"], "currency_code").to_owned());
        let fee = gross * 349 / 10_000 + 49;
        capture["status"] = json!("COMPLETED");
        capture["status_details"] = Value::Null;
        capture["update_time"] = json!(now());
        capture["seller_receivable_breakdown"] = json!({
            "gross_amount": capture["amount"], "paypal_fee": money(fee, &currency), "net_amount": money(gross - fee, &currency),
        });
        vec![event("PAYMENT.CAPTURE.COMPLETED", "capture", capture)]
    }

    /// What has gone back of a capture.
    pub(super) fn returned(&self, capture_id: &str) -> i64 {
        let own = self.refunds.values().filter(|refund| refund["sandbox_capture"] == capture_id);
        own.filter(|refund| !matches!(text(refund, "status"), "FAILED" | "CANCELLED"))
            .map(|refund| minor(&refund["amount"]))
            .sum()
    }

    fn refund(&mut self, capture_id: &str, asked: &Value) -> Result<(u16, Value, Vec<Value>), Refusal> {
        let capture = self.captures.get(capture_id).ok_or_else(missing)?;
        match text(capture, "status") {
            "COMPLETED" | "PARTIALLY_REFUNDED" => {}
            "REFUNDED" => return Err(refuse(422, "CAPTURE_FULLY_REFUNDED")),
            "PENDING" => return Err(refuse(422, "PENDING_CAPTURE")),
            _ => return Err(refuse(422, "REFUND_NOT_ALLOWED")),
        }
        let is_open = |dispute: &Value| {
            text(dispute, "status") != "RESOLVED" && dispute["disputed_transactions"][0]["seller_transaction_id"] == capture_id
        };
        if self.disputes.values().any(|dispute| is_open(dispute) && text(dispute, "dispute_life_cycle_stage") != "INQUIRY") {
            return Err(refuse(422, "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK"));
        }
        let left = minor(&capture["amount"]) - self.returned(capture_id);
        let currency = text(&capture["amount"], "currency_code").to_owned();
        let amount = if asked["amount"].is_null() { money(left, &currency) } else { asked["amount"].clone() };
        check_amount(&amount)?;
        if text(&amount, "currency_code") != currency {
            return Err(refuse(422, "REFUND_CAPTURE_CURRENCY_MISMATCH"));
        }
        if minor(&amount) > left {
            return Err(refuse(422, "REFUND_AMOUNT_EXCEEDED"));
        }
        let refund = self.give_back(capture_id, amount, &asked["custom_id"]);
        let events = vec![event("PAYMENT.CAPTURE.REFUNDED", "refund", &refund)];
        Ok((201, refund, events))
    }

    /// Money goes back: asked for, or taken.
    pub(super) fn give_back(&mut self, capture_id: &str, amount: Value, custom_id: &Value) -> Value {
        let id = new_id();
        let refund = json!({
            "id": id, "status": "COMPLETED", "amount": amount, "custom_id": custom_id, "create_time": now(), "update_time": now(),
            "links": [
                { "href": format!("https://api-m.sandbox.paypal.com/v2/payments/refunds/{id}"), "rel": "self", "method": "GET" },
                { "href": format!("https://api-m.sandbox.paypal.com/v2/payments/captures/{capture_id}"), "rel": "up", "method": "GET" },
            ],
            "sandbox_capture": capture_id,
        });
        self.refunds.insert(id, refund.clone());
        self.settle(capture_id);
        refund
    }

    /// The state of a capture is what has gone back of it.
    pub(super) fn settle(&mut self, capture_id: &str) {
        let returned = self.returned(capture_id);
        if let Some(capture) = self.captures.get_mut(capture_id) {
            let whole = minor(&capture["amount"]);
            capture["status"] = json!(match returned {
                0 => "COMPLETED",
                part if part < whole => "PARTIALLY_REFUNDED",
                _ => "REFUNDED",
            });
        }
    }

    /// The latest first, by a transaction or by when they last moved, never both.
    fn list_disputes(&self, query: &HashMap<String, String>) -> Value {
        let limit: usize = query.get("page_size").and_then(|size| size.parse().ok()).unwrap_or(10).clamp(1, 50);
        let skip: usize = query.get("next_page_token").and_then(|token| token.parse().ok()).unwrap_or(0);
        let payment = query.get("disputed_transaction_id");
        let since = query.get("update_time_after").map_or("", String::as_str);
        let found: Vec<&Value> = self
            .disputes
            .values()
            .rev()
            .filter(|dispute| {
                payment.is_none_or(|payment| text(&dispute["disputed_transactions"][0], "seller_transaction_id") == payment)
            })
            .filter(|dispute| text(dispute, "update_time") >= since)
            .collect();
        let items: Vec<Value> = found
            .iter()
            .skip(skip)
            .take(limit)
            .map(|dispute| {
                let mut item = (*dispute).clone();
                if let Some(item) = item.as_object_mut() {
                    item.retain(|field, _| !matches!(field.as_str(), "dispute_outcome" | "disputed_transactions"));
                }
                item
            })
            .collect();
        let next = format!("https://api-m.sandbox.paypal.com/v1/customer/disputes?next_page_token={}", skip + limit);
        let links = (found.len() > skip + limit).then(|| json!({ "href": next, "rel": "next", "method": "GET" }));
        json!({ "items": items, "links": links.into_iter().collect::<Vec<_>>() })
    }

    /// What has moved, oldest first, as the reports have it.
    fn transactions(&self, query: &HashMap<String, String>) -> Result<Value, Refusal> {
        let moment = |name: &str| query.get(name).and_then(|text| DateTime::parse_from_rfc3339(text).ok());
        let (Some(since), Some(until)) = (moment("start_date"), moment("end_date")) else {
            return Err(refuse(400, "MISSING_REQUIRED_PARAMETER"));
        };
        if until - since > chrono::TimeDelta::days(31) || until < since {
            return Err(refuse(400, "INVALID_DATE_RANGE"));
        }
        let size: usize = query.get("page_size").and_then(|size| size.parse().ok()).unwrap_or(100).clamp(1, 500);
        let page: usize = query.get("page").and_then(|page| page.parse().ok()).unwrap_or(1).max(1);
        let paid = self.captures.values().filter(|capture| !matches!(text(capture, "status"), "DECLINED" | "FAILED"));
        let paid = paid.map(|capture| {
            let status = match text(capture, "status") {
                "PENDING" => "P",
                "REFUNDED" => "V",
                _ => "S",
            };
            json!({
                "transaction_id": capture["id"], "transaction_event_code": "T0006", "transaction_status": status, "custom_field": capture["custom_id"],
                "transaction_initiation_date": capture["create_time"], "transaction_amount": capture["amount"],
            })
        });
        let returned = self.refunds.values().filter(|refund| text(refund, "status") == "COMPLETED").map(|refund| {
            let (amount, is_asked) = (&refund["amount"], !refund["custom_id"].is_null());
            json!({
                "transaction_id": refund["id"], "paypal_reference_id": refund["sandbox_capture"], "paypal_reference_id_type": "TXN",
                "transaction_event_code": if is_asked || refund["note_to_payer"].is_null() { "T1107" } else { "T1106" }, "transaction_status": "S",
                "transaction_initiation_date": refund["create_time"],
                "transaction_amount": { "currency_code": amount["currency_code"], "value": format!("-{}", text(amount, "value")) },
            })
        });
        let is_in = |info: &Value| {
            DateTime::parse_from_rfc3339(text(info, "transaction_initiation_date")).is_ok_and(|at| since <= at && at <= until)
        };
        let all: Vec<Value> = paid.chain(returned).filter(is_in).map(|info| json!({ "transaction_info": info })).collect();
        let details: Vec<&Value> = all.iter().skip((page - 1) * size).take(size).collect();
        Ok(json!({
            "transaction_details": details, "page": page, "total_items": all.len(), "total_pages": all.len().div_ceil(size),
            "last_refreshed_datetime": Utc::now().format("%Y-%m-%dT%H:%M:%S+0000").to_string(),
        }))
    }
}
