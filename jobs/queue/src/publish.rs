//! The published catalogue: what the binaries at hand run, for those who enqueue without linking them.

use serde::Serialize;
use serde_json::Value;
use sqlx::{PgConnection, types::Json};

use crate::{
    limit::{Bounds, Limit},
    registry::Registry,
};

/// A catalogue as it is published: rows of `faena.job_kinds`, column by column.
#[derive(Debug, Clone, Default)]
pub struct Publication {
    names: Vec<&'static str>,
    versions: Vec<i16>,
    lanes: Vec<&'static str>,
    schemas: Vec<Json<Value>>,
    descriptions: Vec<String>,
    limits: Vec<Json<Vec<PublishedLimit>>>,
    tenant_fields: Vec<Option<&'static str>>,
}

/// A limit that a kind of job counts against, and the argument whose values are counted apart.
#[derive(Debug, Clone, Serialize)]
struct PublishedLimit {
    name: &'static str,
    by: Option<&'static str>,
    #[serde(flatten)]
    bounds: Bounds,
}

impl<P: Send + Sync + 'static> Registry<P> {
    /// What it publishes.
    #[must_use]
    pub fn publication(&self) -> Publication {
        let mut rows = Publication::default();
        for kind in self.kinds() {
            rows.names.push(kind.name);
            rows.versions.push(i16::try_from(kind.version).unwrap_or(i16::MAX));
            rows.lanes.push(kind.lane.as_str());
            rows.schemas.push(Json(kind.schema.clone()));
            rows.descriptions.push(kind.schema.get("description").and_then(Value::as_str).unwrap_or_default().to_owned());
            let limit = |limit: &Limit| PublishedLimit { name: limit.name, by: limit.by, bounds: limit.bounds };
            rows.limits.push(Json(kind.reckoning.limits.iter().map(limit).collect()));
            rows.tenant_fields.push(kind.reckoning.tenant);
        }
        rows
    }
}

impl Publication {
    /// Writes it, in the name of the binary of version `by`, and returns how many rows changed. A row of a newer version stays, and so do kinds
    /// that are not in it: they are another binary's.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn write(&self, db: &mut PgConnection, by: &str) -> sqlx::Result<u64> {
        let written = sqlx::query(include_str!("sql/publish_kinds.sql"))
            .bind(&self.names)
            .bind(&self.versions)
            .bind(&self.lanes)
            .bind(&self.schemas)
            .bind(&self.descriptions)
            .bind(by)
            .bind(&self.limits)
            .bind(&self.tenant_fields)
            .execute(db)
            .await?;
        Ok(written.rows_affected())
    }
}

/// Lets the role `faena_producer` use the doors, creating it where that is allowed. `false`: there is no such role, and this one may not create it.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub async fn admit_producers(db: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar("select faena.admit_producers()").fetch_one(db).await
}
