//! Stand-ins for the ports: they do what a test tells them and remember what they were given.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use queue::Store;
use secrecy::SecretString;
use url::Url;

use super::{
    Ports,
    blobs::{BlobTrouble, Blobs, File, LEAST_PART, MOST_LISTED},
    chat::{Chat, ChatTrouble, Door, Message},
    links::Links,
    mailer::{BoxFuture, Fate, Mailer, Offered, Reply},
    payments::Payments,
    pdf::{Pdf, PdfTrouble, ReportSheet, Sheet, Uncovered},
};
use crate::{
    certificates::signing::Signer,
    chat::webhook::{Origins, Webhook, WebhookProblem},
    housekeeping::retention::Retention,
    mail::letter::Letter,
};

/// With what [`Fakes`] sign links.
pub const SECRET_KEY: &str = "a key for tests, which opens nothing that anybody serves";

/// With what [`Fakes`] sign certificates.
pub const CERTIFICATE_KEY: &str = "test:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// A stand-in behind every port. What a job is given is [`Fakes::ports`]; what it did is asked of the stand-ins.
#[derive(Debug)]
pub struct Fakes {
    /// Behind `mail`.
    pub mail: Arc<FakeMailer>,
    /// The links, to pages that nobody serves.
    pub links: Links,
    /// Nobody, unless a test brings somebody.
    pub payments: Payments,
    /// Behind `blobs`.
    pub blobs: Arc<FakeBlobs>,
    /// Behind `pdf`.
    pub pdf: Arc<FakePdf>,
    /// The key, which signs nothing that anybody believes.
    pub signer: Option<Signer>,
    /// Behind `chat`.
    pub chat: Arc<FakeChat>,
    /// Nobody's, unless a test brings its own.
    pub live: Option<Store>,
    /// As it is unless told otherwise.
    pub retention: Retention,
}

impl Fakes {
    /// The ports in front of them.
    #[must_use]
    pub fn ports(&self) -> Ports {
        Ports {
            mail: self.mail.clone(),
            links: self.links.clone(),
            payments: self.payments.clone(),
            blobs: Some(self.blobs.clone()),
            pdf: Some(self.pdf.clone()),
            spreadsheets: None,
            signer: self.signer.clone(),
            chat: Some(self.chat.clone()),
            live: self.live.clone(),
            retention: self.retention.clone(),
        }
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
        Self {
            mail: Arc::default(),
            links: Links::new(home, &SecretString::from(SECRET_KEY)),
            payments: Payments::default(),
            blobs: Arc::default(),
            pdf: Arc::default(),
            signer: Signer::parse(&SecretString::from(CERTIFICATE_KEY)).ok(),
            chat: Arc::default(),
            live: None,
            retention: Retention::default(),
        }
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

/// A chat without anybody in it; each name is a channel. Messages meet the troubles that were set, in their order; after those they are said.
#[derive(Debug, Default)]
pub struct FakeChat {
    troubles: Mutex<VecDeque<ChatTrouble>>,
    said: Mutex<Vec<(String, String)>>,
    /// Another one stands for other webhooks.
    pub generation: std::sync::atomic::AtomicU8,
}

impl FakeChat {
    /// Has the next messages meet these.
    pub fn fail_with(&self, troubles: impl IntoIterator<Item = ChatTrouble>) {
        lock(&self.troubles).extend(troubles);
    }

    /// Every message that came through: the channel, and what was said.
    #[must_use]
    pub fn said(&self) -> Vec<(String, String)> {
        lock(&self.said).clone()
    }
}

impl Chat for FakeChat {
    fn fingerprint(&self, _channel: &str) -> Option<[u8; 32]> {
        Some([self.generation.load(std::sync::atomic::Ordering::Relaxed); 32])
    }

    fn read_webhook(&self, text: &str) -> Result<Webhook, WebhookProblem> {
        Webhook::parse(text, &Origins::parse(Origins::SLACK).map_err(|_| WebhookProblem::Elsewhere)?)
    }

    fn post<'a>(&'a self, door: Door<'a>, message: &'a Message) -> BoxFuture<'a, Result<(), ChatTrouble>> {
        let channel = match door {
            Door::Setting(channel) => channel,
            Door::Webhook(webhook) => webhook.expose(),
        };
        let met = lock(&self.troubles).pop_front();
        if matches!(met, None | Some(ChatTrouble::Unknown { .. })) {
            // Whoever does not know may think that it did not arrive; it did.
            lock(&self.said).push((channel.to_owned(), message.text.clone()));
        }
        Box::pin(async move { met.map_or(Ok(()), Err) })
    }
}

/// A store without a disk. What sends bytes meets the troubles that were set, in their order; after those they are kept.
#[derive(Debug, Default)]
pub struct FakeBlobs {
    troubles: Mutex<VecDeque<BlobTrouble>>,
    files: Mutex<Vec<(String, Vec<u8>)>>,
    names: Mutex<Vec<String>>,
    removal_troubles: Mutex<VecDeque<Option<BlobTrouble>>>,
    /// So many requests pass before the next trouble.
    passes: AtomicUsize,
    /// Uploads that are neither complete nor thrown away.
    uploads: Mutex<Vec<FakeUpload>>,
}

/// Its key, its name, and its parts by their numbers.
type FakeUpload = (String, String, BTreeMap<i32, Bytes>);

impl FakeBlobs {
    /// Has the next puts meet these.
    pub fn fail_with(&self, troubles: impl IntoIterator<Item = BlobTrouble>) {
        lock(&self.troubles).extend(troubles);
    }

    /// Has the next removals meet these, or nothing.
    pub fn fail_removals_with(&self, troubles: impl IntoIterator<Item = Option<BlobTrouble>>) {
        lock(&self.removal_troubles).extend(troubles);
    }

    /// Every file that was kept and not removed: the key, and what was in it.
    #[must_use]
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        lock(&self.files).clone()
    }

    /// What each file was to be called where somebody saves it.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        lock(&self.names).clone()
    }

    /// The keys of uploads that are neither complete nor thrown away.
    #[must_use]
    pub fn open_uploads(&self) -> Vec<String> {
        lock(&self.uploads).iter().map(|(key, ..)| key.clone()).collect()
    }

    /// Lets so many requests pass before the next trouble.
    pub fn let_pass(&self, count: usize) {
        self.passes.store(count, Ordering::Relaxed);
    }

    fn meets(&self) -> Result<(), BlobTrouble> {
        if self.passes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
            return Ok(());
        }
        lock(&self.troubles).pop_front().map_or(Ok(()), Err)
    }
}

impl Blobs for FakeBlobs {
    fn put<'a>(&'a self, key: &'a str, file: File<'a>) -> BoxFuture<'a, Result<(), BlobTrouble>> {
        Box::pin(async move {
            self.meets()?;
            lock(&self.names).push(file.name.to_owned());
            lock(&self.files).push((key.to_owned(), file.bytes.to_vec()));
            Ok(())
        })
    }

    fn begin<'a>(&'a self, key: &'a str, file: File<'a>) -> BoxFuture<'a, Result<String, BlobTrouble>> {
        Box::pin(async move {
            self.meets()?;
            lock(&self.names).push(file.name.to_owned());
            let mut uploads = lock(&self.uploads);
            let name = format!("upload-{}", uploads.len() + 1);
            uploads.push((key.to_owned(), name.clone(), BTreeMap::new()));
            Ok(name)
        })
    }

    fn put_part<'a>(
        &'a self,
        key: &'a str,
        upload: &'a str,
        number: i32,
        bytes: Bytes,
    ) -> BoxFuture<'a, Result<String, BlobTrouble>> {
        Box::pin(async move {
            self.meets()?;
            let mut uploads = lock(&self.uploads);
            let known = uploads.iter_mut().find(|(of, name, _)| of == key && name == upload);
            let (_, _, parts) = known.ok_or_else(|| BlobTrouble::Away("there is no such upload".to_owned()))?;
            parts.insert(number, bytes);
            Ok(format!("tag-{number}"))
        })
    }

    fn complete<'a>(&'a self, key: &'a str, upload: &'a str, tags: &'a [String]) -> BoxFuture<'a, Result<(), BlobTrouble>> {
        Box::pin(async move {
            self.meets()?;
            let mut uploads = lock(&self.uploads);
            let place = uploads.iter().position(|(of, name, _)| of == key && name == upload);
            let place = place.ok_or_else(|| BlobTrouble::Away("there is no such upload".to_owned()))?;
            let (key, _, parts) = uploads.remove(place);
            assert_eq!(parts.keys().map(|number| format!("tag-{number}")).collect::<Vec<_>>(), tags, "parts are named in order");
            let short = parts.values().rev().skip(1).any(|part| part.len() < LEAST_PART);
            assert!(!short, "a part that is not the last is too short");
            lock(&self.files).push((key, parts.into_values().flatten().collect()));
            Ok(())
        })
    }

    fn abort<'a>(&'a self, key: &'a str, upload: &'a str) -> BoxFuture<'a, Result<(), BlobTrouble>> {
        lock(&self.uploads).retain(|(of, name, _)| of != key || name != upload);
        Box::pin(async { Ok(()) })
    }

    fn unfinished<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Vec<String>, BlobTrouble>> {
        let found = lock(&self.uploads).iter().filter(|(of, ..)| of == key).map(|(_, name, _)| name.clone()).collect();
        Box::pin(async move { Ok(found) })
    }

    fn list<'a>(&'a self, prefix: &'a str, after: Option<&'a str>) -> BoxFuture<'a, Result<Vec<String>, BlobTrouble>> {
        let mut keys: Vec<String> = lock(&self.files).iter().map(|(key, _)| key.clone()).collect();
        keys.retain(|key| key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after));
        keys.sort_unstable();
        keys.dedup();
        keys.truncate(MOST_LISTED);
        Box::pin(async move { Ok(keys) })
    }

    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), BlobTrouble>> {
        let met = lock(&self.removal_troubles).pop_front().flatten();
        if met.is_none() {
            lock(&self.files).retain(|(of, _)| of != key);
        }
        Box::pin(async move { met.map_or(Ok(()), Err) })
    }
}

/// A printer without ink: its files are the sheet in words. It has every sign but those of private use.
#[derive(Debug, Default)]
pub struct FakePdf;

impl Pdf for FakePdf {
    fn print<'a>(&'a self, sheet: &'a Sheet) -> BoxFuture<'a, Result<Vec<u8>, PdfTrouble>> {
        let uncovered: Vec<Uncovered> = (sheet.holder.chars().filter(|c| ('\u{E000}'..='\u{F8FF}').contains(c)))
            .map(|sign| Uncovered { sign, script: "Unknown".to_owned(), package: None })
            .collect();
        let printed =
            if uncovered.is_empty() { Ok(format!("{sheet:?}").into_bytes()) } else { Err(PdfTrouble::Uncovered(uncovered)) };
        Box::pin(async move { printed })
    }

    fn print_report(&self, sheet: ReportSheet) -> BoxFuture<'_, Result<Vec<u8>, PdfTrouble>> {
        Box::pin(async move { Ok(format!("{sheet:?}").into_bytes()) })
    }
}

/// A test that panicked elsewhere does not hide what was sent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
