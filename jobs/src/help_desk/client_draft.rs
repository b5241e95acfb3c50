//! Who leads the desk writes clients down: what they are called, by what they are served, under which contracts, and who opens tickets for them.
//!
//! A contract counts for tickets that are opened, or opened again after they were closed, from then on. Those that are open keep the one under which they
//! were opened: what was promised stays promised.

use chrono::{DateTime, NaiveDate, Utc};
use queue::enqueue;
use serde_json::json;
use sqlx::PgConnection;

use super::{
    actor::Actor,
    calendar::Calendar,
    client::{Client, SeenClient},
    number::{CalendarId, ClientId, ContractId},
    rule_change::{Followed, Reach, follow},
    rules,
    send_invitation::SendInvitation,
    trouble::DeskError,
    words::WithoutContract,
};
use crate::accounts::{
    email_address::EmailAddress,
    full_name::FullName,
    invite::{Guest, NO_PASSWORD},
    locale::Locale,
    role::Role,
    user::UserId,
};

/// The most characters of a client's name.
pub const LONGEST_NAME: usize = 160;
/// The most characters of a contract's reference.
pub const LONGEST_REFERENCE: usize = 80;

/// What a client should be.
#[derive(Debug, Clone)]
pub struct ClientDraft {
    /// What it is called: a line of [`LONGEST_NAME`] characters.
    pub name: String,
    /// By which calendar its deadlines are counted.
    pub calendar: CalendarId,
    /// Minutes until the first answer that is promised where no policy says anything.
    pub response_minutes: i32,
    /// What becomes of its tickets on days without a contract.
    pub without_contract: WithoutContract,
}

/// What a contract should say.
#[derive(Debug, Clone)]
pub struct ContractDraft {
    /// Its name among the client's: a line of [`LONGEST_REFERENCE`] characters.
    pub reference: String,
    /// The first day on which the client is served under it.
    pub starts_on: NaiveDate,
    /// The last one; none: until somebody ends it.
    pub ends_on: Option<NaiveDate>,
}

impl ClientDraft {
    /// Writes a new client.
    ///
    /// # Errors
    /// Nothing may be kept of the transaction: who asks does not lead the desk, there is no such calendar, another client has that name, or Postgres refuses or cannot be reached.
    pub async fn make(&self, tx: &mut PgConnection, actor: &Actor) -> Result<ClientId, DeskError> {
        actor.must_lead()?;
        let id: ClientId = sqlx::query_scalar(
            "insert into desk.clients (name, calendar_id, response_minutes, without_contract) values ($1, $2, $3, $4) returning id",
        )
        .bind(&self.name)
        .bind(self.calendar)
        .bind(self.response_minutes)
        .bind(self.without_contract)
        .fetch_one(&mut *tx)
        .await
        .map_err(refusal)?;
        note(tx, actor, "make_client", id, json!({ "name": self.name })).await?;
        Ok(id)
    }

    /// Writes over a client, if it is as it was seen. Where another calendar or another promise counts from now on, clocks of its live tickets follow:
    /// what is used up stays used up.
    ///
    /// # Errors
    /// As [`ClientDraft::make`]; it has changed meanwhile ([`DeskError::RulesChanged`]), is none, or another change is being followed.
    pub async fn write_over(
        &self,
        tx: &mut PgConnection,
        at: DateTime<Utc>,
        actor: &Actor,
        seen: SeenClient,
    ) -> Result<Followed, DeskError> {
        actor.must_lead()?;
        let at = rules::begin_change(tx, at).await?;
        let before = hold(tx, seen).await?;
        let calendar_before = Calendar::find(tx, before.calendar_id).await?;
        sqlx::query(
            "update desk.clients set name = $2, calendar_id = $3, response_minutes = $4, without_contract = $5 where id = $1",
        )
        .bind(before.id)
        .bind(&self.name)
        .bind(self.calendar)
        .bind(self.response_minutes)
        .bind(self.without_contract)
        .execute(&mut *tx)
        .await
        .map_err(refusal)?;
        let moves_clocks = (before.calendar_id, before.response_minutes, before.without_contract)
            != (self.calendar, self.response_minutes, self.without_contract);
        let followed = if moves_clocks {
            let reach = Reach { client: Some(before.id), ..Reach::default() };
            follow(tx, at, actor, &reach, Some(&calendar_before)).await?
        } else {
            Followed { tickets: 0, is_done: true }
        };
        let detail = json!({ "name": self.name, "tickets": followed.tickets });
        note(tx, actor, "change_client", before.id, detail).await?;
        Ok(followed)
    }
}

impl ContractDraft {
    /// Writes a contract of a client that is as it was seen: a new one, or over one of its own.
    ///
    /// # Errors
    /// Nothing may be kept of the transaction: who asks does not lead the desk, the client has changed meanwhile or is none, it has no such contract,
    /// another one of its has that reference or days in common, or Postgres refuses (it ends before it begins) or cannot be reached.
    pub async fn write(
        &self,
        tx: &mut PgConnection,
        actor: &Actor,
        seen: SeenClient,
        over: Option<ContractId>,
    ) -> Result<(), DeskError> {
        actor.must_lead()?;
        let client = hold(tx, seen).await?;
        let written = match over {
            None => sqlx::query("insert into desk.contracts (client_id, reference, starts_on, ends_on) values ($1, $2, $3, $4)"),
            Some(_) => sqlx::query(
                "update desk.contracts set reference = $2, starts_on = $3, ends_on = $4 where client_id = $1 and id = $5",
            ),
        };
        let written = written.bind(client.id).bind(&self.reference).bind(self.starts_on).bind(self.ends_on);
        let written = if over.is_some() { written.bind(over) } else { written };
        if written.execute(&mut *tx).await.map_err(refusal)?.rows_affected() == 0 {
            return Err(DeskError::NoSuchContract);
        }
        let detail = json!({ "contract": self.reference, "from": self.starts_on, "to": self.ends_on });
        note(tx, actor, if over.is_none() { "make_contract" } else { "change_contract" }, client.id, detail).await?;
        Ok(())
    }
}

/// Somebody who is to open tickets for a client.
#[derive(Debug)]
pub struct Newcomer<'a> {
    /// Their address.
    pub email: &'a EmailAddress,
    /// What they are called, if they are to be invited should nobody have an account of that address.
    pub full_name: Option<&'a FullName>,
    /// The language of an invitation.
    pub locale: Locale,
}

/// Lets somebody open tickets for a client that is as it was seen. Who has no account is invited: a letter leads them to choose a password.
///
/// # Errors
/// Nothing may be kept of the transaction: who asks does not lead the desk, the client has changed meanwhile or is none, nobody has an account of that address
/// and nobody says what they are called, the account is closed or its role is another than `client`, the person opens tickets for another client, or Postgres
/// refuses or cannot be reached.
pub async fn add_contact(
    tx: &mut PgConnection,
    actor: &Actor,
    seen: SeenClient,
    newcomer: &Newcomer<'_>,
) -> Result<(), DeskError> {
    actor.must_lead()?;
    let client = hold(tx, seen).await?;
    let invited = match newcomer.full_name {
        Some(full_name) => {
            let zone = Calendar::find(&mut *tx, client.calendar_id).await?.time.zone();
            let Newcomer { email, locale, .. } = *newcomer;
            Guest { email, full_name, role: Role::Client, locale, time_zone: zone.name() }.admit(&mut *tx).await?
        }
        None => None,
    };
    let person = match invited {
        Some(person) => person,
        None => find_contact(&mut *tx, newcomer.email).await?,
    };
    let of: ClientId = sqlx::query_scalar(
        "insert into desk.contacts (user_id, client_id) values ($1, $2) on conflict (user_id) do update set client_id = desk.contacts.client_id
         returning client_id",
    )
    .bind(person)
    .bind(client.id)
    .fetch_one(&mut *tx)
    .await?;
    if of != client.id {
        return Err(DeskError::PersonElsewhere);
    }
    note(tx, actor, "add_contact", client.id, json!({ "user": person, "invited": invited.is_some() })).await?;
    if invited.is_some() {
        send_invitation(tx, actor, client.id, person).await?;
    }
    Ok(())
}

/// Sends the letter once more to somebody of a client's who has been invited and has chosen no password yet.
///
/// # Errors
/// Nothing may be kept of the transaction: who asks does not lead the desk, the client has changed meanwhile or is none, the person is none of its or has chosen
/// a password, or Postgres refuses or cannot be reached.
pub async fn invite_again(tx: &mut PgConnection, actor: &Actor, seen: SeenClient, person: UserId) -> Result<(), DeskError> {
    actor.must_lead()?;
    let client = hold(tx, seen).await?;
    let waits: bool = sqlx::query_scalar(
        "select exists (select from desk.contacts k join core.users u on u.id = k.user_id
         where (k.user_id, k.client_id) = ($1, $2) and u.password_hash = $3 and u.disabled_at is null)",
    )
    .bind(person)
    .bind(client.id)
    .bind(NO_PASSWORD)
    .fetch_one(&mut *tx)
    .await?;
    if !waits {
        return Err(DeskError::NoSuchPerson);
    }
    note(tx, actor, "invite_again", client.id, json!({ "user": person })).await?;
    send_invitation(tx, actor, client.id, person).await
}

/// Promises the letter. While the newest one has not been taken up, sending it again sends the same one.
async fn send_invitation(tx: &mut PgConnection, actor: &Actor, client_id: ClientId, user_id: UserId) -> Result<(), DeskError> {
    let number: i32 = sqlx::query_scalar(
        "select coalesce(max(split_part(dedupe_key, ':', 3)::integer) + 1, 0) from mail.messages
         where user_id = $1 and dedupe_key ~ '^invitation:[0-9]+:[0-9]{1,8}$'",
    )
    .bind(user_id)
    .fetch_one(&mut *tx)
    .await?;
    let letter = SendInvitation { user_id, client_id, by_user_id: actor.id(), number: number.unsigned_abs() };
    enqueue(tx, letter).await.map(drop).map_err(DeskError::Enqueue)
}

/// The person of that address, if they may open tickets for a client.
async fn find_contact(tx: &mut PgConnection, email: &EmailAddress) -> Result<UserId, DeskError> {
    let known: Option<(UserId, bool)> =
        sqlx::query_as("select id, role = 'client' and disabled_at is null from core.users where email = $1::text::citext")
            .bind(email)
            .fetch_optional(tx)
            .await?;
    match known {
        Some((person, true)) => Ok(person),
        Some((_, false)) => Err(DeskError::NoSuchPerson),
        None => Err(DeskError::NoAccount),
    }
}

/// Somebody opens no more tickets for the client, and sees none. What they have written stays.
///
/// # Errors
/// Nothing may be kept of the transaction: who asks does not lead the desk, the client has changed meanwhile or is none, the person is none of its, or
/// Postgres refuses or cannot be reached.
pub async fn remove_contact(tx: &mut PgConnection, actor: &Actor, seen: SeenClient, person: UserId) -> Result<(), DeskError> {
    actor.must_lead()?;
    let client = hold(tx, seen).await?;
    let removed = sqlx::query("delete from desk.contacts where (user_id, client_id) = ($1, $2)")
        .bind(person)
        .bind(client.id)
        .execute(&mut *tx)
        .await?;
    if removed.rows_affected() == 0 {
        return Err(DeskError::NoSuchPerson);
    }
    note(tx, actor, "remove_contact", client.id, json!({ "user": person })).await?;
    Ok(())
}

/// Takes a client that is as it was seen: its version rises, and nobody else changes it until the transaction ends.
async fn hold(tx: &mut PgConnection, seen: SeenClient) -> Result<Client, DeskError> {
    let raised = sqlx::query("update desk.clients set lock_version = lock_version + 1 where (id, lock_version) = ($1, $2)")
        .bind(seen.client)
        .bind(seen.version)
        .execute(&mut *tx)
        .await?;
    let client = Client::find(tx, seen.client).await?;
    if raised.rows_affected() == 0 { Err(DeskError::RulesChanged) } else { Ok(client) }
}

/// What the tables refuse, by its name.
fn refusal(error: sqlx::Error) -> DeskError {
    match error.as_database_error().and_then(|error| error.constraint()) {
        Some("clients_calendar_id_fkey") => DeskError::NoSuchCalendar,
        Some("clients_one_name") => DeskError::NameTaken,
        Some("contracts_client_id_reference_key") => DeskError::ReferenceTaken,
        Some("contracts_client_id_daterange_excl") => DeskError::ContractsOverlap,
        _ => error.into(),
    }
}

async fn note(
    tx: &mut PgConnection,
    actor: &Actor,
    action: &str,
    client: ClientId,
    detail: serde_json::Value,
) -> sqlx::Result<()> {
    rules::note(tx, actor, action, format!("client:{client}"), detail).await
}
