//! A token: what a program shows to be let in, and what it may do then. The token itself is told once; here stands its hash.

use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use sqlx::{PgConnection, PgPool, types::Json};
use subtle::ConstantTimeEq as _;

use crate::accounts::user::UserId;

/// Tokens begin with this, so that scanners find those that lie where they should not.
const PREFIX: &str = "faena_";
/// 256 random bits as text.
const SECRET_CHARS: usize = 43;

/// Something that a token may allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Enqueue jobs.
    EnqueueJobs,
    /// See what became of jobs.
    ReadJobs,
    /// See schedules and what they did.
    ReadSchedules,
    /// Make, change, pause and delete schedules, and run their jobs now.
    WriteSchedules,
    /// See the reports of whose name the token bears, and fetch their files.
    ReadReports,
    /// Ask for reports in that name.
    WriteReports,
    /// See the tickets that whose name it bears sees.
    ReadTickets,
    /// Open, change and answer them in that name.
    WriteTickets,
    /// See the clients that whose name it bears sees.
    ReadClients,
    /// Read the articles that are published for whose name it bears.
    ReadArticles,
    /// See what was told about deadlines, where whose name it bears works at the help desk.
    ReadAlerts,
    /// Take note of that in their name.
    WriteAlerts,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 12] = [
        Self::EnqueueJobs,
        Self::ReadJobs,
        Self::ReadSchedules,
        Self::WriteSchedules,
        Self::ReadReports,
        Self::WriteReports,
        Self::ReadTickets,
        Self::WriteTickets,
        Self::ReadClients,
        Self::ReadArticles,
        Self::ReadAlerts,
        Self::WriteAlerts,
    ];

    /// Its name in Postgres and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EnqueueJobs => "jobs:enqueue",
            Self::ReadJobs => "jobs:read",
            Self::ReadSchedules => "schedules:read",
            Self::WriteSchedules => "schedules:write",
            Self::ReadReports => "reports:read",
            Self::WriteReports => "reports:write",
            Self::ReadTickets => "tickets:read",
            Self::WriteTickets => "tickets:write",
            Self::ReadClients => "clients:read",
            Self::ReadArticles => "articles:read",
            Self::ReadAlerts => "alerts:read",
            Self::WriteAlerts => "alerts:write",
        }
    }
}

impl Scope {
    /// Whether it opens what is somebody's, and so needs a person whose name it bears.
    #[must_use]
    pub const fn is_in_a_name(self) -> bool {
        !matches!(self, Self::EnqueueJobs | Self::ReadJobs | Self::ReadSchedules | Self::WriteSchedules)
    }

    fn names() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A scope that there is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no scope is named {0:?}; the scopes are {scopes}", scopes = Scope::names())]
pub struct UnknownScope(String);

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or_else(|| UnknownScope(text.to_owned()))
    }
}

/// A token as an operator sees it.
#[derive(Debug, Clone, Serialize, sqlx::FromRow)]
pub struct ApiToken {
    /// Its number.
    pub id: i64,
    /// What operators call it: the program that bears it.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<String>,
    /// The kinds of jobs for which; `None`: all.
    pub job_names: Option<Vec<String>>,
    /// In whose name it asks for what is somebody's.
    pub user_id: Option<UserId>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// By whom.
    pub created_by: String,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was ended.
    pub revoked_at: Option<DateTime<Utc>>,
    /// By whom.
    pub revoked_by: Option<String>,
    /// When it was last borne, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A token to be made.
#[derive(Debug, Clone)]
pub struct NewApiToken {
    /// The program that will bear it.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// The kinds of jobs for which; `None`: all.
    pub job_names: Option<Vec<String>>,
    /// The address of whoever's name it bears.
    pub person: Option<String>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Why a token was not made or ended. Nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiTokenError {
    /// Nobody could tell it from others.
    #[error("a token's name has from 1 to 100 characters, none of them a control character")]
    Name,
    /// It would open nothing.
    #[error("a token without a scope opens nothing; the scopes are {scopes}", scopes = Scope::names())]
    NoScope,
    /// There is another one.
    #[error("there is a token named {0:?} already")]
    Taken(String),
    /// It would be over before it began.
    #[error("the token would have expired already, at {0}")]
    Expired(DateTime<Utc>),
    /// It would ask for what is somebody's, in nobody's name.
    #[error("the scopes of reports, tickets, clients, articles and alerts need a person in whose name the program asks")]
    NoPerson,
    /// Nobody of that address has an open account.
    #[error("nobody of the address {0:?} has an open account")]
    UnknownPerson(String),
    /// No binary has published such a kind.
    #[error("no job is named {0:?}")]
    UnknownJob(String),
    /// There is none.
    #[error("no token is named {0:?}")]
    Unknown(String),
    /// Postgres refused or could not be reached.
    #[error("Postgres: {0}")]
    Postgres(#[from] sqlx::Error),
}

const COLUMNS: &str =
    "id, name, scopes, job_names, user_id, created_at, created_by, expires_at, revoked_at, revoked_by, last_used_at";

impl ApiToken {
    /// Makes a token, notes it in the audit log, and tells the secret: there is no second time.
    ///
    /// # Errors
    /// What was asked for makes no sense, the name is taken, or Postgres refuses.
    pub async fn create(db: &PgPool, new: &NewApiToken, actor: &str) -> Result<(Self, SecretString), ApiTokenError> {
        if new.name.is_empty() || new.name.chars().count() > 100 || new.name.chars().any(char::is_control) {
            return Err(ApiTokenError::Name);
        }
        if new.scopes.is_empty() {
            return Err(ApiTokenError::NoScope);
        }
        if new.person.is_none() && new.scopes.iter().any(|scope| scope.is_in_a_name()) {
            return Err(ApiTokenError::NoPerson);
        }
        if let Some(over) = new.expires_at.filter(|end| *end <= Utc::now()) {
            return Err(ApiTokenError::Expired(over));
        }
        let mut tx = db.begin().await?;
        let strange: Option<(String,)> = sqlx::query_as(
            "select wanted from unnest($1::text[]) wanted where wanted not in (select name from faena.job_kinds) limit 1",
        )
        .bind(&new.job_names)
        .fetch_optional(&mut *tx)
        .await?;
        if let Some((name,)) = strange {
            return Err(ApiTokenError::UnknownJob(name));
        }
        let person = match &new.person {
            None => None,
            Some(address) => Some(person(&mut tx, address).await?),
        };
        let secret = SecretString::from(format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())));
        let scopes: Vec<&str> = Scope::ALL.into_iter().filter(|scope| new.scopes.contains(scope)).map(Scope::as_str).collect();
        let sql = format!(
            "insert into faena.api_tokens (name, hash, scopes, job_names, expires_at, created_by, user_id) values ($1, $2, $3, $4, $5, $6, $7)
             on conflict (name) do nothing returning {COLUMNS}"
        );
        let made: Option<Self> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(&new.name)
            .bind(hash_of(secret.expose_secret()).as_slice())
            .bind(scopes)
            .bind(&new.job_names)
            .bind(new.expires_at)
            .bind(actor)
            .bind(person)
            .fetch_optional(&mut *tx)
            .await?;
        let Some(made) = made else { return Err(ApiTokenError::Taken(new.name.clone())) };
        let mut detail =
            json!({ "by": actor, "scopes": made.scopes, "job_names": made.job_names, "expires_at": made.expires_at });
        if let Some(person) = made.user_id {
            detail["user_id"] = json!(person);
        }
        note(&mut tx, "create_api_token", &made.name, detail).await?;
        tx.commit().await?;
        Ok((made, secret))
    }

    /// Every token, by name.
    ///
    /// # Errors
    /// Postgres cannot be reached.
    pub async fn list(db: &PgPool) -> sqlx::Result<Vec<Self>> {
        let sql = format!("select {COLUMNS} from faena.api_tokens order by name");
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(db).await
    }

    /// Ends a token at once, and notes it in the audit log. `false`: it was ended before.
    ///
    /// # Errors
    /// There is no such token, or Postgres refuses.
    pub async fn revoke(db: &PgPool, name: &str, actor: &str) -> Result<bool, ApiTokenError> {
        let mut tx = db.begin().await?;
        let ended =
            sqlx::query("update faena.api_tokens set revoked_at = now(), revoked_by = $2 where name = $1 and revoked_at is null")
                .bind(name)
                .bind(actor)
                .execute(&mut *tx)
                .await?;
        if ended.rows_affected() == 0 {
            let (known,): (bool,) = sqlx::query_as("select exists (select from faena.api_tokens where name = $1)")
                .bind(name)
                .fetch_one(&mut *tx)
                .await?;
            return if known { Ok(false) } else { Err(ApiTokenError::Unknown(name.to_owned())) };
        }
        note(&mut tx, "revoke_api_token", name, json!({ "by": actor })).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The token whose secret this is, if it still opens anything.
    ///
    /// # Errors
    /// Postgres cannot be reached.
    pub async fn find(db: &PgPool, secret: &str) -> sqlx::Result<Option<Self>> {
        // What is no token of ours is not worth a query.
        if secret.strip_prefix(PREFIX).is_none_or(|rest| rest.len() != SECRET_CHARS) {
            return Ok(None);
        }
        let hash = hash_of(secret);
        let sql = format!(
            "select {COLUMNS}, hash from faena.api_tokens
             where hash = $1 and revoked_at is null and (expires_at is null or expires_at > now())"
        );
        let found: Option<Hashed> = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(hash.as_slice()).fetch_optional(db).await?;
        // How long an index looks for a hash tells nothing of a secret; the last word has a comparison that takes always as long.
        let found = found.filter(|found| bool::from(found.hash.ct_eq(&hash))).map(|found| found.token);
        if let Some(token) = &found {
            token.note_use(db).await?;
        }
        Ok(found)
    }

    /// Whether it allows that.
    #[must_use]
    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.iter().any(|allowed| allowed == scope.as_str())
    }

    /// Whether what it allows, it allows for jobs of that name.
    #[must_use]
    pub fn covers(&self, job: &str) -> bool {
        self.job_names.as_ref().is_none_or(|names| names.iter().any(|name| name == job))
    }

    /// At most once a minute: a busy program would otherwise write one row over and over.
    async fn note_use(&self, db: &PgPool) -> sqlx::Result<()> {
        if self.last_used_at.is_some_and(|last| Utc::now() - last < chrono::TimeDelta::minutes(1)) {
            return Ok(());
        }
        sqlx::query(
            "update faena.api_tokens set last_used_at = now()
             where id = $1 and (last_used_at is null or last_used_at < now() - interval '1 minute')",
        )
        .bind(self.id)
        .execute(db)
        .await
        .map(drop)
    }
}

#[derive(sqlx::FromRow)]
struct Hashed {
    #[sqlx(flatten)]
    token: ApiToken,
    hash: Vec<u8>,
}

/// The open account of that address.
async fn person(tx: &mut PgConnection, address: &str) -> Result<UserId, ApiTokenError> {
    sqlx::query_scalar("select id from core.users where email = $1::text::citext and disabled_at is null")
        .bind(address)
        .fetch_optional(tx)
        .await?
        .ok_or_else(|| ApiTokenError::UnknownPerson(address.to_owned()))
}

fn hash_of(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

async fn note(tx: &mut PgConnection, action: &str, name: &str, detail: serde_json::Value) -> sqlx::Result<()> {
    sqlx::query("insert into core.audit_log (action, subject, detail) values ($1, 'api_token:' || $2, $3)")
        .bind(action)
        .bind(name)
        .bind(Json(detail))
        .execute(tx)
        .await
        .map(drop)
}
