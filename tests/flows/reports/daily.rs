//! The morning's reports: at nine by each manager's own clock, once, on days when a clock is changed too.

use chrono::{DateTime, TimeDelta, Utc};
use jobs::{
    catalogue,
    ports::{Ports, fakes::Fakes},
    reports::{
        announce_report::AnnounceReport,
        build_report::BuildReport,
        daily::promise,
        kind::{Format, Kind},
        report::{Report, ReportId},
    },
};
use queue::kit::{Kit, Outcome};
use schedules::{Tz, schedules};

use super::{Office, params};

impl Office {
    /// Two managers, in Madrid and in Bogotá, and people who are told nothing.
    async fn with_mornings() -> Self {
        let office = Self::open().await;
        office
            .run(
                "insert into core.users (email, full_name, role, locale, time_zone, password_hash, email_verified_at, created_at, disabled_at)
                 values ('berta@mesa.example', 'Berta Roa', 'manager', 'en', 'America/Bogota', '-', now(), '2026-01-01', null),
                        ('gone@mesa.example', 'Gone', 'manager', 'en', 'America/Bogota', '-', now(), '2026-01-01', now()),
                        ('unknown@mesa.example', 'Unknown', 'manager', 'en', 'America/Bogota', '-', null, '2026-01-01', null)",
            )
            .await;
        office
    }

    async fn looks(&self, at: DateTime<Utc>) -> Vec<ReportId> {
        let mut tx = self.stores.db.begin().await.unwrap();
        let promised = promise(&mut tx, at).await.unwrap();
        tx.commit().await.unwrap();
        promised
    }

    /// Whose morning was promised, by their clocks, and the day that each tells of.
    async fn mornings(&self) -> Vec<(String, String, String)> {
        sqlx::query_as(
            "select split_part(u.email::text, '@', 1), to_char(r.daily_at at time zone u.time_zone, 'YYYY-MM-DD HH24:MI'), r.params ->> 'from'
             from core.daily_reports d join core.reports r on r.id = d.report_id join core.users u on u.id = d.user_id
             order by r.daily_at, u.id",
        )
        .fetch_all(&self.stores.db)
        .await
        .unwrap()
    }
}

fn moment(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn at(who: &str, nine: &str, day: &str) -> (String, String, String) {
    (who.to_owned(), nine.to_owned(), day.to_owned())
}

#[tokio::test]
async fn mornings_come_at_nine_of_each_clock_over_a_change_of_it() {
    let office = Office::with_mornings().await;
    // Every quarter of an hour of four days. Madrid goes back at 01:00 UTC on the 25th of October.
    let (mut now, end) = (moment("2026-10-24T00:00:00Z"), moment("2026-10-27T00:00:00Z"));
    let mut fired = Vec::new();
    while now < end {
        for _ in office.looks(now).await {
            fired.push(now.format("%d %H:%M").to_string());
        }
        now += TimeDelta::minutes(15);
    }

    // At first the morning of the 23rd, which came at 14:00 UTC, is less than twelve hours over.
    assert_eq!(fired, ["24 00:00", "24 07:00", "24 14:00", "25 08:00", "25 14:00", "26 08:00", "26 14:00"]);
    assert_eq!(
        office.mornings().await,
        [
            at("berta", "2026-10-23 09:00", "2026-10-22"),
            at("consuelo", "2026-10-24 09:00", "2026-10-23"),
            at("berta", "2026-10-24 09:00", "2026-10-23"),
            at("consuelo", "2026-10-25 09:00", "2026-10-24"),
            at("berta", "2026-10-25 09:00", "2026-10-24"),
            at("consuelo", "2026-10-26 09:00", "2026-10-25"),
            at("berta", "2026-10-26 09:00", "2026-10-25"),
        ]
    );
}

#[tokio::test]
async fn a_morning_that_nobody_looked_for_is_made_up_for_until_evening() {
    let office = Office::with_mornings().await;
    assert_eq!(office.looks(moment("2026-10-24T06:59:59Z")).await.len(), 0);
    // Madrid's nine o'clock is 07:00 UTC.
    assert_eq!(office.looks(moment("2026-10-24T18:59:59Z")).await.len(), 2, "twelve hours late, and Bogotá's five");
    assert_eq!(office.looks(moment("2026-10-25T07:00:00Z")).await.len(), 0, "winter: it is eight");
    assert_eq!(office.looks(moment("2026-10-25T20:00:00Z")).await.len(), 1, "Madrid's is let go; Bogotá's is six hours over");
    let late = office.mornings().await;
    assert_eq!(late.len(), 3, "{late:?}");
}

#[tokio::test]
async fn any_number_of_schedulers_promise_a_morning_once() {
    let office = Office::with_mornings().await;
    let now = moment("2026-10-24T14:00:00Z");
    let looking = (0..8).map(|_| office.looks(now));
    let promised = futures_util::future::join_all(looking).await;
    assert_eq!(promised.iter().map(Vec::len).sum::<usize>(), 2, "{promised:?}");
    // Whoever asks for the same themselves is given another.
    let own = office.wants("consuelo", Kind::Daily, Format::Pdf, params("2026-10-23", "2026-10-23")).await;
    assert!(!promised.concat().contains(&own));
}

#[tokio::test]
async fn the_letter_says_the_days_figures_and_how_late_it_is() {
    let office = Office::with_mornings().await;
    let [consuelo, berta] = office.looks(moment("2026-10-24T14:40:00Z")).await.try_into().unwrap();
    let (mut letters, mut kit) = (Vec::new(), Vec::new());
    for id in [consuelo, berta] {
        assert_eq!(office.attempt(id).await, Outcome::Completed);
        let fakes = Fakes::default();
        // The clock of a row is Postgres's; what is late is told of it.
        sqlx::query("update core.reports set finished_at = '2026-10-24 14:41+00' where id = $1")
            .bind(id)
            .execute(&office.stores.db)
            .await
            .unwrap();
        let sends: Kit<Ports> = Kit::new(catalogue(), fakes.ports()).with_database(office.stores.db.clone());
        assert_eq!(sends.attempt(AnnounceReport { report_id: id }).await, Outcome::Completed);
        letters.push(fakes.mail.letters().remove(0));
        kit.push(sends);
    }

    let report: Report = office.report(consuelo).await;
    let (spanish, english) = (&letters[0], &letters[1]);
    assert_eq!(
        (spanish.to.address.as_str(), spanish.subject.as_str()),
        ("consuelo@mesa.example", "El día en cifras: 23 de octubre de 2026")
    );
    let opened = format!("Solicitudes abiertas: {}", report.figures["opened"]);
    for said in [opened.as_str(), "Este informe sale 7 h 41 min más tarde", &format!("/informes/{consuelo}/archivo")] {
        assert!(spanish.text.contains(said), "{said}: {}", spanish.text);
    }
    assert!(english.text.contains("This report is 41 min late") && english.text.contains("Tickets opened: "), "{}", english.text);
    assert!(english.text.contains(&format!("/reports/{berta}/file")), "{}", english.text);
    // The figures are those of the day by the manager's clock: of Madrid, the 23rd is from 22:00 UTC to 22:00 UTC.
    let counted = office
        .number(
            "select count(*) from desk.tickets where created_at >= '2026-10-22 22:00+00' and created_at < '2026-10-23 22:00+00'",
        )
        .await;
    assert_eq!(report.figures["opened"], counted);
    let answered = office
        .number(
            "select avg(extract(epoch from first_responded_at - created_at))::bigint from desk.tickets
             where first_responded_at >= '2026-10-22 22:00+00' and first_responded_at < '2026-10-23 22:00+00'",
        )
        .await;
    let solved = office
        .number(
            "select avg(extract(epoch from t.resolved_at - coalesce(k.began_at, t.created_at)))::bigint from desk.tickets t
             left join (select ticket_id, min(started_at) as began_at from desk.sla_clocks where cycle = 2 group by ticket_id) k on k.ticket_id = t.id
             where t.void_reason is null and t.resolved_at >= '2026-10-22 22:00+00' and t.resolved_at < '2026-10-23 22:00+00'",
        )
        .await;
    for (key, label, seconds) in
        [("answer_mean", "Primera respuesta, media", answered), ("solution_mean", "Solución, media (MTTR)", solved)]
    {
        let told = report.figures[key].as_i64().unwrap();
        // What clients' means come to, each of them to the second.
        assert!((told - seconds).abs() <= 1 && seconds > 60, "{key}: {told}, {seconds}");
        let minutes = (told + 30) / 60;
        let span = if minutes < 60 { format!("{minutes} min") } else { format!("{} h {:02} min", minutes / 60, minutes % 60) };
        assert!(spanish.text.contains(&format!("{label}: {span}")), "{span}: {}", spanish.text);
    }
    assert_eq!(office.kit.enqueued::<BuildReport>().await.len(), 2);
}

#[test]
fn mornings_are_looked_for_whenever_a_clock_somewhere_may_show_nine() {
    let schedule = schedules().into_iter().find(|schedule| schedule.job == "send_daily_reports").expect("a schedule");
    // Kathmandu is five hours and three quarters ahead, Adelaide nine and a half.
    for (zone, day) in
        [(Tz::Asia__Kathmandu, "2026-11-24"), (Tz::Australia__Adelaide, "2026-11-24"), (Tz::Europe__Madrid, "2026-10-25")]
    {
        let nine = chrono::NaiveDate::and_hms_opt(&day.parse().unwrap(), 9, 0, 0).unwrap();
        let nine = chrono::TimeZone::from_local_datetime(&zone, &nine).unwrap().to_utc();
        let next = schedule.calendar.next(nine - TimeDelta::seconds(1));
        assert_eq!(next, Some(nine), "{zone}");
    }
}
