//! Looking: counts, pages of jobs, one job's story. Live states are read from Redis, promises and ends from Postgres.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use percent_encoding::percent_decode_str;

use crate::{
    envelope::Envelope,
    job::{JobId, Queue},
    lane::Lane,
    lanes::{lanes, paused},
    operations::{
        AttemptCounts, AttemptRecord, CommandRecord, JobDetail, JobFilter, JobSummary, LaneOverview, Notice, Operations,
        OperationsError, Overview, PRESSURE, Page, State,
    },
    progress::Progress,
    secret::redacted,
    store::{DROP_AT_BYTES, at},
    terms::Terms,
    view::{Look, Waiting},
};

/// An end is in the ledger within a fraction of this, unless the recorder is behind or away.
const RECORDED_WITHIN: Duration = Duration::from_secs(1);

type Cursor<'c> = Option<&'c str>;

/// Where a list goes on; an error for what no page of it has handed out.
fn read_cursor<'c, T>(cursor: Cursor<'c>, read: impl FnOnce(&'c str) -> Option<T>) -> Result<Option<T>, OperationsError> {
    cursor.map(|cursor| read(cursor).ok_or_else(|| OperationsError::BadCursor(cursor.to_owned()))).transpose()
}

impl Operations {
    /// How the attempts of each lane went since its data in Redis began; a wiped Redis begins anew.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn attempt_counts(&self) -> Result<Vec<AttemptCounts>, OperationsError> {
        let mut counts = Vec::new();
        for lane in self.lanes().await? {
            let (succeeded, failed) = self.store.attempts(lane).await?;
            counts.push(AttemptCounts { lane, succeeded, failed });
        }
        Ok(counts)
    }

    /// What stands in somebody's way, oldest first. Redis is not asked.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn notices(&self) -> sqlx::Result<Vec<Notice>> {
        sqlx::query_as("select key, message, since, last_at, times from faena.notices order by since").fetch_all(&self.db).await
    }

    /// The engine at a glance. Nothing in it is counted by reading the jobs themselves, so a backlog costs nothing.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn overview(&self) -> Result<Overview, OperationsError> {
        let outboxed: HashMap<String, i64> = pairs(
            sqlx::query_as("select queue, count(*) from faena.outbox where pushed_at is null group by queue")
                .fetch_all(&self.db)
                .await?,
        );
        let ended: Vec<(String, String, i64)> =
            sqlx::query_as("select queue, state, total from faena.ended_counts").fetch_all(&self.db).await?;
        let mut notices = self.notices().await?;
        let (relay_lag_s,): (Option<f64>,) = sqlx::query_as(
            "select extract(epoch from clock_timestamp() - min(enqueued_at))::float8 from faena.outbox where pushed_at is null",
        )
        .fetch_one(&self.db)
        .await?;
        let (mut workers, taken_at) = self.store.workers().await?;
        workers.sort_by_key(|worker| worker.seen_at);
        let paused = paused(&self.db).await?;
        let (mut overviews, mut unrecorded, mut unrecorded_bytes) = (Vec::new(), 0, 0);
        for lane in self.lanes().await? {
            let live = self.store.counts(lane).await?;
            unrecorded += live.unrecorded;
            unrecorded_bytes += live.unrecorded_bytes;
            let ended = |state: State| {
                let total = ended.iter().find(|(of, name, _)| of == lane.as_str() && name == state.as_str());
                total.map_or(0, |(_, _, total)| total.unsigned_abs())
            };
            overviews.push(LaneOverview {
                lane,
                outboxed: outboxed.get(lane.as_str()).map_or(0, |count| count.unsigned_abs()),
                scheduled: live.scheduled,
                available: live.available,
                running: live.running,
                retryable: live.retryable,
                limited: live.limited,
                paused: live.paused,
                parked: live.parked,
                completed: ended(State::Completed),
                dead: ended(State::Dead),
                cancelled: ended(State::Cancelled),
                oldest_age: live.oldest_since.map(|since| (live.now - since).to_std().unwrap_or_default()),
                paused_by: paused.by(lane).cloned(),
            });
        }
        let relay_lag = relay_lag_s.map(|seconds| std::time::Duration::from_secs_f64(seconds.max(0.0)));
        // What somebody was told of it before may be over.
        notices.retain(|notice| notice.key != PRESSURE);
        if unrecorded_bytes >= DROP_AT_BYTES {
            notices.insert(0, pressure(taken_at, unrecorded_bytes));
        }
        let pauses = self.pauses().await?;
        Ok(Overview { taken_at, lanes: overviews, workers, pauses, notices, relay_lag, unrecorded, unrecorded_bytes })
    }

    /// A page of jobs, keyset by keyset: jobs that come and go meanwhile shift nothing. `cursor` is the [`Page::next`] of the page
    /// before.
    ///
    /// # Errors
    /// No page of that list has handed out such a cursor, or a store did not answer.
    pub async fn jobs(&self, filter: JobFilter, cursor: Option<&str>, limit: usize) -> Result<Page, OperationsError> {
        let limit = limit.clamp(1, 200);
        // One more than asked for tells whether there is a next page.
        let mut rows = match filter.state {
            State::Outboxed => self.outboxed(filter.lane, cursor, limit + 1).await?,
            State::Completed | State::Dead | State::Cancelled => self.ended(filter, cursor, limit + 1).await?,
            State::Limited | State::Paused => self.in_lines(filter, cursor, limit + 1).await?,
            State::Available | State::Running | State::Scheduled | State::Retryable | State::Parked => {
                self.live(filter, cursor, limit + 1).await?
            }
        };
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|(_, cursor)| cursor.clone());
        Ok(Page { jobs: rows.into_iter().map(|(job, _)| job).collect(), next })
    }

    /// One job's story, or `None` when nobody knows it.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn job(&self, id: JobId) -> Result<Option<JobDetail>, OperationsError> {
        let stored: Option<Stored> = sqlx::query_as(include_str!("sql/find_job.sql")).bind(id).fetch_optional(&self.db).await?;
        let detail = match stored {
            Some(stored) if stored.state != "outboxed" => Some(stored.to_detail()),
            stored => self.live_detail(id, stored).await?,
        };
        // Read after the state: the end of a job and its last attempt are recorded together.
        let attempts: Vec<AttemptRecord> = sqlx::query_as(
            "select attempt, epoch, fence, worker, started_at, ended_at, outcome, error from faena.attempts where job_id = $1 order by ended_at, fence",
        )
        .bind(id)
        .fetch_all(&self.db)
        .await?;
        let commands: Vec<CommandRecord> = sqlx::query_as(
            "select verb, actor, asked_at, carried_out_at, outcome from faena.commands where job_id = $1 order by id",
        )
        .bind(id)
        .fetch_all(&self.db)
        .await?;
        Ok(detail.map(|detail| JobDetail { attempts, commands, ..detail }))
    }

    /// Every lane that a worker has served, most urgent first.
    ///
    /// # Errors
    /// Postgres did not answer.
    pub async fn lanes(&self) -> Result<Vec<Lane>, OperationsError> {
        Ok(lanes(&mut *self.db.acquire().await?).await?)
    }

    /// What the ledger says of a job whose end is on its way there. Where that takes longer the job is shown as running: it was, or
    /// might have, and nobody is told that it waits again.
    async fn end_of(&self, id: JobId, promised: Option<Stored>) -> Result<Option<JobDetail>, OperationsError> {
        let asked = Instant::now();
        while asked.elapsed() < RECORDED_WITHIN {
            tokio::time::sleep(RECORDED_WITHIN / 40).await;
            let stored: Option<Stored> =
                sqlx::query_as(include_str!("sql/find_job.sql")).bind(id).fetch_optional(&self.db).await?;
            if let Some(stored) = stored.filter(|stored| stored.state != "outboxed") {
                return Ok(Some(stored.to_detail()));
            }
        }
        let running = |mut detail: JobDetail| {
            detail.summary.state = State::Running;
            detail
        };
        Ok(promised.map(|promised| running(promised.to_detail())))
    }

    async fn live_detail(&self, id: JobId, stored: Option<Stored>) -> Result<Option<JobDetail>, OperationsError> {
        for lane in self.lanes().await? {
            let look = self.store.look(lane, &id.to_string()).await?;
            if look.state == "unknown" {
                continue;
            }
            if look.state == "ended" {
                return self.end_of(id, stored).await;
            }
            let mut summary = summarize(lane, look_state(&look), &id.to_string(), &look.raw, look.attempts_used);
            let mut words = look.detail.split(' ');
            match summary.state {
                State::Running => {
                    summary.attempts += 1;
                    summary.worker = words.nth(2).map(ToOwned::to_owned);
                    summary.at = words.next().and_then(|ms| ms.parse().ok()).map(at);
                }
                State::Scheduled | State::Retryable | State::Parked => {
                    summary.at = words.next().and_then(|ms| ms.parse().ok()).map(at);
                }
                State::Limited | State::Paused => summary.reason = Some(waits_for(&look.detail)),
                _ => {}
            }
            let progress = (summary.state == State::Running).then(|| progress_of(&look.detail)).flatten();
            let envelope = serde_json::from_slice::<Envelope>(&look.raw).ok();
            return Ok(Some(JobDetail {
                summary,
                durability: envelope.as_ref().map_or("redis", |envelope| envelope.durability.as_str()).to_owned(),
                version: envelope.as_ref().map_or(0, |envelope| envelope.version.into()),
                args: redacted(
                    &envelope.as_ref().map_or_else(|| String::from_utf8_lossy(&look.raw), |envelope| envelope.args.get().into()),
                ),
                run_at: envelope.as_ref().and_then(|envelope| envelope.run_at),
                terms: shown_terms(envelope.map(|envelope| envelope.terms)),
                progress,
                pushed_at: stored.and_then(|stored| stored.pushed_at),
                cancel_wanted: look.cancel_wanted,
                attempts: Vec::new(),
                commands: Vec::new(),
            }));
        }
        Ok(stored.map(|stored| stored.to_detail()))
    }

    async fn outboxed(
        &self,
        lane: Option<Lane>,
        cursor: Cursor<'_>,
        limit: usize,
    ) -> Result<Vec<(JobSummary, String)>, OperationsError> {
        let after: Option<JobId> = read_cursor(cursor, |cursor| cursor.parse().ok())?;
        let rows: Vec<Stored> = sqlx::query_as(include_str!("sql/list_outboxed.sql"))
            .bind(lane.map(Lane::as_str))
            .bind(after)
            .bind(limit as i64)
            .fetch_all(&self.db)
            .await?;
        Ok(rows.iter().map(|row| (row.to_detail().summary, row.id.to_string())).collect())
    }

    async fn ended(
        &self,
        filter: JobFilter,
        cursor: Cursor<'_>,
        limit: usize,
    ) -> Result<Vec<(JobSummary, String)>, OperationsError> {
        let after: Option<(DateTime<Utc>, JobId)> = read_cursor(cursor, |cursor| {
            let (micros, id) = cursor.split_once('~')?;
            Some((DateTime::from_timestamp_micros(micros.parse().ok()?)?, id.parse().ok()?))
        })?;
        let rows: Vec<Stored> = sqlx::query_as(include_str!("sql/list_ended.sql"))
            .bind(filter.state.as_str())
            .bind(filter.lane.map(Lane::as_str))
            .bind(after.map(|(at, _)| at))
            .bind(after.map(|(_, id)| id))
            .bind(limit as i64)
            .fetch_all(&self.db)
            .await?;
        let cursor = |row: &Stored| format!("{}~{}", row.at.unwrap_or_default().timestamp_micros(), row.id);
        Ok(rows.iter().map(|row| (row.to_detail().summary, cursor(row))).collect())
    }

    /// Live lists go lane by lane, most urgent first: within a lane in the order in which jobs will run.
    async fn live(
        &self,
        filter: JobFilter,
        cursor: Cursor<'_>,
        limit: usize,
    ) -> Result<Vec<(JobSummary, String)>, OperationsError> {
        let after = read_cursor(cursor, |cursor| {
            let mut parts = cursor.splitn(3, '~');
            let (lane, position, id) = (parts.next()?, parts.next()?, parts.next()?);
            Some((lane.parse::<Lane>().ok()?, position.parse::<i64>().ok()?, id))
        })?;
        let mut rows = Vec::new();
        for lane in self.lanes().await? {
            let passed = after.is_some_and(|(reached, ..)| lane < reached);
            if passed || filter.lane.is_some_and(|wanted| wanted != lane) || rows.len() >= limit {
                continue;
            }
            let after = after.filter(|(reached, ..)| *reached == lane).map(|(_, position, id)| (position, id));
            let waiting = match filter.state {
                State::Scheduled => self.store.waiting(lane, "scheduled", after, limit - rows.len()).await?,
                State::Retryable => self.store.waiting(lane, "retryable", after, limit - rows.len()).await?,
                State::Parked => self.store.waiting(lane, "parked", after, limit - rows.len()).await?,
                State::Running => {
                    rows.extend(self.running(lane, after, limit - rows.len()).await?);
                    continue;
                }
                _ => self.store.line(lane, after.map(|(place, _)| place), limit - rows.len()).await?,
            };
            rows.extend(waiting.into_iter().map(|Waiting { id, position, raw, attempts_used }| {
                let mut summary = summarize(lane, filter.state, &id, &raw, attempts_used);
                summary.at = (filter.state != State::Available).then(|| at(position));
                (summary, format!("{lane}~{position}~{id}"))
            }));
        }
        Ok(rows)
    }

    /// Jobs that wait apart, lane by lane, line by line, in the order of each line.
    async fn in_lines(
        &self,
        filter: JobFilter,
        cursor: Cursor<'_>,
        limit: usize,
    ) -> Result<Vec<(JobSummary, String)>, OperationsError> {
        let after = read_cursor(cursor, |cursor| {
            let (lane, entry) = cursor.split_once('~')?;
            Some((lane.parse::<Lane>().ok()?, entry))
        })?;
        let mut rows = Vec::new();
        for lane in self.lanes().await? {
            let passed = after.is_some_and(|(reached, _)| lane < reached);
            if passed || filter.lane.is_some_and(|wanted| wanted != lane) || rows.len() >= limit {
                continue;
            }
            let after = after.filter(|(reached, _)| *reached == lane).map_or("", |(_, entry)| entry);
            let waiting = self.store.lines(lane, filter.state == State::Paused, after, limit - rows.len()).await?;
            rows.extend(waiting.into_iter().map(|(entry, Waiting { id, raw, attempts_used, .. })| {
                let mut summary = summarize(lane, filter.state, &id, &raw, attempts_used);
                summary.reason = Some(waits_for(entry.split(' ').next().unwrap_or_default()));
                (summary, format!("{lane}~{entry}"))
            }));
        }
        Ok(rows)
    }

    /// Running jobs by id, which is the order in which they were enqueued.
    async fn running(
        &self,
        lane: Lane,
        after: Option<(i64, &str)>,
        limit: usize,
    ) -> Result<Vec<(JobSummary, String)>, OperationsError> {
        let mut running = self.store.running(lane).await?;
        running.sort();
        let after = after.map_or("", |(_, id)| id);
        let page: Vec<&(String, String)> = running.iter().filter(|(id, _)| id.as_str() > after).take(limit).collect();
        let ids: Vec<&str> = page.iter().map(|(id, _)| id.as_str()).collect();
        let envelopes = self.store.envelopes(lane, &ids).await?;
        let summaries = page.iter().zip(envelopes).filter(|(_, (raw, _))| !raw.is_empty()).map(|((id, mark), (raw, used))| {
            let mut words = mark.split(' ').skip(2);
            let mut summary = summarize(lane, State::Running, id, &raw, used);
            summary.attempts += 1;
            summary.worker = words.next().map(ToOwned::to_owned);
            summary.at = words.next().and_then(|ms| ms.parse().ok()).map(at);
            (summary, format!("{lane}~0~{id}"))
        });
        Ok(summaries.collect())
    }
}

/// A row of the outbox or the ledger.
#[derive(Debug, sqlx::FromRow)]
struct Stored {
    id: JobId,
    queue: String,
    name: String,
    version: i32,
    args: Option<String>,
    args_raw: Option<Vec<u8>>,
    durability: String,
    state: String,
    reason: Option<String>,
    attempts: i32,
    enqueued_at: DateTime<Utc>,
    run_at: Option<DateTime<Utc>>,
    pushed_at: Option<DateTime<Utc>>,
    at: Option<DateTime<Utc>>,
    /// Of one job's story; lists do without.
    #[sqlx(default)]
    terms: Option<String>,
}

impl Stored {
    fn to_detail(&self) -> JobDetail {
        let Self {
            id,
            queue,
            name,
            version,
            args,
            args_raw,
            durability,
            state,
            reason,
            attempts,
            enqueued_at,
            run_at,
            pushed_at,
            at,
            terms,
        } = self;
        let raw = args_raw.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        JobDetail {
            summary: JobSummary {
                id: id.to_string(),
                lane: queue.parse().unwrap_or(Lane::of(Queue::Default)),
                name: name.clone(),
                state: state.parse().unwrap_or(State::Outboxed),
                attempts: attempts.unsigned_abs(),
                enqueued_at: Some(*enqueued_at),
                at: *at,
                worker: None,
                reason: reason.clone(),
            },
            durability: durability.clone(),
            version: *version,
            args: redacted(args.as_deref().unwrap_or(&raw)),
            run_at: *run_at,
            terms: shown_terms(terms.as_deref().and_then(|terms| serde_json::from_str(terms).ok())),
            progress: None,
            pushed_at: *pushed_at,
            cancel_wanted: false,
            attempts: Vec::new(),
            commands: Vec::new(),
        }
    }
}

/// What a running job has said: a word behind its lease.
fn progress_of(mark: &str) -> Option<Progress> {
    let word = mark.split(' ').skip(5).find_map(|word| word.strip_prefix('~'))?;
    Progress::parse(&percent_decode_str(word).decode_utf8_lossy())
}

fn shown_terms(terms: Option<Terms>) -> Terms {
    terms.unwrap_or_default().redacted()
}

/// What an operator must know while the recorder is far behind.
fn pressure(taken_at: DateTime<Utc>, unrecorded_bytes: u64) -> Notice {
    let behind = unrecorded_bytes >> 20;
    let message = format!(
        "El registro va {behind} MiB atrasado: los éxitos de trabajos empujados directamente no se anotan, y pronto no se aceptarán más. Dale \
         sitio a Postgres o arranca más workers que registren. / The recorder is {behind} MiB behind: successes of direct pushes go \
         unrecorded, and soon direct pushes are refused. Give Postgres room, or start more workers that record."
    );
    Notice { key: PRESSURE.to_owned(), message, since: taken_at, last_at: taken_at, times: 1 }
}

/// The word of a line, for a person: a limit (`chat`, `chat:C17`), or `job:` or `tenant:` and what is paused.
fn waits_for(word: &str) -> String {
    percent_decode_str(word.trim_start_matches('!')).decode_utf8_lossy().into_owned()
}

fn look_state(look: &Look) -> State {
    if look.state == "waiting" {
        return if look.detail.starts_with('!') { State::Paused } else { State::Limited };
    }
    look.state.parse().unwrap_or(State::Available)
}

fn summarize(lane: Lane, state: State, id: &str, raw: &[u8], attempts_used: u32) -> JobSummary {
    let envelope = serde_json::from_slice::<Envelope>(raw).ok();
    JobSummary {
        id: id.to_owned(),
        lane,
        name: envelope.as_ref().map_or_else(|| "undecodable".to_owned(), |envelope| envelope.name.clone()),
        state,
        attempts: attempts_used + envelope.as_ref().map_or(0, |envelope| envelope.attempts_before),
        enqueued_at: envelope.map(|envelope| envelope.enqueued_at),
        at: None,
        worker: None,
        reason: None,
    }
}

fn pairs(rows: Vec<(String, i64)>) -> HashMap<String, i64> {
    rows.into_iter().collect()
}
