//! Reports as people meet them: the real web and worker, a real store of files, letters; a worker that is killed, and somebody who changes their mind.

use std::time::Duration;

use faena_tests::{
    http::http_client,
    judge::quiet,
    sandbox::{HttpRule, S3_BUCKET},
    site::Site,
    wait::{eventually, until},
};
use jobs::reports::{kind::State, report::Report};
use reqwest::{Client, Response, StatusCode, header};
use scraper::{Html, Selector};

use super::python;

/// The password of the demo's accounts.
const PASSWORD: &str = "faena-de-prueba-2026";

/// A desk that has been open for a while, with its people and everything around it.
struct House {
    site: Site,
}

/// Somebody with a browser, signed in.
struct Person {
    email: String,
    site: String,
    client: Client,
}

impl House {
    async fn open() -> Self {
        let site = Site::start().await;
        for sql in [include_str!("../../../deploy/demo.sql"), include_str!("../../../deploy/demo-desk.sql")] {
            sqlx::raw_sql(sql).execute(&site.stores.db).await.unwrap();
        }
        Self { site }
    }

    async fn run(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&self.site.stores.db).await.unwrap();
    }

    /// So many tickets of today, each of some four hundred bytes in a file. Nobody looks for them by their words.
    async fn with_tickets(&self, count: i32) {
        self.run("alter table desk.tickets disable trigger write_own_words").await;
        sqlx::query(
            "insert into desk.tickets (created_at, client_id, title, description, status, created_by, updated_at, search)
             select now() - n * interval '1 millisecond', c.id, rpad('Asunto ' || n || ' ', 290, 'y más '), '-', 'new', u.id, now(), ''
             from generate_series(1, $1) n, desk.clients c, core.users u where c.name like 'Hospital%' and u.email = 'cliente@faena.example'",
        )
        .bind(count)
        .execute(&self.site.stores.db)
        .await
        .unwrap();
    }

    async fn person(&self, who: &str) -> Person {
        let person = Person { email: format!("{who}@faena.example"), site: self.site.url.clone(), client: http_client() };
        let fields = [("email", person.email.as_str()), ("password", PASSWORD), ("next", "")];
        assert_eq!(person.sends("/entrar", "/entrar", &fields).await.status(), StatusCode::SEE_OTHER, "{who}");
        person
    }

    /// The latest report, once it is so.
    async fn report(&self, state: State) -> Report {
        eventually(format!("a report that is {state}"), async || {
            let report: Report = sqlx::query_as("select * from core.reports order by created_at desc, id desc limit 1")
                .fetch_one(&self.site.stores.db)
                .await
                .unwrap();
            assert!(report.state.is_live() || report.state == state, "{report:?}");
            Some(report).filter(|report| report.state == state)
        })
        .await
    }

    /// A part of a file is held up in the store.
    async fn part_is_held_up(&self) {
        let rule = HttpRule::delay(Duration::from_secs(300)).method("PUT").path("/faena/reports/").once();
        self.site.sandbox.misbehave_s3([rule]).await.unwrap();
    }

    async fn a_part_is_on_its_way(&self) {
        until("a part to be on its way", async || !self.site.sandbox.s3_misbehaviour().await.unwrap().fired.is_empty()).await;
    }

    async fn number(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.site.stores.db).await.unwrap()
    }
}

impl Person {
    async fn get(&self, path: &str) -> Response {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.site) };
        self.client.get(url).send().await.unwrap()
    }

    async fn page(&self, path: &str) -> Html {
        Html::parse_document(&self.get(path).await.text().await.unwrap())
    }

    async fn token(&self, path: &str) -> String {
        let page = self.page(path).await;
        let field = Selector::parse("input[name=csrf]").unwrap();
        page.select(&field).find_map(|field| field.attr("value").map(str::to_owned)).expect("a form's token")
    }

    async fn sends(&self, from: &str, to: &str, fields: &[(&str, &str)]) -> Response {
        let token = self.token(from).await;
        let fields: Vec<_> = fields.iter().copied().chain([("csrf", token.as_str())]).collect();
        self.client.post(format!("{}{to}", self.site)).form(&fields).send().await.unwrap()
    }

    /// Asks for a report about today, whatever day that is to whom.
    async fn asks(&self, kind: &str, format: &str) -> Response {
        let day = |days| (chrono::Utc::now() + chrono::TimeDelta::days(days)).format("%Y-%m-%d").to_string();
        let (from, to) = (day(-1), day(1));
        self.sends("/informes", "/informes", &[("kind", kind), ("format", format), ("from", &from), ("to", &to), ("client", "")])
            .await
    }
}

/// The words of a part of a page, whatever stands between them.
fn text(page: &Html, selector: &str) -> String {
    let words: Vec<&str> = page.select(&Selector::parse(selector).unwrap()).flat_map(|element| element.text()).collect();
    words.join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn leads_to(answer: &Response) -> String {
    answer.headers()[header::LOCATION].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_report_is_asked_for_made_announced_and_fetched_by_whoever_asked_alone() {
    let house = House::open().await;
    house.with_tickets(30_000).await;
    let manager = house.person("jefa").await;
    assert!(text(&manager.page("/informes").await, "main").contains("Todavía no has pedido ninguno"));

    assert_eq!(leads_to(&manager.asks("tickets", "csv").await), "/informes");
    let report = house.report(State::Ready).await;

    let letter = house.site.sandbox.mail_to(&manager.email).await.unwrap();
    assert_eq!(letter.subject, "Tu informe está listo: Solicitudes");
    let link = format!("{}/informes/{}/archivo", house.site.url, report.id);
    let words = letter.text.expect("a letter in words");
    assert!(words.contains(&link) && words.contains("Filas: 30 000"), "{words}");
    let list = manager.page("/informes").await;
    let row = text(&list, "tbody tr");
    for said in ["Solicitudes", "Listo", "CSV", "30 000", "Descargar"] {
        assert!(row.contains(said), "{said}: {row}");
    }
    let answer = manager.get(&link).await;
    assert_eq!(answer.status(), StatusCode::FOUND);
    let signed = leads_to(&answer);
    assert!(signed.contains("X-Amz-Expires=300"), "{signed}");
    let answer = http_client().get(&signed).send().await.unwrap();
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/csv; charset=utf-8; header=present");
    assert!(answer.headers()[header::CONTENT_DISPOSITION].to_str().unwrap().starts_with("attachment; filename=\"tickets_"));
    let file = answer.bytes().await.unwrap();
    assert!(file.len() > 8 * 1024 * 1024 && report.bytes == Some(file.len() as i64), "it came in parts");
    assert_eq!(report.sha256.as_deref(), Some(ring::digest::digest(&ring::digest::SHA256, &file).as_ref()));
    let rows: Vec<Vec<String>> = serde_json::from_str(&python("read_csv.py", &file, &[])).unwrap();
    assert_eq!(rows.len(), 30_001);
    let audited = "select count(*) from core.audit_log a join core.users u on u.id = a.actor_id and u.email = 'jefa@faena.example'
                   where a.action in ('request_report', 'download_report') and a.subject = 'report:' || (select id from core.reports)";
    assert_eq!(house.number(audited).await, 2);

    // Nobody else learns that there is one; who is not signed in signs in first; a link that was changed opens nothing.
    assert_eq!(house.person("admin").await.get(&link).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(house.person("aprendiz").await.get(&link).await.status(), StatusCode::FORBIDDEN);
    assert!(leads_to(&http_client().get(&link).send().await.unwrap()).starts_with("/entrar"));
    let later = signed.replace("X-Amz-Expires=300", "X-Amz-Expires=301");
    assert_eq!(http_client().get(&later).send().await.unwrap().status(), StatusCode::FORBIDDEN);
    house.run("update core.users set role = 'agent' where email = 'jefa@faena.example'").await;
    assert_eq!(manager.get(&link).await.status(), StatusCode::FORBIDDEN, "who has fallen since");
    house.run("update core.users set role = 'manager' where email = 'jefa@faena.example'; update core.reports set expires_at = now()").await;
    assert_eq!(manager.get(&link).await.status(), StatusCode::GONE, "its time is over");
    quiet(&house.site.stores).await;
}

#[tokio::test]
async fn an_old_link_says_that_the_file_is_gone_and_offers_the_same_again_to_its_owner_alone() {
    let house = House::open().await;
    let (manager, admin) = (house.person("jefa").await, house.person("admin").await);
    let client = house.number("select id from desk.clients where name like 'Hospital%'").await.to_string();
    // Of another zone and language than whoever asks has by then.
    let asked = [("kind", "sla"), ("format", "csv"), ("from", "2026-03-01"), ("to", "2026-03-31"), ("client", client.as_str())];
    assert_eq!(leads_to(&manager.sends("/reports", "/reports", &asked).await), "/reports");
    let first = house.report(State::Ready).await;
    let link = format!("/informes/{}/archivo", first.id);
    house.run("update core.users set time_zone = 'Asia/Tokyo' where email = 'jefa@faena.example'").await;
    let gone = async |why: &str| {
        let answer = manager.get(&link).await;
        assert_eq!(answer.status(), StatusCode::GONE, "{why}");
        let page = Html::parse_document(&answer.text().await.unwrap());
        let words = text(&page, "main");
        for said in [why, "Cumplimiento de plazos", "2026-03-01 – 2026-03-31", "Hospital", "CSV", "Pedirlo de nuevo"] {
            assert!(words.contains(said), "{said}: {words}");
        }
    };

    // A store that says nothing keeps nobody from their file; one that has lost it says so.
    house.site.sandbox.misbehave_s3([HttpRule::status(503).method("HEAD").once()]).await.unwrap();
    assert_eq!(manager.get(&link).await.status(), StatusCode::FOUND);
    house.site.sandbox.behave_s3().await.unwrap();
    let key = first.object_key.clone().unwrap();
    house.site.sandbox.s3(1).delete_object().bucket(S3_BUCKET).key(&key).send().await.unwrap();
    gone("El archivo de este informe ya no está").await;
    house.run("update core.reports set expires_at = now()").await;
    gone("Este informe ha caducado").await;
    house.run("update core.reports set state = 'expired'").await;
    gone("Este informe ha caducado").await;

    // Who may not see it learns nothing: not that it was, and not that it is over.
    let again = format!("/informes/{}/otra-vez", first.id);
    let never = format!("/informes/{}/archivo", uuid::Uuid::new_v4());
    let words = async |answer: Response| (answer.status(), text(&Html::parse_document(&answer.text().await.unwrap()), "main"));
    let (of_other, of_none) = (words(admin.get(&link).await).await, words(admin.get(&never).await).await);
    assert_eq!((of_other.0, &of_other), (StatusCode::NOT_FOUND, &of_none));
    assert_eq!(admin.sends("/informes", &again, &[]).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(house.person("aprendiz").await.get(&link).await.status(), StatusCode::FORBIDDEN);
    house.run("update core.users set role = 'client' where email = 'jefa@faena.example'").await;
    assert_eq!(manager.get(&link).await.status(), StatusCode::FORBIDDEN, "who has fallen since");
    house.run("update core.users set role = 'manager' where email = 'jefa@faena.example'").await;
    let unprotected = manager.client.post(format!("{}{again}", house.site.url)).send().await.unwrap();
    assert_eq!(unprotected.status(), StatusCode::FORBIDDEN, "a form without its token");
    assert_eq!(house.number("select count(*) from core.reports").await, 1);

    // The same once more, as it was asked for then.
    assert_eq!(leads_to(&manager.sends(&link, &again, &[]).await), "/informes");
    let second = house.report(State::Ready).await;
    assert_ne!(second.id, first.id);
    let alike = "select count(distinct (kind, format, params, locale, time_zone, scope, params_hash)) from core.reports";
    assert_eq!(house.number(alike).await, 1);
    assert_eq!(manager.get(&format!("/informes/{}/archivo", second.id)).await.status(), StatusCode::FOUND);
    let english = text(&manager.page(&format!("/reports/{}/file", first.id)).await, "main");
    assert!(english.contains("This report has expired") && english.contains("Ask for it again"), "{english}");
    quiet(&house.site.stores).await;
}

#[tokio::test]
async fn the_form_says_what_is_wrong_and_offers_what_one_may_have() {
    let house = House::open().await;
    let (manager, agent, admin) = (house.person("jefa").await, house.person("agente").await, house.person("admin").await);
    let kinds = async |of: &Person| text(&of.page("/informes").await, "#kind");
    assert!(!kinds(&manager).await.contains("Ventas") && !kinds(&agent).await.contains("Ventas"));
    assert!(kinds(&admin).await.contains("Ventas por día y curso"));
    let ask = async |of: &Person, kind: &str, from: &str, to: &str| {
        of.sends("/informes", "/informes", &[("kind", kind), ("format", "csv"), ("from", from), ("to", to), ("client", "")]).await
    };
    for (from, to, said) in [
        ("2026-03-02", "2026-03-01", "Termina antes de empezar."),
        ("mañana", "2026-03-01", "Escribe un día, como 2026-09-30."),
        ("2010-01-01", "2026-03-01", "Es demasiado largo: caben cinco años."),
    ] {
        let answer = ask(&manager, "sla", from, to).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let page = Html::parse_document(&answer.text().await.unwrap());
        assert!(text(&page, ".problem").contains(said), "{said}");
    }
    assert_eq!(ask(&manager, "sales", "2026-03-01", "2026-03-02").await.status(), StatusCode::FORBIDDEN);
    assert_eq!(ask(&manager, "everything", "2026-03-01", "2026-03-02").await.status(), StatusCode::BAD_REQUEST);
    let unprotected = manager.client.post(format!("{}/informes", house.site.url)).form(&[("kind", "sla")]).send().await.unwrap();
    assert_eq!(unprotected.status(), StatusCode::FORBIDDEN, "a form without its token");
    assert_eq!(house.number("select count(*) from core.reports").await, 0);
    // The pages are in English too, and so is the file.
    let english = [("kind", "daily"), ("format", "csv"), ("from", "2026-03-01"), ("to", "2026-03-01"), ("client", "")];
    assert_eq!(leads_to(&agent.sends("/reports", "/reports", &english).await), "/reports");
    let report = house.report(State::Ready).await;
    let link = leads_to(&agent.get(&format!("/reports/{}/file", report.id)).await);
    let file = http_client().get(link).send().await.unwrap().text().await.unwrap();
    assert_eq!(
        file,
        "\u{feff}Client,Opened,First answered,Resolved,Open at the end,Deadlines met,Deadlines missed,Compliance (%),\"First answer, mean\",\"Resolution, mean (MTTR)\"\r\n"
    );
}

#[tokio::test]
async fn somebody_who_changes_their_mind_half_way_leaves_nothing_in_the_store() {
    let house = House::open().await;
    house.with_tickets(30_000).await;
    let manager = house.person("jefa").await;
    house.part_is_held_up().await;
    manager.asks("tickets", "csv").await;
    house.a_part_is_on_its_way().await;
    let report = house.report(State::Running).await;
    eventually("how far it is", async || {
        let row = text(&manager.page("/informes").await, "tbody tr");
        row.contains("/ 30 000").then_some(())
    })
    .await;

    let stranger = house.person("admin").await;
    let cancel = format!("/informes/{}/cancelar", report.id);
    assert_eq!(stranger.sends("/informes", &cancel, &[]).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(leads_to(&manager.sends("/informes", &cancel, &[]).await), "/informes");

    assert!(text(&manager.page("/informes").await, "tbody tr").contains("Cancelado"));
    until("nothing to be left of it", async || house.number("select count(*) from core.report_uploads").await == 0).await;
    quiet(&house.site.stores).await;
    assert_eq!(house.number("select count(*) from faena.jobs where name = 'build_report' and state = 'cancelled'").await, 1);
    assert_eq!(house.number("select count(*) from mail.messages").await, 0);
    assert_eq!(house.site.sandbox.stored("reports/").unwrap(), (0, 0), "no file, and no part of one");
}

#[tokio::test]
async fn a_worker_that_is_killed_half_way_leaves_one_file_and_that_is_whole() {
    let mut house = House::open().await;
    house.site.replace_worker(&[("SUPERVISE", "false")]).await;
    house.with_tickets(30_000).await;
    let manager = house.person("jefa").await;
    house.part_is_held_up().await;
    manager.asks("tickets", "csv").await;
    house.a_part_is_on_its_way().await;
    assert_eq!(house.number("select count(*) from core.report_uploads where upload_id is not null").await, 1);

    let other = house.site.another_worker().await;
    std::mem::replace(&mut house.site.worker, other).kill_9().await;
    house.site.sandbox.behave_s3().await.unwrap();
    let report = house.report(State::Ready).await;

    quiet(&house.site.stores).await;
    assert_eq!(house.number("select count(*) from core.report_uploads").await, 0);
    assert_eq!(house.site.sandbox.stored("reports/").unwrap(), (1, 0), "one file, and no part of another");
    let signed = leads_to(&manager.get(&format!("/informes/{}/archivo", report.id)).await);
    let file = http_client().get(signed).send().await.unwrap().bytes().await.unwrap();
    assert_eq!(report.sha256.as_deref(), Some(ring::digest::digest(&ring::digest::SHA256, &file).as_ref()));
    let rows: Vec<Vec<String>> = serde_json::from_str(&python("read_csv.py", &file, &[])).unwrap();
    assert_eq!((rows.len(), report.rows), (30_001, 30_000));
    assert_eq!(house.number("select count(*) from mail.messages where letter = 'report_ready'").await, 1, "one letter");
}
