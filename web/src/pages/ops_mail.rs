//! `GET /ops/mail`, `POST /ops/mail`, `POST /ops/mail/{id}/lift`: addresses that get no letters, why, and how that ends.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, Path, State},
    http::StatusCode,
    response::Response,
};
use jobs::{
    accounts::email_address::EmailAddress,
    mail::suppression::{self, Cause, Suppression},
    text::line,
};
use serde::Deserialize;
use url::form_urlencoded;

use super::{new_ticket::text_problem, register::email_problem};
use crate::{
    app::App,
    forms::{Field, Sent, Wish, mark_first_problem},
    page::{Page, cut, key, render, see_other},
    paths,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// How many suppressions stand on a page.
const LIMIT: i64 = 50;

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    address: String,
    before: Option<i64>,
    #[serde(default)]
    done: String,
}

/// The most characters that an operator's reason may have.
const MAX_WHY_CHARS: usize = 300;

/// What the form that suppresses an address sends.
#[derive(Debug, Deserialize)]
pub(crate) struct Form {
    suppressed: String,
    why: String,
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
    was_added: bool,
    /// The form that suppresses an address.
    suppressed: Field,
    why: Field,
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
    render(StatusCode::OK, &listed(&app, page, &asked).await?)
}

async fn listed(app: &App, page: Page, asked: &Asked) -> Result<OpsMail, Problem> {
    const DOING: &str = "listing suppressions";
    let address: String = asked.address.trim().chars().filter(|c| *c != '\0').take(254).collect();
    let mut db = app.db.acquire().await.doing(DOING)?;
    let suppressions = suppression::list(&mut db, &address, asked.before, LIMIT + 1).await.doing(DOING)?;
    let (suppressions, has_more) = cut(suppressions, LIMIT);
    Ok(OpsMail {
        page,
        address,
        next: suppressions.last().filter(|_| has_more).map(|last| last.id),
        suppressions,
        is_first: asked.before.is_none(),
        was_lifted: asked.done == "lifted",
        was_added: asked.done == "added",
        suppressed: Field::default(),
        why: Field::default(),
    })
}

/// Lets no more letters go to an address; or shows the form again with what is wrong beside each field.
pub(crate) async fn add(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Sent(form): Sent<Form>,
) -> Result<Response, Problem> {
    const DOING: &str = "suppressing an address";
    let operator = visit.person().ok_or(Problem::NotSignedIn)?;
    let (address, why) = (EmailAddress::parse(&form.suppressed), line(&form.why, MAX_WHY_CHARS));
    let mut suppressed =
        Field { problem: address.as_ref().err().map(|what| email_problem(&page, *what)), ..Field::of(&form.suppressed) };
    if let (Ok(address), Ok(why)) = (&address, &why) {
        let mut db = app.db.acquire().await.doing(DOING)?;
        if suppression::suppress_by_hand(&mut db, address, why, operator.id).await.doing(DOING)? {
            return Ok(see_other(&format!("{}?done=added", page.at(paths::OPS_MAIL))));
        }
        suppressed.problem = Some(page.text("suppression-already"));
    }
    let why = Field { problem: why.err().map(|what| text_problem(&page, what)), ..Field::of(&form.why) };
    let mut again = OpsMail { suppressed, why, ..listed(&app, page, &Asked::default()).await? };
    mark_first_problem(&mut [&mut again.suppressed, &mut again.why]);
    render(StatusCode::UNPROCESSABLE_ENTITY, &again)
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
