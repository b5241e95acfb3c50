//! Makes a report.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use chrono::TimeDelta;
use chrono_tz::Tz;
use queue::{Attempted, Backoff, Failure, Job, OrFailure, Queue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use tracing::info;

use super::{
    announce_report::AnnounceReport,
    encode::{Encoder, Made},
    kind::{Problem, State},
    report::{Report, ReportId},
    snapshot::Snapshot,
    upload::discard,
    wish::Params,
};
use crate::{
    accounts::user::User,
    ports::{Ctx, Ports},
};

/// How long a file is kept for whoever asked for it.
const KEPT_FOR: TimeDelta = TimeDelta::days(7);
/// How often the row is told how far it is, and asked whether anybody still wants it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Makes a report of what somebody has asked for, puts it into the store of files, and promises the letter.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct BuildReport {
    /// Which report.
    pub report_id: ReportId,
}

/// Why an attempt has no file.
#[derive(Debug)]
pub(super) enum Stop {
    /// There will never be one: the report's row says why.
    Problem(Problem, String),
    /// As the engine has it.
    Failure(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// How far it is.
#[derive(Debug, Default)]
struct Gauge {
    rows: AtomicU64,
    expected: AtomicU64,
}

impl Job for BuildReport {
    type Ports = Ports;
    const NAME: &'static str = "build_report";
    const QUEUE: Queue = Queue::Low;
    const LANE: Option<&'static str> = Some("reports");
    const LONG: bool = true;
    const MAX_ATTEMPTS: u32 = 6;
    const TIMEOUT: Duration = Duration::from_secs(3600);
    const BACKOFF: Backoff = Backoff::between(Duration::from_secs(5), Duration::from_secs(300)).at_least(Duration::from_secs(1));

    async fn run(self, ctx: &Ctx) -> Attempted {
        let report = begin(ctx, self.report_id).await?;
        // Nobody but this attempt has anything to do with the report from here on.
        discard(ctx, report.id).await;
        let gauge = Gauge::default();
        let made = tokio::select! {
            made = make(ctx, &report, &gauge) => made,
            stop = watch(ctx, &report, &gauge) => Err(stop),
        };
        match made {
            Ok(made) => finish(ctx, &report, made).await,
            Err(stop) => {
                discard(ctx, report.id).await;
                Err(match stop {
                    Stop::Failure(failure) => failure,
                    Stop::Problem(problem, words) => refuse(ctx, &report, problem, words).await?,
                })
            }
        }
    }
}

/// Takes the report up.
async fn begin(ctx: &Ctx, id: ReportId) -> Result<Report, Failure> {
    let mut step = ctx.step().await?;
    // One that has failed is made when an operator runs its job again.
    let report: Option<Report> = sqlx::query_as(
        "update core.reports
         set state = 'running', problem = null, finished_at = null, rows = 0, rows_expected = null,
             started_at = coalesce(started_at, clock_timestamp())
         where id = $1 and state in ('queued', 'running', 'failed') returning *",
    )
    .bind(id)
    .fetch_optional(&mut *step)
    .await
    .or_else(|error| match error.as_database_error() {
        Some(refused) if refused.is_unique_violation() => {
            Err(Failure::cancelled("whoever asked for it has asked again, and that is being made"))
        }
        _ => Err(error).context("taking the report up"),
    })?;
    let Some(report) = report else {
        drop(step);
        let found = Report::find(&ctx.db, id).await.context("looking up the report")?.or_dead("the report is gone")?;
        return Err(Failure::cancelled(format!("the report is {}", found.state)));
    };
    step.commit().await?;
    Ok(report)
}

/// Makes the file.
async fn make(ctx: &Ctx, report: &Report, gauge: &Gauge) -> Result<Made, Stop> {
    let user = User::find(&ctx.db, report.requested_by).await.context("looking up the account")?;
    // What somebody was when they asked is not what they are.
    if !user.is_some_and(|user| user.disabled_at.is_none() && report.kind.may_have(user.role, report.scope)) {
        return Err(Stop::Problem(Problem::NotAllowed, "whoever asked for it may not have it any more".to_owned()));
    }
    let (params, zone) = read(report)?;
    let mut snapshot = Snapshot::take(ctx, report, params, zone).await?;
    if let Some(expected) = snapshot.expected().await? {
        gauge.expected.store(expected, Ordering::Relaxed);
        if expected > report.format.most_rows() {
            let words = format!("it has {expected} rows, and {} takes {}", report.format, report.format.most_rows());
            return Err(Stop::Problem(Problem::TooLarge, words));
        }
    }
    let client = snapshot.client().await?;
    snapshot.open().await?;
    let mut encoder = Encoder::begin(ctx, report, params, client.as_deref()).await?;
    while snapshot.read(|cells| encoder.row(cells)).await? {
        gauge.rows.store(encoder.rows(), Ordering::Relaxed);
        encoder.send().await?;
    }
    snapshot.close().await;
    encoder.send().await?;
    gauge.rows.store(encoder.rows(), Ordering::Relaxed);
    Ok(encoder.finish().await?)
}

fn read(report: &Report) -> Result<(Params, Tz), Stop> {
    let bad = |words: String| Stop::Problem(Problem::BadParams, words);
    let params = report.params().map_err(|error| bad(format!("params: {error}")))?;
    params.check().map_err(|problem| bad(format!("params: {problem}")))?;
    let zone = report.time_zone.parse().map_err(|_| bad(format!("time_zone: there is no {}", report.time_zone)))?;
    Ok((params, zone))
}

/// Says how far it is, until nobody wants it any more.
async fn watch(ctx: &Ctx, report: &Report, gauge: &Gauge) -> Stop {
    loop {
        let pause = tokio::time::sleep(LOOK_EVERY);
        if ctx.cancelled().run_until_cancelled(pause).await.is_none() {
            return Stop::Failure(Failure::retry("stopped in the middle of the report"));
        }
        let (rows, expected) = (gauge.rows.load(Ordering::Relaxed), gauge.expected.load(Ordering::Relaxed));
        ctx.progress(rows, expected, "rows");
        let told = sqlx::query(
            "update core.reports set rows = greatest(rows, $2), rows_expected = nullif($3, 0) where id = $1 and state = 'running'",
        )
        .bind(report.id)
        .bind(rows.cast_signed())
        .bind(expected.cast_signed())
        .execute(&ctx.db)
        .await;
        // While Postgres is away, nobody has given anything up.
        if told.is_ok_and(|told| told.rows_affected() == 0) {
            return Stop::Failure(Failure::cancelled("whoever asked for it wants it no more"));
        }
    }
}

/// Makes the file the report's, and promises the letter.
async fn finish(ctx: &Ctx, report: &Report, made: Made) -> Attempted {
    let Made { sent, rows, figures } = made;
    let mut effect = ctx.effect().await?;
    let written = sqlx::query(include_str!("sql/write_ready.sql"))
        .bind(report.id)
        .bind(rows)
        .bind(Json(figures))
        .bind(&sent.key)
        .bind(sent.bytes)
        .bind(sent.sha256.as_slice())
        .bind(KEPT_FOR)
        .execute(&mut *effect)
        .await
        .context("writing what the report came to")?;
    if written.rows_affected() == 0 {
        drop(effect);
        discard(ctx, report.id).await;
        return Err(Failure::cancelled("whoever asked for it wants it no more"));
    }
    queue::enqueue(&mut effect, AnnounceReport { report_id: report.id }).await.context("promising the letter")?;
    metrics::counter!("faena_reports_total", "kind" => report.kind.as_str(), "format" => report.format.as_str(), "outcome" => "ready")
        .increment(1);
    info!(job = %ctx.job_id(), report = %report.id, kind = %report.kind, format = %report.format, rows, bytes = sent.bytes, "a report is ready");
    Ok(effect.into())
}

/// Says why there will be no file. What people have brought about themselves is no operator's matter.
async fn refuse(ctx: &Ctx, report: &Report, problem: Problem, words: String) -> Result<Failure, Failure> {
    let mut step = ctx.step().await?;
    sqlx::query(
        "update core.reports set state = $2, problem = $3, finished_at = clock_timestamp() where id = $1 and state = 'running'",
    )
    .bind(report.id)
    .bind(State::Failed)
    .bind(problem)
    .execute(&mut *step)
    .await
    .context("writing why there is no report")?;
    step.commit().await?;
    metrics::counter!("faena_reports_total", "kind" => report.kind.as_str(), "format" => report.format.as_str(), "outcome" => problem.as_str())
        .increment(1);
    Ok(match problem {
        Problem::NotAllowed => Failure::cancelled(words),
        Problem::BadParams | Problem::TooLarge | Problem::Broken => Failure::dead(words),
    })
}
