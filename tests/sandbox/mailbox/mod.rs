//! The mail that was kept: two files a message, the source as it came and a sidecar with the envelope.

mod api;
mod letter;
mod links;
mod pages;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::Context;
use axum::Router;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use letter::Letter;

/// Messages that are kept; the oldest makes room.
const MAX_MESSAGES: usize = 1_000;
/// Bytes that are kept, in all; the oldest makes room.
const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// The mailbox's pages and its API.
pub(crate) fn routes(mailbox: Arc<Mailbox>) -> Router {
    pages::routes().merge(api::routes()).with_state(mailbox)
}

/// All mail, whoever it is for.
pub(crate) struct Mailbox {
    folder: PathBuf,
    /// Oldest first.
    kept: RwLock<Vec<Arc<Kept>>>,
}

/// A message as the mail server hands it over.
pub(crate) struct Arrival {
    pub from: String,
    pub to: Vec<String>,
    pub raw: Vec<u8>,
    pub helo: String,
    pub tls: bool,
    pub auth_user: Option<String>,
}

/// What is known of a message without opening it: the sidecar.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    id: Uuid,
    /// The envelope's sender; empty for a bounce.
    from: String,
    /// The envelope's recipients.
    to: Vec<String>,
    helo: String,
    tls: bool,
    auth_user: Option<String>,
    received_at: DateTime<Utc>,
    size_bytes: u64,
    /// The From header, decoded, for the list.
    author: String,
    /// The Subject header, decoded, for the list.
    subject: String,
}

impl Mailbox {
    /// Opens the folder, and finds what an earlier start kept.
    pub(crate) fn open(folder: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let kept = read_sidecars(folder).with_context(|| format!("cannot read the folder {}", folder.display()))?;
        Ok(Self { folder: folder.to_owned(), kept: RwLock::new(kept) })
    }

    /// Keeps a message and tells its id. Blocks on the disk.
    pub(crate) fn keep(&self, arrival: Arrival) -> io::Result<Uuid> {
        let letter = Letter::read(&arrival.raw);
        let kept = Kept {
            id: Uuid::now_v7(),
            author: if letter.from.is_empty() { arrival.from.clone() } else { letter.from },
            subject: letter.subject,
            from: arrival.from,
            to: arrival.to,
            helo: arrival.helo,
            tls: arrival.tls,
            auth_user: arrival.auth_user,
            received_at: Utc::now(),
            size_bytes: arrival.raw.len() as u64,
        };
        let id = kept.id;
        // The sidecar comes last: a source without one is what a crash left, and is not mail.
        fs::write(self.source_file(id), &arrival.raw)?;
        let half = self.folder.join(format!("{id}.half"));
        fs::write(&half, serde_json::to_vec_pretty(&kept)?)?;
        fs::rename(half, self.sidecar_file(id))?;

        let mut all = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        all.push(Arc::new(kept));
        // Two sessions may have come this far in either order.
        all.sort_by_key(|kept| kept.id);
        let mut bytes: u64 = all.iter().map(|kept| kept.size_bytes).sum();
        while all.len() > MAX_MESSAGES || (bytes > MAX_BYTES && all.len() > 1) {
            let oldest = all.remove(0);
            bytes -= oldest.size_bytes;
            self.remove_files(oldest.id);
        }
        Ok(id)
    }

    /// Oldest first: all, or those to one address (any case).
    fn list(&self, to: Option<&str>) -> Vec<Arc<Kept>> {
        let wanted = to.map(str::to_lowercase);
        let is_for = |kept: &Kept| wanted.as_ref().is_none_or(|wanted| kept.to.iter().any(|to| to.to_lowercase() == *wanted));
        self.kept.read().unwrap_or_else(PoisonError::into_inner).iter().filter(|kept| is_for(kept)).cloned().collect()
    }

    fn find(&self, id: Uuid) -> Option<Arc<Kept>> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).iter().find(|kept| kept.id == id).cloned()
    }

    /// The message as it came. An error when it has just been dropped.
    async fn source(&self, id: Uuid) -> io::Result<Vec<u8>> {
        tokio::fs::read(self.source_file(id)).await
    }

    /// Empties it.
    fn clear(&self) {
        for kept in self.kept.write().unwrap_or_else(PoisonError::into_inner).drain(..) {
            self.remove_files(kept.id);
        }
    }

    fn remove_files(&self, id: Uuid) {
        // The sidecar goes first, as it came last.
        for file in [self.sidecar_file(id), self.source_file(id)] {
            if let Err(error) = fs::remove_file(&file) {
                tracing::warn!(file = %file.display(), %error, "a message's file could not be removed");
            }
        }
    }

    fn source_file(&self, id: Uuid) -> PathBuf {
        self.folder.join(format!("{id}.eml"))
    }

    fn sidecar_file(&self, id: Uuid) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }
}

fn read_sidecars(folder: &Path) -> io::Result<Vec<Arc<Kept>>> {
    let mut all: Vec<Arc<Kept>> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        match serde_json::from_slice::<Kept>(&fs::read(&path)?) {
            Ok(kept) if path.with_extension("eml").is_file() => all.push(Arc::new(kept)),
            _ => tracing::warn!(file = %path.display(), "this is no message of ours; left alone"),
        }
    }
    all.sort_by_key(|kept| kept.id);
    Ok(all)
}
