//! The demo's school: whoever has finished a course has their certificate, and the demo's learner has bought the one that they finished.

use faena_tests::{judge::quiet, site::Site};
use scraper::{Html, Selector};

use super::{Academy, Person};

#[tokio::test]
async fn whoever_has_finished_a_course_of_the_demos_has_the_certificate() {
    let academy = Academy { site: Site::start().await };
    let db = &academy.site.stores.db;
    // As `worker migrate` does.
    let mut connection = db.acquire().await.unwrap();
    jobs::catalogue().publication().write(&mut connection, "test").await.unwrap();
    drop(connection);
    for part in [
        include_str!("../../../deploy/demo.sql"),
        include_str!("../../../deploy/demo-school.sql"),
        include_str!("../../../deploy/demo-certificates.sql"),
        include_str!("../../../deploy/demo-certificates.sql"),
    ] {
        sqlx::raw_sql(part).execute(db).await.unwrap();
    }

    quiet(&academy.site.stores).await;

    let (finished, without, dead): (i64, i64, i64) = sqlx::query_as(
        "select count(*), count(*) filter (where not exists (
             select from school.certificates c where (c.user_id, c.course_id) = (e.user_id, e.course_id) and c.issued_at is not null and c.ended_at is null)),
             (select count(*) from faena.jobs where state = 'dead')
         from school.enrolments e where e.completed_at is not null and e.state = 'active'",
    )
    .fetch_one(db)
    .await
    .unwrap();
    assert!((10..80).contains(&finished), "{finished} have finished");
    assert_eq!((without, dead), (0, 0));
    let differing: i64 = sqlx::query_scalar(
        "select count(*) from school.sales s where s.provider <> 'free' and s.charged_minor - s.refunded_minor
         - coalesce((select sum(amount_minor) from school.disputes d where d.sale_id = s.id and d.state <> 'won'), 0)
         <> coalesce((select sum(amount_minor) from school.sale_movements m where m.sale_id = s.id), 0)",
    )
    .fetch_one(db)
    .await
    .unwrap();
    assert_eq!(differing, 0, "the books balance");
    let email = "aprendiz@faena.example".to_owned();
    let id = sqlx::query_scalar("select id from core.users where email = $1::citext").bind(&email).fetch_one(db).await.unwrap();
    let learner: Person = academy.sign_in(id, email).await;
    let bought = learner.page("/compras").await;
    let rows = Html::parse_document(&bought).select(&Selector::parse("tbody tr").unwrap()).count();
    assert!(rows == 1 && bought.contains("HTML y CSS con criterio"), "{bought}");
    let certified = learner.page("/certificados").await;
    assert!(certified.contains("HTML y CSS con criterio") && certified.contains("/pdf"), "{certified}");
}
