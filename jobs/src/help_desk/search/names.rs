//! Whose tickets somebody looks for who types what a client, or one of its people, is called.

use std::collections::HashMap;

use sqlx::PgConnection;

use super::query::Query;
use crate::help_desk::{actor::Actor, number::ClientId};

/// Clients that are called what was typed, or one of whose people is.
#[derive(Debug)]
pub(super) struct Named {
    /// Which, and what those of its people are called who are meant.
    clients: HashMap<ClientId, Vec<String>>,
    /// What is asked for besides.
    pub(super) rest: Query,
    /// The same in the database's words; none: nothing.
    pub(super) rest_words: Option<String>,
}

/// Which clients are called so. What others are called is no business of a client's people: theirs is looked for by its words alone.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub(super) async fn name(tx: &mut PgConnection, actor: &Actor, query: &Query) -> sqlx::Result<Option<Named>> {
    if actor.client().is_some() {
        return Ok(None);
    }
    let found: Vec<(Vec<i64>, ClientId, Vec<String>)> =
        sqlx::query_as(include_str!("sql/clients_named.sql")).bind(query.terms_json()).fetch_all(&mut *tx).await?;
    let Some((places, ..)) = found.first() else { return Ok(None) };
    let rest = query.without(places);
    let rest_words = if rest.is_empty() {
        None
    } else {
        sqlx::query_scalar("select desk.search_query($1, true)::text").bind(rest.terms_json()).fetch_one(tx).await?
    };
    Ok(Some(Named { clients: found.into_iter().map(|(_, client, people)| (client, people)).collect(), rest, rest_words }))
}

impl Named {
    /// Which clients.
    pub(super) fn clients(&self) -> Vec<i64> {
        self.clients.keys().map(|client| client.0).collect()
    }

    /// What those people of the client are called who are meant.
    pub(super) fn people(&self, client: ClientId) -> &[String] {
        self.clients.get(&client).map(Vec::as_slice).unwrap_or_default()
    }
}
