//! `GET /ops/new-schedule`, `POST /ops/schedules`, and the same for one that is there: `…/{name}/edit`.

use std::{sync::Arc, time::Duration};

use askama::Template;
use axum::{
    extract::{Extension, Path, State},
    http::StatusCode,
    response::Response,
};
use chrono::{DateTime, Utc};
use jobs::accounts::time_zone;
use schedules::{
    Calendar, Draft, DraftField, ExpressionError, Field as ExpressionField, Mistake, Mistakes, OperationError, span, words,
};
use serde::Deserialize;

use super::ops_schedule::get;
use crate::{
    app::App,
    forms::{Field, Sent, mark_first_problem},
    page::{Page, key, render, see_other},
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// How many ticks a look ahead shows.
const AHEAD: usize = 10;
/// Catching up has to end somewhere; what a new form proposes.
const WITHIN: &str = "6h";

/// What the form sends.
#[derive(Debug, Deserialize)]
pub(crate) struct Form {
    #[serde(default)]
    name: String,
    expression: String,
    time_zone: String,
    job: String,
    args: String,
    catch_up: String,
    within: String,
    jitter: String,
    /// What was edited; a new schedule has none yet.
    #[serde(default)]
    version: Option<i32>,
    /// Whether it is only to be looked at.
    #[serde(default)]
    look: Option<String>,
}

impl Form {
    fn draft(&self) -> Draft {
        let all = self.catch_up == "all";
        Draft {
            name: self.name.clone(),
            expression: self.expression.clone(),
            time_zone: self.time_zone.clone(),
            job: self.job.clone(),
            args: self.args.clone(),
            catch_up: if all { format!("all:{}", self.within.trim()) } else { self.catch_up.clone() },
            jitter: self.jitter.clone(),
        }
    }
}

#[derive(Template)]
#[template(path = "ops_schedule_form.html")]
struct OpsScheduleForm {
    page: Page,
    /// The schedule that is edited; none is new.
    editing: Option<String>,
    version: i32,
    /// Its name; the macros of the template have a `name` of their own.
    called: Field,
    expression: Field,
    time_zone: Field,
    job: Field,
    args: Field,
    catch_up: &'static str,
    within: Field,
    jitter: Field,
    jobs: Vec<&'static str>,
    ahead: Option<Ahead>,
    /// Whether somebody else was faster.
    was_edited: bool,
}

/// What would come.
struct Ahead {
    words: String,
    ticks: Vec<(DateTime<Utc>, String)>,
}

impl OpsScheduleForm {
    fn empty(app: &App, page: Page) -> Self {
        let time_zone = page.person().map_or("America/Bogota", |person| &*person.time_zone).to_owned();
        Self {
            page,
            editing: None,
            version: 0,
            called: Field::default(),
            expression: Field::default(),
            time_zone: Field::of(&time_zone),
            job: Field::default(),
            args: Field::of("{}"),
            catch_up: "once",
            within: Field::of(WITHIN),
            jitter: Field::default(),
            jobs: app.schedules.jobs(),
            ahead: None,
            was_edited: false,
        }
    }

    /// The form as it was sent.
    fn again(app: &App, page: Page, editing: Option<String>, form: &Form) -> Self {
        Self {
            editing,
            version: form.version.unwrap_or_default(),
            called: Field::of(&form.name),
            expression: Field::of(&form.expression),
            time_zone: Field::of(&form.time_zone),
            job: Field::of(&form.job),
            // As long as a job's arguments may be.
            args: Field { value: form.args.chars().filter(|c| *c != '\0').collect(), ..Field::default() },
            catch_up: choice(&form.catch_up),
            within: Field::of(&form.within),
            jitter: Field::of(&form.jitter),
            ..Self::empty(app, page)
        }
    }

    /// This page does not change under the hand that types.
    #[expect(clippy::unused_self, reason = "the layout asks every page of the operators")]
    fn refresh_s(&self) -> u64 {
        0
    }

    fn action(&self) -> String {
        self.editing.as_ref().map_or_else(|| "/ops/schedules".to_owned(), |name| format!("/ops/schedules/{name}/edit"))
    }

    fn is_known_job(&self) -> bool {
        self.jobs.iter().any(|name| self.is_chosen(name))
    }

    fn is_chosen(&self, job: &str) -> bool {
        job == self.job.value
    }

    fn zones() -> impl Iterator<Item = &'static str> {
        time_zone::places()
    }

    fn problems(&self) -> usize {
        [&self.called, &self.expression, &self.time_zone, &self.job, &self.args, &self.within, &self.jitter]
            .iter()
            .filter(|field| field.problem.is_some())
            .count()
    }

    fn with_mistakes(mut self, mistakes: &Mistakes) -> Self {
        for mistake in &mistakes.0 {
            let said = say(&self.page, mistake);
            let field = match mistake.field() {
                DraftField::Name => &mut self.called,
                DraftField::Expression => &mut self.expression,
                DraftField::TimeZone => &mut self.time_zone,
                DraftField::Job => &mut self.job,
                DraftField::Args => &mut self.args,
                DraftField::CatchUp => &mut self.within,
                DraftField::Jitter => &mut self.jitter,
            };
            field.problem = Some(said);
        }
        self
    }

    fn with_ahead(mut self, calendar: &Calendar) -> Self {
        let (locale, now) = (self.page.locale, Utc::now());
        let ticks = calendar.ticks(now).take(AHEAD).map(|tick| (tick, words::moment(calendar, tick, now, locale))).collect();
        self.ahead = Some(Ahead { words: words::describe(&calendar.expression, locale), ticks });
        self
    }

    fn shown(mut self) -> Result<Response, Problem> {
        let is_refused = mark_first_problem(&mut [
            &mut self.called,
            &mut self.expression,
            &mut self.time_zone,
            &mut self.job,
            &mut self.args,
            &mut self.within,
            &mut self.jitter,
        ]);
        let status = match (is_refused, self.was_edited) {
            (true, _) => StatusCode::UNPROCESSABLE_ENTITY,
            (false, true) => StatusCode::CONFLICT,
            (false, false) => StatusCode::OK,
        };
        render(status, &self)
    }
}

/// Shows the empty form.
pub(crate) async fn show_new(State(app): State<App>, page: Page) -> Result<Response, Problem> {
    OpsScheduleForm::empty(&app, page).shown()
}

/// Shows the form with what the schedule is now.
pub(crate) async fn show_edit(State(app): State<App>, page: Page, Path(name): Path<String>) -> Result<Response, Problem> {
    let schedule = get(&app, &name).await?;
    if schedule.is_of_code() {
        return Ok(see_other(&format!("/ops/schedules/{name}")));
    }
    let (catch_up, within) = schedule.catch_up.split_once(':').unwrap_or((&schedule.catch_up, WITHIN));
    let form = Form {
        name: name.clone(),
        expression: schedule.expression.clone(),
        time_zone: schedule.time_zone.clone(),
        job: schedule.job.clone(),
        args: serde_json::to_string_pretty(&schedule.args).unwrap_or_default(),
        catch_up: catch_up.to_owned(),
        within: within.to_owned(),
        jitter: u64::try_from(schedule.jitter_s).ok().filter(|jitter| *jitter > 0).map(span_of).unwrap_or_default(),
        version: Some(schedule.version),
        look: None,
    };
    OpsScheduleForm::again(&app, page, Some(name), &form).shown()
}

/// Makes the schedule, or shows the form again with what is wrong beside each field, or what would come.
pub(crate) async fn create(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Sent(form): Sent<Form>,
) -> Result<Response, Problem> {
    let operator = visit.person().ok_or(Problem::NotSignedIn)?;
    let again = OpsScheduleForm::again(&app, page, None, &form);
    if form.look.is_some() {
        return looked_at(&app, again, &form.draft());
    }
    match app.schedules.create(&form.draft(), operator.email.as_str()).await {
        Ok(made) => Ok(see_other(&format!("/ops/schedules/{}?done=created", made.name))),
        Err(error) => refused(again, error),
    }
}

/// Changes the schedule, or shows the form again.
pub(crate) async fn edit(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Path(name): Path<String>,
    Sent(form): Sent<Form>,
) -> Result<Response, Problem> {
    let operator = visit.person().ok_or(Problem::NotSignedIn)?;
    get(&app, &name).await?;
    let draft = Draft { name: name.clone(), ..form.draft() };
    let again = OpsScheduleForm::again(&app, page, Some(name.clone()), &form);
    if form.look.is_some() {
        return looked_at(&app, again, &draft);
    }
    match app.schedules.edit(&name, form.version, &draft, operator.email.as_str()).await {
        Ok(_) => Ok(see_other(&format!("/ops/schedules/{name}?done=edited"))),
        Err(error) => refused(again, error),
    }
}

fn looked_at(app: &App, again: OpsScheduleForm, draft: &Draft) -> Result<Response, Problem> {
    // When it would tick depends on nothing but these two; who looks may not have filled in the rest yet.
    let again = match draft.calendar() {
        Some(calendar) => again.with_ahead(&calendar),
        None => again,
    };
    match app.schedules.check(draft) {
        Ok(_) => again.shown(),
        Err(mistakes) => again.with_mistakes(&mistakes.without_what_may_come(draft)).shown(),
    }
}

fn refused(again: OpsScheduleForm, error: OperationError) -> Result<Response, Problem> {
    match error {
        OperationError::Mistakes(mistakes) => again.with_mistakes(&mistakes).shown(),
        OperationError::Changed { .. } => OpsScheduleForm { was_edited: true, ..again }.shown(),
        error => Err(error).doing("writing a schedule"),
    }
}

fn span_of(seconds: u64) -> String {
    span(Duration::from_secs(seconds))
}

/// One of the policies; what is none counts as the one that a new form proposes.
fn choice(catch_up: &str) -> &'static str {
    match catch_up {
        "skip" => "skip",
        "all" => "all",
        _ => "once",
    }
}

fn say(page: &Page, mistake: &Mistake) -> String {
    match mistake {
        Mistake::Name => page.text("schedule-bad-name"),
        Mistake::NameTaken => page.text("schedule-name-taken"),
        Mistake::Expression(ExpressionError::Fields { found }) => page.text1("schedule-bad-fields", "found", *found),
        Mistake::Expression(ExpressionError::Unreadable { field, text }) => page.text1(
            match field {
                ExpressionField::Minute => key("schedule-bad-minute"),
                ExpressionField::Hour => key("schedule-bad-hour"),
                ExpressionField::DayOfMonth => key("schedule-bad-day"),
                ExpressionField::Month => key("schedule-bad-month"),
                ExpressionField::DayOfWeek => key("schedule-bad-weekday"),
            },
            "text",
            text.as_str(),
        ),
        Mistake::Expression(ExpressionError::TooLong) => page.text("schedule-too-long"),
        Mistake::Expression(ExpressionError::Never) => page.text("schedule-never"),
        Mistake::TimeZone => page.text("schedule-bad-zone"),
        Mistake::Job { .. } => page.text("schedule-bad-job"),
        // What the job's own reader says, which names the field.
        Mistake::Args(why) => page.text1("schedule-bad-args", "why", why.as_str()),
        Mistake::CatchUp => page.text("schedule-bad-within"),
        Mistake::Jitter => page.text("schedule-bad-jitter"),
        // A mistake that this page has no words for yet.
        other => other.to_string(),
    }
}
