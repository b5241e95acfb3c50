//! The web front as its visitors meet it: the real binary, without JavaScript.

mod accounts;
mod api;
mod api_desk;
mod api_reports;
mod api_schedules;
mod api_tickets;
mod archive;
mod chat;
mod clients;
mod counting;
mod courses;
mod dashboard;
mod demo;
mod doors;
mod help;
mod help_desk;
mod housekeeping;
mod letters;
mod links;
mod mail_events;
mod operators;
mod outages;
mod passwords;
mod people;
mod process;
mod schedules;
mod silence;
mod tickets;
mod unsubscribe;

use chrono::{DateTime, Utc};
use faena_tests::{
    http::http_client,
    process::{Process, SECRET},
    stores::Stores,
};
use reqwest::{Client, RequestBuilder, Response, StatusCode, header::LOCATION};
use scraper::{ElementRef, Html, Selector};

const SCRAPER_TOKEN: &str = "a-token-for-the-scraper";
/// The password of everybody in these flows, and of the demo's accounts.
const PASSWORD: &str = "faena-de-prueba-2026";

/// A running web on stores of its own.
struct Web {
    stores: Stores,
    process: Process,
}

impl Web {
    async fn start() -> Self {
        Self::start_on(Stores::fresh().await, &[]).await
    }

    async fn start_on(stores: Stores, extra: &[(&str, &str)]) -> Self {
        let process = Process::start("web", &["serve"], &settings(&stores, extra)).await;
        Self { stores, process }
    }

    /// The accounts of the demo, one a role.
    async fn with_demo_accounts(self) -> Self {
        sqlx::raw_sql(include_str!("../../../deploy/demo.sql")).execute(&self.stores.db).await.unwrap();
        self
    }

    /// Somebody with a browser of their own.
    fn visitor(&self) -> Visitor {
        Visitor { client: http_client(), site: format!("http://{}", self.process.addr) }
    }

    /// Somebody who is signed in as one of the demo's people.
    async fn signed_in(&self, who: &str) -> Visitor {
        let visitor = self.visitor();
        let email = format!("{who}@faena.example");
        let answer = visitor.send("/entrar", "/entrar", &[("email", &email), ("password", PASSWORD), ("next", "")]).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{}", self.process.log_text());
        visitor
    }

    async fn number(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.stores.db).await.unwrap()
    }

    /// How often the cache has not answered in time. It is not waited for: what it did not count, the web has counted by itself, as far as the cache would.
    async fn missed(&self) -> u64 {
        let figures = self.visitor().asks("/metrics").bearer_auth(SCRAPER_TOKEN).send().await.unwrap().text().await.unwrap();
        let line = figures.lines().find_map(|line| line.strip_prefix("faena_web_cache_away_total "));
        line.map_or(0, |times| times.parse().unwrap())
    }

    async fn moment(&self, sql: &'static str) -> DateTime<Utc> {
        sqlx::query_scalar(sql).fetch_one(&self.stores.db).await.unwrap()
    }
}

fn settings(stores: &Stores, extra: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut settings = stores.settings();
    let ours = [
        ("WEB_ADDR", "127.0.0.1:0"),
        ("PUBLIC_URL", "http://127.0.0.1:8080"),
        ("SECRET_KEY", SECRET),
        ("METRICS_TOKEN", SCRAPER_TOKEN),
        ("DRAIN_NOTICE_SECONDS", "0"),
    ];
    settings.extend(ours.iter().chain(extra).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    settings
}

/// A browser.
struct Visitor {
    client: Client,
    site: String,
}

impl Visitor {
    fn asks(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.site))
    }

    async fn get(&self, path: &str) -> Response {
        self.asks(path).send().await.unwrap()
    }

    async fn page(&self, path: &str) -> Page {
        Page::of(self.get(path).await).await
    }

    /// Opens the page at `from`, fills its form in and sends it to `to`.
    async fn send(&self, from: &str, to: &str, fields: &[(&str, &str)]) -> Response {
        let token = self.page(from).await.token();
        self.send_with(&token, to, fields).await
    }

    async fn send_with(&self, token: &str, to: &str, fields: &[(&str, &str)]) -> Response {
        let fields: Vec<_> = fields.iter().copied().chain([("csrf", token)]).collect();
        self.client.post(format!("{}{to}", self.site)).form(&fields).send().await.unwrap()
    }

    async fn registers(&self, name: &str, email: &str, password: &str) -> Response {
        self.send("/registro", "/registro", &[("full_name", name), ("email", email), ("password", password)]).await
    }
}

/// A page as it was read.
struct Page {
    status: StatusCode,
    html: String,
}

impl Page {
    async fn of(response: Response) -> Self {
        Self { status: response.status(), html: response.text().await.unwrap() }
    }

    /// The texts of what matches.
    fn texts(&self, selector: &str) -> Vec<String> {
        self.each(selector, |element| {
            element.text().collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
        })
    }

    fn text(&self, selector: &str) -> String {
        self.texts(selector).into_iter().next().unwrap_or_else(|| panic!("no {selector} in {}", self.html))
    }

    fn attribute(&self, selector: &str, name: &str) -> Option<String> {
        self.each(selector, |element| element.attr(name).map(str::to_owned)).into_iter().next().flatten()
    }

    /// What the form would send as it stands: names and values, without what is not ticked.
    fn form_fields(&self, form: &str) -> Vec<(String, String)> {
        let form_of = Selector::parse(form).expect("a selector");
        let fields = Selector::parse("input[name], select[name], textarea[name]").expect("a selector");
        let chosen = Selector::parse("option[selected]").expect("a selector");
        let (html, mut sent) = (Html::parse_document(&self.html), Vec::new());
        let form = html.select(&form_of).next().expect(form);
        for field in form.select(&fields) {
            let (of, name) = (field.value(), field.value().attr("name").unwrap_or_default());
            let is_box = of.attr("type") == Some("checkbox");
            if name == "csrf" || is_box && of.attr("checked").is_none() {
                continue;
            }
            let value = match of.name() {
                "select" => field.select(&chosen).next().and_then(|option| option.attr("value")).unwrap_or_default().to_owned(),
                "textarea" => field.text().collect::<String>().trim_start_matches('\n').to_owned(),
                _ => of.attr("value").unwrap_or_default().to_owned(),
            };
            sent.push((name.to_owned(), value));
        }
        sent
    }

    fn token(&self) -> String {
        self.attribute("input[name=csrf]", "value").unwrap_or_else(|| panic!("no form in {}", self.html))
    }

    fn each<T>(&self, selector: &str, read: impl Fn(ElementRef<'_>) -> T) -> Vec<T> {
        Html::parse_document(&self.html).select(&Selector::parse(selector).unwrap()).map(read).collect()
    }
}

/// Where an answer leads.
fn leads_to(answer: &Response) -> &str {
    assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{answer:?}");
    answer.headers()[LOCATION].to_str().unwrap()
}
