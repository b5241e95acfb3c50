//! Letters over SMTP (RFC 5321): the adapter behind the mailer port.
//!
//! lettre's high-level transport does not say in which phase a letter failed, and whether it may have arrived depends on nothing
//! else. So the conversation is led step by step over lettre's connection; `session` says what each way it can end means.

mod breaker;
mod message;
mod pool;
#[cfg(test)]
mod scripted;
mod sender;
mod session;
mod settings;
#[cfg(test)]
mod tests;
mod wary;

use std::{sync::Arc, time::Instant};

use jobs::{
    mail::letter::Letter,
    ports::mailer::{Fate, Mailer, Reply, Sending, Trouble},
};

use breaker::Breaker;
use pool::Pool;
use session::Session;

pub use sender::Sender;
pub use settings::{SmtpArgs, SmtpSettings};

/// Sends letters to one mail server. Connections are kept for a short while and used again.
#[derive(Debug)]
pub struct Smtp {
    settings: SmtpSettings,
    sender: Sender,
    pool: Arc<Pool>,
    breaker: Breaker,
}

impl Smtp {
    /// A mailer for that server. Connects to nothing until the first letter.
    #[must_use]
    pub fn new(settings: SmtpSettings, sender: Sender) -> Self {
        Self { settings, sender, pool: Arc::default(), breaker: Breaker::default() }
    }

    /// Connects, encrypts and logs in as for a letter, then says goodbye.
    ///
    /// # Errors
    /// What stands in the way of every letter, with the server's words.
    pub async fn check(&self) -> Result<(), String> {
        let session = Session::open(&self.settings).await.map_err(|trouble| trouble.words)?;
        session.close().await;
        Ok(())
    }

    async fn deliver(&self, letter: &Letter) -> Fate {
        let message = match message::build(letter, &self.sender) {
            Ok(message) => message,
            Err(error) => return Fate::RefusedForGood(Reply::new(553, &format!("(said by ourselves) {error}"))),
        };
        let mut session = match self.session().await {
            Ok(session) => session,
            Err(trouble) => return Fate::OutOfService(trouble),
        };
        let fate = session.send(&message).await;
        self.pool.keep(session);
        fate
    }

    /// One that was kept, else a new one.
    async fn session(&self) -> Result<Session, Trouble> {
        if let Some(session) = self.pool.take().await {
            return Ok(session);
        }
        let attempt = self.breaker.begin()?;
        let began = Instant::now();
        match Session::open(&self.settings).await {
            Ok(session) => {
                attempt.succeeded();
                Ok(session)
            }
            Err(trouble) => {
                attempt.failed(began.elapsed(), &trouble);
                Err(trouble)
            }
        }
    }
}

impl Mailer for Smtp {
    fn domain(&self) -> &str {
        self.sender.domain()
    }

    fn send<'a>(&'a self, letter: &'a Letter) -> Sending<'a> {
        Box::pin(self.deliver(letter))
    }
}
