//! What an end brings with it, in the transaction that writes it into the ledger: what a unique job held is free again, and what was to
//! follow is promised. A transaction that is repeated finds the end written, so it happens once.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use tracing::{error, info};

use crate::{
    batch::{self, BatchId},
    clock,
    enqueue::Parcel,
    envelope::{Durability, Envelope},
    event::is_storable_json,
    job::JobId,
    terms::{Terms, Until},
    unique,
};

/// An end that has just been written.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Ended {
    id: JobId,
    state: String,
    ended_at: DateTime<Utc>,
    traceparent: Option<String>,
    terms: Option<String>,
}

/// Carries out what the terms of ended jobs ask for.
pub(crate) async fn settle(tx: &mut PgConnection, ended: &[Ended]) -> sqlx::Result<()> {
    let (mut released, mut follow_ups, mut of_batches) = ((Vec::new(), Vec::new()), BTreeMap::new(), (Vec::new(), Vec::new()));
    for end in ended {
        let Some(terms) = end.terms() else { continue };
        if let Some(term) = terms.unique.as_ref().filter(|term| !matches!(term.until, Until::Passed(_))) {
            released.0.push(term.key.clone());
            released.1.push(end.id);
        }
        if terms.batch.is_some() {
            of_batches.0.push(end.id);
            of_batches.1.push(end.state.clone());
        }
        follow_ups.extend(end.follow_ups(terms));
    }
    if !released.0.is_empty() {
        // Those of a job that never started, too.
        sqlx::query("delete from faena.unique_holders h using unnest($1::text[], $2::uuid[]) as t (key, job_id) where (h.key, h.job_id) = (t.key, t.job_id)")
            .bind(&released.0)
            .bind(&released.1)
            .execute(&mut *tx)
            .await?;
    }
    // What follows joins the batch before what it follows leaves it.
    if !follow_ups.is_empty() {
        promise(tx, follow_ups).await?;
    }
    batch::note_ends(tx, &of_batches.0, &of_batches.1).await
}

impl Ended {
    fn terms(&self) -> Option<Terms> {
        let terms = serde_json::from_str(self.terms.as_deref()?);
        terms.inspect_err(|error| error!(job = %self.id, %error, "what was to follow the job cannot be read")).ok()
    }

    /// What follows this end, by id.
    fn follow_ups(&self, terms: Terms) -> impl Iterator<Item = (JobId, Parcel)> {
        let due = terms.follow_ups.into_iter().filter(move |next| next.on.follows(&self.state));
        due.filter_map(move |next| {
            let (id, storable) = (next.id, is_storable_json(next.args.get()));
            let parcel = next.into_parcel(Durability::Outbox, clock::now(), self.ended_at);
            match parcel {
                Ok(mut parcel) if storable => {
                    parcel.envelope.traceparent.clone_from(&self.traceparent);
                    Some((id, parcel))
                }
                refused => {
                    let why =
                        refused.err().map_or_else(|| "its arguments cannot be stored".to_owned(), |error| error.to_string());
                    error!(job = %self.id, follow_up = %id, why, "what was to follow the job cannot be enqueued");
                    None
                }
            }
        })
    }
}

/// Columns for `sql/write_follow_ups.sql`.
#[derive(Default)]
struct Rows {
    ids: Vec<JobId>,
    lanes: Vec<&'static str>,
    names: Vec<String>,
    versions: Vec<i16>,
    args: Vec<String>,
    run_at: Vec<Option<DateTime<Utc>>>,
    traceparents: Vec<Option<String>>,
    enqueued: Vec<DateTime<Utc>>,
    terms: Vec<Option<String>>,
    batches: Vec<(JobId, BatchId)>,
}

/// Promises what follows, each once: one that is known already was promised by an earlier end of the same job, which an operator ran
/// again. So is one that was deleted from the ledger since.
pub(crate) async fn promise(tx: &mut PgConnection, mut follow_ups: BTreeMap<JobId, Parcel>) -> sqlx::Result<()> {
    let ids: Vec<JobId> = follow_ups.keys().copied().collect();
    let known: Vec<(JobId,)> = sqlx::query_as(
        "select id from faena.outbox where id = any($1) union all select id from faena.jobs where id = any($1)
         union all select job_id from faena.commands where job_id = any($1) and verb = 'delete'",
    )
    .bind(&ids)
    .fetch_all(&mut *tx)
    .await?;
    for (id,) in known {
        follow_ups.remove(&id);
    }
    // Keys are taken in one order by everybody, or two recorders could wait for each other.
    let mut parcels: Vec<Parcel> = follow_ups.into_values().collect();
    parcels.sort_by(|one, other| one.key().cmp(&other.key()));
    let mut rows = Rows::default();
    for parcel in parcels {
        if let Some(term) = &parcel.envelope.terms.unique
            && let Some(holder) = unique::take(tx, term, parcel.envelope.id).await?
        {
            parcel.write_duplicate(tx, holder).await?;
            continue;
        }
        rows.add(parcel);
    }
    let promised: Vec<(JobId,)> = sqlx::query_as(include_str!("sql/write_follow_ups.sql"))
        .bind(&rows.ids)
        .bind(&rows.lanes)
        .bind(&rows.names)
        .bind(&rows.versions)
        .bind(&rows.args)
        .bind(&rows.run_at)
        .bind(&rows.traceparents)
        .bind(&rows.enqueued)
        .bind(&rows.terms)
        .fetch_all(&mut *tx)
        .await?;
    let promised: HashSet<JobId> = promised.into_iter().map(|(id,)| id).collect();
    let refused: Vec<JobId> = rows.ids.iter().copied().filter(|id| !promised.contains(id)).collect();
    if !refused.is_empty() {
        error!(?refused, "what was to follow ended jobs cannot be enqueued: Postgres would refuse it");
        let release = sqlx::query("delete from faena.unique_holders where job_id = any($1)").bind(&refused);
        release.execute(&mut *tx).await?;
    }
    for (id, batch) in rows.batches.iter().filter(|(id, _)| promised.contains(id)) {
        if !batch::join(tx, *batch, &[*id]).await? {
            error!(follow_up = %id, %batch, "what follows an ended job was to be of a batch that is over: it is of none");
        }
    }
    info!(promised = promised.len(), "what follows ended jobs was enqueued");
    sqlx::query("select pg_notify('faena_outbox', '')").execute(tx).await.map(drop)
}

impl Parcel {
    fn key(&self) -> Option<&str> {
        self.envelope.terms.unique.as_ref().map(|term| term.key.as_str())
    }
}

impl Rows {
    fn add(&mut self, Parcel { lane, envelope }: Parcel) {
        let Envelope { id, name, version, enqueued_at, run_at, traceparent, terms, args, .. } = envelope;
        self.batches.extend(terms.batch.map(|batch| (id, batch)));
        self.ids.push(id);
        self.lanes.push(lane.as_str());
        self.names.push(name);
        self.versions.push(i16::try_from(version).unwrap_or(i16::MAX));
        self.args.push(args.get().to_owned());
        self.run_at.push(run_at);
        self.traceparents.push(traceparent);
        self.enqueued.push(enqueued_at);
        self.terms.push((!terms.is_default()).then(|| serde_json::to_string(&terms).unwrap_or_default()));
    }
}
