//! Tells one person by mail what their course has to tell.

use std::time::Duration;

use queue::{Attempted, Backoff, Failure, Job, Limit, OrFailure, Queue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    announcement::{Announcement, AnnouncementId},
    course::Course,
    enrolment::Enrolment,
};
use crate::{
    accounts::user::{User, UserId},
    mail::{delivery, letters::CourseAnnouncement},
    ports::{Ctx, Ports},
};

/// Sends the letter about an announcement.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct SendAnnouncement {
    /// What is told.
    pub announcement_id: AnnouncementId,
    /// To whom.
    pub user_id: UserId,
}

impl Job for SendAnnouncement {
    type Ports = Ports;
    const NAME: &'static str = "send_announcement";
    const QUEUE: Queue = Queue::Low;
    const MAX_ATTEMPTS: u32 = delivery::MAX_ATTEMPTS;
    const TIMEOUT: Duration = delivery::TIMEOUT;
    const BACKOFF: Backoff = delivery::BACKOFF;
    const LIMITS: &'static [Limit] = delivery::LOW_LIMITS;

    async fn run(self, ctx: &Ctx) -> Attempted {
        let Self { announcement_id, user_id } = self;
        let key = format!("announcement:{}:{user_id}", announcement_id.0);
        let announcement = Announcement::find(&ctx.db, announcement_id)
            .await
            .context("looking up the announcement")?
            .or_dead("the announcement is gone")?;
        let user = User::find(&ctx.db, user_id).await.context("looking up the account")?.or_dead("the account is gone")?;
        let enrolment =
            Enrolment::find(&ctx.db, user_id, announcement.course_id).await.context("looking up whether they take part still")?;
        if user.disabled_at.is_some() || !enrolment.is_some_and(|enrolment| enrolment.is_active()) {
            delivery::withdraw(ctx, &key).await?;
            return Err(Failure::cancelled("they take no part in the course any more"));
        }
        let course = Course::by_id(&ctx.db, announcement.course_id)
            .await
            .context("looking up the course")?
            .or_dead("the course is gone")?;
        let letter = CourseAnnouncement {
            course: course.title,
            instructor: announcement.author.clone(),
            title: announcement.title.clone(),
            paragraphs: announcement.paragraphs().map(str::to_owned).collect(),
            link: ctx.links.announcements(user.locale, &course.slug),
        };
        delivery::send(ctx, key, &user, &letter).await
    }
}
