//! `GET /v/{serial}`: whether a certificate counts, for anybody. `POST /v/{serial}` and `/v`: whether a file is one of ours. `GET /v`: the
//! way there by typing a serial.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, FromRequest as _, Multipart, Path, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use jobs::certificates::{
    certificate::{EndedAs, Standing as Stands},
    check::Checked,
    serial::Serial,
};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::{
    app::App,
    client_ip::throttle_subject,
    forms::Wish,
    page::{Page, key, render, see_other},
    problem::{Doing as _, Problem},
    throttle::{CHECKS_PER_CLIENT, FILES_PER_CLIENT},
    visit::Visit,
};

/// Our own files have a tenth of this.
const FILE_BYTES: usize = 1024 * 1024;

/// What the address of `/v` may say.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    serial: String,
}

/// What became of a file that somebody brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum File {
    /// Nobody brought one.
    None,
    /// It is this very certificate.
    Same,
    /// It is another certificate of ours.
    Another,
    /// We issued no such file.
    Unknown,
    /// It is larger than any certificate.
    TooLarge,
    /// The form was sent without one.
    Missing,
}

#[derive(Template)]
#[template(path = "check_certificate.html")]
struct CheckCertificate {
    page: Page,
    /// What was typed or stands in the address.
    serial: String,
    checked: Option<Checked>,
    file: File,
}

/// What the page says first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Valid,
    Revoked,
    Superseded,
    /// The table says one thing and the signature another.
    Forged,
    Unknown,
    /// Nothing was asked.
    Asking,
}

impl CheckCertificate {
    fn verdict(&self) -> Verdict {
        match &self.checked {
            Some(checked) if !checked.is_genuine => Verdict::Forged,
            Some(checked) => match checked.certificate.standing() {
                Stands::Ended(EndedAs::Revoked) => Verdict::Revoked,
                Stands::Ended(EndedAs::Superseded) => Verdict::Superseded,
                Stands::Valid | Stands::OnItsWay | Stands::InTrouble => Verdict::Valid,
            },
            None if self.serial.is_empty() && self.file != File::Unknown => Verdict::Asking,
            None => Verdict::Unknown,
        }
    }

    /// Whether the one that took its place was revoked in its turn.
    fn has_ended_with_another(&self) -> bool {
        self.checked.as_ref().is_some_and(|checked| checked.ended_with().is_some())
    }

    fn is_whole(&self) -> bool {
        matches!(self.verdict(), Verdict::Valid | Verdict::Asking)
    }

    /// Where a file is sent to: to be compared with this certificate, or with all.
    fn address(&self) -> String {
        self.checked.as_ref().map_or_else(|| "/v".to_owned(), |checked| format!("/v/{}", checked.certificate.serial))
    }

    fn file_say(&self) -> Option<(&'static str, &'static str, &'static str)> {
        Some(match self.file {
            File::None => return None,
            File::Same => ("good", "circle-check", key("check-file-same")),
            File::Another => ("warn", "circle-alert", key("check-file-another")),
            File::Unknown => ("bad", "triangle-alert", key("check-file-unknown")),
            File::TooLarge => ("warn", "circle-alert", key("check-file-too-large")),
            File::Missing => ("warn", "circle-alert", key("check-file-missing")),
        })
    }

    fn shown(self) -> Result<Response, Problem> {
        let status = match self.verdict() {
            Verdict::Unknown => StatusCode::NOT_FOUND,
            _ if self.file == File::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            _ if self.file == File::Missing => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::OK,
        };
        render(status, &self)
    }
}

/// Asks for a serial, or leads to the page of the one that was typed.
pub(crate) async fn ask(page: Page, Wish(asked): Wish<Asked>) -> Result<Response, Problem> {
    let typed: String = asked.serial.chars().filter(|c| !c.is_control()).take(64).collect();
    match typed.parse::<Serial>() {
        Ok(serial) => Ok(see_other(&format!("/v/{serial}"))),
        Err(_) => CheckCertificate { page, serial: typed.trim().to_owned(), checked: None, file: File::None }.shown(),
    }
}

/// Says what is known of a certificate.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Path(typed): Path<String>,
) -> Result<Response, Problem> {
    app.throttle.take(CHECKS_PER_CLIENT, &throttle_subject(visit.client)).await?;
    let (serial, checked) = find(&app, &typed).await?;
    if serial.as_ref().is_some_and(|serial| serial.as_str() != typed) {
        return Ok(see_other(&format!("/v/{}", serial.map(|serial| serial.to_string()).unwrap_or_default())));
    }
    let serial = typed.chars().filter(|c| !c.is_control()).take(64).collect();
    CheckCertificate { page, serial, checked, file: File::None }.shown()
}

/// Compares a file with a certificate: its SHA-256 is taken as it comes in, and nothing of it is kept.
pub(crate) async fn compare(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Path(typed): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    app.throttle.take(FILES_PER_CLIENT, &throttle_subject(visit.client)).await?;
    let (_, checked) = find(&app, &typed).await?;
    let Some(checked) = checked else { return Err(Problem::NotFound) };
    let file = match digest(request, &app).await? {
        Brought::File(sha256) if checked.certificate.pdf_sha256() == Some(sha256) => File::Same,
        Brought::File(sha256) if Checked::by_pdf(&app.db, &sha256).await.doing("looking up a file")?.is_some() => File::Another,
        Brought::File(_) => File::Unknown,
        Brought::TooLarge => File::TooLarge,
        Brought::Nothing => File::Missing,
    };
    CheckCertificate { page, serial: checked.certificate.serial.to_string(), checked: Some(checked), file }.shown()
}

/// Looks for the certificate that a file is.
pub(crate) async fn recognise(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    request: Request,
) -> Result<Response, Problem> {
    app.throttle.take(FILES_PER_CLIENT, &throttle_subject(visit.client)).await?;
    let (checked, file) = match digest(request, &app).await? {
        Brought::File(sha256) => match Checked::by_pdf(&app.db, &sha256).await.doing("looking up a file")? {
            Some(checked) => (Some(checked), File::Same),
            None => (None, File::Unknown),
        },
        Brought::TooLarge => (None, File::TooLarge),
        Brought::Nothing => (None, File::Missing),
    };
    let serial = checked.as_ref().map(|checked| checked.certificate.serial.to_string()).unwrap_or_default();
    CheckCertificate { page, serial, checked, file }.shown()
}

/// `GET /v/{serial}/statement`: what was signed, for whoever checks it without us.
pub(crate) async fn statement(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    Path(typed): Path<String>,
) -> Result<Response, Problem> {
    app.throttle.take(CHECKS_PER_CLIENT, &throttle_subject(visit.client)).await?;
    let (_, checked) = find(&app, &typed).await?;
    let signed = checked.ok_or(Problem::NotFound)?.signed;
    let signature = hex::encode(&signed.signature);
    let headers = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*".to_owned()),
        (header::HeaderName::from_static("x-signature-ed25519"), signature),
        (
            header::HeaderName::from_static("x-signature-key"),
            jobs::ports::links::signing_key(&app.settings.public_url, &signed.key_id).to_string(),
        ),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, "x-signature-ed25519, x-signature-key".to_owned()),
    ];
    // The very bytes: any other spelling of the same JSON has another signature.
    Ok((headers, signed.statement).into_response())
}

async fn find(app: &App, typed: &str) -> Result<(Option<Serial>, Option<Checked>), Problem> {
    let Ok(serial) = typed.parse::<Serial>() else { return Ok((None, None)) };
    let checked = Checked::by_serial(&app.db, &serial).await.doing("looking up a certificate")?;
    Ok((Some(serial), checked))
}

/// What came with the form.
enum Brought {
    File([u8; 32]),
    TooLarge,
    Nothing,
}

async fn digest(request: Request, app: &App) -> Result<Brought, Problem> {
    let Ok(mut form) = Multipart::from_request(request, app).await else { return Ok(Brought::Nothing) };
    while let Some(mut field) = form.next_field().await.map_err(|_| Problem::BadRequest)? {
        if field.name() != Some("file") {
            continue;
        }
        let (mut digest, mut bytes) = (Sha256::new(), 0);
        while let Some(piece) = field.chunk().await.map_err(|_| Problem::BadRequest)? {
            bytes += piece.len();
            if bytes > FILE_BYTES {
                return Ok(Brought::TooLarge);
            }
            digest.update(&piece);
        }
        return Ok(if bytes == 0 { Brought::Nothing } else { Brought::File(digest.finalize().into()) });
    }
    Ok(Brought::Nothing)
}
