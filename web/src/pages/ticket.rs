//! `GET /solicitudes/{id}`: a ticket, what was written under it, how much time is left, and what can be done.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, Path, State},
    http::StatusCode,
    response::Response,
};
use chrono::{DateTime, Utc};
use jobs::{
    accounts::user::UserId,
    help_desk::{
        actor::Actor,
        articles::suggest::{Suggestion, suggest},
        clock::Clock,
        comment::Comment,
        number::TicketId,
        ticket::{Ticket, now},
        words::{ClockState, Priority, Promise, Status},
    },
};

use super::{new_ticket::kept, tickets::actor};
use crate::{
    app::App,
    forms::Field,
    page::{Page, key, render},
    problem::{Doing as _, Problem},
    visit::Visit,
};

#[derive(Template)]
#[template(path = "ticket.html")]
pub(super) struct TicketPage {
    page: Page,
    ticket: Ticket,
    client: String,
    requester: String,
    assignee: Option<String>,
    clocks: Vec<Clock>,
    comments: Vec<Comment>,
    /// Articles that may help to answer it.
    suggestions: Vec<Suggestion>,
    /// Where every page of ours begins.
    home: String,
    /// Who could see to it.
    agents: Vec<(UserId, String)>,
    now: DateTime<Utc>,
    is_agent: bool,
    refused: Option<String>,
    body: Field,
    answer: Field,
}

/// Which of the two texts of the page was sent.
#[derive(Debug, Clone, Copy)]
pub(super) enum Typed<'t> {
    Nothing,
    Comment(&'t str),
    Answer(&'t str),
}

impl TicketPage {
    pub(super) async fn load(app: &App, visit: &Visit, page: Page, id: &str) -> Result<Self, Problem> {
        let id = TicketId(id.parse().map_err(|_| Problem::NotFound)?);
        let actor = actor(app, visit).await?;
        let ticket = Ticket::find(&app.db, &actor, id).await.doing("looking up a ticket")?;
        let is_agent = matches!(actor, Actor::Agent { .. });
        let (client, requester, assignee): (String, String, Option<String>) = sqlx::query_as(
            "select c.name, r.full_name, a.full_name from desk.clients c
             join core.users r on r.id = $2 left join core.users a on a.id = $3 where c.id = $1",
        )
        .bind(ticket.client_id)
        .bind(ticket.created_by)
        .bind(ticket.assigned_to)
        .fetch_one(&app.db)
        .await
        .doing("looking up a ticket's people")?;
        let agents = match is_agent {
            false => Vec::new(),
            true => sqlx::query_as(
                "select id, full_name from core.users where role in ('agent', 'manager') and disabled_at is null order by lower(full_name) limit 500",
            )
            .fetch_all(&app.db)
            .await
            .doing("listing agents")?,
        };
        let suggestions = match is_agent {
            false => Vec::new(),
            true => suggest(&app.db, &actor, &ticket.title, ticket.client_id).await.doing("looking for articles")?,
        };
        let comments = Comment::of(&app.db, &actor, &ticket).await.doing("listing a ticket's comments")?;
        let mut connection = app.db.acquire().await.doing("looking up a ticket's clocks")?;
        let mut clocks = Clock::of_ticket(&mut connection, id).await.doing("looking up a ticket's clocks")?;
        clocks.retain(|clock| clock.cycle == ticket.cycle && clock.state != ClockState::Void);
        let now = now(&mut *connection).await.doing("asking what time it is")?;
        Ok(Self {
            page,
            ticket,
            client,
            requester,
            assignee,
            clocks,
            comments,
            suggestions,
            home: app.settings.public_url.to_string(),
            agents,
            now,
            is_agent,
            refused: None,
            body: Field::default(),
            answer: Field::default(),
        })
    }

    /// The same with what was typed and why it was not done.
    pub(super) fn refused(mut self, status: StatusCode, typed: Typed<'_>, why: String) -> Result<Response, Problem> {
        match typed {
            Typed::Nothing => {}
            Typed::Comment(typed) => self.body = kept(typed),
            Typed::Answer(typed) => self.answer = kept(typed),
        }
        self.refused = Some(why);
        render(status, &self)
    }

    /// What somebody wrote, addresses of ours apart. Where other addresses lead nobody knows: they stay text.
    fn pieces<'t>(&self, text: &'t str) -> Vec<(&'t str, bool)> {
        let mut pieces = Vec::new();
        for word in text.split_inclusive(char::is_whitespace) {
            let bare = word.trim_end().trim_end_matches(['.', ',', ';', ':', ')', '!', '?']);
            if bare.starts_with(&self.home) {
                pieces.extend([(bare, true), (&word[bare.len()..], false)]);
            } else {
                pieces.push((word, false));
            }
        }
        pieces
    }

    fn is_assignee(&self, agent: &UserId) -> bool {
        self.ticket.assigned_to == Some(*agent)
    }

    fn is_priority(&self, priority: &Priority) -> bool {
        self.ticket.priority == *priority
    }

    fn is_open(&self) -> bool {
        matches!(self.ticket.status, Status::New | Status::Open)
    }

    fn can_be_commented(&self) -> bool {
        !self.is_agent || self.ticket.status != Status::Closed
    }

    /// How a clock looks: the class of its colour, its icon, and the key of what it says.
    fn look(&self, clock: &Clock) -> (&'static str, &'static str, &'static str) {
        match clock.state {
            ClockState::Running if clock.is_overdue(self.now) => ("dead", "triangle-alert", key("clock-overdue")),
            ClockState::Running => ("running", "clock", key("clock-left")),
            ClockState::Paused => ("scheduled", "pause", key("clock-paused")),
            ClockState::Met => ("completed", "circle-check", key("clock-met")),
            ClockState::Missed => ("dead", "x", key("clock-missed")),
            ClockState::Void => ("cancelled", "ban", key("clock-void")),
        }
    }

    /// How long until the deadline, or since then.
    fn left(&self, due: &DateTime<Utc>) -> String {
        self.page.seconds(&(*due - self.now).num_seconds().abs())
    }
}

/// The key of a promise's name.
pub(super) fn promise_key(promise: &Promise) -> &'static str {
    match promise {
        Promise::FirstResponse => key("promise-first-response"),
        Promise::Resolution => key("promise-resolution"),
    }
}

/// Shows the ticket.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    render(StatusCode::OK, &TicketPage::load(&app, &visit, page, &id).await?)
}
