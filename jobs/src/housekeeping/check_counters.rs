//! Checks that what is counted beside the rows is what there is.

use std::time::Duration;

use queue::{Attempted, Failure, Job, OrFailure, Queue, clear_notice, post_notice};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgConnection;
use tracing::warn;

use crate::{
    help_desk::number::ClientId,
    ports::{Ctx, Ports},
};

/// The key of the notice about counts that are wrong.
pub const NOTICE: &str = "counter_drift";
/// So many clients are named in it.
const MOST_NAMED: usize = 5;

/// Counts each client's tickets, and tells operators where the client's own counts say otherwise: something has gone round the table that keeps them.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct CheckCounters {
    /// Set what is wrong right, which ends the notice.
    #[serde(default)]
    pub repair: bool,
}

#[derive(Debug, sqlx::FromRow)]
struct Drifted {
    id: ClientId,
    tickets_count: i64,
    open_tickets_count: i64,
    tickets: i64,
    opened: i64,
}

impl Job for CheckCounters {
    type Ports = Ports;
    const NAME: &'static str = "check_counters";
    const QUEUE: Queue = Queue::Low;
    const TIMEOUT: Duration = Duration::from_secs(120);

    async fn run(self, ctx: &Ctx) -> Attempted {
        let mut effect = ctx.effect().await?;
        sqlx::query("set local statement_timeout = '60s'").execute(&mut *effect).await.context("bounding the counting")?;
        let drifted: Vec<Drifted> =
            sqlx::query_as(include_str!("sql/drifted_clients.sql")).fetch_all(&mut *effect).await.context("counting tickets")?;
        let checked: i64 =
            sqlx::query_scalar("select count(*) from desk.clients").fetch_one(&mut *effect).await.context("counting clients")?;
        let repaired = if self.repair { repair(&mut effect, &drifted).await? } else { 0 };
        if drifted.is_empty() || self.repair {
            clear_notice(&mut *effect, NOTICE).await.context("telling that the counts are right")?;
        } else {
            warn!(job = %ctx.job_id(), clients = drifted.len(), "counts of clients have drifted");
            post_notice(&mut *effect, NOTICE, &told(&drifted)).await.context("telling operators")?;
        }
        let drifted = i64::try_from(drifted.len()).unwrap_or(i64::MAX);
        sqlx::query(
            "insert into core.sweeps (job_id, job, dry_run, began_at, finished_at, batches, looked_at, counts)
             values ($1, $2, $3, now(), clock_timestamp(), 1, $4, $5)",
        )
        .bind(ctx.job_id())
        .bind(Self::NAME)
        .bind(!self.repair)
        .bind(checked)
        .bind(json!({ "drifted": drifted, "repaired": repaired }))
        .execute(&mut *effect)
        .await
        .context("noting the result")?;
        Ok(effect.into())
    }
}

/// What operators read: which clients, and what to do.
fn told(drifted: &[Drifted]) -> String {
    let named: Vec<String> = drifted
        .iter()
        .take(MOST_NAMED)
        .map(|of| format!("{} ({}/{} ≠ {}/{})", of.id, of.open_tickets_count, of.tickets_count, of.opened, of.tickets))
        .collect();
    let (count, named) = (drifted.len(), named.join(", "));
    format!(
        "Los contadores de {count} clientes no son los de sus solicitudes (abiertas/todas): {named}. Busca qué escribió sin pasar por la tabla, y corrígelos \
         con check_counters {{\"repair\": true}}. / The counts of {count} clients are not those of their tickets (open/all): {named}. Find out what has \
         written past the table, and set them right with check_counters {{\"repair\": true}}."
    )
}

/// Sets counts by what there is, each client held: whoever opens a ticket meanwhile waits, and counts on from there.
async fn repair(tx: &mut PgConnection, drifted: &[Drifted]) -> Result<i64, Failure> {
    let ids: Vec<ClientId> = drifted.iter().map(|of| of.id).collect();
    sqlx::query("select from desk.clients where id = any($1) order by id for update")
        .bind(&ids)
        .execute(&mut *tx)
        .await
        .context("holding clients")?;
    // Another statement: it sees what was committed by whoever was waited for.
    let set = sqlx::query(
        "update desk.clients c set tickets_count = t.tickets, open_tickets_count = t.opened
         from (select k.id, count(t.id) as tickets, count(t.id) filter (where t.status not in ('resolved', 'closed')) as opened
               from unnest($1::bigint[]) k (id) left join desk.tickets t on t.client_id = k.id group by k.id) t
         where c.id = t.id and (c.tickets_count, c.open_tickets_count) <> (t.tickets, t.opened)",
    )
    .bind(&ids)
    .execute(tx)
    .await
    .context("setting counts right")?;
    Ok(i64::try_from(set.rows_affected()).unwrap_or(i64::MAX))
}
