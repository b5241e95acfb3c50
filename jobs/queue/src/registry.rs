//! Every kind of job a binary knows, by name.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use serde_json::{Value, value::RawValue};
use serde_path_to_error::Track;
use sqlx::PgConnection;

use crate::{
    attempt::Attempted,
    backoff::Backoff,
    clock,
    context::Ctx,
    enqueue::{EnqueueError, Enqueued, Parcel},
    envelope::{Durability, Envelope, MAX_ARGS_BYTES},
    event::is_storable_json,
    job::{Job, JobId},
    lane::Lane,
    limit::{Limit, Reckoning},
    order::{check_terms, check_time, check_window},
    schema::schema_of,
    secret,
    terms::Terms,
    unique::Unique,
};

/// What a kind's schema is called while it is read.
const SCHEMA: &str = "args.json";

/// The jobs of a catalogue, whose ports are `P`.
pub struct Registry<P> {
    kinds: BTreeMap<&'static str, Kind<P>>,
}

/// One kind of job: its policy, and how to run its arguments.
pub struct Kind<P> {
    /// [`Job::NAME`].
    pub name: &'static str,
    /// [`Job::lane`].
    pub lane: Lane,
    /// [`Job::LONG`].
    pub long: bool,
    /// [`Job::VERSION`].
    pub version: u16,
    /// [`Job::MAX_ATTEMPTS`].
    pub max_attempts: u32,
    /// [`Job::TIMEOUT`].
    pub timeout: Duration,
    /// [`Job::BACKOFF`].
    pub backoff: Backoff,
    /// The JSON Schema (2020-12) of its arguments.
    pub schema: Value,
    pub(crate) reckoning: Reckoning,
    /// [`Job::RETRY_FOR`].
    pub retry_for: Option<Duration>,
    /// [`Job::UNIQUE`].
    pub unique: Option<Unique>,
    normalize: fn(&str) -> Result<Box<RawValue>, WrongArgs>,
    unknown_field: fn(&str) -> Option<String>,
    prepare: fn(&str) -> serde_json::Result<Prepared<P>>,
}

/// A job whose arguments decoded: give it its surroundings and it runs.
pub(crate) type Prepared<P> = Box<dyn FnOnce(Ctx<P>) -> BoxFuture<'static, Attempted> + Send>;

/// What is wrong with arguments, and with which of their fields.
pub type WrongArgs = serde_path_to_error::Error<serde_json::Error>;

/// Why a job named by text was not enqueued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ByNameError {
    /// The catalogue has no such job.
    #[error("no job is named {name:?}; the jobs are {known}")]
    UnknownName {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// The arguments are not those of the job.
    #[error("the arguments of {name} are not valid")]
    Args {
        /// The kind of job.
        name: &'static str,
        /// What is wrong.
        source: WrongArgs,
    },
    /// The arguments have a field that the job does not: somebody means something that nobody would do.
    #[error("the arguments of {name} have a field that it does not know: {field}")]
    UnknownField {
        /// The kind of job.
        name: &'static str,
        /// Where, for example `user.locle`.
        field: String,
    },
    /// The arguments are read, and are not what the job's schema allows: a list for an object, a text too long.
    #[error("the arguments of {name}: {at}: {why}")]
    Schema {
        /// The kind of job.
        name: &'static str,
        /// Where, as a JSON Pointer; `args` for all of them.
        at: String,
        /// What is wrong.
        why: String,
    },
    /// The job could not be written.
    #[error(transparent)]
    Enqueue(#[from] EnqueueError),
}

impl<P: Send + Sync + 'static> Registry<P> {
    /// A registry without jobs.
    #[must_use]
    pub fn new() -> Self {
        Self { kinds: BTreeMap::new() }
    }

    /// Adds a kind of job.
    ///
    /// # Panics
    /// Another job has the same name, the name is not lower-case letters, digits and underscores, or the schema of its arguments is more than
    /// Postgres could judge by: a mistake in the catalogue, found when the program starts.
    #[must_use]
    pub fn job<J: Job<Ports = P>>(mut self) -> Self {
        let well_named = J::NAME.len() <= 63
            && J::NAME.starts_with(|first: char| first.is_ascii_lowercase())
            && J::NAME.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        assert!(well_named, "{:?} cannot name a job: use at most 63 lower-case letters, digits and underscores", J::NAME);
        let kind = Kind {
            name: J::NAME,
            lane: J::lane(),
            long: J::LONG,
            version: J::VERSION,
            max_attempts: J::MAX_ATTEMPTS,
            timeout: J::TIMEOUT,
            backoff: J::BACKOFF,
            reckoning: Reckoning::of::<J>(),
            retry_for: J::RETRY_FOR,
            unique: J::UNIQUE,
            schema: schema_of::<J>().unwrap_or_else(|why| panic!("the schema of {}: {why}", J::NAME)),
            normalize: normalize::<J>,
            unknown_field: unknown_field::<J>,
            prepare: |args| {
                let job: J = secret::of_kind(J::NAME, || serde_json::from_str(args))?;
                Ok(Box::new(move |ctx| Box::pin(async move { job.run(&ctx).await })))
            },
        };
        for limit in J::LIMITS {
            self.check_limit(J::NAME, kind.lane, limit);
        }
        assert!(self.kinds.insert(J::NAME, kind).is_none(), "two jobs are named {:?}", J::NAME);
        self
    }

    fn check_limit(&self, name: &str, lane: Lane, limit: &Limit) {
        let mut letters = limit.name.chars();
        let well_named = limit.name.len() <= 40
            && letters.next().is_some_and(|first| first.is_ascii_lowercase())
            && letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        assert!(
            well_named,
            "{name}: {:?} cannot name a limit: use at most 40 lower-case letters, digits and underscores",
            limit.name
        );
        if let Err(error) = limit.bounds.check() {
            panic!("{name}: the limit {}: {error}", limit.name);
        }
        for (other, theirs) in self.limits().filter(|(_, theirs)| theirs.name == limit.name) {
            assert!(
                other.lane == lane,
                "{name} and {} share the limit {} and not their lane: it is counted in one",
                other.name,
                limit.name
            );
            assert!(theirs == limit, "{name} and {} give the limit {} different bounds", other.name, limit.name);
        }
    }

    /// Every limit, and a kind of job that counts against it.
    pub(crate) fn limits(&self) -> impl Iterator<Item = (&Kind<P>, &'static Limit)> {
        self.kinds.values().flat_map(|kind| kind.reckoning.limits.iter().map(move |limit| (kind, limit)))
    }

    /// The kind of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Kind<P>> {
        self.kinds.get(name)
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Kind<P>> {
        self.kinds.get_mut(name)
    }

    /// Every kind, by name.
    pub fn kinds(&self) -> impl Iterator<Item = &Kind<P>> {
        self.kinds.values()
    }

    /// Every lane that its jobs wait in, and the queues' own.
    #[must_use]
    pub fn lanes(&self) -> BTreeSet<Lane> {
        Lane::OWN.into_iter().chain(self.kinds.values().map(|kind| kind.lane)).collect()
    }

    /// Enqueues a job given by name and JSON, through the outbox. Secret arguments are given as they are, and sealed here.
    ///
    /// # Errors
    /// The name is unknown, the arguments do not decode, an option of the order is wrong, or Postgres refuses.
    pub async fn enqueue_by_name(&self, tx: &mut PgConnection, order: OrderByName<'_>) -> Result<Enqueued, ByNameError> {
        let OrderByName { name, args, run_at, id, tenant, expires_at, unique_key } = order;
        let kind = self.known(name)?;
        let args = kind.own(args)?;
        let (limits, own_tenant) = kind.reckoning.of_args(&args)?;
        let tenant = tenant.map(ToOwned::to_owned).or(own_tenant);
        let unique = match unique_key {
            Some(key) => Some(Ok(kind.unique.unwrap_or(Unique::until_end()).named(kind.name, key))),
            None => kind.unique.map(|unique| unique.term(kind.name, args.get())),
        };
        let unique = unique.transpose().map_err(|(field, problem)| EnqueueError::Unique { name: kind.name, field, problem })?;
        let terms = Terms { limits, tenant, unique, expires_at, ..Terms::default() };
        check_terms(kind.name, &terms)?;
        for (field, at) in [("time", run_at), ("expiry", expires_at)] {
            check_time(kind.name, field, at)?;
        }
        check_window(kind.name, run_at.unwrap_or_else(clock::now), expires_at)?;
        let envelope = Envelope {
            run_at,
            terms,
            ..Envelope::new(id.unwrap_or_default(), kind.name, kind.version, Durability::Outbox, args)
        };
        let parcel = Parcel::new(kind.lane, envelope)?;
        Ok(if id.is_some() { parcel.write_outbox_once(tx).await? } else { parcel.write_outbox(tx).await? })
    }

    /// The arguments of a job as the job itself would write them.
    ///
    /// # Errors
    /// The name is unknown, the arguments do not decode or are too large.
    pub fn normalize(&self, name: &str, args: &str) -> Result<String, ByNameError> {
        let kind = self.known(name)?;
        let args = kind.own(args)?;
        kind.reckoning.of_args(&args)?;
        let args = String::from(Box::<str>::from(args));
        let size_bytes = args.len();
        if size_bytes > MAX_ARGS_BYTES {
            return Err(EnqueueError::TooLarge { name: kind.name.to_owned(), size_bytes }.into());
        }
        Ok(args)
    }

    /// As [`Self::normalize`], for arguments that a person or another program has just written: a field that the job does not know is a
    /// mistake. (Of stored arguments it may be what an earlier version knew.)
    ///
    /// # Errors
    /// As [`Self::normalize`]; or there is such a field, the kind's schema refuses them, or Postgres could not hold them.
    pub fn check_args(&self, name: &str, args: &str) -> Result<String, ByNameError> {
        let normal = self.normalize(name, args)?;
        let kind = self.known(name)?;
        if let Some(field) = (kind.unknown_field)(args) {
            return Err(ByNameError::UnknownField { name: kind.name, field });
        }
        if !is_storable_json(&normal) {
            return Err(EnqueueError::Unstorable { name: kind.name.to_owned() }.into());
        }
        kind.judge(args)?;
        Ok(normal)
    }

    fn known(&self, name: &str) -> Result<&Kind<P>, ByNameError> {
        let known = || self.kinds.keys().copied().collect::<Vec<_>>().join(", ");
        self.get(name).ok_or_else(|| ByNameError::UnknownName { name: name.to_owned(), known: known() })
    }
}

/// A job given by name and JSON, with what is asked beside it, as [`Order`](crate::Order) has it.
#[derive(Debug, Clone, Copy, Default)]
pub struct OrderByName<'a> {
    /// The kind of job.
    pub name: &'a str,
    /// Its arguments as JSON.
    pub args: &'a str,
    /// Not before this time.
    pub run_at: Option<DateTime<Utc>>,
    /// The id, if the caller chooses it: enqueued twice under one id, a job runs once.
    pub id: Option<JobId>,
    /// For whom the work is done, if the kind's arguments do not say.
    pub tenant: Option<&'a str>,
    /// Not worth an attempt from then on.
    pub expires_at: Option<DateTime<Utc>>,
    /// Of the jobs of this kind with this key one is wanted at a time, whatever the kind says.
    pub unique_key: Option<&'a str>,
}

/// Reads arguments of `J` that come from a person or a program.
fn given<J: Job, R>(read: impl FnOnce() -> R) -> R {
    secret::of_kind(J::NAME, || secret::unsealed(read))
}

/// The first field of the arguments that the job does not read.
fn unknown_field<J: Job>(args: &str) -> Option<String> {
    let (mut text, mut found) = (serde_json::Deserializer::from_str(args), None);
    let _: Result<J, _> = given::<J, _>(|| {
        serde_ignored::deserialize(&mut text, |path| {
            found.get_or_insert_with(|| path.to_string());
        })
    });
    found
}

/// Reads arguments and writes them again, as a job of that kind would be enqueued.
fn normalize<J: Job>(args: &str) -> Result<Box<RawValue>, WrongArgs> {
    let mut text = serde_json::Deserializer::from_str(args);
    let job: J = given::<J, _>(|| serde_path_to_error::deserialize(&mut text))?;
    let whole = text.end().and_then(|()| secret::of_kind(J::NAME, || serde_json::value::to_raw_value(&job)));
    whole.map_err(|error| WrongArgs::new(Track::new().path(), error))
}

impl<P: Send + Sync + 'static> Default for Registry<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P> Kind<P> {
    /// The arguments as this job writes them, if they are its own.
    pub(crate) fn normalize(&self, args: &str) -> Result<Box<RawValue>, WrongArgs> {
        (self.normalize)(args)
    }

    fn own(&self, args: &str) -> Result<Box<RawValue>, ByNameError> {
        self.normalize(args).map_err(|source| ByNameError::Args { name: self.name, source })
    }

    /// Whether the kind's schema allows these arguments: serde takes a list for an object, and knows nothing of patterns and lengths.
    fn judge(&self, args: &str) -> Result<(), ByNameError> {
        let wrong = |at: &str, why: String| ByNameError::Schema { name: self.name, at: at.to_owned(), why };
        let args: Value = serde_json::from_str(args).map_err(|error| wrong("args", error.to_string()))?;
        // A seal was made of a value that was judged before.
        if secret::holds_a_seal(&args) {
            return Ok(());
        }
        let (mut compiler, mut schemas) = (boon::Compiler::new(), boon::Schemas::new());
        compiler.enable_format_assertions();
        let unreadable = |error: boon::CompileError| wrong("args", format!("the job's schema is none: {error}"));
        compiler.add_resource(SCHEMA, self.schema.clone()).map_err(unreadable)?;
        let schema = compiler.compile(SCHEMA, &mut schemas).map_err(unreadable)?;
        schemas.validate(&args, schema).map_err(|error| {
            let mut cause = &error;
            while let Some(inner) = cause.causes.first() {
                cause = inner;
            }
            let at = cause.instance_location.to_string();
            wrong(if at.is_empty() { "args" } else { &at }, cause.kind.to_string())
        })
    }

    pub(crate) fn prepare(&self, args: &str) -> serde_json::Result<Prepared<P>> {
        (self.prepare)(args)
    }
}

impl<P> fmt::Debug for Kind<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kind").field("name", &self.name).field("lane", &self.lane).finish_non_exhaustive()
    }
}

impl<P> fmt::Debug for Registry<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.kinds.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::attempt::End;

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Knock;

    impl Job for Knock {
        type Ports = ();
        const NAME: &'static str = "knock";

        async fn run(self, _ctx: &Ctx<()>) -> Attempted {
            Ok(End::Done)
        }
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Count {
        by_number: BTreeMap<u32, String>,
    }

    impl Job for Count {
        type Ports = ();
        const NAME: &'static str = "count";

        async fn run(self, _ctx: &Ctx<()>) -> Attempted {
            Ok(End::Done)
        }
    }

    #[test]
    #[should_panic(
        expected = "the schema of count: /properties/by_number/patternProperties: is a keyword that Postgres could not judge"
    )]
    fn a_job_whose_arguments_nobody_could_judge_stops_the_program() {
        let _ = Registry::new().job::<Count>();
    }

    #[test]
    #[should_panic(expected = "two jobs are named \"knock\"")]
    fn two_jobs_of_one_name_stop_the_program() {
        let _ = Registry::new().job::<Knock>().job::<Knock>();
    }
}
