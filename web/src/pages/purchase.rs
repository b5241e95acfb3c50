//! `GET /compras/{id}`: what has become of a purchase. The provider's page leads back to here.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, Path, State},
    http::StatusCode,
    response::Response,
};
use jobs::payments::{
    purchase::{look_now, takes},
    refunds::{Refund, RefundState},
    sale::{Provider, Sale, SaleId, SaleState},
};
use serde::Deserialize;

use crate::{
    app::App,
    forms::Wish,
    page::{Page, key, render, see_other},
    paths,
    problem::{Doing as _, Problem},
    visit::Visit,
};

#[derive(Template)]
#[template(path = "purchase.html")]
struct Purchase {
    page: Page,
    sale: Sale,
    slug: String,
    refunds: Vec<Refund>,
    /// Whether the person has just come back without having paid.
    is_unpaid: bool,
    /// Who takes money for it besides.
    others: Vec<Provider>,
}

impl Purchase {
    /// Whether there is a page where it can be paid: whoever has done their part is not led to a finished one.
    fn can_be_paid(&self) -> bool {
        self.sale.state == SaleState::Pending && !self.sale.is_on_its_way()
    }

    /// Whether more will be known in a moment. Money that is on its way takes days.
    fn is_under_way(&self) -> bool {
        self.can_be_paid()
            || self.refunds.iter().any(|refund| matches!(refund.state, RefundState::Requested | RefundState::Pending))
    }

    /// The way of paying that they chose was declined, and no other has been chosen yet.
    fn is_to_be_paid_otherwise(&self) -> bool {
        self.sale.state == SaleState::Pending && self.sale.declined > 0 && self.sale.payment_ref.is_none()
    }
}

/// The key of a state's word.
pub(super) fn state_key(state: &SaleState) -> &'static str {
    match state {
        SaleState::Pending => key("sale-pending"),
        SaleState::Paid => key("sale-paid"),
        SaleState::PartRefunded => key("sale-part-refunded"),
        SaleState::Refunded => key("sale-refunded"),
        SaleState::Disputed => key("sale-disputed"),
        SaleState::Lost => key("sale-lost"),
        SaleState::Review => key("sale-review"),
        SaleState::Expired => key("sale-expired"),
        SaleState::Failed => key("sale-failed"),
    }
}

/// The key of the word for how a sale stands.
pub(super) fn word_key(sale: &Sale) -> &'static str {
    if sale.is_on_its_way() { key("sale-on-its-way") } else { state_key(&sale.state) }
}

/// The key of what that means for the person.
fn say_key(sale: &Sale) -> &'static str {
    match sale.state {
        SaleState::Pending if sale.is_on_its_way() => key("sale-on-its-way-say"),
        SaleState::Pending => key("sale-pending-say"),
        SaleState::Paid => key("sale-paid-say"),
        SaleState::PartRefunded => key("sale-part-refunded-say"),
        SaleState::Refunded => key("sale-refunded-say"),
        SaleState::Disputed => key("sale-disputed-say"),
        SaleState::Lost => key("sale-lost-say"),
        SaleState::Review => key("sale-review-say"),
        SaleState::Expired => key("sale-expired-say"),
        SaleState::Failed => key("sale-failed-say"),
    }
}

/// How a state looks: as the state of a job that is nearest to it.
pub(super) fn look(state: &SaleState) -> (&'static str, &'static str) {
    match state {
        SaleState::Pending => ("retryable", "clock"),
        SaleState::Paid => ("completed", "circle-check"),
        SaleState::PartRefunded | SaleState::Refunded => ("cancelled", "rotate-ccw"),
        SaleState::Disputed | SaleState::Review => ("parked", "circle-alert"),
        SaleState::Lost | SaleState::Failed => ("dead", "x"),
        SaleState::Expired => ("cancelled", "clock"),
    }
}

/// The key of a refund's word.
pub(super) fn refund_key(state: &RefundState) -> &'static str {
    match state {
        RefundState::Requested => key("refund-requested"),
        RefundState::Pending => key("refund-pending"),
        RefundState::Succeeded => key("refund-succeeded"),
        RefundState::Failed => key("refund-failed"),
    }
}

/// The key of what the button says that leads to a provider.
pub(super) fn pay_key(provider: &Provider) -> &'static str {
    match provider {
        Provider::Stripe => key("pay-with-stripe"),
        Provider::Paypal => key("pay-with-paypal"),
        Provider::Free => key("course-enrol"),
    }
}

/// Who takes the money, as people know them.
pub(super) fn provider_word(page: &Page, provider: &Provider) -> String {
    match provider {
        Provider::Stripe | Provider::Paypal => provider.brand().to_owned(),
        Provider::Free => page.text("course-free"),
    }
}

/// The visitor's own sale of that id. Somebody else's is none.
pub(super) async fn own_sale(app: &App, visit: &Visit, id: &str) -> Result<Sale, Problem> {
    let buyer = visit.person().ok_or(Problem::NotSignedIn)?.id;
    let id = SaleId(id.parse().map_err(|_| Problem::NotFound)?);
    Sale::find_own(&app.db, id, buyer).await.doing("looking up a sale")?.ok_or(Problem::NotFound)
}

/// What the address says that a provider leads a person back to.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    /// What PayPal adds.
    token: Option<String>,
    done: Option<Done>,
}

/// What has just been done.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Done {
    /// They left the provider's page without paying.
    Unpaid,
}

/// Shows it, and looks again while more will be known in a moment. Who has just agreed to pay need not wait until PayPal tells us.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Path(id): Path<String>,
    Wish(asked): Wish<Asked>,
) -> Result<Response, Problem> {
    let sale = own_sale(&app, &visit, &id).await?;
    if asked.token.is_some() && asked.token == sale.checkout_ref && sale.state == SaleState::Pending {
        look_now(&app.db, sale.id).await.doing("asking about a sale")?;
    }
    let has_left = matches!(asked.done, Some(Done::Unpaid));
    if asked.token.is_some() {
        let mark = if has_left { "?done=unpaid" } else { "" };
        return Ok(see_other(&format!("{}{mark}", page.to(paths::PURCHASE, "id", sale.id))));
    }
    let refunds = Refund::of(&app.db, sale.id).await.doing("listing a sale's refunds")?;
    let slug: String = sqlx::query_scalar("select slug from school.courses where id = $1")
        .bind(sale.course_id)
        .fetch_one(&app.db)
        .await
        .doing("looking up a sale's course")?;
    let is_unpaid = has_left && sale.state == SaleState::Pending && !sale.is_on_its_way();
    let others = if is_unpaid {
        let takes_it = |other: &Provider| *other != sale.provider && takes(*other, sale.amount());
        app.settings.providers().into_iter().filter(takes_it).collect()
    } else {
        Vec::new()
    };
    render(StatusCode::OK, &Purchase { page, sale, slug, refunds, is_unpaid, others })
}
