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
        history::{self, history},
        number::{CommentId, TicketId},
        pause::{self, pauses},
        ticket::{Ticket, now},
        trouble::DeskError,
        words::{Category, ClockState, Priority, Promise, Status, VoidReason},
    },
    housekeeping::close_tickets::CLOSED_AFTER,
};
use serde::Deserialize;

use super::{
    new_ticket::kept,
    ticket_history::{Line, Still, lines, stills},
    tickets::{Choice, actor, agents},
};
use crate::{
    app::App,
    forms::{Field, Wish},
    page::{Page, key, render},
    paths,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// What the address asks for. Words that mean nothing count as not said.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    /// What was said before that comment; the latest if it is left out.
    #[serde(default)]
    before: String,
}

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
    has_earlier: bool,
    /// Whether those are the last.
    is_latest: bool,
    /// Articles that may help to answer it.
    suggestions: Vec<Suggestion>,
    /// Where every page of ours begins.
    home: String,
    /// Who could see to it.
    agents: Choice<UserId>,
    /// Tickets that go on in this one.
    merged: Vec<(TicketId, String)>,
    /// What has become of it, for those who work here.
    history: Vec<Line>,
    /// When its clocks stood still, for the same.
    pauses: Vec<Still>,
    now: DateTime<Utc>,
    is_agent: bool,
    /// Put away, to be read only.
    is_archived: bool,
    refused: Option<String>,
    body: Field,
    answer: Field,
    tags: Field,
    /// The ticket in which it should go on.
    into: Field,
}

/// Which of the texts of the page was sent.
#[derive(Debug, Clone, Copy)]
pub(super) enum Typed<'t> {
    Nothing,
    Comment(&'t str),
    Answer(&'t str),
    Tags(&'t str),
    Into(&'t str),
}

impl TicketPage {
    /// With what was said last, or before a comment.
    pub(super) async fn load(app: &App, visit: &Visit, page: Page, id: &str, before: Option<CommentId>) -> Result<Self, Problem> {
        let id = TicketId(id.parse().map_err(|_| Problem::NotFound)?);
        let actor = actor(app, visit).await?;
        let (ticket, is_archived) = match Ticket::find(&app.db, &actor, id).await {
            Err(DeskError::NoSuchTicket) => {
                (Ticket::find_archived(&app.db, &actor, id).await.doing("looking up a ticket that was put away")?, true)
            }
            found => (found.doing("looking up a ticket")?, false),
        };
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
        let agents = match is_agent && !is_archived {
            false => Choice::default(),
            // Whoever looks can take it, and who has it keeps it.
            true => agents(app, &ticket.assigned_to.into_iter().chain([actor.id()]).collect::<Vec<_>>()).await?,
        };
        let suggestions = match is_agent && !is_archived {
            false => Vec::new(),
            true => suggest(&app.db, &actor, &ticket.title, ticket.client_id).await.doing("looking for articles")?,
        };
        let (comments, has_earlier) = match is_archived {
            false => Comment::of(&app.db, &actor, &ticket, before).await,
            true => Comment::of_archived(&app.db, &actor, &ticket, before).await,
        }
        .doing("listing a ticket's comments")?;
        let history = match is_agent {
            false => Vec::new(),
            true => history(&app.db, &actor, &ticket).await.doing("telling a ticket's history")?,
        };
        let merged = sqlx::query_as(
            "select id, title from desk.tickets where merged_into = $1
             union all select id, title from archive.tickets where merged_into = $1 order by id limit 50",
        )
        .bind(ticket.id)
        .fetch_all(&app.db)
        .await
        .doing("listing tickets that go on in another")?;
        let mut connection = app.db.acquire().await.doing("looking up a ticket's clocks")?;
        let clocks = match is_archived {
            false => Clock::of_ticket(&mut connection, id).await,
            true => Clock::of_archived(&mut connection, id).await,
        };
        let mut clocks = clocks.doing("looking up a ticket's clocks")?;
        clocks.retain(|clock| clock.cycle == ticket.cycle && clock.state != ClockState::Void);
        let now = now(&mut *connection).await.doing("asking what time it is")?;
        let pauses = match is_agent {
            false => Vec::new(),
            true => pauses(&mut connection, now, &actor, &ticket).await.doing("telling when a ticket's clocks stood still")?,
        };
        Ok(Self {
            tags: Field::of(&ticket.tags.join(", ")),
            into: Field::default(),
            history: lines(&page, history),
            pauses: stills(&page, pauses),
            merged,
            is_archived,
            page,
            ticket,
            client,
            requester,
            assignee,
            clocks,
            comments,
            has_earlier,
            is_latest: before.is_none(),
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
            Typed::Tags(typed) => self.tags = Field { problem: Some(why.clone()), ..Field::of(typed) },
            Typed::Into(typed) => self.into = Field::of(typed),
        }
        self.refused = Some(why);
        render(status, &self)
    }

    /// Where what was said before stands, if there is more.
    fn earlier(&self) -> Option<String> {
        let first = self.comments.first().filter(|_| self.has_earlier)?;
        Some(format!("{}?before={}", self.address(), first.id))
    }

    fn address(&self) -> String {
        self.page.to(paths::TICKET, "id", self.ticket.id)
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

    /// Who has it and cannot be given any more: they do not work here now.
    fn unlisted(&self) -> Option<UserId> {
        self.ticket.assigned_to.filter(|agent| !self.agents.list.iter().any(|(id, _)| id == agent))
    }

    fn is_priority(&self, priority: &Priority) -> bool {
        self.ticket.priority == *priority
    }

    fn is_open(&self) -> bool {
        matches!(self.ticket.status, Status::New | Status::Open)
    }

    fn is_tags_refused(&self) -> bool {
        self.tags.problem.is_some()
    }

    fn is_into_refused(&self) -> bool {
        !self.into.value.is_empty()
    }

    fn is_category(&self, category: &Category) -> bool {
        self.ticket.category == *category
    }

    fn can_be_commented(&self) -> bool {
        let is_theirs = if self.is_agent { self.ticket.status != Status::Closed } else { self.ticket.merged_into.is_none() };
        is_theirs && !self.is_archived
    }

    /// Whether something can be done to it, by who works here.
    fn can_be_changed(&self) -> bool {
        self.is_agent && !self.is_archived
    }

    fn can_be_reopened(&self) -> bool {
        let is_theirs = self.is_agent || self.ticket.merged_into.is_none();
        is_theirs && !self.ticket.status.is_live() && !self.is_archived
    }

    /// When it is closed, if nobody opens it again: on the night after that.
    fn closes_at(&self) -> Option<DateTime<Utc>> {
        let resolved = self.ticket.resolved_at.filter(|_| self.ticket.status == Status::Resolved)?;
        Some(resolved + CLOSED_AFTER)
    }

    /// Whether there may be more events than are told.
    fn is_history_cut(&self) -> bool {
        self.history.len() >= history::MOST
    }

    /// Whether there may be more pauses than are told.
    fn is_pauses_cut(&self) -> bool {
        self.pauses.len() >= pause::MOST
    }

    /// How a clock looks: the class of its colour, its icon, and the key of what it says.
    fn look(&self, clock: &Clock) -> (&'static str, &'static str, &'static str) {
        match clock.state {
            ClockState::Running if clock.is_overdue(self.now) => ("dead", "triangle-alert", key("clock-overdue")),
            ClockState::Running => ("running", "clock", key("clock-left")),
            ClockState::Paused if clock.is_overdue(self.now) => ("dead", "pause", key("clock-paused-overdue")),
            ClockState::Paused => ("scheduled", "pause", key("clock-paused")),
            ClockState::Met => ("completed", "circle-check", key("clock-met")),
            ClockState::Missed if !self.is_kept(clock.promise) => ("dead", "x", key("clock-broken")),
            ClockState::Missed => ("dead", "x", key("clock-missed")),
            ClockState::Void => ("cancelled", "ban", key("clock-void")),
        }
    }

    /// Whether what was promised has been done, in time or not.
    fn is_kept(&self, promise: Promise) -> bool {
        match promise {
            Promise::FirstResponse => self.ticket.first_responded_at.is_some(),
            Promise::Resolution => self.ticket.resolved_at.is_some(),
        }
    }

    /// How long until the deadline, or since then.
    fn left(&self, due: &DateTime<Utc>) -> String {
        match (*due - self.now).num_seconds().abs() {
            0 => "0 s".to_owned(),
            seconds => self.page.seconds(&seconds),
        }
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
    Wish(asked): Wish<Asked>,
) -> Result<Response, Problem> {
    let before = asked.before.parse().ok().map(CommentId);
    render(StatusCode::OK, &TicketPage::load(&app, &visit, page, &id, before).await?)
}
