//! What the sales come to: rolled up as they come, refreshed for whoever looks, and compared with the ledger each night.

pub mod compare_sales_statistics;
pub mod refresh_sales_statistics;

/// One refresh or comparison at a time, whatever the number of workers: Postgres's advisory lock, by a number of our own.
pub(crate) const LOCK: i64 = 0x5a1e_57a7;
