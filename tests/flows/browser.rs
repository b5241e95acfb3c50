//! Stories told in a real Chromium, at a phone's and a desk's width, light and dark, with axe looking on.

use std::path::Path;

use chrono::Utc;
use faena_tests::{
    judge::quiet,
    sales::open_school,
    sandbox::{At, SmtpRule, StripeHappening},
    site::Site,
    slack::Slack,
    wait::{eventually, until},
};
use jobs::{
    accounts::locale::Locale,
    certificates::request::request,
    help_desk::monitor_sla::MonitorSla,
    payments::{
        purchase::{Bought, buy},
        sale::{Provider, Sale, SaleId, SaleState},
    },
    sales::refresh_sales_statistics::RefreshSalesStatistics,
};
use queue::{JobId, OrderByName, operations::State};
use tokio::process::Command;

/// Seals what is kept sealed.
const SEALS: &str = "k1:7f3a9c0e5d1b48627a90fe34c1d5b80296ea47f1035dcb8a6e21740f9bd3c856";

/// Runs `tests/browser/{story}.mjs` against the site.
async fn tell(story: &str, site: &Site, settings: &[(&str, String)]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
    assert!(folder.join("node_modules").exists(), "the browser's packages are not installed: start the tests with tests/run");
    let mut node = Command::new("node");
    node.arg(format!("{story}.mjs")).current_dir(&folder).kill_on_drop(true);
    node.env("SITE", &site.url).env("MAILBOX", site.sandbox.http_url());
    node.envs(settings.iter().map(|(name, value)| (*name, value.as_str())));
    let told = node.output().await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(told.status.success(), "{story}:\n{}{}\nweb:\n{}", text(&told.stdout), text(&told.stderr), site.web.log_text());
}

#[tokio::test]
async fn somebody_registers_reads_the_letter_and_proves_the_address() {
    let site = Site::start().await;

    tell("story", &site, &[]).await;
}

#[tokio::test]
async fn an_operator_finds_a_dead_job_retries_it_and_cancels_another() {
    let site = Site::start().await;
    sqlx::raw_sql(include_str!("../../deploy/demo.sql")).execute(&site.stores.db).await.unwrap();
    site.sandbox.misbehave_smtp([SmtpRule::reply(At::Rcpt, 554, "5.7.1 refused by our policy")]).await.unwrap();
    let (refused, waiting) =
        (register(&site, "sin.buzon@learner.example", None).await, register(&site, "luego@learner.example", Some(3600)).await);
    let operations = site.stores.operations();
    for (id, state) in [(refused, State::Dead), (waiting, State::Scheduled)] {
        eventually(format!("{id} to be {state}"), async || {
            operations.job(id).await.ok().flatten().filter(|job| job.summary.state == state)
        })
        .await;
    }

    tell("operator", &site, &[("DEAD_JOB", refused.to_string()), ("WAITING_JOB", waiting.to_string())]).await;
}

#[tokio::test]
async fn somebody_of_a_client_helps_themselves_and_an_agent_writes_what_was_missing() {
    let site = Site::start().await;
    for demo in [include_str!("../../deploy/demo.sql"), include_str!("../../deploy/demo-desk.sql")] {
        sqlx::raw_sql(demo).execute(&site.stores.db).await.unwrap();
    }

    tell("help", &site, &[]).await;
}

#[tokio::test]
async fn every_page_of_the_desk_is_whole_at_each_width_in_light_and_dark_and_with_the_keyboard() {
    let site = Site::start_with(&[("SECRET_ARGS_KEYS", SEALS)]).await;
    for demo in [
        include_str!("../../deploy/demo.sql"),
        include_str!("../../deploy/demo-desk.sql"),
        include_str!("../../deploy/demo-tickets.sql"),
        // What nobody in the demo has yet: tickets that are void, and some that were put away.
        "update desk.tickets set void_reason = 'duplicate', merged_into = (select max(id) from desk.tickets where status = 'open' and client_id = t.client_id)
         from (select id as void, client_id from desk.tickets where status = 'closed' order by created_at desc limit 1) t where id = void;
         insert into archive.tickets (id, created_at, client_id, title, description, category, tags, priority, status, created_by, resolved_at, closed_at, cycle,
             lock_version, updated_at)
         select nextval('desk.ticket_ids'), created_at - interval '5 years', client_id, title, description, category, tags, priority, status, created_by,
             resolved_at - interval '5 years', closed_at - interval '5 years', 1, 4, updated_at - interval '5 years'
         from desk.tickets where status = 'closed' and void_reason is null",
    ] {
        sqlx::raw_sql(demo).execute(&site.stores.db).await.unwrap();
    }
    monitored(&site).await;

    tell("desk", &site, &[]).await;
}

#[tokio::test]
async fn a_ticket_is_opened_warned_about_breached_escalated_answered_and_resolved_and_everything_shows_it() {
    const TITLE: &str = "La planta de Armenia quedó sin red";
    let slack = Slack::start().await;
    let settings = slack.settings("T0000/B0000/desk").map(|(name, value)| (name, value.replace("ops=", "desk=")));
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let site = Site::start_with(&settings).await;
    for demo in [include_str!("../../deploy/demo.sql"), include_str!("../../deploy/demo-desk.sql")] {
        sqlx::raw_sql(demo).execute(&site.stores.db).await.unwrap();
    }
    let chapter = async |name: &str, ticket: i64| {
        tell("ticket", &site, &[("CHAPTER", name.to_owned()), ("TITLE", TITLE.to_owned()), ("TICKET", ticket.to_string())]).await;
    };
    let said = async |how: &str| {
        until(format!("the channel to hear «{how}»"), async || {
            slack.heard().iter().any(|heard| heard.text.contains(&format!("{how}: #")) && heard.text.contains(TITLE))
        })
        .await;
    };

    chapter("opened", 0).await;
    let ticket: i64 = sqlx::query_scalar("select max(id) from desk.tickets").fetch_one(&site.stores.db).await.unwrap();
    chapter("counted", ticket).await;
    for (mark, told, name) in
        [("warn_at", "Por vencer", "warned"), ("due_at", "Incumplido", "breached"), ("escalate_at[1]", "Escalado", "escalated")]
    {
        move_clock(&site, mark).await;
        monitored(&site).await;
        said(told).await;
        chapter(name, ticket).await;
    }
    for name in ["answered", "resolved", "reported"] {
        chapter(name, ticket).await;
    }
    let letters = site.sandbox.mails_to("jefa@faena.example", 4).await.unwrap();
    let of_deadlines: Vec<&str> =
        letters.iter().map(|letter| letter.subject.as_str()).filter(|subject| subject.contains(TITLE)).collect();
    assert_eq!(of_deadlines.len(), 3, "each is told of once: {of_deadlines:?}");
    for how in ["Nueva", "Por vencer", "Incumplido", "Escalado"] {
        let said = |text: &str| text.contains(&format!("{how}: #{ticket} «{TITLE}»"));
        assert_eq!(slack.heard().iter().filter(|heard| said(&heard.text)).count(), 1, "{how}");
    }
}

#[tokio::test]
async fn a_course_is_paid_at_either_provider_studied_certified_and_counted() {
    let site = school().await;
    let chapter = async |name: &str, provider: &str, buyer: &str| {
        let settings = [("CHAPTER", name), ("PROVIDER", provider), ("BUYER", buyer)];
        tell("course", &site, &settings.map(|(name, value)| (name, value.to_owned()))).await;
    };

    chapter("bought", "stripe", "aprendiz@faena.example").await;
    chapter("bought", "paypal", "nandu@faena.example").await;
    chapter("studied", "", "nandu@faena.example").await;
    // As the schedule does every half hour.
    queue::enqueue(&mut site.stores.db.acquire().await.unwrap(), RefreshSalesStatistics {}).await.unwrap();
    chapter("counted", "", "").await;
}

#[tokio::test]
async fn money_goes_back_from_the_page_and_by_a_bank_and_the_course_and_the_figures_follow() {
    let site = school().await;
    let mut sales = Vec::new();
    for buyer in ["aprendiz@faena.example", "nandu@faena.example"] {
        let sale = bought(&site, buyer).await;
        let session = eventually("its page", async || Sale::find(&site.stores.db, sale).await.unwrap()?.checkout_ref).await;
        site.sandbox.at_stripe(StripeHappening::Pay { session: session.clone(), amount: None, currency: None }).await.unwrap();
        until("the course to be open", async || {
            Sale::find(&site.stores.db, sale).await.unwrap().is_some_and(|sale| sale.state == SaleState::Paid)
        })
        .await;
        sales.push((sale, session));
    }
    let chapter = async |name: &str, (sale, session): &(SaleId, String)| {
        tell("school", &site, &[("CHAPTER", name.to_owned()), ("SALE", sale.to_string()), ("SESSION", session.clone())]).await;
    };

    chapter("refunded", &sales[0]).await;
    chapter("disputed", &sales[1]).await;
    queue::enqueue(&mut site.stores.db.acquire().await.unwrap(), RefreshSalesStatistics {}).await.unwrap();
    chapter("counted", &sales[0]).await;
}

#[tokio::test]
async fn letters_are_asked_for_refused_and_come_back_and_a_certificate_is_corrected_and_revoked() {
    let site = school().await;
    sqlx::raw_sql(
        "insert into school.enrolments (user_id, course_id, enrolled_at, completed_at)
         select u.id, c.id, now() - interval '1 hour', case u.email when 'aprendiz@faena.example' then now() end
         from core.users u, school.courses c where u.role = 'learner'",
    )
    .execute(&site.stores.db)
    .await
    .unwrap();
    let mut tx = site.stores.db.begin().await.unwrap();
    let (user, course) = sqlx::query_as("select user_id, course_id from school.enrolments where completed_at is not null")
        .fetch_one(&mut *tx)
        .await
        .unwrap();
    request(&mut tx, user, course).await.unwrap();
    tx.commit().await.unwrap();
    let chapter = async |name: &str, certificate: &str, serial: &str| {
        let settings = [("CHAPTER", name), ("CERTIFICATE", certificate), ("SERIAL", serial)];
        tell("school", &site, &settings.map(|(name, value)| (name, value.to_owned()))).await;
    };

    chapter("reset", "", "").await;
    chapter("announced", "", "").await;
    quiet(&site.stores).await;
    let told = site.sandbox.mails_now(None).await.unwrap();
    let of = |subject: &str| told.iter().filter(|mail| mail.subject.starts_with(subject)).count();
    assert_eq!([of("Primer aviso"), of("Segundo aviso"), of("Tercer aviso")], [3, 0, 1], "nobody who said no is told");
    let (certificate, serial): (String, String) =
        sqlx::query_as("select id::text, serial from school.certificates where issued_at is not null")
            .fetch_one(&site.stores.db)
            .await
            .unwrap();
    chapter("amended", &certificate, &serial).await;
}

/// A site with a school of one course, and two learners more, with the demo's password.
async fn school() -> Site {
    let site = Site::start().await;
    open_school(&site.stores.db).await.unwrap();
    sqlx::raw_sql(
        "insert into core.users (email, full_name, role, locale, email_verified_at, password_hash)
         select v.email, v.full_name, 'learner', 'es', now(), u.password_hash
         from core.users u, (values ('nandu@faena.example', 'Ñandú Núñez'), ('sol@faena.example', 'Sol Güiza')) v (email, full_name)
         where u.email = 'aprendiz@faena.example'",
    )
    .execute(&site.stores.db)
    .await
    .unwrap();
    site
}

/// Somebody presses "buy".
async fn bought(site: &Site, email: &str) -> SaleId {
    let (buyer, course) = sqlx::query_as("select u.id, c.id from core.users u, school.courses c where u.email = $1::citext")
        .bind(email)
        .fetch_one(&site.stores.db)
        .await
        .unwrap();
    match buy(&site.stores.db, buyer, course, Provider::Stripe, Locale::Es).await.unwrap() {
        Bought::Checkout(sale) => sale,
        other => panic!("{other:?}"),
    }
}

/// Moves the clock of the deadlines to a minute after a mark of the first answer's: all instants of the ticket's clocks are so much longer ago, and what
/// was kept for some minutes has run out.
async fn move_clock(site: &Site, mark: &'static str) {
    let sql = format!(
        "with passed as (select {mark} + interval '1 minute' - now() as span from desk.sla_clocks where promise = 'first_response')
         update desk.sla_clocks set started_at = started_at - span, counted_to = counted_to - span, warn_at = warn_at - span, due_at = due_at - span,
             next_at = next_at - span, escalate_at = (select array_agg(at - span order by at) from unnest(escalate_at) at)
         from passed"
    );
    let moved = sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&site.stores.db).await.unwrap();
    assert_eq!(moved.rows_affected(), 2);
    let client = redis::Client::open(site.stores.redis_url.as_str()).unwrap();
    let mut redis = client.get_multiplexed_async_connection().await.unwrap();
    let kept = format!("{}:web:{{desk}}:figures:*", site.stores.namespace);
    let keys: Vec<String> = redis::cmd("KEYS").arg(kept).query_async(&mut redis).await.unwrap();
    // The dashboard was looked at; where everything is slow that was long ago, and nothing is kept of it.
    if !keys.is_empty() {
        redis::cmd("DEL").arg(keys).query_async::<i64>(&mut redis).await.unwrap();
    }
}

/// The monitor looks.
async fn monitored(site: &Site) {
    let id = queue::enqueue(&mut site.stores.db.acquire().await.unwrap(), MonitorSla {}).await.unwrap().id;
    let operations = site.stores.operations();
    until("the monitor's look to be over", async || {
        operations.job(id).await.ok().flatten().is_some_and(|job| job.summary.state == State::Completed)
    })
    .await;
}

/// An account, and its welcome letter: at once, or after some seconds.
async fn register(site: &Site, email: &str, after_seconds: Option<i64>) -> JobId {
    let mut tx = site.stores.db.begin().await.unwrap();
    let (user_id,): (i64,) = sqlx::query_as(
        "insert into core.users (email, full_name, role, password_hash) values ($1, 'Íñigo Ñ.', 'learner', '-') returning id",
    )
    .bind(email)
    .fetch_one(&mut *tx)
    .await
    .unwrap();
    let run_at = after_seconds.map(|seconds| Utc::now() + chrono::TimeDelta::seconds(seconds));
    let args = format!(r#"{{"user_id":{user_id},"resend":0}}"#);
    let order = OrderByName { name: "welcome_learner", args: &args, run_at, ..OrderByName::default() };
    let id = jobs::catalogue().enqueue_by_name(&mut tx, order).await.unwrap().id;
    tx.commit().await.unwrap();
    id
}
