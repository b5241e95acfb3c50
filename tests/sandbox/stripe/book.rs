//! What the stand-in knows: sessions, intents, charges, refunds, disputes, each as the JSON that Stripe would answer with.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::Utc;
use faena_tests::sandbox::StripeHappening;
use serde_json::{Value, json};
use uuid::Uuid;

use super::api::{Answer, Form, Refusal, refuse};

/// Stripe keeps a session open for 30 minutes to 24 hours (<https://docs.stripe.com/api/checkout/sessions/create>).
const OPEN_S: std::ops::RangeInclusive<i64> = 30 * 60..=24 * 3600;

/// Everything that there is.
pub(super) struct Book {
    shelf: Mutex<Shelf>,
    pages: String,
}

/// Objects by id. Ids rise with time, so a list is in the order of its making.
#[derive(Default)]
struct Shelf {
    sessions: BTreeMap<String, Value>,
    intents: BTreeMap<String, Value>,
    charges: BTreeMap<String, Value>,
    refunds: BTreeMap<String, Value>,
    disputes: BTreeMap<String, Value>,
}

/// What the page for people shows.
pub(super) struct PageOfSession {
    pub(super) description: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) is_open: bool,
    pub(super) success_url: String,
    pub(super) cancel_url: String,
}

fn new_id(kind: &str) -> String {
    format!("{kind}_{}", Uuid::now_v7().simple())
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_default()
}

fn event(kind: &str, object: &Value) -> Value {
    json!({
        "id": new_id("evt"), "object": "event", "api_version": "2024-06-20", "created": Utc::now().timestamp(), "livemode": false,
        "pending_webhooks": 1, "type": kind, "data": { "object": object },
    })
}

fn missing(what: &str, id: &str) -> Refusal {
    refuse(404, "resource_missing", format!("No such {what}: '{id}'"))
}

impl Book {
    pub(super) fn new(pages: &str) -> Self {
        Self { shelf: Mutex::default(), pages: pages.to_owned() }
    }

    fn lock(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn counts(&self) -> Value {
        let shelf = self.lock();
        json!({
            "sessions": shelf.sessions.len(), "payment_intents": shelf.intents.len(), "charges": shelf.charges.len(),
            "refunds": shelf.refunds.len(), "disputes": shelf.disputes.len(),
        })
    }

    pub(super) fn page(&self, session: &str) -> Option<PageOfSession> {
        let shelf = self.lock();
        let session = shelf.sessions.get(session)?;
        Some(PageOfSession {
            description: text(session, "sandbox_name").to_owned(),
            amount: session["amount_total"].as_i64()?,
            currency: text(session, "currency").to_uppercase(),
            is_open: text(session, "status") == "open",
            success_url: text(session, "success_url").to_owned(),
            cancel_url: text(session, "cancel_url").to_owned(),
        })
    }

    pub(super) fn read(&self, segments: &[&str], query: &Form) -> Answer {
        let shelf = self.lock();
        match segments {
            ["v1", "checkout", "sessions"] => Ok(shelf.list_sessions(query)),
            ["v1", "checkout", "sessions", id] => {
                let session = shelf.sessions.get(*id).ok_or_else(|| missing("checkout.session", id))?;
                let expand = query.get("expand[]").map_or("", String::as_str);
                Ok(shelf.expanded(session, expand))
            }
            ["v1", "payment_intents", id] => shelf.intents.get(*id).cloned().ok_or_else(|| missing("payment_intent", id)),
            ["v1", "refunds"] => Ok(shelf.list_of(&shelf.refunds, query)),
            ["v1", "disputes"] => Ok(shelf.list_of(&shelf.disputes, query)),
            _ => Err(refuse(404, "", "Unrecognized request URL")),
        }
    }

    pub(super) fn write(&self, segments: &[&str], form: &Form) -> Result<(Value, Vec<Value>), Refusal> {
        match segments {
            ["v1", "checkout", "sessions"] => self.make_session(form),
            ["v1", "refunds"] => self.lock().make_refund(form),
            _ => Err(refuse(404, "", "Unrecognized request URL")),
        }
    }

    fn make_session(&self, form: &Form) -> Result<(Value, Vec<Value>), Refusal> {
        let field = |name: &str| form.get(name).filter(|value| !value.is_empty()).cloned();
        let wanted =
            |name: &str| field(name).ok_or_else(|| refuse(400, "parameter_missing", format!("Missing required param: {name}.")));
        if wanted("mode")? != "payment" {
            return Err(refuse(400, "", "the sandbox knows the mode payment alone"));
        }
        let amount = wanted("line_items[0][price_data][unit_amount]")?.parse::<i64>().ok().filter(|amount| *amount > 0);
        let amount = amount.ok_or_else(|| refuse(400, "parameter_invalid_integer", "Invalid integer: unit_amount"))?;
        let now = Utc::now().timestamp();
        let expires_at = field("expires_at").and_then(|at| at.parse().ok()).unwrap_or(now + 24 * 3600);
        if !OPEN_S.contains(&(expires_at - now)) {
            return Err(refuse(
                400,
                "",
                "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.",
            ));
        }
        let id = new_id("cs_test");
        let metadata = |prefix: &str| -> Value {
            let named = form
                .iter()
                .filter_map(|(name, value)| Some((name.strip_prefix(prefix)?.strip_suffix(']')?.to_owned(), json!(value))));
            Value::Object(named.collect())
        };
        let session = json!({
            "id": id, "object": "checkout.session", "livemode": false, "created": now, "expires_at": expires_at, "mode": "payment",
            "status": "open", "payment_status": "unpaid", "amount_total": amount, "payment_intent": null,
            "currency": wanted("line_items[0][price_data][currency]")?.to_lowercase(),
            "client_reference_id": field("client_reference_id"), "metadata": metadata("metadata["),
            "success_url": wanted("success_url")?, "cancel_url": field("cancel_url").unwrap_or_default(),
            "url": format!("{}/stripe/pay/{id}", self.pages),
            // Not Stripe's: what the page and the intent will need.
            "sandbox_name": wanted("line_items[0][price_data][product_data][name]")?,
            "sandbox_intent_metadata": metadata("payment_intent_data[metadata]["),
        });
        self.lock().sessions.insert(id, session.clone());
        Ok((session, Vec::new()))
    }

    /// Lets something happen at Stripe's side. The messages that tell of it.
    pub(super) fn happen(&self, happening: &StripeHappening) -> Result<Vec<Value>, String> {
        self.lock().happen(happening)
    }
}

impl Shelf {
    fn expanded(&self, session: &Value, expand: &str) -> Value {
        let mut session = session.clone();
        if expand.starts_with("payment_intent")
            && let Some(mut intent) = self.intents.get(text(&session, "payment_intent")).cloned()
        {
            if expand.starts_with("payment_intent.latest_charge")
                && let Some(mut charge) = self.charges.get(text(&intent, "latest_charge")).cloned()
            {
                if !expand.ends_with("balance_transaction") {
                    charge["balance_transaction"] = json!(new_id("txn"));
                }
                intent["latest_charge"] = charge;
            }
            session["payment_intent"] = intent;
        }
        session
    }

    /// Newest first, in pages, as all of Stripe's lists.
    fn list<'v>(&self, newest_first: impl Iterator<Item = &'v Value>, query: &Form) -> Value {
        let limit: usize = query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(10).clamp(1, 100);
        let after = query.get("starting_after");
        let mut rest = newest_first.skip_while(|object| after.is_some_and(|after| text(object, "id") >= after.as_str()));
        let data: Vec<Value> = rest.by_ref().take(limit).cloned().collect();
        json!({ "object": "list", "data": data, "has_more": rest.next().is_some() })
    }

    fn list_sessions(&self, query: &Form) -> Value {
        let since: i64 = query.get("created[gte]").and_then(|since| since.parse().ok()).unwrap_or(0);
        self.list(self.sessions.values().rev().filter(|session| session["created"].as_i64().unwrap_or(0) >= since), query)
    }

    fn list_of(&self, shelf: &BTreeMap<String, Value>, query: &Form) -> Value {
        let payment = query.get("payment_intent");
        let since: i64 = query.get("created[gte]").and_then(|since| since.parse().ok()).unwrap_or(0);
        let own = shelf
            .values()
            .rev()
            .filter(|object| payment.is_none_or(|payment| text(object, "payment_intent") == payment))
            .filter(|object| object["created"].as_i64().unwrap_or(0) >= since);
        self.list(own, query)
    }

    fn make_refund(&mut self, form: &Form) -> Result<(Value, Vec<Value>), Refusal> {
        let payment = form.get("payment_intent").map_or("", String::as_str);
        let intent = self.intents.get(payment).ok_or_else(|| missing("payment_intent", payment))?;
        let charge_id = text(intent, "latest_charge").to_owned();
        let Some(charge) = self.charges.get(&charge_id) else {
            return Err(refuse(400, "", "This PaymentIntent does not have a successful charge to refund."));
        };
        let left = charge["amount_captured"].as_i64().unwrap_or(0) - charge["amount_refunded"].as_i64().unwrap_or(0);
        let amount = form.get("amount").map_or(Ok(left), |amount| amount.parse::<i64>());
        let amount = amount.map_err(|_| refuse(400, "parameter_invalid_integer", "Invalid integer: amount"))?;
        if left == 0 {
            return Err(refuse(400, "charge_already_refunded", format!("Charge {charge_id} has already been refunded.")));
        }
        if charge["disputed"] == true {
            return Err(refuse(400, "charge_disputed", "This charge has been charged back and can't be refunded."));
        }
        if !(1..=left).contains(&amount) {
            return Err(refuse(
                400,
                "",
                format!("Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"),
            ));
        }
        let metadata = |name: &str| form.get(&format!("metadata[{name}]")).cloned();
        let refund = json!({
            "id": new_id("re"), "object": "refund", "amount": amount, "currency": charge["currency"], "status": "succeeded", "charge": charge_id,
            "payment_intent": payment, "created": Utc::now().timestamp(),
            // Nobody has given any at Stripe's own pages: it is null there.
            "metadata": metadata("refund_id").map(|id| json!({ "refund_id": id, "sale_id": metadata("sale_id") })),
        });
        self.refunds.insert(text(&refund, "id").to_owned(), refund.clone());
        let events = self.charge_was_refunded(&charge_id, &refund);
        Ok((refund, events))
    }

    fn charge_was_refunded(&mut self, charge_id: &str, refund: &Value) -> Vec<Value> {
        let total: i64 = self
            .refunds
            .values()
            .filter(|refund| text(refund, "charge") == charge_id && text(refund, "status") == "succeeded")
            .filter_map(|refund| refund["amount"].as_i64())
            .sum();
        let Some(charge) = self.charges.get_mut(charge_id) else { return Vec::new() };
        charge["amount_refunded"] = json!(total);
        charge["refunded"] = json!(charge["amount_captured"] == total);
        vec![event("charge.refunded", charge), event("charge.refund.updated", refund)]
    }

    fn happen(&mut self, happening: &StripeHappening) -> Result<Vec<Value>, String> {
        use StripeHappening::{Arrive, Bounce, Decide, Dispute, Expire, FailRefund, Forge, ForgetKeys, Pay, Promise, Refund};
        match happening {
            Pay { session, amount, currency } => {
                self.complete(session, "succeeded", "paid")?;
                let mut events = self.charge(session, *amount, currency.as_deref())?;
                events.push(event("checkout.session.completed", self.session(session)?));
                Ok(events)
            }
            Promise { session } => {
                self.complete(session, "processing", "unpaid")?;
                Ok(vec![event("checkout.session.completed", self.session(session)?)])
            }
            Arrive { session } => {
                let mut events = self.charge(session, None, None)?;
                self.session_mut(session)?["payment_status"] = json!("paid");
                events.push(event("checkout.session.async_payment_succeeded", self.session(session)?));
                Ok(events)
            }
            Bounce { session } => {
                self.intent_mut(session)?["status"] = json!("requires_payment_method");
                Ok(vec![event("checkout.session.async_payment_failed", self.session(session)?)])
            }
            Expire { session } => {
                let session = self.session_mut(session)?;
                session["status"] = json!("expired");
                Ok(vec![event("checkout.session.expired", session)])
            }
            Refund { session, amount } => {
                let payment = text(self.session(session)?, "payment_intent").to_owned();
                let form = Form::from([("payment_intent".to_owned(), payment), ("amount".to_owned(), amount.to_string())]);
                self.make_refund(&form).map(|(_, events)| events).map_err(|refusal| refusal.message)
            }
            FailRefund { session } => {
                let payment = text(self.session(session)?, "payment_intent").to_owned();
                let last = self.refunds.values_mut().rev().find(|refund| text(refund, "payment_intent") == payment);
                let last = last.ok_or("there is no refund")?;
                last["status"] = json!("failed");
                let (refund, charge) = (last.clone(), text(last, "charge").to_owned());
                let mut events = self.charge_was_refunded(&charge, &refund);
                events.push(event("refund.failed", &refund));
                Ok(events)
            }
            Dispute { session } => self.dispute(session),
            Decide { session, won } => {
                let payment = text(self.session(session)?, "payment_intent").to_owned();
                let dispute = self.disputes.values_mut().rev().find(|dispute| text(dispute, "payment_intent") == payment);
                let dispute = dispute.ok_or("there is no dispute")?;
                dispute["status"] = json!(if *won { "won" } else { "lost" });
                let mut events = vec![event("charge.dispute.closed", dispute)];
                if *won {
                    events.push(event("charge.dispute.funds_reinstated", dispute));
                }
                Ok(events)
            }
            // They are not in this book.
            ForgetKeys {} => Ok(Vec::new()),
            Forge { session, fields, intent } => {
                if intent.is_object() {
                    overwrite(self.intent_mut(session)?, intent);
                }
                let session = self.session_mut(session)?;
                overwrite(session, fields);
                Ok(vec![event("checkout.session.completed", session)])
            }
        }
    }

    fn session(&self, id: &str) -> Result<&Value, String> {
        self.sessions.get(id).ok_or_else(|| format!("there is no session {id}"))
    }

    fn session_mut(&mut self, id: &str) -> Result<&mut Value, String> {
        self.sessions.get_mut(id).ok_or_else(|| format!("there is no session {id}"))
    }

    fn intent_mut(&mut self, session: &str) -> Result<&mut Value, String> {
        let intent = text(self.session(session)?, "payment_intent").to_owned();
        self.intents.get_mut(&intent).ok_or_else(|| "the session has no payment".to_owned())
    }

    /// The person has done their part.
    fn complete(&mut self, id: &str, intent_status: &str, payment_status: &str) -> Result<(), String> {
        let session = self.session_mut(id)?;
        if text(session, "status") != "open" {
            return Err("the page is not open".to_owned());
        }
        let intent = json!({
            "id": new_id("pi"), "object": "payment_intent", "livemode": false, "status": intent_status, "amount": session["amount_total"],
            "currency": session["currency"], "metadata": session["sandbox_intent_metadata"], "latest_charge": null, "on_behalf_of": null,
            "transfer_data": null, "created": Utc::now().timestamp(),
        });
        session["status"] = json!("complete");
        session["payment_status"] = json!(payment_status);
        session["payment_intent"] = intent["id"].clone();
        self.intents.insert(text(&intent, "id").to_owned(), intent);
        Ok(())
    }

    /// The money is there.
    fn charge(&mut self, session: &str, amount: Option<i64>, currency: Option<&str>) -> Result<Vec<Value>, String> {
        let intent = self.intent_mut(session)?;
        let amount = amount.or(intent["amount"].as_i64()).unwrap_or(0);
        let currency = json!(currency.map_or_else(|| text(intent, "currency").to_owned(), str::to_lowercase));
        let charge = json!({
            "id": new_id("ch"), "object": "charge", "livemode": false, "status": "succeeded", "paid": true, "captured": true, "disputed": false,
            "refunded": false, "amount": amount, "amount_captured": amount, "amount_refunded": 0, "currency": currency,
            "metadata": intent["metadata"], "payment_intent": intent["id"], "created": Utc::now().timestamp(),
            "balance_transaction": { "id": new_id("txn"), "object": "balance_transaction", "fee": amount * 29 / 1000 + 30, "currency": currency },
        });
        intent["status"] = json!("succeeded");
        intent["latest_charge"] = charge["id"].clone();
        let events = vec![event("charge.succeeded", &charge), event("payment_intent.succeeded", intent)];
        self.charges.insert(text(&charge, "id").to_owned(), charge);
        Ok(events)
    }

    fn dispute(&mut self, session: &str) -> Result<Vec<Value>, String> {
        let intent = self.intent_mut(session)?;
        let (payment, charge) = (text(intent, "id").to_owned(), text(intent, "latest_charge").to_owned());
        let charge = self.charges.get_mut(&charge).ok_or("there is no charge")?;
        charge["disputed"] = json!(true);
        let dispute = json!({
            "id": new_id("dp"), "object": "dispute", "livemode": false, "status": "needs_response", "amount": charge["amount_captured"],
            "currency": charge["currency"], "charge": charge["id"], "payment_intent": payment, "created": Utc::now().timestamp(), "metadata": {},
        });
        self.disputes.insert(text(&dispute, "id").to_owned(), dispute.clone());
        Ok(vec![event("charge.dispute.created", &dispute), event("charge.dispute.funds_withdrawn", &dispute)])
    }
}

fn overwrite(object: &mut Value, fields: &Value) {
    for (name, value) in fields.as_object().into_iter().flatten() {
        object[name] = value.clone();
    }
}
