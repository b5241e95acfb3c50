//! `GET`, `POST /calendarios/nuevo` and `/calendarios/{id}`: hours, holidays and the zone of a calendar.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, Path, State},
    http::StatusCode,
    response::Response,
};
use jobs::{
    accounts::time_zone,
    help_desk::{
        business_time::Hours,
        calendar::{Calendar, Plan, SeenCalendar},
        number::CalendarId,
        rule_change::Followed,
        trouble::DeskError,
    },
    text::line,
};
use serde::Deserialize;

use super::{
    desk_rules::{Done, Said, in_one, refusal, saved},
    new_ticket::{kept, text_problem},
    tickets::actor,
};
use crate::{
    app::App,
    forms::{Field, Sent, Wish, mark_first_problem},
    page::{Page, key, render},
    paths,
    problem::{Doing as _, Problem},
    visit::Visit,
    week::{HolidayProblem, read_day, read_holidays, write_day},
};

/// The most characters of a calendar's name.
const LONGEST_NAME: usize = 120;

/// What the form sends.
#[derive(Debug, Deserialize)]
pub(crate) struct Form {
    /// The revision that was seen, of a calendar that there is.
    #[serde(default)]
    revision: i32,
    name: String,
    time_zone: String,
    /// Day and night.
    #[serde(default)]
    always: String,
    monday: String,
    tuesday: String,
    wednesday: String,
    thursday: String,
    friday: String,
    saturday: String,
    sunday: String,
    holidays: String,
}

/// The days of the week, Monday first: their names in the form, and the keys of what they are called.
const DAYS: [(&str, &str); 7] = [
    ("monday", key("day-monday")),
    ("tuesday", key("day-tuesday")),
    ("wednesday", key("day-wednesday")),
    ("thursday", key("day-thursday")),
    ("friday", key("day-friday")),
    ("saturday", key("day-saturday")),
    ("sunday", key("day-sunday")),
];

#[derive(Template)]
#[template(path = "calendar_form.html")]
struct CalendarForm {
    page: Page,
    said: Said,
    /// None: it is a new one.
    calendar: Option<CalendarId>,
    revision: i32,
    name: Field,
    time_zone: Field,
    is_always_open: bool,
    days: [Field; 7],
    holidays: Field,
    refused: Option<String>,
}

impl CalendarForm {
    async fn blank(app: &App, page: Page, done: &Done) -> Result<Self, Problem> {
        let working = |day: usize| Field::of(if day < 5 { "09:00-18:00" } else { "" });
        Ok(Self {
            said: Said::of(app, &page, done).await?,
            page,
            calendar: None,
            revision: 0,
            name: Field::default(),
            time_zone: Field::of("America/Bogota"),
            is_always_open: false,
            days: std::array::from_fn(working),
            holidays: Field::default(),
            refused: None,
        })
    }

    async fn of(app: &App, page: Page, id: CalendarId, done: &Done) -> Result<Self, Problem> {
        const DOING: &str = "looking up a calendar";
        let mut tx = app.db.begin().await.doing(DOING)?;
        let calendar = Calendar::find(&mut tx, id).await.doing(DOING)?;
        let name: String = sqlx::query_scalar("select name from desk.calendars where id = $1")
            .bind(id)
            .fetch_one(&mut *tx)
            .await
            .doing(DOING)?;
        let holidays: Vec<String> = sqlx::query_scalar(
            "select to_char(day, 'YYYY-MM-DD') || ' ' || name from desk.calendar_holidays where calendar_id = $1 order by day",
        )
        .bind(id)
        .fetch_all(&mut *tx)
        .await
        .doing(DOING)?;
        let hours = Calendar::hours(&mut tx, id).await.doing(DOING)?;
        Ok(Self {
            calendar: Some(id),
            revision: calendar.revision,
            name: Field::of(&name),
            time_zone: Field::of(calendar.time.zone().name()),
            is_always_open: calendar.time.hours().is_none(),
            days: [1, 2, 3, 4, 5, 6, 7].map(|day| Field::of(&write_day(&hours, day))),
            holidays: kept(&holidays.join("\n")),
            ..Self::blank(app, page, done).await?
        })
    }

    /// Takes over what was typed, and what is wrong with it; the name and the plan, if nothing is.
    fn read(&mut self, form: &Form) -> Option<(String, Plan)> {
        self.revision = form.revision;
        self.is_always_open = !form.always.is_empty();
        let name = line(&form.name, LONGEST_NAME);
        self.name = Field { problem: name.as_ref().err().map(|what| text_problem(&self.page, *what)), ..Field::of(&form.name) };
        let zone = time_zone::parse(&form.time_zone);
        let no_zone = || self.page.text(key("calendar-bad-zone"));
        self.time_zone = Field { problem: zone.is_none().then(no_zone), ..Field::of(&form.time_zone) };
        let hours = self.read_days(form);
        let holidays = read_holidays(&form.holidays);
        let problem = holidays.as_ref().err().map(|what| holiday_problem(&self.page, what));
        self.holidays = Field { problem, ..kept(&form.holidays) };
        let (name, zone, hours, holidays) = (name.ok()?, zone?, hours?, holidays.ok()?);
        Some((name, Plan { zone, is_always_open: self.is_always_open, hours, holidays }))
    }

    fn read_days(&mut self, form: &Form) -> Option<Vec<Hours>> {
        let Form { monday, tuesday, wednesday, thursday, friday, saturday, sunday, .. } = form;
        let typed = [monday, tuesday, wednesday, thursday, friday, saturday, sunday];
        let mut hours = Some(Vec::new());
        for (day, (field, typed)) in (1..).zip(self.days.iter_mut().zip(typed)) {
            *field = Field::of(typed);
            match read_day(day, typed) {
                Some(of_day) => hours = hours.map(|hours: Vec<Hours>| [hours, of_day].concat()),
                None => {
                    field.problem = Some(self.page.text(key("calendar-bad-hours")));
                    hours = None;
                }
            }
        }
        hours
    }

    /// The days with their fields: name in the form, key of what it is called, field.
    fn week(&self) -> impl Iterator<Item = (&'static str, &'static str, &Field)> {
        DAYS.iter().zip(&self.days).map(|((name, word), field)| (*name, *word, field))
    }

    /// Where the form is sent.
    fn action(&self) -> String {
        match self.calendar {
            Some(id) => self.page.to(paths::CALENDAR, "id", id),
            None => self.page.at(paths::NEW_CALENDAR).to_owned(),
        }
    }

    fn zones() -> impl Iterator<Item = &'static str> {
        time_zone::places()
    }

    fn shown(mut self) -> Result<Response, Problem> {
        let mut fields = vec![&mut self.name, &mut self.time_zone];
        fields.extend(&mut self.days);
        fields.push(&mut self.holidays);
        let is_wrong = mark_first_problem(&mut fields);
        render(if is_wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, &self)
    }
}

fn holiday_problem(page: &Page, what: &HolidayProblem) -> String {
    match what {
        HolidayProblem::NoDay(line) => page.text1(key("holiday-no-day"), "line", line.as_str()),
        HolidayProblem::NoName(line, _) => page.text1(key("holiday-no-name"), "line", line.as_str()),
        HolidayProblem::Twice(day) => page.text1(key("holiday-twice"), "day", page.day(day)),
        HolidayProblem::TooMany(most) => page.text1(key("holidays-too-many"), "most", *most),
    }
}

/// Shows the empty form.
pub(crate) async fn show_new(State(app): State<App>, page: Page) -> Result<Response, Problem> {
    CalendarForm::blank(&app, page, &Done::default()).await?.shown()
}

/// Shows the form with a calendar in it.
pub(crate) async fn show_edit(
    State(app): State<App>,
    page: Page,
    Path(id): Path<String>,
    Wish(done): Wish<Done>,
) -> Result<Response, Problem> {
    CalendarForm::of(&app, page, number(&id)?, &done).await?.shown()
}

/// Makes a calendar, and leads to it.
pub(crate) async fn create(
    State(app): State<App>,
    visit: Extension<Arc<Visit>>,
    page: Page,
    Sent(form): Sent<Form>,
) -> Result<Response, Problem> {
    keep(&app, &visit, CalendarForm::blank(&app, page, &Done::default()).await?, &form).await
}

/// Changes a calendar, and leads to it.
pub(crate) async fn edit(
    State(app): State<App>,
    visit: Extension<Arc<Visit>>,
    page: Page,
    Path(id): Path<String>,
    Sent(form): Sent<Form>,
) -> Result<Response, Problem> {
    let id = number(&id)?;
    keep(&app, &visit, CalendarForm::of(&app, page, id, &Done::default()).await?, &form).await
}

async fn keep(app: &App, visit: &Visit, mut form_page: CalendarForm, form: &Form) -> Result<Response, Problem> {
    let actor = actor(app, visit).await?;
    let Some((name, plan)) = form_page.read(form) else { return form_page.shown() };
    let over = form_page.calendar;
    let kept = in_one(app, async |tx, at| match over {
        None => {
            let id = Calendar::make(tx, at, &actor, &name, &plan).await?;
            Ok((id, Followed { tickets: 0, is_done: true }))
        }
        Some(calendar) => {
            let seen = SeenCalendar { calendar, revision: form.revision };
            Ok((calendar, Calendar::change(tx, at, &actor, seen, &name, &plan).await?))
        }
    });
    match kept.await {
        Ok((id, followed)) => Ok(saved(&form_page.page.to(paths::CALENDAR, "id", id), followed)),
        Err(DeskError::NameTaken) => {
            form_page.name.problem = Some(form_page.page.text(key("calendar-name-taken")));
            form_page.shown()
        }
        Err(DeskError::NoOpenHour | DeskError::NeverOpen(_)) => {
            form_page.days[0].problem = Some(form_page.page.text(key("calendar-never-open")));
            form_page.shown()
        }
        Err(error) => {
            form_page.refused = Some(refusal(&form_page.page, error).doing("writing a calendar")?);
            render(StatusCode::CONFLICT, &form_page)
        }
    }
}

fn number(id: &str) -> Result<CalendarId, Problem> {
    id.parse().map(CalendarId).map_err(|_| Problem::NotFound)
}
