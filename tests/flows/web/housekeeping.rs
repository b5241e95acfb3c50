//! What keeping house has come to, as operators see it, and what it would.

use faena_tests::{
    process::{NO_SMTP, start_worker},
    wait::until,
};
use reqwest::StatusCode;

use super::{Page, Web, leads_to};

const PAGE: &str = "/ops/housekeeping";

/// The jobs that keep house, each a file of its own.
fn keepers() -> Vec<String> {
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../jobs/src/housekeeping")).unwrap();
    let paths = files.map(|file| file.unwrap().path()).filter(|path| path.is_file());
    let jobs = paths.filter(|path| std::fs::read_to_string(path).unwrap().contains("impl Job for "));
    let mut names: Vec<String> = jobs.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort_unstable();
    names
}

impl Page {
    /// The row of a job at the top.
    fn keeper(&self, job: &str) -> String {
        let rows = self.texts("table:first-of-type tbody tr");
        rows.into_iter().find(|row| row.starts_with(job)).unwrap_or_else(|| panic!("no {job} in {}", self.html))
    }
}

#[tokio::test]
async fn an_operator_has_a_sweep_counted_and_sees_what_it_would_remove() {
    let web = Web::start().await.with_demo_accounts().await;
    sqlx::raw_sql(
        "insert into core.sessions (id_hash, data, expires_at)
         select sha256(n::text::bytea), '{}', now() - interval '1 hour' from generate_series(1, 1234) n",
    )
    .execute(&web.stores.db)
    .await
    .unwrap();
    let operator = web.signed_in("operadora").await;
    let fresh = operator.page(PAGE).await;
    let rows = fresh.texts("table:first-of-type tbody tr");
    let shown: Vec<&str> = rows.iter().filter_map(|row| row.split(' ').next()).collect();
    assert_eq!(shown, keepers(), "every job that keeps house");
    assert_eq!(fresh.keeper("sweep_sessions"), "sweep_sessions — — Ensayar");
    assert!(fresh.html.contains("Todavía no hay ninguna"), "{}", fresh.html);
    jobs::catalogue().publication().write(&mut web.stores.db.acquire().await.unwrap(), "test").await.unwrap();

    let answer = operator.send(PAGE, "/ops/housekeeping/sweep_sessions/dry-run", &[]).await;

    let here = leads_to(&answer).to_owned();
    assert!(operator.page(&here).await.text(".notice.good").contains("El ensayo está en cola"));
    let _worker = start_worker(&web.stores, NO_SMTP, &[]).await;
    until("the dry run to be over", async || operator.page(&here).await.keeper("sweep_sessions").contains("sessions 1234")).await;
    let counted = operator.page(&here).await;
    let run = counted.text("h2#runs ~ div tbody tr");
    assert!(run.contains("completado") && run.contains("ensayo") && run.contains("sessions 1234"), "{run}");
    assert_eq!(counted.attribute("body", "data-refresh-s").as_deref(), Some("5"), "who asked for it waits for it");
    assert_eq!(operator.page(PAGE).await.attribute("body", "data-refresh-s").as_deref(), Some("0"));
    assert_eq!(web.number("select count(*) from core.sessions where expires_at < now()").await, 1234, "nothing went");
    let noted = "select count(*) from core.audit_log a join core.users u on u.id = a.actor_id join core.sweeps s on a.subject = 'job:' || s.job_id
         where a.action = 'ask_dry_run' and u.email = 'operadora@faena.example'";
    assert_eq!(web.number(noted).await, 1);
    let unknown = operator.send(PAGE, "/ops/housekeeping/welcome_learner/dry-run", &[]).await;
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND, "it keeps no house");
}

#[tokio::test]
async fn runs_stand_page_by_page_the_latest_first_with_how_they_went() {
    let web = Web::start().await.with_demo_accounts().await;
    sqlx::raw_sql(
        "insert into core.sweeps (job_id, job, dry_run, began_at, finished_at, looked_at, counts)
         select gen_random_uuid(), case n % 2 when 0 then 'sweep_ledger' else 'sweep_tokens' end, false, now() - n * interval '1 hour',
             now() - n * interval '1 hour' + interval '90 seconds', n, jsonb_build_object('completed', n, 'attempts', 2 * n, 'dead', 0)
         from generate_series(1, 120) n;
         insert into core.sweeps (job_id, job, dry_run, began_at) values
             ('00000000-0000-7000-8000-000000000001', 'sweep_files', false, now() - interval '5 minutes'),
             ('00000000-0000-7000-8000-000000000002', 'sweep_reports', false, now() - interval '6 minutes');
         insert into faena.jobs (id, queue, name, version, args, durability, state, reason, attempts, enqueued_at, ended_at)
         values ('00000000-0000-7000-8000-000000000002', 'low', 'sweep_reports', 1, '{}', 'outbox', 'dead', 'no store', 10, now(), now())",
    )
    .execute(&web.stores.db)
    .await
    .unwrap();
    let operator = web.signed_in("operadora").await;

    let first = operator.page(PAGE).await;

    let rows = first.texts("h2#runs ~ div tbody tr");
    assert!(rows[0].starts_with("sweep_files en marcha") && rows[1].starts_with("sweep_reports muerto"), "{rows:?}");
    assert!(rows[2].starts_with("sweep_tokens completado") && rows[2].contains("1 min 30 s"), "{rows:?}");
    assert!(rows[2].ends_with("attempts 2 · completed 1"), "the most first, and nothing of none: {rows:?}");
    let last = first.keeper("sweep_ledger");
    assert!(last.contains("attempts 4 · completed 2"), "its latest: {last}");
    let (mut seen, mut next) = (rows.len(), first.attribute("a[rel=next]", "href"));
    while let Some(path) = next {
        let page = operator.page(&path).await;
        seen += page.texts("h2#runs ~ div tbody tr").len();
        next = page.attribute("a[rel=next]", "href");
    }
    assert_eq!(seen, 122);
    let of_one = operator.page("/ops/housekeeping?job=sweep_ledger").await;
    let rows = of_one.texts("h2#runs ~ div tbody tr");
    assert!(rows.len() == 50 && rows.iter().all(|row| row.starts_with("sweep_ledger")), "{rows:?}");
    assert!(of_one.attribute("a[rel=next]", "href").unwrap().contains("job=sweep_ledger"));
}
