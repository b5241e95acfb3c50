//! What a worker must be told: parsed once, checked as a whole, passed down.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::SocketAddr,
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use clap::Args;
use jobs::connections;
use queue::{Keyring, Lane, Queue, Store};
use secrecy::{ExposeSecret, SecretString};
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

/// Where the stores are. Every command needs them.
#[derive(Debug, Args)]
pub struct StoreArgs {
    /// Postgres, for example postgres://faena:secret@127.0.0.1/faena. A pooler in between must pool by sessions, not by transactions
    /// (jobs/queue/README.md, Poolers).
    #[arg(long, global = true, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<SecretString>,
    /// Postgres without a pooler in between, for LISTEN. Without it DATABASE_URL is used, and a poll every 500 ms stands behind it.
    #[arg(long, global = true, env = "DATABASE_DIRECT_URL", hide_env_values = true)]
    pub database_direct_url: Option<SecretString>,
    /// The Redis of the queues, for example redis://:secret@127.0.0.1:6379/0. Append-only and `noeviction`, or jobs pushed directly
    /// may be lost.
    #[arg(long, global = true, env = "REDIS_URL", hide_env_values = true)]
    pub redis_url: Option<SecretString>,
    /// Prefix of every Redis key: installations with different namespaces can share a Redis.
    #[arg(long, global = true, env = "FAENA_NAMESPACE", default_value = "faena")]
    pub namespace: String,
    /// The keys of secret arguments as id:key,id2:key2, each key being 32 random bytes in hexadecimal or base64 (openssl rand -hex 32). The
    /// first seals, all open. The web must have the same. Without it no job with secret arguments can be enqueued or run.
    #[arg(long, global = true, env = "SECRET_ARGS_KEYS", hide_env_values = true)]
    pub secret_args_keys: Option<SecretString>,
}

/// What the process of a suspect is told.
pub(crate) const ATTEMPT: &str = "FAENA_ATTEMPT";

/// Slots of a named lane, unless told otherwise.
const LANE_SLOTS: usize = 2;

/// How a worker runs.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// How many `critical` jobs may run at once; 0: this worker does not serve the queue. Idle slots of a more urgent queue run less
    /// urgent jobs too, all but one.
    #[arg(long, env = "SLOTS_CRITICAL", default_value = "100")]
    pub slots_critical: String,
    /// How many `default` jobs may run at once.
    #[arg(long, env = "SLOTS_DEFAULT", default_value = "500")]
    pub slots_default: String,
    /// How many `low` jobs may run at once.
    #[arg(long, env = "SLOTS_LOW", default_value = "50")]
    pub slots_low: String,
    /// Slots of named lanes, where 2 are not right: low/videos=4,default/mail=20.
    #[arg(long, env = "SLOTS_LANES", value_delimiter = ',')]
    pub slots_lanes: Vec<String>,
    /// Serve these lanes alone, for example critical,low/videos: workers for each can then be scaled apart.
    #[arg(long, env = "ONLY", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Whether this worker writes the ledger. Any number may, and some worker must.
    #[arg(long, env = "RECORD", default_value = "true", action = clap::ArgAction::Set, value_parser = clap::builder::BoolishValueParser::new())]
    pub record: bool,
    /// Whether a small parent process watches over the worker: it counts the crashes of jobs that kill it, returns them at once, and
    /// starts the worker again.
    #[arg(long, env = "SUPERVISE", default_value = "true", action = clap::ArgAction::Set, value_parser = clap::builder::BoolishValueParser::new())]
    pub supervise: bool,
    /// Set by the supervisor: where the worker notes the jobs it begins.
    #[arg(long, env = crate::supervise::JOURNAL, hide = true)]
    pub journal: Option<PathBuf>,
    /// Set by the supervisor and the worker: the process whose end is this one's too.
    #[arg(long, env = crate::supervise::PARENT, hide = true)]
    pub parent: Option<i32>,
    /// Set by the worker: attempt the one job that is handed over on stdin.
    #[arg(long, env = ATTEMPT, hide = true)]
    pub attempt: bool,
    /// How many seconds running jobs may take to end after SIGTERM or SIGINT; then they are handed back, uncounted.
    #[arg(long, env = "DRAIN_SECONDS", default_value = "25")]
    pub drain_seconds: String,
    /// Where /health, /ready and /metrics are served.
    #[arg(long, env = "ADMIN_ADDR", default_value = "127.0.0.1:9464")]
    pub admin_addr: String,
}

/// Every mistake in the settings, each naming its setting.
#[derive(Debug, Default)]
pub struct Mistakes(Vec<String>);

impl Mistakes {
    /// `setting` is wrong because of `reason`.
    pub fn add(&mut self, setting: &str, reason: impl fmt::Display) {
        self.0.push(format!("{setting}: {reason}"));
    }

    /// Adds what is wrong with `setting`, and stands in with nothing.
    pub fn note<T, E: fmt::Display>(&mut self, setting: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.add(setting, error)).ok()
    }

    /// Each, with its setting.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Fails when there are any.
    ///
    /// # Errors
    /// All of them, a line each.
    pub fn into_result(self) -> anyhow::Result<()> {
        if self.is_empty() { Ok(()) } else { Err(anyhow::anyhow!("{self}")) }
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.0.len() == 1 { "mistake" } else { "mistakes" };
        write!(f, "{} {noun} in the settings:", self.0.len())?;
        self.0.iter().try_for_each(|mistake| write!(f, "\n  {mistake}"))
    }
}

/// Checked: where the stores are.
#[derive(Debug, Clone)]
pub struct Stores {
    database: PgConnectOptions,
    /// The URL on which LISTEN works.
    pub direct_url: SecretString,
    /// The live jobs.
    pub store: Store,
    redis_url: SecretString,
    keyring: Option<Keyring>,
}

/// Checked: how a worker runs.
#[derive(Debug, Clone)]
pub struct RunSettings {
    /// Slots of each lane that is served.
    pub slots: BTreeMap<Lane, usize>,
    /// Whether it writes the ledger.
    pub record: bool,
    /// Where it notes the jobs it begins, if a supervisor reads it.
    pub journal: Option<PathBuf>,
    /// How long the drain may take.
    pub drain: Duration,
    /// Where the worker answers about itself.
    pub admin_addr: SocketAddr,
}

impl StoreArgs {
    /// Where migrations are applied, which need no Redis: past a pooler, which would lose the lock that keeps two migrators apart, and
    /// with all the time that an index of millions of rows takes.
    pub fn migrated(&self, mistakes: &mut Mistakes) -> Option<PgConnectOptions> {
        let (setting, url) = match &self.database_direct_url {
            Some(url) => ("DATABASE_DIRECT_URL", Some(url)),
            None => ("DATABASE_URL", required(mistakes, "DATABASE_URL", self.database_url.as_ref())),
        };
        let options = url.and_then(|url| mistakes.note(setting, postgres(url)))?;
        Some(options.application_name("faena-migrate").options([("search_path", "public"), ("statement_timeout", "0")]))
    }

    /// Reads the values; connects to nothing.
    pub fn checked(&self, mistakes: &mut Mistakes) -> Option<Stores> {
        let database_url = required(mistakes, "DATABASE_URL", self.database_url.as_ref());
        let redis_url = required(mistakes, "REDIS_URL", self.redis_url.as_ref());
        if self.namespace.is_empty() || !self.namespace.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
            mistakes.add("FAENA_NAMESPACE", "use letters, digits, and the characters - _ .");
        }
        let database = database_url.and_then(|url| mistakes.note("DATABASE_URL", postgres(url)));
        if let Some(direct) = &self.database_direct_url {
            mistakes.note("DATABASE_DIRECT_URL", postgres(direct));
        }
        let store = redis_url.and_then(|url| {
            let store = Store::new(url.expose_secret(), &self.namespace);
            mistakes.note("REDIS_URL", store.map_err(|_| "is not a URL such as redis://host:6379/0"))
        });
        let keys = self.secret_args_keys.as_ref().map(ExposeSecret::expose_secret).filter(|keys| !keys.trim().is_empty());
        let keyring = keys.map(|keys| mistakes.note("SECRET_ARGS_KEYS", Keyring::parse(keys)));
        let direct_url = self.database_direct_url.as_ref().or(database_url)?.clone();
        let keyring = match keyring {
            None => None,
            Some(read) => Some(read?),
        };
        Some(Stores { database: database?, direct_url, store: store?, redis_url: redis_url?.clone(), keyring })
    }
}

impl RunArgs {
    /// Reads the values for a catalogue whose jobs wait in `lanes`; opens nothing.
    pub fn checked(&self, lanes: &BTreeSet<Lane>, mistakes: &mut Mistakes) -> Option<RunSettings> {
        let own = [
            ("SLOTS_CRITICAL", Queue::Critical, &self.slots_critical),
            ("SLOTS_DEFAULT", Queue::Default, &self.slots_default),
            ("SLOTS_LOW", Queue::Low, &self.slots_low),
        ];
        let mut slots: BTreeMap<Lane, usize> =
            lanes.iter().filter(|lane| !lane.is_own()).map(|lane| (*lane, LANE_SLOTS)).collect();
        let mut add = |mistakes: &mut Mistakes, setting: &str, lane: Lane, text: &str| match text.parse::<usize>() {
            Ok(number @ 0..=10_000) => drop(slots.insert(lane, number)),
            _ => mistakes.add(setting, format!("{text:?} is not a number from 0 to 10000")),
        };
        for (setting, queue, text) in own {
            add(mistakes, setting, queue.into(), text);
        }
        for (lane, number) in self.slots_lanes.iter().map(|text| text.split_once('=').unwrap_or((text, ""))) {
            match lane.parse::<Lane>() {
                Ok(lane) if lanes.contains(&lane) => add(mistakes, "SLOTS_LANES", lane, number),
                Ok(lane) => mistakes.add("SLOTS_LANES", format!("no job waits in the lane {lane}")),
                Err(error) => mistakes.add("SLOTS_LANES", error),
            }
        }
        for text in &self.only {
            match text.parse::<Lane>() {
                Ok(lane) if lanes.contains(&lane) => {}
                Ok(lane) => mistakes.add("ONLY", format!("no job waits in the lane {lane}")),
                Err(error) => mistakes.add("ONLY", error),
            }
        }
        slots.retain(|lane, number| *number > 0 && (self.only.is_empty() || self.only.iter().any(|text| text == lane.as_str())));
        if slots.is_empty() {
            mistakes.add("SLOTS_*", "no lane has a slot, so this worker would do nothing");
        }
        let drain = self.drain_seconds.parse::<u64>().ok().filter(|seconds| *seconds <= 24 * 3600);
        if drain.is_none() {
            mistakes.add("DRAIN_SECONDS", format!("{:?} is not a number of seconds from 0 to 86400", self.drain_seconds));
        }
        let admin_addr = self.admin_addr.parse::<SocketAddr>();
        let admin_addr = mistakes.note(
            "ADMIN_ADDR",
            admin_addr.map_err(|_| format!("{:?} is not an address such as 127.0.0.1:9464", self.admin_addr)),
        );
        Some(RunSettings {
            slots,
            record: self.record,
            journal: self.journal.clone(),
            drain: Duration::from_secs(drain?),
            admin_addr: admin_addr?,
        })
    }
}

impl Stores {
    /// Makes this process one that can seal and open secret arguments, if it was given keys.
    pub fn install_keyring(&self) {
        if let Some(keyring) = &self.keyring {
            keyring.clone().install();
        }
    }

    /// A pool that connects when it is first asked, so that a worker starts while Postgres is away.
    #[must_use]
    pub fn pool(&self, size: u32) -> PgPool {
        self.pool_with_patience(size, Duration::from_secs(5))
    }

    /// For jobs, of which there may be many more than connections: they wait for their turn as long as a short job may take, and waiting
    /// costs none of them an attempt.
    #[must_use]
    pub fn job_pool(&self, size: u32) -> PgPool {
        self.pool_with_patience(size, Duration::from_secs(45))
    }

    fn pool_with_patience(&self, size: u32, patience: Duration) -> PgPool {
        let options = self.database.clone().application_name("faena-worker");
        // Names without a schema mean public, not the schema that happens to be called like the role.
        // A worker that vanishes without a word in the middle of a transaction must not keep its locks: what a relay had in hand would
        // wait for as long as Postgres believes in the connection.
        let options = options.options([
            ("search_path", "public"),
            ("statement_timeout", "60s"),
            ("idle_in_transaction_session_timeout", "20s"),
        ]);
        let pool = PgPoolOptions::new().max_connections(size).acquire_timeout(patience);
        connections::pool(pool, options.options(connections::KEEPALIVES))
    }

    /// The URL of the queues' Redis.
    #[must_use]
    pub fn redis_url(&self) -> &SecretString {
        &self.redis_url
    }
}

/// sqlx itself takes any scheme for Postgres's, and what it says of a mistake may quote the password.
fn postgres(url: &SecretString) -> Result<PgConnectOptions, &'static str> {
    let url = url.expose_secret();
    let ours = url.starts_with("postgres://") || url.starts_with("postgresql://");
    PgConnectOptions::from_str(url).ok().filter(|_| ours).ok_or("is not a URL such as postgres://user@host:5432/database")
}

fn required<'v>(mistakes: &mut Mistakes, setting: &str, value: Option<&'v SecretString>) -> Option<&'v SecretString> {
    let value = value.filter(|value| !value.expose_secret().trim().is_empty());
    if value.is_none() {
        mistakes.add(setting, "is not set");
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_listed_at_once() {
        let mut mistakes = Mistakes::default();
        let stores = StoreArgs {
            database_url: None,
            database_direct_url: Some("mysql://x".into()),
            redis_url: Some("http://x".into()),
            namespace: "a b".to_owned(),
            secret_args_keys: Some("k1:hunter2".into()),
        };
        let run = RunArgs {
            slots_critical: "many".to_owned(),
            slots_default: "0".to_owned(),
            slots_low: "0".to_owned(),
            slots_lanes: vec!["low/nowhere=2".to_owned()],
            only: vec!["lowest".to_owned()],
            record: true,
            supervise: false,
            journal: None,
            parent: None,
            attempt: false,
            drain_seconds: "-1".to_owned(),
            admin_addr: "here".to_owned(),
        };
        assert!(stores.checked(&mut mistakes).is_none());
        assert!(run.checked(&Lane::OWN.into_iter().collect(), &mut mistakes).is_none());
        let text = mistakes.to_string();
        for setting in [
            "DATABASE_URL",
            "DATABASE_DIRECT_URL",
            "REDIS_URL",
            "FAENA_NAMESPACE",
            "SECRET_ARGS_KEYS",
            "SLOTS_CRITICAL",
            "SLOTS_LANES",
            "ONLY",
            "SLOTS_*",
            "DRAIN_SECONDS",
            "ADMIN_ADDR",
        ] {
            assert!(text.contains(&format!("\n  {setting}: ")), "{setting} is missing in: {text}");
        }
    }

    #[test]
    fn secrets_do_not_print() {
        let args = StoreArgs {
            database_url: Some("postgres://faena:hunter2@127.0.0.1/faena".into()),
            database_direct_url: None,
            redis_url: Some("redis://:hunter2@127.0.0.1/0".into()),
            namespace: "faena".to_owned(),
            secret_args_keys: Some("k1:hunter2".into()),
        };
        assert!(!format!("{args:?}").contains("hunter2"));
    }
}
