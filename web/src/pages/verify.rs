//! `GET /verificar`, `POST /verificar`: the link in the letter. Looking changes nothing, because programs that look for danger in
//! mail open every link; pressing the button does.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, State},
    http::StatusCode,
    response::Response,
};
use chrono::Utc;
use jobs::accounts::{
    user::{User, Verified},
    verification::{Claim, LinkProblem},
};
use serde::Deserialize;

use crate::{
    app::App,
    forms::{Sent, Wish},
    page::{Page, render, see_other},
    paths,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// What the link says, and the form after it.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    token: String,
}

#[derive(Template)]
#[template(path = "verify.html")]
struct Verify {
    page: Page,
    token: String,
    standing: Standing,
}

/// What the link is worth.
#[derive(Debug)]
enum Standing {
    Good { email: String },
    Used,
    Expired,
    Forged,
}

impl Standing {
    fn is_good(&self) -> bool {
        matches!(self, Self::Good { .. })
    }

    /// Whether nothing is wrong: the address can be verified, or is.
    fn is_sound(&self) -> bool {
        matches!(self, Self::Good { .. } | Self::Used)
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Good { .. } | Self::Used => StatusCode::OK,
            Self::Expired => StatusCode::GONE,
            Self::Forged => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }
}

impl From<LinkProblem> for Standing {
    fn from(problem: LinkProblem) -> Self {
        match problem {
            LinkProblem::Forged => Self::Forged,
            LinkProblem::Expired => Self::Expired,
        }
    }
}

/// Shows the button, or why there is none.
pub(crate) async fn show(State(app): State<App>, page: Page, Wish(asked): Wish<Asked>) -> Result<Response, Problem> {
    let standing = match prove(&app, &asked.token).await? {
        Err(problem) => problem.into(),
        Ok((_, user)) if user.email_verified_at.is_some() => Standing::Used,
        Ok((_, user)) => Standing::Good { email: user.email.to_string() },
    };
    render(standing.status(), &Verify { page, token: asked.token, standing })
}

/// Records that the address is theirs.
pub(crate) async fn submit(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Sent(asked): Sent<Asked>,
) -> Result<Response, Problem> {
    const DOING: &str = "verifying an address";
    let (claim, user) = match prove(&app, &asked.token).await? {
        Ok(proven) => proven,
        Err(problem) => {
            let standing = Standing::from(problem);
            return render(standing.status(), &Verify { page, token: String::new(), standing });
        }
    };
    let mut tx = app.db.begin().await.doing(DOING)?;
    let verified = User::verify_email(&mut tx, claim.user_id, &user.email).await.doing(DOING)?;
    tx.commit().await.doing(DOING)?;
    match verified {
        Some(Verified::Now) => {
            let is_theirs = visit.person().is_some_and(|person| person.id == claim.user_id);
            let next = if is_theirs { paths::ACCOUNT } else { paths::LOGIN };
            Ok(see_other(&format!("{}?done=verified", page.at(next))))
        }
        Some(Verified::Before) => render(StatusCode::OK, &Verify { page, token: String::new(), standing: Standing::Used }),
        None => {
            let standing = Standing::Forged;
            render(standing.status(), &Verify { page, token: String::new(), standing })
        }
    }
}

async fn prove(app: &App, token: &str) -> Result<Result<(Claim, User), LinkProblem>, Problem> {
    let claim = match app.verification.read(token) {
        Ok(claim) => claim,
        Err(problem) => return Ok(Err(problem)),
    };
    let Some(user) = User::find(&app.db, claim.user_id).await.doing("looking up whose link it is")? else {
        return Ok(Err(LinkProblem::Forged));
    };
    Ok(app.verification.prove(&claim, &user.email, Utc::now()).map(|()| (claim, user)))
}
