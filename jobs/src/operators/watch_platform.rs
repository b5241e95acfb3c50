//! Looks whether something needs an operator, and tells them: each standing notice once, until it clears.

use std::time::Duration;

use chrono::{DateTime, Months, Utc};
use queue::{
    Attempted, Backoff, Job, OrFailure, Queue, Unique,
    operations::{LaneOverview, Operations, PRESSURE},
    post_notice,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use super::{bilingual::Bilingual, notice::OperatorNotice};
use crate::{
    chat::{self, Notice},
    housekeeping::make_partitions::room_until,
    mail,
    ports::{Ctx, Ports},
};

/// Where operators read, if there is such a channel.
pub const CHANNEL: &str = "operators";
/// Where every notice stands.
const PAGE: Option<&str> = Some("/ops");
/// A trouble that passes within this time wakes nobody.
const STANDS_FOR: Duration = Duration::from_secs(60);
/// So many dead jobs of a day are a pile; of the queue `critical` one is.
const PILE: i64 = 10;
/// More than that at once are told in one letter.
const MOST_LETTERS: usize = 5;
/// Attempts that fail are usual; this many in a quarter of an hour, this share of all, and this many times yesterday's share are not.
const FAILED_AT_LEAST: i64 = 10;
const FAILED_SHARE: f64 = 0.1;
const FAILED_TIMES: f64 = 3.0;

/// Tickets have room for so long ahead at least: less is left when nobody has made months for weeks.
const ROOM: Months = Months::new(1);

/// Posts and takes back the notices about dead jobs, jobs that wait too long, attempts that fail more than they did, schedules whose jobs die one after the
/// other, ticks that were missed, months that run out, and a recorder that is so far behind that successes go unrecorded; then tells operators by letter and in the chat of every notice that they do not know, whoever posted it.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct WatchPlatform {}

impl Job for WatchPlatform {
    type Ports = Ports;
    const NAME: &'static str = "watch_platform";
    const QUEUE: Queue = Queue::Critical;
    const TIMEOUT: Duration = Duration::from_secs(30);
    // The next look comes in a minute.
    const BACKOFF: Backoff = Backoff::between(Duration::from_secs(1), Duration::from_secs(10));
    const RETRY_FOR: Option<Duration> = Some(Duration::from_secs(60));
    const UNIQUE: Option<Unique> = Some(Unique::until_end());

    async fn run(self, ctx: &Ctx) -> Attempted {
        let live = ctx.live.clone().or_dead("this worker was given no way to ask for live jobs")?;
        let operations = Operations::new(live, ctx.db.clone());
        let overview = operations.overview().await.context("looking at the lanes")?;
        let counts = operations.attempt_counts().await.context("counting attempts")?;
        let mut effect = ctx.effect().await?;
        let died: Vec<Died> =
            sqlx::query_as(include_str!("sql/died_lately.sql")).fetch_all(&mut *effect).await.context("looking for dead jobs")?;
        let trends: Vec<Trend> = sqlx::query_as(include_str!("sql/sample.sql"))
            .bind(counts.iter().map(|count| count.lane.as_str()).collect::<Vec<_>>())
            .bind(counts.iter().map(|count| count.succeeded.cast_signed()).collect::<Vec<_>>())
            .bind(counts.iter().map(|count| count.failed.cast_signed()).collect::<Vec<_>>())
            .fetch_all(&mut *effect)
            .await
            .context("comparing attempts with yesterday's")?;
        let dying: Vec<Dying> = sqlx::query_as(include_str!("sql/dying.sql"))
            .fetch_all(&mut *effect)
            .await
            .context("looking for schedules in vain")?;
        let missed: Vec<Missed> = sqlx::query_as(include_str!("sql/missed.sql"))
            .fetch_all(&mut *effect)
            .await
            .context("looking for ticks that were missed")?;
        let room_until = room_until(&mut *effect).await.context("asking how far the months reach")?;
        let now = sqlx::query_scalar("select now()").fetch_one(&mut *effect).await.context("asking what time it is")?;
        let standing: Vec<Standing> = pile(&died)
            .into_iter()
            .chain(overview.lanes.iter().filter_map(waiting))
            .chain(trends.iter().filter_map(Trend::jump))
            .chain(dying.iter().map(Dying::told))
            .chain(missed.iter().map(Missed::told))
            .chain(running_out(now, room_until))
            .chain(
                overview
                    .notices
                    .iter()
                    .find(|notice| notice.key == PRESSURE)
                    .map(|pressure| Standing { key: PRESSURE.to_owned(), message: pressure.message.clone() }),
            )
            .collect();
        tell(ctx, &mut effect, &standing).await.context("telling operators")?;
        Ok(effect.into())
    }
}

/// Something that is so at present.
#[derive(Debug, PartialEq, Eq)]
struct Standing {
    key: String,
    /// Spanish, a slash, English.
    message: String,
}

#[derive(Debug, sqlx::FromRow)]
struct Died {
    name: String,
    jobs: i64,
    critical: i64,
}

fn pile(died: &[Died]) -> Option<Standing> {
    let (jobs, critical): (i64, i64) = (died.iter().map(|kind| kind.jobs).sum(), died.iter().map(|kind| kind.critical).sum());
    if jobs < PILE && critical == 0 {
        return None;
    }
    let kinds: Vec<String> = died.iter().take(5).map(|kind| format!("{} {}", kind.jobs, kind.name)).collect();
    let kinds = kinds.join(", ");
    let message = format!(
        "En las últimas 24 horas murieron {jobs} trabajos ({kinds}): mira por qué y reintenta lo que valga la pena. / {jobs} jobs died in the \
         last 24 hours ({kinds}): see why, and retry what is worth it. (/ops/jobs?state=dead)"
    );
    Some(Standing { key: "dead_jobs".to_owned(), message })
}

/// How long a job that nothing holds back may wait for a slot.
const fn patience(queue: Queue) -> Duration {
    match queue {
        Queue::Critical => Duration::from_secs(60),
        Queue::Default => Duration::from_secs(600),
        Queue::Low => Duration::from_secs(3600),
    }
}

fn waiting(lane: &LaneOverview) -> Option<Standing> {
    let patience = patience(lane.lane.queue());
    let waits = lane.oldest_age.filter(|age| *age > patience && lane.paused_by.is_none())?;
    let (name, waits_min, patience_min) = (lane.lane, waits.as_secs() / 60, patience.as_secs() / 60);
    let message = format!(
        "En {name} hay un trabajo que espera una plaza desde hace {waits_min} min (se toleran {patience_min}): faltan workers o plazas, o lo que \
         corre no acaba. / In {name} a job has waited for a slot for {waits_min} min ({patience_min} are tolerated): workers or slots are missing, \
         or what runs does not end. (/ops)"
    );
    Some(Standing { key: format!("waiting:{name}"), message })
}

/// How attempts of a lane went in the last quarter of an hour, and in the day before it.
#[derive(Debug, sqlx::FromRow)]
struct Trend {
    lane: String,
    succeeded: i64,
    failed: i64,
    succeeded_before: i64,
    failed_before: i64,
}

impl Trend {
    fn jump(&self) -> Option<Standing> {
        let share = |failed: i64, succeeded: i64| failed as f64 / (failed + succeeded).max(1) as f64;
        let (now, before) = (share(self.failed, self.succeeded), share(self.failed_before, self.succeeded_before));
        if self.failed < FAILED_AT_LEAST || now < FAILED_SHARE || now < before * FAILED_TIMES {
            return None;
        }
        let (lane, failed, now, before) = (&self.lane, self.failed, 100.0 * now, 100.0 * before);
        let message = format!(
            "En {lane} fallan más intentos que de costumbre: {failed} en el último cuarto de hora, el {now:.0} %, y antes el {before:.1} %. / In \
             {lane} more attempts fail than usual: {failed} in the last quarter of an hour, {now:.0} %, and {before:.1} % before. (/ops)"
        );
        Some(Standing { key: format!("failures:{lane}"), message })
    }
}

/// A schedule whose last jobs have all died.
#[derive(Debug, sqlx::FromRow)]
struct Dying {
    schedule: String,
    job: String,
    times: i64,
}

impl Dying {
    fn told(&self) -> Standing {
        let Self { schedule, job, times } = self;
        let message = format!(
            "El horario {schedule} se dispara en vano: sus {times} últimos trabajos ({job}) murieron. Mira por qué y reintenta el último. / The \
             schedule {schedule} fires in vain: its last {times} jobs ({job}) died. See why, and retry the last one. (/ops/schedules/{schedule})"
        );
        Standing { key: format!("dying:{schedule}"), message }
    }
}

/// Ticks of a schedule that did not fire.
#[derive(Debug, sqlx::FromRow)]
struct Missed {
    schedule: String,
    ticks: i64,
    first: DateTime<Utc>,
    last: DateTime<Utc>,
}

impl Missed {
    fn told(&self) -> Standing {
        let Self { schedule, ticks, .. } = self;
        let (first, last) = (self.first.format("%Y-%m-%d %H:%M"), self.last.format("%Y-%m-%d %H:%M"));
        let message = format!(
            "Ticks del horario {schedule} que no se dispararon: {ticks}, del {first} al {last} UTC. No había ningún worker que lo hiciera a tiempo, o su \
             trabajo no se pudo encolar: ejecuta a mano lo que haga falta. / Ticks of the schedule {schedule} that did not fire: {ticks}, from {first} to \
             {last} UTC. No worker was there to do so in time, or its job could not be enqueued: run by hand what is wanted. (/ops/schedules/{schedule})"
        );
        Standing { key: format!("missed:{schedule}"), message }
    }
}

/// Tickets that come in a month that nobody has made are refused.
fn running_out(now: DateTime<Utc>, room_until: DateTime<Utc>) -> Option<Standing> {
    if now.checked_add_months(ROOM).is_none_or(|needed| needed <= room_until) {
        return None;
    }
    let until = room_until.format("%Y-%m-%d");
    let message = format!(
        "Las particiones de solicitudes llegan solo hasta el {until}: después no se podrá abrir ninguna. Mira por qué make_partitions no hace las que \
         siguen, y ejecútalo. / The partitions of tickets reach until {until} only: after that none can be opened. See why make_partitions does not make \
         those that follow, and run it. (/ops/housekeeping)"
    );
    Some(Standing { key: "months".to_owned(), message })
}

#[derive(Debug, sqlx::FromRow)]
struct Untold {
    key: String,
    message: String,
    since: DateTime<Utc>,
}

/// Puts the notices in step with what stands, and tells of those that nobody was told of.
async fn tell(ctx: &Ctx, tx: &mut PgConnection, standing: &[Standing]) -> Result<(), queue::EnqueueError> {
    let keys: Vec<&str> = standing.iter().map(|standing| &*standing.key).collect();
    sqlx::query(include_str!("sql/end_conditions.sql")).bind(&keys).execute(&mut *tx).await?;
    for Standing { key, message } in standing {
        post_notice(&mut *tx, key, message).await?;
    }
    let untold: Vec<Untold> = sqlx::query_as(include_str!("sql/untold.sql")).bind(STANDS_FOR).fetch_all(&mut *tx).await?;
    let over: Vec<(String, DateTime<Utc>)> = sqlx::query_as(include_str!("sql/over.sql")).fetch_all(&mut *tx).await?;
    // That no letter leaves is not told by letter: it would come when that is over.
    let by_letter: Vec<&Untold> = untold.iter().filter(|untold| untold.key != mail::NOTICE).collect();
    write_letters(tx, &by_letter).await?;
    if !chat::has_channel(tx, ctx, CHANNEL).await? {
        return Ok(());
    }
    for Untold { key, message, since } in &untold {
        let key = said_under(key, *since, "");
        chat::post(tx, Notice { channel: CHANNEL, key: &key, text: message, page: PAGE, list: PAGE, is_urgent: true }).await?;
    }
    for (key, since) in &over {
        let text = format!("Se acabó / It is over: {key}");
        let key = said_under(key, *since, ":over");
        chat::post(tx, Notice { channel: CHANNEL, key: &key, text: &text, page: PAGE, list: PAGE, is_urgent: false }).await?;
    }
    Ok(())
}

fn said_under(key: &str, since: DateTime<Utc>, what: &str) -> String {
    let key: String = key.chars().take(150).collect();
    format!("notice:{key}:{}{what}", since.timestamp_millis())
}

async fn write_letters(tx: &mut PgConnection, untold: &[&Untold]) -> Result<(), queue::EnqueueError> {
    let said: Vec<Bilingual> = untold.iter().map(|untold| Bilingual::read(&untold.message)).collect();
    if said.len() > MOST_LETTERS {
        let (of_es, of_en) = (format!("{} avisos nuevos", said.len()), format!("{} new notices", said.len()));
        let (es, en): (Vec<_>, Vec<_>) = said.iter().map(|said| (&*said.es, &*said.en)).unzip();
        let (es, en) = (es.join("\n\n"), en.join("\n\n"));
        return OperatorNotice { subject: (&of_es, &of_en), text: (&es, &en), path: "/ops" }.tell(tx).await;
    }
    for Bilingual { es, en, path } in &said {
        let path = path.as_deref().unwrap_or("/ops");
        OperatorNotice { subject: (first_words(es), first_words(en)), text: (es, en), path }.tell(tx).await?;
    }
    Ok(())
}

/// Up to the first pause in a sentence.
fn first_words(text: &str) -> &str {
    let end = text.find([':', '.', '(']).filter(|end| *end > 0).unwrap_or(text.len());
    text[..end].trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trend(failed: i64, succeeded: i64, failed_before: i64, succeeded_before: i64) -> bool {
        Trend { lane: "default".to_owned(), succeeded, failed, succeeded_before, failed_before }.jump().is_some()
    }

    #[test]
    fn a_few_dead_jobs_are_no_pile_and_an_urgent_one_is() {
        let died = |jobs, critical| Died { name: "send_receipt".to_owned(), jobs, critical };
        assert_eq!(pile(&[died(PILE - 1, 0)]), None);
        assert!(
            pile(&[died(PILE - 4, 0), died(4, 0)])
                .is_some_and(|standing| standing.message.contains("6 send_receipt, 4 send_receipt"))
        );
        assert!(pile(&[died(1, 1)]).is_some());
        assert_eq!(pile(&[]), None);
    }

    #[test]
    fn failures_are_told_when_they_are_many_and_more_than_yesterday() {
        assert!(trend(20, 80, 1, 10_000));
        assert!(trend(10, 0, 0, 0), "a lane of this morning");
        assert!(!trend(9, 0, 0, 0), "too few to mean anything");
        assert!(!trend(20, 980, 0, 10_000), "two in a hundred are tried again");
        assert!(!trend(30, 70, 2_000, 8_000), "as bad as it ever was");
    }

    #[test]
    fn a_month_of_room_is_enough_and_a_day_less_is_told() {
        let at = |text: &str| format!("{text}T12:00:00Z").parse::<DateTime<Utc>>().expect("a moment");
        let until = |text: &str| format!("{text}T00:00:00Z").parse::<DateTime<Utc>>().expect("a moment");
        assert_eq!(running_out(at("2026-11-30"), until("2027-01-01")), None);
        assert_eq!(running_out(at("2027-01-31"), until("2027-03-01")), None, "a month from the 31st is the end of a short one");
        let told = running_out(at("2026-12-01"), until("2027-01-01")).expect("a notice");
        assert!(told.message.contains("hasta el 2027-01-01") && told.message.contains("until 2027-01-01 only"), "{told:?}");
        assert!(running_out(at("2026-12-01"), until("2026-12-01")).is_some(), "there is none left");
    }

    #[test]
    fn a_letter_has_the_part_of_a_notice_that_its_reader_can_read() {
        let Bilingual { es, en, .. } =
            Bilingual::read("El correo no sale: mira SMTP_URL. / Mail does not leave: check SMTP_URL. (535)");
        assert_eq!((first_words(&es), first_words(&en)), ("El correo no sale", "Mail does not leave"));
        assert!(es.ends_with("SMTP_URL. (535)") && en.ends_with("SMTP_URL. (535)"), "the reason is everybody's");
    }
}
