//! Letters over SMTP (RFC 5321): the adapter behind the mailer port.
//!
//! lettre's high-level transport does not say in which phase a letter failed, and whether it may have arrived depends on nothing
//! else. So the conversation is led step by step over lettre's connection; `session` says what each way it can end means.

mod breaker;
mod dkim;
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
    ports::mailer::{BoxFuture, Fate, Mailer, Offered, Reply, Trouble},
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

    async fn ask(&self, letter: &Letter) -> Result<Box<dyn Offered>, Fate> {
        let message = message::build(letter, &self.sender)
            .map_err(|error| Fate::RefusedForGood(Reply::new(553, &format!("(said by ourselves) {error}"))))?;
        let kept = self.pool.take().await;
        let was_kept = kept.is_some();
        let mut session = match kept {
            Some(session) => session,
            None => self.open().await.map_err(Fate::OutOfService)?,
        };
        let mut offered = session.offer(&message).await;
        if was_kept && offered.as_ref().is_err_and(ends_the_session) {
            // It died while it was kept, and the letter is still here.
            session = self.open().await.map_err(Fate::OutOfService)?;
            offered = session.offer(&message).await;
        }
        match offered {
            Ok(()) => Ok(Box::new(Ready { session, body: message.bytes, pool: self.pool.clone() })),
            Err(fate) => {
                self.pool.keep(session);
                Err(fate)
            }
        }
    }

    /// A new session, if one may be tried.
    async fn open(&self) -> Result<Session, Trouble> {
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

/// Whether it says more of the session than of the letter: it is over, or the server ends it (421).
fn ends_the_session(fate: &Fate) -> bool {
    matches!(fate, Fate::OutOfService(_) | Fate::RefusedForNow(Reply { code: session::CLOSING, .. }))
}

impl Mailer for Smtp {
    fn domain(&self) -> &str {
        self.sender.domain()
    }

    fn offer<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<Box<dyn Offered>, Fate>> {
        Box::pin(self.ask(letter))
    }
}

/// A session whose server has taken sender and recipient.
#[derive(Debug)]
struct Ready {
    session: Session,
    body: Vec<u8>,
    pool: Arc<Pool>,
}

impl Offered for Ready {
    fn hand_over(self: Box<Self>) -> BoxFuture<'static, Fate> {
        let Self { mut session, body, pool } = *self;
        Box::pin(async move {
            let fate = session.hand_over(&body).await;
            pool.keep(session);
            fate
        })
    }
}
