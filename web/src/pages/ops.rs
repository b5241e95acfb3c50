//! `GET /ops`: the engine at a glance, worst news first.

use std::time::Duration;

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use jobs::{accounts::locale::Locale, operators::bilingual::Bilingual};
use queue::{
    Paused, SlotUse, WorkerBeat,
    operations::{JobFilter, JobSummary, LaneOverview, Notice, OperationsError, Overview, State as JobState},
};
use schedules::LATE_KEY;
use tokio::time::timeout;

use crate::{
    app::App,
    page::{Page, key, render},
    problem::{Doing as _, Problem},
};

/// A job that has waited this long for a slot is worth a look.
const LONG_WAIT: Duration = Duration::from_secs(60);
/// How often pages of the operators refresh themselves.
pub(super) const REFRESH_S: u64 = 5;
/// How long the stores have to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many running jobs stand on the page.
const RUNNING: usize = 20;

#[derive(Template)]
#[template(path = "ops.html")]
struct Ops {
    page: Page,
    glance: Option<Glance>,
    /// What stands in the way as Postgres has it, where the rest could not be looked at.
    notices: Vec<Notice>,
}

impl Ops {
    /// How often the page refreshes itself.
    fn refresh_s(&self) -> u64 {
        REFRESH_S
    }
}

/// What the stores say.
struct Glance {
    overview: Overview,
    running: Vec<JobSummary>,
}

impl Glance {
    /// So many late schedules are named.
    const LATE: usize = 12;

    fn late_schedules(&self) -> Vec<&str> {
        self.overview.notices.iter().filter_map(|notice| notice.key.strip_prefix(LATE_KEY)).collect()
    }

    /// Lanes that are paused by themselves, and by whom: among them may be that of the jobs which watch all others.
    fn paused_lanes(&self) -> impl Iterator<Item = (&LaneOverview, &str)> {
        let is_with_queue =
            |lane: &LaneOverview| self.overview.pauses.iter().any(|pause| pause.what == Paused::Queue(lane.lane.queue()));
        let lanes = self.overview.lanes.iter().filter(move |lane| !is_with_queue(lane));
        lanes.filter_map(|lane| Some((lane, lane.paused_by.as_deref()?)))
    }

    fn other_notices(&self) -> impl Iterator<Item = &Notice> {
        self.overview.notices.iter().filter(|notice| !notice.key.starts_with(LATE_KEY))
    }

    /// A notice in the reader's language, and the page that it is about, if they may open it.
    fn said(message: &str, page: &Page) -> (String, Option<String>) {
        let Bilingual { es, en, path } = Bilingual::read(message);
        let path = path.filter(|path| page.is_admin() || !path.starts_with("/admin/"));
        (if page.locale == Locale::Es { es } else { en }, path)
    }

    fn total(&self, state: JobState) -> u64 {
        self.overview.lanes.iter().map(|lane| lane.count(state)).sum()
    }

    fn oldest(&self) -> Option<Duration> {
        self.overview.lanes.iter().filter_map(|lane| lane.oldest_age).max()
    }

    fn waits_long(&self) -> bool {
        self.oldest().is_some_and(|age| age > LONG_WAIT)
    }

    fn relay_lags(&self) -> bool {
        self.overview.relay_lag.is_some_and(|lag| lag > LONG_WAIT)
    }

    fn alive(&self) -> usize {
        self.overview.workers.iter().filter(|worker| !self.is_silent(worker)).count()
    }

    fn is_silent(&self, worker: &WorkerBeat) -> bool {
        worker.is_silent(self.overview.taken_at)
    }

    fn slots<'a>(worker: &'a WorkerBeat, lane: &queue::Lane) -> Option<&'a SlotUse> {
        worker.lanes.get(lane)
    }
}

fn waits_long(lane: &LaneOverview) -> bool {
    lane.oldest_age.is_some_and(|age| age > LONG_WAIT)
}

/// What the engine says of a job's end, in the reader's language; what a job said itself stands as it is.
pub(super) fn said_reason(reason: &str, page: &Page) -> String {
    let said = [
        ("duplicate of ", key("ops-reason-duplicate")),
        ("expired: not worth running after ", key("ops-reason-expired")),
        ("cancelled by ", key("ops-reason-cancelled")),
    ];
    let known = said.into_iter().find_map(|(prefix, key)| Some((key, reason.strip_prefix(prefix)?)));
    known.map_or_else(|| reason.to_owned(), |(key, rest)| format!("{} {rest}", page.text(key)))
}

/// What the time of a job in that state means.
pub(super) fn when(state: JobState) -> &'static str {
    match state {
        JobState::Running => key("ops-claimed"),
        JobState::Completed | JobState::Cancelled | JobState::Dead => key("ops-ended"),
        _ => key("ops-due"),
    }
}

/// Shows the page. While Redis is away it says so, and what else is known: that is the news then.
pub(crate) async fn show(State(app): State<App>, page: Page) -> Result<Response, Problem> {
    let filter = JobFilter { state: JobState::Running, lane: None };
    let looking = async {
        let (overview, running) = (app.operations.overview(), app.operations.jobs(filter, None, RUNNING));
        let (overview, running) = tokio::try_join!(overview, running)?;
        Ok(Glance { overview, running: running.jobs })
    };
    let glance = match timeout(PATIENCE, looking).await {
        Ok(Ok(glance)) => Some(glance),
        Ok(Err(OperationsError::Redis(error))) => {
            tracing::warn!(%error, "the queues cannot be looked at");
            None
        }
        Ok(Err(error)) => return Err(error).doing("looking at the queues"),
        Err(_) => {
            tracing::warn!("the queues cannot be looked at: no answer in time");
            None
        }
    };
    let status = if glance.is_some() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let notices = match glance {
        Some(_) => Vec::new(),
        None => app.operations.notices().await.doing("looking for notices")?,
    };
    render(status, &Ops { page, glance, notices })
}
