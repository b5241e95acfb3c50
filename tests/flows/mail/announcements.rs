//! What an instructor tells a course: one letter for each who takes part, whatever dies meanwhile.

use faena_tests::{
    sandbox::Sandbox,
    stores::Stores,
    wait::{eventually, until},
};
use jobs::{
    accounts::user::UserId,
    courses::{announcement::NewAnnouncement, course::CourseId},
};
use queue::operations::State;
use uuid::Uuid;

use super::{reaches, start_worker, streams::somebody};

/// More than two parts of what one transaction promises.
const LEARNERS: i64 = 1200;

/// A course with its instructor: (course, instructor).
async fn course(stores: &Stores) -> (CourseId, UserId) {
    sqlx::query_as(
        "with teacher as (
             insert into core.users (email, full_name, role, password_hash) values ('lucia@correo.example', 'Lucía Paredes', 'instructor', '') returning id
         )
         insert into school.courses (slug, title, summary, instructor_id, level, hours, price_minor, currency, status, published_at)
         select 'rust-desde-cero', 'Rust desde cero', 'Propiedad y préstamos', id, 'beginner', 12, 0, 'COP', 'published', now() from teacher
         returning id, instructor_id",
    )
    .fetch_one(&stores.db)
    .await
    .unwrap()
}

async fn takes_part(stores: &Stores, course: CourseId, user: UserId) {
    sqlx::query("insert into school.enrolments (user_id, course_id, enrolled_at) values ($1, $2, now() - interval '1 day')")
        .bind(user)
        .bind(course)
        .execute(&stores.db)
        .await
        .unwrap();
}

async fn tell(stores: &Stores, (course, teacher): (CourseId, UserId)) {
    let announcement = NewAnnouncement::parse("Nueva lección", "Ya está la lección 4.\n\nEl jueves, dudas en directo.").unwrap();
    let mut tx = stores.db.begin().await.unwrap();
    announcement.make(&mut tx, course, teacher, Uuid::new_v4()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn promised(stores: &Stores) -> i64 {
    sqlx::query_scalar("select count(*) from faena.outbox where name = 'send_announcement'").fetch_one(&stores.db).await.unwrap()
}

#[tokio::test]
async fn everybody_in_a_course_is_told_once_though_workers_die_in_the_middle_of_it() {
    let (stores, sandbox) = (Stores::fresh().await, Sandbox::start().await.unwrap());
    let course = course(&stores).await;
    sqlx::query(
        "with learners as (
             insert into core.users (email, full_name, role, password_hash, disabled_at)
             select 'n' || n || '@correo.example', 'N', 'learner', '', case when n = 7 then now() end from generate_series(1, $2 + 3) n
             returning id, email
         )
         insert into school.enrolments (user_id, course_id, state, enrolled_at)
         select id, $1, case email when 'n8@correo.example' then 'suspended' else 'active' end,
                now() + case email when 'n9@correo.example' then interval '1 hour' else interval '-1 hour' end
         from learners",
    )
    .bind(course.0)
    .bind(LEARNERS)
    .execute(&stores.db)
    .await
    .unwrap();
    // Nothing leaves: what counts here is what was promised.
    sqlx::query("insert into faena.pauses (what, paused_by) values ('job:send_announcement', 'test')")
        .execute(&stores.db)
        .await
        .unwrap();
    tell(&stores, course).await;
    for part in [1, 501, 1001] {
        let worker = start_worker(&stores, &sandbox.smtp_url(), &[]).await;
        until(format!("{part} letters to be promised"), async || promised(&stores).await >= part).await;
        worker.kill_9().await;
    }
    let _worker = start_worker(&stores, &sandbox.smtp_url(), &[]).await;

    let letters: i32 = eventually("all to be told", async || {
        sqlx::query_scalar("select letters from school.announcements").fetch_one(&stores.db).await.unwrap()
    })
    .await;

    assert_eq!(i64::from(letters), LEARNERS, "not those who are disabled, suspended, or came later");
    let (letters, readers): (i64, i64) = sqlx::query_as(
        "select count(*), count(distinct e.user_id)
         from faena.outbox o left join school.enrolments e on e.user_id = (o.args->>'user_id')::bigint and e.course_id = $1
         where o.name = 'send_announcement'",
    )
    .bind(course.0)
    .fetch_one(&stores.db)
    .await
    .unwrap();
    assert_eq!((letters, readers), (LEARNERS, LEARNERS), "one letter each");
}

#[tokio::test]
async fn an_announcement_reaches_its_readers_except_those_who_want_none_or_have_left() {
    let (stores, sandbox) = (Stores::fresh().await, Sandbox::start().await.unwrap());
    let course = course(&stores).await;
    let begoña = somebody(&stores).await;
    let mut others = Vec::new();
    for name in ["quiet", "gone"] {
        let other: UserId = sqlx::query_scalar(
            "insert into core.users (email, full_name, role, password_hash) values ($1 || '@correo.example', $1, 'learner', '') returning id",
        )
        .bind(name)
        .fetch_one(&stores.db)
        .await
        .unwrap();
        others.push(other);
    }
    for learner in [begoña, others[0], others[1]] {
        takes_part(&stores, course.0, learner).await;
    }
    sqlx::query("insert into mail.unsubscribed (user_id, stream) values ($1, 'broadcast')")
        .bind(others[0])
        .execute(&stores.db)
        .await
        .unwrap();
    sqlx::query("insert into faena.pauses (what, paused_by) values ('job:send_announcement', 'test')")
        .execute(&stores.db)
        .await
        .unwrap();
    let _worker = start_worker(&stores, &sandbox.smtp_url(), &[]).await;
    tell(&stores, course).await;
    until("three letters to be promised", async || promised(&stores).await == 3).await;
    sqlx::query("update school.enrolments set state = 'revoked' where user_id = $1")
        .bind(others[1])
        .execute(&stores.db)
        .await
        .unwrap();

    sqlx::query("delete from faena.pauses").execute(&stores.db).await.unwrap();

    let mail = sandbox.mail_to(super::ADDRESS).await.unwrap();
    assert_eq!(mail.subject, "Nueva lección · Rust desde cero");
    assert_eq!(mail.header("List-Unsubscribe-Post"), Some("List-Unsubscribe=One-Click"));
    assert!(mail.link_with("/cursos/rust-desde-cero/avisos").is_some(), "{mail:?}");
    for (who, why) in
        [(others[0], "its reader wants no letters of this stream"), (others[1], "they take no part in the course any more")]
    {
        let id = eventually("its job to be known", async || {
            sqlx::query_scalar("select id from faena.jobs where name = 'send_announcement' and (args->>'user_id')::bigint = $1")
                .bind(who)
                .fetch_optional(&stores.db)
                .await
                .unwrap()
        })
        .await;
        let job = reaches(&stores, id, State::Cancelled).await;
        assert!(job.summary.reason.as_deref().is_some_and(|reason| reason.contains(why)), "{job:?}");
    }
    assert_eq!(sandbox.mails_now(None).await.unwrap().len(), 1);
    let told: i64 =
        sqlx::query_scalar("select count(*) from mail.messages where state = 'sent'").fetch_one(&stores.db).await.unwrap();
    assert_eq!(told, 1);
}
