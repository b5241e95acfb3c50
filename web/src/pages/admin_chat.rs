//! `GET`, `POST /admin/chat`, `POST /admin/chat/{name}/test`, `…/enable`, `…/forget`: channels of the chat, and the webhooks that open them. A webhook goes in
//! and never comes out.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, Path, State},
    http::StatusCode,
    response::Response,
};
use jobs::{
    accounts::user::UserId,
    chat::{
        channel::{self, Channel, ChannelError, ChannelName},
        webhook::{Webhook, WebhookProblem},
    },
    help_desk::say_alerts,
    operators::watch_platform,
};
use queue::JobId;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    app::App,
    forms::{Field, Sent, Wish, mark_first_problem},
    page::{Page, key, render, see_other},
    paths,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// Channels that something is said in without anybody naming them.
const KNOWN: [(&str, &str); 2] =
    [(watch_platform::CHANNEL, key("chat-for-operators")), (say_alerts::CHANNEL, key("chat-for-desk"))];

/// What the address says of what was done before.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    done: String,
    job: Option<Uuid>,
}

/// What the form sends.
#[derive(Debug, Deserialize)]
pub(crate) struct Form {
    name: String,
    webhook: SecretString,
}

#[derive(Template)]
#[template(path = "admin_chat.html")]
struct AdminChat {
    page: Page,
    channels: Vec<Channel>,
    /// Channels of ours that nobody has given a webhook here.
    missing: Vec<(&'static str, &'static str)>,
    done: Option<String>,
    /// The trial that was promised.
    job: Option<JobId>,
    name: Field,
    /// Never what was typed.
    webhook: Field,
}

impl AdminChat {
    async fn load(app: &App, page: Page, asked: &Asked) -> Result<Self, Problem> {
        let channels = Channel::all(&app.db).await.doing("listing channels of the chat")?;
        let is_set = |name: &str| channels.iter().any(|channel| channel.name == name);
        let done = match asked.done.as_str() {
            "set" => Some(key("chat-was-set")),
            "enabled" => Some(key("chat-was-enabled")),
            "forgotten" => Some(key("chat-was-forgotten")),
            "tried" => Some(key("chat-was-tried")),
            _ => None,
        };
        Ok(Self {
            missing: KNOWN.into_iter().filter(|(name, _)| !is_set(name)).collect(),
            done: done.map(|key| page.text(key)),
            job: asked.job.map(JobId),
            page,
            channels,
            name: Field::default(),
            webhook: Field::default(),
        })
    }

    /// What a channel is for, where that is ours to say.
    fn what_for(name: &str) -> Option<&'static str> {
        KNOWN.iter().find(|(known, _)| *known == name).map(|(_, words)| *words)
    }

    /// How a channel looks and is called: the class of its colour, its icon, its word.
    fn look(channel: &Channel) -> (&'static str, &'static str, &'static str) {
        if channel.disabled_at.is_some() {
            ("dead", "ban", key("chat-disabled"))
        } else if channel.quiet_until.is_some() {
            ("scheduled", "pause", key("chat-quiet"))
        } else {
            ("completed", "circle-check", key("chat-enabled"))
        }
    }
}

/// Shows them.
pub(crate) async fn show(State(app): State<App>, page: Page, Wish(asked): Wish<Asked>) -> Result<Response, Problem> {
    render(StatusCode::OK, &AdminChat::load(&app, page, &asked).await?)
}

/// Sets the webhook of a channel; or shows the form again with what is wrong beside each field.
pub(crate) async fn submit(
    State(app): State<App>,
    visit: Extension<Arc<Visit>>,
    page: Page,
    Sent(form): Sent<Form>,
) -> Result<Response, Problem> {
    let name = ChannelName::parse(form.name.trim());
    let webhook = Webhook::parse(form.webhook.expose_secret(), &app.settings.chat_origins);
    let mut name_field = Field::of(&form.name);
    let mut webhook_field = Field::default();
    if let (Some(name), Ok(webhook)) = (&name, &webhook) {
        match in_one(&app, &visit, async |tx, by| channel::set_webhook(tx, by, name, webhook).await).await {
            Err(ChannelError::NoKeys) => webhook_field.problem = Some(page.text(key("chat-no-keys"))),
            done => return done.doing("setting a webhook").map(|()| done_so("set")),
        }
    }
    if name.is_none() {
        name_field.problem = Some(page.text(key("chat-bad-name")));
    }
    webhook_field.problem = webhook_field.problem.or(match webhook {
        Ok(_) => None,
        Err(WebhookProblem::NoAddress) => Some(page.text(key("chat-no-address"))),
        Err(WebhookProblem::Elsewhere) => Some(page.text(key("chat-elsewhere"))),
    });
    let mut again = AdminChat::load(&app, page, &Asked::default()).await?;
    (again.name, again.webhook) = (name_field, webhook_field);
    mark_first_problem(&mut [&mut again.name, &mut again.webhook]);
    render(StatusCode::UNPROCESSABLE_ENTITY, &again)
}

/// Promises that a trial is said there.
pub(crate) async fn submit_test(
    State(app): State<App>,
    visit: Extension<Arc<Visit>>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let name = known(&name)?;
    let job = in_one(&app, &visit, async |tx, by| channel::try_out(tx, by, &name).await).await.doing("promising a trial")?;
    Ok(see_other(&format!("{}?done=tried&job={job}", paths::ADMIN_CHAT.at(jobs::accounts::locale::Locale::Es))))
}

/// Uses it again.
pub(crate) async fn submit_enable(
    State(app): State<App>,
    visit: Extension<Arc<Visit>>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let name = known(&name)?;
    let done = in_one(&app, &visit, async |tx, by| channel::enable(tx, by, &name).await).await;
    done.doing("enabling a channel").map(|()| done_so("enabled"))
}

/// Forgets the webhook that was set here.
pub(crate) async fn submit_forget(
    State(app): State<App>,
    visit: Extension<Arc<Visit>>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let name = known(&name)?;
    let done = in_one(&app, &visit, async |tx, by| channel::forget_webhook(tx, by, &name).await).await;
    done.doing("forgetting a webhook").map(|()| done_so("forgotten"))
}

fn known(name: &str) -> Result<ChannelName, Problem> {
    ChannelName::parse(name).ok_or(Problem::NotFound)
}

fn done_so(what: &str) -> Response {
    see_other(&format!("{}?done={what}", paths::ADMIN_CHAT.at(jobs::accounts::locale::Locale::Es)))
}

/// Does it in one transaction, in the visitor's name.
async fn in_one<T>(
    app: &App,
    visit: &Visit,
    does: impl AsyncFnOnce(&mut PgConnection, UserId) -> Result<T, ChannelError>,
) -> Result<T, ChannelError> {
    // The guard has let nobody in who is not signed in.
    let by = visit.person().ok_or(ChannelError::NoSuchChannel)?.id;
    let mut tx = app.db.begin().await?;
    let done = does(&mut tx, by).await?;
    tx.commit().await?;
    Ok(done)
}
