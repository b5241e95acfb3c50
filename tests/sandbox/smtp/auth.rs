//! AUTH PLAIN and LOGIN (RFC 4954): possible, never required. Credentials are not written to the dialogue.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use faena_tests::sandbox::At;

use super::session::Session;
use super::wire::{Ended, Line};

/// After so many wrong passwords the session is closed.
const MAX_FAILURES: u8 = 3;
/// The longest answer to a challenge, bytes: RFC 4954 section 4.
const MAX_ANSWER: usize = 12_288;

impl Session {
    /// Deals with `AUTH mechanism [initial-response]`.
    pub(super) async fn log_in(&mut self, arguments: &str) -> Result<(), Ended> {
        let (mechanism, initial) = arguments.split_once(' ').unwrap_or((arguments, ""));
        let mechanism = mechanism.to_ascii_uppercase();
        self.wire.dialogue.client(&format!("AUTH {mechanism} ***"));
        if self.envelope.helo().is_empty() || self.user.is_some() {
            return self.wire.reply(503, "5.5.1 Bad sequence of commands").await;
        }
        if !self.tls && !self.house.auth_in_clear {
            return self.wire.reply(538, "5.7.11 AUTH needs TLS").await;
        }
        self.envelope.ask(At::Auth);
        if self.decided().await? {
            return Ok(());
        }

        let initial = (!initial.is_empty()).then(|| initial.trim().to_owned());
        let credentials = match mechanism.as_str() {
            "PLAIN" => self.plain(initial).await?,
            "LOGIN" => self.login(initial).await?,
            _ => return self.wire.reply(504, "5.5.4 That mechanism is not known").await,
        };
        match credentials {
            None => self.wire.reply(501, "5.5.2 The credentials cannot be read").await,
            Some((user, password)) if user == self.house.user && password == self.house.password => {
                self.user = Some(user);
                self.wire.reply(235, "2.7.0 Welcome").await
            }
            Some(_) => {
                self.failed_logins += 1;
                self.wire.reply(535, "5.7.8 The user or the password is wrong").await?;
                if self.failed_logins < MAX_FAILURES {
                    return Ok(());
                }
                self.wire.reply(421, "4.7.0 Too many wrong passwords").await?;
                Err(Ended::Refused)
            }
        }
    }

    async fn plain(&mut self, initial: Option<String>) -> Result<Option<(String, String)>, Ended> {
        let answer = match initial {
            Some(answer) => answer,
            None => self.challenge("").await?,
        };
        let decoded = decode(&answer).unwrap_or_default();
        // RFC 4616: authorization identity, user, password.
        let mut parts = decoded.splitn(3, '\0').skip(1).map(str::to_owned);
        Ok(parts.next().zip(parts.next()))
    }

    async fn login(&mut self, initial: Option<String>) -> Result<Option<(String, String)>, Ended> {
        let user = match initial {
            Some(answer) => answer,
            None => self.challenge("VXNlcm5hbWU6").await?,
        };
        let password = self.challenge("UGFzc3dvcmQ6").await?;
        Ok(decode(&user).zip(decode(&password)))
    }

    async fn challenge(&mut self, challenge: &str) -> Result<String, Ended> {
        self.wire.reply(334, challenge).await?;
        let line = self.wire.line(MAX_ANSWER).await?;
        self.wire.dialogue.client("***");
        Ok(match line {
            Line::Whole(line) => String::from_utf8_lossy(&line).trim().to_owned(),
            Line::TooLong => "*".to_owned(),
        })
    }
}

/// None for what is not base64 of UTF-8, such as the `*` that gives up.
fn decode(text: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(text).ok()?).ok()
}
