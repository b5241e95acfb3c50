//! A certificate, attempt by attempt: what is repeated is the same, and what cannot be done is said.

use std::path::Path;

use faena_tests::{judge::somebody_waits_for_a_lock, stores::Stores};
use jobs::{
    accounts::{full_name::FullName, locale::Locale, user::UserId},
    catalogue,
    certificates::{
        amend,
        certificate::CertificateId,
        issue_certificate::IssueCertificate,
        request::{money_went_back, renamed, request},
    },
    courses::course::CourseId,
    payments::{
        purchase::{Bought, buy},
        sale::{Provider, SaleId},
    },
    ports::{Ports, blobs::BlobTrouble, fakes::Fakes},
};
use queue::{
    Job as _,
    kit::{Kit, Outcome},
};
use worker::pdf::Printer;

/// Somebody who has completed a course, and a worker with a real printer and a store without a disk.
struct Completed {
    stores: Stores,
    fakes: Fakes,
    user: UserId,
    course: CourseId,
}

impl Completed {
    async fn by(name: &str) -> Self {
        let stores = Stores::fresh().await;
        let (user, course) = sqlx::query_as(
            "with person as (insert into core.users (email, full_name, role, password_hash) values ('ana@correo.example', $1, 'learner', '-') returning id),
                  course as (insert into school.courses (slug, title, summary, instructor_id, level, hours, price_minor, currency, status, published_at)
                             select 'rust', 'Rust', 'Un curso.', id, 'beginner', 8, 0, 'USD', 'published', now() from person returning id)
             insert into school.enrolments (user_id, course_id, completed_at) select p.id, c.id, '2026-11-28T03:00:00Z' from person p, course c
             returning user_id, course_id",
        )
        .bind(name)
        .fetch_one(&stores.db)
        .await
        .unwrap();
        Self { stores, fakes: Fakes::default(), user, course }
    }

    fn kit(&self) -> Kit<Ports> {
        let printer = Printer::open(Path::new("/usr/share/fonts")).unwrap();
        let ports = Ports { pdf: Some(std::sync::Arc::new(printer)), ..self.fakes.ports() };
        Kit::new(catalogue(), ports).with_database(self.stores.db.clone())
    }

    /// With a printer that lacks the signs of private use, whatever fonts there are.
    fn kit_without_fonts(&self) -> Kit<Ports> {
        Kit::new(catalogue(), self.fakes.ports()).with_database(self.stores.db.clone())
    }

    async fn asks(&self) -> IssueCertificate {
        let mut tx = self.stores.db.begin().await.unwrap();
        request(&mut tx, self.user, self.course).await.unwrap();
        tx.commit().await.unwrap();
        let certificate_id: CertificateId =
            sqlx::query_scalar("select id from school.certificates").fetch_one(&self.stores.db).await.unwrap();
        IssueCertificate { certificate_id }
    }

    async fn run(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&self.stores.db).await.unwrap();
    }

    /// The course is taken up again.
    async fn buys(&self) -> SaleId {
        match buy(&self.stores.db, self.user, self.course, Provider::Free, Locale::Es).await.unwrap() {
            Bought::Enrolled(sale) => sale,
            other => panic!("{other:?}"),
        }
    }

    /// What was paid for it goes back.
    async fn gets_back(&self, sale: SaleId) {
        let mut tx = self.stores.db.begin().await.unwrap();
        let closed = "update school.sales set state = 'refunded'; update school.enrolments set state = 'revoked'";
        sqlx::raw_sql(closed).execute(&mut *tx).await.unwrap();
        money_went_back(&mut tx, sale).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// An administrator has another one issued, under that name.
    async fn corrects(&self, certificate: CertificateId, name: &str) -> CertificateId {
        amend::reissue(&self.stores.db, certificate, &FullName::parse(name).unwrap(), "", self.user).await.unwrap()
    }

    /// The certificate that counts, and the name on it.
    async fn counts(&self) -> (CertificateId, String) {
        sqlx::query_as("select id, holder_name from school.certificates where issued_at is not null and ended_at is null")
            .fetch_one(&self.stores.db)
            .await
            .unwrap()
    }

    async fn notices(&self) -> Vec<String> {
        sqlx::query_scalar("select message from faena.notices").fetch_all(&self.stores.db).await.unwrap()
    }
}

#[tokio::test]
async fn whatever_dies_in_between_the_file_is_the_same_and_written_once() {
    let completed = Completed::by("Ana Ñúñez").await;
    let (kit, job) = (completed.kit(), completed.asks().await);
    completed.fakes.blobs.fail_with([BlobTrouble::Away("connection reset".to_owned())]);
    // Takes the key's name, so that the first attempt dies after the file is kept and before anything is written.
    completed.run("insert into school.signing_keys (id, public_key) values ('test', sha256('another'))").await;

    let ran = kit.drain().await;
    let outcomes: Vec<&Outcome> = ran.iter().map(|ran| &ran.outcome).collect();
    assert!(matches!(&outcomes[0], Outcome::Retry { error, .. } if error.contains("connection reset")), "{outcomes:?}");
    assert!(matches!(&outcomes[1], Outcome::Dead { reason } if reason.contains("another key")), "{outcomes:?}");
    completed.run("delete from school.signing_keys").await;
    assert_eq!(kit.attempt(job).await, Outcome::Completed);

    let files = completed.fakes.blobs.files();
    assert_eq!(files.len(), 2);
    assert_eq!(files[0], files[1], "key and bytes");
    let (key, day): (String, String) = sqlx::query_as(
        "select 'certificates/' || id || '/' || encode(pdf_sha256, 'hex') || '.pdf', completed_on::text from school.certificates",
    )
    .fetch_one(&completed.stores.db)
    .await
    .unwrap();
    assert_eq!((files[0].0.as_str(), day.as_str()), (key.as_str(), "2026-11-27"), "three in the morning is yesterday in Bogotá");
    let followed: Vec<String> = kit.drain().await.into_iter().map(|ran| ran.name).collect();
    assert_eq!(followed.iter().filter(|name| *name == "announce_certificate").count(), 1, "{followed:?}");
    assert_eq!(completed.fakes.mail.letters().len(), 1);
}

#[tokio::test]
async fn a_second_job_for_the_same_certificate_changes_nothing() {
    let completed = Completed::by("Ana Ñúñez").await;
    let (kit, job) = (completed.kit(), completed.asks().await);
    completed.asks().await;
    let again = IssueCertificate { certificate_id: job.certificate_id };
    assert!(kit.drain().await.iter().all(|ran| ran.outcome == Outcome::Completed));
    assert_eq!(kit.attempt(again).await, Outcome::Cancelled { reason: "it was issued or given up before".to_owned() });
    assert_eq!((completed.fakes.blobs.files().len(), completed.fakes.mail.letters().len()), (1, 1));
}

#[tokio::test]
async fn money_that_went_back_in_between_is_seen() {
    for (state, seen) in [("suspended", false), ("revoked", true)] {
        let completed = Completed::by("Ana Ñúñez").await;
        let (kit, job) = (completed.kit(), completed.asks().await);
        sqlx::query("update school.enrolments set state = $1").bind(state).execute(&completed.stores.db).await.unwrap();
        let outcome = kit.attempt(job).await;
        match outcome {
            Outcome::Cancelled { reason } => assert!(seen && reason.contains("no longer open"), "{reason}"),
            Outcome::Throttled { reason, .. } => assert!(!seen && reason.contains("disputed"), "{reason}"),
            other => panic!("{state}: {other:?}"),
        }
        assert!(completed.fakes.blobs.files().is_empty());
    }
}

#[tokio::test]
async fn who_had_completed_the_course_and_buys_it_again_gets_what_was_given_up() {
    let completed = Completed::by("Ana Ñúñez").await;
    let (kit, job) = (completed.kit(), completed.asks().await);
    completed.run("update school.enrolments set state = 'revoked'").await;
    assert!(matches!(&kit.drain().await[0].outcome, Outcome::Cancelled { .. }));
    assert!(completed.fakes.blobs.files().is_empty());

    let bought = buy(&completed.stores.db, completed.user, completed.course, Provider::Free, Locale::Es).await.unwrap();

    assert!(matches!(bought, Bought::Enrolled(_)), "{bought:?}");
    assert!(kit.drain().await.iter().all(|ran| ran.outcome == Outcome::Completed));
    let issued: Vec<CertificateId> = sqlx::query_scalar("select id from school.certificates where issued_at is not null")
        .fetch_all(&completed.stores.db)
        .await
        .unwrap();
    assert_eq!(issued, [job.certificate_id], "the one that was asked for, under its own serial");
    assert_eq!(completed.fakes.mail.letters().len(), 1);
}

#[tokio::test]
async fn a_store_that_does_not_let_us_in_uses_no_attempt_and_tells_the_operator() {
    let completed = Completed::by("Ana Ñúñez").await;
    let (kit, job) = (completed.kit(), completed.asks().await);
    completed.fakes.blobs.fail_with([BlobTrouble::Refused("AccessDenied".to_owned())]);
    let outcome = kit.attempt(job).await;
    assert!(matches!(&outcome, Outcome::Throttled { reason, .. } if reason.contains("AccessDenied")), "{outcome:?}");
    let told: String = sqlx::query_scalar("select message from faena.notices").fetch_one(&completed.stores.db).await.unwrap();
    assert!(told.contains("AccessDenied") && told.contains("S3_SECRET_ACCESS_KEY"), "{told}");

    assert!(kit.drain().await.iter().all(|ran| ran.outcome == Outcome::Completed));
    let told: i64 = sqlx::query_scalar("select count(*) from faena.notices").fetch_one(&completed.stores.db).await.unwrap();
    assert_eq!(told, 0);
}

#[tokio::test]
async fn a_store_that_stays_away_is_told_of_until_it_is_back() {
    let completed = Completed::by("Ana Ñúñez").await;
    let (kit, job) = (completed.kit(), completed.asks().await);
    let notices = async || -> Vec<String> {
        sqlx::query_scalar("select message from faena.notices").fetch_all(&completed.stores.db).await.unwrap()
    };
    completed.fakes.blobs.fail_with([BlobTrouble::Away("connection refused".to_owned())]);
    let first = IssueCertificate { certificate_id: job.certificate_id };
    assert!(matches!(kit.attempt(first).await, Outcome::Retry { .. }));
    assert!(notices().await.is_empty(), "what passes wakes nobody");
    completed.fakes.blobs.fail_with([BlobTrouble::Away("connection refused".to_owned())]);
    let last = IssueCertificate { certificate_id: job.certificate_id };

    let waits = kit.attempt(last).number(IssueCertificate::MAX_ATTEMPTS).await;

    assert!(matches!(&waits, Outcome::Throttled { .. }), "it does not die of that: {waits:?}");
    let told = notices().await;
    assert!(told.len() == 1 && told[0].contains("no responde") && told[0].contains("connection refused"), "{told:?}");
    assert_eq!(kit.attempt(job).await, Outcome::Completed);
    assert_eq!(notices().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_worker_that_lacks_something_says_which_setting_it_is() {
    let completed = Completed::by("Ana Ñúñez").await;
    completed.asks().await;
    let full = completed.fakes.ports();
    for (ports, setting) in [
        (Ports { signer: None, ..full.clone() }, "CERTIFICATE_KEY"),
        (Ports { pdf: None, ..full.clone() }, "FONTS_DIR"),
        (Ports { blobs: None, ..full }, "S3_ENDPOINT"),
    ] {
        let kit = Kit::new(catalogue(), ports).with_database(completed.stores.db.clone());
        let job = completed.asks().await;
        let outcome = kit.attempt(job).await;
        assert!(matches!(&outcome, Outcome::Dead { reason } if reason.contains(setting)), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_name_that_is_changed_while_the_old_one_is_tried_is_the_one_that_is_printed() {
    let completed = Completed::by("Ana \u{E000}").await;
    let kit = completed.kit_without_fonts();
    completed.asks().await;
    // She has written it otherwise, and that is not committed when the job reads the old one.
    let mut tx = completed.stores.db.begin().await.unwrap();
    sqlx::raw_sql("update core.users set full_name = 'Ana Ñúñez'").execute(&mut *tx).await.unwrap();

    let (ran, ()) = tokio::join!(kit.drain(), async {
        somebody_waits_for_a_lock(&completed.stores).await;
        renamed(&mut tx, completed.user).await.unwrap();
        tx.commit().await.unwrap();
    });

    assert!(matches!(&ran[0].outcome, Outcome::Retry { error, .. } if error.contains("another name")), "{ran:?}");
    assert_eq!(completed.counts().await.1, "Ana Ñúñez");
    assert_eq!(completed.notices().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_correction_is_given_up_with_its_certificate_and_nothing_is_left_to_tell() {
    let completed = Completed::by("Ana Nunez").await;
    let (kit, job) = (completed.kit_without_fonts(), completed.asks().await);
    kit.drain().await;
    let correction = completed.corrects(job.certificate_id, "Ana \u{E000}").await;
    assert!(matches!(&kit.drain().await[0].outcome, Outcome::Dead { .. }));
    assert_eq!(completed.notices().await.len(), 1);

    amend::revoke(&completed.stores.db, job.certificate_id, "Era otra Ana", completed.user).await.unwrap();

    assert_eq!(completed.notices().await, Vec::<String>::new());
    let ended: i64 = sqlx::query_scalar("select count(*) from school.certificates where ended_as = 'revoked'")
        .fetch_one(&completed.stores.db)
        .await
        .unwrap();
    assert_eq!(ended, 2);
    let late = amend::revoke(&completed.stores.db, correction, "Otra vez", completed.user).await;
    assert!(matches!(late, Err(amend::AmendError::NotNow)), "{late:?}");
    // Asked for from either page, another one takes the place of what was issued.
    let other = completed.corrects(correction, "Ana Ñúñez").await;
    kit.drain().await;
    assert_eq!(completed.counts().await, (other, "Ana Ñúñez".to_owned()));
    let replaced: CertificateId = sqlx::query_scalar("select supersedes from school.certificates where id = $1")
        .bind(other)
        .fetch_one(&completed.stores.db)
        .await
        .unwrap();
    assert_eq!(replaced, job.certificate_id);
}

#[tokio::test]
async fn whoever_pays_again_has_a_certificate_whatever_was_not_issued_yet_when_the_money_went_back() {
    let completed = Completed::by("Ana Nunez").await;
    let kit = completed.kit_without_fonts();
    completed.run("update school.settings set certificates_after_refund = 'revoke'").await;
    completed.run("update school.enrolments set state = 'revoked'").await;
    let sale = completed.buys().await;
    kit.drain().await;
    let (first, _) = completed.counts().await;

    // Paid, and given back before another one was issued.
    completed.gets_back(sale).await;
    let sale = completed.buys().await;
    completed.gets_back(sale).await;
    let sale = completed.buys().await;
    kit.drain().await;
    let (second, _) = completed.counts().await;
    // A correction that cannot be printed ends with the one that it was to replace.
    completed.corrects(second, "Ana \u{E000}").await;
    kit.drain().await;
    completed.gets_back(sale).await;
    completed.buys().await;
    kit.drain().await;

    let (third, name) = completed.counts().await;
    assert_eq!(name, "Ana Nunez");
    let issued: Vec<(CertificateId, Option<CertificateId>)> =
        sqlx::query_as("select id, supersedes from school.certificates where issued_at is not null order by revision")
            .fetch_all(&completed.stores.db)
            .await
            .unwrap();
    assert_eq!(issued, [(first, None), (second, Some(first)), (third, Some(second))]);
    assert_eq!(completed.notices().await, Vec::<String>::new());
}
