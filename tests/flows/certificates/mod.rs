//! Certificates: the real web and worker, a real store, and what programs of others say of the files and signatures.

mod amended;
mod asked;
mod checked;
mod demo;
mod story;

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use faena_tests::{http::http_client, judge::quiet, site::Site, wait::eventually};
use jobs::accounts::user::UserId;
use reqwest::{Client, Response, StatusCode, header};
use scraper::{Html, Selector};
use serde_json::Value;

/// The password of the demo's accounts.
const PASSWORD: &str = "faena-de-prueba-2026";

/// A school with one course of one lesson, and everything around it.
struct Academy {
    site: Site,
}

/// Somebody with a browser, signed in.
struct Person {
    id: UserId,
    email: String,
    site: String,
    client: Client,
}

/// A certificate as it stands in the table.
#[derive(Debug, Clone, sqlx::FromRow)]
struct Row {
    id: uuid::Uuid,
    serial: String,
    holder_name: String,
    key_id: String,
    pdf_sha256: Vec<u8>,
    pdf_bytes: i32,
    status_list: i32,
    status_index: i32,
}

impl Academy {
    async fn open() -> Self {
        let site = Site::start().await;
        sqlx::raw_sql(include_str!("../../../deploy/demo.sql")).execute(&site.stores.db).await.unwrap();
        sqlx::raw_sql(
            "with course as (
                 insert into school.courses (slug, title, summary, instructor_id, level, hours, price_minor, currency, status, published_at)
                 select 'rust', 'Rust con «ñ» & cía.', 'Un curso.', id, 'beginner', 8, 0, 'USD', 'published', now()
                 from core.users where email = 'instructora@faena.example' returning id)
             insert into school.sections (course_id, position, title, minutes) select id, 1, 'Uno', 5 from course",
        )
        .execute(&site.stores.db)
        .await
        .unwrap();
        Self { site }
    }

    /// Somebody new who takes the course.
    async fn learner(&self, name: &str) -> Person {
        let email = format!("{}@correo.example", uuid::Uuid::new_v4().simple());
        let id: UserId = sqlx::query_scalar(
            "with person as (
                 insert into core.users (email, full_name, role, password_hash)
                 select $1, $2, 'learner', password_hash from core.users where email = 'aprendiz@faena.example' returning id)
             insert into school.enrolments (user_id, course_id) select p.id, c.id from person p, school.courses c returning user_id",
        )
        .bind(&email)
        .bind(name)
        .fetch_one(&self.site.stores.db)
        .await
        .unwrap();
        self.sign_in(id, email).await
    }

    async fn admin(&self) -> Person {
        let email = "admin@faena.example".to_owned();
        let id = sqlx::query_scalar("select id from core.users where email = $1::citext")
            .bind(&email)
            .fetch_one(&self.site.stores.db)
            .await;
        self.sign_in(id.unwrap(), email).await
    }

    async fn sign_in(&self, id: UserId, email: String) -> Person {
        let person = Person { id, email, site: self.site.url.clone(), client: http_client() };
        let answer = person.send("/entrar", "/entrar", &[("email", &person.email), ("password", PASSWORD), ("next", "")]).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{}", self.site.web.log_text());
        person
    }

    /// Completes the course and has the certificate, once everything has come to rest.
    async fn certified(&self, name: &str) -> (Person, Row) {
        let learner = self.learner(name).await;
        learner.completes().await;
        let row = self.certificate_of(learner.id).await;
        (learner, row)
    }

    /// The certificate of that person that counts.
    async fn certificate_of(&self, user: UserId) -> Row {
        let row = eventually(format!("the certificate of {user}"), async || {
            sqlx::query_as("select * from school.certificates where user_id = $1 and issued_at is not null and ended_at is null")
                .bind(user)
                .fetch_optional(&self.site.stores.db)
                .await
                .unwrap()
        })
        .await;
        quiet(&self.site.stores).await;
        row
    }

    async fn get(&self, path: &str) -> Response {
        http_client().get(format!("{}{path}", self.site.url)).send().await.unwrap()
    }

    async fn page(&self, path: &str) -> (StatusCode, String) {
        let answer = self.get(path).await;
        (answer.status(), answer.text().await.unwrap())
    }

    async fn json(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        assert_eq!(answer.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*", "{path}");
        answer.json().await.unwrap()
    }

    /// Brings a file to be compared.
    async fn brings(&self, to: &str, file: &[u8]) -> (StatusCode, String) {
        let begin = "--piece\r\ncontent-disposition: form-data; name=\"file\"; filename=\"it.pdf\"\r\ncontent-type: application/pdf\r\n\r\n";
        let body = [begin.as_bytes(), file, b"\r\n--piece--\r\n"].concat();
        let answer = http_client()
            .post(format!("{}{to}", self.site.url))
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=piece")
            .body(body)
            .send()
            .await
            .unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    /// What the independent judge says of what the web shows of a certificate, and of the learner's credential.
    async fn judged(&self, learner: &Person, row: &Row) -> Value {
        judge(&self.evidence(learner, row).await).unwrap()
    }

    async fn evidence(&self, learner: &Person, row: &Row) -> Value {
        let statement = self.get(&format!("/v/{}/statement", row.serial)).await;
        let signature = statement.headers()["x-signature-ed25519"].to_str().unwrap().to_owned();
        let key_url = statement.headers()["x-signature-key"].to_str().unwrap().to_owned();
        let credential = learner.get(&format!("/certificados/{}/credencial", row.id)).await;
        assert_eq!(credential.headers()[header::CONTENT_TYPE], "application/vc+jwt");
        serde_json::json!({
            "statement": statement.text().await.unwrap(),
            "signature": signature,
            "key_url": key_url,
            "key": self.json(key_url.strip_prefix(&self.site.url).unwrap()).await,
            "keys": self.json("/.well-known/jwks.json").await,
            "email": learner.email,
            "credential": credential.text().await.unwrap(),
            "status_list": self.get(&format!("/credentials/status/{}", row.status_list)).await.text().await.unwrap(),
        })
    }
}

impl Person {
    async fn get(&self, path: &str) -> Response {
        self.client.get(format!("{}{path}", self.site)).send().await.unwrap()
    }

    async fn page(&self, path: &str) -> String {
        self.get(path).await.text().await.unwrap()
    }

    /// Opens the page at `from`, fills its form in and sends it to `to`.
    async fn send(&self, from: &str, to: &str, fields: &[(&str, &str)]) -> Response {
        let page = self.page(from).await;
        let token = first(&page, "input[name=csrf]", "value").unwrap_or_else(|| panic!("no form in {page}"));
        let fields: Vec<_> = fields.iter().copied().chain([("csrf", token.as_str())]).collect();
        self.client.post(format!("{}{to}", self.site)).form(&fields).send().await.unwrap()
    }

    /// Marks the course's only lesson as done.
    async fn completes(&self) {
        let answer = self.send("/cursos/rust/1", "/cursos/rust/1/hecha", &[]).await;
        assert_eq!(leads_to(&answer), "/cursos/rust?done=completed");
    }

    /// Fetches the certificate's file as a browser does: from us to the store.
    async fn fetches(&self, row: &Row) -> Vec<u8> {
        let answer = self.get(&format!("/certificados/{}/pdf", row.id)).await;
        let link = leads_to(&answer).to_owned();
        // The store knows nothing of our session.
        let file = http_client().get(link).send().await.unwrap();
        assert_eq!(file.status(), StatusCode::OK);
        assert_eq!(file.headers()[header::CONTENT_TYPE], "application/pdf");
        assert_eq!(file.headers()[header::CONTENT_DISPOSITION], format!("attachment; filename=\"{}.pdf\"", row.serial));
        file.bytes().await.unwrap().to_vec()
    }
}

/// Where an answer leads.
fn leads_to(answer: &Response) -> &str {
    assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{answer:?}");
    answer.headers()[header::LOCATION].to_str().unwrap()
}

fn first(page: &str, selector: &str, attribute: &str) -> Option<String> {
    Html::parse_document(page)
        .select(&Selector::parse(selector).unwrap())
        .find_map(|element| element.attr(attribute).map(str::to_owned))
}

/// Runs a program of others on a file.
fn asked(program: &str, args: &[&str], file: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("it.pdf"), file).unwrap();
    let output = Command::new(program).args(args).current_dir(folder.path()).output();
    let output = output.unwrap_or_else(|error| panic!("{program} is not installed (tests/run does): {error}"));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What Python's cryptography and PyJWT make of signatures, tokens and lists; nothing, where they refuse them.
fn judge(given: &Value) -> Option<Value> {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("flows/certificates/judge.py");
    let mut python = Command::new("/usr/bin/python3")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    serde_json::to_writer(python.stdin.take().unwrap(), given).unwrap();
    let output = python.wait_with_output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() || complaint.contains("InvalidSignatureError"), "the judge failed: {complaint}");
    output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
}
