//! Where our books and a provider's differ, until they agree again or a person has looked.

use chrono::NaiveDate;
use queue::{clear_notice, post_notice};
use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::{
    money::Money,
    sale::{Provider, SaleId},
};
use crate::accounts::user::UserId;

/// Where the two differ.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) provider: Provider,
    /// The provider's name for it.
    pub(super) object_ref: &'a str,
    pub(super) kind: &'a str,
    pub(super) sale: Option<SaleId>,
    pub(super) ours: Option<Money>,
    pub(super) theirs: Option<Money>,
}

impl Found<'_> {
    /// Writes it down, once. What a person has looked at stays closed while both sides say what they said then.
    pub(super) async fn write(&self, db: &mut PgConnection) -> sqlx::Result<()> {
        let text = |money: Option<Money>| money.map(|money| format!("{} {}", money.minor, money.currency));
        sqlx::query(
            "insert into school.reconciliation_differences as d (provider, object_ref, kind, sale_id, ours, theirs) values ($1, $2, $3, $4, $5, $6)
             on conflict (provider, object_ref, kind) do update
             set ours = excluded.ours, theirs = excluded.theirs, last_seen_at = clock_timestamp(),
                 resolved_at = case when d.closed_by is not null and (d.ours, d.theirs) is not distinct from (excluded.ours, excluded.theirs) then d.resolved_at end,
                 closed_by = case when (d.ours, d.theirs) is not distinct from (excluded.ours, excluded.theirs) then d.closed_by end",
        )
        .bind(self.provider)
        .bind(self.object_ref)
        .bind(self.kind)
        .bind(self.sale)
        .bind(text(self.ours))
        .bind(text(self.theirs))
        .execute(db)
        .await
        .map(drop)
    }
}

/// Says that a person has looked at a difference: it stays closed while both sides say what they say now. Whether it was closed by this.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub async fn close_difference(
    db: &PgPool,
    provider: Provider,
    object_ref: &str,
    kind: &str,
    admin: UserId,
) -> sqlx::Result<bool> {
    let mut tx = db.begin().await?;
    let closed = sqlx::query(
        "update school.reconciliation_differences set resolved_at = clock_timestamp(), closed_by = $4
         where (provider, object_ref, kind) = ($1, $2, $3) and resolved_at is null",
    )
    .bind(provider)
    .bind(object_ref)
    .bind(kind)
    .bind(admin)
    .execute(&mut *tx)
    .await?;
    let is_closed = closed.rows_affected() > 0;
    if is_closed {
        sqlx::query("insert into core.audit_log (actor_id, action, subject, detail) values ($1, 'close_difference', 'payment:' || $2, $3)")
            .bind(admin)
            .bind(object_ref)
            .bind(json!({ "provider": provider.as_str(), "kind": kind }))
            .execute(&mut *tx)
            .await?;
        tell(&mut tx).await?;
    }
    tx.commit().await?;
    Ok(is_closed)
}

/// Says of each night how many of the differences that it found still stand: those of the next are news again.
pub(super) async fn tell(db: &mut PgConnection) -> sqlx::Result<()> {
    let nights: Vec<(NaiveDate, i64)> = sqlx::query_as(
        "select (first_seen_at at time zone 'UTC')::date, count(*) filter (where resolved_at is null)
         from school.reconciliation_differences group by 1 order by 1",
    )
    .fetch_all(&mut *db)
    .await?;
    for (night, open) in nights {
        let key = format!("reconciliation:{night}");
        if open == 0 {
            clear_notice(&mut *db, &key).await?;
            continue;
        }
        let told = format!(
            "Las cuentas y las del proveedor no coinciden en {open} pagos. / Our books and the provider's differ in {open} payments. (/admin/reconciliation)"
        );
        post_notice(&mut *db, &key, &told).await?;
    }
    // Of all nights together, before each had its own.
    clear_notice(db, "reconciliation").await
}
