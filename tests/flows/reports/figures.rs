//! What reports say is what Python works out from the same rows and the specification: with nothing, with everything late, with nothing solved.

use jobs::{
    help_desk::number::ClientId,
    reports::{
        kind::{Format, Kind},
        wish::Params,
    },
};

use super::{Office, params};

const OF_THE_DESK: [Kind; 6] = [Kind::Daily, Kind::Tickets, Kind::Sla, Kind::Times, Kind::Volumes, Kind::Agents];

impl Office {
    /// Each kind that the desk has, for somebody, judged by Python.
    async fn is_right(&self, who: &str, params: Params) -> Vec<i64> {
        let user = self.person(who).await;
        let agent = (user.role == jobs::accounts::role::Role::Agent).then_some(user.id);
        let mut rows = Vec::new();
        for kind in OF_THE_DESK {
            let (report, file) = self.made(who, kind, Format::Csv, params).await;
            let said = self.judged(kind, params, &user.time_zone, agent, &file).await;
            assert_eq!(said, "", "{kind} for {who}, {params:?}");
            rows.push(report.rows);
        }
        rows
    }
}

#[tokio::test]
async fn every_figure_is_what_the_specification_says() {
    let office = Office::open().await;
    // Madrid's day of 25 hours is in it; tickets were open before, and are left after.
    let rows = office.is_right("consuelo", params("2026-10-01", "2026-10-31")).await;
    assert!(rows.iter().all(|rows| *rows > 1), "{rows:?}");
    office.is_right("consuelo", params("2026-10-25", "2026-10-25")).await;
    office.is_right("consuelo", params("2026-01-01", "2026-12-31")).await;
}

#[tokio::test]
async fn a_clients_report_has_nobody_elses_tickets_and_an_agents_their_own() {
    let office = Office::open().await;
    let client = ClientId(office.number("select id from desk.clients where name like 'banco%'").await);
    office.is_right("consuelo", Params { client: Some(client), ..params("2026-09-15", "2026-11-15") }).await;
    let rows = office.is_right("inigo", params("2026-09-15", "2026-11-15")).await;
    let theirs = office
        .number("select count(*) from desk.tickets where assigned_to = (select id from core.users where email like 'inigo%')")
        .await;
    assert_eq!((rows[1], rows[5]), (theirs, 1), "their tickets, and no row of the others");
}

#[tokio::test]
async fn where_everything_is_late_compliance_is_nothing_and_where_nothing_is_decided_there_is_none() {
    let office = Office::open().await;
    office
        .run(
            "update desk.sla_clocks set state = 'missed', due_at = started_at + interval '1 hour', warn_at = started_at, next_at = null,
                 stopped_at = started_at + interval '2 hours'",
        )
        .await;
    office.is_right("consuelo", params("2026-10-01", "2026-10-31")).await;
    let (report, file) = office.made("consuelo", Kind::Sla, Format::Csv, params("2026-11-01", "2026-11-05")).await;
    let text = String::from_utf8(file).unwrap();
    assert!(text.lines().skip(1).all(|line| line.ends_with(",0,0.00")), "{text}");
    assert_eq!(report.figures["kept"], 0);

    office
        .run(
            "update desk.tickets set status = 'open', resolved_at = null, closed_at = null, void_reason = null, merged_into = null, first_responded_at = null;
             update desk.sla_clocks set state = 'running', stopped_at = null, due_at = '2099-01-01', warn_at = '2099-01-01'",
        )
        .await;
    office.is_right("consuelo", params("2026-10-01", "2026-10-31")).await;
    // What is still to be decided stands where its deadline does.
    office.is_right("consuelo", params("2098-12-31", "2099-01-01")).await;
    let (report, file) = office.made("consuelo", Kind::Sla, Format::Csv, params("2099-01-01", "2099-01-01")).await;
    let text = String::from_utf8(file).unwrap();
    let clocks = office.number("select count(*) from desk.sla_clocks").await;
    assert!(
        text.lines().skip(1).all(|line| line.ends_with(',')) && report.figures["open"] == clocks,
        "nothing is not zero: {text}"
    );
}

#[tokio::test]
async fn a_report_of_nothing_is_a_file_with_headings() {
    let office = Office::open().await;
    office.run("delete from desk.sla_clocks; delete from desk.tickets").await;
    // Who works here is in the report of agents with nothing.
    assert_eq!(office.is_right("consuelo", params("2026-10-01", "2026-10-31")).await, [0, 0, 0, 0, 0, 3]);
    for format in [Format::Xlsx, Format::Pdf] {
        let (report, file) = office.made("consuelo", Kind::Sla, format, params("2026-10-01", "2026-10-31")).await;
        assert!(report.rows == 0 && file.len() > 500, "{format}");
    }
}

/// Day, course, currency, sales, gross, refunds, returned, net.
type Sales = Vec<(String, String, String, i64, i64, i64, i64, i64)>;

#[tokio::test]
async fn sales_are_what_the_double_entry_says_by_day_course_and_currency() {
    let office = Office::open().await;
    office.run(include_str!("../../../deploy/demo.sql")).await;
    office.run(include_str!("../../../deploy/demo-school.sql")).await;
    let period = params("2026-01-01", "2026-12-31");
    // In another way than the report: Bogotá is five hours behind UTC all year round, and what revenue was credited is income.
    let oracle: Sales = sqlx::query_as(
        "with lines as (
             select (t.effective_at at time zone 'UTC' - interval '5 hours')::date as day, c.title, l.currency, t.kind, l.account, l.amount_minor
             from school.ledger_lines l join school.ledger_transactions t on t.id = l.transaction_id
             join school.sales s on s.id = t.sale_id join school.courses c on c.id = s.course_id
             where l.account in ('revenue', 'refunds', 'disputes'))
         select day::text, title, currency, sum(case when account = 'revenue' and kind = 'charge' then 1 else 0 end),
             sum(case when account = 'revenue' then -amount_minor else 0 end)::bigint,
             sum(case when account = 'refunds' and kind = 'refund' then 1 else 0 end),
             sum(case when account in ('refunds', 'disputes') then amount_minor else 0 end)::bigint, -sum(amount_minor)::bigint
         from lines where day between '2026-01-01' and '2026-12-31' group by day, title, currency order by day, title, currency",
    )
    .fetch_all(&office.stores.db)
    .await
    .unwrap();
    assert!(oracle.len() > 100, "the demo has sales");

    let (report, file) = office.made("ada", Kind::Sales, Format::Csv, period).await;

    let read = super::python("read_csv.py", &file, &[]);
    let found: Vec<Vec<String>> = serde_json::from_str(&read).unwrap();
    let minor = |text: &str, currency: &str| -> i64 {
        let decimals = if currency == "JPY" { 0 } else { 2 };
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        assert_eq!(part.len(), decimals, "{text} {currency}");
        format!("{whole}{part}").parse().unwrap()
    };
    let rows: Sales = found[1..]
        .iter()
        .map(|row| {
            let [day, title, currency, sales, gross, refunds, returned, net] = row.as_slice() else { panic!("{row:?}") };
            let amount = |text: &str| minor(text, currency);
            (
                day.clone(),
                title.clone(),
                currency.clone(),
                sales.parse().unwrap(),
                amount(gross),
                refunds.parse().unwrap(),
                amount(returned),
                amount(net),
            )
        })
        .collect();
    assert_eq!((rows.len() as i64, &rows), (report.rows, &oracle));
}
