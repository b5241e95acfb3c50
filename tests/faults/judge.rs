//! Judges a world at rest by the harness's own record.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use queue::{JobId, operations::State};
use uuid::Uuid;

use crate::{
    businesses::hurry,
    record::{Entry, Fate, Way, Word},
    world::World,
};

/// Nothing has moved for this long, with every server up: it never will.
const STANDSTILL: Duration = Duration::from_secs(40);
const LONGEST_REST: Duration = Duration::from_secs(150);
/// What is to be tried again in some minutes is tried now when nothing has moved for this long.
const RESTLESS: Duration = Duration::from_secs(2);
/// What a queue at rest keeps of its own, in all, without the workers' heartbeats.
const MOST_BYTES_AT_REST: u64 = 32 * 1024;
/// Keys that a queue at rest keeps, whatever they hold.
const KEPT: [&str; 9] = ["epoch", "mended", "mending", "fence", "tail", "stats", "settings", "beats", "workers"];

/// Something that must not be.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    /// The rule that was broken.
    pub(crate) judgement: &'static str,
    pub(crate) detail: String,
    /// The job it happened to.
    pub(crate) job: Option<i64>,
}

/// What the traces and the ledger say of one job.
#[derive(Debug, Default)]
struct Seen {
    effects: i64,
    /// Under which numbers they happened.
    numbers: Vec<i64>,
    ledger: Option<Ledger>,
    completions: i64,
}

#[derive(Debug, sqlx::FromRow)]
struct Ledger {
    id: Uuid,
    queue: String,
    name: String,
    durability: String,
    state: String,
    reason: Option<String>,
    attempts: i32,
    enqueued_at: DateTime<Utc>,
    ended_at: DateTime<Utc>,
    n: Option<i64>,
}

/// What Redis holds of a world at rest.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Footprint {
    pub(crate) bytes: u64,
}

impl Finding {
    fn of(judgement: &'static str, entry: &Entry, detail: impl Into<String>) -> Self {
        Self { judgement, detail: format!("{} [{}]", detail.into(), entry.kind), job: Some(entry.n) }
    }

    pub(crate) fn general(judgement: &'static str, detail: impl Into<String>) -> Self {
        Self { judgement, detail: detail.into(), job: None }
    }
}

/// Waits until nothing is left to do; a standstill before that is a finding.
pub(crate) async fn rest(world: &World) -> Vec<Finding> {
    if let Some(businesses) = &world.businesses
        && let Some(left) = businesses.finish(&world.stores.operations()).await
    {
        return vec![Finding::general("never comes to rest", left)];
    }
    let (began, mut moved, mut before) = (Instant::now(), Instant::now(), String::new());
    loop {
        let overdue = world.crew.overdue().await;
        match look(world).await {
            Ok((0, _)) if world.crew.is_settled().await => return Vec::new(),
            Ok((0, _)) if !overdue.is_empty() => {
                return vec![Finding::general("does not end on SIGTERM", overdue.join(", "))];
            }
            Ok((_, now)) => {
                if now != before {
                    (moved, before) = (Instant::now(), now);
                }
            }
            Err(error) => before = format!("{error:#}"),
        }
        if moved.elapsed() > STANDSTILL || began.elapsed() > LONGEST_REST {
            return vec![Finding::general("never comes to rest", before)];
        }
        if world.businesses.is_some() && moved.elapsed() > RESTLESS {
            hurry(&world.stores.operations(), &world.db).await;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// How much is left to do, and a text that changes when something moves.
async fn look(world: &World) -> anyhow::Result<(u64, String)> {
    let overview = queue::Operations::new(world.stores.store.clone(), world.db.clone()).overview().await?;
    // Of one instant, and after what Redis has: what follows is promised in the transaction that ends what it follows. The jobs of a batch may all have
    // ended, and it may be open still.
    let sql =
        "select (select count(*) from faena.outbox), (select count(*) from faena.jobs), (select count(*) from faena.batches b
                   where ended_at is null and exists (select from faena.batch_jobs j where j.batch_id = b.id))";
    let (promised, ended, open): (i64, i64, i64) = sqlx::query_as(sql).fetch_one(&world.db).await?;
    let (unrecorded, mut left) = (overview.unrecorded, promised.unsigned_abs() + open.unsigned_abs() + overview.unrecorded);
    let mut text =
        format!("{promised} promises without an end, {ended} ended, {open} batches open, {unrecorded} events unrecorded");
    for lane in &overview.lanes {
        for state in State::ALL.into_iter().filter(|state| !state.is_ended()) {
            left += lane.count(state);
            if lane.count(state) > 0 {
                text += &format!(", {} {} {state}", lane.count(state), lane.lane);
            }
        }
    }
    Ok((left, text))
}

/// Judges everything that has ever been handed over in this world.
pub(crate) async fn judge(world: &World) -> anyhow::Result<(Vec<Finding>, Footprint)> {
    let mut findings = match &world.businesses {
        Some(businesses) => businesses.judge().await?,
        None => judge_record(world).await?,
    };
    judge_counts(world, &mut findings).await?;
    judge_commands(world, &mut findings).await?;
    let footprint = judge_redis(world, &mut findings).await?;
    Ok((findings, footprint))
}

/// Judges each job by the record.
async fn judge_record(world: &World) -> sqlx::Result<Vec<Finding>> {
    let entries = world.record.snapshot();
    let mut seen = read_traces(world).await?;
    let mut findings = Vec::new();
    judge_unique(&entries, &seen, &mut findings);
    judge_batches(&entries, &seen, &mut findings);
    for entry in &entries {
        let seen = seen.remove(&entry.id.0).unwrap_or_default();
        judge_job(world, entry, &seen, &mut findings);
    }
    for (id, seen) in seen {
        findings.push(Finding::general("the ledger knows a job that nobody handed over", format!("{id}: {seen:?}")));
    }
    Ok(findings)
}

async fn read_traces(world: &World) -> sqlx::Result<BTreeMap<Uuid, Seen>> {
    let mut seen: BTreeMap<Uuid, Seen> = BTreeMap::new();
    let effects: Vec<(Uuid, i64, Vec<i64>)> =
        sqlx::query_as("select job_id, count(*), array_agg(distinct n) from probe.effects group by job_id")
            .fetch_all(&world.db)
            .await?;
    for (id, count, numbers) in effects {
        let seen = seen.entry(id).or_default();
        (seen.effects, seen.numbers) = (count, numbers);
    }
    let ledger: Vec<Ledger> = sqlx::query_as(
        "select id, queue, name, durability, state, reason, attempts, enqueued_at, ended_at, coalesce(args->>'n', args->0->>'n')::bigint as n from faena.jobs",
    )
    .fetch_all(&world.db)
    .await?;
    for row in ledger {
        let id = row.id;
        seen.entry(id).or_default().ledger = Some(row);
    }
    let completions: Vec<(Uuid, i64)> =
        sqlx::query_as("select job_id, count(*) from faena.attempts where outcome = 'completed' group by job_id")
            .fetch_all(&world.db)
            .await?;
    for (id, count) in completions {
        seen.entry(id).or_default().completions = count;
    }
    Ok(seen)
}

fn judge_job(world: &World, entry: &Entry, seen: &Seen, findings: &mut Vec<Finding>) {
    let excused = entry.way == Way::Direct && world.record.excuses(entry);
    let must_exist = match entry.word {
        Word::Acknowledged(_) => !excused,
        Word::Unknown => false,
        Word::Withdrawn => {
            if seen.effects > 0 || seen.ledger.is_some() {
                findings.push(Finding::of("ran though its transaction was rolled back", entry, format!("{seen:?}")));
            }
            return;
        }
    };
    let due = entry.effects;
    if seen.effects > due {
        findings.push(Finding::of("effect repeated", entry, format!("{} effects", seen.effects)));
    }
    if seen.completions > 1 && entry.way == Way::Direct && !entry.may_end_twice && !excused {
        findings.push(Finding::of("ended twice", entry, format!("{} completed attempts", seen.completions)));
    }
    let numbers = entry.numbers();
    if let Some(other) = seen.numbers.iter().find(|n| !numbers.contains(n)) {
        findings.push(Finding::of("ran with other arguments", entry, format!("{other} instead of {numbers:?}")));
    }
    match &seen.ledger {
        None if must_exist && seen.effects < due => findings.push(Finding::of("lost", entry, "neither effect nor end")),
        None if entry.may_be_deleted() => {}
        None if must_exist || (seen.effects > 0 && !excused) => {
            findings.push(Finding::of("the ledger lacks it", entry, format!("{} effects, no end in the ledger", seen.effects)));
        }
        None => {}
        Some(ledger) if entry.is_deleted() => {
            findings.push(Finding::of("the ledger differs", entry, format!("it was deleted, and is there again: {ledger:?}")));
        }
        Some(ledger) => {
            if seen.numbers.iter().any(|n| Some(*n) != ledger.n) {
                let detail = format!("{:?} instead of the ledger's {:?}", seen.numbers, ledger.n);
                findings.push(Finding::of("ran with other arguments", entry, detail));
            }
            judge_ledger(entry, ledger, seen.effects, findings);
        }
    }
}

fn judge_ledger(entry: &Entry, ledger: &Ledger, effects: i64, findings: &mut Vec<Finding>) {
    let (reason, state) = (ledger.reason.as_deref().unwrap_or_default(), ledger.state.as_str());
    if state == "completed" && effects < entry.effects {
        findings.push(Finding::of("lost", entry, "completed in the ledger, but without its effect"));
    }
    if state == "cancelled" && effects > 0 {
        findings.push(Finding::of("the ledger differs", entry, "cancelled in the ledger, but it had its effect"));
    }
    // Of a push whose answer nobody heard: it may have met another.
    let unheard = entry.way == Way::Direct && entry.word == Word::Unknown && reason.starts_with("duplicate of ");
    let is_right = match entry.fate {
        Fate::Completed => state == "completed" || unheard,
        Fate::CompletedOrCancelled => state == "completed" || state == "cancelled",
        Fate::Dead => state == "dead",
        Fate::DuplicateOf(holder) => state == "cancelled" && reason == format!("duplicate of {holder}"),
    };
    if state == "dead" && entry.fate != Fate::Dead {
        findings.push(Finding::of("dead though not told to fail", entry, reason));
    } else if !is_right {
        findings.push(Finding::of("the ledger differs", entry, format!("{state} ({reason}) instead of {:?}", entry.fate)));
    }
    let durability = if entry.way == Way::Outbox { "outbox" } else { "redis" };
    let told = (ledger.name.as_str(), ledger.queue.as_str(), ledger.durability.as_str());
    let is_numbered = ledger.n.is_some_and(|n| entry.numbers().contains(&n));
    if !is_numbered || told != (entry.name, entry.lane.as_str(), durability) || (ledger.attempts < 1 && state != "cancelled") {
        findings.push(Finding::of("the ledger differs", entry, format!("{ledger:?}")));
    }
    if let Some(lives) = entry.lives().filter(|lives| !lives.contains(&ledger.attempts)) {
        findings.push(Finding::of("the ledger differs", entry, format!("{} ends instead of {lives:?}", ledger.attempts)));
    }
}

/// What follows a batch is promised when all of its jobs have ended. That it runs, and once, is judged as of every job.
fn judge_batches(entries: &[Entry], seen: &BTreeMap<Uuid, Seen>, findings: &mut Vec<Finding>) {
    let ledger = |id: JobId| seen.get(&id.0).and_then(|seen| seen.ledger.as_ref());
    for entry in entries {
        let Some(following) = entry.before.and_then(ledger) else { continue };
        let ended_at = ledger(entry.id).map(|own| own.ended_at);
        if ended_at.is_none_or(|ended_at| ended_at > following.enqueued_at) {
            let detail = format!("it ended at {ended_at:?}, and what follows was promised at {}", following.enqueued_at);
            findings.push(Finding::of("followed too soon", entry, detail));
        }
    }
}

/// For how long a unique job was wanted.
struct Term<'e> {
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    entry: &'e Entry,
}

/// Of those that are unique by the same, one was wanted at a time: whoever was accepted came after the end of the one before; whoever
/// was not, met one of them. (Of direct pushes Redis may have forgotten who held a key, and nobody knows in which order they were taken.)
fn judge_unique(entries: &[Entry], seen: &BTreeMap<Uuid, Seen>, findings: &mut Vec<Finding>) {
    let by_id: BTreeMap<_, _> = entries.iter().map(|entry| (entry.id.0, entry)).collect();
    // By what they are unique by: when each was accepted, and when it ended.
    let mut accepted: BTreeMap<u8, Vec<Term>> = BTreeMap::new();
    for entry in entries {
        let Some(gate) = entry.unique_by else { continue };
        if let Fate::DuplicateOf(holder) = entry.fate {
            let met = by_id.get(&holder.0).map(|holder| (holder.way, holder.unique_by));
            if met != Some((entry.way, Some(gate))) {
                findings.push(Finding::of("met a job that is no holder", entry, format!("{holder}: {met:?}")));
            }
        } else if let (Way::Outbox, Word::Acknowledged(at)) = (entry.way, entry.word)
            && let Some(ledger) = seen.get(&entry.id.0).and_then(|seen| seen.ledger.as_ref())
        {
            accepted.entry(gate).or_default().push(Term { from: at, until: ledger.ended_at, entry });
        }
    }
    for holders in accepted.values_mut() {
        holders.sort_by_key(|term| term.from);
        for pair in holders.windows(2) {
            let (first, second) = (&pair[0], &pair[1]);
            if first.until > second.from {
                let detail = format!("accepted at {}, while {} ended at {}", second.from, first.entry.id, first.until);
                findings.push(Finding::of("two at a time", second.entry, detail));
            }
        }
    }
}

/// The ledger's own counts must be those of its rows.
async fn judge_counts(world: &World, findings: &mut Vec<Finding>) -> sqlx::Result<()> {
    let wrong: Vec<(String, String, i64, i64)> = sqlx::query_as(
        "select queue, state, coalesce(c.total, 0), coalesce(j.total, 0) \
         from faena.ended_counts c full join (select queue, state, count(*) as total from faena.jobs group by queue, state) j \
         using (queue, state) where coalesce(c.total, 0) <> coalesce(j.total, 0)",
    )
    .fetch_all(&world.db)
    .await?;
    findings.extend(wrong.into_iter().map(|(queue, state, counted, there)| {
        Finding::general("the ledger miscounts", format!("{queue} {state}: {counted} counted, {there} there"))
    }));
    let held: Vec<(String, Uuid)> = sqlx::query_as("select key, job_id from faena.unique_holders").fetch_all(&world.db).await?;
    findings.extend(held.into_iter().map(|(key, id)| Finding::general("a key held by nobody", format!("{key} by {id}"))));
    Ok(())
}

/// Whoever wanted something is told what came of it, a moment after the end of the job at the latest: that is waited for.
async fn judge_commands(world: &World, findings: &mut Vec<Finding>) -> sqlx::Result<()> {
    let began = Instant::now();
    loop {
        let open: Vec<(String,)> =
            sqlx::query_as("select to_jsonb(c)::text from faena.commands c where carried_out_at is null or stands")
                .fetch_all(&world.db)
                .await?;
        if open.is_empty() || began.elapsed() > Duration::from_secs(8) {
            findings.extend(open.into_iter().map(|(command,)| Finding::general("a command that stays open", command)));
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What is left in Redis when nothing is left to do. The recorder forgets a moment after it has written: that is waited for.
async fn judge_redis(world: &World, findings: &mut Vec<Finding>) -> anyhow::Result<Footprint> {
    let began = Instant::now();
    loop {
        let (left, footprint) = leftovers(&world.stores.redis_url, &world.stores.namespace).await?;
        let grown = footprint.bytes > MOST_BYTES_AT_REST;
        if left.is_empty() && !grown {
            return Ok(footprint);
        }
        if began.elapsed() > Duration::from_secs(8) {
            for (key, size) in left {
                let judgement = if is_about_leases(&key) { "leaked lease" } else { "orphan key" };
                let what = look_into(&world.stores.redis_url, &key).await;
                findings.push(Finding::general(judgement, format!("{key} holds {size}: {what}")));
            }
            if grown {
                findings.push(Finding::general("growth", format!("{} bytes at rest", footprint.bytes)));
            }
            return Ok(footprint);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The first of what a key holds, where that is a hash: it says how it came to be left.
async fn look_into(redis_url: &str, key: &str) -> String {
    let held = async {
        let mut connection = redis::Client::open(redis_url)?.get_multiplexed_async_connection().await?;
        redis::cmd("HGETALL").arg(key).query_async::<Vec<(String, String)>>(&mut connection).await
    };
    held.await.map_or_else(|_| "no hash".to_owned(), |held| format!("{:?}", &held[..held.len().min(3)]))
}

fn is_about_leases(key: &str) -> bool {
    key.contains("lease") || key.ends_with(":running")
}

/// Every key of the namespace that holds something which should be gone, with its size; and what all keys weigh.
async fn leftovers(redis_url: &str, namespace: &str) -> anyhow::Result<(Vec<(String, u64)>, Footprint)> {
    let mut connection = redis::Client::open(redis_url)?.get_multiplexed_async_connection().await?;
    let mut keys = BTreeSet::new();
    let mut cursor: u64 = 0;
    loop {
        let (next, page): (u64, Vec<String>) = redis::cmd("SCAN")
            .arg(cursor)
            .arg("MATCH")
            .arg(format!("{namespace}:*"))
            .arg("COUNT")
            .arg(500)
            .query_async(&mut connection)
            .await?;
        keys.extend(page);
        cursor = next;
        if cursor == 0 {
            break;
        }
    }
    let (mut left, mut footprint) = (Vec::new(), Footprint { bytes: 0 });
    for key in keys {
        let name = key.rsplit(':').next().unwrap_or_default();
        let kind: String = redis::cmd("TYPE").arg(&key).query_async(&mut connection).await?;
        let count = match kind.as_str() {
            "hash" => "HLEN",
            "list" => "LLEN",
            "zset" => "ZCARD",
            "set" => "SCARD",
            "stream" => "XLEN",
            _ => "STRLEN",
        };
        let size: u64 = redis::cmd(count).arg(&key).query_async(&mut connection).await?;
        // Killed workers leave their names until they are forgotten.
        if name != "beats" && name != "workers" {
            let bytes: Option<u64> = redis::cmd("MEMORY").arg("USAGE").arg(&key).query_async(&mut connection).await?;
            footprint.bytes += bytes.unwrap_or(0);
        }
        let most = if KEPT.contains(&name) { u64::MAX } else { u64::from(name == "wake") };
        if size > most {
            left.push((key, size));
        }
    }
    Ok((left, footprint))
}

/// Everything that anybody knows of a job.
pub(crate) async fn story(world: &World, n: i64) -> String {
    let Some(entry) = world.record.snapshot().into_iter().find(|entry| entry.n == n) else { return String::new() };
    let mut told = format!("  the record: {entry:?}\n");
    if let Word::Acknowledged(at) = entry.word {
        told += &format!("    acknowledged at {} s\n", world.trace.at(at));
    }
    let statements = [
        ("start", "select to_jsonb(t)::text, at from probe.starts t where job_id = $1 order by at"),
        ("effect", "select to_jsonb(t)::text, at from probe.effects t where job_id = $1 order by at"),
        ("effect row", "select to_jsonb(t)::text, coalesce(done_at, now()) from faena.effects t where job_id = $1"),
        ("attempt", "select to_jsonb(t)::text, ended_at from faena.attempts t where job_id = $1 order by ended_at"),
        ("end", "select to_jsonb(t)::text, ended_at from faena.jobs t where id = $1"),
        ("promise", "select to_jsonb(t)::text, enqueued_at from faena.outbox t where id = $1"),
    ];
    for (what, statement) in statements {
        let rows: Vec<(String, chrono::DateTime<chrono::Utc>)> =
            sqlx::query_as(statement).bind(entry.id).fetch_all(&world.db).await.unwrap_or_default();
        for (row, at) in rows {
            told += &format!("  {} s  {what}: {row}\n", world.trace.at(at));
        }
    }
    let logs = world.crew.all_logs().await;
    let mut process = "";
    for line in logs.lines() {
        if line.starts_with("== ") {
            process = line;
        } else if line.contains(&entry.id.to_string()) {
            told += &format!("  {process}: {line}\n");
        }
    }
    told
}
