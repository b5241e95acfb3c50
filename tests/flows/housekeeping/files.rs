//! Files that no row claims go after a week; a file that a row claims, or may claim yet, never does.

use faena_tests::stores::Stores;
use jobs::{
    catalogue,
    housekeeping::sweep_files::SweepFiles,
    ports::{
        blobs::{BlobTrouble, Blobs as _, File},
        fakes::Fakes,
    },
};
use queue::{
    JobId,
    kit::{Kit, Outcome},
};

use super::{Swept, counts, number, run_sql, swept};

const ISSUED: &str = "00000000-0000-4000-8000-000000000001";
const ASKED_FOR: &str = "00000000-0000-4000-8000-000000000002";
const NOBODYS: &str = "00000000-0000-4000-8000-000000000003";

struct Store {
    stores: Stores,
    fakes: Fakes,
    kit: Kit<jobs::ports::Ports>,
}

impl Store {
    async fn open() -> Self {
        let stores = Stores::fresh().await;
        let fakes = Fakes { live: Some(stores.store.clone()), ..Fakes::default() };
        let kit = Kit::new(catalogue(), fakes.ports()).with_database(stores.db.clone());
        Self { stores, fakes, kit }
    }

    async fn keeps(&self, key: &str) {
        let file = File { bytes: b"x", content_type: "application/pdf", name: "x.pdf" };
        self.fakes.blobs.put(key, file).await.unwrap();
    }

    fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.fakes.blobs.files().into_iter().map(|(key, _)| key).collect();
        keys.sort_unstable();
        keys
    }

    async fn sweeps(&self, dry_run: bool) -> Swept {
        let id = JobId::new();
        assert_eq!(self.kit.attempt(SweepFiles { dry_run }).id(id).await, Outcome::Completed);
        swept(&self.stores, id).await
    }

    /// A week goes by.
    async fn a_week_later(&self) {
        run_sql(&self.stores, "update core.unclaimed_files set first_seen_at = first_seen_at - interval '7 days 1 minute'").await;
    }
}

fn certificate(id: &str, byte: &str) -> String {
    format!("certificates/{id}/{}.pdf", byte.repeat(32))
}

fn report(id: &str, name: &str) -> String {
    format!("reports/{id}/{}.csv", name.repeat(32))
}

#[tokio::test]
async fn a_file_that_nobody_claims_goes_after_a_week_and_no_other_ever() {
    let store = Store::open().await;
    run_sql(
        &store.stores,
        "insert into core.users (email, full_name, role, password_hash) values ('ana@correo.example', 'Ana', 'admin', '-');
         insert into core.reports (id, requested_by, kind, format, params, params_hash, locale, time_zone, scope, job_id, state, object_key, bytes, sha256,
             finished_at, expires_at)
         select '00000000-0000-4000-8000-000000000001', id, 'sla', 'csv', '{}', sha256('x'), 'es', 'UTC', 'everything', gen_random_uuid(), 'ready',
             'reports/00000000-0000-4000-8000-000000000001/' || repeat('a', 32) || '.csv', 1, sha256('x'), now(), now() + interval '7 days' from core.users;
         insert into core.report_uploads (object_key, report_id)
         values ('reports/00000000-0000-4000-8000-000000000001/' || repeat('b', 32) || '.csv', '00000000-0000-4000-8000-000000000001')",
    )
    .await;
    run_sql(&store.stores, include_str!("certificates.sql")).await;
    let stays = [
        certificate(ISSUED, "aa"),
        // It may become the one: its certificate is still to be issued.
        certificate(ASKED_FOR, "bb"),
        report(ISSUED, "a"),
        report(ISSUED, "b"),
        "certificates/readme.txt".to_owned(),
        "somebody-elses/file.pdf".to_owned(),
    ];
    let goes = [certificate(ISSUED, "cc"), certificate(NOBODYS, "aa"), report(ISSUED, "c"), report(NOBODYS, "a")];
    for key in stays.iter().chain(&goes) {
        store.keeps(key).await;
    }
    let all = store.keys();

    assert_eq!(store.sweeps(false).await.counts.0, counts([("certificate_files", 0), ("report_files", 0)]), "they are noted");
    assert_eq!(store.keys(), all);
    assert_eq!(number(&store.stores, "select count(*) from core.unclaimed_files").await, 4);
    store.a_week_later().await;
    // The rows of one were missing, and are there again.
    run_sql(
        &store.stores,
        "insert into core.report_uploads (object_key, report_id)
         values ('reports/00000000-0000-4000-8000-000000000003/' || repeat('a', 32) || '.csv', '00000000-0000-4000-8000-000000000003')",
    )
    .await;

    let told = store.sweeps(true).await;
    assert_eq!((told.dry_run, told.counts.0), (true, counts([("certificate_files", 2), ("report_files", 1)])));
    assert_eq!(store.keys(), all, "a dry run removes nothing");
    assert_eq!(number(&store.stores, "select count(*) from core.unclaimed_files").await, 4, "and notes nothing");

    let done = store.sweeps(false).await;
    assert_eq!(done.counts.0, counts([("certificate_files", 2), ("report_files", 1)]));
    let mut left: Vec<String> = stays.to_vec();
    left.push(report(NOBODYS, "a"));
    left.sort_unstable();
    assert_eq!(store.keys(), left);
    assert_eq!(number(&store.stores, "select count(*) from core.unclaimed_files").await, 0, "what is claimed is forgotten");
}

#[tokio::test]
async fn a_sweep_that_dies_between_two_files_is_gone_on_with_and_counts_what_is_gone() {
    let store = Store::open().await;
    let keys: Vec<String> = (0..1_100).map(|n| format!("reports/{NOBODYS}/{n:032x}.csv")).collect();
    for key in &keys {
        store.keeps(key).await;
    }
    assert_eq!(store.sweeps(false).await.looked_at, 1_100, "more than a list has");
    store.a_week_later().await;
    let job = JobId::new();
    let trouble = BlobTrouble::Away("the line is cut".to_owned());
    store.fakes.blobs.fail_removals_with((0..700).map(|_| None).chain([Some(trouble)]));

    let died = store.kit.attempt(SweepFiles { dry_run: false }).id(job).await;

    assert!(matches!(&died, Outcome::Retry { .. }), "{died:?}");
    assert_eq!(store.keys().len(), 400, "so far it had come");
    assert_eq!(store.kit.attempt(SweepFiles { dry_run: false }).id(job).number(2).await, Outcome::Completed);
    assert!(store.keys().is_empty());
    let done = swept(&store.stores, job).await;
    assert!(done.finished_at.is_some() && done.counts.0["report_files"] == 1_100, "each is counted once: {done:?}");
    assert_eq!(number(&store.stores, "select count(*) from core.unclaimed_files").await, 0, "nothing is left of what was noted");
}
