//! Moves the jobs of a stock apalis-redis 1.0 queue into ours. See jobs/ADOPTING.md for what an operator does.
//!
//! A batch is promised in Postgres, *set aside* in Redis (one script, and only what is still as it was read), committed, and then removed
//! from Redis. What is set aside no stock worker sees, so none of them begins what we have promised; and it is removed only after the
//! commit, so whatever dies in between, the next run goes on from what stands aside: it is either promised already, or is promised then.

mod report;

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::value::RawValue;
use sqlx::{Acquire, PgConnection, PgPool, Postgres, Transaction};
use ulid::Ulid;
use uuid::Uuid;

use crate::{
    envelope::MAX_ARGS_BYTES,
    job::JobId,
    registry::{Kind, Registry},
    stock::{Payload, Place, Spot, StockId, StockJob, StockQueue, StockWorker, text},
    terms::Terms,
    unique,
};

/// Ids that are neither ULIDs nor UUIDs become UUIDs of version 5 in this namespace.
const NAMESPACE: Uuid = Uuid::from_u128(0x5f0c_7a7e_9d1b_4c52_8a5e_3b1f_6d24_e0c9);

const ADOPTED_BEFORE: &str = "a job of its id was adopted before";

pub use report::{Adopted, AdoptionError, AdoptionPlan, AdoptionReport, Kept, Running, StockState};

/// Adopts what the plan says, batch by batch, until a look at the whole queue finds nothing more to adopt. `progress` is told after each
/// batch, together with how many jobs there were to look at when it began.
///
/// # Errors
/// The plan cannot be carried out, or a store refused or went away half-way: running it again goes on from there.
pub async fn adopt<P: Send + Sync + 'static>(
    registry: &Registry<P>,
    db: &PgPool,
    plan: &AdoptionPlan,
    progress: impl FnMut(&AdoptionReport, u64),
) -> Result<AdoptionReport, AdoptionError> {
    let kind = registry.get(&plan.job).ok_or_else(|| AdoptionError::UnknownJob {
        name: plan.job.clone(),
        known: registry.kinds().map(|kind| kind.name).collect::<Vec<_>>().join(", "),
    })?;
    let stock = StockQueue::open(&plan.redis_url, &plan.queue).await?;
    let report =
        AdoptionReport { queue: plan.queue.clone(), job: plan.job.clone(), dry_run: plan.dry_run, ..AdoptionReport::default() };
    let mut adoption = Adoption { kind, stock, db, plan, report, waiting: 0, progress };
    adoption.run().await?;
    if adoption.report.found_nothing() {
        adoption.report.known_queues = adoption.stock.known().await?;
    }
    Ok(adoption.report)
}

struct Adoption<'a, P, F> {
    kind: &'a Kind<P>,
    stock: StockQueue,
    db: &'a PgPool,
    plan: &'a AdoptionPlan,
    report: AdoptionReport,
    /// How many there were to look at in the beginning.
    waiting: u64,
    progress: F,
}

/// A stock job that is as good as ours.
struct Offer<'j> {
    stock: &'j StockJob,
    id: JobId,
    stock_id: String,
    state: StockState,
    args: Box<RawValue>,
    terms: Terms,
    run_at: Option<DateTime<Utc>>,
    attempts: i32,
    enqueued_at: DateTime<Utc>,
}

/// How far a place has been looked through.
#[derive(Debug, Default)]
struct Walk {
    /// Jobs that stay are passed over; of what is in flight, Redis's cursor.
    skip: u64,
    /// Of what is in flight: read, and not yet looked at.
    rest: Vec<Spot>,
    /// Of what is in flight: nothing more is to be read.
    all_read: bool,
    over: bool,
}

impl<P: Send + Sync + 'static, F: FnMut(&AdoptionReport, u64)> Adoption<'_, P, F> {
    async fn run(&mut self) -> Result<(), AdoptionError> {
        let (living, dead) = self.workers().await?;
        if !living.is_empty() && !self.plan.force && !self.plan.dry_run {
            let named = living.iter().map(|one| format!("{} (heard of {} s ago)", one.worker, one.silent_seconds));
            let workers = named.collect::<Vec<_>>().join(", ");
            return Err(AdoptionError::Alive { queue: self.plan.queue.clone(), workers });
        }
        let (active, scheduled, (done, over)) = self.stock.sizes().await?;
        self.waiting = active + scheduled + dead.iter().map(|worker| worker.in_flight).sum::<u64>();
        (self.report.done, self.report.dead) = (done, over);
        self.finish_interrupted().await?;
        loop {
            let before = self.report.adopted.total();
            self.pass().await?;
            // What a producer or a stock worker moved meanwhile is found by the next look.
            if self.plan.dry_run || self.report.adopted.total() == before {
                return Ok(());
            }
        }
    }

    /// Those alive, and those dead.
    async fn workers(&mut self) -> Result<(Vec<Running>, Vec<StockWorker>), AdoptionError> {
        let now = self.stock.now().await?;
        let (mut living, mut dead) = (Vec::new(), Vec::new());
        for worker in self.stock.workers().await? {
            let silent = worker.heartbeat.map(|beat| now - beat).filter(|silent| *silent < self.plan.dead_after.as_secs_f64());
            let Some(silent) = silent else {
                dead.push(worker);
                continue;
            };
            #[expect(clippy::cast_possible_truncation, reason = "seconds since a heartbeat")]
            let silent_seconds = silent as i64;
            living.push(Running { worker: worker.name, silent_seconds, in_flight: worker.in_flight });
        }
        Ok((living, dead))
    }

    /// Looks through the whole queue once.
    async fn pass(&mut self) -> Result<(), AdoptionError> {
        self.report.kept.clear();
        let (living, dead) = self.workers().await?;
        self.report.running = living.into_iter().filter(|worker| worker.in_flight > 0).collect();
        for worker in dead.iter().filter(|worker| worker.in_flight > 0) {
            self.empty(Place::InFlight(worker)).await?;
        }
        self.empty(Place::Active).await?;
        self.empty(Place::Scheduled).await
    }

    async fn empty(&mut self, place: Place<'_>) -> Result<(), AdoptionError> {
        let mut walk = Walk::default();
        while !walk.over {
            self.batch(place, &mut walk).await?;
            (self.progress)(&self.report, self.waiting);
        }
        Ok(())
    }

    async fn batch(&mut self, place: Place<'_>, walk: &mut Walk) -> Result<(), AdoptionError> {
        let mut tx = self.begin().await?;
        let spots = self.next_spots(place, walk).await?;
        if spots.is_empty() {
            return Ok(());
        }
        let now = self.stock.now().await?;
        let jobs = self.stock.look(&spots).await?;
        let mut kept = Vec::new();
        let mut offers = self.offers(place, &jobs, now, &mut kept);
        self.promise(&mut tx, &mut offers, &mut kept).await?;
        let mut taken = 0;
        if self.plan.dry_run {
            tx.rollback().await?;
            offers.iter().for_each(|offer| self.report.adopted.count(offer.state));
        } else if !offers.is_empty() {
            let asked: Vec<&StockJob> = offers.iter().map(|offer| offer.stock).collect();
            let mut aside = self.stock.set_aside(place, &asked).await?.into_iter();
            let (ours, changed): (Vec<_>, Vec<_>) = offers.into_iter().partition(|_| aside.next() == Some(true));
            withdraw(&mut tx, changed.iter().map(|offer| offer.id).collect()).await?;
            commit(tx, !ours.is_empty()).await?;
            self.stock.forget(&ours.iter().map(|offer| &offer.stock.spot.id).collect::<Vec<_>>()).await?;
            ours.iter().for_each(|offer| self.report.adopted.count(offer.state));
            taken = ours.len();
        }
        walk.pass(place, jobs.len(), taken);
        self.report.kept.append(&mut kept);
        Ok(())
    }

    /// Begins a batch. Two adoptions of one queue take turns.
    async fn begin(&self) -> Result<Transaction<'static, Postgres>, AdoptionError> {
        let mut tx = self.db.begin().await?;
        let turn = "select pg_advisory_xact_lock(hashtextextended('faena.adopted ' || $1, 0))";
        sqlx::query(turn).bind(&self.plan.queue).execute(&mut *tx).await?;
        Ok(tx)
    }

    async fn next_spots(&mut self, place: Place<'_>, walk: &mut Walk) -> Result<Vec<Spot>, AdoptionError> {
        if !matches!(place, Place::InFlight(_)) {
            let (spots, _) = self.stock.page(place, walk.skip).await?;
            walk.over = spots.is_empty();
            return Ok(spots);
        }
        while walk.rest.is_empty() && !walk.all_read {
            (walk.rest, walk.skip) = self.stock.page(place, walk.skip).await?;
            walk.all_read = walk.skip == 0;
        }
        walk.over = walk.rest.is_empty();
        Ok(walk.rest.clone())
    }

    /// What can be adopted of these; why the rest cannot goes into `kept`.
    fn offers<'j>(&self, place: Place<'_>, jobs: &'j [StockJob], now: f64, kept: &mut Vec<Kept>) -> Vec<Offer<'j>> {
        let mut seen = HashSet::new();
        let mut offers = Vec::new();
        for job in jobs.iter().filter(|job| seen.insert(&job.spot.id)) {
            let state = state(place, job, now);
            match self.offer(job, state) {
                Ok(offer) => offers.push(offer),
                Err(reason) => kept.push(Kept { id: text(&job.spot.id), state, reason }),
            }
        }
        offers
    }

    fn offer<'j>(&self, job: &'j StockJob, state: StockState) -> Result<Offer<'j>, String> {
        let stock_id = String::from_utf8(job.spot.id.clone()).ok().filter(|id| !id.contains('\0'));
        let stock_id = stock_id.ok_or("its id is not text")?;
        let payload = match &job.payload {
            Payload::Whole(bytes) => bytes,
            Payload::TooLong(bytes) => return Err(format!("its payload has {bytes} bytes; arguments may have {MAX_ARGS_BYTES}")),
            Payload::Gone => return Err("its payload is gone".to_owned()),
        };
        let payload = str::from_utf8(payload).map_err(|_| "its payload is not JSON text".to_owned())?;
        let args = self.kind.normalize(payload).map_err(|error| format!("its payload is no {}: {error}", self.kind.name))?;
        if args.get().len() > MAX_ARGS_BYTES {
            return Err(format!("its arguments have {} bytes; {MAX_ARGS_BYTES} are allowed", args.get().len()));
        }
        let (limits, tenant) = self.kind.reckoning.of_args(&args).map_err(|error| error.to_string())?;
        let unique = self.kind.unique.map(|unique| unique.term(self.kind.name, args.get())).transpose();
        let unique =
            unique.map_err(|(field, problem)| format!("its field {field}, by which {} is unique: {problem}", self.kind.name))?;
        let terms = Terms { limits, tenant, unique, ..Terms::default() };
        let attempts = job.metadata.get("attempts").ok_or("its metadata does not say how many attempts it has used")?;
        let attempts = attempts.parse().map_err(|_| format!("its metadata says that it has used {attempts:?} attempts"))?;
        let (id, made_at) = identity(&self.plan.queue, &stock_id);
        let enqueued_at = made_at.unwrap_or_else(Utc::now);
        Ok(Offer { run_at: due(job.spot.due)?, stock: job, id, stock_id, state, args, terms, attempts, enqueued_at })
    }

    /// Writes the promises. What Postgres does not take, or has taken before, leaves `offers` for `kept`.
    async fn promise(
        &self,
        tx: &mut PgConnection,
        offers: &mut Vec<Offer<'_>>,
        kept: &mut Vec<Kept>,
    ) -> Result<(), AdoptionError> {
        let mut refused: BTreeMap<JobId, String> = BTreeMap::new();
        let together = if self.kind.unique.is_none() { Some(self.insert(tx, offers).await) } else { None };
        let fresh = match together {
            Some(Err(error)) if !is_about_the_row(&error) => return Err(error.into()),
            Some(Ok(fresh)) => fresh,
            _ => {
                let mut fresh = HashSet::new();
                for offer in offers.iter() {
                    match self.insert_one(tx, offer).await {
                        Ok(None) => fresh.extend([offer.id]),
                        Ok(Some(reason)) => drop(refused.insert(offer.id, reason)),
                        Err(error) if is_about_the_row(&error) => {
                            refused.insert(offer.id, format!("Postgres does not take it: {error}"));
                        }
                        Err(error) => return Err(error.into()),
                    }
                }
                fresh
            }
        };
        offers.retain(|offer| {
            let is_fresh = fresh.contains(&offer.id);
            if !is_fresh {
                let reason = refused.remove(&offer.id).unwrap_or_else(|| ADOPTED_BEFORE.to_owned());
                kept.push(Kept { id: offer.stock_id.clone(), state: offer.state, reason });
            }
            is_fresh
        });
        Ok(())
    }

    /// One that may be refused, or be a duplicate of a unique job: then nothing is written, and the answer says why.
    async fn insert_one(&self, tx: &mut PgConnection, offer: &Offer<'_>) -> sqlx::Result<Option<String>> {
        let mut attempt = tx.begin().await?;
        if let Some(term) = &offer.terms.unique
            && let Some(holder) = unique::take(&mut attempt, term, offer.id).await?
        {
            return Ok(Some(format!("duplicate of {holder}")));
        }
        if self.insert(&mut attempt, std::slice::from_ref(offer)).await?.is_empty() {
            return Ok(Some(ADOPTED_BEFORE.to_owned()));
        }
        attempt.commit().await?;
        Ok(None)
    }

    /// All of them or none; answers which are new.
    async fn insert(&self, tx: &mut PgConnection, offers: &[Offer<'_>]) -> sqlx::Result<HashSet<JobId>> {
        let traceparent = |offer: &Offer| offer.stock.metadata.get("traceparent").filter(|trace| trace.len() <= 128).cloned();
        let metadata = |offer: &Offer| serde_json::to_string(&offer.stock.metadata).unwrap_or_default();
        let terms = |offer: &Offer| (!offer.terms.is_default()).then(|| serde_json::to_string(&offer.terms).unwrap_or_default());
        let mut attempt = tx.begin().await?;
        let fresh = sqlx::query_scalar(include_str!("sql/adopt.sql"))
            .bind(&self.plan.queue)
            .bind(self.kind.lane.as_str())
            .bind(self.kind.name)
            .bind(i16::try_from(self.kind.version).unwrap_or(i16::MAX))
            .bind(offers.iter().map(|offer| offer.id).collect::<Vec<_>>())
            .bind(offers.iter().map(|offer| offer.stock_id.as_str()).collect::<Vec<_>>())
            .bind(offers.iter().map(metadata).collect::<Vec<_>>())
            .bind(offers.iter().map(|offer| offer.args.get()).collect::<Vec<_>>())
            .bind(offers.iter().map(|offer| offer.run_at).collect::<Vec<_>>())
            .bind(offers.iter().map(|offer| offer.attempts).collect::<Vec<_>>())
            .bind(offers.iter().map(traceparent).collect::<Vec<_>>())
            .bind(offers.iter().map(|offer| offer.enqueued_at).collect::<Vec<_>>())
            .bind(offers.iter().map(terms).collect::<Vec<_>>())
            .fetch_all(&mut *attempt)
            .await?;
        attempt.commit().await?;
        Ok(fresh.into_iter().collect())
    }

    /// What an earlier run had set aside and not removed: promised by now, whatever became of the promise, or promised here. What can no
    /// longer be adopted goes back to its queue.
    async fn finish_interrupted(&mut self) -> Result<(), AdoptionError> {
        let mut skip = 0;
        loop {
            let mut tx = self.begin().await?;
            let (spots, _) = self.stock.page(Place::Aside, skip).await?;
            if spots.is_empty() {
                return Ok(());
            }
            let jobs = self.stock.look(&spots).await?;
            let (promised, open): (Vec<StockJob>, Vec<StockJob>) = {
                let before = self.adopted_before(&mut tx, &jobs).await?;
                jobs.into_iter().partition(|job| before.contains(&text(&job.spot.id)))
            };
            let mut kept = Vec::new();
            let mut offers = self.offers(Place::Aside, &open, 0.0, &mut kept);
            self.promise(&mut tx, &mut offers, &mut kept).await?;
            let ours: HashSet<&StockId> =
                promised.iter().chain(offers.iter().map(|offer| offer.stock)).map(|job| &job.spot.id).collect();
            if self.plan.dry_run {
                tx.rollback().await?;
                skip += (promised.len() + open.len()) as u64;
            } else {
                commit(tx, !offers.is_empty()).await?;
                self.stock.forget(&ours.iter().copied().collect::<Vec<_>>()).await?;
                let others = open.iter().map(|job| &job.spot.id).filter(|id| !ours.contains(id));
                self.stock.put_back(&others.collect::<Vec<_>>()).await?;
            }
            self.report.adopted.resumed += ours.len() as u64;
            (self.progress)(&self.report, self.waiting);
        }
    }

    async fn adopted_before(&self, tx: &mut PgConnection, jobs: &[StockJob]) -> Result<HashSet<String>, AdoptionError> {
        let ids: Vec<String> = jobs.iter().map(|job| text(&job.spot.id)).collect();
        let query = sqlx::query_scalar("select stock_id from faena.adopted where stock_queue = $1 and stock_id = any($2)");
        Ok(query.bind(&self.plan.queue).bind(ids).fetch_all(tx).await?.into_iter().collect())
    }
}

impl Walk {
    /// `looked` were looked at, and `taken` of them are gone.
    fn pass(&mut self, place: Place<'_>, looked: usize, taken: usize) {
        if matches!(place, Place::InFlight(_)) {
            self.rest.drain(..looked);
        } else {
            self.skip += (looked - taken) as u64;
        }
    }
}

async fn withdraw(tx: &mut PgConnection, ids: Vec<JobId>) -> sqlx::Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let written = [
        "delete from faena.outbox where id = any($1)",
        "delete from faena.unique_holders where job_id = any($1)",
        "delete from faena.adopted where id = any($1)",
    ];
    for delete in written {
        sqlx::query(delete).bind(&ids).execute(&mut *tx).await?;
    }
    Ok(())
}

async fn commit(mut tx: Transaction<'static, Postgres>, promised: bool) -> sqlx::Result<()> {
    if promised {
        sqlx::query("select pg_notify('faena_outbox', '')").execute(&mut *tx).await?;
    }
    tx.commit().await
}

/// Whether Postgres refused what a row says (too large, a NUL, out of range), and would take others.
fn is_about_the_row(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| ["22", "23", "54"].iter().any(|class| code.starts_with(class)))
}

fn state(place: Place<'_>, job: &StockJob, now: f64) -> StockState {
    let attempted = job.metadata.get("attempts").is_some_and(|attempts| attempts != "0");
    match place {
        Place::InFlight(_) => StockState::Orphaned,
        Place::Aside => StockState::Aside,
        _ if attempted => StockState::Retrying,
        Place::Scheduled if job.spot.due > now => StockState::Scheduled,
        Place::Active | Place::Scheduled => StockState::Pending,
    }
}

/// Seconds since 1970 as an instant; 0: at once.
fn due(seconds: f64) -> Result<Option<DateTime<Utc>>, String> {
    if seconds == 0.0 {
        return Ok(None);
    }
    #[expect(clippy::cast_possible_truncation, reason = "what does not fit saturates, and is out of range")]
    let due = DateTime::from_timestamp_millis((seconds * 1000.0).round() as i64);
    due.map(Some).ok_or_else(|| format!("its due time {seconds} is out of range"))
}

/// A job's id here, and when its id there says that it was made. A ULID is a UUID written in another way: its 128 bits stay as they are, and
/// both begin with the millisecond in which they were made, so the ids sort as before.
fn identity(queue: &str, stock_id: &str) -> (JobId, Option<DateTime<Utc>>) {
    // Only as they are written by default: two spellings are two jobs there, and must be two here.
    let ulid = Ulid::from_string(stock_id).ok().filter(|ulid| ulid.to_string() == stock_id);
    let uuid = Uuid::parse_str(stock_id).ok().filter(|uuid| uuid.to_string() == stock_id);
    let (id, made_ms) = match (ulid, uuid) {
        (Some(ulid), _) => (Uuid::from_bytes(ulid.to_bytes()), i64::try_from(ulid.timestamp_ms()).ok()),
        (None, Some(uuid)) => {
            let made = uuid.get_timestamp().map(|made| made.to_unix());
            (uuid, made.and_then(|(seconds, nanos)| i64::try_from(seconds * 1000 + u64::from(nanos) / 1_000_000).ok()))
        }
        (None, None) => (Uuid::new_v5(&NAMESPACE, format!("{queue}\0{stock_id}").as_bytes()), None),
    };
    let believable = |at: &DateTime<Utc>| *at < Utc::now() + TimeDelta::days(1);
    (JobId(id), made_ms.and_then(DateTime::from_timestamp_millis).filter(believable))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_keeps_its_bits_and_the_instant_in_them() {
        let (id, made_at) = identity("q", "01ARZ3NDEKTSV4RRFFQ69G5FAV");
        assert_eq!(id.to_string(), "01563e3a-b5d3-d676-4c61-efb99302bd5b");
        assert_eq!(made_at.unwrap().timestamp_millis(), 1_469_922_850_259);

        let (id, _) = identity("q", "0196a3f0-0000-7000-8000-000000000001");
        assert_eq!(id.to_string(), "0196a3f0-0000-7000-8000-000000000001");
    }

    #[test]
    fn ids_of_other_kinds_differ_by_queue_and_spelling() {
        let ids = [("q", "42"), ("r", "42"), ("q", "01arz3ndektsv4rrffq69g5fav"), ("q", "01ARZ3NDEKTSV4RRFFQ69G5FAV")];
        let distinct: HashSet<JobId> = ids.iter().map(|(queue, id)| identity(queue, id).0).collect();
        assert_eq!(distinct.len(), ids.len());
        assert_eq!(identity("q", "42"), identity("q", "42"));
    }

    #[test]
    fn an_id_from_the_future_does_not_say_when_it_was_made() {
        assert_eq!(identity("q", "7ZZZZZZZZZZZZZZZZZZZZZZZZZ").1, None);
    }
}
