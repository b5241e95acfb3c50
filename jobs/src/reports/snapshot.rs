//! What is told, as of one moment: a read-only snapshot, read through a cursor.

use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use futures_util::TryStreamExt as _;
use queue::{Failure, OrFailure as _};
use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection, Postgres,
    postgres::{PgArguments, PgRow},
    query::Query,
};
use tokio::time::timeout;

use super::{kind::Scope, layout::Layout, report::Report, table::Cell, wish::Params};
use crate::{connections, ports::Ctx};

/// How many rows are asked for at once. Whoever stops reading has no more than these on the way.
const BATCH: usize = 2000;
/// A question may take this long, and so may the store before it is asked for more: a worker that vanishes keeps nothing for longer.
const PATIENCE: &str = "set local statement_timeout = '10min'; set local idle_in_transaction_session_timeout = '10min';
    set local client_connection_check_interval = '5s';
    -- All rows are wanted, not the first ones soon.
    set local cursor_tuple_fraction = 1";

/// Somewhat longer than Postgres may take for a question: after this it is gone without a word.
const LONGEST_WAIT: Duration = Duration::from_secs(660);
const LONGEST_CLOSE: Duration = Duration::from_secs(5);

/// A snapshot, on a connection of its own: it is held for minutes, and whoever breaks off closes it without having read the rest.
pub(super) struct Snapshot<'r> {
    connection: PgConnection,
    report: &'r Report,
    layout: &'static Layout,
    zone: Tz,
    params: Params,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

impl<'r> Snapshot<'r> {
    /// Takes the snapshot.
    pub(super) async fn take(ctx: &Ctx, report: &'r Report, params: Params, zone: Tz) -> Result<Self, Failure> {
        let options = ctx.db.connect_options().as_ref().clone().application_name("faena-report").disable_statement_logging();
        let mut connection = connections::connect(&options).await.context("connecting for a report")?;
        let begin = "begin isolation level repeatable read, read only";
        sqlx::raw_sql(begin).execute(&mut connection).await.context("taking a snapshot")?;
        sqlx::raw_sql(PATIENCE).execute(&mut connection).await.context("taking a snapshot")?;
        // Where a day begins is Postgres's business, days without a midnight included: its rows are told apart by the same rule.
        let (from, until) =
            sqlx::query_as("select $1::date::timestamp at time zone $3, ($2::date + 1)::timestamp at time zone $3")
                .bind(params.from)
                .bind(params.to)
                .bind(zone.name())
                .fetch_one(&mut connection)
                .await
                .context("finding when the period begins")?;
        Ok(Self { connection, report, layout: report.kind.layout(), zone, params, from, until })
    }

    /// What the client is called whose tickets alone are told of; one that is gone by its number. None: it tells of every client's.
    pub(super) async fn client(&mut self) -> Result<Option<String>, Failure> {
        let Some(client) = self.params.client else { return Ok(None) };
        let name: Option<String> = sqlx::query_scalar("select name from desk.clients where id = $1")
            .bind(client)
            .fetch_optional(&mut self.connection)
            .await
            .context("looking up the client")?;
        Ok(Some(name.unwrap_or_else(|| format!("#{client}"))))
    }

    /// How many rows there will be, where that is known.
    pub(super) async fn expected(&mut self) -> Result<Option<u64>, Failure> {
        let Some(sql) = self.layout.count_sql else { return Ok(None) };
        let row = self.asked(sql).fetch_one(&mut self.connection).await.context("counting what is told")?;
        let count: i64 = sqlx::Row::try_get(&row, 0).context("counting what is told")?;
        Ok(Some(count.unsigned_abs()))
    }

    /// Opens the cursor.
    pub(super) async fn open(&mut self) -> Result<(), Failure> {
        let sql = format!("declare told no scroll cursor for {}", self.layout.sql);
        let declare = self.asked(sqlx::AssertSqlSafe(sql));
        declare.execute(&mut self.connection).await.map(drop).context("asking for what is told")
    }

    /// Reads the next rows and hands each to `take`. No more: `false`.
    pub(super) async fn read<E: From<Failure>>(&mut self, mut take: impl FnMut(&[Cell<'_>]) -> Result<(), E>) -> Result<bool, E> {
        let sql = format!("fetch {BATCH} from told");
        // The answer's columns are the cursor's: nothing about them is to be remembered.
        let mut rows = sqlx::query(sqlx::AssertSqlSafe(sql)).persistent(false).fetch(&mut self.connection);
        let mut count = 0;
        while let Some(row) =
            timeout(LONGEST_WAIT, rows.try_next()).await.context("waiting for what is told")?.context("reading what is told")?
        {
            let row: &PgRow = &row;
            let mut cells = [Cell::Nothing; MOST_COLUMNS];
            let columns = self.layout.columns;
            for (at, column) in columns.iter().enumerate() {
                cells[at] = column.cell(row, at, self.zone, self.report.locale).context("reading a row")?;
            }
            take(&cells[..columns.len()])?;
            count += 1;
        }
        Ok(count == BATCH)
    }

    /// Ends it.
    pub(super) async fn close(self) {
        // It has read only; that it is gone without a word is as good.
        let _ = timeout(LONGEST_CLOSE, self.connection.close()).await;
    }

    fn asked<'q>(&self, sql: impl sqlx::SqlSafeStr) -> Query<'q, Postgres, PgArguments> {
        let agent = Some(self.report.requested_by).filter(|_| self.report.scope == Scope::Own);
        sqlx::query(sql)
            .persistent(false)
            .bind(self.from)
            .bind(self.until)
            .bind(self.zone.name())
            .bind(self.params.client)
            .bind(agent)
            .bind(self.params.from)
            .bind(self.params.to)
    }
}

/// As many as the widest layout has.
const MOST_COLUMNS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reports::kind::Kind;

    #[test]
    fn every_layout_has_room() {
        assert!(Kind::ALL.iter().all(|kind| kind.layout().columns.len() <= MOST_COLUMNS));
    }
}
