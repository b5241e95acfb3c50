//! Tells a person by mail that their certificate is there, or that it counts no more.

use std::time::Duration;

use queue::{Attempted, Backoff, Failure, Job, Limit, OrFailure, Queue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::certificate::{Certificate, CertificateId, EndedAs, Standing};
use crate::{
    accounts::user::User,
    mail::{
        delivery,
        letters::{CertificateReady, CertificateRevoked},
    },
    ports::{Ctx, Ports},
};

/// Sends the letter about a certificate.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct AnnounceCertificate {
    /// Which certificate.
    pub certificate_id: CertificateId,
}

impl Job for AnnounceCertificate {
    type Ports = Ports;
    const NAME: &'static str = "announce_certificate";
    const QUEUE: Queue = Queue::Default;
    const MAX_ATTEMPTS: u32 = delivery::MAX_ATTEMPTS;
    const TIMEOUT: Duration = delivery::TIMEOUT;
    const BACKOFF: Backoff = delivery::BACKOFF;
    const LIMITS: &'static [Limit] = delivery::DEFAULT_LIMITS;

    async fn run(self, ctx: &Ctx) -> Attempted {
        let certificate = Certificate::find(&ctx.db, self.certificate_id)
            .await
            .context("looking up the certificate")?
            .or_dead("the certificate is gone")?;
        let user =
            User::find(&ctx.db, certificate.user_id).await.context("looking up the account")?.or_dead("the account is gone")?;
        let course = certificate.course_title.clone().or_dead("an issued certificate without a course")?;
        let (serial, verify) = (certificate.serial.to_string(), ctx.links.check(&certificate.serial));
        match certificate.standing() {
            Standing::Valid => {
                let letter = CertificateReady { course, serial, link: ctx.links.certificates(user.locale), verify };
                delivery::send(ctx, format!("certificate:{}", certificate.id), &user, &letter).await
            }
            Standing::Ended(EndedAs::Revoked) => {
                let why = (!certificate.ended_for_refund).then_some(certificate.ended_note);
                let letter = CertificateRevoked { course, serial, why, verify };
                delivery::send(ctx, format!("certificate_revoked:{}", certificate.id), &user, &letter).await
            }
            _ => Err(Failure::cancelled("another one has taken its place")),
        }
    }
}
