//! An order: a job and what is asked for it. Every option is a method, on the order and on the job itself.

use std::time::Duration;

use chrono::{DateTime, Datelike, Utc};
use serde_json::value::RawValue;

use crate::{
    batch::BatchId,
    clock,
    enqueue::{EnqueueError, Parcel},
    envelope::{Durability, Envelope, MAX_ARGS_BYTES},
    event::is_storable_json,
    job::{Job, JobId},
    limit::Reckoning,
    secret,
    terms::{FollowUp, MAX_CHAIN, MAX_FOLLOW_UPS, MAX_TERMS_BYTES, Moment, On, Terms, is_tenant},
    unique::Unique,
};

/// No job waits for longer than until this year.
const LAST_YEAR: i32 = 9999;

/// A job and what is asked for it: what [`enqueue`](crate::enqueue()) and [`push`](crate::push) take.
///
/// ```
/// # use std::time::Duration;
/// # use queue::{Attempted, Ctx, End, Job, Order};
/// # #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)] struct Film { id: i64 }
/// # #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)] struct Announce { id: i64 }
/// # impl Job for Film { type Ports = (); const NAME: &'static str = "film";
/// #     async fn run(self, _ctx: &Ctx<()>) -> Attempted { Ok(End::Done) } }
/// # impl Job for Announce { type Ports = (); const NAME: &'static str = "announce";
/// #     async fn run(self, _ctx: &Ctx<()>) -> Attempted { Ok(End::Done) } }
/// // For one tenant, within the hour or not at all; five minutes after it is done, its followers hear of it.
/// let order = Film { id: 7 }
///     .tenant("academia")
///     .expires_in(Duration::from_secs(3600))
///     .then(Announce { id: 7 }.after(Duration::from_secs(300)));
/// # let _: Order<Film> = order;
/// ```
#[derive(Debug)]
pub struct Order<J> {
    pub(crate) job: J,
    pub(crate) id: JobId,
    /// Whether the caller chose it, so that it may be known already.
    pub(crate) is_id_chosen: bool,
    run: Option<Moment>,
    expires: Option<Moment>,
    tenant: Option<String>,
    uniqueness: Uniqueness,
    /// What is wrong with one is told when the order is enqueued.
    follow_ups: Vec<Result<FollowUp, EnqueueError>>,
    batch: Option<BatchId>,
}

#[derive(Debug, Clone, Copy)]
enum Uniqueness {
    /// As the kind of job says.
    OfKind,
    Asked(Unique),
    Waived,
}

impl<J: Job> From<J> for Order<J> {
    fn from(job: J) -> Self {
        Self {
            job,
            id: JobId::new(),
            is_id_chosen: false,
            run: None,
            expires: None,
            tenant: None,
            uniqueness: Uniqueness::OfKind,
            follow_ups: Vec::new(),
            batch: None,
        }
    }
}

impl<J> Order<J> {
    /// The same order under an id chosen by the caller: enqueued twice under one id, also after its end, a job runs once. (Pushed, until its
    /// end is in the ledger.)
    #[must_use]
    pub fn with_id(self, id: JobId) -> Self {
        Self { id, is_id_chosen: true, ..self }
    }

    /// Not before `when`.
    #[must_use]
    pub fn at(self, when: DateTime<Utc>) -> Self {
        Self { run: Some(Moment::At(when)), ..self }
    }

    /// Not before `delay` has passed since the enqueue; of what follows another job, since the other's end.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { run: Some(Moment::after(delay)), ..self }
    }

    /// For whom the work is done, in 1 to 120 printable characters.
    #[must_use]
    pub fn tenant(self, tenant: impl Into<String>) -> Self {
        Self { tenant: Some(tenant.into()), ..self }
    }

    /// Not worth an attempt from `when` on: a job that would begin one then ends as cancelled.
    #[must_use]
    pub fn expires_at(self, when: DateTime<Utc>) -> Self {
        Self { expires: Some(Moment::At(when)), ..self }
    }

    /// As [`Order::expires_at`], `time` after the enqueue; of what follows another job, after the other's end.
    #[must_use]
    pub fn expires_in(self, time: Duration) -> Self {
        Self { expires: Some(Moment::after(time)), ..self }
    }

    /// Unique in this way, whatever its kind says.
    #[must_use]
    pub fn unique(self, unique: Unique) -> Self {
        Self { uniqueness: Uniqueness::Asked(unique), ..self }
    }

    /// Not unique, whatever its kind says.
    #[must_use]
    pub fn not_unique(self) -> Self {
        Self { uniqueness: Uniqueness::Waived, ..self }
    }

    /// Counts towards the end of a batch that is not over. What is pushed can be of none: Postgres knows nothing of it until it has ended.
    #[must_use]
    pub fn in_batch(self, batch: BatchId) -> Self {
        Self { batch: Some(batch), ..self }
    }

    /// When it has completed, `next` is enqueued, in the transaction that writes this end into the ledger, once.
    #[must_use]
    pub fn then<K: Job>(self, next: impl Into<Order<K>>) -> Self {
        self.followed(On::Success, next.into())
    }

    /// When it is dead, `next` is enqueued, likewise.
    #[must_use]
    pub fn on_death<K: Job>(self, next: impl Into<Order<K>>) -> Self {
        self.followed(On::Death, next.into())
    }

    /// When it has ended, however that was, `next` is enqueued, likewise. A duplicate of another job has not ended: it never was.
    #[must_use]
    pub fn on_end<K: Job>(self, next: impl Into<Order<K>>) -> Self {
        self.followed(On::End, next.into())
    }

    fn followed<K: Job>(mut self, on: On, next: Order<K>) -> Self {
        self.follow_ups.push(next.erase(on));
        self
    }
}

impl<J: Job> Order<J> {
    /// Ready to be written or pushed.
    pub(crate) fn pack(self, durability: Durability) -> Result<Parcel, EnqueueError> {
        let now = clock::now();
        let order = self.erase(On::End)?;
        if let (Durability::Redis, Some(batch)) = (durability, order.terms.batch) {
            return Err(EnqueueError::PushedInBatch { name: J::NAME, batch });
        }
        order.into_parcel(durability, now, now)
    }

    /// The order without its Rust type, every option checked.
    pub(crate) fn erase(self, on: On) -> Result<FollowUp, EnqueueError> {
        let name = J::NAME;
        let encode = |source| EnqueueError::Encode { name, source };
        let args =
            RawValue::from_string(secret::of_kind(name, || serde_json::to_string(&self.job)).map_err(encode)?).map_err(encode)?;
        let unique = match self.uniqueness {
            Uniqueness::OfKind => J::UNIQUE,
            Uniqueness::Asked(unique) => Some(unique),
            Uniqueness::Waived => None,
        };
        let unique = unique.map(|unique| unique.term(name, args.get())).transpose();
        let unique = unique.map_err(|(field, problem)| EnqueueError::Unique { name, field, problem })?;
        let follow_ups = self.follow_ups.into_iter().collect::<Result<Vec<_>, _>>()?;
        let (limits, tenant) = Reckoning::of::<J>().of_args(&args)?;
        let terms = Terms { tenant: self.tenant.or(tenant), limits, unique, follow_ups, batch: self.batch, ..Terms::default() };
        check_terms(name, &terms)?;
        for (field, moment) in [("time", self.run), ("expiry", self.expires)] {
            check_time(name, field, moment.map(|moment| moment.from(clock::now()).unwrap_or(DateTime::<Utc>::MAX_UTC)))?;
        }
        // Of what was worth it until a moment that has passed just now, the ledger says so: whoever asked may have asked in time.
        if let (Some(run), Some(expires)) = (self.run, self.expires) {
            let now = clock::now();
            check_window(name, run.from(now).unwrap_or(now), expires.from(now))?;
        }
        Ok(FollowUp {
            on,
            id: self.id,
            name: name.to_owned(),
            version: J::VERSION,
            lane: J::lane(),
            run: self.run,
            expires: self.expires,
            args,
            terms,
        })
    }
}

pub(crate) fn check_time(name: &'static str, field: &'static str, at: Option<DateTime<Utc>>) -> Result<(), EnqueueError> {
    if at.is_some_and(|at| at.year() > LAST_YEAR) { Err(EnqueueError::TooFar { name, field }) } else { Ok(()) }
}

/// Whether there is a moment at which the job may begin.
pub(crate) fn check_window(
    name: &'static str,
    run_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
) -> Result<(), EnqueueError> {
    match expires_at {
        Some(expires_at) if expires_at <= run_at => Err(EnqueueError::NeverRuns { name, run_at, expires_at }),
        _ => Ok(()),
    }
}

pub(crate) fn check_terms(name: &'static str, terms: &Terms) -> Result<(), EnqueueError> {
    if terms.tenant.as_deref().is_some_and(|tenant| !is_tenant(tenant)) {
        return Err(EnqueueError::Tenant { name });
    }
    if terms.follow_ups.len() > MAX_FOLLOW_UPS {
        return Err(EnqueueError::TooManyFollowUps { name, count: terms.follow_ups.len() });
    }
    if length(terms) > MAX_CHAIN {
        return Err(EnqueueError::ChainTooLong { name });
    }
    for follow_up in &terms.follow_ups {
        let size_bytes = follow_up.args.get().len();
        if size_bytes > MAX_ARGS_BYTES {
            return Err(EnqueueError::TooLarge { name: follow_up.name.clone(), size_bytes });
        }
        // Found out now, and not when the transaction that ends the job is refused.
        if !is_storable_json(follow_up.args.get()) {
            return Err(EnqueueError::Unstorable { name: follow_up.name.clone() });
        }
    }
    let size_bytes = if terms.follow_ups.is_empty() { 0 } else { serde_json::to_string(terms).map_or(0, |text| text.len()) };
    if size_bytes > MAX_TERMS_BYTES { Err(EnqueueError::TermsTooLarge { name, size_bytes }) } else { Ok(()) }
}

/// How many jobs one after another follow.
fn length(terms: &Terms) -> usize {
    terms.follow_ups.iter().map(|next| 1 + length(&next.terms)).max().unwrap_or(0)
}

impl FollowUp {
    /// Ready to be written, `from` being when its waiting begins.
    pub(crate) fn into_parcel(
        self,
        durability: Durability,
        enqueued_at: DateTime<Utc>,
        from: DateTime<Utc>,
    ) -> Result<Parcel, EnqueueError> {
        let Self { id, name, version, lane, run, expires, args, terms, .. } = self;
        let expires_at = expires.and_then(|expires| expires.from(from)).or(terms.expires_at);
        let envelope = Envelope {
            enqueued_at,
            run_at: run.and_then(|run| run.from(from)),
            terms: Terms { expires_at, ..terms },
            ..Envelope::new(id, &name, version, durability, args)
        };
        Parcel::new(lane, envelope)
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::{attempt::Attempted, attempt::End, context::Ctx};

    #[derive(Debug, Serialize, Deserialize, JsonSchema)]
    struct Knock {
        text: String,
    }

    impl Job for Knock {
        type Ports = ();
        const NAME: &'static str = "knock";
        const UNIQUE: Option<Unique> = Some(Unique::until_end());

        async fn run(self, _ctx: &Ctx<()>) -> Attempted {
            Ok(End::Done)
        }
    }

    fn knock() -> Order<Knock> {
        Knock { text: String::new() }.not_unique()
    }

    fn refused(order: Order<Knock>) -> String {
        order.pack(Durability::Outbox).unwrap_err().to_string()
    }

    #[test]
    fn what_is_asked_travels_in_the_envelope() {
        let next = Knock { text: "b".to_owned() }.after(Duration::from_secs(60)).tenant("b");
        let order = Knock { text: "a".to_owned() }.tenant("a").expires_in(Duration::from_secs(60)).then(next);

        let Envelope { enqueued_at, run_at, terms, .. } = order.pack(Durability::Outbox).unwrap().envelope;

        assert_eq!((terms.tenant.as_deref(), run_at), (Some("a"), None));
        assert_eq!(terms.expires_at.unwrap() - enqueued_at, chrono::TimeDelta::seconds(60));
        assert_eq!(terms.unique.as_ref().unwrap().key, r#"knock:{"text":"a"}"#);
        let text = serde_json::to_string(&terms).unwrap();
        let read: Terms = serde_json::from_str(&text).unwrap();
        let [next] = &read.follow_ups[..] else { panic!("one follow-up in {text}") };
        assert_eq!((next.on, next.run, next.args.get()), (On::Success, Some(Moment::In(60_000)), r#"{"text":"b"}"#));
        assert_eq!(next.terms.tenant.as_deref(), Some("b"));
    }

    #[test]
    fn an_order_that_cannot_be_carried_out_says_which_field_is_wrong() {
        let long = |text: &str| Knock { text: text.to_owned() }.not_unique();
        assert_eq!(refused(knock().tenant("")), "the tenant of knock is not 1 to 120 printable characters");
        assert_eq!(
            refused((0..17).fold(knock(), |order, _| order.then(knock()))),
            "knock is followed by 17 jobs; 16 are allowed"
        );
        assert_eq!(refused((0..9).fold(knock(), |order, _| knock().then(order))), "the chain behind knock is longer than 8 jobs");
        assert!(refused(knock().then(long(&"x".repeat(70_000)))).starts_with("the arguments of knock have 70011 bytes"));
        assert!(refused(knock().on_end(long("\0"))).starts_with("the arguments of knock hold what Postgres cannot store"));
        let large = (0..3).fold(knock(), |order, _| order.on_death(long(&"x".repeat(60_000))));
        assert!(refused(large).starts_with("what follows knock has "));
        assert_eq!(refused(knock().after(Duration::MAX)), "the time of knock is further away than the year 9999");
        assert_eq!(refused(knock().expires_in(Duration::MAX)), "the expiry of knock is further away than the year 9999");
        assert_eq!(
            refused(knock().unique(Unique::until_end().by(&["user"]))),
            "the field user, by which knock is unique: there is no such field"
        );
        assert_eq!(refused(knock().then(knock().tenant("\n"))), "the tenant of knock is not 1 to 120 printable characters");
    }
}
