//! The published catalogue: what the binaries at hand run, for those who enqueue without linking them.

use serde::Serialize;
use serde_json::Value;
use sqlx::{PgConnection, types::Json};

use crate::{
    limit::{Bounds, Limit},
    registry::Registry,
    unique::Unique,
};

/// A catalogue as it is published: rows of `faena.job_kinds`, column by column.
#[derive(Debug, Clone, Default)]
pub struct Publication {
    names: Vec<&'static str>,
    versions: Vec<i16>,
    lanes: Vec<&'static str>,
    schemas: Vec<Json<Value>>,
    descriptions: Vec<String>,
    secret_fields: Vec<Json<Vec<String>>>,
    limits: Vec<Json<Vec<PublishedLimit>>>,
    tenant_fields: Vec<Option<&'static str>>,
    uniques: Vec<Json<Option<Unique>>>,
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
            rows.secret_fields.push(Json(secret_fields(&kind.schema)));
            let limit = |limit: &Limit| PublishedLimit { name: limit.name, by: limit.by, bounds: limit.bounds };
            rows.limits.push(Json(kind.reckoning.limits.iter().map(limit).collect()));
            rows.uniques.push(Json(kind.unique));
            rows.tenant_fields.push(kind.reckoning.tenant);
        }
        rows
    }
}

/// The fields that hold what is marked as secret (`writeOnly`), themselves or further down.
fn secret_fields(schema: &Value) -> Vec<String> {
    let fields = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    fields.filter(|(_, inner)| holds_secret(inner, schema, 0)).map(|(name, _)| name.clone()).collect()
}

fn holds_secret(schema: &Value, root: &Value, depth: u32) -> bool {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|to| root.pointer(to.trim_start_matches('#')));
    // A definition that leads to itself holds nothing more at the second look.
    depth < 16
        && (schema.get("writeOnly") == Some(&Value::Bool(true))
            || target.is_some_and(|target| holds_secret(target, root, depth + 1))
            || match schema {
                Value::Object(fields) => fields.values().any(|inner| holds_secret(inner, root, depth + 1)),
                Value::Array(items) => items.iter().any(|inner| holds_secret(inner, root, depth + 1)),
                _ => false,
            })
}

impl Publication {
    /// Writes it, in the name of the binary of version `by`, and returns how many rows changed. A row of a newer version stays, and so do kinds
    /// that are not in it: they are another binary's.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn write(&self, db: &mut PgConnection, by: &str) -> sqlx::Result<u64> {
        self.put(db, by, true).await
    }

    /// As [`Self::write`], for a worker that starts, perhaps again, beside those of a newer binary: a kind whose arguments have more fields
    /// there stays as it is.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub async fn add(&self, db: &mut PgConnection, by: &str) -> sqlx::Result<u64> {
        self.put(db, by, false).await
    }

    async fn put(&self, db: &mut PgConnection, by: &str, may_narrow: bool) -> sqlx::Result<u64> {
        let written = sqlx::query(include_str!("sql/publish_kinds.sql"))
            .bind(&self.names)
            .bind(&self.versions)
            .bind(&self.lanes)
            .bind(&self.schemas)
            .bind(&self.descriptions)
            .bind(by)
            .bind(&self.limits)
            .bind(&self.tenant_fields)
            .bind(&self.secret_fields)
            .bind(&self.uniques)
            .bind(may_narrow)
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_that_hold_a_secret_are_found_however_deep_it_lies() {
        let schema = json!({
            "properties": {
                "card": {"type": "string", "writeOnly": true},
                "cards": {"items": {"$ref": "#/$defs/Card"}},
                "next": {"$ref": "#/$defs/Chain"},
                "user": {"type": "integer"},
            },
            "$defs": {
                "Card": {"anyOf": [{"type": "null"}, {"writeOnly": true}]},
                "Chain": {"properties": {"next": {"$ref": "#/$defs/Chain"}}},
            },
        });
        assert_eq!(secret_fields(&schema), ["card", "cards"]);
    }
}
