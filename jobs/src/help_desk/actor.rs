//! Who does something at the help desk: somebody who works there, or somebody of a client.

use sqlx::PgExecutor;

use super::{number::ClientId, trouble::DeskError};
use crate::accounts::{role::Role, user::UserId};

/// A person with the right to be here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// Works at the desk and sees every client's tickets.
    Agent {
        /// Who.
        id: UserId,
        /// Whether they lead it, and so may change what is promised.
        leads: bool,
    },
    /// Opens tickets for a client and sees those of that client.
    Contact {
        /// Who.
        id: UserId,
        /// For whom.
        client: ClientId,
    },
}

impl Actor {
    /// What the person is here.
    ///
    /// # Errors
    /// [`DeskError::NotAllowed`]: nothing at all; or Postgres refuses or cannot be reached.
    pub async fn find(db: impl PgExecutor<'_>, id: UserId) -> Result<Self, DeskError> {
        let found: Option<(Role, Option<ClientId>)> = sqlx::query_as(
            "select u.role, c.client_id from core.users u left join desk.contacts c on c.user_id = u.id
             where u.id = $1 and u.disabled_at is null",
        )
        .bind(id)
        .fetch_optional(db)
        .await?;
        match found {
            Some((Role::Agent, _)) => Ok(Self::Agent { id, leads: false }),
            Some((Role::Manager | Role::Admin, _)) => Ok(Self::Agent { id, leads: true }),
            Some((Role::Client, Some(client))) => Ok(Self::Contact { id, client }),
            _ => Err(DeskError::NotAllowed),
        }
    }

    /// Their account.
    #[must_use]
    pub fn id(&self) -> UserId {
        match *self {
            Self::Agent { id, .. } | Self::Contact { id, .. } => id,
        }
    }

    /// Whether they see that client's tickets.
    #[must_use]
    pub fn sees(&self, of: ClientId) -> bool {
        match self {
            Self::Agent { .. } => true,
            Self::Contact { client, .. } => *client == of,
        }
    }

    /// Whose tickets alone they see, for statements that filter by it; none: everybody's.
    #[must_use]
    pub fn client(&self) -> Option<ClientId> {
        match *self {
            Self::Agent { .. } => None,
            Self::Contact { client, .. } => Some(client),
        }
    }

    /// Refuses who does not work here.
    pub(super) fn must_be_agent(&self) -> Result<(), DeskError> {
        match self {
            Self::Agent { .. } => Ok(()),
            Self::Contact { .. } => Err(DeskError::NotAllowed),
        }
    }

    /// Refuses who does not lead the desk.
    pub(super) fn must_lead(&self) -> Result<(), DeskError> {
        match self {
            Self::Agent { leads: true, .. } => Ok(()),
            _ => Err(DeskError::NotAllowed),
        }
    }
}
