//! Courses: found, taken up, and gone through lesson by lesson.

use futures_util::future::join_all;
use jobs::{
    accounts::user::UserId,
    courses::{
        course::CourseId,
        progress::{Marked, complete_section},
        section::SectionId,
    },
};
use reqwest::{StatusCode, header};

use super::{Page, Web, leads_to};

const FREE: &str = "primeros-pasos-con-la-terminal";
const PAID: &str = "git-sin-sustos";

impl Web {
    /// The demo's people, courses and sales.
    pub(super) async fn with_demo_school(self) -> Self {
        let web = self.with_demo_accounts().await;
        sqlx::raw_sql(include_str!("../../../deploy/demo-school.sql")).execute(&web.stores.db).await.unwrap();
        web
    }

    async fn words(&self, sql: &'static str) -> String {
        sqlx::query_scalar::<_, Option<String>>(sql).fetch_one(&self.stores.db).await.unwrap().unwrap_or_default()
    }
}

#[tokio::test]
async fn the_catalogue_shows_what_is_sold_with_its_price_in_both_languages() {
    let web = Web::start().await.with_demo_school().await;
    sqlx::query("update school.courses set status = 'retired' where slug = 'html-y-css-con-criterio'")
        .execute(&web.stores.db)
        .await
        .unwrap();
    sqlx::query("update school.courses set status = 'draft' where slug = 'git-sin-sustos'")
        .execute(&web.stores.db)
        .await
        .unwrap();
    let visitor = web.visitor();

    let (es, en) = (visitor.page("/cursos").await, visitor.page("/courses").await);

    let titles = es.texts(".course-card h2").join("|");
    let expected = web
        .words("select string_agg(title, '|' order by published_at desc, id) from school.courses where status = 'published'")
        .await;
    assert_eq!((titles.as_str(), es.texts(".course-card").len()), (expected.as_str(), 10));
    let prices = |page: &Page| page.texts(".course-card .price");
    assert_eq!(prices(&es)[0], "Gratis");
    assert!(prices(&es).contains(&"179 000 COP".to_owned()), "{:?}", prices(&es));
    assert!(prices(&en).contains(&"COP 179,000".to_owned()), "{:?}", prices(&en));
    assert_eq!(visitor.get("/cursos/git-sin-sustos").await.status(), StatusCode::NOT_FOUND);
    let retired = visitor.page("/courses/html-y-css-con-criterio").await;
    assert!(retired.text(".offer").contains("no longer offered"));
    assert_eq!(retired.attribute("link[rel=alternate]", "href").as_deref(), Some("/cursos/html-y-css-con-criterio"));
}

#[tokio::test]
async fn a_learner_takes_up_a_free_course_and_completes_it_with_the_last_required_lesson() {
    let web = Web::start().await.with_demo_school().await;
    let learner = web.signed_in("aprendiz").await;
    let course = format!("/cursos/{FREE}");
    assert_eq!(leads_to(&learner.get(&format!("{course}/1")).await), course, "not before it is taken up");

    let answer = learner.send(&course, &format!("{course}/comprar"), &[]).await;

    assert_eq!(leads_to(&answer), format!("{course}?done=enrolled"));
    for (lesson, next) in [(1, "/2"), (2, "/3"), (4, "/5")] {
        let answer = learner.send(&format!("{course}/{lesson}"), &format!("{course}/{lesson}/hecha"), &[]).await;
        assert_eq!(leads_to(&answer), format!("{course}{next}"));
    }
    assert_eq!(web.words("select completed_at::text from school.enrolments e join core.users u on u.id = e.user_id and u.email = 'aprendiz@faena.example'").await, "");
    // The fifth is optional.
    let last = learner.send(&format!("{course}/3"), &format!("{course}/3/hecha"), &[]).await;
    assert_eq!(leads_to(&last), format!("{course}?done=completed"));
    let again = learner.send(&format!("{course}/3"), &format!("{course}/3/hecha"), &[]).await;
    assert_eq!(leads_to(&again), format!("{course}/4"), "a course is completed once");
    let mine = learner.page("/mis-cursos").await;
    assert_eq!(mine.texts(".course-card h2"), ["Primeros pasos con la terminal"]);
    assert!(
        mine.text(".course-card").contains("4 / 5") && mine.text(".course-card").contains("Terminado el"),
        "{}",
        mine.text(".course-card")
    );
}

#[tokio::test]
async fn a_zero_byte_in_an_address_is_nothing_that_is_here() {
    let web = Web::start().await.with_demo_school().await;
    let learner = web.signed_in("aprendiz").await;
    for path in [
        "/cursos/%00",
        "/courses/%00",
        "/cursos/a%00b",
        "/cursos/a%00b/1",
        "/cursos/%00/avisos",
        "/compras/%00",
        "/v/%00",
        "/ops/schedules/%00",
        "/api/v1/schedules/%00",
    ] {
        assert_eq!(learner.get(path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let answer = learner.send("/cursos", "/cursos/%00/comprar", &[("provider", "stripe")]).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    assert_eq!(learner.get(&format!("/cursos/{FREE}")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn pressed_many_times_at_once_a_course_is_taken_up_once() {
    let web = Web::start().await.with_demo_school().await;
    let learner = web.signed_in("aprendiz").await;
    let token = learner.page(&format!("/cursos/{FREE}")).await.token();

    let path = format!("/cursos/{FREE}/comprar");
    let answers = join_all((0..6).map(|_| learner.send_with(&token, &path, &[]))).await;

    let enrolled = answers.iter().filter(|answer| leads_to(answer).ends_with("done=enrolled")).count();
    let already = answers.iter().filter(|answer| leads_to(answer).ends_with("done=already")).count();
    assert_eq!((enrolled, already), (1, 5));
    let sold =
        "select count(*) from school.sales s join core.users u on u.id = s.user_id where u.email = 'aprendiz@faena.example'";
    assert_eq!(web.number(sold).await, 1);
}

#[tokio::test]
async fn of_two_last_lessons_marked_at_once_one_completes_the_course() {
    let web = Web::start().await.with_demo_school().await;
    let db = &web.stores.db;
    for round in 0..20 {
        let (user, course): (UserId, CourseId) = sqlx::query_as(
            "with person as (insert into core.users (email, full_name, role, password_hash) values ($1, 'Ana', 'learner', '-') returning id)
             insert into school.enrolments (user_id, course_id) select p.id, c.id from person p, school.courses c where c.slug = $2 returning user_id, course_id",
        )
        .bind(format!("ana{round}@correo.example"))
        .bind(PAID)
        .fetch_one(db)
        .await
        .unwrap();
        let sections: Vec<(SectionId,)> = sqlx::query_as("select id from school.sections where course_id = $1 and is_required")
            .bind(course)
            .fetch_all(db)
            .await
            .unwrap();

        let marked = join_all(sections.iter().map(|(section,)| complete_section(db, user, course, *section))).await;

        let completed = marked.iter().filter(|marked| matches!(marked, Ok(Marked::Course))).count();
        assert_eq!((completed, marked.len()), (1, 5), "{marked:?}");
    }
}

#[tokio::test]
async fn only_a_lesson_with_a_video_may_show_a_frame_and_of_its_host_alone() {
    let web = Web::start().await.with_demo_school().await;
    let learner = web.signed_in("aprendiz").await;
    learner.send(&format!("/cursos/{FREE}"), &format!("/cursos/{FREE}/comprar"), &[]).await;

    let (with, without) = (learner.get(&format!("/cursos/{FREE}/1")).await, learner.get(&format!("/cursos/{FREE}/2")).await);

    let policy = |answer: &reqwest::Response| answer.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    assert!(policy(&with).contains("frame-src https://www.youtube-nocookie.com;"), "{}", policy(&with));
    assert!(!policy(&without).contains("frame-src"), "{}", policy(&without));
    let page = Page::of(with).await;
    assert!(page.attribute("iframe", "src").unwrap().starts_with("https://www.youtube-nocookie.com/embed/"));
    assert_eq!(page.text("pre code"), "pwd ls -l");
}

#[tokio::test]
async fn the_demos_school_is_made_once_and_its_books_balance() {
    let web = Web::start().await.with_demo_school().await;
    let count = "select count(*) from school.sales";
    let sales = web.number(count).await;
    sqlx::raw_sql(include_str!("../../../deploy/demo-school.sql")).execute(&web.stores.db).await.unwrap();

    assert_eq!(web.number(count).await, sales);
    assert!(sales > 500 && web.number("select count(*) from core.users where role = 'learner'").await > 100, "{sales} sales");
    assert_eq!(web.number("select count(*) from school.courses").await, 12);
    assert!(web.number("select (max(created_at)::date - min(created_at)::date)::bigint from school.sales").await > 700);
    let differing = "select count(*) from school.sales s where s.provider <> 'free' and s.charged_minor - s.refunded_minor
         - coalesce((select sum(amount_minor) from school.disputes d where d.sale_id = s.id and d.state <> 'won'), 0)
         <> coalesce((select sum(amount_minor) from school.sale_movements m where m.sale_id = s.id), 0)";
    assert_eq!(web.number(differing).await, 0);
}

#[tokio::test]
async fn the_ledger_takes_only_what_balances_and_gives_nothing_back() {
    let web = Web::start().await.with_demo_school().await;
    let refused = async |sql: &'static str| match sqlx::raw_sql(sql).execute(&web.stores.db).await {
        Ok(_) => panic!("taken: {sql}"),
        Err(error) => error.to_string(),
    };
    let begin = "begin; insert into school.ledger_transactions (sale_id, provider, kind, source_ref, effective_at) select id, 'stripe', 'charge', 'x', now() from school.sales limit 1;";
    let line = |account: &str, amount: i64| {
        format!("insert into school.ledger_lines select max(id), '{account}', 'USD', {amount} from school.ledger_transactions;")
    };
    for lines in [String::new(), line("clearing", 5), line("clearing", 5) + &line("revenue", -4)] {
        let sql: &'static str = Box::leak(format!("{begin}{lines}commit").into_boxed_str());
        assert!(refused(sql).await.contains("does not balance"), "{sql}");
    }
    for change in [
        "update school.ledger_lines set amount_minor = 1",
        "delete from school.ledger_transactions",
        "truncate school.ledger_lines",
    ] {
        assert!(refused(change).await.contains("is only added to"), "{change}");
    }
}

#[tokio::test]
async fn who_teaches_a_course_tells_its_learners_and_nobody_else_does() {
    let web = Web::start().await.with_demo_school().await;
    sqlx::query(
        "update school.courses set instructor_id = (select id from core.users where email = 'instructora@faena.example') where slug = $1",
    )
    .bind(FREE)
    .execute(&web.stores.db)
    .await
    .unwrap();
    let (course, page) = (format!("/cursos/{FREE}"), format!("/cursos/{FREE}/avisos"));
    let (teacher, learner) = (web.signed_in("instructora").await, web.signed_in("aprendiz").await);
    let told = async || web.number("select count(*) from school.announcements").await;
    let another = format!("/cursos/{PAID}/avisos");
    sqlx::query("update school.courses set instructor_id = (select id from core.users where email = 'admin@faena.example') where slug = $1")
        .bind(PAID)
        .execute(&web.stores.db)
        .await
        .unwrap();
    assert_eq!(teacher.get(&another).await.status(), StatusCode::NOT_FOUND, "it is somebody else's course");
    let key = teacher.page(&page).await.attribute("input[name=key]", "value").unwrap();

    let refused = teacher.send(&page, &page, &[("title", "Nueva\u{202e} lección"), ("body", " "), ("key", &key)]).await;
    let refused = Page { status: refused.status(), html: refused.text().await.unwrap() };
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.texts("#title-problem, #body-problem"), ["Tiene signos que no se pueden mostrar.", "Escribe algo."]);
    assert_eq!(refused.attribute("input[name=key]", "value").as_ref(), Some(&key), "it is still the same form");
    assert_eq!(told().await, 0);

    let words = [("title", "Nueva <b>lección</b>"), ("body", "Ya está.\r\n\r\nHasta el jueves."), ("key", &key)];
    for _ in 0..2 {
        let answer = teacher.send(&page, &page, &words).await;
        assert_eq!(leads_to(&answer), format!("{page}?done=told"));
    }
    assert_eq!(told().await, 1, "sent twice, it tells once");
    assert_eq!(web.number("select count(*) from faena.outbox where name = 'publish_announcement'").await, 1);

    let none = learner.get(&page).await.status();
    assert_eq!(none, StatusCode::NOT_FOUND, "they take no part");
    learner.send(&course, &format!("{course}/comprar"), &[]).await;
    let read = learner.page(&page).await;
    assert_eq!((read.text(".said h2").as_str(), read.texts(".said p.lines").len()), ("Nueva <b>lección</b>", 2));
    assert!(read.texts("form.sheet").is_empty(), "{}", read.html);
    let forged = learner.send(&course, &page, &words).await;
    assert_eq!(forged.status(), StatusCode::FORBIDDEN);

    for number in 0..4 {
        let key = uuid::Uuid::new_v4().to_string();
        let title = format!("Aviso {number}");
        let answer = teacher.send(&page, &page, &[("title", &title), ("body", "x"), ("key", &key)]).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    }
    let key = uuid::Uuid::new_v4().to_string();
    let sixth = teacher.send(&page, &page, &[("title", "Uno más"), ("body", "x"), ("key", &key)]).await;
    assert_eq!(sixth.status(), StatusCode::UNPROCESSABLE_ENTITY, "learners are not flooded");
    assert_eq!(told().await, 5);
}

#[tokio::test]
async fn who_told_something_reads_how_many_letters_left_and_how_many_were_kept_back() {
    let web = Web::start().await.with_demo_school().await;
    sqlx::raw_sql(
        "insert into school.announcements (course_id, author_id, title, body, form_key, letters, told_at)
         select c.id, u.id, 'Nueva lección', 'Ya está.', gen_random_uuid(), 54, now()
         from school.courses c, core.users u where c.slug = 'primeros-pasos-con-la-terminal' and u.email = 'admin@faena.example';
         insert into mail.messages (id, dedupe_key, letter, locale, to_address, message_id, stream, state, sent_at, withheld_for)
         select gen_random_uuid(), format('announcement:%s:%s', a.id, n), 'course_announcement', 'es', n || '@correo.example', n || '@faena.example',
                'broadcast', case when n > 52 then 'withheld' else 'sent' end, case when n <= 52 then now() end, case when n > 52 then 'unsubscribed' end
         from school.announcements a, generate_series(1, 54) n",
    )
    .execute(&web.stores.db)
    .await
    .unwrap();

    let page = web.signed_in("admin").await.page(&format!("/cursos/{FREE}/avisos")).await;

    let told = page.text(".said .eyebrow");
    assert!(told.contains("54 cartas: 52 enviadas, 2 retenidas"), "{told}");
}

#[tokio::test]
async fn who_teaches_a_course_and_the_house_read_its_lessons_without_taking_part() {
    let web = Web::start().await.with_demo_school().await;
    let (course, lesson) = (format!("/cursos/{PAID}"), format!("/cursos/{PAID}/1"));
    let teacher = web.signed_in("tomas.arrieta").await;

    let offer = teacher.page(&course).await;

    assert!(offer.text(".offer").contains("Enseñas este curso"), "{}", offer.html);
    assert!(offer.texts("form[action$='/comprar']").is_empty(), "nobody pays for what is theirs");
    let read = teacher.page(&lesson).await;
    assert_eq!((read.status, read.text("h1").as_str()), (StatusCode::OK, "Qué guarda Git cuando guarda"));
    assert!(read.texts("form[action$='/hecha']").is_empty(), "{}", read.html);
    for (to, fields) in [(format!("{lesson}/hecha"), vec![]), (format!("{course}/comprar"), vec![("provider", "stripe")])] {
        assert_eq!(leads_to(&teacher.send("/cuenta", &to, &fields).await), course, "{to}");
    }
    let left = "select (select count(*) from school.progress p where p.user_id = u.id) + (select count(*) from school.sales s where s.user_id = u.id)
         + (select count(*) from school.enrolments e where e.user_id = u.id) from core.users u where u.email = 'tomas.arrieta@faena.example'";
    assert_eq!(web.number(left).await, 0);
    assert!(teacher.page("/mis-cursos").await.texts(".taught h3").contains(&"Git sin sustos".to_owned()));
    assert_eq!(web.signed_in("admin").await.page(&lesson).await.status, StatusCode::OK);
    for other in ["instructora", "aprendiz"] {
        assert_eq!(leads_to(&web.signed_in(other).await.get(&lesson).await), course, "{other}");
    }
}
