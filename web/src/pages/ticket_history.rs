//! What has become of a ticket, and when its clocks stood still, in words: for those who work at the desk.

use chrono::{DateTime, Utc};
use jobs::help_desk::{
    clock::{BREACHED, WARNED},
    history::{Event, What},
    pause::Pause,
    words::{PauseReason, Status, VoidReason},
};

use super::{
    ticket::promise_key,
    tickets::{category_key, priority_key, status_key},
};
use crate::page::{Page, key};

/// A line of a ticket's history.
pub(super) struct Line {
    pub(super) at: DateTime<Utc>,
    /// Who did it; none: nobody.
    pub(super) by: Option<String>,
    pub(super) what: String,
    /// Whether it is told of a deadline that has passed.
    pub(super) is_bad: bool,
}

/// A pause of a ticket's clocks.
pub(super) struct Still {
    pub(super) began_at: DateTime<Utc>,
    /// None: they stand still.
    pub(super) ended_at: Option<DateTime<Utc>>,
    /// Why, and of which promises.
    pub(super) what: String,
    /// How much working time was not counted.
    pub(super) held: String,
}

/// The key of the word for why a ticket should not have been.
pub(super) fn void_key(reason: &VoidReason) -> &'static str {
    match reason {
        VoidReason::Spam => key("void-spam"),
        VoidReason::Duplicate => key("void-duplicate"),
        VoidReason::Mistake => key("void-mistake"),
    }
}

/// The events in words, in their order.
pub(super) fn lines(page: &Page, events: Vec<Event>) -> Vec<Line> {
    events
        .into_iter()
        .map(|event| Line { at: event.at, what: words(page, &event), is_bad: event.is_breach(), by: event.by })
        .collect()
}

/// The pauses in words, in their order.
pub(super) fn stills(page: &Page, pauses: Vec<Pause>) -> Vec<Still> {
    pauses
        .into_iter()
        .map(|pause| {
            let reason = match pause.reason {
                PauseReason::WaitingClient => key("pause-waiting"),
                PauseReason::Resolved => key("pause-resolved"),
                PauseReason::Void => key("pause-void"),
            };
            let promises: Vec<String> = pause.promises.iter().map(|promise| page.text(promise_key(promise))).collect();
            let held = match pause.held_s {
                Some(seconds) => page.text1(key("pause-held"), "held", worked(seconds)),
                None => page.text(key("pause-held-unknown")),
            };
            let what = format!("{} ({})", page.text(reason), promises.join(", "));
            Still { began_at: pause.began_at, ended_at: pause.ended_at, what, held }
        })
        .collect()
}

/// Working time in hours: a day of it is no day.
fn worked(seconds: i64) -> String {
    match seconds {
        ..3_600 => format!("{} min", seconds / 60),
        _ => format!("{} h {:02} min", seconds / 3_600, seconds / 60 % 60),
    }
}

fn words(page: &Page, event: &Event) -> String {
    let told = what(page, &event.what);
    // Where the event is the change itself, its name says it.
    let says_status = matches!(event.what, What::Commented { .. } | What::Assigned { .. } | What::Other(_));
    match event.status {
        Some((from, to)) if says_status => format!("{told} · {}", change(page, key("ticket-status"), &from, &to, status_key)),
        _ => told,
    }
}

/// `Status: New → Open`.
fn change<W>(page: &Page, name: &str, from: &W, to: &W, word: impl Fn(&W) -> &'static str) -> String {
    format!("{}: {} → {}", page.text(name), page.text(word(from)), page.text(word(to)))
}

fn what(page: &Page, what: &What) -> String {
    match what {
        What::Opened => page.text(key("history-opened")),
        What::Commented { is_internal: false } => page.text(key("history-comment")),
        What::Commented { is_internal: true } => page.text(key("history-note")),
        What::Assigned { from, to } => {
            let nobody = || page.text(key("ticket-nobody"));
            let (from, to) = (from.clone().unwrap_or_else(nobody), to.clone().unwrap_or_else(nobody));
            format!("{}: {from} → {to}", page.text(key("ticket-assignee")))
        }
        What::Priority { from, to } => change(page, key("ticket-priority"), from, to, priority_key),
        What::Classified { category, added, removed } => {
            let category = category.map(|(from, to)| change(page, key("ticket-category"), &from, &to, category_key));
            let tags: Vec<String> =
                added.iter().map(|tag| format!("+{tag}")).chain(removed.iter().map(|tag| format!("−{tag}"))).collect();
            let tags = (!tags.is_empty()).then(|| format!("{}: {}", page.text(key("ticket-tags")), tags.join(" ")));
            category.into_iter().chain(tags).collect::<Vec<_>>().join(" · ")
        }
        What::Waits => page.text(status_key(&Status::WaitingClient)),
        What::GoesOn => page.text(key("history-goes-on")),
        What::Resolved => page.text(status_key(&Status::Resolved)),
        What::Reopened => page.text(key("history-reopened")),
        What::Closed => page.text(status_key(&Status::Closed)),
        What::Void { reason, into } => {
            let void = format!("{}: {}", page.text(key("ticket-void")), page.text(void_key(reason)));
            into.map_or(void.clone(), |into| format!("{void} · #{into}"))
        }
        What::Merged { from } => page.text1(key("history-merged"), "ticket", from.0.to_string()),
        What::Alert { promise, level, due_at } => {
            let told = match *level {
                ..=WARNED => key("alert-warning"),
                BREACHED => key("alert-breach"),
                _ => key("alert-escalation"),
            };
            format!("{}: {} ({})", page.text(promise_key(promise)), page.text(told), page.moment(due_at))
        }
        What::Rules => page.text(key("history-rules")),
        What::Other(action) => action.clone(),
    }
}
