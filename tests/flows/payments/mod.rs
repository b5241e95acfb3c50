//! Payments: the real web and worker, stand-ins for Stripe and PayPal that misbehave, and what ledger and enrolments say afterwards.

mod paypal;
mod reconciled;
mod refunds;
mod signed;
mod statistics;
mod storm;
mod story;
mod strange;
mod trouble;

use std::sync::Arc;

use faena_tests::{
    http::http_client,
    judge::quiet,
    sales::open_school,
    site::Site,
    wait::{eventually, until},
};
use jobs::{
    accounts::{locale::Locale, user::UserId},
    courses::course::CourseId,
    payments::{
        purchase::{Bought, buy},
        sale::{Provider, Sale, SaleId},
    },
};
use queue::Job;
use reqwest::{Response, StatusCode};
use schedules::Operations;
use scraper::{Html, Selector};

/// The password of the demo's accounts.
const PASSWORD: &str = "faena-de-prueba-2026";

/// A school with one course, and everything around it.
struct School {
    site: Site,
    course: CourseId,
}

impl School {
    async fn open() -> Self {
        Self::open_with(&[]).await
    }

    async fn open_with(extra: &[(&str, &str)]) -> Self {
        let site = Site::start_with(extra).await;
        let course = open_school(&site.stores.db).await.unwrap();
        Self { site, course }
    }

    /// Somebody new.
    async fn person(&self, name: &str) -> UserId {
        sqlx::query_scalar(
            "insert into core.users (email, full_name, role, password_hash) values ($1, $2, 'learner', '-') returning id",
        )
        .bind(format!("{name}@correo.example"))
        .bind(format!("{name} Ñúñez"))
        .fetch_one(&self.site.stores.db)
        .await
        .unwrap()
    }

    /// They press "buy".
    async fn buys(&self, buyer: UserId) -> SaleId {
        self.buys_by(Provider::Stripe, buyer).await
    }

    async fn buys_by(&self, provider: Provider, buyer: UserId) -> SaleId {
        match buy(&self.site.stores.db, buyer, self.course, provider, Locale::Es).await.unwrap() {
            Bought::Checkout(sale) => sale,
            other => panic!("{other:?}"),
        }
    }

    /// Somebody new buys and stands before the page: the sale, and Stripe's name for the page.
    async fn at_the_page(&self, name: &str) -> (SaleId, String) {
        let sale = self.buys(self.person(name).await).await;
        (sale, self.page_of(sale).await)
    }

    async fn page_of(&self, sale: SaleId) -> String {
        eventually(format!("the page of {sale}"), async || self.sale(sale).await.checkout_ref).await
    }

    async fn sale(&self, id: SaleId) -> Sale {
        Sale::find(&self.site.stores.db, id).await.unwrap().unwrap()
    }

    /// Waits until nothing is left to do: the sale's state and the enrolment that hangs on it.
    async fn settled(&self, sale: SaleId) -> (&'static str, String) {
        // A message may still be on its way to the web; and what is done about one (money is collected) may make the provider send another.
        for _ in 0..2 {
            self.heard_everything().await;
            quiet(&self.site.stores).await;
        }
        (self.sale(sale).await.state.as_str(), self.access(sale).await)
    }

    /// Waits until the web has every message of the providers'.
    async fn heard_everything(&self) {
        let sandbox = &self.site.sandbox;
        let told = [sandbox.stripe_events().await.unwrap(), sandbox.paypal_events().await.unwrap()].concat();
        let told: Vec<String> = told.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect();
        eventually("the web to have every message", async || {
            let heard: i64 = sqlx::query_scalar("select count(*) from school.payment_events where event_id = any($1)")
                .bind(&told)
                .fetch_one(&self.site.stores.db)
                .await
                .unwrap();
            (heard.unsigned_abs() == told.len() as u64).then_some(())
        })
        .await;
    }

    /// Does what a schedule would have asked for, and all that follows.
    async fn does<J: Job>(&self, job: J) {
        let mut tx = self.site.stores.db.begin().await.unwrap();
        queue::enqueue(&mut tx, job).await.unwrap();
        tx.commit().await.unwrap();
        quiet(&self.site.stores).await;
    }

    /// From now on the story alone has that done, and no schedule.
    async fn stops(&self, schedule: &str) {
        let schedules = Operations::new(self.site.stores.db.clone(), Arc::new(jobs::catalogue()));
        until(format!("{schedule} to be paused"), async || schedules.pause(schedule, "a story").await.is_ok()).await;
        quiet(&self.site.stores).await;
    }

    /// From now on no message of a provider's arrives.
    async fn hears_nothing(&self) {
        self.site.sandbox.send_stripe_events_to(None, 1).await.unwrap();
        self.site.sandbox.send_paypal_events_to(None, 1).await.unwrap();
    }

    async fn state(&self, sale: SaleId) -> &'static str {
        self.sale(sale).await.state.as_str()
    }

    async fn access(&self, sale: SaleId) -> String {
        let state: Option<String> = sqlx::query_scalar(
            "select e.state from school.enrolments e join school.sales s on (s.user_id, s.course_id) = (e.user_id, e.course_id) where s.id = $1",
        )
        .bind(sale)
        .fetch_optional(&self.site.stores.db)
        .await
        .unwrap();
        state.unwrap_or_else(|| "none".to_owned())
    }

    /// What each account holds of a sale, in the order of their names.
    async fn books(&self, sale: SaleId) -> String {
        let held: Option<String> = sqlx::query_scalar(
            "select string_agg(account || ' ' || amount, ', ' order by account) from (
                 select l.account, sum(l.amount_minor) as amount
                 from school.ledger_lines l join school.ledger_transactions t on t.id = l.transaction_id
                 where t.sale_id = $1 group by l.account having sum(l.amount_minor) <> 0) held",
        )
        .bind(sale)
        .fetch_one(&self.site.stores.db)
        .await
        .unwrap();
        held.unwrap_or_default()
    }

    async fn notices(&self) -> String {
        let told: Option<String> = sqlx::query_scalar("select string_agg(message, chr(10) order by key) from faena.notices")
            .fetch_one(&self.site.stores.db)
            .await
            .unwrap();
        told.unwrap_or_default()
    }

    /// The texts of the letters to somebody whose subject begins so, once there are so many.
    async fn letters_to(&self, name: &str, subject: &str, count: usize) -> Vec<String> {
        let address = format!("{name}@correo.example");
        eventually(format!("{count} letters to {address}"), async || {
            let mails = self.site.sandbox.mails_now(Some(&address)).await.unwrap();
            let texts: Vec<String> =
                mails.into_iter().filter(|mail| mail.subject.starts_with(subject)).filter_map(|mail| mail.text).collect();
            // A text is wrapped.
            let unwrapped = texts.iter().map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
            (texts.len() == count).then_some(unwrapped)
        })
        .await
    }

    async fn letters(&self, kind: &str) -> i64 {
        sqlx::query_scalar("select count(*) from mail.messages where letter = $1 and state = 'sent'")
            .bind(kind)
            .fetch_one(&self.site.stores.db)
            .await
            .unwrap()
    }

    /// A browser in which that person of the demo is signed in.
    async fn browser(&self, who: &str) -> Browser {
        let browser = Browser { client: http_client(), site: self.site.url.clone() };
        let email = format!("{who}@faena.example");
        let answer = browser.sends("/entrar", "/entrar", &[("email", &email), ("password", PASSWORD), ("next", "")]).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{}", self.site.web.log_text());
        browser
    }
}

/// A browser without JavaScript.
struct Browser {
    client: reqwest::Client,
    site: String,
}

impl Browser {
    async fn page(&self, path: &str) -> String {
        self.client.get(format!("{}{path}", self.site)).send().await.unwrap().text().await.unwrap()
    }

    /// Opens the page at `from` and sends its form to `to`.
    async fn sends(&self, from: &str, to: &str, fields: &[(&str, &str)]) -> Response {
        self.sends_form_of(&self.page(from).await, to, fields).await
    }

    /// Sends the form of a page that is open, with what it hides.
    async fn sends_form_of(&self, page: &str, to: &str, fields: &[(&str, &str)]) -> Response {
        let token = attribute(page, "input[name=csrf]", "value");
        let key = hidden(page, to, "key");
        let hidden = [("csrf", Some(token)), ("key", key)].into_iter().filter_map(|(name, value)| Some((name, value?)));
        let hidden: Vec<(&str, String)> = hidden.collect();
        let fields: Vec<(&str, &str)> =
            fields.iter().copied().chain(hidden.iter().map(|(name, value)| (*name, value.as_str()))).collect();
        self.client.post(format!("{}{to}", self.site)).form(&fields).send().await.unwrap()
    }
}

/// What the form that goes there hides under that name.
fn hidden(html: &str, to: &str, name: &str) -> Option<String> {
    let selector = Selector::parse(&format!("form[action='{to}'] input[name={name}]")).unwrap();
    let page = Html::parse_document(html);
    page.select(&selector).next().and_then(|element| element.attr("value").map(str::to_owned))
}

fn attribute(html: &str, selector: &str, name: &str) -> String {
    let page = Html::parse_document(html);
    let found = page.select(&Selector::parse(selector).unwrap()).next().and_then(|element| element.attr(name).map(str::to_owned));
    found.unwrap_or_else(|| panic!("no {selector} in {html}"))
}

/// The words of what matches first.
fn words(html: &str, selector: &str) -> String {
    let page = Html::parse_document(html);
    let found = page.select(&Selector::parse(selector).unwrap()).next();
    let text: String = found.unwrap_or_else(|| panic!("no {selector} in {html}")).text().collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn leads_to(answer: &Response) -> String {
    assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{answer:?}");
    answer.headers()["location"].to_str().unwrap().to_owned()
}
