//! Tells somebody of the help desk by mail about deadlines.

use std::time::Duration;

use chrono::TimeDelta;
use queue::{Attempted, Backoff, Failure, Job, Limit, OrFailure, Queue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{alert::Alert, number::AlertId};
use crate::{
    accounts::{
        role::Role,
        user::{User, UserId},
    },
    mail::{
        delivery,
        letters::{Deadline, SlaWarning, Span},
    },
    ports::{Ctx, Ports},
};

/// The monitor looks every five minutes; what is told after more than two looks is told late.
const ON_TIME: TimeDelta = TimeDelta::minutes(10);
/// A letter has so many of them at most; the page has all.
const MOST_IN_A_LETTER: usize = 20;

/// Sends the letter about alerts that were told at once, or about one.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct NotifySlaAlert {
    /// To whom.
    pub user_id: UserId,
    /// About what.
    #[schemars(length(min = 1, max = 200))]
    pub alert_ids: Vec<AlertId>,
}

impl Job for NotifySlaAlert {
    type Ports = Ports;
    const NAME: &'static str = "notify_sla_alert";
    const QUEUE: Queue = Queue::Default;
    const MAX_ATTEMPTS: u32 = delivery::MAX_ATTEMPTS;
    const TIMEOUT: Duration = delivery::TIMEOUT;
    const BACKOFF: Backoff = delivery::BACKOFF;
    const LIMITS: &'static [Limit] = delivery::DEFAULT_LIMITS;

    async fn run(self, ctx: &Ctx) -> Attempted {
        let first = self.alert_ids.iter().min().or_dead("a letter about nothing")?;
        let key = format!("sla_warning:{first}:{}", self.user_id);
        let user = User::find(&ctx.db, self.user_id).await.context("looking up the account")?.or_dead("the account is gone")?;
        if user.disabled_at.is_some() {
            delivery::withdraw(ctx, &key).await?;
            return Err(Failure::cancelled("the account is disabled"));
        }
        // What stands in the letter is for those who work here, and they may have left since.
        if !matches!(user.role, Role::Agent | Role::Manager | Role::Admin) {
            delivery::withdraw(ctx, &key).await?;
            return Err(Failure::cancelled("the person does not work at the help desk any more"));
        }
        let alerts = Alert::all(&ctx.db, &self.alert_ids).await.context("looking up the alerts")?;
        let open: Vec<&Alert> = alerts.iter().filter(|alert| alert.is_of_interest()).collect();
        if open.is_empty() {
            delivery::withdraw(ctx, &key).await?;
            return Err(Failure::cancelled("the promises were kept or given up, or have other deadlines now"));
        }
        let deadline = |alert: &&Alert| Deadline {
            ticket: alert.ticket_id.0,
            title: alert.title.clone(),
            client: alert.client.clone(),
            promise: alert.promise,
            due_at: alert.due_at,
            overdue: alert.is_overdue().then(|| Span::of(alert.created_at - alert.due_at)),
            is_escalated: alert.is_escalated(),
            told_late: Some(alert.created_at - alert.reached_at).filter(|late| *late > ON_TIME).map(Span::of),
            link: ctx.links.ticket(user.locale, alert.ticket_id),
        };
        let letter = SlaWarning {
            deadlines: open.iter().take(MOST_IN_A_LETTER).map(deadline).collect(),
            others: open.len().saturating_sub(MOST_IN_A_LETTER) as u64,
            link: ctx.links.alerts(user.locale),
        };
        delivery::send(ctx, key, &user, &letter).await
    }
}
