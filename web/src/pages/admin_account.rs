//! `GET /admin/accounts/{id}`, `POST /admin/accounts/{id}`: one account, and what is changed about it.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, Path, State},
    http::StatusCode,
    response::Response,
};
use chrono_tz::Tz;
use jobs::accounts::{
    amend::{AmendError, Amended, Amendment, By, Whose, amend, history},
    role::Role,
    time_zone,
    user::{User, UserId},
};
use serde::Deserialize;

use crate::{
    app::App,
    forms::{Field, Sent, Wish},
    page::{Page, key, render, see_other},
    paths,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// How many changes stand on the page.
const CHANGES: i64 = 20;

/// What the address says of what was done before.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    done: String,
}

/// What the form sends: what there is to be, and what the page had shown, so that nobody undoes what they have not seen.
#[derive(Debug, Deserialize)]
pub(crate) struct Form {
    role: String,
    was_role: String,
    time_zone: String,
    was_time_zone: String,
    /// `open` or `closed`.
    standing: String,
    was_standing: String,
}

#[derive(Template)]
#[template(path = "admin_account.html")]
struct AdminAccount {
    page: Page,
    person: User,
    client: Option<String>,
    changes: Vec<Amended>,
    /// What the form proposes.
    role: Role,
    time_zone: Field,
    is_closed: bool,
    /// What was done.
    done: Option<String>,
    /// Why nothing was.
    refused: Option<String>,
}

impl AdminAccount {
    async fn load(app: &App, page: Page, id: UserId) -> Result<Self, Problem> {
        const DOING: &str = "looking up an account";
        let person = User::find(&app.db, id).await.doing(DOING)?.ok_or(Problem::NotFound)?;
        let client: Option<String> = sqlx::query_scalar(
            "select c.name from desk.contacts k join desk.clients c on c.id = k.client_id where k.user_id = $1",
        )
        .bind(id)
        .fetch_optional(&app.db)
        .await
        .doing(DOING)?;
        let changes = history(&app.db, id, CHANGES).await.doing(DOING)?;
        Ok(Self {
            page,
            client,
            changes,
            role: person.role,
            time_zone: Field::of(&person.time_zone),
            is_closed: person.disabled_at.is_some(),
            person,
            done: None,
            refused: None,
        })
    }

    fn is_role(&self, role: &Role) -> bool {
        self.role == *role
    }

    /// The word for whether the account is closed, as the form sends it.
    fn standing(&self) -> &'static str {
        if self.person.disabled_at.is_some() { "closed" } else { "open" }
    }

    fn zones() -> impl Iterator<Item = &'static str> {
        time_zone::places()
    }

    /// What a change came to, in the reader's words.
    fn became(&self, change: &Amended) -> String {
        let role = change.role.as_deref().and_then(|role| role.parse().ok()).map(|role: Role| self.page.role(&role));
        let closed = change
            .closed
            .map(|closed| self.page.text(if closed { key("account-was-closed") } else { key("account-was-opened") }));
        let parts: Vec<String> = [role, change.time_zone.clone(), closed].into_iter().flatten().collect();
        parts.join(" · ")
    }
}

/// Shows the account.
pub(crate) async fn show(
    State(app): State<App>,
    page: Page,
    Path(id): Path<String>,
    Wish(asked): Wish<Asked>,
) -> Result<Response, Problem> {
    let mut shown = AdminAccount::load(&app, page, number(&id)?).await?;
    shown.done = match &*asked.done {
        "saved" => Some(shown.page.text("rules-saved")),
        "nothing" => Some(shown.page.text("account-nothing-changed")),
        _ => None,
    };
    render(StatusCode::OK, &shown)
}

/// Changes it, by the code that `worker accounts change` uses; or shows the form again with why not.
pub(crate) async fn submit(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Path(id): Path<String>,
    Sent(form): Sent<Form>,
) -> Result<Response, Problem> {
    let admin = visit.person().ok_or(Problem::NotSignedIn)?;
    let id = number(&id)?;
    let wanted = form.read()?;
    let Some(amendment) = wanted.amendment else {
        return wanted.again(AdminAccount::load(&app, page, id).await?, &form, Refusal::NoZone);
    };
    let here = page.to(paths::ADMIN_ACCOUNT, "id", id);
    if amendment.is_empty() {
        return Ok(see_other(&format!("{here}?done=nothing")));
    }
    let why = match amend(&app.db, Whose::Id(id), amendment, By::Person(admin)).await {
        // Who administrates no more has no business on this page either.
        Ok(user) if user.id == admin.id && user.role != Role::Admin => return Ok(see_other(page.at(paths::ACCOUNT))),
        Ok(_) => return Ok(see_other(&format!("{here}?done=saved"))),
        Err(AmendError::NoSuchAccount(_)) => return Err(Problem::NotFound),
        Err(AmendError::LastAdmin) => Refusal::LastAdmin,
        Err(AmendError::UnknownZone(_)) => Refusal::NoZone,
        Err(AmendError::Postgres(error)) => return Err(error).doing("changing an account"),
    };
    wanted.again(AdminAccount::load(&app, page, id).await?, &form, why)
}

/// What a form asks for.
struct Asks {
    role: Role,
    is_closed: bool,
    /// Nothing: its zone is none.
    amendment: Option<Amendment>,
}

enum Refusal {
    NoZone,
    LastAdmin,
}

impl Form {
    /// Reads it. What stands as the page had shown it is not to be different.
    fn read(&self) -> Result<Asks, Problem> {
        // Choices that none of our forms offers.
        let role: Role = self.role.parse().map_err(|_| Problem::BadRequest)?;
        let is_closed = match &*self.standing {
            "open" => false,
            "closed" => true,
            _ => return Err(Problem::BadRequest),
        };
        let zone: Option<Option<Tz>> =
            if self.time_zone.trim() == self.was_time_zone { Some(None) } else { time_zone::parse(&self.time_zone).map(Some) };
        let amendment = zone.map(|time_zone| Amendment {
            role: (self.role != self.was_role).then_some(role),
            time_zone,
            closed: (self.standing != self.was_standing).then_some(is_closed),
        });
        Ok(Asks { role, is_closed, amendment })
    }
}

impl Asks {
    /// The page with what was typed, and why it was not done.
    fn again(self, mut shown: AdminAccount, form: &Form, why: Refusal) -> Result<Response, Problem> {
        (shown.role, shown.is_closed, shown.time_zone) = (self.role, self.is_closed, Field::of(&form.time_zone));
        match why {
            Refusal::NoZone => {
                shown.time_zone.problem = Some(shown.page.text("schedule-bad-zone"));
                shown.time_zone.is_first_problem = true;
                render(StatusCode::UNPROCESSABLE_ENTITY, &shown)
            }
            Refusal::LastAdmin => {
                shown.refused = Some(shown.page.text("account-last-admin"));
                render(StatusCode::CONFLICT, &shown)
            }
        }
    }
}

fn number(id: &str) -> Result<UserId, Problem> {
    id.parse().map(UserId).map_err(|_| Problem::NotFound)
}
