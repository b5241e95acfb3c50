//! `GET /admin/accounts`: the people, what each is to the house, and who may come in.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use jobs::accounts::{
    amend::{Listed, Wanted, list},
    role::Role,
};
use serde::Deserialize;

use crate::{
    app::App,
    forms::Wish,
    page::{Page, cut, render},
    paths,
    problem::{Doing as _, Problem},
};

/// How many accounts stand on a page.
const LIMIT: i64 = 50;

/// What the address asks for. Words that mean nothing count as not said.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    /// A part of a name or an address.
    #[serde(default)]
    find: String,
    #[serde(default)]
    role: String,
    /// `open` or `closed`.
    #[serde(default)]
    standing: String,
    /// The last address of the page before.
    #[serde(default)]
    after: String,
}

#[derive(Template)]
#[template(path = "admin_accounts.html")]
struct AdminAccounts {
    page: Page,
    accounts: Vec<Listed>,
    asked: Asked,
    has_more: bool,
}

impl AdminAccounts {
    fn is_role(&self, role: &Role) -> bool {
        self.asked.role == role.as_str()
    }

    fn is_standing(&self, word: &str) -> bool {
        self.asked.standing == word
    }

    fn is_first(&self) -> bool {
        self.asked.after.is_empty()
    }

    /// The address of the list with what is asked for, after an address.
    fn address(&self, after: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let Asked { find, role, standing, .. } = &self.asked;
        for (name, value) in [("find", &**find), ("role", role), ("standing", standing), ("after", after)] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        format!("{}?{}", self.page.at(paths::ADMIN_ACCOUNTS), query.finish())
    }

    fn next(&self) -> Option<String> {
        self.accounts.last().filter(|_| self.has_more).map(|last| self.address(&last.email))
    }
}

/// Shows the list.
pub(crate) async fn show(State(app): State<App>, page: Page, Wish(mut asked): Wish<Asked>) -> Result<Response, Problem> {
    let line = |text: &str, most| text.trim().chars().filter(|c| !c.is_control()).take(most).collect::<String>();
    (asked.find, asked.after) = (line(&asked.find, 200), line(&asked.after, 254));
    let role: Option<Role> = asked.role.parse().ok();
    let closed = match &*asked.standing {
        "open" => Some(false),
        "closed" => Some(true),
        _ => None,
    };
    let wanted = Wanted { find: &asked.find, role, closed };
    let accounts = list(&app.db, wanted, &asked.after, LIMIT + 1).await.doing("listing accounts")?;
    let (accounts, has_more) = cut(accounts, LIMIT);
    render(StatusCode::OK, &AdminAccounts { page, accounts, asked, has_more })
}
