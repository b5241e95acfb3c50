//! Stand-ins for the ports: they do what a test tells them and remember what they were given.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use secrecy::SecretString;
use url::Url;

use super::{
    Ports,
    links::Links,
    mailer::{BoxFuture, Fate, Mailer, Offered, Reply},
    payments::Payments,
};
use crate::mail::letter::Letter;

/// With what [`Fakes`] sign links.
pub const SECRET_KEY: &str = "a key for tests, which opens nothing that anybody serves";

/// A stand-in behind every port. What a job is given is [`Fakes::ports`]; what it did is asked of the stand-ins.
#[derive(Debug)]
pub struct Fakes {
    /// Behind `mail`.
    pub mail: Arc<FakeMailer>,
    /// The links, to pages that nobody serves.
    pub links: Links,
    /// Nobody, unless a test brings somebody.
    pub payments: Payments,
}

impl Fakes {
    /// The ports in front of them.
    #[must_use]
    pub fn ports(&self) -> Ports {
        Ports { mail: self.mail.clone(), links: self.links.clone(), payments: self.payments.clone() }
    }

    /// The same with another mailer.
    #[must_use]
    pub fn with_mail(self, mail: FakeMailer) -> Self {
        Self { mail: Arc::new(mail), ..self }
    }
}

impl Default for Fakes {
    /// Stand-ins that do what is asked of them.
    fn default() -> Self {
        let home = Url::parse("https://compilandocode.example").unwrap_or_else(|error| unreachable!("{error}"));
        Self { mail: Arc::default(), links: Links::new(home, &SecretString::from(SECRET_KEY)), payments: Payments::default() }
    }
}

/// A mailer without a server. Letters meet the fates that were set, in their order; after those they are accepted.
#[derive(Debug, Default)]
pub struct FakeMailer {
    fates: Mutex<VecDeque<Fate>>,
    letters: Arc<Mutex<Vec<Letter>>>,
}

impl FakeMailer {
    /// One whose first letters meet these fates.
    #[must_use]
    pub fn with_fates(fates: impl IntoIterator<Item = Fate>) -> Self {
        Self { fates: Mutex::new(fates.into_iter().collect()), letters: Arc::default() }
    }

    /// The letters whose bodies left, whatever became of them.
    #[must_use]
    pub fn letters(&self) -> Vec<Letter> {
        lock(&self.letters).clone()
    }
}

impl Mailer for FakeMailer {
    fn domain(&self) -> &'static str {
        "compilandocode.example"
    }

    fn offer<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<Box<dyn Offered>, Fate>> {
        let fate = lock(&self.fates).pop_front().unwrap_or_else(|| Fate::Accepted(Reply::new(250, "2.0.0 taken")));
        let offered: Result<Box<dyn Offered>, Fate> = match fate {
            Fate::OutOfService(_) => Err(fate),
            fate => Ok(Box::new(FakeOffer { fate, letter: letter.clone(), letters: self.letters.clone() })),
        };
        Box::pin(async move { offered })
    }
}

#[derive(Debug)]
struct FakeOffer {
    fate: Fate,
    letter: Letter,
    letters: Arc<Mutex<Vec<Letter>>>,
}

impl Offered for FakeOffer {
    fn hand_over(self: Box<Self>) -> BoxFuture<'static, Fate> {
        Box::pin(async move {
            lock(&self.letters).push(self.letter);
            self.fate
        })
    }
}

/// A test that panicked elsewhere does not hide what was sent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
