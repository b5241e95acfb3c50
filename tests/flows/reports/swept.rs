//! Files whose time is over go, and what nobody ever got; nothing else does.

use bytes::Bytes;
use jobs::{
    housekeeping::sweep_reports::SweepReports,
    ports::blobs::{Blobs as _, File},
    reports::kind::{Format, Kind, State},
};
use queue::{JobId, kit::Outcome};

use super::{Office, params};

impl Office {
    async fn sweeps(&self, dry_run: bool) -> String {
        let id = JobId::new();
        assert_eq!(self.kit.attempt(SweepReports { dry_run }).id(id).await, Outcome::Completed);
        let counts: Option<String> =
            sqlx::query_scalar("select counts::text from core.sweeps where job_id = $1 and finished_at is not null")
                .bind(id)
                .fetch_one(&self.stores.db)
                .await
                .unwrap();
        counts.unwrap()
    }

    fn keys(&self) -> Vec<String> {
        self.fakes.blobs.files().into_iter().map(|(key, _)| key).collect()
    }

    /// Something that an attempt has left in the store.
    async fn left(&self, key: &str, report: &str, hours_ago: i32, has_name: bool) {
        let file = File { bytes: b"half", content_type: "text/csv", name: "x.csv" };
        let upload = self.fakes.blobs.begin(key, file).await.unwrap();
        self.fakes.blobs.put_part(key, &upload, 1, Bytes::from_static(b"half")).await.unwrap();
        self.fakes.blobs.put(key, file).await.unwrap();
        sqlx::query(
            "insert into core.report_uploads (object_key, report_id, upload_id, began_at) values ($1, $2::uuid, $3, now() - make_interval(hours => $4))",
        )
        .bind(key)
        .bind(report)
        .bind(Some(upload).filter(|_| has_name))
        .bind(hours_ago)
        .execute(&self.stores.db)
        .await
        .unwrap();
    }
}

#[tokio::test]
async fn files_go_when_their_time_is_over_and_what_was_left_in_the_store_goes_with_them() {
    let office = Office::open().await;
    let period = params("2026-10-01", "2026-10-31");
    let (old, _) = office.made("consuelo", Kind::Sla, Format::Csv, period).await;
    let (young, _) = office.made("consuelo", Kind::Sla, Format::Xlsx, period).await;
    let running = office.wants("consuelo", Kind::Times, Format::Csv, period).await.to_string();
    let nobody = "00000000-0000-0000-0000-000000000001";
    // The sweep's clock is the kit's, which may stand a little behind Postgres's.
    sqlx::query("update core.reports set expires_at = now() - interval '1 hour' where id = $1")
        .bind(old.id)
        .execute(&office.stores.db)
        .await
        .unwrap();
    office
        .run(
            "update core.reports set state = 'running', started_at = now() where state = 'queued';
             insert into core.reports (id, requested_by, kind, format, params, params_hash, locale, time_zone, scope, job_id, state, problem, finished_at)
             select gen_random_uuid(), u.id, 'sla', 'csv', '{}', sha256(age::text::bytea), 'es', 'UTC', 'own', gen_random_uuid(), 'failed', 'broken',
                 now() - make_interval(days => age) from core.users u, unnest(array[89, 91]) age where u.role = 'admin'",
        )
        .await;
    office.left("reports/dead/a.csv", nobody, 25, true).await;
    office.left("reports/dead/b.csv", nobody, 25, false).await;
    office.left("reports/lately/c.csv", nobody, 23, true).await;
    office.left("reports/live/d.csv", &running, 25, true).await;
    let before = office.keys();

    let told = office.sweeps(true).await;
    assert_eq!((office.keys(), office.report(old.id).await.state), (before, State::Ready), "a dry run changes nothing");
    let done = office.sweeps(false).await;

    assert_eq!(told, r#"{"reports": 1, "report_files": 1, "report_uploads": 2}"#);
    assert_eq!(done, told);
    let kept = [young.object_key.clone().unwrap(), "reports/lately/c.csv".to_owned(), "reports/live/d.csv".to_owned()];
    assert_eq!(office.keys(), kept);
    assert_eq!(office.fakes.blobs.open_uploads(), kept[1..], "also of the one whose name nobody had written down");
    let expired = office.report(old.id).await;
    assert_eq!((expired.state, expired.file_at(chrono::Utc::now())), (State::Expired, None));
    assert!(office.report(young.id).await.file_at(chrono::Utc::now()).is_some());
    assert_eq!(office.sweeps(false).await, r#"{"reports": 0, "report_files": 0, "report_uploads": 0}"#);
}
