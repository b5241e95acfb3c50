//! What becomes of a certificate afterwards: revoked, corrected, signed by another key.

use faena_tests::{
    judge::quiet,
    wait::{eventually, until},
};
use reqwest::StatusCode;

use super::{Academy, leads_to};

#[tokio::test]
async fn a_revoked_certificate_says_so_and_why() {
    let academy = Academy::open().await;
    let ((learner, row), admin) = (academy.certified("Ana Ñúñez").await, academy.admin().await);
    let page = format!("/admin/certificates/{}", row.id);
    let refused = admin.send(&page, &format!("{page}/revoke"), &[("why", " ")]).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY, "not without a reason");

    let answer = admin.send(&page, &format!("{page}/revoke"), &[("why", "Copió <todo>")]).await;

    assert_eq!(leads_to(&answer), format!("{page}?done=revoked"));
    let (status, checked) = academy.page(&format!("/v/{}", row.serial)).await;
    assert_eq!(status, StatusCode::OK);
    assert!(checked.contains("Este certificado fue retirado") && checked.contains("Copió &#60;todo&#62;"), "{checked}");
    quiet(&academy.site.stores).await;
    let letter = academy.site.sandbox.mails_to(&learner.email, 2).await.unwrap().pop().unwrap();
    assert_eq!(letter.subject, "Tu certificado ya no vale: Rust con «ñ» & cía.");
    let text = letter.text.unwrap_or_default();
    assert!(text.contains("fue retirado: Copió <todo>.") && text.contains(&format!("/v/{}", row.serial)), "{text}");
    let said = academy.judged(&learner, &row).await;
    assert_eq!((&said["is_signed"], &said["ended"], &said["ended_in_all"]), (&true.into(), &true.into(), &1.into()), "{said:#}");
    let own = learner.page("/certificados").await;
    assert!(own.contains("Ya no valen") && own.contains(&row.serial) && own.contains("Copió &#60;todo&#62;"), "{own}");
    assert!(!own.contains("Todavía no tienes ninguno") && own.contains("escribe a la escuela"), "{own}");
    let again =
        admin.client.post(format!("{}{page}/revoke", academy.site.url)).form(&[("why", "otra vez")]).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::FORBIDDEN, "not without the form's token");
    let audited: (String, i64) = sqlx::query_as(
        "select a.detail ->> 'note', count(*) over () from core.audit_log a join core.users u on u.id = a.actor_id
         where action = 'revoke_certificate' and subject = 'certificate:' || $1 and u.email = 'admin@faena.example'",
    )
    .bind(&row.serial)
    .fetch_one(&academy.site.stores.db)
    .await
    .unwrap();
    assert_eq!(audited, ("Copió <todo>".to_owned(), 1));
}

#[tokio::test]
async fn after_one_that_was_revoked_by_mistake_another_is_issued() {
    let academy = Academy::open().await;
    let ((learner, old), admin) = (academy.certified("Ana Ñúñez").await, academy.admin().await);
    let page = format!("/admin/certificates/{}", old.id);
    admin.send(&page, &format!("{page}/revoke"), &[("why", "Era otra Ana")]).await;
    assert!(admin.page(&page).await.contains("Emitir uno nuevo…"));

    let answer = admin.send(&page, &format!("{page}/reissue"), &[("name", "Ana Ñúñez"), ("note", "era esta")]).await;

    assert!(leads_to(&answer).ends_with("?done=reissued"));
    let new = eventually("the new one", async || {
        let row = academy.certificate_of(learner.id).await;
        (row.serial != old.serial).then_some(row)
    })
    .await;
    quiet(&academy.site.stores).await;
    assert!(academy.page(&format!("/v/{}", new.serial)).await.1.contains("Este certificado es auténtico"));
    let (_, checked) = academy.page(&format!("/v/{}", old.serial)).await;
    assert!(checked.contains("Este certificado fue retirado") && checked.contains("Era otra Ana"), "{checked}");
    assert!(learner.page("/certificados").await.contains(&new.serial));
    assert_eq!(academy.judged(&learner, &new).await["ended"], false);
    // Once is enough.
    let again = admin.send(&page, &format!("{page}/reissue"), &[("name", "Ana Ñúñez"), ("note", "")]).await;
    assert_eq!(again.status(), StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_corrected_certificate_replaces_the_first_when_it_is_there() {
    let academy = Academy::open().await;
    let ((learner, old), admin) = (academy.certified("Ana Nunez").await, academy.admin().await);
    let page = format!("/admin/certificates/{}", old.id);

    let answer = admin.send(&page, &format!("{page}/reissue"), &[("name", "Ana Ñúñez"), ("note", "le faltaban las eñes")]).await;

    assert!(leads_to(&answer).ends_with("?done=reissued"));
    let new = eventually("the new one", async || {
        let row = academy.certificate_of(learner.id).await;
        (row.serial != old.serial).then_some(row)
    })
    .await;
    assert_eq!(new.holder_name, "Ana Ñúñez");
    let (_, checked) = academy.page(&format!("/v/{}", old.serial)).await;
    assert!(checked.contains("Este certificado fue reemplazado") && checked.contains(&format!("/v/{}", new.serial)), "{checked}");
    assert!(academy.page(&format!("/v/{}", new.serial)).await.1.contains("Este certificado es auténtico"));
    let said = academy.judged(&learner, &old).await;
    assert_eq!((&said["ended"], &said["ended_in_all"]), (&true.into(), &1.into()));
    assert_eq!(academy.judged(&learner, &new).await["ended"], false);
    let letters = academy.site.sandbox.mail_to(&learner.email).await.unwrap();
    assert!(letters.text.unwrap_or_default().contains("CC-"));
    let own = learner.page("/certificados").await;
    assert!(own.contains(&new.serial) && own.contains(&old.serial) && own.contains("Otro ocupó su lugar"), "{own}");
    // What was replaced is replaced no more.
    let late = admin
        .send(&format!("/admin/certificates/{}", new.id), &format!("{page}/reissue"), &[("name", "X Y"), ("note", "")])
        .await;
    assert_eq!(late.status(), StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn whoever_checks_one_that_was_replaced_reads_that_the_last_was_revoked() {
    let academy = Academy::open().await;
    let ((learner, old), admin) = (academy.certified("Ana Nunez").await, academy.admin().await);
    let page = format!("/admin/certificates/{}", old.id);
    admin.send(&page, &format!("{page}/reissue"), &[("name", "Ana Ñúñez"), ("note", "")]).await;
    let new = eventually("the new one", async || {
        let row = academy.certificate_of(learner.id).await;
        (row.serial != old.serial).then_some(row)
    })
    .await;
    let page = format!("/admin/certificates/{}", new.id);

    admin.send(&page, &format!("{page}/revoke"), &[("why", "Copió <todo>")]).await;

    let (_, checked) = academy.page(&format!("/v/{}", old.serial)).await;
    assert!(checked.contains("Este certificado fue reemplazado") && checked.contains("ya no vale ninguno"), "{checked}");
    assert!(checked.contains(&format!("/v/{}", new.serial)) && checked.contains("Copió &#60;todo&#62;"), "{checked}");
    assert!(!checked.contains("que es el que vale") && !checked.contains("Vale en su lugar"), "{checked}");
    let (_, last) = academy.page(&format!("/v/{}", new.serial)).await;
    assert!(last.contains("Este certificado fue retirado"), "{last}");
}

#[tokio::test]
async fn after_corrections_that_were_given_up_another_one_replaces_the_first() {
    let academy = Academy::open().await;
    let ((learner, old), admin) = (academy.certified("Ana Nunez").await, academy.admin().await);
    let page = format!("/admin/certificates/{}", old.id);
    let corrects = async |page: &str, name: &str| {
        let answer = admin.send(page, &format!("{page}/reissue"), &[("name", name), ("note", "")]).await;
        leads_to(&answer).trim_end_matches("?done=reissued").to_owned()
    };
    let cannot_be_printed = async |page: &str| {
        until(format!("{page} to be in trouble"), async || admin.page(page).await.contains("U+12000, Cuneiform")).await;
        quiet(&academy.site.stores).await;
    };
    let gives_up = async |page: &str| {
        let answer = admin.send(page, &format!("{page}/revoke"), &[("why", "No sale")]).await;
        assert_eq!(leads_to(&answer), format!("{page}?done=revoked"));
    };
    // One is asked for, given up, and asked for again.
    let mut correction = String::new();
    for _ in 0..2 {
        correction = corrects(&page, "Ana 𒀀").await;
        cannot_be_printed(&correction).await;
        assert!(!admin.page(&page).await.contains("Emitir con otro nombre…"), "one at a time");
        gives_up(&correction).await;
        assert!(academy.page(&format!("/v/{}", old.serial)).await.1.contains("Este certificado es auténtico"));
        assert!(admin.page(&page).await.contains("Emitir con otro nombre…"));
    }

    // From the page of the one that was given up, too.
    let new = corrects(&correction, "Ana Ñúñez").await;

    let row = eventually("the new one", async || {
        let row = academy.certificate_of(learner.id).await;
        (row.serial != old.serial).then_some(row)
    })
    .await;
    assert_eq!((format!("/admin/certificates/{}", row.id), row.holder_name.as_str()), (new, "Ana Ñúñez"));
    let (_, checked) = academy.page(&format!("/v/{}", old.serial)).await;
    assert!(checked.contains("Este certificado fue reemplazado") && checked.contains(&format!("/v/{}", row.serial)), "{checked}");
    assert!(!admin.page(&correction).await.contains("Emitir uno nuevo…"), "the new one is corrected at its own page");
}

#[tokio::test]
async fn a_name_that_no_font_has_waits_for_a_person_and_is_then_issued() {
    let academy = Academy::open().await;
    let learner = academy.learner("Ana 𒀀").await;
    learner.completes().await;

    let (problem, job): (String, String) = eventually("the trouble", async || {
        sqlx::query_as(
            "select c.problem, j.reason from school.certificates c
             join faena.jobs j on j.name = 'issue_certificate' and j.state = 'dead' where c.problem is not null",
        )
        .fetch_optional(&academy.site.stores.db)
        .await
        .unwrap()
    })
    .await;
    assert!(problem.contains("U+12000, Cuneiform") && job.contains("U+12000"), "{problem} / {job}");
    let admin = academy.admin().await;
    let list = admin.page("/admin/certificates").await;
    assert!(list.contains("No se pueden emitir") && list.contains("las fuentes no tienen “𒀀” (U+12000, Cuneiform"), "{list}");
    let told = learner.page("/certificados").await;
    assert!(told.contains("tu nombre lleva signos que no tenemos cómo imprimir: <bdi>𒀀</bdi>"), "{told}");
    assert!(learner.page("/certificates").await.contains("your name has signs that we cannot print: <bdi>𒀀</bdi>"));

    let id: uuid::Uuid =
        sqlx::query_scalar("select id from school.certificates").fetch_one(&academy.site.stores.db).await.unwrap();
    let page = format!("/admin/certificates/{id}");
    let answer = admin.send(&page, &format!("{page}/reissue"), &[("name", "Ana A."), ("note", "")]).await;
    assert_eq!(leads_to(&answer), format!("{page}?done=reissued"));
    let row = academy.certificate_of(learner.id).await;
    assert_eq!((row.id, row.holder_name.as_str()), (id, "Ana A."));
    let left: i64 = sqlx::query_scalar("select count(*) from faena.notices where key like 'certificate:%'")
        .fetch_one(&academy.site.stores.db)
        .await
        .unwrap();
    assert_eq!(left, 0, "nothing is left to tell");
}

#[tokio::test]
async fn whoever_is_told_that_their_name_cannot_be_printed_writes_it_otherwise_and_has_the_certificate() {
    let academy = Academy::open().await;
    let learner = academy.learner("Ana 𒀀").await;
    learner.completes().await;
    eventually("the trouble", async || learner.page("/certificados").await.contains("/cuenta#full_name").then_some(())).await;
    let renames = async |name: &str| {
        let fields = [("full_name", name), ("language", "es"), ("time_zone", "America/Bogota")];
        learner.send("/cuenta", "/cuenta/preferencias", &fields).await
    };
    let refused = renames(" ").await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().await.unwrap().contains("Escribe tu nombre."));

    assert_eq!(leads_to(&renames("Ana Ñúñez").await), "/cuenta?done=preferences");

    let row = academy.certificate_of(learner.id).await;
    assert_eq!(row.holder_name, "Ana Ñúñez");
    assert!(learner.page("/certificados").await.contains(&row.serial));
    let left: i64 = sqlx::query_scalar("select count(*) from faena.notices where key like 'certificate:%'")
        .fetch_one(&academy.site.stores.db)
        .await
        .unwrap();
    assert_eq!(left, 0, "nothing is left to tell");
    // What was issued stays as it is, whatever its holder is called later.
    assert_eq!(leads_to(&renames("Ana Otra").await), "/cuenta?done=preferences");
    quiet(&academy.site.stores).await;
    assert_eq!(academy.certificate_of(learner.id).await.holder_name, "Ana Ñúñez");
}

#[tokio::test]
async fn another_key_takes_over_and_what_the_old_one_signed_stays_good() {
    let mut academy = Academy::open().await;
    let (ana, first) = academy.certified("Ana Ñúñez").await;
    academy
        .site
        .replace_worker(&[("CERTIFICATE_KEY", "k2:c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7")])
        .await;

    let (luz, second) = academy.certified("Luz Marín").await;

    assert_eq!((first.key_id.as_str(), second.key_id.as_str()), ("k1", "k2"));
    for (learner, row) in [(&ana, &first), (&luz, &second)] {
        let said = academy.judged(learner, row).await;
        assert_eq!((&said["is_signed"], &said["keys"]), (&true.into(), &serde_json::json!(["k1", "k2"])), "{said:#}");
        assert!(academy.page(&format!("/v/{}", row.serial)).await.1.contains("Este certificado es auténtico"));
    }

    // A name that stands for one key signs with no other.
    academy
        .site
        .replace_worker(&[("CERTIFICATE_KEY", "k1:c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7")])
        .await;
    let sol = academy.learner("Sol Gil").await;
    sol.completes().await;
    let error: String = eventually("the refusal", async || {
        sqlx::query_scalar("select reason from faena.jobs where name = 'issue_certificate' and state = 'dead'")
            .fetch_optional(&academy.site.stores.db)
            .await
            .unwrap()
    })
    .await;
    assert!(error.contains("the name k1 stands for another key"), "{error}");
}
