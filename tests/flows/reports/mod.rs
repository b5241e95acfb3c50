//! Reports: figures that Python agrees with, files that programs of others read, and what becomes of one whatever happens.

mod daily;
mod fates;
mod figures;
mod files;
mod story;
mod swept;

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
};

use faena_tests::stores::Stores;
use jobs::{
    accounts::{
        locale::Locale,
        user::{User, UserId},
    },
    catalogue,
    ports::{Ports, fakes::Fakes},
    reports::{
        build_report::BuildReport,
        kind::{Format, Kind},
        report::{Asked, Report, ReportError, ReportId, ask},
        wish::{Params, Wish},
    },
};
use queue::kit::{Kit, Outcome};
use serde_json::{Value, json};
use worker::{pdf::Printer, xlsx::Xlsx};

/// A desk with tickets, a kit that makes reports with the real makers of spreadsheets and papers, and a store of files in memory.
struct Office {
    stores: Stores,
    fakes: Fakes,
    kit: Kit<Ports>,
}

impl Office {
    /// With the people and tickets of `data.sql`.
    async fn open() -> Self {
        let office = Self::empty().await;
        office.run(include_str!("data.sql")).await;
        office
    }

    /// With nobody and nothing.
    async fn empty() -> Self {
        let stores = Stores::fresh().await;
        let fakes = Fakes::default();
        let printer = Printer::open(&PathBuf::from("/usr/share/fonts")).unwrap();
        let ports = Ports { pdf: Some(Arc::new(printer)), spreadsheets: Some(Arc::new(Xlsx::default())), ..fakes.ports() };
        let kit = Kit::new(catalogue(), ports).with_database(stores.db.clone());
        Self { stores, fakes, kit }
    }

    async fn run(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&self.stores.db).await.unwrap();
    }

    async fn text(&self, sql: &'static str) -> String {
        sqlx::query_scalar(sql).fetch_one(&self.stores.db).await.unwrap()
    }

    async fn number(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.stores.db).await.unwrap()
    }

    async fn person(&self, email: &str) -> User {
        let id: UserId = sqlx::query_scalar("select id from core.users where email = $1::citext")
            .bind(format!("{email}@mesa.example"))
            .fetch_one(&self.stores.db)
            .await
            .unwrap();
        User::find(&self.stores.db, id).await.unwrap().unwrap()
    }

    async fn asks(&self, who: &str, kind: Kind, format: Format, params: Params) -> Result<Asked, ReportError> {
        let user = self.person(who).await;
        let wish = Wish { kind, format, params, locale: Locale::Es, time_zone: &user.time_zone };
        let mut tx = self.stores.db.begin().await.unwrap();
        let asked = ask(&mut tx, &user, &wish).await?;
        tx.commit().await.unwrap();
        Ok(asked)
    }

    /// Asks for one that is new.
    async fn wants(&self, who: &str, kind: Kind, format: Format, params: Params) -> ReportId {
        match self.asks(who, kind, format, params).await.unwrap() {
            Asked::New(report) => report,
            Asked::Before(report) => panic!("{report} is being made"),
        }
    }

    async fn attempt(&self, report_id: ReportId) -> Outcome {
        self.kit.attempt(BuildReport { report_id }).await
    }

    /// The report as it stands.
    async fn report(&self, id: ReportId) -> Report {
        Report::find(&self.stores.db, id).await.unwrap().unwrap()
    }

    /// Has a report made: its row and its file.
    async fn made(&self, who: &str, kind: Kind, format: Format, params: Params) -> (Report, Vec<u8>) {
        let id = self.wants(who, kind, format, params).await;
        assert_eq!(self.attempt(id).await, Outcome::Completed, "{kind} {format}");
        let report = self.report(id).await;
        let key = report.object_key.clone().expect("a key");
        let files = self.fakes.blobs.files();
        let file = files.into_iter().find(|(of, _)| *of == key).expect("a file under the key").1;
        assert_eq!(report.bytes, Some(file.len() as i64));
        assert_eq!(self.number("select count(*) from core.report_uploads").await, 0, "the file is the report's");
        (report, file)
    }

    /// What Python's opinion of the file is; nothing: it is right.
    async fn judged(&self, kind: Kind, params: Params, zone: &str, agent: Option<UserId>, file: &[u8]) -> String {
        let rows = self
            .text(
                "select jsonb_build_object('now', now(),
                     'tickets', (select coalesce(jsonb_agg(to_jsonb(t) - 'description'), '[]') from desk.tickets t),
                     'clocks', (select coalesce(jsonb_agg(to_jsonb(c)), '[]') from desk.sla_clocks c),
                     'clients', (select coalesce(jsonb_agg(to_jsonb(c)), '[]') from desk.clients c),
                     'users', (select coalesce(jsonb_agg(to_jsonb(u)), '[]') from core.users u where disabled_at is null))::text",
            )
            .await;
        let mut given: Value = serde_json::from_str(&rows).unwrap();
        given["kind"] = kind.as_str().into();
        given["zone"] = zone.into();
        given["from"] = params.from.to_string().into();
        given["to"] = params.to.to_string().into();
        given["client"] = json!(params.client);
        given["agent"] = json!(agent);
        given["csv"] = String::from_utf8(file.to_vec()).expect("UTF-8").into();
        python("judge.py", given.to_string().as_bytes(), &[])
    }
}

/// What a script beside these stories says, given that on its standard input.
fn python(script: &str, given: &[u8], args: &[&str]) -> String {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("flows/reports").join(script);
    let mut python = Command::new("/usr/bin/python3")
        .arg(script)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3 is installed");
    let mut input = python.stdin.take().unwrap();
    let given = given.to_vec();
    let writing = std::thread::spawn(move || input.write_all(&given));
    let output = python.wait_with_output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the judge failed: {complaint}");
    writing.join().unwrap().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn params(from: &str, to: &str) -> Params {
    Params { from: from.parse().unwrap(), to: to.parse().unwrap(), client: None }
}
