//! Signs the list of the credentials that count no more.

use std::time::Duration;

use queue::{Attempted, Backoff, Failure, Job, OrFailure, Queue, Unique};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{signing::PublishKeyError, status_list};
use crate::ports::{Ctx, Ports};

/// Writes a status list anew, as things stand when the attempt begins.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct PublishStatusList {
    /// Which list.
    pub list: i32,
}

impl Job for PublishStatusList {
    type Ports = Ports;
    const NAME: &'static str = "publish_status_list";
    const QUEUE: Queue = Queue::Default;
    const MAX_ATTEMPTS: u32 = 30;
    const BACKOFF: Backoff = Backoff::between(Duration::from_secs(2), Duration::from_secs(900)).at_least(Duration::from_secs(1));
    /// One that waits sees what happened since it was enqueued.
    const UNIQUE: Option<Unique> = Some(Unique::until_start().by(&["list"]));

    async fn run(self, ctx: &Ctx) -> Attempted {
        let signer = ctx.signer.as_ref().or_dead("this worker has no key to sign certificates with: see CERTIFICATE_KEY")?;
        let mut effect = ctx.effect().await?;
        // One at a time: of two that were read at once, the older one must not be written last.
        sqlx::query("select pg_advisory_xact_lock(hashtext('school.status_lists'), $1)")
            .bind(self.list)
            .execute(&mut *effect)
            .await
            .context("waiting for the list")?;
        match signer.publish(&mut effect).await {
            Ok(()) => {}
            Err(taken @ PublishKeyError::NameTaken(_)) => return Err(Failure::dead(taken.to_string())),
            Err(error) => return Err(error).context("making the public key known"),
        }
        let ended: Vec<i32> = sqlx::query_scalar(
            "select status_index from school.certificates where status_list = $1 and ended_at is not null order by status_index",
        )
        .bind(self.list)
        .fetch_all(&mut *effect)
        .await
        .context("listing the certificates that ended")?;
        let claims = status_list::claims(ctx.links.home(), &ctx.links.status_list(self.list), &ended, ctx.now());
        let credential = signer.token(ctx.links.signing_key(signer.id()).as_str(), &claims);
        sqlx::query(
            "insert into school.status_lists (list, credential) values ($1, $2)
             on conflict (list) do update set credential = excluded.credential, published_at = clock_timestamp()",
        )
        .bind(self.list)
        .bind(credential)
        .execute(&mut *effect)
        .await
        .context("writing the list")?;
        Ok(effect.into())
    }
}
