//! Tells a person by mail that their report is there, or how the day went.

use std::time::Duration;

use queue::{Attempted, Backoff, Failure, Job, Limit, OrFailure, Queue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    daily::{self, LATE_AFTER},
    kind::State,
    report::{Report, ReportId},
    said::said,
    table::{Cell, Holds},
};
use crate::{
    accounts::{locale::Locale, user::User},
    mail::{
        Said, delivery,
        letters::{DailyReport, Figure, ReportReady, Span},
    },
    ports::{Ctx, Ports},
};

/// Sends the letter about a report. Its link leads to our page, which knows whoever opens it: no letter carries a key to a file.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct AnnounceReport {
    /// Which report.
    pub report_id: ReportId,
}

impl Job for AnnounceReport {
    type Ports = Ports;
    const NAME: &'static str = "announce_report";
    const QUEUE: Queue = Queue::Default;
    const MAX_ATTEMPTS: u32 = delivery::MAX_ATTEMPTS;
    const TIMEOUT: Duration = delivery::TIMEOUT;
    const BACKOFF: Backoff = delivery::BACKOFF;
    const LIMITS: &'static [Limit] = delivery::DEFAULT_LIMITS;

    async fn run(self, ctx: &Ctx) -> Attempted {
        let report =
            Report::find(&ctx.db, self.report_id).await.context("looking up the report")?.or_dead("the report is gone")?;
        let user =
            User::find(&ctx.db, report.requested_by).await.context("looking up the account")?.or_dead("the account is gone")?;
        let key = format!("report:{}", report.id);
        let is_there = report.state == State::Ready && report.expires_at.is_some_and(|end| ctx.now() < end);
        if !is_there || user.disabled_at.is_some() || !report.kind.may_have(user.role, report.scope) {
            delivery::withdraw(ctx, &key).await?;
            return Err(Failure::cancelled("the report is not theirs to have any more"));
        }
        let link = ctx.links.report_file(user.locale, report.id);
        let Some(daily_at) = report.daily_at else {
            let client = report.client_name(&ctx.db).await.context("looking up the client")?;
            let letter = ReportReady {
                report: Said::new(|locale| report.kind.layout().title(locale).to_owned()),
                client,
                format: report.format.as_str().to_uppercase(),
                rows: report.rows.unsigned_abs(),
                link,
                expires_at: report.expires_at.unwrap_or_default(),
            };
            return delivery::send(ctx, key, &user, &letter).await;
        };
        let day = report.params().or_dead("a daily report of no day")?.to;
        let late = report.finished_at.unwrap_or(daily_at) - daily_at;
        let letter = DailyReport {
            day,
            figures: daily::FIGURES.iter().map(|figure| figure_of(&report, figure)).collect(),
            late_by: (late > LATE_AFTER).then(|| Said::new(move |_| Span::of(late).to_string())),
            link,
        };
        delivery::send(ctx, key, &user, &letter).await
    }
}

/// A line of the letter: what a column comes to.
fn figure_of(report: &Report, (key, es, en): &(&'static str, &'static str, &'static str)) -> Figure {
    let value = report.figures.get(*key);
    let is_time = report.kind.layout().columns.iter().any(|column| column.key == *key && matches!(column.holds, Holds::Seconds));
    let label = |locale| match locale {
        Locale::Es => (*es).to_owned(),
        Locale::En => (*en).to_owned(),
    };
    let words = |locale| match (value.and_then(serde_json::Value::as_i64), value.and_then(serde_json::Value::as_f64)) {
        (Some(seconds), _) if is_time => said(&Cell::Seconds(seconds), locale),
        (Some(count), _) => said(&Cell::Count(count), locale),
        (None, Some(share)) => said(&Cell::Share(share), locale),
        (None, None) => "—".to_owned(),
    };
    Figure::new(label, words)
}
