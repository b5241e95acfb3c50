//! What is promised: by a client's own policy for the priority, by everybody's, or by the client's fallback.

use std::collections::{HashMap, hash_map::Entry};

use chrono::{DateTime, SubsecRound as _, Utc};
use sqlx::PgConnection;

use super::{
    actor::Actor,
    advance::advance_all,
    calendar::Calendar,
    client::Client,
    clock::Clock,
    number::{ClientId, ContractId, PolicyId, TicketId},
    rules,
    ticket::Ticket,
    ticket_clocks::follow_terms,
    trouble::DeskError,
    words::{Priority, Promise},
};

const MINUTE_S: i64 = 60;

/// What is promised for a ticket.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Terms {
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

/// What a policy should say.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Whose tickets; none: those of every client without a policy of its own.
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

impl Policy {
    /// Writes the policy for its client and priority, over the one that is there, and sets the clocks of live tickets by it: what is used up stays
    /// used up. Returns how many tickets it looked at.
    ///
    /// # Errors
    /// Who asks does not lead the desk, there is no such client, or Postgres refuses (a number is out of its bounds) or cannot be reached.
    pub async fn set(&self, tx: &mut PgConnection, at: DateTime<Utc>, actor: &Actor) -> Result<usize, DeskError> {
        actor.must_lead()?;
        rules::change(tx).await?;
        let at = at.trunc_subsecs(0);
        advance_all(tx, at).await?;
        let mut escalate_minutes = self.escalate_minutes.clone();
        escalate_minutes.sort_unstable();
        escalate_minutes.dedup();
        sqlx::query(include_str!("sql/set_policy.sql"))
            .bind(self.client)
            .bind(self.priority)
            .bind(self.first_response_minutes)
            .bind(self.resolution_minutes)
            .bind(self.warn_minutes)
            .bind(escalate_minutes)
            .bind(self.pauses_while_waiting)
            .execute(&mut *tx)
            .await?;
        // Which of them it counts for, each ticket's terms say.
        let live = Ticket::lock_live(tx, self.priority, self.client).await?;
        let mut clocks: HashMap<TicketId, Vec<Clock>> = HashMap::new();
        for (ticket, clock) in Clock::lock_of_live(tx, self.priority, self.client).await? {
            clocks.entry(ticket).or_default().push(clock);
        }
        let (mut calendars, mut all_terms) = (HashMap::new(), HashMap::new());
        let mut set = Vec::new();
        for ticket in &live {
            let calendar = match calendars.entry(ticket.client_id) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => {
                    let client = Client::find(tx, ticket.client_id).await?;
                    unknown.insert(Calendar::find(tx, client.calendar_id).await?)
                }
            };
            let terms = match all_terms.entry((ticket.client_id, ticket.contract_id)) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => {
                    unknown.insert(Terms::find(tx, ticket.client_id, self.priority, ticket.contract_id).await?)
                }
            };
            let mut clocks = clocks.remove(&ticket.id).unwrap_or_default();
            // Who waited for a ticket is later than whom they waited for.
            follow_terms(tx, at.max(ticket.updated_at), ticket, &mut clocks, terms, calendar).await?;
            set.append(&mut clocks);
        }
        Clock::save(tx, &set).await?;
        Ok(live.len())
    }
}
