//! `GET /admin/sales/{id}`: a sale with its money, its messages, and the form that gives money back.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use chrono::{DateTime, Utc};
use jobs::{
    accounts::user::User,
    payments::{
        ledger::{Account, Kind},
        money::{Currency, Money},
        refunds::{Refund, RefundState},
        sale::{Sale, SaleId, SaleState},
    },
};
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    app::App,
    forms::{Field, Wish},
    page::{Page, key, render},
    problem::{Doing as _, Problem},
};

/// What the address of the page may say.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    done: Option<Done>,
}

/// What has just been done.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Done {
    Refund,
    Closed,
    /// Somebody else was faster, or its money is still here.
    NotClosed,
}

#[derive(Debug, sqlx::FromRow)]
struct Movement {
    kind: Kind,
    source_ref: String,
    effective_at: DateTime<Utc>,
    account: Account,
    amount_minor: i64,
    #[sqlx(try_from = "String")]
    currency: Currency,
}

impl Movement {
    fn amount(&self) -> Money {
        Money::new(self.amount_minor, self.currency)
    }

    fn kind_key(&self) -> &'static str {
        match self.kind {
            Kind::Charge => key("movement-charge"),
            Kind::Fee => key("movement-fee"),
            Kind::Refund => key("movement-refund"),
            Kind::RefundReversal => key("movement-refund-reversal"),
            Kind::Dispute => key("movement-dispute"),
            Kind::DisputeReversal => key("movement-dispute-reversal"),
        }
    }

    fn account_key(&self) -> &'static str {
        match self.account {
            Account::Clearing => key("ledger-clearing"),
            Account::Revenue => key("ledger-revenue"),
            Account::Fees => key("ledger-fees"),
            Account::Refunds => key("ledger-refunds"),
            Account::Disputes => key("ledger-disputes"),
            Account::Suspense => key("ledger-suspense"),
        }
    }
}

#[derive(Debug, sqlx::FromRow)]
struct Message {
    kind: String,
    event_id: String,
    received_at: DateTime<Utc>,
    outcome: Option<String>,
}

impl Message {
    fn outcome_key(&self) -> &'static str {
        match self.outcome.as_deref() {
            None => key("message-waits"),
            Some("ignored") => key("message-ignored"),
            Some(_) => key("message-applied"),
        }
    }
}

#[derive(Template)]
#[template(path = "admin_sale.html")]
pub(super) struct AdminSale {
    page: Page,
    sale: Sale,
    buyer: User,
    refunds: Vec<Refund>,
    movements: Vec<Movement>,
    messages: Vec<Message>,
    done: Option<Done>,
    amount: Field,
    reason: Field,
    /// What tells one asking from another.
    form_key: Uuid,
}

impl AdminSale {
    /// What can still be given back.
    fn left(&self) -> Money {
        let given: i64 =
            self.refunds.iter().filter(|refund| refund.state != RefundState::Failed).map(|refund| refund.amount().minor).sum();
        Money::new(self.sale.charged().minor - given, self.sale.charged().currency)
    }

    fn can_refund(&self) -> bool {
        self.has_left() && self.sale.payment_ref.is_some()
    }

    /// Its money is here, and nobody knows by which payment it came: the provider cannot be asked to give it back.
    fn is_unknown_payment(&self) -> bool {
        self.has_left() && self.sale.payment_ref.is_none()
    }

    fn has_left(&self) -> bool {
        self.left().minor > 0 && !matches!(self.sale.state, SaleState::Disputed | SaleState::Lost)
    }

    /// A review is over when no money is left that it is about.
    fn can_close(&self) -> bool {
        self.sale.is_in_review() && self.sale.charged().minor == self.sale.refunded().minor
    }

    fn review_key(&self) -> &'static str {
        match self.sale.review_reason.as_deref() {
            Some("amount") => key("review-amount"),
            Some("currency") => key("review-currency"),
            Some("account") => key("review-account"),
            Some("livemode") => key("review-livemode"),
            Some("sale") => key("review-sale"),
            Some("bought_again") => key("review-bought-again"),
            _ => key("review-second-payment"),
        }
    }

    /// Shows the page with what was typed and what is wrong with it.
    pub(super) async fn load(app: &App, page: Page, id: &str) -> Result<Self, Problem> {
        let id = SaleId(id.parse().map_err(|_| Problem::NotFound)?);
        let sale = Sale::find(&app.db, id).await.doing("looking up a sale")?.ok_or(Problem::NotFound)?;
        let buyer = User::find(&app.db, sale.user_id).await.doing("looking up a buyer")?.ok_or(Problem::NotFound)?;
        let refunds = Refund::of(&app.db, id).await.doing("listing a sale's refunds")?;
        let movements = sqlx::query_as(
            "select t.kind, t.source_ref, t.effective_at, l.account, l.amount_minor, l.currency
             from school.ledger_transactions t join school.ledger_lines l on l.transaction_id = t.id
             where t.sale_id = $1 order by t.effective_at, t.id, l.amount_minor desc",
        )
        .bind(id)
        .fetch_all(&app.db)
        .await
        .doing("listing a sale's movements")?;
        let messages = sqlx::query_as(
            "select type as kind, event_id, received_at, outcome from school.payment_events where sale_id = $1 order by received_at limit 100",
        )
        .bind(id)
        .fetch_all(&app.db)
        .await
        .doing("listing a sale's messages")?;
        Ok(Self {
            page,
            sale,
            buyer,
            refunds,
            movements,
            messages,
            done: None,
            amount: Field::default(),
            reason: Field::default(),
            form_key: Uuid::new_v4(),
        })
    }

    /// The same with that form.
    pub(super) fn with_form(self, form_key: Uuid) -> Self {
        Self { form_key, ..self }
    }

    /// The same with a form that was refused.
    pub(super) fn refused(mut self, amount: &str, reason: &str, problem: &'static str) -> Result<Response, Problem> {
        let problem = self.page.text1(problem, "left", self.page.money(self.left()));
        self.amount = Field { problem: Some(problem), is_first_problem: true, ..Field::of(amount) };
        self.reason = Field::of(reason);
        render(StatusCode::UNPROCESSABLE_ENTITY, &self)
    }

    pub(super) fn currency(&self) -> Currency {
        self.sale.charged().currency
    }

    pub(super) fn id(&self) -> SaleId {
        self.sale.id
    }
}

/// Shows the sale.
pub(crate) async fn show(
    State(app): State<App>,
    page: Page,
    Path(id): Path<String>,
    Wish(asked): Wish<Asked>,
) -> Result<Response, Problem> {
    let shown = AdminSale { done: asked.done, ..AdminSale::load(&app, page, &id).await? };
    render(StatusCode::OK, &shown)
}
