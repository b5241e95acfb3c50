//! `GET /admin/reconciliation`: where our books and the providers' differ.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use chrono::{DateTime, Utc};
use jobs::payments::{
    money::{Currency, Money},
    sale::SaleId,
};

use crate::{
    app::App,
    page::{Page, key, render},
    problem::{Doing as _, Problem},
};

#[derive(Debug, sqlx::FromRow)]
struct Difference {
    provider: String,
    object_ref: String,
    kind: String,
    sale_id: Option<SaleId>,
    ours: Option<String>,
    theirs: Option<String>,
    first_seen_at: DateTime<Utc>,
}

#[derive(Debug, sqlx::FromRow)]
struct Comparison {
    provider: String,
    finished_at: DateTime<Utc>,
    seen: i32,
    asked: i32,
}

#[derive(Template)]
#[template(path = "admin_reconciliation.html")]
struct AdminReconciliation {
    page: Page,
    differences: Vec<Difference>,
    comparisons: Vec<Comparison>,
}

impl AdminReconciliation {
    fn kind_key(difference: &Difference) -> &'static str {
        match difference.kind.as_str() {
            "no_such_sale" => key("difference-no-such-sale"),
            "amount" => key("difference-amount"),
            "paid_here_only" => key("difference-paid-here-only"),
            _ => key("difference-missing-there"),
        }
    }

    /// `4900 USD` as people read it.
    fn money(&self, stored: &Option<String>) -> String {
        let money = stored.as_deref().and_then(|text| {
            let (minor, currency) = text.split_once(' ')?;
            Some(Money::new(minor.parse().ok()?, currency.parse::<Currency>().ok()?))
        });
        money.map_or_else(|| "—".to_owned(), |money| self.page.money(money))
    }
}

/// Shows what differs, and when it was last compared.
pub(crate) async fn show(State(app): State<App>, page: Page) -> Result<Response, Problem> {
    let differences = sqlx::query_as(
        "select provider, object_ref, kind, sale_id, ours, theirs, first_seen_at from school.reconciliation_differences
         where resolved_at is null order by first_seen_at desc limit 500",
    )
    .fetch_all(&app.db)
    .await
    .doing("listing differences")?;
    let comparisons = sqlx::query_as(
        "select provider, finished_at, seen, asked from school.reconciliations order by finished_at desc limit 14",
    )
    .fetch_all(&app.db)
    .await
    .doing("listing comparisons")?;
    render(StatusCode::OK, &AdminReconciliation { page, differences, comparisons })
}
