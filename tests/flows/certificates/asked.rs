//! An administrator asks for the certificate of somebody who has finished and has none.

use reqwest::StatusCode;

use super::{Academy, Person, first, leads_to};

const PAGE: &str = "/admin/certificates";

/// What is said of an asking that is refused.
async fn refused(admin: &Person, email: &str, course: &str) -> String {
    let answer = admin.send(PAGE, PAGE, &[("email", email), ("course", course)]).await;
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    answer.text().await.unwrap()
}

#[tokio::test]
async fn an_admin_asks_for_a_missing_certificate_and_is_told_what_is_missing() {
    let academy = Academy::open().await;
    let (learner, admin) = (academy.learner("Ana Ñúñez").await, academy.admin().await);
    let db = &academy.site.stores.db;
    let course = first(&admin.page(PAGE).await, "#course option", "value").unwrap();

    assert!(refused(&admin, "nadie@correo.example", &course).await.contains("No hay ninguna cuenta con ese correo."));
    assert!(refused(&admin, &learner.email, "0").await.contains("Elige un curso."));
    assert!(refused(&admin, "cliente@faena.example", &course).await.contains("No sigue ese curso."));
    assert!(refused(&admin, &learner.email, &course).await.contains("Todavía no ha hecho ninguna lección."));
    // Of two lessons they have done the second.
    let second = "with second as (insert into school.sections (course_id, position, title, minutes) select id, 2, 'Dos', 5 from school.courses returning id)
        insert into school.progress (user_id, section_id) select $1, id from second";
    sqlx::query(second).bind(learner.id).execute(db).await.unwrap();
    assert!(refused(&admin, &learner.email, &course).await.contains("No lo ha terminado; le falta: Uno."));
    let closing = async |state: &str| {
        sqlx::query("update school.enrolments set state = $1").bind(state).execute(db).await.unwrap();
    };
    closing("revoked").await;
    assert!(refused(&admin, &learner.email, &course).await.contains("El curso no está abierto para esa persona"));
    closing("active").await;
    let none: i64 = sqlx::query_scalar("select count(*) from school.certificates").fetch_one(db).await.unwrap();
    assert_eq!(none, 0, "nothing of it was written");
    // The other lesson was done where nobody asked for anything.
    let done = "insert into school.progress (user_id, section_id) select $1, id from school.sections on conflict do nothing";
    sqlx::query(done).bind(learner.id).execute(db).await.unwrap();

    let answer = admin.send(PAGE, PAGE, &[("email", &learner.email), ("course", &course)]).await;

    let row = academy.certificate_of(learner.id).await;
    assert_eq!(leads_to(&answer), format!("{PAGE}/{}?done=reissued", row.id));
    assert!(learner.page("/certificados").await.contains(&row.serial));
    let audited: i64 = sqlx::query_scalar(
        "select count(*) from core.audit_log a join core.users u on u.id = a.actor_id
         where action = 'request_certificate' and subject = 'certificate:' || $1 and u.email = 'admin@faena.example'",
    )
    .bind(&row.serial)
    .fetch_one(db)
    .await
    .unwrap();
    assert_eq!(audited, 1);
    let again = refused(&admin, &learner.email, &course).await;
    assert!(again.contains("Ya tiene uno") && again.contains(&format!("{PAGE}/{}", row.id)), "{again}");
    let bare =
        admin.client.post(format!("{}{PAGE}", academy.site.url)).form(&[("email", "x"), ("course", "1")]).send().await.unwrap();
    assert_eq!(bare.status(), StatusCode::FORBIDDEN, "not without the form's token");
    let learners = learner.send("/cuenta", PAGE, &[("email", &learner.email), ("course", &course)]).await;
    assert_eq!(learners.status(), StatusCode::FORBIDDEN);
}
