//! What is promised: by a client's own policy for the priority, by everybody's, or by the client's fallback.

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::{PgConnection, PgExecutor};

use super::{
    actor::Actor,
    client::Client,
    number::{ClientId, ContractId, PolicyId},
    rule_change::{Followed, Reach, follow},
    rules,
    trouble::DeskError,
    words::{Priority, Promise},
};

const MINUTE_S: i64 = 60;

/// What is promised for a ticket.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Terms {
    /// For which priority.
    pub priority: Priority,
    /// By which policy; none: by the client's fallback.
    pub policy_id: Option<PolicyId>,
    /// By which revision of it.
    pub policy_revision: Option<i32>,
    /// Minutes of the client's calendar until the first answer; none: nothing is promised.
    pub first_response_minutes: Option<i32>,
    /// Minutes until the solution.
    pub resolution_minutes: Option<i32>,
    /// How long before a deadline it is warned about.
    pub warn_minutes: i32,
    /// How long after it managers are told, as often as there are numbers.
    pub escalate_minutes: Vec<i32>,
    /// Whether time stands still while the client is asked something.
    pub pauses_while_waiting: bool,
}

/// What a policy says.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Policy {
    /// Whose tickets; none: those of every client without a policy of its own.
    #[sqlx(rename = "client_id")]
    pub client: Option<ClientId>,
    /// Of which priority.
    pub priority: Priority,
    /// Minutes of the client's calendar until the first answer; none: nothing is promised.
    pub first_response_minutes: Option<i32>,
    /// Minutes until the solution.
    pub resolution_minutes: Option<i32>,
    /// How long before a deadline it is warned about.
    pub warn_minutes: i32,
    /// How long after it managers are told.
    pub escalate_minutes: Vec<i32>,
    /// Whether time stands still while the client is asked something.
    pub pauses_while_waiting: bool,
}

impl Terms {
    /// What is promised to a client for a ticket of that priority, under that contract.
    ///
    /// # Errors
    /// There is no such client, or Postgres refuses or cannot be reached.
    pub async fn find(
        tx: &mut PgConnection,
        client: ClientId,
        priority: Priority,
        contract: Option<ContractId>,
    ) -> Result<Self, DeskError> {
        sqlx::query_as(include_str!("sql/terms.sql"))
            .bind(client)
            .bind(priority)
            .bind(contract)
            .fetch_optional(tx)
            .await?
            .ok_or(DeskError::NoSuchClient)
    }

    /// Seconds of the calendar until that promise is to be kept, if it is made.
    #[must_use]
    pub fn target_s(&self, promise: Promise) -> Option<i64> {
        let minutes = match promise {
            Promise::FirstResponse => self.first_response_minutes,
            Promise::Resolution => self.resolution_minutes,
        };
        minutes.map(|minutes| i64::from(minutes) * MINUTE_S)
    }

    /// How many seconds before it is warned about.
    #[must_use]
    pub fn warn_s(&self) -> i64 {
        i64::from(self.warn_minutes) * MINUTE_S
    }

    /// How many seconds after it managers are told, in order.
    #[must_use]
    pub fn escalate_s(&self) -> Vec<i64> {
        let mut after: Vec<i64> = self.escalate_minutes.iter().map(|minutes| i64::from(*minutes) * MINUTE_S).collect();
        after.sort_unstable();
        after.dedup();
        after
    }
}

/// Policies of one client, or of everybody, as somebody has looked at them who now changes them.
#[derive(Debug, Clone)]
pub struct Sheet {
    /// Whose; none: those of every client without a policy of its own.
    pub client: Option<ClientId>,
    /// What each priority should have (none: no policy of its own), and the revision at which its policy was seen: 0 where there was none.
    pub lines: Vec<(Priority, Option<Policy>, i32)>,
}

impl Policy {
    /// The policies that a client has, or everybody, with their revisions, by priority.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn all(db: impl PgExecutor<'_>, client: Option<ClientId>) -> sqlx::Result<Vec<(Self, i32)>> {
        let rows: Vec<Row> = sqlx::query_as(
            "select client_id, priority, first_response_minutes, resolution_minutes, warn_minutes, escalate_minutes, pauses_while_waiting, revision
             from desk.sla_policies where client_id is not distinct from $1",
        )
        .bind(client)
        .fetch_all(db)
        .await?;
        Ok(rows.into_iter().map(|row| (row.policy, row.revision)).collect())
    }

    /// Writes the policy for its client and priority, over the one that is there, and sets the clocks of live tickets by it: what is used up stays
    /// used up. Where many tickets are open their clocks follow in batches.
    ///
    /// # Errors
    /// Nothing may be kept of the transaction: who asks does not lead the desk, there is no such client, another change is being followed, or Postgres
    /// refuses (a number is out of its bounds) or cannot be reached.
    pub async fn set(&self, tx: &mut PgConnection, at: DateTime<Utc>, actor: &Actor) -> Result<Followed, DeskError> {
        actor.must_lead()?;
        let at = rules::begin_change(tx, at).await?;
        self.write(tx).await?;
        let reach = Reach { client: self.client, priorities: Some(vec![self.priority]), ..Reach::default() };
        let followed = follow(tx, at, actor, &reach, None).await?;
        note(tx, actor, self.client, &[self.priority], followed).await?;
        Ok(followed)
    }

    async fn write(&self, tx: &mut PgConnection) -> sqlx::Result<()> {
        sqlx::query(include_str!("sql/set_policy.sql"))
            .bind(self.client)
            .bind(self.priority)
            .bind(self.first_response_minutes)
            .bind(self.resolution_minutes)
            .bind(self.warn_minutes)
            .bind(in_order(&self.escalate_minutes))
            .bind(self.pauses_while_waiting)
            .execute(tx)
            .await
            .map(drop)
    }
}

/// A policy's row.
#[derive(Debug, sqlx::FromRow)]
struct Row {
    #[sqlx(flatten)]
    policy: Policy,
    revision: i32,
}

impl Sheet {
    /// Writes those that differ from what is there, all as one change: as [`Policy::set`].
    ///
    /// # Errors
    /// As [`Policy::set`]; [`DeskError::RulesChanged`]: one of them is not as it was seen.
    pub async fn write(&self, tx: &mut PgConnection, at: DateTime<Utc>, actor: &Actor) -> Result<Followed, DeskError> {
        actor.must_lead()?;
        let at = rules::begin_change(tx, at).await?;
        if let Some(client) = self.client {
            Client::find(tx, client).await?;
        }
        let present = Policy::all(&mut *tx, self.client).await?;
        let mut changed = Vec::new();
        for (priority, wanted, seen) in &self.lines {
            let there = present.iter().find(|(policy, _)| policy.priority == *priority);
            if there.map_or(0, |(_, revision)| *revision) != *seen {
                return Err(DeskError::RulesChanged);
            }
            match (wanted, there) {
                (Some(wanted), there) if there.is_none_or(|(there, _)| !there.says_the_same(wanted)) => wanted.write(tx).await?,
                (None, Some(_)) => {
                    let delete = "delete from desk.sla_policies where client_id is not distinct from $1 and priority = $2";
                    sqlx::query(delete).bind(self.client).bind(priority).execute(&mut *tx).await?;
                }
                _ => continue,
            }
            changed.push(*priority);
        }
        if changed.is_empty() {
            return Ok(Followed { tickets: 0, is_done: true });
        }
        let reach = Reach { client: self.client, priorities: Some(changed.clone()), ..Reach::default() };
        let followed = follow(tx, at, actor, &reach, None).await?;
        note(tx, actor, self.client, &changed, followed).await?;
        Ok(followed)
    }
}

impl Policy {
    fn says_the_same(&self, other: &Self) -> bool {
        let terms = |policy: &Self| {
            let Self { first_response_minutes, resolution_minutes, warn_minutes, pauses_while_waiting, .. } = *policy;
            (first_response_minutes, resolution_minutes, warn_minutes, pauses_while_waiting, in_order(&policy.escalate_minutes))
        };
        terms(self) == terms(other)
    }
}

fn in_order(minutes: &[i32]) -> Vec<i32> {
    let mut minutes = minutes.to_vec();
    minutes.sort_unstable();
    minutes.dedup();
    minutes
}

async fn note(
    tx: &mut PgConnection,
    actor: &Actor,
    client: Option<ClientId>,
    priorities: &[Priority],
    followed: Followed,
) -> sqlx::Result<()> {
    let subject = client.map_or_else(|| "policies".to_owned(), |client| format!("client:{client}"));
    let priorities: Vec<&str> = priorities.iter().map(|priority| priority.as_str()).collect();
    rules::note(tx, actor, "change_policies", subject, json!({ "priorities": priorities, "tickets": followed.tickets })).await
}
