//! `GET /admin/reconciliation`, `POST …/close`: where our books and the providers' differ, and that somebody has looked at it.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, State},
    http::StatusCode,
    response::Response,
};
use chrono::{DateTime, Utc};
use jobs::payments::{
    difference::close_difference,
    money::{Currency, Money},
    sale::{Provider, SaleId},
};
use serde::Deserialize;

use crate::{
    app::App,
    forms::{Sent, Wish},
    page::{Page, key, render, see_other},
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// What the address of the page may say.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    done: Option<Done>,
}

/// What has just been done.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Done {
    Closed,
}

/// Which difference somebody has looked at.
#[derive(Debug, Deserialize)]
pub(crate) struct Form {
    provider: Provider,
    object_ref: String,
    kind: String,
}

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
    /// Who takes money here and was never compared with.
    missing: Vec<&'static str>,
    /// How many sales the latest comparisons asked about: whatever comes of that is not in them.
    asked: i64,
    is_closed: bool,
}

impl AdminReconciliation {
    /// What it means that there are no differences.
    fn verdict(&self) -> String {
        match (self.missing.as_slice(), self.asked) {
            _ if self.comparisons.is_empty() => self.page.text("reconciliation-never"),
            ([], 0) => self.page.text("reconciliation-none"),
            ([], asked) => self.page.text1("reconciliation-none-asked", "sales", asked),
            (missing, _) => self.page.text1("reconciliation-not-yet", "providers", missing.join(", ")),
        }
    }

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
pub(crate) async fn show(State(app): State<App>, page: Page, Wish(asked): Wish<Asked>) -> Result<Response, Problem> {
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
    let latest: Vec<(Provider, i32)> = sqlx::query_as(
        "select distinct on (provider) provider, asked from school.reconciliations order by provider, finished_at desc",
    )
    .fetch_all(&app.db)
    .await
    .doing("looking up the latest comparisons")?;
    let is_missing = |provider: &Provider| !latest.iter().any(|(compared, _)| compared == provider);
    let missing = app.settings.providers().into_iter().filter(is_missing).map(Provider::brand).collect();
    let asked_about: i64 = latest.iter().map(|(_, asked)| i64::from(*asked)).sum();
    let is_closed = matches!(asked.done, Some(Done::Closed));
    render(StatusCode::OK, &AdminReconciliation { page, differences, comparisons, missing, asked: asked_about, is_closed })
}

/// Closes a difference that somebody has looked at.
pub(crate) async fn submit_close(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    Sent(form): Sent<Form>,
) -> Result<Response, Problem> {
    let admin = visit.person().ok_or(Problem::NotSignedIn)?.id;
    let Form { provider, object_ref, kind } = form;
    close_difference(&app.db, provider, &object_ref, &kind, admin).await.doing("closing a difference")?;
    Ok(see_other("/admin/reconciliation?done=closed"))
}
