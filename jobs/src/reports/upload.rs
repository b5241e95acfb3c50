//! A report's file on its way to the store: in one piece where it is small, in parts where it is not, and never left half-way without a row that says so.

use std::sync::Arc;

use bytes::Bytes;
use queue::{Failure, OrFailure as _};
use sha2::{Digest as _, Sha256};
use tokio::task::JoinSet;
use tracing::warn;
use uuid::Uuid;

use super::report::{Report, ReportId};
use crate::{
    operators::store,
    ports::{
        Ctx,
        blobs::{BlobTrouble, Blobs, File, LEAST_PART, MOST_PARTS},
    },
};

/// How much is sent at once; as much again may wait for its turn. Ten thousand of these are 80 GB.
pub(super) const PART: usize = 8 * 1024 * 1024;
const _: () = assert!(PART >= LEAST_PART, "the store takes no shorter parts");

/// A file that is sent as it grows.
pub(super) struct Upload<'c> {
    ctx: &'c Ctx,
    store: Arc<dyn Blobs>,
    key: String,
    content_type: &'static str,
    name: String,
    /// The store's name for it, once there is more than one part.
    upload: Option<String>,
    tags: Vec<String>,
    /// The part that is on its way while the next one grows.
    on_its_way: JoinSet<Result<String, BlobTrouble>>,
    digest: Sha256,
    bytes: u64,
}

/// A file that is whole and in the store.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) key: String,
    pub(super) bytes: i64,
    pub(super) sha256: [u8; 32],
}

impl<'c> Upload<'c> {
    /// Writes down what is about to be sent. The key is this attempt's own: whoever was thought dead, and was not, overwrites nothing.
    pub(super) async fn begin(ctx: &'c Ctx, report: &Report, name: String) -> Result<Self, Failure> {
        let store = ctx.blobs.clone().or_dead("this worker has no store of files: see S3_ENDPOINT")?;
        let key = format!("reports/{}/{}.{}", report.id, Uuid::new_v4().simple(), report.format);
        let mut step = ctx.step().await?;
        sqlx::query("insert into core.report_uploads (object_key, report_id) values ($1, $2)")
            .bind(&key)
            .bind(report.id)
            .execute(&mut *step)
            .await
            .context("noting what will be sent")?;
        step.commit().await?;
        Ok(Self {
            ctx,
            store,
            key,
            content_type: report.format.content_type(),
            name,
            upload: None,
            tags: Vec::new(),
            on_its_way: JoinSet::new(),
            digest: Sha256::new(),
            bytes: 0,
        })
    }

    /// Sends a part of the file: of [`PART`] bytes at least, unless it is the last. It is on its way when this returns, and the one before has arrived.
    pub(super) async fn part(&mut self, part: Vec<u8>) -> Result<(), Failure> {
        self.take(&part);
        let upload = match self.upload.clone() {
            Some(upload) => upload,
            None => self.begin_parts().await?,
        };
        self.arrive().await?;
        let number = i32::try_from(self.tags.len() + 1).unwrap_or(i32::MAX);
        if number > MOST_PARTS {
            return Err(Failure::dead(format!("the file has more than {MOST_PARTS} parts")));
        }
        let (store, key, part) = (self.store.clone(), self.key.clone(), Bytes::from(part));
        self.on_its_way.spawn(async move { store.put_part(&key, &upload, number, part).await });
        Ok(())
    }

    /// Sends the rest, and makes a file of it all.
    pub(super) async fn finish(mut self, rest: Vec<u8>) -> Result<Sent, Failure> {
        if self.upload.is_none() {
            self.take(&rest);
            let file = File { bytes: &rest, content_type: self.content_type, name: &self.name };
            let put = self.store.put(&self.key, file).await;
            self.heard(put).await?;
        } else {
            if !rest.is_empty() {
                self.part(rest).await?;
            }
            self.arrive().await?;
            let upload = self.upload.clone().unwrap_or_default();
            let completed = self.store.complete(&self.key, &upload, &self.tags).await;
            self.heard(completed).await?;
        }
        store::answers(self.ctx).await?;
        Ok(Sent { key: self.key, bytes: i64::try_from(self.bytes).unwrap_or(i64::MAX), sha256: self.digest.finalize().into() })
    }

    fn take(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    /// Asks the store for a name, and writes it down before anything is sent under it.
    async fn begin_parts(&mut self) -> Result<String, Failure> {
        let file = File { bytes: &[], content_type: self.content_type, name: &self.name };
        let begun = self.store.begin(&self.key, file).await;
        let upload = self.heard(begun).await?;
        let mut step = self.ctx.step().await?;
        sqlx::query("update core.report_uploads set upload_id = $2 where object_key = $1")
            .bind(&self.key)
            .bind(&upload)
            .execute(&mut *step)
            .await
            .context("noting how the store calls it")?;
        step.commit().await?;
        self.upload = Some(upload.clone());
        Ok(upload)
    }

    /// Waits for the part that is on its way.
    async fn arrive(&mut self) -> Result<(), Failure> {
        if let Some(arrived) = self.on_its_way.join_next().await {
            let tag = self.heard(arrived.context("sending a part")?).await?;
            self.tags.push(tag);
        }
        Ok(())
    }

    async fn heard<T>(&self, answer: Result<T, BlobTrouble>) -> Result<T, Failure> {
        match answer {
            Ok(value) => Ok(value),
            Err(trouble) => Err(store::trouble(self.ctx, trouble).await),
        }
    }
}

/// Takes away what attempts at a report have left in the store. What cannot be taken away now is left for the sweep.
pub(super) async fn discard(ctx: &Ctx, report: ReportId) {
    let left: sqlx::Result<Vec<(String, Option<String>)>> =
        sqlx::query_as("select object_key, upload_id from core.report_uploads where report_id = $1")
            .bind(report)
            .fetch_all(&ctx.db)
            .await;
    for (key, upload) in left.unwrap_or_default() {
        if let Err(trouble) = forget(ctx, &key, upload.as_deref()).await {
            warn!(%report, %trouble, "what is left of a report is left to the sweep");
        }
    }
}

async fn forget(ctx: &Ctx, key: &str, upload: Option<&str>) -> anyhow::Result<()> {
    let Some(store) = &ctx.blobs else { return Ok(()) };
    clear(store.as_ref(), key, upload).await?;
    sqlx::query("delete from core.report_uploads where object_key = $1").bind(key).execute(&ctx.db).await?;
    Ok(())
}

/// Takes away what stands under a key in the store: uploads in parts, and the file.
///
/// # Errors
/// As the store says.
pub(crate) async fn clear(store: &dyn Blobs, key: &str, upload: Option<&str>) -> Result<(), BlobTrouble> {
    if let Some(upload) = upload {
        store.abort(key, upload).await?;
    }
    // Whoever died between the store's answer and their note of it has left one that stands nowhere.
    for unknown in store.unfinished(key).await? {
        store.abort(key, &unknown).await?;
    }
    store.delete(key).await
}
