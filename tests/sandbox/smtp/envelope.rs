//! The mail transaction under way: mailin parses the commands and keeps their order, this records them and asks the script.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use faena_tests::sandbox::{At, SmtpAct, SmtpRule};
use mailin::{Handler, Response, response};

use super::rules;
use crate::script::Script;

/// The largest message, bytes.
pub(super) const MAX_MESSAGE: usize = 10 * 1024 * 1024;
/// The most recipients of one message; RFC 5321 section 4.5.3.1.8 asks for at least 100.
const MAX_RECIPIENTS: usize = 100;
/// mailin cannot parse the empty sender of a bounce, so the session passes this in its place. No address looks like it.
pub(super) const NO_SENDER: &str = "@";
/// mailin parses neither blanks nor brackets in an address, which a quoted local part may have (RFC 5321, 4.1.2): signs of private use stand for them.
const STAND_INS: [(char, char); 4] = [(' ', '\u{e020}'), ('\t', '\u{e009}'), ('<', '\u{e03c}'), ('>', '\u{e03e}')];

/// A command as mailin parses it.
pub(super) fn shielded(line: &str) -> String {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let mut shielded = String::with_capacity(line.len());
    for c in line.chars() {
        let stand_in = STAND_INS.iter().find(|(own, _)| is_quoted && *own == c);
        shielded.push(stand_in.map_or(c, |(_, stand_in)| *stand_in));
        is_quoted ^= c == '"' && !is_escaped;
        is_escaped = is_quoted && c == '\\' && !is_escaped;
    }
    shielded
}

/// An address as its sender wrote it.
fn unshielded(address: &str) -> String {
    let own = |c: char| STAND_INS.iter().find(|(_, stand_in)| *stand_in == c).map_or(c, |(own, _)| *own);
    address.chars().map(own).collect()
}

/// A handle on the transaction: mailin holds one, the session another.
#[derive(Clone)]
pub(super) struct Envelope(Arc<Mutex<Transaction>>);

/// A reply of the server's own: code and text.
pub(super) type Reply = (u16, &'static str);

/// What was received, once the final dot has come.
pub(super) struct Received {
    pub from: String,
    pub to: Vec<String>,
    pub raw: Vec<u8>,
    /// Why it cannot be kept.
    pub flaw: Option<Reply>,
}

struct Transaction {
    script: Arc<Script<SmtpRule>>,
    session_id: u64,
    helo: String,
    from: Option<String>,
    to: Vec<String>,
    raw: Vec<u8>,
    smtputf8: bool,
    flaw: Option<Reply>,
    refusal: Option<Reply>,
    verdict: Decision,
}

/// What the command just processed is to be answered, where that differs from mailin's answer.
#[derive(Default)]
pub(super) struct Decision {
    /// To be waited first.
    pub delay: Duration,
    /// To be done instead of answering.
    pub act: Option<SmtpAct>,
}

impl Envelope {
    pub(super) fn new(script: Arc<Script<SmtpRule>>, session_id: u64) -> Self {
        Self(Arc::new(Mutex::new(Transaction {
            script,
            session_id,
            helo: String::new(),
            from: None,
            to: Vec::new(),
            raw: Vec::new(),
            smtputf8: false,
            flaw: None,
            refusal: None,
            verdict: Decision::default(),
        })))
    }

    /// The client's name; empty before EHLO.
    pub(super) fn helo(&self) -> String {
        self.lock().helo.clone()
    }

    /// Whether the next MAIL allows addresses beyond ASCII.
    pub(super) fn allow_utf8(&self, allowed: bool) {
        self.lock().smtputf8 = allowed;
    }

    /// Makes the message one that cannot be kept; the first reason stays.
    pub(super) fn spoil(&self, flaw: Reply) {
        self.lock().flaw.get_or_insert(flaw);
    }

    /// What the rules said about the command just processed.
    pub(super) fn decision(&self) -> Decision {
        std::mem::take(&mut self.lock().verdict)
    }

    /// Our own reason to refuse the command just processed.
    pub(super) fn refusal(&self) -> Option<Reply> {
        self.lock().refusal.take()
    }

    /// The message, and an empty transaction in its place.
    pub(super) fn take(&self) -> Received {
        let mut transaction = self.lock();
        Received {
            from: transaction.from.take().unwrap_or_default(),
            to: std::mem::take(&mut transaction.to),
            raw: std::mem::take(&mut transaction.raw),
            flaw: transaction.flaw.take(),
        }
    }

    /// Asks the script about a point that mailin has no callback for.
    pub(super) fn ask(&self, at: At) {
        self.lock().ask(at, &[]);
    }

    fn lock(&self) -> MutexGuard<'_, Transaction> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transaction {
    fn start(&mut self, from: Option<String>) {
        self.from = from;
        self.to.clear();
        self.raw.clear();
        self.flaw = None;
    }

    /// An error keeps mailin from going on to the next state; what the client reads is the decision.
    fn ask(&mut self, at: At, recipients: &[String]) -> Response {
        let met = || {
            let what: Vec<_> = [format!("{at:?}").to_lowercase()].into_iter().chain(recipients.iter().cloned()).collect();
            format!("{} (session {})", what.join(" "), self.session_id)
        };
        let verdict = self.script.fire(met, |rule| rules::fires(rule, at, recipients));
        self.verdict = Decision { delay: verdict.delay, act: verdict.rule.map(|rule| rule.act) };
        if self.verdict.act.is_some() { response::INTERNAL_ERROR } else { response::OK }
    }

    fn refuse(&mut self, reply: Reply) -> Response {
        self.refusal = Some(reply);
        response::INTERNAL_ERROR
    }

    fn address_flaw(&self, address: &str) -> Option<Reply> {
        if !address.is_ascii() && !self.smtputf8 {
            return Some((553, "5.6.7 An address beyond ASCII needs SMTPUTF8"));
        }
        let whole = address.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
        (!whole).then_some((553, "5.1.3 That is no address"))
    }
}

impl Handler for Envelope {
    fn helo(&mut self, _ip: IpAddr, domain: &str) -> Response {
        let mut transaction = self.lock();
        let answer = transaction.ask(At::Helo, &[]);
        if !answer.is_error {
            transaction.start(None);
            transaction.helo = domain.to_owned();
        }
        answer
    }

    fn mail(&mut self, _ip: IpAddr, _domain: &str, from: &str) -> Response {
        let mut transaction = self.lock();
        let from = &unshielded(if from == NO_SENDER { "" } else { from });
        if let Some(flaw) = transaction.address_flaw(from).filter(|_| !from.is_empty()) {
            return transaction.refuse(flaw);
        }
        let answer = transaction.ask(At::Mail, &[]);
        if !answer.is_error {
            transaction.start(Some(from.to_owned()));
        }
        answer
    }

    fn rcpt(&mut self, to: &str) -> Response {
        let mut transaction = self.lock();
        let to = &unshielded(to);
        if let Some(flaw) = transaction.address_flaw(to) {
            return transaction.refuse(flaw);
        }
        if transaction.to.len() >= MAX_RECIPIENTS {
            return transaction.refuse((452, "4.5.3 Too many recipients"));
        }
        let answer = transaction.ask(At::Rcpt, &[to.to_owned()]);
        if !answer.is_error {
            transaction.to.push(to.to_owned());
        }
        answer
    }

    fn data_start(&mut self, _domain: &str, _from: &str, _is8bit: bool, _to: &[String]) -> Response {
        let mut transaction = self.lock();
        let to = transaction.to.clone();
        transaction.ask(At::Data, &to)
    }

    fn data(&mut self, line: &[u8]) -> io::Result<()> {
        let mut transaction = self.lock();
        if transaction.raw.len() + line.len() > MAX_MESSAGE {
            transaction.flaw.get_or_insert((552, "5.3.4 The message is larger than 10 MiB"));
        } else {
            transaction.raw.extend_from_slice(line);
        }
        Ok(())
    }

    /// Never an error: mailin would take what follows for more of the message.
    fn data_end(&mut self) -> Response {
        let mut transaction = self.lock();
        if transaction.flaw.is_none() {
            let to = transaction.to.clone();
            transaction.ask(At::Body, &to);
        }
        response::OK
    }
}
