//! The help desk: what was promised, counted by calendars; what people do to tickets; and what is told about deadlines, once.

mod articles;
mod business_time;
mod changes;
mod history;
mod letters;
mod letters_of_tickets;
mod monitor;
mod pauses;
mod rule_changes;
mod search;
mod search_comments;
mod search_names;
mod tickets;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc, Weekday};
use faena_tests::stores::Stores;
use jobs::{
    accounts::user::UserId,
    catalogue,
    help_desk::{
        actor::Actor,
        advance::{Advanced, advance},
        business_time::Hours,
        calendar::{Calendar, Plan},
        change,
        comment::{Audience, comment},
        number::{CalendarId, ClientId, TicketId},
        open::NewTicket,
        policy::Policy,
        text::{Body, Title},
        ticket::{Seen, Ticket},
        trouble::DeskError,
        words::{Category, Priority},
    },
};
use schedules::Tz;
use sqlx::{Postgres, Transaction};

/// A moment of Bogotá, which changes no clocks: `11-24 17:50` of 2026.
fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_str(&format!("2026-{text}:00 -0500"), "%Y-%m-%d %H:%M:%S %z").expect(text).to_utc()
}

/// Monday to Friday, nine to six.
fn office() -> Vec<Hours> {
    [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri]
        .map(|weekday| Hours { weekday, opens: 9 * 60, closes: 18 * 60 })
        .to_vec()
}

/// A desk with an agent, a manager and a client that has a contract for the year. Normal tickets are answered in one hour and solved in eight; a
/// deadline is warned about half an hour ahead and escalated an hour after.
struct Desk {
    stores: Stores,
    calendar: CalendarId,
    client: ClientId,
    agent: Actor,
    other_agent: Actor,
    manager: Actor,
    contact: Actor,
}

impl Desk {
    async fn open() -> Self {
        Self::on(Stores::fresh().await).await
    }

    async fn on(stores: Stores) -> Self {
        // Who advances clocks by SQL enqueues by name.
        catalogue().publication().write(&mut stores.db.acquire().await.unwrap(), "test").await.unwrap();
        // The months of the stories, whenever they are told.
        sqlx::raw_sql(
            "create table if not exists desk.tickets_2026_11 partition of desk.tickets for values from ('2026-11-01 00:00+00') to ('2026-12-01 00:00+00');
             create table if not exists desk.tickets_2026_12 partition of desk.tickets for values from ('2026-12-01 00:00+00') to ('2027-01-01 00:00+00');
             create table if not exists desk.tickets_2027_01 partition of desk.tickets for values from ('2027-01-01 00:00+00') to ('2027-02-01 00:00+00')",
        )
        .execute(&stores.db)
        .await
        .unwrap();
        let mut tx = stores.db.begin().await.unwrap();
        let people: Vec<UserId> = sqlx::query_scalar(
            "insert into core.users (email, full_name, role, locale, time_zone, password_hash, email_verified_at)
             values ('inigo@mesa.example', 'Íñigo Zúñiga', 'agent', 'es', 'America/Bogota', '-', now()),
                    ('grace@mesa.example', 'Grace Obi', 'agent', 'en', 'Europe/Madrid', '-', now()),
                    ('consuelo@mesa.example', 'Consuelo Güell', 'manager', 'es', 'America/Bogota', '-', now()),
                    ('oscar@cafes.example', 'Óscar Yáñez', 'client', 'es', 'America/Bogota', '-', now())
             returning id",
        )
        .fetch_all(&mut *tx)
        .await
        .unwrap();
        let manager = Actor::find(&mut *tx, people[2]).await.unwrap();
        let plan = Plan { zone: Tz::America__Bogota, is_always_open: false, hours: office(), holidays: Vec::new() };
        let calendar = Calendar::make(&mut tx, at("01-01 00:00"), &manager, "Bogotá", &plan).await.unwrap();
        let client: ClientId = sqlx::query_scalar(
            "with client as (insert into desk.clients (name, calendar_id) values ('Cafés del Quindío', $1) returning id),
                  contact as (insert into desk.contacts (user_id, client_id) select $2, id from client)
             insert into desk.contracts (client_id, reference, starts_on, ends_on) select id, '2026', '2026-01-01', '2026-12-31' from client
             returning client_id",
        )
        .bind(calendar)
        .bind(people[3])
        .fetch_one(&mut *tx)
        .await
        .unwrap();
        policy(Priority::Normal, Some(60), Some(480)).set(&mut tx, at("01-01 00:00"), &manager).await.unwrap();
        let agent = Actor::find(&mut *tx, people[0]).await.unwrap();
        let other_agent = Actor::find(&mut *tx, people[1]).await.unwrap();
        let contact = Actor::find(&mut *tx, people[3]).await.unwrap();
        tx.commit().await.unwrap();
        Self { stores, calendar, client, agent, other_agent, manager, contact }
    }

    async fn begin(&self) -> Transaction<'static, Postgres> {
        self.stores.db.begin().await.unwrap()
    }

    async fn run(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&self.stores.db).await.unwrap();
    }

    fn ticket(&self, priority: Priority) -> NewTicket {
        NewTicket {
            client: self.client,
            title: Title::parse("El correo no sale").unwrap(),
            description: Body::parse("Desde esta mañana.").unwrap(),
            category: Category::Network,
            tags: Vec::new(),
            priority,
        }
    }

    /// Somebody of another client.
    async fn neighbour(&self) -> Actor {
        self.run(
            "with other as (insert into desk.clients (name, calendar_id, without_contract) select 'Hospital San Roque', id, 'serve' from desk.calendars returning id),
                  person as (insert into core.users (email, full_name, role, password_hash) values ('nuria@hospital.example', 'Nuria', 'client', '-') returning id)
             insert into desk.contacts (user_id, client_id) select p.id, o.id from person p, other o",
        )
        .await;
        let id = sqlx::query_scalar("select id from core.users where email = 'nuria@hospital.example'");
        Actor::find(&self.stores.db, id.fetch_one(&self.stores.db).await.unwrap()).await.unwrap()
    }

    /// The client opens a normal ticket.
    async fn opened(&self, when: &str) -> TicketId {
        self.tries_to_open(when, &self.contact, &self.ticket(Priority::Normal)).await.unwrap()
    }

    async fn tries_to_open(&self, when: &str, actor: &Actor, ticket: &NewTicket) -> Result<TicketId, DeskError> {
        let mut tx = self.begin().await;
        let id = ticket.open(&mut tx, at(when), actor).await?;
        tx.commit().await.unwrap();
        Ok(id)
    }

    async fn says(&self, when: &str, actor: &Actor, ticket: TicketId, audience: Audience) {
        let mut tx = self.begin().await;
        comment(&mut tx, at(when), actor, ticket, &Body::parse("Una palabra.").unwrap(), audience).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// The client has been asked something, and is waited for.
    async fn waits(&self, when: &str, ticket: TicketId) {
        let mut tx = self.begin().await;
        change::wait_for_client(&mut tx, at(when), &self.agent, self.seen(ticket).await).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn seen(&self, ticket: TicketId) -> Seen {
        self.look(ticket).await.seen()
    }

    async fn look(&self, ticket: TicketId) -> Ticket {
        Ticket::find(&self.stores.db, &self.agent, ticket).await.unwrap()
    }

    /// What the ticket's clocks say, in the order of their cycles: promise, state, deadline in Bogotá, seconds used up.
    async fn clocks(&self, ticket: TicketId) -> Vec<(String, String, Option<String>, i64)> {
        sqlx::query_as(
            "select promise, state, to_char(due_at at time zone 'America/Bogota', 'MM-DD HH24:MI'), consumed_s
             from desk.sla_clocks where ticket_id = $1 order by cycle, promise",
        )
        .bind(ticket)
        .fetch_all(&self.stores.db)
        .await
        .unwrap()
    }

    /// One of them, of the last cycle: state and deadline.
    async fn clock(&self, ticket: TicketId, promise: &str) -> (String, Option<String>) {
        let clocks = self.clocks(ticket).await;
        let (_, state, due, _) = clocks.into_iter().rfind(|(which, ..)| which == promise).unwrap();
        (state, due)
    }

    /// The monitor looks.
    async fn monitored(&self, when: &str) -> Advanced {
        let mut tx = self.begin().await;
        let advanced = advance(&mut tx, at(when)).await.unwrap();
        tx.commit().await.unwrap();
        advanced
    }

    /// What was told: promise, level, and the level before.
    async fn told(&self) -> Vec<(String, i16, i16)> {
        sqlx::query_as(
            "select c.promise, a.level, a.after_level from desk.alerts a join desk.sla_clocks c on c.id = a.clock_id order by a.created_at, a.id",
        )
        .fetch_all(&self.stores.db)
        .await
        .unwrap()
    }
}

/// A policy of everybody's for a priority.
fn policy(priority: Priority, first_response_minutes: Option<i32>, resolution_minutes: Option<i32>) -> Policy {
    Policy {
        client: None,
        priority,
        first_response_minutes,
        resolution_minutes,
        warn_minutes: 30,
        escalate_minutes: vec![60],
        pauses_while_waiting: true,
    }
}

/// State and deadline, as [`Desk::clock`] says them.
fn is(state: &str, due: &str) -> (String, Option<String>) {
    (state.to_owned(), Some(due.to_owned()).filter(|due| !due.is_empty()))
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn minutes(count: i64) -> TimeDelta {
    TimeDelta::minutes(count)
}
