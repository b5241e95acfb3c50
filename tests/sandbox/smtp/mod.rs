//! A mail server that keeps what it is sent, and misbehaves on request.

mod auth;
mod dialogue;
mod envelope;
mod rules;
mod session;
mod wire;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use faena_tests::sandbox::{SmtpRule, SmtpSession};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::door::Door;
use crate::mailbox::Mailbox;
use crate::script::{self, Script};
use crate::settings::Settings;
use crate::tls::Tls;
use dialogue::Dialogues;

/// The running mail server.
pub(crate) struct Smtp {
    /// SMTP with STARTTLS.
    pub addr: SocketAddr,
    /// SMTP over TLS.
    pub tls_addr: SocketAddr,
    /// PEM of the authority behind its certificate.
    pub ca_file: PathBuf,
    doors: [Door; 2],
    house: Arc<House>,
}

/// What all sessions share.
struct House {
    user: String,
    password: String,
    auth_in_clear: bool,
    idle: Duration,
    tls: Tls,
    script: Arc<Script<SmtpRule>>,
    mailbox: Arc<Mailbox>,
    dialogues: Dialogues,
    stop: CancellationToken,
    sessions: TaskTracker,
}

/// Starts it on both ports.
pub(crate) fn start(settings: &Settings, mailbox: Arc<Mailbox>, stop: &CancellationToken) -> anyhow::Result<Smtp> {
    let tls = Tls::open(&settings.data, &[settings.smtp.ip(), settings.smtps.ip()])?;
    let ca_file = tls.ca_file.clone();
    let house = Arc::new(House {
        user: settings.smtp_user.clone(),
        password: settings.smtp_password.clone(),
        auth_in_clear: settings.smtp_auth_in_clear,
        idle: Duration::from_secs(settings.smtp_idle_seconds),
        tls,
        script: Script::new(),
        mailbox,
        dialogues: Dialogues::default(),
        stop: stop.clone(),
        sessions: TaskTracker::new(),
    });
    let plain = Door::open(settings.smtp, "--smtp", stop, welcome(&house, Port::StartTls))?;
    let tls = Door::open(settings.smtps, "--smtps", stop, welcome(&house, Port::Tls))?;
    Ok(Smtp { addr: plain.addr, tls_addr: tls.addr, ca_file, doors: [plain, tls], house })
}

impl Smtp {
    /// Its share of the API.
    pub(crate) fn routes(&self) -> Router {
        Router::new().route("/api/log/smtp", get(list_sessions)).with_state(Arc::clone(&self.house)).merge(script::routes(
            "smtp",
            Arc::clone(&self.house.script),
            self.doors.to_vec(),
        ))
    }

    /// Waits, after a stop, for the sessions to end.
    pub(crate) async fn ended(&self) {
        self.house.sessions.close();
        self.house.sessions.wait().await;
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Port {
    StartTls,
    Tls,
}

fn welcome(house: &Arc<House>, port: Port) -> impl Fn(TcpStream, SocketAddr) + Send + use<> {
    let house = Arc::clone(house);
    move |socket, peer| {
        let session = session::hold(Arc::clone(&house), socket, peer, port);
        house.sessions.spawn(session);
    }
}

async fn list_sessions(State(house): State<Arc<House>>) -> Json<Vec<SmtpSession>> {
    Json(house.dialogues.recent())
}
