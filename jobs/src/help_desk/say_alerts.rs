//! Says in the chat what was told about deadlines.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use queue::EnqueueError;
use sqlx::PgConnection;

use super::{alert::Alert, number::AlertId, ticket::now, words::Promise};
use crate::{
    accounts::locale::Locale,
    chat::{Notice, cut, has_channel, post_all},
    mail::letters::Span,
    ports::Ports,
};

/// Where the help desk reads, if there is such a channel.
pub const CHANNEL: &str = "desk";
/// What the keys of its notices begin with; the alert's number follows.
const KEY: &str = "sla:";
/// So much of a ticket's title says which it is.
pub(super) const LONGEST_TITLE: usize = 80;

/// Says what nobody has said yet of the last hour's alerts: in one transaction, and each once. A storm is one message.
pub(super) async fn say_alerts(tx: &mut PgConnection, ports: &Ports, at: DateTime<Utc>) -> Result<(), EnqueueError> {
    if !has_channel(tx, ports, CHANNEL).await? {
        return Ok(());
    }
    let unsaid: Vec<AlertId> =
        sqlx::query_scalar(include_str!("sql/unsaid_alerts.sql")).bind(CHANNEL).bind(at).fetch_all(&mut *tx).await?;
    if unsaid.is_empty() {
        return Ok(());
    }
    let alerts = Alert::all(&mut *tx, &unsaid).await?;
    let list = ports.links.alerts(Locale::Es).path().to_owned();
    let said: Vec<(String, String, String, bool)> = alerts
        .iter()
        .map(|alert| {
            let page = ports.links.ticket(Locale::Es, alert.ticket_id).path().to_owned();
            (format!("{KEY}{}", alert.id), sentence(alert, at), page, alert.is_overdue())
        })
        .collect();
    let mut notices = Vec::with_capacity(said.len());
    for (key, text, page, is_urgent) in &said {
        notices.push(Notice { channel: CHANNEL, key, text, page: Some(page), list: Some(&list), is_urgent: *is_urgent });
    }
    post_all(tx, &notices).await
}

/// Withdraws what waits in the channel and nobody need hear any more: a channel that was away for hours is told how things stand, and not how they stood.
pub(crate) async fn withdraw_alerts(tx: &mut PgConnection, channel: &str) -> sqlx::Result<()> {
    sqlx::query(include_str!("sql/withdraw_alerts.sql")).bind(channel).execute(tx).await.map(drop)
}

/// Of the notices with these keys, those that are about alerts: each in the words of this moment.
pub(crate) async fn alerts_in_words(tx: &mut PgConnection, keys: &[&str]) -> sqlx::Result<HashMap<String, String>> {
    let ids: Vec<AlertId> = keys.iter().filter_map(|key| key.strip_prefix(KEY)?.parse().ok().map(AlertId)).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let at = now(&mut *tx).await?;
    let alerts = Alert::all(&mut *tx, &ids).await?;
    Ok(alerts.iter().map(|alert| (format!("{KEY}{}", alert.id), sentence(alert, at))).collect())
}

/// In Spanish: a channel has no reader of its own whose language could be asked for.
fn sentence(alert: &Alert, at: DateTime<Utc>) -> String {
    let promise = match alert.promise {
        Promise::FirstResponse => "la primera respuesta",
        Promise::Resolution => "la solución",
    };
    let (due, late) = (alert.due_at.format("%d/%m a las %H:%M UTC"), Span::of(at - alert.due_at));
    let Alert { ticket_id, client, .. } = alert;
    // In a digest each is a line that is cut: what there is to do stands behind the title.
    let title = cut(&alert.title, LONGEST_TITLE);
    match (alert.is_escalated(), alert.is_overdue()) {
        (true, _) => {
            format!("Escalado: #{ticket_id} «{title}» ({client}): {promise} venció el {due}, hace {late}, y sigue pendiente.")
        }
        (false, true) => format!("Incumplido: #{ticket_id} «{title}» ({client}): {promise} venció el {due}, hace {late}."),
        (false, false) => format!("Por vencer: #{ticket_id} «{title}» ({client}): {promise} vence el {due}."),
    }
}
