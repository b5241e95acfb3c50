//! What limits allow and what is paused: decisions, kept in Postgres and told to every lane.

use std::{collections::HashMap, fmt, str::FromStr, time::Duration};

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{PgPool, types::Json};
use tracing::info;
use uuid::Uuid;

use crate::{
    epoch::Told,
    job::Queue,
    lane::Lane,
    lanes,
    limit::{BadBounds, Bounds, Limit, from_word, to_word},
    operations::{Operations, OperationsError},
    store::{Store, StoreError},
};

/// No lane is told more than this: an operator's settings are few.
const MAX_SETTINGS: i64 = 1000;
/// For so long a decision waits for Redis to hear of it.
const PATIENCE: Duration = Duration::from_secs(1);

/// A limit as it stands: what the code says, what an operator set, and who has a share now.
#[derive(Debug, Clone, Serialize)]
pub struct LimitSetting {
    /// The limit's name; with `:` and a value, of that value of its argument alone.
    pub word: String,
    /// Where it is counted; none where only an operator speaks of it.
    pub lane: Option<Lane>,
    /// What the code says.
    pub code: Option<Bounds>,
    /// What an operator set; it counts before the code's.
    pub operator: Option<Bounds>,
    /// Which operator.
    pub set_by: Option<String>,
    /// When.
    pub set_at: Option<DateTime<Utc>>,
    /// Jobs that run under it, whatever their argument.
    pub held: u64,
    /// Jobs that wait for it, whatever their argument.
    pub waiting: u64,
    /// How many values of its argument jobs are under.
    pub values: usize,
    /// Those values that most jobs are under, at most [`MAX_SHARES`] of them.
    pub shares: Vec<Share>,
}

/// So many values of a limit's argument are listed.
pub const MAX_SHARES: usize = 50;

/// Who has a share of a limit that is counted apart for each value of an argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Share {
    /// The value: a tenant, a channel.
    pub of: String,
    /// Jobs that run under it.
    pub held: u64,
    /// Jobs that wait for it.
    pub waiting: u64,
}

/// A pause of jobs, and whose decision it was.
#[derive(Debug, Clone, Serialize)]
pub struct Pause {
    /// Which jobs.
    #[serde(flatten)]
    pub what: Paused,
    /// Since when.
    pub paused_at: DateTime<Utc>,
    /// By whom.
    pub paused_by: String,
}

/// What may be paused beside lanes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Paused {
    /// Every job of a kind.
    Job(String),
    /// Every job of a tenant.
    Tenant(String),
    /// A queue with all its lanes, those too that nobody serves yet.
    Queue(Queue),
}

/// What stands before a queue's name in the list of pauses.
const QUEUE: &str = "queue:";

impl Paused {
    fn to_row(&self) -> String {
        match self {
            Self::Job(name) => format!("job:{}", to_word(name)),
            Self::Tenant(name) => format!("tenant:{}", to_word(name)),
            Self::Queue(queue) => format!("{QUEUE}{queue}"),
        }
    }

    fn from_row(what: &str) -> Option<Self> {
        match what.split_once(':')? {
            ("job", name) => Some(Self::Job(from_word(name))),
            ("tenant", name) => Some(Self::Tenant(from_word(name))),
            ("queue", name) => name.parse().ok().map(Self::Queue),
            _ => None,
        }
    }
}

impl fmt::Display for Paused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Job(name) => write!(f, "job {name}"),
            Self::Tenant(name) => write!(f, "tenant {name}"),
            Self::Queue(queue) => write!(f, "queue {queue}"),
        }
    }
}

/// Why a limit was not set.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LimitError {
    /// No worker has ever told of such a limit.
    #[error("no limit is named {word:?}; the limits are {known}")]
    Unknown {
        /// What was asked for.
        word: String,
        /// What there is.
        known: String,
    },
    /// The limit is counted for all together, and so has no value that could have bounds of its own.
    #[error("the limit {name} is counted for all jobs together: no value of an argument has a limit of its own")]
    NoValues {
        /// The limit.
        name: String,
    },
    /// No worker has ever published such a job.
    #[error("no job is named {name:?}; the jobs are {known}")]
    UnknownJob {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// The bounds cannot be obeyed.
    #[error(transparent)]
    Bounds(#[from] BadBounds),
    /// There are as many settings as a lane is told.
    #[error("there are {MAX_SETTINGS} settings of limits and pauses already: reset or resume some first")]
    TooMany,
    /// A store did not answer.
    #[error(transparent)]
    Operations(#[from] OperationsError),
}

impl From<sqlx::Error> for LimitError {
    fn from(error: sqlx::Error) -> Self {
        Self::Operations(error.into())
    }
}

impl From<StoreError> for LimitError {
    fn from(error: StoreError) -> Self {
        Self::Operations(error.into())
    }
}

/// Writes down what the code says of limits.
pub(crate) async fn list_limits(db: &PgPool, limits: &[(Lane, Limit)]) -> sqlx::Result<()> {
    for (lane, limit) in limits {
        sqlx::query(
            "insert into faena.limits as l (word, lane, code) values ($1, $2, $3)
             on conflict (word) do update set lane = excluded.lane, code = excluded.code
             where (l.lane, l.code) is distinct from (excluded.lane, excluded.code)",
        )
        .bind(limit.name)
        .bind(lane.as_str())
        .bind(Json(limit.bounds))
        .execute(db)
        .await?;
    }
    Ok(())
}

/// What every lane is to be told.
pub(crate) async fn read_settings(db: &PgPool) -> sqlx::Result<Told> {
    let settings: Vec<(String, Json<Bounds>)> =
        sqlx::query_as("select word, coalesce(operator, code) from faena.limits order by word limit $1")
            .bind(MAX_SETTINGS)
            .fetch_all(db)
            .await?;
    // Of a paused queue nothing is claimed at all.
    let resting = lanes::paused(db).await?;
    let paused: Vec<(String,)> =
        sqlx::query_as("select what from faena.pauses where not starts_with(what, $2) order by what limit $1")
            .bind(MAX_SETTINGS)
            .bind(QUEUE)
            .fetch_all(db)
            .await?;
    let settings: Vec<_> = settings.into_iter().map(|(word, bounds)| (word, bounds.to_text())).collect();
    let paused: Vec<_> = paused.into_iter().map(|(what,)| what).collect();
    // The same contents have the same version, whichever worker tells them.
    let version = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{settings:?}{paused:?}").as_bytes()).to_string();
    Ok(Told { version, settings, paused, resting })
}

/// Tells each lane that was told something else last. What is wrong with one lane's keys is not the others' trouble.
///
/// # Errors
/// The first that a lane met.
pub(crate) async fn tell_lanes(store: &Store, lanes: &[Lane], told: &Told) -> Result<(), StoreError> {
    let mut met = Ok(());
    for lane in lanes {
        match store.tell_settings(*lane, told).await {
            Err(error) if error.is_of_one_lane() => met = met.and(Err(error)),
            answer => _ = answer?,
        }
    }
    met
}

#[derive(sqlx::FromRow)]
struct Row {
    word: String,
    lane: Option<String>,
    code: Option<Json<Bounds>>,
    operator: Option<Json<Bounds>>,
    set_by: Option<String>,
    set_at: Option<DateTime<Utc>>,
}

impl Operations {
    /// Every limit, and who has a share now.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn limits(&self) -> Result<Vec<LimitSetting>, OperationsError> {
        let rows: Vec<Row> = sqlx::query_as("select word, lane, code, operator, set_by, set_at from faena.limits order by word")
            .fetch_all(&self.db)
            .await?;
        let mut held_by: HashMap<String, Vec<Share>> = HashMap::new();
        for lane in self.lanes().await? {
            for (word, held, waiting) in self.store.shares(lane).await? {
                let (limit, of) = word.split_once(':').unwrap_or((&word, ""));
                held_by.entry(limit.to_owned()).or_default().push(Share { of: from_word(of), held, waiting });
            }
        }
        let setting = |row: Row| {
            let (limit, of) = row.word.split_once(':').map_or((&*row.word, None), |(limit, of)| (limit, Some(from_word(of))));
            let all = held_by.get(limit).map_or(&[][..], Vec::as_slice).iter();
            let counted: Vec<&Share> = all.filter(|share| of.as_ref().is_none_or(|of| *of == share.of)).collect();
            let (held, waiting) = counted.iter().fold((0, 0), |sum, share| (sum.0 + share.held, sum.1 + share.waiting));
            let of_values =
                counted.into_iter().filter(|share| of.is_none() && !share.of.is_empty() && share.held + share.waiting > 0);
            let mut shares: Vec<Share> = of_values.cloned().collect();
            shares.sort_by(|a, b| (b.held + b.waiting).cmp(&(a.held + a.waiting)).then_with(|| a.of.cmp(&b.of)));
            let values = shares.len();
            shares.truncate(MAX_SHARES);
            LimitSetting {
                lane: row.lane.and_then(|lane| Lane::from_str(&lane).ok()),
                code: row.code.map(|bounds| bounds.0),
                operator: row.operator.map(|bounds| bounds.0),
                word: row.word,
                set_by: row.set_by,
                set_at: row.set_at,
                held,
                waiting,
                values,
                shares,
            }
        };
        Ok(rows.into_iter().map(setting).collect())
    }

    /// The bounds that hold for a limit, or for one value of its argument (`of`): an operator's, or else the code's.
    ///
    /// # Errors
    /// Postgres did not answer.
    pub async fn bounds_of(&self, name: &str, of: Option<&str>) -> Result<Bounds, OperationsError> {
        let holds = sqlx::query_as(
            "select coalesce(operator, code) from faena.limits where word in ($1, $2) order by length(word) desc limit 1",
        );
        let bounds: Option<(Json<Bounds>,)> = holds.bind(name).bind(word(name, of)).fetch_optional(&self.db).await?;
        Ok(bounds.map(|(bounds,)| bounds.0).unwrap_or_default())
    }

    /// Sets the bounds of a limit, or of one value of its argument alone (`of`). Every worker obeys within a second, and a wiped Redis does
    /// not forget it. Jobs that run already are left alone.
    ///
    /// # Errors
    /// There is no such limit, the bounds cannot be obeyed, or Postgres did not answer.
    pub async fn set_limit(&self, name: &str, of: Option<&str>, bounds: Bounds, actor: &str) -> Result<(), LimitError> {
        bounds.check()?;
        self.must_be_limit(name).await?;
        if of.is_some() && !self.goes_by_a_value(name).await? {
            return Err(LimitError::NoValues { name: name.to_owned() });
        }
        let set = sqlx::query(
            "insert into faena.limits as l (word, operator, set_by, set_at)
             select $1, $2, $3, clock_timestamp() where (select count(*) from faena.limits) < $4 or exists (select from faena.limits where word = $1)
             on conflict (word) do update set operator = excluded.operator, set_by = excluded.set_by, set_at = excluded.set_at",
        )
        .bind(word(name, of))
        .bind(Json(bounds))
        .bind(actor)
        .bind(MAX_SETTINGS)
        .execute(&self.db)
        .await?;
        if set.rows_affected() == 0 {
            return Err(LimitError::TooMany);
        }
        self.tell_lanes_now().await;
        Ok(())
    }

    /// Lets the code's bounds hold again. Answers whether an operator's held.
    ///
    /// # Errors
    /// No operator's held, and there is no such limit; or Postgres did not answer.
    pub async fn reset_limit(&self, name: &str, of: Option<&str>) -> Result<bool, LimitError> {
        let reset = sqlx::query(
            "with gone as (delete from faena.limits where word = $1 and code is null returning word),
                  kept as (update faena.limits set operator = null, set_by = null, set_at = null
                           where word = $1 and code is not null and operator is not null returning word)
             select word from gone union all select word from kept",
        );
        let was_set = reset.bind(word(name, of)).fetch_optional(&self.db).await?.is_some();
        if !was_set {
            self.must_be_limit(name).await?;
        }
        self.tell_lanes_now().await;
        Ok(was_set)
    }

    /// Whether some worker's code has such a limit.
    async fn must_be_limit(&self, name: &str) -> Result<(), LimitError> {
        let known: Vec<String> =
            sqlx::query_scalar("select word from faena.limits where code is not null order by word").fetch_all(&self.db).await?;
        if known.iter().any(|word| word == name) {
            Ok(())
        } else {
            Err(LimitError::Unknown { word: name.to_owned(), known: known.join(", ") })
        }
    }

    /// Whether the limit is counted for each value of an argument.
    async fn goes_by_a_value(&self, name: &str) -> sqlx::Result<bool> {
        sqlx::query_scalar(
            "select exists (select from faena.job_kinds k, jsonb_array_elements(k.limits) l where l ->> 'name' = $1 and l ->> 'by' is not null)",
        )
        .bind(name)
        .fetch_one(&self.db)
        .await
    }

    /// Pauses a kind of job, a tenant or a queue: its jobs wait, those that run go on. Every worker sees it within a second, and a wiped Redis does
    /// not forget it. Answers whether it was not paused before.
    ///
    /// # Errors
    /// There is no such job, there are too many pauses, or Postgres did not answer.
    pub async fn pause_jobs(&self, what: &Paused, actor: &str) -> Result<bool, LimitError> {
        self.must_exist(what).await?;
        let (there,): (i64,) = sqlx::query_as("select count(*) from faena.pauses").fetch_one(&self.db).await?;
        if there >= MAX_SETTINGS {
            return Err(LimitError::TooMany);
        }
        let paused = sqlx::query("insert into faena.pauses (what, paused_by) values ($1, $2) on conflict do nothing")
            .bind(what.to_row())
            .bind(actor)
            .execute(&self.db)
            .await?;
        self.tell_lanes_now().await;
        Ok(paused.rows_affected() > 0)
    }

    /// Resumes a paused kind of job, tenant or queue. Answers whether it was paused.
    ///
    /// # Errors
    /// It was not paused, and there is no such job; or Postgres did not answer.
    pub async fn resume_jobs(&self, what: &Paused) -> Result<bool, LimitError> {
        let resumed = sqlx::query("delete from faena.pauses where what = $1").bind(what.to_row()).execute(&self.db).await?;
        if resumed.rows_affected() == 0 {
            self.must_exist(what).await?;
        }
        self.tell_lanes_now().await;
        Ok(resumed.rows_affected() > 0)
    }

    /// Whether a kind of job has been published. (Tenants are not on any list.)
    async fn must_exist(&self, what: &Paused) -> Result<(), LimitError> {
        let Paused::Job(name) = what else { return Ok(()) };
        let known: Vec<String> = sqlx::query_scalar("select name from faena.job_kinds order by name").fetch_all(&self.db).await?;
        if known.contains(name) { Ok(()) } else { Err(LimitError::UnknownJob { name: name.clone(), known: known.join(", ") }) }
    }

    /// What was decided holds from this moment on where Redis answers; elsewhere the workers tell it, as they do again and again.
    pub(crate) async fn tell_lanes_now(&self) {
        let told = async {
            let settings = read_settings(&self.db).await?;
            Ok::<_, OperationsError>(tell_lanes(&self.store, &self.lanes().await?, &settings).await?)
        };
        match tokio::time::timeout(PATIENCE, told).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => info!(%error, "the workers will tell Redis what was decided"),
            Err(_) => info!("Redis does not answer: the workers will tell it what was decided"),
        }
    }

    /// The paused kinds of jobs, tenants and queues.
    ///
    /// # Errors
    /// Postgres did not answer.
    pub async fn pauses(&self) -> Result<Vec<Pause>, OperationsError> {
        let rows: Vec<(String, DateTime<Utc>, String)> =
            sqlx::query_as("select what, paused_at, paused_by from faena.pauses order by what").fetch_all(&self.db).await?;
        let pause =
            |(what, paused_at, paused_by): (String, _, _)| Some(Pause { what: Paused::from_row(&what)?, paused_at, paused_by });
        Ok(rows.into_iter().filter_map(pause).collect())
    }
}

fn word(name: &str, of: Option<&str>) -> String {
    of.map_or_else(|| name.to_owned(), |of| format!("{name}:{}", to_word(of)))
}
