//! `POST /cursos/{slug}/comprar`: takes up a course.

use std::sync::Arc;

use axum::{
    extract::{Extension, Path, State},
    response::Response,
};
use jobs::{
    courses::course::Course,
    payments::{
        purchase::{Bought, buy},
        sale::Provider,
    },
};
use serde::Deserialize;

use crate::{
    app::App,
    forms::Sent,
    page::{Page, see_other},
    paths,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// What the form sends. A free course needs no provider.
#[derive(Debug, Deserialize)]
pub(crate) struct Form {
    provider: Option<Provider>,
}

/// Takes it up, and leads to where it is paid; of a free course, back to it.
pub(crate) async fn submit(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Path(slug): Path<String>,
    Sent(form): Sent<Form>,
) -> Result<Response, Problem> {
    let person = visit.person().ok_or(Problem::NotSignedIn)?;
    let (buyer, role) = (person.id, person.role);
    let course = Course::find(&app.db, &slug).await.doing("looking up a course")?.ok_or(Problem::NotFound)?;
    if course.is_taught_by(buyer, role) {
        return Ok(see_other(&page.to(paths::COURSE, "slug", &course.slug)));
    }
    let provider = form.provider.filter(|provider| app.settings.providers().contains(provider)).unwrap_or(Provider::Free);
    let bought = buy(&app.db, buyer, course.id, provider, page.locale).await.doing("taking up a course")?;
    let done = match bought {
        Bought::Checkout(sale) => return Ok(see_other(&page.to(paths::PURCHASE_PAY, "id", sale))),
        // The page of that purchase says why there is nothing to be paid.
        Bought::InReview(sale) | Bought::OnItsWay(sale) => return Ok(see_other(&page.to(paths::PURCHASE, "id", sale))),
        Bought::Enrolled(_) => "enrolled",
        Bought::Already => "already",
        Bought::NotForSale => "unsold",
    };
    Ok(see_other(&format!("{}?done={done}", page.to(paths::COURSE, "slug", &course.slug))))
}
