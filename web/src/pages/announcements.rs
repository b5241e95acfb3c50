//! `GET /cursos/{slug}/avisos`, `POST /cursos/{slug}/avisos`: what a course tells its learners.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, Path, State},
    http::StatusCode,
    response::Response,
};
use jobs::courses::{
    announcement::{AnnounceError, Announcement, Letters, NewAnnouncement},
    course::Course,
    enrolment::Enrolment,
};
use serde::Deserialize;
use uuid::Uuid;

use super::new_ticket::{kept, text_problem};
use crate::{
    app::App,
    forms::{Field, Sent, Wish, mark_first_problem},
    page::{Page, key, render, see_other},
    paths,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// How many announcements stand on the page.
const MOST: i64 = 50;

/// What the address of the page may say.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    done: Option<String>,
}

/// What the form sends.
#[derive(Debug, Deserialize)]
pub(crate) struct Form {
    title: String,
    body: String,
    /// Which form it is: sent twice, it tells once.
    key: Uuid,
}

#[derive(Template)]
#[template(path = "announcements.html")]
struct AnnouncementsPage {
    page: Page,
    course: Course,
    announcements: Vec<Announcement>,
    /// What has become of their letters, for whoever tells.
    letters: Vec<Letters>,
    /// Whether the reader may tell something.
    is_leader: bool,
    form_key: Uuid,
    title: Field,
    body: Field,
    refused: Option<String>,
    is_told: bool,
}

impl AnnouncementsPage {
    /// The page for those who lead the course and those who take part in it; there is none for others.
    async fn of(app: &App, visit: &Visit, page: Page, slug: &str) -> Result<Self, Problem> {
        let person = visit.person().ok_or(Problem::NotSignedIn)?;
        let course = Course::find(&app.db, slug).await.doing("looking up a course")?.ok_or(Problem::NotFound)?;
        let is_leader = course.is_led_by(person.id, person.role);
        if !is_leader {
            let enrolment = Enrolment::find(&app.db, person.id, course.id).await.doing("looking up an enrolment")?;
            enrolment.filter(Enrolment::is_active).ok_or(Problem::NotFound)?;
        }
        let announcements = Announcement::list(&app.db, course.id, MOST).await.doing("listing a course's announcements")?;
        let letters = if is_leader {
            Announcement::letters(&app.db, &announcements).await.doing("counting the letters of announcements")?
        } else {
            Vec::new()
        };
        Ok(Self {
            page,
            course,
            announcements,
            letters,
            is_leader,
            form_key: Uuid::new_v4(),
            title: Field::default(),
            body: Field::default(),
            refused: None,
            is_told: false,
        })
    }

    /// How many letters an announcement became, and what has become of them.
    fn letters_of(&self, announcement: &Announcement) -> String {
        let Some(promised) = announcement.letters else { return self.page.text("announcement-on-its-way") };
        let promised = self.page.text1("announcement-letters", "letters", promised);
        match self.letters.iter().find(|letters| letters.id == announcement.id) {
            Some(Letters { sent, withheld, .. }) if *withheld > 0 => {
                let sent = self.page.text1("announcement-sent", "letters", *sent);
                format!("{promised}: {sent}, {}", self.page.text1("announcement-withheld", "letters", *withheld))
            }
            Some(Letters { sent, .. }) if *sent > 0 => {
                format!("{promised}: {}", self.page.text1("announcement-sent", "letters", *sent))
            }
            _ => promised,
        }
    }

    fn shown(mut self) -> Result<Response, Problem> {
        let is_refused = mark_first_problem(&mut [&mut self.title, &mut self.body]) || self.refused.is_some();
        render(if is_refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, &self)
    }
}

/// Shows what was told.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Path(slug): Path<String>,
    Wish(asked): Wish<Asked>,
) -> Result<Response, Problem> {
    let mut shown = AnnouncementsPage::of(&app, &visit, page, &slug).await?;
    shown.is_told = asked.done.is_some();
    shown.shown()
}

/// Tells everybody in the course; or shows the form again with what is wrong beside each field.
pub(crate) async fn submit(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Path(slug): Path<String>,
    Sent(form): Sent<Form>,
) -> Result<Response, Problem> {
    const DOING: &str = "making an announcement";
    let author = visit.person().ok_or(Problem::NotSignedIn)?;
    let mut again = AnnouncementsPage::of(&app, &visit, page, &slug).await?;
    if !again.is_leader {
        return Err(Problem::Forbidden);
    }
    (again.title, again.body, again.form_key) = (Field::of(&form.title), kept(&form.body), form.key);
    let announcement = match NewAnnouncement::parse(&form.title, &form.body) {
        Ok(announcement) => announcement,
        Err((title, body)) => {
            again.title.problem = title.map(|what| text_problem(&again.page, what));
            again.body.problem = body.map(|what| text_problem(&again.page, what));
            return again.shown();
        }
    };
    let mut tx = app.db.begin().await.doing(DOING)?;
    match announcement.make(&mut tx, again.course.id, author.id, form.key).await {
        Ok(()) => {
            tx.commit().await.doing(DOING)?;
            Ok(see_other(&format!("{}?done=told", again.page.to(paths::ANNOUNCEMENTS, "slug", &slug))))
        }
        Err(AnnounceError::TooMany) => {
            again.refused = Some(again.page.text1(key("announcement-too-many"), "most", NewAnnouncement::MOST_A_DAY));
            again.shown()
        }
        other => other.doing(DOING).and(Err(Problem::NotFound)),
    }
}
