//! Clients, and whether they have the right to be served.

use chrono::NaiveDate;
use sqlx::PgConnection;

use super::{
    number::{CalendarId, ClientId, ContractId},
    trouble::DeskError,
    words::WithoutContract,
};

/// A client company.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Client {
    /// Its number.
    pub id: ClientId,
    /// What it is called.
    pub name: String,
    /// By which calendar its deadlines are counted.
    pub calendar_id: CalendarId,
    /// Minutes until the first answer that is promised where no policy says anything.
    pub response_minutes: i32,
    /// What becomes of its tickets on days without a contract.
    pub without_contract: WithoutContract,
    /// How many tickets it has.
    pub tickets_count: i64,
    /// How many of them are not resolved.
    pub open_tickets_count: i64,
    /// Rises with each change of it, its contracts and its people.
    pub lock_version: i32,
}

/// A client as somebody has looked at it who now changes it, its contracts or its people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenClient {
    /// Which client.
    pub client: ClientId,
    /// At which version.
    pub version: i32,
}

impl Client {
    /// The client of that number.
    ///
    /// # Errors
    /// There is none, or Postgres refuses or cannot be reached.
    pub async fn find(tx: &mut PgConnection, id: ClientId) -> Result<Self, DeskError> {
        sqlx::query_as(
            "select id, name, calendar_id, response_minutes, without_contract, tickets_count, open_tickets_count, lock_version
             from desk.clients where id = $1",
        )
        .bind(id)
        .fetch_optional(tx)
        .await?
        .ok_or(DeskError::NoSuchClient)
    }

    /// As it is now.
    #[must_use]
    pub fn seen(&self) -> SeenClient {
        SeenClient { client: self.id, version: self.lock_version }
    }

    /// Under which contract a ticket of that day is opened; none: under none, and the client is served all the same.
    ///
    /// # Errors
    /// [`DeskError::NoContract`]: there is none, and without one nobody is served; or Postgres refuses or cannot be reached.
    pub async fn contract_on(&self, tx: &mut PgConnection, day: NaiveDate) -> Result<Option<ContractId>, DeskError> {
        let contract: Option<ContractId> = sqlx::query_scalar(
            "select id from desk.contracts where client_id = $1 and starts_on <= $2 and (ends_on is null or ends_on >= $2)",
        )
        .bind(self.id)
        .bind(day)
        .fetch_optional(tx)
        .await?;
        match (contract, self.without_contract) {
            (None, WithoutContract::Refuse) => Err(DeskError::NoContract),
            _ => Ok(contract),
        }
    }
}
