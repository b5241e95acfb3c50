//! `GET`, `POST /plazos` and `/clientes/{id}/plazos`: what is promised for each priority, to everybody or to a client; `POST /plazos/seguir`: clocks go on
//! following a change.

use std::{collections::BTreeMap, sync::Arc};

use askama::Template;
use axum::{
    extract::{Extension, Path, State},
    http::StatusCode,
    response::Response,
};
use jobs::help_desk::{
    client::Client,
    number::ClientId,
    policy::{Policy, Sheet},
    rule_change::follow_again,
    words::Priority,
};

use super::{
    client_form::number,
    desk_rules::{Done, Said, in_one, minutes, refusal, saved, span},
    tickets::actor,
};
use crate::{
    app::App,
    forms::{Field, Sent, Wish, mark_first_problem},
    page::{Page, key, render, see_other},
    paths,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// The most escalations that a policy has.
const MOST_ESCALATIONS: usize = 8;

/// What the form sends: for each priority a few fields, whose names begin with it.
pub(crate) type Form = BTreeMap<String, String>;

/// What the form says of a priority.
struct Line {
    priority: Priority,
    /// Whether there is a policy; else the next one counts.
    is_set: bool,
    revision: i32,
    first: Field,
    resolution: Field,
    warn: Field,
    escalate: Field,
    pauses: bool,
    /// What counts where there is none: minutes until an answer and until a solution.
    otherwise: Option<(Option<i32>, Option<i32>)>,
}

#[derive(Template)]
#[template(path = "policies.html")]
struct Policies {
    page: Page,
    said: Said,
    /// None: everybody's.
    client: Option<(ClientId, String)>,
    lines: Vec<Line>,
    refused: Option<String>,
}

impl Policies {
    async fn load(app: &App, page: Page, client: Option<ClientId>, done: &Done) -> Result<Self, Problem> {
        const DOING: &str = "looking up policies";
        let said = Said::of(app, &page, done).await?;
        let mut tx = app.db.begin().await.doing(DOING)?;
        let client = match client {
            Some(id) => Some(Client::find(&mut tx, id).await.doing(DOING)?),
            None => None,
        };
        let there = Policy::all(&mut *tx, client.as_ref().map(|client| client.id)).await.doing(DOING)?;
        let everybodys = Policy::all(&mut *tx, None).await.doing(DOING)?;
        let lines = Priority::ALL.iter().rev().map(|priority| {
            let of = |policies: &[(Policy, i32)]| policies.iter().find(|(policy, _)| policy.priority == *priority).cloned();
            let otherwise = client.as_ref().map(|client| match of(&everybodys) {
                Some((policy, _)) => (policy.first_response_minutes, policy.resolution_minutes),
                None => (Some(client.response_minutes), None),
            });
            Line::of(*priority, of(&there), otherwise)
        });
        let lines = lines.collect();
        Ok(Self { page, said, client: client.map(|client| (client.id, client.name)), lines, refused: None })
    }

    fn id(&self) -> Option<ClientId> {
        self.client.as_ref().map(|(id, _)| *id)
    }

    /// Where the form is sent, and what it leads back to.
    fn address(&self) -> String {
        match self.id() {
            Some(id) => self.page.to(paths::CLIENT_POLICIES, "id", id),
            None => self.page.at(paths::POLICIES).to_owned(),
        }
    }

    /// Takes over what was typed, and what is wrong with it; the policies, if nothing is.
    fn read(&mut self, form: &Form) -> Result<Option<Sheet>, Problem> {
        let client = self.id();
        let mut policies = Vec::new();
        for line in &mut self.lines {
            let policy = line.read(&self.page, client, form)?;
            policies.push((line.priority, policy, line.revision));
        }
        let is_wrong = self.mark();
        Ok((!is_wrong).then_some(Sheet { client, lines: policies }))
    }

    fn mark(&mut self) -> bool {
        let fields =
            self.lines.iter_mut().flat_map(|line| [&mut line.first, &mut line.resolution, &mut line.warn, &mut line.escalate]);
        mark_first_problem(&mut fields.collect::<Vec<_>>())
    }
}

impl Line {
    fn of(priority: Priority, there: Option<(Policy, i32)>, otherwise: Option<(Option<i32>, Option<i32>)>) -> Self {
        let typed = |minutes: Option<i32>| Field::of(&minutes.map(|minutes| minutes.to_string()).unwrap_or_default());
        let is_set = there.is_some();
        let (policy, revision) = there.map_or((None, 0), |(policy, revision)| (Some(policy), revision));
        let escalate: Vec<String> = match &policy {
            Some(policy) => policy.escalate_minutes.iter().map(ToString::to_string).collect(),
            None => vec!["60".to_owned()],
        };
        Self {
            priority,
            is_set,
            revision,
            first: typed(policy.as_ref().and_then(|policy| policy.first_response_minutes)),
            resolution: typed(policy.as_ref().and_then(|policy| policy.resolution_minutes)),
            warn: typed(Some(policy.as_ref().map_or(30, |policy| policy.warn_minutes))),
            escalate: Field::of(&escalate.join(", ")),
            pauses: policy.is_none_or(|policy| policy.pauses_while_waiting),
            otherwise,
        }
    }

    /// The name of a field of this priority's.
    fn name(&self, field: &str) -> String {
        format!("{}_{field}", self.priority)
    }

    fn read(&mut self, page: &Page, client: Option<ClientId>, form: &Form) -> Result<Option<Policy>, Problem> {
        // A form that lacks a field was not made by a page of ours; a box that is not ticked is not sent.
        let sent = |field: &str| form.get(&self.name(field)).map(String::as_str).ok_or(Problem::BadRequest);
        let revision = sent("revision")?.parse().map_err(|_| Problem::BadRequest)?;
        let (first, first_minutes) = minutes(page, sent("first")?, 1);
        let (resolution, resolution_minutes) = minutes(page, sent("resolution")?, 1);
        let (mut warn, warn_minutes) = minutes(page, sent("warn")?, 0);
        if warn.value.is_empty() {
            warn.problem = Some(page.text1(key("minutes-bad"), "least", 0));
        }
        let (escalate, escalate_minutes) = escalations(page, sent("escalate")?);
        let (is_set, pauses) = (form.contains_key(&self.name("set")), form.contains_key(&self.name("pauses")));
        *self =
            Self { is_set, revision, first, resolution, warn, escalate, pauses, ..Self::of(self.priority, None, self.otherwise) };
        if !is_set {
            // What nobody will use need not be right.
            for field in [&mut self.first, &mut self.resolution, &mut self.warn, &mut self.escalate] {
                field.problem = None;
            }
            return Ok(None);
        }
        Ok(Some(Policy {
            client,
            priority: self.priority,
            first_response_minutes: first_minutes,
            resolution_minutes,
            warn_minutes: warn_minutes.unwrap_or_default(),
            escalate_minutes,
            pauses_while_waiting: pauses,
        }))
    }

    /// What counts where there is no policy of the client's own.
    fn otherwise(&self, page: &Page) -> Option<String> {
        let nothing = || page.text(key("policy-nothing"));
        let (first, resolution) = self.otherwise?;
        let (first, resolution) = (first.map_or_else(nothing, span), resolution.map_or_else(nothing, span));
        let (answer, solution) = (page.text(key("promise-first-response")), page.text(key("promise-resolution")));
        Some(format!("{answer}: {first} · {solution}: {resolution}"))
    }
}

/// Minutes after the deadline, separated by commas.
fn escalations(page: &Page, typed: &str) -> (Field, Vec<i32>) {
    let read: Vec<(Field, Option<i32>)> =
        typed.split(',').filter(|part| !part.trim().is_empty()).map(|part| minutes(page, part, 1)).collect();
    let problem = if read.len() > MOST_ESCALATIONS {
        Some(page.text1(key("policy-too-many-escalations"), "most", MOST_ESCALATIONS))
    } else {
        read.iter().find_map(|(field, _)| field.problem.clone())
    };
    (Field { problem, ..Field::of(typed) }, read.into_iter().filter_map(|(_, minutes)| minutes).collect())
}

/// Shows everybody's.
pub(crate) async fn show(State(app): State<App>, page: Page, Wish(done): Wish<Done>) -> Result<Response, Problem> {
    render(StatusCode::OK, &Policies::load(&app, page, None, &done).await?)
}

/// Shows a client's.
pub(crate) async fn show_of_client(
    State(app): State<App>,
    page: Page,
    Path(id): Path<String>,
    Wish(done): Wish<Done>,
) -> Result<Response, Problem> {
    render(StatusCode::OK, &Policies::load(&app, page, Some(number(&id)?), &done).await?)
}

/// Writes everybody's.
pub(crate) async fn submit(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Sent(form): Sent<Form>,
) -> Result<Response, Problem> {
    keep(&app, &visit, Policies::load(&app, page, None, &Done::default()).await?, &form).await
}

/// Writes a client's.
pub(crate) async fn submit_of_client(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Path(id): Path<String>,
    Sent(form): Sent<Form>,
) -> Result<Response, Problem> {
    let id = Some(number(&id)?);
    keep(&app, &visit, Policies::load(&app, page, id, &Done::default()).await?, &form).await
}

async fn keep(app: &App, visit: &Visit, mut policies: Policies, form: &Form) -> Result<Response, Problem> {
    let actor = actor(app, visit).await?;
    let Some(sheet) = policies.read(form)? else { return render(StatusCode::UNPROCESSABLE_ENTITY, &policies) };
    match in_one(app, async |tx, at| sheet.write(tx, at, &actor).await).await {
        Ok(followed) => Ok(saved(&policies.address(), followed)),
        Err(error) => {
            policies.refused = Some(refusal(&policies.page, error).doing("writing policies")?);
            render(StatusCode::CONFLICT, &policies)
        }
    }
}

/// Has clocks go on following the last change, if nobody has them do so any more.
pub(crate) async fn follow(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
) -> Result<Response, Problem> {
    let actor = actor(&app, &visit).await?;
    // Who comes second finds that it goes on, and is shown how far it is.
    in_one(&app, async |tx, _| follow_again(tx, &actor).await).await.doing("having clocks follow a change again")?;
    Ok(see_other(page.at(paths::POLICIES)))
}
