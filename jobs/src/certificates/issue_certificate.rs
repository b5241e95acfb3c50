//! Prints, signs and keeps a certificate.

use std::time::Duration;

use chrono::NaiveDate;
use queue::{Attempted, Backoff, Failure, Job, OrFailure, Queue, clear_notice, post_notice};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;

use super::{
    announce_certificate::AnnounceCertificate,
    badge::Badge,
    certificate::{Certificate, CertificateId, pdf_key},
    notice,
    publish_status_list::PublishStatusList,
    signing::{PublishKeyError, Signer},
    statement::Statement,
};
use crate::{
    accounts::{locale::Locale, user::User},
    courses::enrolment::{Access, Enrolment},
    operators::store,
    ports::{
        Ctx, Ports,
        blobs::File,
        pdf::{PdfTrouble, Sheet, Uncovered},
    },
};

/// Banks take weeks.
const DISPUTE_WAIT: Duration = Duration::from_secs(6 * 3600);

/// Issues a certificate that was asked for: prints it, keeps the file, signs what it states.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct IssueCertificate {
    /// Which certificate.
    pub certificate_id: CertificateId,
}

/// What is printed of a course.
#[derive(Debug, sqlx::FromRow)]
struct Course {
    title: String,
    summary: String,
    slug: String,
    hours: i32,
    locale: Locale,
    instructor: String,
}

/// A certificate that was printed and signed, and not written yet.
#[derive(Debug)]
struct Made {
    sheet: Sheet,
    pdf: Vec<u8>,
    pdf_sha256: [u8; 32],
    statement: Vec<u8>,
    signature: Vec<u8>,
    credential: String,
}

/// Why one is not printed until somebody has done something.
#[derive(Debug)]
struct Refusal {
    problem: String,
    /// The name that was tried.
    holder: String,
    /// The signs of the account's name that no font has.
    unprintable: String,
}

impl Refusal {
    fn of(certificate: &Certificate, sheet: &Sheet, signs: Vec<Uncovered>) -> Self {
        // A name that somebody has corrected is not the account's.
        let is_of_name = |sign: &char| certificate.holder_name.is_none() && sheet.holder.contains(*sign);
        let unprintable = signs.iter().map(|uncovered| uncovered.sign).filter(is_of_name).take(20).collect();
        Self { problem: PdfTrouble::Uncovered(signs).to_string(), holder: sheet.holder.clone(), unprintable }
    }
}

impl Job for IssueCertificate {
    type Ports = Ports;
    const NAME: &'static str = "issue_certificate";
    const QUEUE: Queue = Queue::Default;
    const MAX_ATTEMPTS: u32 = 30;
    const BACKOFF: Backoff = Backoff::between(Duration::from_secs(2), Duration::from_secs(900)).at_least(Duration::from_secs(1));

    async fn run(self, ctx: &Ctx) -> Attempted {
        let certificate = Certificate::find(&ctx.db, self.certificate_id)
            .await
            .context("looking up the certificate")?
            .or_dead("the certificate is gone")?;
        if certificate.issued_at.is_some() || certificate.ended_at.is_some() {
            return Err(Failure::cancelled("it was issued or given up before"));
        }
        if certificate.revision == 1 {
            ask_whether_it_is_open(ctx, &certificate).await?;
        }
        let signer = ctx.signer.as_ref().or_dead("this worker has no key to sign certificates with: see CERTIFICATE_KEY")?;
        let made = match make(ctx, &certificate, signer).await? {
            Ok(made) => made,
            Err(refusal) => return Err(refuse(ctx, &certificate, &refusal).await),
        };
        keep(ctx, &certificate, &made).await?;
        write(ctx, &certificate, signer, &made).await
    }
}

/// Whether the person may have it: between the last lesson and now their money may have gone back, or their bank may claim it.
async fn ask_whether_it_is_open(ctx: &Ctx, certificate: &Certificate) -> Result<(), Failure> {
    let enrolment =
        Enrolment::find(&ctx.db, certificate.user_id, certificate.course_id).await.context("looking up the enrolment")?;
    match enrolment.map(|enrolment| enrolment.state) {
        Some(Access::Active) => Ok(()),
        Some(Access::Suspended) => Err(Failure::snooze(DISPUTE_WAIT, "the payment is disputed")),
        Some(Access::Revoked) | None => Err(Failure::cancelled("the course is no longer open to its holder")),
    }
}

/// Asked again when it is written, and held until it is: whoever closes the course at this moment finds the certificate, or closes it first.
async fn still_open(tx: &mut PgConnection, certificate: &Certificate) -> Result<(), Failure> {
    let state: Option<Access> =
        sqlx::query_scalar("select state from school.enrolments where (user_id, course_id) = ($1, $2) for share")
            .bind(certificate.user_id)
            .bind(certificate.course_id)
            .fetch_optional(tx)
            .await
            .context("looking up the enrolment again")?;
    match state {
        Some(Access::Active | Access::Suspended) => Ok(()),
        Some(Access::Revoked) | None => Err(Failure::cancelled("the course is no longer open to its holder")),
    }
}

/// Prints and signs. All that it depends on stands in the rows, so a repeat makes the same bytes.
async fn make(ctx: &Ctx, certificate: &Certificate, signer: &Signer) -> Result<Result<Made, Refusal>, Failure> {
    let user =
        User::find(&ctx.db, certificate.user_id).await.context("looking up the account")?.or_dead("the account is gone")?;
    let course: Course = sqlx::query_as(
        "select c.title, c.summary, c.slug, c.hours, c.locale, u.full_name as instructor
         from school.courses c join core.users u on u.id = c.instructor_id where c.id = $1",
    )
    .bind(certificate.course_id)
    .fetch_one(&ctx.db)
    .await
    .context("looking up the course")?;
    let check_url = ctx.links.check(&certificate.serial);
    let sheet = Sheet {
        id: certificate.id.0,
        serial: certificate.serial.clone(),
        holder: certificate.holder_name.as_ref().unwrap_or(&user.full_name).as_str().to_owned(),
        course: course.title.clone(),
        instructor: course.instructor.clone(),
        hours: course.hours,
        completed_on: day_of(certificate, &user),
        locale: user.locale,
        check_url: check_url.clone(),
        made_at: certificate.requested_at,
    };
    let printer = ctx.pdf.as_ref().or_dead("this worker prints no certificates: see FONTS_DIR")?;
    let pdf = match printer.print(&sheet).await {
        Ok(pdf) => pdf,
        Err(PdfTrouble::Uncovered(signs)) => return Ok(Err(Refusal::of(certificate, &sheet, signs))),
        Err(PdfTrouble::Broken(words)) => return Err(Failure::retry(words)),
    };
    let pdf_sha256: [u8; 32] = Sha256::digest(&pdf).into();
    let statement = Statement {
        serial: &sheet.serial,
        holder: &sheet.holder,
        course: &sheet.course,
        instructor: &sheet.instructor,
        hours: sheet.hours,
        completed_on: sheet.completed_on,
        issued_at: sheet.made_at,
        pdf_sha256,
        key: signer.id(),
        url: check_url.as_str(),
    }
    .bytes();
    let status = certificate.status();
    let badge = Badge {
        id: certificate.id.0,
        home: ctx.links.home(),
        holder_id: user.id,
        holder: &sheet.holder,
        email: &user.email,
        course_url: &ctx.links.course(course.locale, &course.slug),
        course: &sheet.course,
        summary: &course.summary,
        hours: sheet.hours,
        locale: course.locale,
        check_url: &check_url,
        issued_at: sheet.made_at,
        status,
        status_list_url: &ctx.links.status_list(status.list),
    };
    let credential = signer.token(ctx.links.signing_key(signer.id()).as_str(), &badge.claims());
    let signature = signer.sign(&statement);
    Ok(Ok(Made { sheet, pdf, pdf_sha256, statement, signature, credential }))
}

/// The day on which the course was completed, where its holder lives.
fn day_of(certificate: &Certificate, user: &User) -> NaiveDate {
    let zone: chrono_tz::Tz = user.time_zone.parse().unwrap_or_default();
    certificate.completed_at.with_timezone(&zone).date_naive()
}

/// Says why it cannot be issued, to whom it is for and to operators. It is dead until somebody has corrected the name or installed the font.
async fn refuse(ctx: &Ctx, certificate: &Certificate, refusal: &Refusal) -> Failure {
    match tell(ctx, certificate, refusal).await {
        Ok(()) => Failure::dead(format!("{}: see /admin/certificates/{}", refusal.problem, certificate.id)),
        Err(failure) => failure,
    }
}

async fn tell(ctx: &Ctx, certificate: &Certificate, refusal: &Refusal) -> Result<(), Failure> {
    let mut step = ctx.step().await?;
    // Held: whoever is changing the name finds what is written here, or has changed it before.
    let called: String = sqlx::query_scalar("select full_name from core.users where id = $1 for share")
        .bind(certificate.user_id)
        .fetch_one(&mut *step)
        .await
        .context("looking up the name again")?;
    let written = sqlx::query(
        "update school.certificates set problem = left($2, 500), unprintable = $3
         where id = $1 and issued_at is null and ended_at is null and coalesce(holder_name, $4) = $5",
    )
    .bind(certificate.id)
    .bind(&refusal.problem)
    .bind(&refusal.unprintable)
    .bind(&called)
    .bind(&refusal.holder)
    .execute(&mut *step)
    .await
    .context("writing why it cannot be issued")?;
    if written.rows_affected() == 0 {
        return Err(Failure::retry("it has another name by now, or was issued or given up meanwhile"));
    }
    let message = notice::cannot_be_issued(certificate.id, &certificate.serial, &refusal.problem);
    post_notice(&mut *step, &notice::key(certificate.id), &message).await.context("telling the operator")?;
    step.commit().await
}

/// Keeps the file under a name made of its bytes: a repeat writes the same again.
async fn keep(ctx: &Ctx, certificate: &Certificate, made: &Made) -> Result<(), Failure> {
    let files = ctx.blobs.as_ref().or_dead("this worker has no store of files: see S3_ENDPOINT")?;
    let key = pdf_key(certificate.id, &made.pdf_sha256);
    let file = File { bytes: &made.pdf, content_type: "application/pdf", name: &format!("{}.pdf", certificate.serial) };
    match files.put(&key, file).await {
        Ok(()) => store::answers(ctx).await,
        Err(trouble) => Err(store::trouble(ctx, trouble).await),
    }
}

/// Writes what was printed and signed, and what follows from it, once.
async fn write(ctx: &Ctx, certificate: &Certificate, signer: &Signer, made: &Made) -> Attempted {
    let mut effect = ctx.effect().await?;
    match signer.publish(&mut effect).await {
        Ok(()) => {}
        Err(taken @ PublishKeyError::NameTaken(_)) => return Err(Failure::dead(taken.to_string())),
        Err(error) => return Err(error).context("making the public key known"),
    }
    if let Some(before) = certificate.supersedes {
        // One that was revoked before this one was asked for stays revoked.
        let ended = sqlx::query(
            "update school.certificates set ended_at = coalesce(ended_at, clock_timestamp()), ended_as = coalesce(ended_as, 'superseded')
             where id = $1 and (ended_at is null or ended_at < $2)",
        )
        .bind(before)
        .bind(certificate.requested_at)
        .execute(&mut *effect)
        .await
        .context("ending the one before")?;
        if ended.rows_affected() == 0 {
            return Err(Failure::cancelled("the one that it would replace was revoked meanwhile"));
        }
        let list = Certificate::find(&mut *effect, before)
            .await
            .context("looking up the one before")?
            .map(|before| before.status().list);
        let list = list.or_dead("the one that it replaces is gone")?;
        queue::enqueue(&mut effect, PublishStatusList { list }).await.context("promising the list of those that ended")?;
    }
    if certificate.revision == 1 {
        still_open(&mut effect, certificate).await?;
    }
    let written = sqlx::query(include_str!("sql/write_issued.sql"))
        .bind(certificate.id)
        .bind(&made.sheet.holder)
        .bind(&made.sheet.course)
        .bind(&made.sheet.instructor)
        .bind(made.sheet.hours)
        .bind(made.sheet.locale)
        .bind(made.sheet.completed_on)
        .bind(&made.statement)
        .bind(&made.signature)
        .bind(signer.id())
        .bind(&made.credential)
        .bind(made.pdf_sha256.as_slice())
        .bind(i32::try_from(made.pdf.len()).unwrap_or(i32::MAX))
        .execute(&mut *effect)
        .await
        .context("writing the certificate")?;
    if written.rows_affected() == 0 {
        return Err(Failure::cancelled("it was issued or given up meanwhile"));
    }
    clear_notice(&mut *effect, &notice::key(certificate.id)).await.context("telling that it is issued")?;
    queue::enqueue(&mut effect, PublishStatusList { list: certificate.status().list })
        .await
        .context("promising the status list")?;
    queue::enqueue(&mut effect, AnnounceCertificate { certificate_id: certificate.id }).await.context("promising the letter")?;
    metrics::counter!("faena_certificates_total", "outcome" => "issued").increment(1);
    Ok(effect.into())
}
