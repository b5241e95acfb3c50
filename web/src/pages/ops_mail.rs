//! `GET /ops/mail`, `POST /ops/mail/{id}/lift`: addresses that get no letters, why, and how that ends.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, Path, State},
    http::StatusCode,
    response::Response,
};
use jobs::mail::suppression::{self, Cause, Suppression};
use serde::Deserialize;
use url::form_urlencoded;

use crate::{
    app::App,
    forms::Wish,
    page::{Page, key, render, see_other},
    paths,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// How many suppressions stand on a page.
const LIMIT: usize = 50;

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    address: String,
    before: Option<i64>,
    #[serde(default)]
    done: String,
}

#[derive(Template)]
#[template(path = "ops_mail.html")]
struct OpsMail {
    page: Page,
    address: String,
    suppressions: Vec<Suppression>,
    next: Option<i64>,
    is_first: bool,
    was_lifted: bool,
}

impl OpsMail {
    /// Nobody's typing is disturbed.
    #[expect(clippy::unused_self, reason = "templates ask the page for everything")]
    fn refresh_s(&self) -> u64 {
        0
    }

    fn cause(suppression: &Suppression) -> &'static str {
        match suppression.cause {
            Cause::HardBounce => key("suppression-hard-bounce"),
            Cause::SoftBounces => key("suppression-soft-bounces"),
            Cause::Complaint => key("suppression-complaint"),
            Cause::Operator => key("suppression-operator"),
        }
    }

    fn next_page(&self) -> Option<String> {
        let before = self.next?.to_string();
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("address", &self.address)
            .append_pair("before", &before)
            .finish();
        Some(format!("{}?{query}", self.page.at(paths::OPS_MAIL)))
    }
}

/// Shows them, the newest first.
pub(crate) async fn show(State(app): State<App>, page: Page, Wish(asked): Wish<Asked>) -> Result<Response, Problem> {
    const DOING: &str = "listing suppressions";
    let address: String = asked.address.trim().chars().filter(|c| *c != '\0').take(254).collect();
    let mut db = app.db.acquire().await.doing(DOING)?;
    let mut suppressions = suppression::list(&mut db, &address, asked.before, LIMIT as i64 + 1).await.doing(DOING)?;
    let has_more = suppressions.len() > LIMIT;
    suppressions.truncate(LIMIT);
    let shown = OpsMail {
        page,
        address,
        next: suppressions.last().filter(|_| has_more).map(|last| last.id),
        suppressions,
        is_first: asked.before.is_none(),
        was_lifted: asked.done == "lifted",
    };
    render(StatusCode::OK, &shown)
}

/// Lets letters go there again.
pub(crate) async fn lift(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    const DOING: &str = "lifting a suppression";
    let operator = visit.person().ok_or(Problem::NotSignedIn)?;
    let mut db = app.db.acquire().await.doing(DOING)?;
    if !suppression::lift(&mut db, id, operator.id).await.doing(DOING)? {
        return Err(Problem::NotFound);
    }
    Ok(see_other(&format!("{}?done=lifted", page.at(paths::OPS_MAIL))))
}
