//! One SMTP session, from the greeting to the goodbye (RFC 5321, STARTTLS RFC 3207, SMTPUTF8 RFC 6531).
//!
//! mailin keeps the order of the commands. It knows neither optional AUTH nor MAIL's parameters, so these are dealt with here.

use std::net::SocketAddr;
use std::sync::Arc;

use faena_tests::sandbox::{At, SmtpAct};
use mailin::{Action, Response, Session as Protocol, SessionBuilder};
use tokio::net::TcpStream;

use super::envelope::{Decision, Envelope, MAX_MESSAGE, NO_SENDER, Received, Reply, shielded};
use super::wire::{Ended, Line, Wire};
use super::{House, Port};
use crate::mailbox::Arrival;

/// The longest command line, bytes: RFC 4954 section 4 asks for 12,288 because of AUTH.
const MAX_COMMAND: usize = 12_288;
/// The longest line of a message, bytes, its end included: RFC 5321 section 4.5.3.1.6.
const MAX_LINE: usize = 1_000;
/// Sessions at a time; a further one is told to come back.
const MAX_SESSIONS: usize = 200;
/// After so many bytes of one message the connection is closed.
const MAX_FLOOD: usize = 4 * MAX_MESSAGE;

/// Holds a session to its end.
pub(super) async fn hold(house: Arc<House>, socket: TcpStream, peer: SocketAddr, port: Port) {
    let dialogue = house.dialogues.open(peer, if port == Port::Tls { "smtps" } else { "smtp" });
    // A reply is a packet of its own: waiting to fill one would add 40 ms to each command.
    let _ = socket.set_nodelay(true);
    let wire = Wire::new(socket, Arc::clone(&dialogue), house.idle, house.stop.clone());
    let envelope = Envelope::new(Arc::clone(&house.script), dialogue.id);
    let protocol = SessionBuilder::new("sandbox").enable_start_tls().build(peer.ip(), envelope.clone());
    let mut session =
        Session { house, wire, protocol, envelope, tls: false, starttls_offered: false, user: None, failed_logins: 0 };
    let ended = session.talk(port).await;
    session.part(&ended).await;
    dialogue.ended(ended);
}

/// The state of a session.
pub(super) struct Session {
    pub(super) house: Arc<House>,
    pub(super) wire: Wire,
    pub(super) envelope: Envelope,
    pub(super) tls: bool,
    /// Who has logged in.
    pub(super) user: Option<String>,
    pub(super) failed_logins: u8,
    protocol: Protocol<Envelope>,
    starttls_offered: bool,
}

impl Session {
    async fn talk(&mut self, port: Port) -> Ended {
        let begun = async {
            if port == Port::Tls {
                self.encrypt().await?;
            }
            self.greet().await
        };
        if let Err(ended) = begun.await {
            return ended;
        }
        loop {
            if let Err(ended) = self.take_command().await {
                return ended;
            }
        }
    }

    async fn greet(&mut self) -> Result<(), Ended> {
        if self.house.sessions.len() > MAX_SESSIONS {
            self.wire.reply(421, "4.7.0 Too many sessions").await?;
            return Err(Ended::Refused);
        }
        self.envelope.ask(At::Connect);
        let Decision { delay, act } = self.envelope.decision();
        self.wire.wait(delay).await?;
        match act {
            None => self.wire.reply(220, "sandbox ESMTP").await,
            Some(SmtpAct::Reply { code, text }) if code < 400 => self.wire.reply(code, &text).await,
            refusal => self.act(refusal).await.and(Err(Ended::Refused)),
        }
    }

    async fn take_command(&mut self) -> Result<(), Ended> {
        let line = match self.wire.line(MAX_COMMAND).await? {
            Line::TooLong => return self.wire.reply(500, "5.5.2 The line is too long").await,
            Line::Whole(line) => line,
        };
        let Ok(line) = String::from_utf8(line) else {
            return self.wire.reply(500, "5.5.2 That is not UTF-8").await;
        };
        let line = line.trim_end();
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let verb = verb.to_ascii_uppercase();
        if verb == "AUTH" {
            return self.log_in(rest.trim()).await;
        }
        self.wire.dialogue.client(line);
        match verb.as_str() {
            "EHLO" => self.hello(line).await,
            "STARTTLS" => self.start_tls(line).await,
            "MAIL" => self.start_mail(line).await,
            "DATA" => self.take_message(line).await,
            _ => self.pass_on(line).await,
        }
    }

    async fn hello(&mut self, line: &str) -> Result<(), Ended> {
        let Some(response) = self.process(line).await? else { return Ok(()) };
        if response.is_error {
            return self.answer(&response).await;
        }
        self.starttls_offered = !self.tls && !self.fires("no STARTTLS", &SmtpAct::NoStarttls);
        let mut lines =
            vec![format!("sandbox greets {}", self.envelope.helo()), "8BITMIME".into(), format!("SIZE {MAX_MESSAGE}")];
        lines.push("SMTPUTF8".into());
        if self.starttls_offered {
            lines.push("STARTTLS".into());
        }
        if self.tls || self.house.auth_in_clear {
            lines.push("AUTH PLAIN LOGIN".into());
        }
        self.wire.reply(250, &lines.join("\n")).await
    }

    async fn start_tls(&mut self, line: &str) -> Result<(), Ended> {
        if self.tls || !self.starttls_offered {
            return self.wire.reply(503, "5.5.1 STARTTLS was not offered").await;
        }
        self.envelope.ask(At::Starttls);
        if self.decided().await? {
            return Ok(());
        }
        let Some(response) = self.process(line).await? else { return Ok(()) };
        self.answer(&response).await?;
        if response.action == Action::UpgradeTls { self.encrypt().await } else { Ok(()) }
    }

    async fn encrypt(&mut self) -> Result<(), Ended> {
        let tls = &self.house.tls;
        let untrusted = self.fires("an untrusted certificate", &SmtpAct::UntrustedCertificate);
        self.wire.encrypt(if untrusted { &tls.untrusted } else { &tls.trusted }).await?;
        self.protocol.tls_active();
        self.tls = true;
        Ok(())
    }

    async fn start_mail(&mut self, line: &str) -> Result<(), Ended> {
        let (command, parameters) = line.rfind('>').map_or((line, ""), |end| line.split_at(end + 1));
        match mail_parameters(parameters) {
            Ok(utf8) => self.envelope.allow_utf8(utf8),
            Err((code, text)) => return self.wire.reply(code, text).await,
        }
        self.pass_on(&command.replace("<>", &format!("<{NO_SENDER}>"))).await
    }

    async fn take_message(&mut self, line: &str) -> Result<(), Ended> {
        let Some(response) = self.process(line).await? else { return Ok(()) };
        self.answer(&response).await?;
        if response.code != 354 {
            return Ok(());
        }
        let mut size = 0;
        loop {
            match self.wire.line(MAX_LINE).await? {
                Line::TooLong => self.envelope.spoil((554, "5.6.0 A line is longer than 1,000 bytes")),
                Line::Whole(line) if line == b".\r\n" => break,
                Line::Whole(line) => {
                    if !line.ends_with(b"\r\n") {
                        // To take it for a line's end is what makes smuggling possible.
                        self.envelope.spoil((550, "5.5.2 A line ends in LF alone"));
                    }
                    size += line.len();
                    self.protocol.process(&line);
                }
            }
            if size > MAX_FLOOD {
                return Err(Ended::TooMuch);
            }
        }
        self.wire.dialogue.client(&format!("(a message of {size} bytes)"));
        self.protocol.process(b".\r\n");
        self.end_message().await
    }

    async fn end_message(&mut self) -> Result<(), Ended> {
        let decision = self.envelope.decision();
        let Received { from, to, raw, flaw } = self.envelope.take();
        if let Some((code, text)) = flaw {
            return self.wire.reply(code, text).await;
        }
        self.wire.wait(decision.delay).await?;
        if !matches!(decision.act, None | Some(SmtpAct::KeepAndCut)) {
            return self.act(decision.act).await.map(drop);
        }
        let arrival = Arrival { from, to, raw, helo: self.envelope.helo(), tls: self.tls, auth_user: self.user.clone() };
        let mailbox = Arc::clone(&self.house.mailbox);
        let kept = tokio::task::spawn_blocking(move || mailbox.keep(arrival)).await;
        match (kept, decision.act) {
            (Ok(Ok(id)), None) => self.wire.reply(250, &format!("2.0.0 Kept as {id}")).await,
            (Ok(Ok(id)), Some(_)) => {
                self.wire.dialogue.happened(format_args!("kept as {id}"));
                Err(Ended::Cut)
            }
            (failure, _) => {
                tracing::error!(?failure, "a message could not be kept");
                self.wire.reply(452, "4.3.1 The message could not be kept").await
            }
        }
    }

    /// Lets mailin deal with a command, and gives its answer unless somebody else has given one.
    async fn pass_on(&mut self, line: &str) -> Result<(), Ended> {
        let Some(response) = self.process(line).await? else { return Ok(()) };
        self.answer(&response).await
    }

    async fn process(&mut self, line: &str) -> Result<Option<Response>, Ended> {
        let response = self.protocol.process(format!("{}\r\n", shielded(line)).as_bytes());
        if let Some((code, text)) = self.envelope.refusal() {
            self.wire.reply(code, text).await?;
            return Ok(None);
        }
        Ok(if self.decided().await? { None } else { Some(response) })
    }

    async fn answer(&mut self, response: &Response) -> Result<(), Ended> {
        let reply = response.buffer().unwrap_or_default();
        self.wire.say(&String::from_utf8_lossy(&reply)).await?;
        if response.action == Action::Close { Err(Ended::Quit) } else { Ok(()) }
    }

    /// Does what the rules decided about the last command; whether the client has its answer with that.
    pub(super) async fn decided(&mut self) -> Result<bool, Ended> {
        let Decision { delay, act } = self.envelope.decision();
        self.wire.wait(delay).await?;
        self.act(act).await
    }

    async fn act(&mut self, act: Option<SmtpAct>) -> Result<bool, Ended> {
        match act {
            None => Ok(false),
            Some(SmtpAct::Reply { code, text }) => {
                self.wire.reply(code, &text).await?;
                if code == 421 { Err(Ended::Refused) } else { Ok(true) }
            }
            Some(_) => Err(Ended::Cut),
        }
    }

    /// Fires a rule that has a point of its own.
    fn fires(&self, met: &str, act: &SmtpAct) -> bool {
        let met = || format!("{met} (session {})", self.wire.dialogue.id);
        self.house.script.fire(met, |rule| rule.act == *act).rule.is_some()
    }

    async fn part(&mut self, ended: &Ended) {
        let goodbye = match ended {
            Ended::Stopped => "4.3.2 The sandbox stops",
            Ended::Idle => "4.4.2 Nothing came for too long",
            Ended::TooMuch => "4.7.0 That is too much",
            Ended::Quit | Ended::Refused | Ended::HungUp => "",
            // No goodbye, not even TLS's: the client shall see the connection break.
            Ended::Cut | Ended::Tls(_) | Ended::Broken(_) => return,
        };
        if !goodbye.is_empty() {
            let _ = self.wire.reply(421, goodbye).await;
        }
        self.wire.close().await;
    }
}

/// Whether the parameters allow UTF-8 in addresses, or why they cannot be granted.
fn mail_parameters(parameters: &str) -> Result<bool, Reply> {
    let mut utf8 = false;
    for parameter in parameters.split_whitespace() {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match (name.to_ascii_uppercase().as_str(), value.to_ascii_uppercase().as_str()) {
            ("SIZE", size) => match size.parse::<u64>() {
                Ok(size) if size > MAX_MESSAGE as u64 => return Err((552, "5.3.4 The message is larger than 10 MiB")),
                Ok(_) => {}
                Err(_) => return Err((501, "5.5.4 SIZE is no number")),
            },
            ("BODY", "7BIT" | "8BITMIME") | ("AUTH", _) => {}
            ("SMTPUTF8", "") => utf8 = true,
            _ => return Err((555, "5.5.4 A parameter is not known")),
        }
    }
    Ok(utf8)
}
