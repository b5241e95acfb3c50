//! What happens at PayPal's side when somebody says so.

use faena_tests::sandbox::{PaypalFunding, PaypalHappening};
use serde_json::{Value, json};

use super::book::{Agreed, Shelf, event, minor, money, new_id, now, text};

impl Shelf {
    pub(super) fn happen(&mut self, happening: &PaypalHappening) -> Result<Vec<Value>, String> {
        use PaypalHappening::{
            Approve, Clear, Collect, Decide, Deny, Dispute, FailRefund, Forge, Forget, Inquire, Refund, Reverse, RevokeTokens,
            TakeBack,
        };
        match happening {
            Approve { order, by, value, currency } => self.approve(order, *by, value.as_deref(), currency.as_deref()),
            Collect { order } => self.capture(order).map(|(.., events)| events).map_err(|_| "it is not approved".to_owned()),
            Clear { order } => {
                let capture = self.capture_of(order)?;
                Ok(self.clear(&capture))
            }
            Deny { order } => {
                let capture = self.capture_of(order)?;
                let capture = self.captures.get_mut(&capture).ok_or("there is no capture")?;
                capture["status"] = json!("DECLINED");
                Ok(vec![event("PAYMENT.CAPTURE.DENIED", "capture", capture)])
            }
            TakeBack { order } => {
                let order = self.order_mut(order)?;
                order["status"] = json!("VOIDED");
                let told = json!({
                    "id": null, "order_id": order["id"], "purchase_units": order["purchase_units"], "payment_source": {}, "links": null,
                });
                Ok(vec![event("CHECKOUT.PAYMENT-APPROVAL.REVERSED", "checkout-order", &told)])
            }
            Forget { order } => {
                self.orders.remove(order).ok_or("there is no such order")?;
                Ok(Vec::new())
            }
            Refund { order, value } => {
                let capture = self.capture_of(order)?;
                let amount = json!({ "currency_code": self.captures[&capture]["amount"]["currency_code"], "value": value });
                if minor(&amount) > minor(&self.captures[&capture]["amount"]) - self.returned(&capture) {
                    return Err("that much is not left".to_owned());
                }
                let refund = self.give_back(&capture, amount, &Value::Null);
                Ok(vec![event("PAYMENT.CAPTURE.REFUNDED", "refund", &refund)])
            }
            FailRefund { order } => {
                let capture = self.capture_of(order)?;
                let last = self.refunds.values_mut().rev().find(|refund| refund["sandbox_capture"] == capture);
                let last = last.ok_or("there is no refund")?;
                last["status"] = json!("FAILED");
                let refund = last.clone();
                self.settle(&capture);
                Ok(vec![event("PAYMENT.REFUND.FAILED", "refund", &refund)])
            }
            Reverse { order } => {
                let capture = self.capture_of(order)?;
                let refund = self.take_back(&capture);
                Ok(vec![event("PAYMENT.CAPTURE.REVERSED", "refund", &refund)])
            }
            Inquire { order } => self.dispute(order, "INQUIRY"),
            Dispute { order } => self.dispute(order, "CHARGEBACK"),
            // They are not in this book.
            RevokeTokens {} => Ok(Vec::new()),
            Decide { order, outcome } => self.decide(order, outcome),
            Forge { order, unit, capture } => {
                if capture.is_object() {
                    let id = self.capture_of(order)?;
                    overwrite(self.captures.get_mut(&id).ok_or("there is no capture")?, capture);
                }
                overwrite(&mut self.order_mut(order)?["purchase_units"][0], unit);
                // The message names the sale by the capture.
                let told = self.capture_of(order).ok().and_then(|id| self.captures.get(&id));
                Ok(told.map(|capture| event("PAYMENT.CAPTURE.COMPLETED", "capture", capture)).into_iter().collect())
            }
        }
    }

    fn order_mut(&mut self, id: &str) -> Result<&mut Value, String> {
        self.orders.get_mut(id).ok_or_else(|| format!("there is no order {id}"))
    }

    /// The last capture of an order.
    fn capture_of(&self, order: &str) -> Result<String, String> {
        let own = self.captures.values().rev().find(|capture| capture["sandbox_order"] == order);
        own.map(|capture| text(capture, "id").to_owned()).ok_or_else(|| "nothing was collected".to_owned())
    }

    fn approve(
        &mut self,
        order: &str,
        by: PaypalFunding,
        value: Option<&str>,
        currency: Option<&str>,
    ) -> Result<Vec<Value>, String> {
        let found = self.order_mut(order)?;
        if text(found, "status") != "PAYER_ACTION_REQUIRED" {
            return Err("nobody can agree to it any more".to_owned());
        }
        found["status"] = json!("APPROVED");
        let asked = &found["purchase_units"][0]["amount"];
        let amount = json!({
            "currency_code": currency.unwrap_or(text(asked, "currency_code")), "value": value.unwrap_or(text(asked, "value")),
        });
        let told = vec![event("CHECKOUT.ORDER.APPROVED", "checkout-order", found)];
        self.agreed.insert(order.to_owned(), Agreed { by, amount });
        Ok(told)
    }

    /// All that is left of a capture is taken back.
    fn take_back(&mut self, capture: &str) -> Value {
        let amount = &self.captures[capture]["amount"];
        let (whole, currency) = (minor(amount), text(amount, "currency_code").to_owned());
        let left = money(whole - self.returned(capture), &currency);
        let id = text(&self.give_back(capture, left, &Value::Null), "id").to_owned();
        let refund = self.refunds.get_mut(&id);
        refund.map_or(Value::Null, |refund| {
            refund["note_to_payer"] = json!("Payment reversed");
            refund.clone()
        })
    }

    fn dispute(&mut self, order: &str, stage: &str) -> Result<Vec<Value>, String> {
        let capture = self.capture_of(order)?;
        if let Some(dispute) = self.dispute_of(&capture) {
            // What began as talk goes on as a claim.
            dispute["dispute_life_cycle_stage"] = json!(stage);
            dispute["update_time"] = json!(now());
            return Ok(vec![event("CUSTOMER.DISPUTE.UPDATED", "dispute", dispute)]);
        }
        let id = format!("PP-D-{}", new_id());
        let dispute = json!({
            "dispute_id": id, "create_time": now(), "update_time": now(), "reason": "MERCHANDISE_OR_SERVICE_NOT_RECEIVED", "status": "OPEN",
            "dispute_state": "REQUIRED_ACTION", "dispute_amount": self.captures[&capture]["amount"], "dispute_life_cycle_stage": stage,
            "dispute_channel": "INTERNAL",
            "disputed_transactions": [{ "seller_transaction_id": capture, "custom": self.captures[&capture]["custom_id"] }],
        });
        self.disputes.insert(id, dispute.clone());
        Ok(vec![event("CUSTOMER.DISPUTE.CREATED", "dispute", &dispute)])
    }

    fn dispute_of(&mut self, capture: &str) -> Option<&mut Value> {
        self.disputes.values_mut().rev().find(|dispute| dispute["disputed_transactions"][0]["seller_transaction_id"] == capture)
    }

    fn decide(&mut self, order: &str, outcome: &str) -> Result<Vec<Value>, String> {
        let capture = self.capture_of(order)?;
        let dispute = self.dispute_of(&capture).ok_or("there is no dispute")?;
        dispute["status"] = json!("RESOLVED");
        dispute["dispute_state"] = json!("RESOLVED");
        dispute["update_time"] = json!(now());
        dispute["dispute_outcome"] = json!({ "outcome_code": outcome });
        let mut events = vec![event("CUSTOMER.DISPUTE.RESOLVED", "dispute", dispute)];
        if matches!(outcome, "RESOLVED_BUYER_FAVOUR" | "ACCEPTED") {
            let refund = self.take_back(&capture);
            events.push(event("PAYMENT.CAPTURE.REVERSED", "refund", &refund));
        }
        Ok(events)
    }
}

fn overwrite(object: &mut Value, fields: &Value) {
    for (name, value) in fields.as_object().into_iter().flatten() {
        object[name] = value.clone();
    }
}
