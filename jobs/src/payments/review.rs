//! A payment that a person had to look at, and has.

use queue::clear_notice;
use sqlx::PgPool;

use super::{apply, notice, sale::SaleId};
use crate::accounts::user::UserId;

/// Closes the review of a sale whose money has all gone back. Of any other nothing changes: its money is still to be decided about. Whether
/// it was closed by this.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub async fn close_review(db: &PgPool, sale: SaleId, admin: UserId) -> sqlx::Result<bool> {
    let mut tx = db.begin().await?;
    let is_closed = apply::close_review(&mut tx, sale, admin).await?;
    if is_closed {
        clear_notice(&mut *tx, &notice::review_key(sale)).await?;
        sqlx::query("insert into core.audit_log (actor_id, action, subject) values ($1, 'close_review', 'sale:' || $2::text)")
            .bind(admin)
            .bind(sale)
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await?;
    Ok(is_closed)
}
