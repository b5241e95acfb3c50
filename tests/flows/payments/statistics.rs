//! Statistics of sales: to the cent what the ledger says, also of what came late, and shown with how old they are.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use faena_tests::{
    judge::quiet,
    process::{run_to_end, try_to_end},
    wait::until,
};
use jobs::sales::{compare_sales_statistics::CompareSalesStatistics, refresh_sales_statistics::RefreshSalesStatistics};
use reqwest::StatusCode;
use scraper::{Html, Selector};
use sqlx::PgConnection;

use super::{School, words};

/// Day, currency, sales, gross, refunds, returned.
type Figures = Vec<(NaiveDate, String, i64, i64, i64, i64)>;

impl School {
    /// The demo's school, in place of that with one course.
    async fn with_two_years_of_sales() -> Self {
        let school = Self::open().await;
        let demo = include_str!("../../../deploy/demo-school.sql");
        sqlx::raw_sql("delete from school.sections; delete from school.courses").execute(&school.site.stores.db).await.unwrap();
        sqlx::raw_sql(demo).execute(&school.site.stores.db).await.unwrap();
        school
    }

    async fn figures(&self) -> Figures {
        sqlx::query_as(
            "select dia, moneda, total_ventas, bruto_minor, devoluciones, devuelto_minor from school.estadisticas_ventas order by dia, moneda",
        )
        .fetch_all(&self.site.stores.db)
        .await
        .unwrap()
    }

    async fn oracle(&self) -> Figures {
        self.oracle_at("-5 hours").await
    }

    async fn oracle_at(&self, from_utc: &str) -> Figures {
        sqlx::query_as(include_str!("statistics.sql")).bind(from_utc).fetch_all(&self.site.stores.db).await.unwrap()
    }

    async fn stands(&self, column: &str) -> Option<String> {
        let sql = format!("select {column}::text from school.sales_statistics");
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&self.site.stores.db).await.unwrap()
    }
}

/// A course, its sales, what they brought, what went back, and the days of all that.
type OfCourse = (String, i64, i64, i64, Vec<NaiveDate>);

/// The digits of an amount of a currency with two decimals: those that are zero are left out.
fn figure(minor: i64) -> String {
    if minor % 100 == 0 { (minor / 100).to_string() } else { format!("{minor:03}") }
}

/// The digits of everything that matches.
fn all_figures(html: &str, selector: &str) -> Vec<String> {
    let page = Html::parse_document(html);
    let text = |text: String| text.chars().filter(char::is_ascii_digit).collect();
    page.select(&Selector::parse(selector).unwrap()).map(|found| text(found.text().collect())).collect()
}

/// Money of a sale moves back, at that time.
async fn refund(db: &mut PgConnection, source_ref: &str, at: &str) {
    sqlx::query(
        "with sale as (
             select t.sale_id, l.currency, -l.amount_minor as amount
             from school.ledger_transactions t join school.ledger_lines l on l.transaction_id = t.id and l.account = 'revenue'
             order by t.effective_at, t.id limit 1
         ), written as (
             insert into school.ledger_transactions (sale_id, provider, kind, source_ref, effective_at)
             select sale_id, 'stripe', 'refund', $1, $2::timestamptz from sale returning id
         )
         insert into school.ledger_lines (transaction_id, account, currency, amount_minor)
         select id, account, currency, sign * amount from written, sale, (values ('refunds', 1), ('clearing', -1)) as v (account, sign)",
    )
    .bind(source_ref)
    .bind(at)
    .execute(db)
    .await
    .unwrap();
}

#[tokio::test]
async fn two_years_of_sales_come_to_what_the_ledger_says_to_the_cent() {
    let school = School::with_two_years_of_sales().await;

    school.does(RefreshSalesStatistics {}).await;

    let figures = school.figures().await;
    assert_eq!(figures, school.oracle().await);
    assert!(figures.len() > 300 && figures.iter().any(|(_, currency, ..)| currency == "USD"), "{} days", figures.len());
    let by_course: Figures = sqlx::query_as(
        "select day, currency, sum(sales)::bigint, sum(gross_minor)::bigint, sum(refunds)::bigint, sum(returned_minor)::bigint
         from school.sales_daily group by day, currency order by day, currency",
    )
    .fetch_all(&school.site.stores.db)
    .await
    .unwrap();
    assert_eq!(by_course, figures, "the courses of a day add up to it");
    school.does(CompareSalesStatistics {}).await;
    assert_eq!(school.stands("differing_days").await.as_deref(), Some("0"));
}

#[tokio::test]
async fn what_comes_late_changes_its_own_day_alone_and_costs_no_other() {
    let school = School::with_two_years_of_sales().await;
    school.does(RefreshSalesStatistics {}).await;
    let before = school.figures().await;
    let mut db = school.site.stores.db.acquire().await.unwrap();
    // Half past eleven at night in Bogotá is the next day in Greenwich.
    refund(&mut db, "re_late", "2026-11-20 23:30:00-05").await;

    school.does(RefreshSalesStatistics {}).await;

    let after = school.figures().await;
    assert_eq!(after, school.oracle().await);
    let day: NaiveDate = "2026-11-20".parse().unwrap();
    let changed: Vec<_> = after.iter().filter(|line| !before.contains(line)).collect();
    assert!(changed.len() == 1 && changed[0].0 == day, "{changed:?}");
    assert_eq!(school.stands("days").await.as_deref(), Some("1"), "no other day was worked out again");
}

#[tokio::test]
async fn a_movement_that_commits_while_its_day_is_rolled_up_is_in_the_next_refresh() {
    let school = School::with_two_years_of_sales().await;
    school.stops("refresh_sales_statistics").await;
    school.does(RefreshSalesStatistics {}).await;
    let mut slow = school.site.stores.db.begin().await.unwrap();
    refund(&mut slow, "re_slow", "2026-11-20 12:00:00-05").await;
    let mut quick = school.site.stores.db.acquire().await.unwrap();
    refund(&mut quick, "re_quick", "2026-11-20 12:00:00-05").await;
    school.does(RefreshSalesStatistics {}).await;
    slow.commit().await.unwrap();
    assert_ne!(school.figures().await, school.oracle().await, "the slow one is not in them yet");

    school.does(RefreshSalesStatistics {}).await;

    assert_eq!(school.figures().await, school.oracle().await);
}

#[tokio::test]
async fn by_another_clock_of_the_business_every_day_is_rolled_up_again() {
    let school = School::with_two_years_of_sales().await;
    school.does(RefreshSalesStatistics {}).await;
    let before = school.figures().await;
    assert_eq!(before, school.oracle().await);
    let settings = school.site.stores.settings();
    let (ok, _, refused) = try_to_end("worker", &["school", "--time-zone", "Bogota"], &settings).await;
    assert!(!ok && refused.contains("--time-zone") && refused.contains("there is no such time zone"), "{refused}");
    // A movement that is written by the old clock, and committed when the new one goes.
    let mut slow = school.site.stores.db.begin().await.unwrap();
    refund(&mut slow, "re_slow", "2026-11-20 23:30:00-05").await;

    let told = run_to_end("worker", &["school", "--time-zone", "asia/kolkata", "--json"], &settings).await;

    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told, serde_json::json!({ "time_zone": "Asia/Kolkata", "certificates_after_refund": "keep" }));
    quiet(&school.site.stores).await;
    let after = school.figures().await;
    assert_eq!(after, school.oracle_at("5 hours 30 minutes").await);
    assert_ne!(after, before);
    slow.commit().await.unwrap();
    school.does(RefreshSalesStatistics {}).await;
    assert_eq!(school.figures().await, school.oracle_at("5 hours 30 minutes").await);
    school.does(CompareSalesStatistics {}).await;
    assert_eq!(school.stands("differing_days").await.as_deref(), Some("0"));
    let admin = school.browser("admin").await;
    assert!(words(&admin.page("/admin/statistics").await, "main").contains("el reloj de Asia/Kolkata"));
}

#[tokio::test]
async fn a_refresh_waits_while_somebody_else_is_at_the_statistics() {
    let school = School::with_two_years_of_sales().await;
    let mut other = school.site.stores.db.acquire().await.unwrap();
    sqlx::query("select pg_advisory_lock(x'5a1e57a7'::int8)").execute(&mut *other).await.unwrap();
    let mut tx = school.site.stores.db.begin().await.unwrap();
    let id = queue::enqueue(&mut tx, RefreshSalesStatistics {}).await.unwrap().id;
    tx.commit().await.unwrap();
    until("the refresh to be told to wait", async || {
        let told = sqlx::query_scalar("select exists (select from faena.attempts where job_id = $1 and outcome = 'throttled')");
        told.bind(id).fetch_one(&school.site.stores.db).await.unwrap()
    })
    .await;
    assert_eq!(school.figures().await, []);

    sqlx::query("select pg_advisory_unlock(x'5a1e57a7'::int8)").execute(&mut *other).await.unwrap();

    quiet(&school.site.stores).await;
    assert_eq!(school.figures().await, school.oracle().await);
}

#[tokio::test]
async fn figures_that_differ_from_the_ledger_are_told_and_worked_out_again() {
    let school = School::with_two_years_of_sales().await;
    school.does(RefreshSalesStatistics {}).await;
    sqlx::raw_sql(
        "update school.sales_daily set gross_minor = gross_minor + 1
         where (day, course_id, currency) = (select day, course_id, currency from school.sales_daily where sales > 0 limit 1);
         -- A line that no movement accounts for.
         insert into school.sales_daily (day, course_id, currency, sales, gross_minor, refunds, returned_minor)
         select date '2019-01-01', min(id), 'EUR', 1, 4900, 0, 0 from school.courses",
    )
    .execute(&school.site.stores.db)
    .await
    .unwrap();

    school.does(CompareSalesStatistics {}).await;

    assert!(school.notices().await.contains("differed from the ledger on 2 days"), "{}", school.notices().await);
    assert_eq!(school.figures().await, school.oracle().await, "worked out again");
    school.does(CompareSalesStatistics {}).await;
    assert_eq!(school.notices().await, "");
}

#[tokio::test]
async fn an_admin_sees_each_currency_by_itself_and_how_old_the_figures_are() {
    let school = School::with_two_years_of_sales().await;
    let admin = school.browser("admin").await;
    assert!(
        words(&admin.page("/admin/statistics").await, ".notice").contains("mira si hay un worker"),
        "nothing was worked out yet"
    );
    school.does(RefreshSalesStatistics {}).await;

    for (currency, days) in [("USD", 730), ("COP", 730), ("USD", 90)] {
        let page = admin.page(&format!("/admin/statistics?days={days}&currency={currency}")).await;
        let mut told: Vec<OfCourse> = sqlx::query_as(include_str!("statistics_of_page.sql"))
            .bind(currency)
            .bind(days)
            .fetch_all(&school.site.stores.db)
            .await
            .unwrap();
        let sum = |of: fn(&OfCourse) -> i64| told.iter().map(of).sum::<i64>();
        let (sales, gross, returned) = (sum(|course| course.1), sum(|course| course.2), sum(|course| course.3));
        assert!(returned > 0, "something went back within {days} days in {currency}");
        let must = [figure(sales * 100), figure(gross), figure(returned), figure(gross - returned)];
        assert_eq!(all_figures(&page, "dl.figures dd"), must, "{currency}, {days} days");
        told.sort_by(|one, other| other.2.cmp(&one.2).then(one.0.cmp(&other.0)));
        let must: Vec<String> =
            told.iter().flat_map(|course| [figure(course.1 * 100), figure(course.2), figure(course.3)]).collect();
        assert_eq!(all_figures(&page, "table.shares td"), must, "{currency}, {days} days: {told:?}");
        let moved: BTreeSet<NaiveDate> = told.into_iter().flat_map(|course| course.4).collect();
        let bars = page.matches("<title>20").count();
        assert!(
            bars <= moved.len() && bars + 20 > moved.len(),
            "{bars} bars of {} days, of which few come to nothing",
            moved.len()
        );
        assert!(!page.contains(if currency == "USD" { "COP</td>" } else { "USD</td>" }), "{page}");
    }
    let page = admin.page("/admin/statistics?days=730&currency=USD").await;
    assert!(words(&page, "main").contains("Datos hasta 20"), "{page}");
    assert!(words(&admin.page("/admin/statistics?days=x&currency=%00").await, "[aria-current=true]").contains("90 días"));

    sqlx::raw_sql("update school.sales_statistics set failed_at = now(), failure = 'no room on <disk>'")
        .execute(&school.site.stores.db)
        .await
        .unwrap();
    assert!(words(&admin.page("/admin/statistics").await, "[role=alert]").contains("no room on <disk>"));
    let learner = school.browser("aprendiz").await;
    let refused = learner.client.get(format!("{}/admin/statistics", learner.site)).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
}
