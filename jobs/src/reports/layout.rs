//! What each kind of report is made of: a question to Postgres, the columns of its answer, and what its chart shows.

use super::{
    kind::Kind,
    table::{Column, Holds, Total},
};
use crate::accounts::locale::Locale;

/// What a kind of report is made of.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// What it is called in Spanish.
    pub es: &'static str,
    /// What it is called in English.
    pub en: &'static str,
    /// What its file is called, without dates and ending.
    pub file: &'static str,
    /// The question. Its parameters: `$1` from, `$2` until, `$3` zone, `$4` client or null, `$5` agent or null, `$6` and `$7` first and last day.
    pub(super) sql: &'static str,
    /// How many rows there will be, where asking is cheap beside answering. The same parameters.
    pub(super) count_sql: Option<&'static str>,
    /// The answer's columns, in their order.
    pub columns: &'static [Column],
    pub(super) chart: Chart,
    /// By which rule it counts, in Spanish and in English, where that is not plain.
    how: Option<[&'static str; 2]>,
}

/// What the chart shows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chart {
    pub(super) es: &'static str,
    pub(super) en: &'static str,
    /// The column with what is told apart.
    pub(super) label: usize,
    /// The columns that are shown of each, added up; none: how many rows there are.
    pub(super) series: &'static [usize],
    /// Whether they are parts of one whole.
    pub(super) is_stacked: bool,
}

impl Layout {
    /// What it is called.
    #[must_use]
    pub const fn title(&self, locale: Locale) -> &'static str {
        match locale {
            Locale::Es => self.es,
            Locale::En => self.en,
        }
    }

    /// By which rule it counts, where that is not plain.
    #[must_use]
    pub fn how(&self, locale: Locale) -> Option<&'static str> {
        self.how.map(|[es, en]| match locale {
            Locale::Es => es,
            Locale::En => en,
        })
    }
}

impl Kind {
    /// What it is made of.
    #[must_use]
    pub const fn layout(self) -> &'static Layout {
        match self {
            Self::Daily => &DAILY,
            Self::Tickets => &TICKETS,
            Self::Sla => &SLA,
            Self::Times => &TIMES,
            Self::Volumes => &VOLUMES,
            Self::Agents => &AGENTS,
            Self::Sales => &SALES,
        }
    }
}

/// When a promise counts, in Spanish and in English: the view `desk.promise_outcomes` is this rule, and the dashboard's is the same.
macro_rules! how_promises {
    (es) => {
        "Un plazo cuenta cuando se decide: el cumplido, el día en que se cumplió; el incumplido, el día en que venció, se haya atendido después o no."
    };
    (en) => {
        "A deadline counts when it is decided: one that was met, on the day on which it was met; one that was missed, on the day on which it passed, \
         whether or not somebody has seen to it since."
    };
}

/// From when times are counted; on the dashboard too.
macro_rules! how_times {
    (es) => {
        "Los tiempos cuentan desde que se abrió la solicitud; la solución de una que se cerró, desde que se abrió de nuevo."
    };
    (en) => {
        "Times are from when a ticket was opened; to resolve one that was closed, from when it was opened again."
    };
}

const HOW_PROMISES: [&str; 2] = [how_promises!(es), how_promises!(en)];
const HOW_TIMES: [&str; 2] = [how_times!(es), how_times!(en)];
const HOW_PROMISES_AND_TIMES: [&str; 2] =
    [concat!(how_promises!(es), " ", how_times!(es)), concat!(how_promises!(en), " ", how_times!(en))];
const HOW_SLA: [&str; 2] = [
    concat!(how_promises!(es), " Por decidir está el que vence en el periodo y no ha vencido todavía."),
    concat!(how_promises!(en), " Undecided is one that passes in the period and has not passed yet."),
];

/// When a promise counts.
#[must_use]
pub const fn how_promises(locale: Locale) -> &'static str {
    let [es, en] = HOW_PROMISES;
    match locale {
        Locale::Es => es,
        Locale::En => en,
    }
}

/// From when times are counted.
#[must_use]
pub const fn how_times(locale: Locale) -> &'static str {
    let [es, en] = HOW_TIMES;
    match locale {
        Locale::Es => es,
        Locale::En => en,
    }
}

const CLIENT: Column = Column::new("client", "Cliente", "Client", Holds::Text);
const PRIORITY: Column = Column::new("priority", "Prioridad", "Priority", Holds::Word(priority));
const CATEGORY: Column = Column::new("category", "Asunto", "Subject", Holds::Word(category));
const DAY: Column = Column::new("day", "Día", "Day", Holds::Day);

const fn count(key: &'static str, es: &'static str, en: &'static str) -> Column {
    Column::new(key, es, en, Holds::Count).total(Total::Sum)
}

const fn time(key: &'static str, es: &'static str, en: &'static str) -> Column {
    Column::new(key, es, en, Holds::Seconds)
}

const fn share(key: &'static str, es: &'static str, en: &'static str, part: usize, other: usize) -> Column {
    Column::new(key, es, en, Holds::Share).total(Total::Share(part, other))
}

const fn money(key: &'static str, es: &'static str, en: &'static str) -> Column {
    Column::new(key, es, en, Holds::Money(2)).total(Total::Sum)
}

const DAILY: Layout = Layout {
    es: "El día de la mesa de ayuda",
    en: "The help desk’s day",
    file: "daily",
    sql: include_str!("sql/daily.sql"),
    count_sql: None,
    columns: &[
        CLIENT,
        count("opened", "Abiertas", "Opened"),
        count("answered", "Respondidas por primera vez", "First answered"),
        count("resolved", "Resueltas", "Resolved"),
        count("open", "Sin resolver al final", "Open at the end"),
        count("kept", "Plazos cumplidos", "Deadlines met"),
        count("broken", "Plazos incumplidos", "Deadlines missed"),
        share("share", "Cumplimiento (%)", "Compliance (%)", 5, 6),
        time("answer_mean", "Primera respuesta, media", "First answer, mean").total(Total::Mean(2)),
        time("solution_mean", "Solución, media (MTTR)", "Resolution, mean (MTTR)").total(Total::Mean(3)),
    ],
    chart: Chart {
        es: "Abiertas y resueltas, por cliente",
        en: "Opened and resolved, by client",
        label: 0,
        series: &[1, 3],
        is_stacked: false,
    },
    how: Some(HOW_PROMISES_AND_TIMES),
};

const TICKETS: Layout = Layout {
    es: "Solicitudes",
    en: "Tickets",
    file: "tickets",
    sql: include_str!("sql/tickets.sql"),
    count_sql: Some(include_str!("sql/count_tickets.sql")),
    columns: &[
        Column::new("number", "Número", "Number", Holds::Id),
        Column::new("opened_at", "Abierta", "Opened", Holds::Moment),
        CLIENT,
        Column::new("title", "Solicitud", "Ticket", Holds::Text),
        CATEGORY,
        PRIORITY,
        Column::new("status", "Estado", "Status", Holds::Word(status)),
        Column::new("agent", "Quién la atiende", "Assigned to", Holds::Text),
        Column::new("answered_at", "Primera respuesta", "First answer", Holds::Moment),
        Column::new("resolved_at", "Resuelta", "Resolved", Holds::Moment),
        Column::new("closed_at", "Cerrada", "Closed", Holds::Moment),
        Column::new("first_response", "Plazo de respuesta", "Answer’s deadline", Holds::Word(outcome)),
        Column::new("resolution", "Plazo de solución", "Solution’s deadline", Holds::Word(outcome)),
    ],
    chart: Chart { es: "Por cliente", en: "By client", label: 2, series: &[], is_stacked: false },
    how: None,
};

const SLA: Layout = Layout {
    es: "Cumplimiento de plazos",
    en: "Compliance with deadlines",
    file: "sla",
    sql: include_str!("sql/sla.sql"),
    count_sql: None,
    columns: &[
        Column::new("month", "Mes", "Month", Holds::Text),
        CLIENT,
        PRIORITY,
        Column::new("promise", "Promesa", "Promise", Holds::Word(promise)),
        count("kept", "Cumplidas", "Met"),
        count("broken", "Incumplidas", "Missed"),
        count("open", "Por decidir", "Undecided"),
        share("share", "Cumplimiento (%)", "Compliance (%)", 4, 5),
    ],
    chart: Chart {
        es: "Cumplidas e incumplidas, por mes",
        en: "Met and missed, by month",
        label: 0,
        series: &[4, 5],
        is_stacked: true,
    },
    how: Some(HOW_SLA),
};

const TIMES: Layout = Layout {
    es: "Tiempos de respuesta y de solución",
    en: "Times to answer and to resolve",
    file: "times",
    sql: include_str!("sql/times.sql"),
    count_sql: None,
    columns: &[
        CLIENT,
        PRIORITY,
        count("answered", "Respondidas", "Answered"),
        time("answer_mean", "Primera respuesta, media", "First answer, mean").total(Total::Mean(2)),
        time("answer_median", "Mediana", "Median"),
        time("answer_p90", "9 de cada 10", "9 in 10"),
        count("resolved", "Resueltas", "Resolved"),
        time("solution_mean", "Solución, media (MTTR)", "Resolution, mean (MTTR)").total(Total::Mean(6)),
        time("solution_median", "Mediana", "Median"),
        time("solution_p90", "9 de cada 10", "9 in 10"),
    ],
    chart: Chart {
        es: "Respondidas y resueltas, por cliente",
        en: "Answered and resolved, by client",
        label: 0,
        series: &[2, 6],
        is_stacked: false,
    },
    how: Some(HOW_TIMES),
};

const VOLUMES: Layout = Layout {
    es: "Volumen por día",
    en: "Volume by day",
    file: "volumes",
    sql: include_str!("sql/volumes.sql"),
    count_sql: None,
    columns: &[
        DAY,
        CLIENT,
        CATEGORY,
        count("opened", "Abiertas", "Opened"),
        count("resolved", "Resueltas", "Resolved"),
        Column::new("open", "Sin resolver al final del día", "Open at the day’s end", Holds::Count).total(Total::Last),
    ],
    chart: Chart {
        es: "Abiertas, resueltas y sin resolver, por día",
        en: "Opened, resolved and open, by day",
        label: 0,
        series: &[3, 4, 5],
        is_stacked: false,
    },
    how: None,
};

const AGENTS: Layout = Layout {
    es: "Agentes",
    en: "Agents",
    file: "agents",
    sql: include_str!("sql/agents.sql"),
    count_sql: None,
    columns: &[
        Column::new("agent", "Agente", "Agent", Holds::Text),
        count("resolved", "Resueltas", "Resolved"),
        count("answered", "Respondidas por primera vez", "First answered"),
        time("answer_mean", "Primera respuesta, media", "First answer, mean").total(Total::Mean(2)),
        time("answer_median", "Mediana", "Median"),
        time("solution_mean", "Solución, media (MTTR)", "Resolution, mean (MTTR)").total(Total::Mean(1)),
        count("kept", "Plazos cumplidos", "Deadlines met"),
        count("broken", "Plazos incumplidos", "Deadlines missed"),
        share("share", "Cumplimiento (%)", "Compliance (%)", 6, 7),
        count("open", "Sin resolver al final", "Open at the end"),
    ],
    chart: Chart {
        es: "Resueltas y sin resolver, por agente",
        en: "Resolved and open, by agent",
        label: 0,
        series: &[1, 9],
        is_stacked: false,
    },
    how: Some(HOW_PROMISES_AND_TIMES),
};

const SALES: Layout = Layout {
    es: "Ventas por día y curso",
    en: "Sales by day and course",
    file: "sales",
    sql: include_str!("sql/sales.sql"),
    count_sql: None,
    columns: &[
        DAY,
        Column::new("course", "Curso", "Course", Holds::Text),
        Column::new("currency", "Moneda", "Currency", Holds::Text),
        count("sales", "Ventas", "Sales"),
        money("gross", "Bruto", "Gross"),
        count("refunds", "Devoluciones", "Refunds"),
        money("returned", "Devuelto", "Returned"),
        money("net", "Neto", "Net"),
    ],
    chart: Chart { es: "Ventas por día", en: "Sales by day", label: 0, series: &[3], is_stacked: false },
    how: None,
};

fn priority(locale: Locale, word: &str) -> Option<&'static str> {
    one_of(
        locale,
        word,
        &[("urgent", "Urgente", "Urgent"), ("high", "Alta", "High"), ("normal", "Normal", "Normal"), ("low", "Baja", "Low")],
    )
}

fn category(locale: Locale, word: &str) -> Option<&'static str> {
    one_of(
        locale,
        word,
        &[
            ("access", "Accesos y contraseñas", "Access and passwords"),
            ("hardware", "Equipos", "Hardware"),
            ("network", "Red", "Network"),
            ("software", "Programas", "Software"),
            ("billing", "Contratos y facturas", "Contracts and invoices"),
            ("other", "Otro", "Other"),
        ],
    )
}

fn status(locale: Locale, word: &str) -> Option<&'static str> {
    one_of(
        locale,
        word,
        &[
            ("new", "Nueva", "New"),
            ("open", "En curso", "Open"),
            ("waiting_client", "Espera al cliente", "Waiting for the client"),
            ("resolved", "Resuelta", "Resolved"),
            ("closed", "Cerrada", "Closed"),
            ("void_spam", "Anulada: correo no deseado", "Void: spam"),
            ("void_duplicate", "Anulada: duplicada", "Void: duplicate"),
            ("void_duplicate_of", "Anulada: duplicada de", "Void: duplicate of"),
            ("void_mistake", "Anulada: abierta por error", "Void: opened by mistake"),
        ],
    )
}

fn promise(locale: Locale, word: &str) -> Option<&'static str> {
    one_of(locale, word, &[("first_response", "Primera respuesta", "First answer"), ("resolution", "Solución", "Resolution")])
}

fn outcome(locale: Locale, word: &str) -> Option<&'static str> {
    one_of(
        locale,
        word,
        &[
            ("running", "Corre", "Running"),
            ("paused", "En pausa", "Paused"),
            ("overdue", "Vencido", "Overdue"),
            ("met", "Cumplido", "Met"),
            ("missed", "Cumplido fuera de plazo", "Met late"),
            ("void", "Sin plazo", "None"),
        ],
    )
}

fn one_of(locale: Locale, word: &str, words: &[(&str, &'static str, &'static str)]) -> Option<&'static str> {
    let (_, es, en) = words.iter().find(|(known, ..)| *known == word)?;
    Some(match locale {
        Locale::Es => es,
        Locale::En => en,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_and_totals_name_columns_that_are_there() {
        for layout in Kind::ALL.iter().map(|kind| kind.layout()) {
            let columns = layout.columns;
            assert!(layout.chart.label < columns.len() && layout.chart.series.iter().all(|of| columns[*of].is_numeric()));
            for column in columns {
                match column.total {
                    Total::Mean(by) => assert!(matches!(columns[by].holds, Holds::Count), "{}", column.key),
                    Total::Share(part, other) => assert!(columns[part].is_numeric() && columns[other].is_numeric()),
                    Total::Last => assert!(matches!(columns[0].holds, Holds::Day), "{}", column.key),
                    Total::None | Total::Sum => {}
                }
                if let Holds::Money(currency) = column.holds {
                    assert_eq!(columns[currency].key, "currency");
                }
            }
        }
    }
}
