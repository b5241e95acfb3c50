//! The record of recent sessions, for whoever wonders what was said. Bounded in sessions, lines and line length.

use std::collections::VecDeque;
use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::Utc;
use faena_tests::sandbox::SmtpSession;

const MAX_SESSIONS: usize = 200;
const MAX_LINES: usize = 300;
const MAX_CHARS: usize = 500;

/// The sessions, oldest first.
#[derive(Default)]
pub(super) struct Dialogues {
    opened: AtomicU64,
    recent: Mutex<VecDeque<Arc<Dialogue>>>,
}

/// One session's record. Credentials never reach it: the session says what may be written.
pub(super) struct Dialogue {
    /// Counts up from 1.
    pub id: u64,
    record: Mutex<SmtpSession>,
}

impl Dialogues {
    pub(super) fn open(&self, peer: SocketAddr, port: &str) -> Arc<Dialogue> {
        let id = self.opened.fetch_add(1, Ordering::Relaxed) + 1;
        let record = SmtpSession {
            id,
            started_at: Utc::now(),
            peer: peer.to_string(),
            port: port.to_owned(),
            lines: Vec::new(),
            ended: None,
        };
        let dialogue = Arc::new(Dialogue { id, record: Mutex::new(record) });
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() >= MAX_SESSIONS {
            recent.pop_front();
        }
        recent.push_back(Arc::clone(&dialogue));
        dialogue
    }

    pub(super) fn recent(&self) -> Vec<SmtpSession> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.iter().map(|dialogue| dialogue.record.lock().unwrap_or_else(PoisonError::into_inner).clone()).collect()
    }
}

impl Dialogue {
    pub(super) fn client(&self, line: &str) {
        self.write("C:", line);
    }

    pub(super) fn server(&self, line: &str) {
        self.write("S:", line);
    }

    pub(super) fn happened(&self, what: impl Display) {
        self.write("*", &what.to_string());
    }

    pub(super) fn ended(&self, how: impl Display) {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).ended = Some(how.to_string());
    }

    fn write(&self, who: &str, line: &str) {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        match record.lines.len() {
            MAX_LINES.. => {}
            length if length == MAX_LINES - 1 => record.lines.push("* the rest is not written".to_owned()),
            _ => record.lines.push(format!("{who} {}", line.chars().take(MAX_CHARS).collect::<String>())),
        }
    }
}
