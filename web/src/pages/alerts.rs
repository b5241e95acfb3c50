//! `GET /alertas`: the deadlines that somebody has to look at, the worst first; `POST /alertas/{id}/vista`, `POST /alertas/vistas`: somebody has.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, Path, RawForm, State},
    http::StatusCode,
    response::Response,
};
use chrono::{DateTime, TimeDelta, Utc};
use jobs::{
    accounts::user::UserId,
    help_desk::{
        alert::acknowledge_all,
        clock::{BREACHED, Level},
        number::{AlertId, TicketId},
        ticket::now,
        words::Promise,
    },
};
use serde::Deserialize;
use url::form_urlencoded;

use super::tickets::actor;
use crate::{
    app::App,
    forms::Wish,
    page::{Page, cut, key, render, see_other},
    paths,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// How many alerts stand on a page.
const LIMIT: i64 = 50;
/// So many are noted at once: those of a page, and those that were noted on it just before.
const MOST_NOTED: usize = 100;
/// What the address says of somebody who wanted to take note of those that they had chosen, and had chosen none.
const NONE: &str = "none";
/// What is told later than after two of the monitor's looks is told late.
const ON_TIME: TimeDelta = TimeDelta::minutes(10);
/// The kinds of alerts, each with the key of its name.
const KINDS: [(&str, &str); 3] =
    [("escalation", key("alert-escalation")), ("breach", key("alert-breach")), ("warning", key("alert-warning"))];
/// Of whose tickets alerts can be shown, each with the key of its name.
const WHOSE: [(&str, &str); 2] = [("", key("tickets-everybodys")), ("mine", key("tickets-mine"))];
/// What can be shown: what waits, what was noted, and all that was told; each with the key of its name.
const SHOWN: [(&str, &str); 3] = [("", key("alerts-open")), ("noted", key("alerts-noted")), ("all", key("alerts-all"))];

/// What the address asks for, and what a form came from. Words that mean nothing count as not said.
#[derive(Debug, Default, Clone, Deserialize)]
pub(crate) struct Asked {
    /// `noted`: those that somebody has taken note of; `all`: every one; else those that wait.
    #[serde(default)]
    show: String,
    /// Of that kind alone.
    #[serde(default)]
    kind: String,
    /// `mine`: of the visitor's own tickets alone.
    #[serde(default)]
    whose: String,
    /// The last alert of the page before.
    #[serde(default)]
    after: String,
    /// Those of which the visitor has just taken note, with commas between them; [`NONE`]: they had chosen none.
    #[serde(default)]
    noted: String,
}

impl Asked {
    /// Forgets what means nothing.
    fn sensible(mut self) -> Self {
        if !SHOWN.iter().any(|(word, _)| *word == self.show) {
            self.show.clear();
        }
        if !KINDS.iter().any(|(word, _)| *word == self.kind) {
            self.kind.clear();
        }
        if !WHOSE.iter().any(|(word, _)| *word == self.whose) {
            self.whose.clear();
        }
        if self.after.parse::<i64>().is_err() {
            self.after.clear();
        }
        self
    }

    /// The alerts of which the visitor has just taken note.
    fn just_noted(&self) -> Vec<AlertId> {
        self.noted.split(',').filter_map(|id| id.parse().ok().map(AlertId)).take(MOST_NOTED).collect()
    }

    /// The address of the list from its beginning, or from an alert on.
    fn address(&self, page: &Page, after: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("show", &*self.show), ("kind", &self.kind), ("whose", &self.whose), ("after", after)] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        format!("{}?{}", page.at(paths::ALERTS), query.finish())
    }
}

#[derive(Debug, sqlx::FromRow)]
struct Line {
    id: AlertId,
    ticket_id: TicketId,
    title: String,
    client: String,
    assignee: Option<String>,
    promise: Promise,
    level: Level,
    due_at: DateTime<Utc>,
    reached_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
    acknowledged_at: Option<DateTime<Utc>>,
    acknowledged_by: Option<String>,
}

#[derive(Template)]
#[template(path = "alerts.html")]
struct Alerts {
    page: Page,
    alerts: Vec<Line>,
    asked: Asked,
    has_more: bool,
    /// What the visitor has just taken note of, in words; and that somebody else was first.
    said: Vec<String>,
    just_noted: Vec<AlertId>,
}

impl Alerts {
    fn is_shown(&self, word: &str) -> bool {
        self.asked.show == word
    }

    fn is_kind(&self, word: &str) -> bool {
        self.asked.kind == word
    }

    fn is_first(&self) -> bool {
        self.asked.after.is_empty()
    }

    fn is_whose(&self, word: &str) -> bool {
        self.asked.whose == word
    }

    /// The list with another choice of what is shown, of which kind, or of whose tickets.
    fn with(&self, show: &str, kind: &str, whose: &str) -> String {
        let [show, kind, whose] = [show, kind, whose].map(str::to_owned);
        Asked { show, kind, whose, ..Asked::default() }.address(&self.page, "")
    }

    fn first(&self) -> String {
        self.asked.address(&self.page, "")
    }

    fn next(&self) -> Option<String> {
        self.alerts.last().filter(|_| self.has_more).map(|last| self.asked.address(&self.page, &last.id.to_string()))
    }

    /// Whether the visitor wanted to take note of some, and said of none.
    fn has_chosen_none(&self) -> bool {
        self.asked.noted == NONE
    }

    /// Whether somebody can take note of any.
    fn can_note(&self) -> bool {
        self.alerts.iter().any(|alert| alert.acknowledged_at.is_none())
    }

    fn is_just_noted(&self, alert: &AlertId) -> bool {
        self.just_noted.contains(alert)
    }

    /// Whether it is the first of those, to which the address leads.
    fn is_landing(&self, alert: &AlertId) -> bool {
        self.alerts.iter().find(|line| self.is_just_noted(&line.id)).is_some_and(|line| line.id == *alert)
    }

    /// How a level looks: the class of its colour, its icon, and the key of its name.
    fn look(level: &Level) -> (&'static str, &'static str, &'static str) {
        match *level {
            ..BREACHED => ("retryable", "clock", key("alert-warning")),
            BREACHED => ("dead", "x", key("alert-breach")),
            _ => ("dead", "triangle-alert", key("alert-escalation")),
        }
    }

    /// How much later than it should it was told, if that is worth a word.
    fn late(&self, alert: &Line) -> Option<String> {
        let late = alert.created_at - alert.reached_at;
        (late > ON_TIME).then(|| self.page.seconds(&late.num_seconds()))
    }
}

/// Shows the list.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Wish(asked): Wish<Asked>,
) -> Result<Response, Problem> {
    let me = actor(&app, &visit).await?.id();
    let asked = asked.sensible();
    let just_noted = asked.just_noted();
    let kind = Some(&*asked.kind).filter(|kind| !kind.is_empty());
    let after: Option<i64> = asked.after.parse().ok();
    let whose = Some(me).filter(|_| !asked.whose.is_empty());
    let found = if asked.show.is_empty() {
        sqlx::query_as(include_str!("alerts.sql"))
            .bind(kind)
            .bind(after)
            .bind(LIMIT + 1)
            .bind(&just_noted)
            .bind(whose)
            .fetch_all(&app.db)
            .await
    } else {
        let told = sqlx::query_as(include_str!("alerts_told.sql")).bind(kind).bind(after).bind(LIMIT + 1);
        told.bind(asked.show == "noted").bind(whose).fetch_all(&app.db).await
    };
    let (alerts, has_more) = cut(found.doing("listing alerts")?, LIMIT);
    let said = said(&app, &page, me, &just_noted).await?;
    render(StatusCode::OK, &Alerts { page, alerts, asked, has_more, said, just_noted })
}

/// What became of the alerts of which somebody wanted to take note, as it stands beside them.
async fn said(app: &App, page: &Page, me: UserId, just_noted: &[AlertId]) -> Result<Vec<String>, Problem> {
    if just_noted.is_empty() {
        return Ok(Vec::new());
    }
    let (mine, others): (i64, i64) = sqlx::query_as(
        "select count(*) filter (where acknowledged_by = $2), count(*) filter (where acknowledged_by is distinct from $2)
         from desk.alerts where id = any ($1) and acknowledged_at is not null",
    )
    .bind(just_noted)
    .bind(me)
    .fetch_one(&app.db)
    .await
    .doing("looking up who took note of alerts")?;
    let counted = [(mine, key("alert-noted-now")), (others, key("alert-noted-before"))];
    Ok(counted.into_iter().filter(|(count, _)| *count > 0).map(|(count, key)| page.text1(key, "count", count)).collect())
}

/// Notes that the visitor has looked at one, and leads back to where they were.
pub(crate) async fn acknowledge(
    app: State<App>,
    visit: Extension<Arc<Visit>>,
    page: Page,
    Path(id): Path<String>,
    RawForm(form): RawForm,
) -> Result<Response, Problem> {
    let alert = AlertId(id.parse().map_err(|_| Problem::NotFound)?);
    take_note(&app, &visit, &page, &[alert], &form).await
}

/// The same of all that were chosen.
pub(crate) async fn acknowledge_chosen(
    app: State<App>,
    visit: Extension<Arc<Visit>>,
    page: Page,
    RawForm(form): RawForm,
) -> Result<Response, Problem> {
    let chosen = form_urlencoded::parse(&form).filter(|(name, _)| name == "alert").map(|(_, id)| id.parse().map(AlertId));
    let chosen: Vec<AlertId> = chosen.collect::<Result<_, _>>().map_err(|_| Problem::BadRequest)?;
    if chosen.len() > MOST_NOTED {
        return Err(Problem::BadRequest);
    }
    take_note(&app, &visit, &page, &chosen, &form).await
}

async fn take_note(app: &App, visit: &Visit, page: &Page, alerts: &[AlertId], form: &[u8]) -> Result<Response, Problem> {
    const DOING: &str = "taking note of alerts";
    let actor = actor(app, visit).await?;
    let mut connection = app.db.acquire().await.doing(DOING)?;
    let at = now(&mut *connection).await.doing("asking what time it is")?;
    // Who comes second reads who was first.
    acknowledge_all(&mut connection, at, &actor, alerts).await.doing(DOING)?;
    let of = |wanted: &str| {
        form_urlencoded::parse(form).find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    let from =
        Asked { show: of("show"), kind: of("kind"), whose: of("whose"), after: of("after"), noted: String::new() }.sensible();
    let list = from.address(page, &from.after);
    let and = if list.ends_with('?') { "" } else { "&" };
    if alerts.is_empty() {
        return Ok(see_other(&format!("{list}{and}noted={NONE}")));
    }
    let noted: Vec<String> = alerts.iter().map(AlertId::to_string).collect();
    Ok(see_other(&format!("{list}{and}noted={}#noted", noted.join(","))))
}
