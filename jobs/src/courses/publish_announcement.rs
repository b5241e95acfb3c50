//! Tells everybody in a course.

use std::time::Duration;

use queue::{Attempted, Failure, Job, OrFailure, Queue, enqueue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use super::{
    announcement::{Announcement, AnnouncementId},
    send_announcement::SendAnnouncement,
};
use crate::{
    accounts::user::UserId,
    ports::{Ctx, Ports},
};

/// How many letters one transaction promises.
const BATCH: i64 = 500;

/// Promises a letter to everybody in the course, a part at a time: whoever dies in between goes on where they stood.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct PublishAnnouncement {
    /// What is told.
    pub announcement_id: AnnouncementId,
}

/// How far it has got.
#[derive(Debug, Serialize, Deserialize)]
struct Reached {
    /// The last person whose letter is promised.
    user_id: UserId,
    letters: i64,
}

impl Job for PublishAnnouncement {
    type Ports = Ports;
    const NAME: &'static str = "publish_announcement";
    const QUEUE: Queue = Queue::Low;
    const TIMEOUT: Duration = Duration::from_secs(600);

    async fn run(self, ctx: &Ctx) -> Attempted {
        let announcement = Announcement::find(&ctx.db, self.announcement_id)
            .await
            .context("looking up the announcement")?
            .or_dead("the announcement is gone")?;
        let mut reached = ctx.checkpoint().await?.unwrap_or(Reached { user_id: UserId(0), letters: 0 });
        loop {
            let readers = announcement.readers(&ctx.db, reached.user_id, BATCH).await.context("looking up who is told")?;
            let count = readers.len() as i64;
            reached.letters += count;
            if count < BATCH {
                let mut effect = ctx.effect().await?;
                promise(&mut effect, &announcement, &readers).await?;
                announcement.told(&mut effect, reached.letters).await.context("noting that everybody is told")?;
                return Ok(effect.into());
            }
            reached.user_id = readers.last().copied().unwrap_or(reached.user_id);
            let mut step = ctx.step().await?;
            promise(&mut step, &announcement, &readers).await?;
            step.save_checkpoint(&reached).await?;
            step.commit().await?;
            ctx.progress(reached.letters.unsigned_abs(), 0, "letters");
            if ctx.cancelled().is_cancelled() {
                return Err(Failure::retry("asked to stop before everybody was told"));
            }
        }
    }
}

async fn promise(tx: &mut PgConnection, announcement: &Announcement, readers: &[UserId]) -> Result<(), Failure> {
    for user_id in readers {
        let letter = SendAnnouncement { announcement_id: announcement.id, user_id: *user_id };
        enqueue(tx, letter).await.context("promising a letter")?;
    }
    Ok(())
}
