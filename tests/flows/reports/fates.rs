//! What becomes of a report whose asker has fallen, that is too large, that nobody wants any more, or whose store is away.

use std::time::Duration;

use jobs::{
    ports::blobs::BlobTrouble,
    reports::{
        announce_report::AnnounceReport,
        build_report::BuildReport,
        close_report::CloseReport,
        kind::{Format, Kind, Problem, State},
        report::{Asked, MOST_LIVE, ReportError, cancel},
    },
};
use queue::{Job as _, kit::Outcome};

use super::{Office, params};

impl Office {
    async fn stands(&self, id: jobs::reports::report::ReportId) -> (State, Option<Problem>) {
        let report = self.report(id).await;
        (report.state, report.problem)
    }

    /// Thirty thousand tickets of one day, with titles that fill some megabytes. Nobody looks for them by their words.
    async fn with_many_tickets(&self) {
        self.run(
            "alter table desk.tickets disable trigger write_own_words;
             insert into desk.tickets (created_at, client_id, title, description, status, created_by, updated_at, search)
             select timestamptz '2026-11-24 06:00+00' + n * interval '1 second', c.id, rpad('Asunto ' || n || ' ', 290, 'y más '), '-', 'new', u.id, now(), ''
             from generate_series(1, 30000) n, desk.clients c, core.users u where c.name like 'Nada%' and u.role = 'client'",
        )
        .await;
    }
}

#[tokio::test]
async fn who_has_fallen_since_they_asked_gets_nothing_and_is_told_why() {
    let office = Office::open().await;
    let period = params("2026-10-01", "2026-10-31");
    let id = office.wants("consuelo", Kind::Sla, Format::Csv, period).await;
    office.run("update core.users set role = 'agent' where email like 'consuelo%'").await;

    let refused = "whoever asked for it may not have it any more".to_owned();
    assert_eq!(office.attempt(id).await, Outcome::Cancelled { reason: refused.clone() });
    assert_eq!(office.stands(id).await, (State::Failed, Some(Problem::NotAllowed)));
    assert!(office.fakes.blobs.files().is_empty());
    assert!(matches!(office.asks("inigo", Kind::Sales, Format::Csv, period).await, Err(ReportError::NotAllowed)));

    // An agent who has risen since gets what they had asked for: their own.
    let id = office.wants("inigo", Kind::Tickets, Format::Csv, period).await;
    office.run("update core.users set role = 'manager' where email like 'inigo%'").await;
    assert_eq!(office.attempt(id).await, Outcome::Completed);
    let own = office
        .number(
            "select count(*) from desk.tickets t join core.users u on u.id = t.assigned_to and u.email like 'inigo%'
             where t.created_at >= '2026-10-01 05:00+00' and t.created_at < '2026-11-01 05:00+00'",
        )
        .await;
    assert_eq!(office.report(id).await.rows, own);

    let id = office.wants("grace", Kind::Tickets, Format::Csv, period).await;
    office.run("update core.users set disabled_at = now() where email like 'grace%'").await;
    assert_eq!(office.attempt(id).await, Outcome::Cancelled { reason: refused });
}

#[tokio::test]
async fn the_same_wish_is_one_report_while_it_is_made_and_ten_are_enough() {
    let office = Office::open().await;
    let period = params("2026-10-01", "2026-10-31");
    let id = office.wants("consuelo", Kind::Sla, Format::Csv, period).await;
    assert_eq!(office.asks("consuelo", Kind::Sla, Format::Csv, period).await.unwrap(), Asked::Before(id));
    office.wants("consuelo", Kind::Sla, Format::Xlsx, period).await;
    office.wants("ada", Kind::Sla, Format::Csv, period).await;
    assert_eq!(office.attempt(id).await, Outcome::Completed);
    assert!(matches!(office.asks("consuelo", Kind::Sla, Format::Csv, period).await.unwrap(), Asked::New(_)), "the other is over");
    for day in 3..=MOST_LIVE {
        office.wants("consuelo", Kind::Times, Format::Csv, params("2026-10-01", &format!("2026-10-{day:02}"))).await;
    }
    let one_more = office.asks("consuelo", Kind::Times, Format::Csv, period).await;
    assert!(matches!(one_more, Err(ReportError::TooMany)), "{one_more:?}");
    let at_once = futures(&office).await;
    assert_eq!(at_once, 1, "of ten who ask at once");
}

/// Ten connections ask for the same at once: how many reports that makes.
async fn futures(office: &Office) -> usize {
    let asking = (0..10).map(|_| office.asks("ada", Kind::Volumes, Format::Pdf, params("2026-10-01", "2026-10-02")));
    let asked = futures_util::future::join_all(asking).await;
    asked.into_iter().filter(|asked| matches!(asked, Ok(Asked::New(_)))).count()
}

#[tokio::test]
async fn what_is_too_large_for_its_format_or_makes_no_sense_is_not_tried_again() {
    let office = Office::open().await;
    office.with_many_tickets().await;
    let day = params("2026-11-24", "2026-11-24");
    let id = office.wants("consuelo", Kind::Tickets, Format::Pdf, day).await;
    let outcome = office.attempt(id).await;
    assert_eq!(outcome, Outcome::Dead { reason: "it has 30000 rows, and pdf takes 3000".to_owned() });
    assert_eq!(office.stands(id).await, (State::Failed, Some(Problem::TooLarge)));

    let id = office.wants("consuelo", Kind::Sla, Format::Csv, day).await;
    office.run("update core.reports set params = '{\"from\": \"2026-11-24\"}' where state = 'queued'").await;
    assert!(matches!(office.attempt(id).await, Outcome::Dead { reason } if reason.contains("params: missing field `to`")));
    let id = office.wants("consuelo", Kind::Sla, Format::Csv, day).await;
    office.run("update core.reports set time_zone = 'Nowhere/Land' where state = 'queued'").await;
    assert!(matches!(office.attempt(id).await, Outcome::Dead { reason } if reason.contains("there is no Nowhere/Land")));
    assert_eq!(office.stands(id).await, (State::Failed, Some(Problem::BadParams)));
    for (from, to) in [("2026-11-24", "2026-11-23"), ("2020-01-01", "2026-01-01")] {
        assert!(matches!(office.asks("consuelo", Kind::Sla, Format::Csv, params(from, to)).await, Err(ReportError::Period(_))));
    }
    assert!(office.fakes.blobs.files().is_empty() && office.fakes.blobs.open_uploads().is_empty());
}

#[tokio::test]
async fn a_large_file_goes_in_parts_and_whatever_fails_leaves_nothing_behind() {
    let office = Office::open().await;
    office.with_many_tickets().await;
    let day = params("2026-11-24", "2026-11-24");
    let id = office.wants("consuelo", Kind::Tickets, Format::Csv, day).await;
    let away = || BlobTrouble::Away("a storm".to_owned());
    // The upload is not begun; then its first part does not arrive; then its last.
    office.fakes.blobs.fail_with([away()]);
    let outcome = office.attempt(id).await;
    assert!(matches!(&outcome, Outcome::Retry { error, .. } if error.contains("a storm")), "{outcome:?}");
    for passes in [1, 2] {
        office.fakes.blobs.let_pass(passes);
        office.fakes.blobs.fail_with([away()]);
        let outcome = office.attempt(id).await;
        assert!(matches!(&outcome, Outcome::Retry { error, .. } if error.contains("a storm")), "{outcome:?}");
        assert!(office.fakes.blobs.files().is_empty() && office.fakes.blobs.open_uploads().is_empty(), "after {passes}");
    }
    office.fakes.blobs.fail_with([away()]);
    let waits = office.kit.attempt(BuildReport { report_id: id }).number(BuildReport::MAX_ATTEMPTS).await;
    assert!(
        matches!(&waits, Outcome::Throttled { reason, .. } if reason.contains("a storm")),
        "it does not die of that: {waits:?}"
    );
    assert_eq!(office.stands(id).await, (State::Running, None));
    office.fakes.blobs.fail_with([BlobTrouble::Refused("AccessDenied".to_owned())]);
    assert!(matches!(office.attempt(id).await, Outcome::Throttled { .. }), "only a person can help");
    assert!(office.text("select message from faena.notices where key = 'blobs'").await.contains("informes esperan"));
    assert!(office.fakes.blobs.files().is_empty() && office.fakes.blobs.open_uploads().is_empty());
    assert_eq!(office.number("select count(*) from core.report_uploads").await, 0);

    assert_eq!(office.attempt(id).await, Outcome::Completed);

    let (report, files) = (office.report(id).await, office.fakes.blobs.files());
    assert_eq!((report.state, report.rows, files.len()), (State::Ready, 30_000, 1));
    assert!(files[0].1.len() > 8 * 1024 * 1024, "in parts: {}", files[0].1.len());
    assert_eq!(report.sha256.as_deref(), Some(ring::digest::digest(&ring::digest::SHA256, &files[0].1).as_ref()));
    assert_eq!(office.judged(Kind::Tickets, day, "Europe/Madrid", None, &files[0].1).await, "");
    assert_eq!(office.number("select count(*) from faena.notices where key = 'blobs'").await, 0);
    assert_eq!(office.kit.enqueued::<AnnounceReport>().await.len(), 1);
    assert!(matches!(office.attempt(id).await, Outcome::Cancelled { reason } if reason == "the report is ready"));
}

#[tokio::test]
async fn a_report_that_nobody_wants_any_more_is_not_made() {
    let office = Office::open().await;
    office.with_many_tickets().await;
    let day = params("2026-11-24", "2026-11-24");
    let (id, user) = (office.wants("consuelo", Kind::Tickets, Format::Csv, day).await, office.person("consuelo").await.id);
    let stranger = office.person("ada").await.id;
    let mut tx = office.stores.db.begin().await.unwrap();
    assert!(!cancel(&mut tx, stranger, id).await.unwrap(), "it is somebody else's");
    assert!(cancel(&mut tx, user, id).await.unwrap());
    tx.commit().await.unwrap();
    assert!(matches!(office.attempt(id).await, Outcome::Cancelled { reason } if reason == "the report is cancelled"));

    // Whoever has the worker stop, stops a report in the middle, and its file with it.
    let id = office.wants("consuelo", Kind::Tickets, Format::Csv, day).await;
    let stopped = office.kit.attempt(jobs::reports::build_report::BuildReport { report_id: id });
    let outcome = stopped.stopped_after(Duration::from_millis(1)).await;
    assert!(!matches!(outcome, Outcome::Completed | Outcome::Dead { .. }), "{outcome:?}");
    assert!(office.fakes.blobs.files().is_empty() && office.fakes.blobs.open_uploads().is_empty());
    assert_eq!(office.number("select count(*) from core.report_uploads").await, 0);
    assert_eq!(office.stands(id).await.0, State::Running, "another attempt makes it");
}

#[tokio::test]
async fn a_report_whose_job_is_over_without_a_file_has_failed() {
    let office = Office::open().await;
    for (state, expected) in [("dead", (State::Failed, Some(Problem::Broken))), ("cancelled", (State::Cancelled, None))] {
        let id = office.wants("consuelo", Kind::Sla, Format::Csv, params("2026-10-01", "2026-10-31")).await;
        assert_eq!(office.kit.attempt(CloseReport { report_id: id }).await, Outcome::Completed);
        assert_eq!(office.stands(id).await.0, State::Queued, "its job is not over");
        sqlx::query(
            "insert into faena.jobs (id, queue, name, version, args, durability, state, reason, attempts, enqueued_at, ended_at)
             select job_id, 'low', 'build_report', 1, '{}', 'outbox', $2, 'because', 6, now(), now() from core.reports where id = $1",
        )
        .bind(id)
        .bind(state)
        .execute(&office.stores.db)
        .await
        .unwrap();
        assert_eq!(office.kit.attempt(CloseReport { report_id: id }).await, Outcome::Completed);
        assert_eq!(office.stands(id).await, expected);
    }
    // An operator runs the dead one again, first while the same is being made anew.
    let dead = office.number("select count(*) from core.reports where problem = 'broken'").await;
    assert_eq!(dead, 1);
    let first: jobs::reports::report::ReportId =
        sqlx::query_scalar("select id from core.reports where problem = 'broken'").fetch_one(&office.stores.db).await.unwrap();
    let again = office.wants("consuelo", Kind::Sla, Format::Csv, params("2026-10-01", "2026-10-31")).await;
    let outcome = office.attempt(first).await;
    assert!(matches!(&outcome, Outcome::Cancelled { reason } if reason.contains("has asked again")), "{outcome:?}");
    assert_eq!(office.attempt(again).await, Outcome::Completed);
    assert_eq!(office.attempt(first).await, Outcome::Completed);
    assert_eq!(office.stands(first).await, (State::Ready, None));
}
