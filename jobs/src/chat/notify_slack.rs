//! Says in a channel of Slack what is to be said there.

use std::time::Duration;

use chrono::{DateTime, Utc};
use queue::{Attempted, Backoff, Failure, Job, Limit, OrFailure, Queue, Unique, clear_notice, enqueue, post_notice};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use tracing::{error, info};

use super::{
    Notice,
    channel::{ChannelName, own_webhook},
    message::{self, Leaving},
    webhook::Webhook,
    write_down,
};
use crate::{
    help_desk::{say_alerts, say_tickets},
    operators::notice::OperatorNotice,
    ports::{
        Ctx, Ports,
        chat::{Chat, ChatTrouble, Door},
    },
};

/// A message takes in at most so many notices; what still waits goes into the next.
const MOST: i64 = 500;
/// A chat that is away for some minutes wakes nobody; after so many attempts of one message it has been away for a while.
const PATIENCE: u32 = 6;
/// How often it is asked from then on, over all messages of a channel.
const AWAY_WAIT: Duration = Duration::from_secs(300);

/// Says all that waits in the channel, in one message.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct NotifySlack {
    /// The channel's name.
    #[schemars(regex(pattern = "^[a-z][a-z0-9_-]{0,39}$"))]
    pub channel: String,
    /// Say that this is a trial, and try the channel again if it was disabled.
    #[serde(default)]
    pub test: bool,
}

impl Job for NotifySlack {
    type Ports = Ports;
    const NAME: &'static str = "notify_slack";
    const QUEUE: Queue = Queue::Default;
    const MAX_ATTEMPTS: u32 = 12;
    const TIMEOUT: Duration = Duration::from_secs(60);
    const BACKOFF: Backoff = Backoff::between(Duration::from_secs(5), Duration::from_secs(3600)).at_least(Duration::from_secs(1));
    /// Slack takes a message a second of each webhook (<https://docs.slack.dev/apis/web-api/rate-limits>). One at a time: what an attempt finds as
    /// `sending` has no other attempt behind it.
    const LIMITS: &'static [Limit] = &[Limit::rate("chat", 1, Duration::from_secs(1)).by("channel").and_at_once(1)];
    /// One waits for each channel, and says what has come meanwhile.
    const UNIQUE: Option<Unique> = Some(Unique::until_start().by(&["channel", "test"]));

    async fn run(self, ctx: &Ctx) -> Attempted {
        let chat = ctx.chat.clone().or_dead("this worker was given no chat")?;
        let own = self.own_webhook(ctx, chat.as_ref()).await?;
        let set = own.as_ref().map(Webhook::fingerprint).or_else(|| chat.fingerprint(&self.channel));
        let Some(webhook) = set else {
            clear_notice(&ctx.db, &self.away()).await.context("taking back that the channel is away")?;
            return Err(Failure::dead("there is no such channel: set its webhook at /admin/chat, or in SLACK_WEBHOOKS"));
        };
        let notices = match self.take(ctx, &webhook).await? {
            Taken::Nothing => {
                let mut effect = ctx.effect().await?;
                clear_notice(&mut *effect, &self.away()).await.context("taking back that the channel is away")?;
                return Ok(effect.into());
            }
            Taken::Quiet(until) => return Err(Failure::throttled(until, "Slack has asked for quiet, or is away")),
            Taken::Disabled(why) => return Err(Failure::cancelled(format!("the channel is disabled: {why}"))),
            Taken::These(notices) => notices,
        };
        let ids: Vec<i64> = notices.iter().map(|notice| notice.id).collect();
        let door = own.as_ref().map_or(Door::Setting(&self.channel), Door::Webhook);
        match chat.post(door, &message::write(&notices, &ctx.links)).await {
            Ok(()) => {
                let mut effect = ctx.effect().await?;
                mark(&mut effect, &ids, "sent").await?;
                clear_notice(&mut *effect, &self.away()).await.context("taking back that the channel is away")?;
                self.go_on(&mut effect).await?;
                info!(job = %ctx.job_id(), channel = self.channel, notices = ids.len(), "said in a channel");
                Ok(effect.into())
            }
            Err(trouble) => Err(self.give_up(ctx, trouble, &ids, &webhook).await?),
        }
    }
}

enum Taken {
    Nothing,
    Quiet(DateTime<Utc>),
    Disabled(String),
    These(Vec<Leaving>),
}

impl NotifySlack {
    /// The webhook that an administrator has set. One that cannot be opened is dead, and not passed over: the setting's may be another channel.
    async fn own_webhook(&self, ctx: &Ctx, chat: &dyn Chat) -> Result<Option<Webhook>, Failure> {
        let name = ChannelName::parse(&self.channel).or_dead("that is no name of a channel")?;
        let Some(opened) = own_webhook(&ctx.db, &name).await.context("looking up the channel's webhook")? else {
            return Ok(None);
        };
        let webhook = opened.map_err(|why| Failure::dead(format!("the channel's webhook cannot be opened: {why}")))?;
        chat.read_webhook(webhook.expose()).or_dead("the channel's webhook").map(Some)
    }

    /// Marks what is about to leave, unless nothing may.
    async fn take(&self, ctx: &Ctx, webhook: &[u8; 32]) -> Result<Taken, Failure> {
        let mut step = ctx.step().await?;
        if self.test {
            // Named after the job, so that it is tried once however often the job is attempted.
            let key = format!("test:{}", ctx.job_id());
            let text = "Prueba de Faena: este canal recibe avisos. / A trial of Faena's: this channel gets notices.";
            write_down(&mut step, &[Notice { channel: &self.channel, key: &key, text, ..Notice::default() }])
                .await
                .context("writing the trial down")?;
        }
        // A webhook that has replaced a dead one is tried, and so is any when somebody asks for it for the first time.
        sqlx::query(
            "update core.chat_channels set disabled_at = null, disabled_for = null, disabled_webhook = null
             where name = $1 and disabled_at is not null and (disabled_webhook <> $2 or $3)",
        )
        .bind(&self.channel)
        .bind(webhook.as_slice())
        .bind(self.test && ctx.attempt() == 1)
        .execute(&mut *step)
        .await
        .context("trying the channel again")?;
        let channel: Option<(Option<DateTime<Utc>>, Option<String>)> =
            sqlx::query_as("select quiet_until, disabled_for from core.chat_channels where name = $1")
                .bind(&self.channel)
                .fetch_optional(&mut *step)
                .await
                .context("looking up the channel")?;
        let (quiet_until, disabled_for) = channel.unwrap_or_default();
        let taken = if let Some(why) = disabled_for {
            refuse_all(&mut step, &self.channel).await?;
            Taken::Disabled(why)
        } else if let Some(until) = quiet_until.filter(|until| *until > ctx.now()) {
            Taken::Quiet(until)
        } else {
            say_alerts::withdraw_alerts(&mut step, &self.channel).await.context("withdrawing what nobody need hear")?;
            say_tickets::withdraw_tickets(&mut step, &self.channel).await.context("withdrawing tickets that are taken up")?;
            let mut notices: Vec<Leaving> = sqlx::query_as(include_str!("sql/take.sql"))
                .bind(&self.channel)
                .bind(ctx.job_id())
                .bind(MOST)
                .fetch_all(&mut *step)
                .await
                .context("taking what is to be said")?;
            put_into_words(&mut step, &mut notices).await?;
            if notices.is_empty() { Taken::Nothing } else { Taken::These(notices) }
        };
        step.commit().await?;
        Ok(taken)
    }

    /// What still waits goes into another message.
    async fn go_on(&self, effect: &mut PgConnection) -> Result<(), Failure> {
        let sql = "select exists (select from core.chat_notices where channel = $1 and state = 'waiting')";
        let waits: bool =
            sqlx::query_scalar(sql).bind(&self.channel).fetch_one(&mut *effect).await.context("looking for more")?;
        if waits {
            let next = Self { channel: self.channel.clone(), test: false };
            enqueue(effect, next).await.context("promising the next message")?;
        }
        Ok(())
    }

    /// Writes down why nothing was said, and decides what is next.
    async fn give_up(&self, ctx: &Ctx, trouble: ChatTrouble, ids: &[i64], webhook: &[u8; 32]) -> Result<Failure, Failure> {
        let mut step = ctx.step().await?;
        let failure = match trouble {
            ChatTrouble::Away { words } => {
                put_back(&mut step, ids).await?;
                if ctx.attempt() < PATIENCE {
                    Failure::retry(words)
                } else {
                    // However long that takes nothing is given up: what nobody need hear any more when it is back is withdrawn then.
                    post_notice(&mut *step, &self.away(), &self.is_away(&words)).await.context("telling operators")?;
                    let until = ctx.now() + AWAY_WAIT;
                    self.be_quiet(&mut step, until).await?;
                    Failure::throttled(until, words)
                }
            }
            ChatTrouble::Quiet { wait, words } => {
                put_back(&mut step, ids).await?;
                let until = ctx.now() + wait;
                self.be_quiet(&mut step, until).await?;
                Failure::throttled(until, words)
            }
            ChatTrouble::Gone { words } => {
                self.disable(&mut step, &words, webhook).await?;
                Failure::dead(format!("Slack says {words}: the channel {} is disabled, and operators are told", self.channel))
            }
            ChatTrouble::Refused { words } => {
                mark(&mut step, ids, "refused").await?;
                Failure::dead(format!("Slack will not take it: {words}"))
            }
            // The row says `sending`: the next attempt knows what may be said again, and that the rest is unknown. After the last one all of it is.
            ChatTrouble::Unknown { words } => {
                if ctx.is_last_attempt() {
                    mark(&mut step, ids, "unknown").await?;
                }
                Failure::retry(format!("it may have arrived: {words}"))
            }
        };
        step.commit().await?;
        Ok(failure)
    }

    /// Nobody knocks until then.
    async fn be_quiet(&self, step: &mut PgConnection, until: DateTime<Utc>) -> Result<(), Failure> {
        sqlx::query("update core.chat_channels set quiet_until = $2 where name = $1")
            .bind(&self.channel)
            .bind(until)
            .execute(step)
            .await
            .map(drop)
            .context("keeping quiet")
    }

    /// The key of the notice that the chat does not answer.
    fn away(&self) -> String {
        format!("chat_away:{}", self.channel)
    }

    fn is_away(&self, words: &str) -> String {
        let channel = &self.channel;
        format!(
            "El canal {channel} del chat no responde: lo que había que decir espera, y se dice como esté todo cuando vuelva. / The channel {channel} of \
             the chat does not answer: what was to be said waits, and is said as things stand when it is back. ({words}) (/admin/chat)"
        )
    }

    /// Nobody is reached there any more: what waits is refused, and operators are told by letter, once.
    async fn disable(&self, step: &mut PgConnection, words: &str, webhook: &[u8; 32]) -> Result<(), Failure> {
        let disabled = sqlx::query(
            "update core.chat_channels set disabled_at = clock_timestamp(), disabled_for = left($2, 500), disabled_webhook = $3
             where name = $1 and disabled_at is null",
        )
        .bind(&self.channel)
        .bind(words)
        .bind(webhook.as_slice())
        .execute(&mut *step)
        .await
        .context("disabling the channel")?;
        refuse_all(step, &self.channel).await?;
        clear_notice(&mut *step, &self.away()).await.context("taking back that the channel is away")?;
        if disabled.rows_affected() == 0 {
            return Ok(());
        }
        error!(channel = self.channel, words, "a channel of the chat is gone");
        let channel = &self.channel;
        let notice = OperatorNotice {
            subject: (
                &format!("el canal {channel} ya no recibe avisos"),
                &format!("the channel {channel} gets no notices any more"),
            ),
            text: (
                &format!(
                    "Slack no acepta avisos en el canal {channel} ({words}), así que está desactivado y lo que esperaba no se ha dicho. Un administrador puede poner otro \
                     webhook o probarlo de nuevo en /admin/chat."
                ),
                &format!(
                    "Slack takes no notices in the channel {channel} ({words}), so it is disabled, and what waited was not said. An administrator can set \
                     another webhook, or try it again, at /admin/chat."
                ),
            ),
            path: "/ops",
        };
        notice.tell(step).await.context("telling operators")
    }
}

async fn mark(db: &mut PgConnection, ids: &[i64], state: &str) -> Result<(), Failure> {
    sqlx::query("update core.chat_notices set state = $2, updated_at = clock_timestamp() where id = any($1)")
        .bind(ids)
        .bind(state)
        .execute(db)
        .await
        .map(drop)
        .context("noting what became of notices")
}

/// What is told of deadlines says how late it is when it is said, however long it has waited; the row keeps what was said last.
async fn put_into_words(db: &mut PgConnection, notices: &mut [Leaving]) -> Result<(), Failure> {
    let keys: Vec<&str> = notices.iter().map(|notice| notice.key.as_str()).collect();
    let mut words = say_alerts::alerts_in_words(db, &keys).await.context("putting alerts into words")?;
    let (mut ids, mut texts) = (Vec::new(), Vec::new());
    for notice in notices.iter_mut() {
        if let Some(text) = words.remove(&notice.key) {
            ids.push(notice.id);
            texts.push(text.clone());
            notice.text = text;
        }
    }
    if ids.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "update core.chat_notices n set text = w.text from unnest($1::bigint[], $2::text[]) w (id, text) where n.id = w.id",
    )
    .bind(ids)
    .bind(texts)
    .execute(db)
    .await
    .map(drop)
    .context("noting what is said")
}

/// They did not leave.
async fn put_back(db: &mut PgConnection, ids: &[i64]) -> Result<(), Failure> {
    sqlx::query(
        "update core.chat_notices set state = 'waiting', sends = sends - 1, updated_at = clock_timestamp() where id = any($1)",
    )
    .bind(ids)
    .execute(db)
    .await
    .map(drop)
    .context("putting notices back")
}

async fn refuse_all(db: &mut PgConnection, channel: &str) -> Result<(), Failure> {
    sqlx::query(
        "update core.chat_notices set state = 'refused', updated_at = clock_timestamp() where channel = $1 and state in ('waiting', 'sending')",
    )
    .bind(channel)
    .execute(db)
    .await
    .map(drop)
    .context("refusing what waits")
}
