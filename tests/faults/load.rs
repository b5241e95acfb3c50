//! The work that is in flight while faults strike: every kind of job there is, handed over as an application would.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::Utc;
use faena_tests::{
    stores::Stores,
    strain::{Carry, Debut, Doom, Ferry, Ladder, Load, Queued, Rush, STEPS, Solo, Stroll},
};
use queue::{Batch, BatchId, Enqueued, Job, JobId, Order};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use sqlx::{PgConnection, PgPool};
use tokio::task::JoinSet;

use crate::{
    operator::Asked,
    record::{Entry, Fate, Record, Way, Wish, Word},
};

/// So many acknowledged effects may be outstanding before the load waits.
const MOST_OUTSTANDING: i64 = 250;
const PACE: Duration = Duration::from_millis(60);

/// A job before it is handed over.
enum Work {
    Rush(Load),
    Carry(Load),
    Stroll(Load),
    Ferry(Load),
    Queued(Load),
    Ladder(Load),
    Solo(Load),
    Debut(Load),
    Doom { at_once: bool },
}

/// One hand-over: what it is, and after which delay it is due.
struct Draft {
    kind: &'static str,
    work: Work,
    delay: Option<Duration>,
    /// After which time it is not worth running any more.
    expires: Option<Duration>,
    /// After which time somebody does not want it any more.
    unwanted: Option<Duration>,
    /// What follows its completion: that job's id and number.
    next: Option<(JobId, i64)>,
    /// What an operator wants of it, and after which time.
    wish: Option<(Wish, Duration)>,
    /// Of which batch it is, and what follows that.
    batch: Option<(BatchId, JobId)>,
}

/// What one transaction handed over.
#[derive(Default)]
struct Handed {
    numbers: Vec<i64>,
    wishes: Vec<Asked>,
}

/// Hands jobs over until told to rest.
#[derive(Debug, Clone)]
pub(crate) struct Loader {
    pub(crate) stores: Stores,
    pub(crate) db: PgPool,
    pub(crate) record: Arc<Record>,
    pub(crate) outstanding: Arc<std::sync::atomic::AtomicI64>,
    pub(crate) resting: Arc<AtomicBool>,
}

impl Loader {
    /// Two streams of hand-overs that do not wait for each other: one needs Postgres, one Redis.
    pub(crate) async fn run(self, seed: u64) {
        let promises = tokio::spawn(self.clone().promise(StdRng::seed_from_u64(seed)));
        let pushes = tokio::spawn(self.push(StdRng::seed_from_u64(seed + 1)));
        let _ = tokio::join!(promises, pushes);
    }

    async fn pause(&self) -> bool {
        tokio::time::sleep(PACE).await;
        !self.resting.load(Ordering::Relaxed)
    }

    fn is_enough(&self) -> bool {
        self.outstanding.load(Ordering::Relaxed) > MOST_OUTSTANDING
    }

    async fn promise(self, mut rng: StdRng) {
        let mut operators = JoinSet::new();
        while self.pause().await {
            if self.is_enough() {
                continue;
            }
            let is_batch = rng.random_ratio(1, 30);
            let draw: fn(&mut StdRng) -> Draft = if is_batch { Draft::draw_of_batch } else { Draft::draw };
            let drafts: Vec<Draft> = (0..rng.random_range(1..8)).map(|_| draw(&mut rng)).collect();
            let withdraw = rng.random_ratio(1, 25);
            let mut handed = Handed::default();
            let word = self.try_promise(drafts, is_batch, withdraw, &mut handed).await;
            self.record.heard(&handed.numbers, word);
            for asked in handed.wishes.into_iter().filter(|_| word != Word::Withdrawn) {
                operators.spawn(self.clone().operate(asked));
            }
        }
        // Nothing is wanted any more when what came of it all is judged.
        while operators.join_next().await.is_some() {}
    }

    /// One transaction. An error before its commit withdraws it; one from the commit leaves us in doubt.
    async fn try_promise(&self, drafts: Vec<Draft>, is_batch: bool, withdraw: bool, handed: &mut Handed) -> Word {
        let Ok(mut tx) = self.db.begin().await else { return Word::Withdrawn };
        let mut batch = None;
        if is_batch {
            let (following, id) = (Draft::of("after a batch", Work::Carry(Load::default())), JobId::new());
            let n = self.record.intend(following.entry(id, Way::Outbox));
            handed.numbers.push(n);
            let next = Carry(Load::default().numbered(n)).with_id(id);
            let Ok(begun) = Batch::about("what has a common end").on_end(next).begin(&mut tx).await else {
                return Word::Withdrawn;
            };
            batch = Some((begun, id));
        }
        for mut draft in drafts {
            draft.batch = batch;
            if draft.kind == FOLLOWED {
                let following = Draft::of("following", Work::Carry(Load::default()));
                let id = JobId::new();
                let n = self.record.intend(following.entry(id, Way::Outbox));
                handed.numbers.push(n);
                draft.next = Some((id, n));
            }
            let (id, repeat) = (JobId::new(), draft.kind == "promised twice");
            let n = self.record.intend(draft.entry(id, Way::Outbox));
            handed.numbers.push(n);
            if let Some(after) = draft.unwanted {
                tokio::spawn(self.clone().cancel(id, after));
            }
            handed.wishes.extend(draft.wish.map(|(wish, after)| Asked { wish, id, n, after }));
            for _ in 0..if repeat { 2 } else { 1 } {
                match draft.enqueue(&mut tx, id, n).await {
                    Ok(enqueued) => self.record.met(n, enqueued.duplicate_of),
                    Err(_) => return Word::Withdrawn,
                }
            }
        }
        if withdraw {
            // Rolled back by being dropped.
            return Word::Withdrawn;
        }
        match tx.commit().await {
            Ok(()) => Word::Acknowledged(Utc::now()),
            Err(_) => Word::Unknown,
        }
    }

    /// Once; whether it is heard, and whether it comes before the job's end, is open.
    async fn cancel(self, id: JobId, after: Duration) {
        tokio::time::sleep(after).await;
        // Half of them each way: the time is twice a drawn one.
        if (after.as_millis() / 2).is_multiple_of(2) {
            let _ = self.stores.operations().cancel(id, "faults").await;
        } else {
            // As somebody who could not reach Redis leaves it to a worker.
            let ask = sqlx::query("insert into faena.commands (job_id, verb, actor) values ($1, 'cancel', 'faults')").bind(id);
            let _ = ask.execute(&self.db).await;
        }
    }

    async fn push(self, mut rng: StdRng) {
        while self.pause().await {
            if self.is_enough() {
                continue;
            }
            if rng.random_ratio(1, 3) {
                let gaps: Vec<u64> = (0..rng.random_range(2..7)).map(|_| rng.random_range(1..80)).collect();
                tokio::spawn(self.clone().push_repeatedly(gaps));
            } else {
                let draft = Draft::draw_direct(&mut rng);
                let id = JobId::new();
                let n = self.record.intend(draft.entry(id, Way::Direct));
                if let Ok(pushed) = draft.push(&self.stores, id, n).await {
                    self.record.met(n, pushed.duplicate_of);
                    self.record.heard(&[n], Word::Acknowledged(Utc::now()));
                }
            }
        }
    }

    /// Pushes one job again and again under one id. As long as its end is not in the ledger, that must change nothing.
    async fn push_repeatedly(self, gaps: Vec<u64>) {
        let work = Work::Carry(Load { traceless: true, ..Load::default() });
        let (draft, id) = (Draft::of("pushed repeatedly", work), JobId::new());
        let n = self.record.intend(draft.entry(id, Way::Direct));
        for gap in gaps {
            // Whether the answer was lost or never given, the next push settles it.
            if draft.push(&self.stores, id, n).await.is_err() {
                self.record.may_end_twice(n);
                continue;
            }
            let pushed_at = Utc::now();
            let ended: Result<Option<(i32,)>, _> =
                sqlx::query_as("select 1 from faena.jobs where id = $1").bind(id).fetch_optional(&self.db).await;
            if !matches!(ended, Ok(None)) {
                self.record.may_end_twice(n);
            }
            if matches!(self.record.word(n), Some(Word::Unknown)) {
                self.record.heard(&[n], Word::Acknowledged(pushed_at));
            }
            if !matches!(ended, Ok(None)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(gap)).await;
        }
    }
}

/// What is followed by another job.
const FOLLOWED: &str = "followed";
/// What is not worth running after a while.
const EXPIRING: &str = "expiring";
/// What somebody cancels after a while, wherever it is by then.
const UNWANTED: &str = "cancelled";
/// What somebody runs again when it is dead.
const RETRIED: &str = "told to die, and run again";
/// What somebody deletes when it is over.
const DELETED: &str = "deleted";
/// What somebody changes while it waits, or a moment too late.
const EDITED: &str = "changed";

impl Draft {
    /// Due at once, followed by nothing.
    fn of(kind: &'static str, work: Work) -> Self {
        Self { kind, work, delay: None, expires: None, unwanted: None, next: None, wish: None, batch: None }
    }

    fn draw(rng: &mut StdRng) -> Self {
        let (load, a_while, stumbles) = (Load::default(), rng.random_range(100..1500), rng.random_range(1..4));
        let (kind, work, delay) = match rng.random_range(0..100) {
            0..1 => ("instant", on_any_queue(rng, load), None),
            1..2 => (RETRIED, Work::Doom { at_once: true }, None),
            2..3 => (DELETED, Work::Carry(load), None),
            3..5 => (EDITED, Work::Carry(load), Some(Duration::from_millis(3000 + a_while * 2))),
            5..6 => (EXPIRING, on_any_queue(rng, Load { sleep_ms: a_while / 2, ..load }), None),
            // In a line, where only whoever looks for it ends it.
            6..7 => (EXPIRING, Work::Queued(Load { sleep_ms: a_while, gate: Some(rng.random_range(0..3)), ..load }), None),
            7..9 => (UNWANTED, on_any_queue(rng, Load { sleep_ms: a_while, ..load }), None),
            9..11 => {
                let not_before_ms = Utc::now().timestamp_millis() + i64::try_from(a_while).unwrap_or(0);
                ("throttled", on_any_queue(rng, Load { not_before_ms, ..load }), None)
            }
            11..15 => ("unique", solo(rng, a_while), None),
            15..18 => ("known to one of two binaries", Work::Debut(load), None),
            18..22 => ("in a lane", Work::Ferry(Load { sleep_ms: a_while / 4, ..load }), None),
            22..32 => {
                ("limited", Work::Queued(Load { sleep_ms: a_while / 10, gate: Some(rng.random_range(0..3)), ..load }), None)
            }
            32..38 => ("in steps", Work::Ladder(Load { sleep_ms: a_while / 4, ..load }), None),
            38..50 => ("slow", on_any_queue(rng, Load { sleep_ms: a_while, ..load }), None),
            50..53 => ("longer than a lease", Work::Carry(Load { sleep_ms: rng.random_range(4200..5500), ..load }), None),
            53..65 => ("failing", on_any_queue(rng, Load { stumbles, ..load }), None),
            65..69 => (FOLLOWED, on_any_queue(rng, load), None),
            69..72 => ("told to die", Work::Doom { at_once: rng.random() }, None),
            72..88 => ("scheduled", on_any_queue(rng, load), Some(Duration::from_millis(rng.random_range(200..3000)))),
            88..95 => ("promised twice", on_any_queue(rng, load), None),
            95..97 => ("needs memory", Work::Carry(Load { memory_mb: 24, sleep_ms: 50, ..load }), None),
            _ => ("traceless", Work::Carry(Load { traceless: true, ..load }), None),
        };
        let limit = Duration::from_millis(a_while * 2);
        let (expires, unwanted) = ((kind == EXPIRING).then_some(limit), (kind == UNWANTED).then_some(limit));
        let wish = match kind {
            RETRIED => Some((Wish::Retry, limit)),
            DELETED => Some((Wish::Delete, limit)),
            EDITED => Some((Wish::Edit, Duration::from_millis(2000 + a_while * 3))),
            _ => None,
        };
        Self { delay, expires, unwanted, wish, ..Self::of(kind, work) }
    }

    /// One of a batch, which is over however its jobs end.
    fn draw_of_batch(rng: &mut StdRng) -> Self {
        let load = Load { sleep_ms: rng.random_range(0..1500), stumbles: rng.random_range(0..3), ..Load::default() };
        let work = if rng.random_ratio(1, 6) { Work::Doom { at_once: rng.random() } } else { on_any_queue(rng, load) };
        Self::of("of a batch", work)
    }

    fn draw_direct(rng: &mut StdRng) -> Self {
        let (load, a_while) = (Load::default(), rng.random_range(100..1500));
        let (kind, work, delay) = match rng.random_range(0..10) {
            0..4 => ("pushed directly", on_any_queue(rng, load), None),
            4 => ("pushed directly, unique", solo(rng, a_while), None),
            5 => ("pushed directly, limited", Work::Queued(Load { gate: Some(rng.random_range(0..3)), ..load }), None),
            6..8 => ("pushed directly, slow", on_any_queue(rng, Load { sleep_ms: a_while, ..load }), None),
            _ => {
                ("pushed directly, scheduled", on_any_queue(rng, load), Some(Duration::from_millis(rng.random_range(200..3000))))
            }
        };
        Self { delay, ..Self::of(kind, work) }
    }

    fn entry(&self, id: JobId, way: Way) -> Entry {
        let (name, lane, fate, effects) = match &self.work {
            Work::Rush(load) => (Rush::NAME, Rush::lane(), Fate::Completed, i64::from(!load.traceless)),
            Work::Carry(load) => (Carry::NAME, Carry::lane(), Fate::Completed, i64::from(!load.traceless)),
            Work::Stroll(load) => (Stroll::NAME, Stroll::lane(), Fate::Completed, i64::from(!load.traceless)),
            Work::Ferry(_) => (Ferry::NAME, Ferry::lane(), Fate::Completed, 1),
            Work::Queued(_) => (Queued::NAME, Queued::lane(), Fate::Completed, 1),
            Work::Solo(_) => (Solo::NAME, Solo::lane(), Fate::Completed, 1),
            Work::Debut(_) => (Debut::NAME, Debut::lane(), Fate::Completed, 1),
            Work::Ladder(_) => (Ladder::NAME, Ladder::lane(), Fate::Completed, STEPS),
            Work::Doom { .. } => (Doom::NAME, Doom::lane(), Fate::Dead, 0),
        };
        let fate = if self.expires.or(self.unwanted).is_some() { Fate::CompletedOrCancelled } else { fate };
        let unique_by = if let Work::Solo(load) = &self.work { load.gate } else { None };
        let before = self.batch.map(|(_, next)| next);
        Entry {
            id,
            n: 0,
            kind: self.kind,
            name,
            lane,
            way,
            unique_by,
            fate,
            effects,
            word: Word::Unknown,
            may_end_twice: false,
            before,
            granted: None,
        }
    }

    async fn enqueue(&self, tx: &mut PgConnection, id: JobId, n: i64) -> Result<Enqueued, queue::EnqueueError> {
        match &self.work {
            Work::Rush(load) => queue::enqueue(tx, self.order(Rush(load.numbered(n)), id)).await,
            Work::Carry(load) => queue::enqueue(tx, self.order(Carry(load.numbered(n)), id)).await,
            Work::Stroll(load) => queue::enqueue(tx, self.order(Stroll(load.numbered(n)), id)).await,
            Work::Ferry(load) => queue::enqueue(tx, self.order(Ferry(load.numbered(n)), id)).await,
            Work::Queued(load) => queue::enqueue(tx, self.order(Queued(load.numbered(n)), id)).await,
            Work::Solo(load) => queue::enqueue(tx, self.order(Solo(load.numbered(n)), id)).await,
            Work::Debut(load) => queue::enqueue(tx, self.order(Debut(load.numbered(n)), id)).await,
            Work::Ladder(load) => queue::enqueue(tx, self.order(Ladder(load.numbered(n)), id)).await,
            Work::Doom { at_once } => queue::enqueue(tx, self.order(Doom { n, at_once: *at_once }, id)).await,
        }
    }

    async fn push(&self, stores: &Stores, id: JobId, n: i64) -> Result<Enqueued, queue::EnqueueError> {
        match &self.work {
            Work::Rush(load) => queue::push(&stores.store, self.order(Rush(load.numbered(n)), id)).await,
            Work::Carry(load) => queue::push(&stores.store, self.order(Carry(load.numbered(n)), id)).await,
            Work::Stroll(load) => queue::push(&stores.store, self.order(Stroll(load.numbered(n)), id)).await,
            Work::Ferry(load) => queue::push(&stores.store, self.order(Ferry(load.numbered(n)), id)).await,
            Work::Queued(load) => queue::push(&stores.store, self.order(Queued(load.numbered(n)), id)).await,
            Work::Solo(load) => queue::push(&stores.store, self.order(Solo(load.numbered(n)), id)).await,
            Work::Debut(load) => queue::push(&stores.store, self.order(Debut(load.numbered(n)), id)).await,
            Work::Ladder(load) => queue::push(&stores.store, self.order(Ladder(load.numbered(n)), id)).await,
            Work::Doom { at_once } => queue::push(&stores.store, self.order(Doom { n, at_once: *at_once }, id)).await,
        }
    }

    fn order<J: Job>(&self, job: J, id: JobId) -> Order<J> {
        let order = match self.delay {
            Some(delay) => job.after(delay),
            None => Order::from(job),
        };
        let order = match self.expires {
            Some(limit) => order.expires_in(limit),
            None => order,
        };
        let order = match self.next {
            Some((next, n)) => order.then(Carry(Load::default().numbered(n)).with_id(next)),
            None => order,
        };
        let order = match self.batch {
            Some((batch, _)) => order.in_batch(batch),
            None => order,
        };
        order.with_id(id)
    }
}

/// Few gates and some time, so that they meet each other.
fn solo(rng: &mut StdRng, a_while: u64) -> Work {
    Work::Solo(Load { sleep_ms: a_while / 2, gate: Some(rng.random_range(0..4)), ..Load::default() })
}

fn on_any_queue(rng: &mut StdRng, load: Load) -> Work {
    match rng.random_range(0..10) {
        0..2 => Work::Rush(load),
        2..8 => Work::Carry(load),
        _ => Work::Stroll(load),
    }
}
