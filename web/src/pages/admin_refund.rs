//! `POST /admin/sales/{id}/refund`, `…/close-review`: gives money back; says that a payment was looked at.

use std::sync::Arc;

use axum::{
    extract::{Extension, Path, State},
    response::Response,
};
use jobs::payments::{
    money::{AmountProblem, Money},
    refunds::{RefundRefused, order_refund},
    review::close_review,
};
use serde::Deserialize;
use uuid::Uuid;

use super::admin_sale::AdminSale;
use crate::{
    app::App,
    forms::Sent,
    page::{Page, key, see_other},
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// What the form sends. No amount: all that is left.
#[derive(Debug, Deserialize)]
pub(crate) struct Form {
    amount: String,
    reason: String,
    /// The form's own, so that one that is sent twice is one refund.
    key: Uuid,
}

/// Asks for the refund in the administrator's name; or shows the form again with what is wrong.
pub(crate) async fn submit(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Path(id): Path<String>,
    Sent(form): Sent<Form>,
) -> Result<Response, Problem> {
    let admin = visit.person().ok_or(Problem::NotSignedIn)?.id;
    // What was refused is corrected in the same form.
    let shown = AdminSale::load(&app, page, &id).await?.with_form(form.key);
    let amount = match form.amount.trim() {
        "" => None,
        typed => match Money::parse(typed, shown.currency()) {
            Ok(amount) => Some(amount),
            Err(AmountProblem::TooFine) => return shown.refused(&form.amount, &form.reason, key("refund-too-fine")),
            Err(AmountProblem::OtherCurrency) => return shown.refused(&form.amount, &form.reason, key("refund-other-currency")),
            Err(_) => return shown.refused(&form.amount, &form.reason, key("refund-no-amount")),
        },
    };
    let reason: String = form.reason.chars().filter(|c| !c.is_control()).take(500).collect();
    match order_refund(&app.db, shown.id(), amount, admin, reason.trim(), form.key).await {
        Ok(_) => Ok(see_other(&format!("/admin/sales/{id}?done=refund"))),
        Err(RefundRefused::Nothing) => shown.refused(&form.amount, &form.reason, key("refund-nothing")),
        Err(RefundRefused::NotThatMuch { .. }) => shown.refused(&form.amount, &form.reason, key("refund-too-much")),
        Err(RefundRefused::NotNow) => shown.refused(&form.amount, &form.reason, key("refund-not-now")),
        Err(RefundRefused::UnknownPayment) => shown.refused(&form.amount, &form.reason, key("refund-unknown-payment")),
        // It is not told whether the other asking is to be added to the first: a new form says so.
        Err(RefundRefused::FormUsed) => {
            shown.with_form(Uuid::new_v4()).refused(&form.amount, &form.reason, key("refund-form-used"))
        }
        Err(RefundRefused::NoSuchSale) => Err(Problem::NotFound),
        Err(RefundRefused::Postgres(error)) => Err(error).doing("asking for a refund"),
        Err(error @ RefundRefused::Enqueue(_)) => {
            Err(Problem::Internal(anyhow::Error::from(error).context("asking for a refund")))
        }
    }
}

/// Says that somebody has looked at the payment, once its money has gone back.
pub(crate) async fn submit_close(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let admin = visit.person().ok_or(Problem::NotSignedIn)?.id;
    let shown = AdminSale::load(&app, page, &id).await?;
    let is_closed = close_review(&app.db, shown.id(), admin).await.doing("closing a review")?;
    let done = if is_closed { "closed" } else { "not-closed" };
    Ok(see_other(&format!("/admin/sales/{id}?done={done}")))
}
