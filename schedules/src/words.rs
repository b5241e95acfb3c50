//! Expressions and moments in plain words, in Spanish and in English.

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;
pub use jobs::accounts::locale::Locale;

use crate::{calendar::Calendar, expression::Expression};

/// More times of the day than this are told by their rule and not one by one.
const MOST_TIMES: usize = 6;

/// What an expression says, as a sentence without its full stop: `Todos los días a las 03:00`. One that mixes `L`, `W` or `#` with other days is
/// told as it is written.
#[must_use]
pub fn describe(expression: &Expression, locale: Locale) -> String {
    let pattern = expression.pattern();
    let days = if pattern.days.has_modifiers() || pattern.days_of_week.has_modifiers() {
        match relative_day(expression, locale) {
            Some(day) => Some(day),
            None => return expression.as_str().to_owned(),
        }
    } else {
        days(expression, locale)
    };
    let said = match (time(expression, locale), days) {
        (Time::Of(times), None) => match locale {
            Locale::Es => format!("todos los días {times}"),
            Locale::En => format!("every day {times}"),
        },
        (Time::Often(often), None) => often,
        (Time::Of(time) | Time::Often(time), Some(days)) => format!("{time}, {days}"),
    };
    let mut letters = said.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// When a tick is, as people say it who know what day it is: `mañana a las 03:00`. Told by the calendar's own clock.
#[must_use]
pub fn moment(calendar: &Calendar, tick: DateTime<Utc>, now: DateTime<Utc>, locale: Locale) -> String {
    let there = tick.with_timezone(&calendar.zone);
    let today = now.with_timezone(&calendar.zone).date_naive();
    let es = locale == Locale::Es;
    let day = match (there.date_naive() - today).num_days() {
        0 => if es { "hoy" } else { "today" }.to_owned(),
        1 => if es { "mañana" } else { "tomorrow" }.to_owned(),
        _ => {
            let weekday = WEEKDAYS[locale as usize][there.weekday().num_days_from_sunday() as usize];
            let month = MONTHS[locale as usize][there.month0() as usize];
            let year = if there.year() == today.year() { None } else { Some(there.year()) };
            match (es, year) {
                (true, None) => format!("{weekday} {} de {month}", there.day()),
                (true, Some(year)) => format!("{weekday} {} de {month} de {year}", there.day()),
                (false, None) => format!("{weekday} {} {month}", there.day()),
                (false, Some(year)) => format!("{weekday} {} {month} {year}", there.day()),
            }
        }
    };
    let time = at_times(&[there.hour() * 60 + there.minute()], locale);
    let why = match (calendar.is_moved(tick), es) {
        (false, _) => "",
        (true, true) => ", porque ese día el reloj se adelanta",
        (true, false) => ", because the clock goes forward that day",
    };
    format!("{day} {time}{why}")
}

/// How far off a tick is: `dentro de 14 h 05 min`. One that is due already is about to fire.
#[must_use]
pub fn in_how_long(tick: DateTime<Utc>, now: DateTime<Utc>, locale: Locale) -> String {
    let span = tick - now;
    if span < TimeDelta::zero() {
        return if locale == Locale::Es { "ahora mismo" } else { "right now" }.to_owned();
    }
    let (days, hours, minutes, seconds) =
        (span.num_days(), span.num_hours() % 24, span.num_minutes() % 60, span.num_seconds() % 60);
    let span = match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, ..) => format!("{hours} h {minutes:02} min"),
        _ => format!("{days} d {hours:02} h"),
    };
    match locale {
        Locale::Es => format!("dentro de {span}"),
        Locale::En => format!("in {span}"),
    }
}

/// What is known of a zone's clock at an instant: `-05`, `CEST`.
#[must_use]
pub fn zone_mark(zone: Tz, at: DateTime<Utc>) -> String {
    at.with_timezone(&zone).format("%Z").to_string()
}

/// When in a day.
enum Time {
    /// So often; on every day unless days are named.
    Often(String),
    /// At times of the day.
    Of(String),
}

fn time(expression: &Expression, locale: Locale) -> Time {
    let pattern = expression.pattern();
    let (minutes, hours) = (pattern.minutes.values(), pattern.hours.values());
    let es = locale == Locale::Es;
    if expression.is_of_every_hour() {
        return Time::Often(match (&*minutes, every(&minutes, 60), es) {
            ([0], _, true) => "cada hora, en punto".to_owned(),
            ([0], _, false) => "every hour, on the hour".to_owned(),
            (_, Some(step), _) => each(step, Unit::Minute, locale),
            ([minute], None, true) => format!("cada hora, en el minuto {minute}"),
            ([minute], None, false) => format!("every hour, at minute {minute}"),
            (_, None, true) => format!("cada hora, en los minutos {}", numbers(&minutes, locale)),
            (_, None, false) => format!("every hour, at minutes {}", numbers(&minutes, locale)),
        });
    }
    let times: Vec<u32> =
        hours.iter().flat_map(|hour| minutes.iter().map(|minute| u32::from(*hour) * 60 + u32::from(*minute))).collect();
    if times.len() <= MOST_TIMES {
        return Time::Of(at_times(&times, locale));
    }
    if let ([minute], Some(step)) = (&*minutes, every(&hours, 24)) {
        let hourly = each(step, Unit::Hour, locale);
        return Time::Often(match (minute, es) {
            (0, true) => format!("{hourly}, en punto"),
            (0, false) => format!("{hourly}, on the hour"),
            (_, true) => format!("{hourly}, en el minuto {minute}"),
            (_, false) => format!("{hourly}, at minute {minute}"),
        });
    }
    let is_row = hours.windows(2).all(|pair| pair[1] == pair[0] + 1);
    let often = match (every(&minutes, 60), &*minutes, es) {
        (Some(step), ..) => each(step, Unit::Minute, locale),
        (None, [_], _) if is_row => each(1, Unit::Hour, locale),
        (None, [minute], true) => format!("en el minuto {minute}"),
        (None, [minute], false) => format!("at minute {minute}"),
        (None, _, true) => format!("en los minutos {}", numbers(&minutes, locale)),
        (None, _, false) => format!("at minutes {}", numbers(&minutes, locale)),
    };
    let within = match (times.first().zip(times.last()).filter(|_| is_row), es) {
        (Some((first, last)), _) => between(*first, *last, locale),
        (None, true) => format!("durante las horas {}", numbers(&hours, locale)),
        (None, false) => format!("during the hours {}", numbers(&hours, locale)),
    };
    Time::Often(format!("{often} {within}"))
}

/// The days, if not all of them.
fn days(expression: &Expression, locale: Locale) -> Option<String> {
    let pattern = expression.pattern();
    let es = locale == Locale::Es;
    let (days, weekdays) = (pattern.days.values(), pattern.days_of_week.values());
    let is_both = pattern.matches_dom_and_dow();
    let all_days = pattern.is_dom_wildcard() || days.len() == 31;
    let all_weekdays = pattern.is_dow_wildcard() || weekdays.len() == 7;
    // Where one of the two fields is enough, one that is all of them (and no star) leaves no day out.
    let is_every_day = if is_both {
        all_days && all_weekdays
    } else {
        (pattern.is_dom_wildcard() && all_weekdays) || (pattern.is_dow_wildcard() && all_days) || {
            !pattern.is_dom_wildcard() && !pattern.is_dow_wildcard() && (all_days || all_weekdays)
        }
    };
    let month = named_months(expression, locale);
    if is_every_day {
        return month.map(|months| if es { format!("todos los días de {months}") } else { format!("every day of {months}") });
    }
    let of = of_months(month.as_deref(), locale);
    let day = match (&*days, es) {
        ([day], true) => format!("el día {day} {of}"),
        ([day], false) => format!("on day {day} {of}"),
        (_, true) => format!("los días {} {of}", numbers(&days, locale)),
        (_, false) => format!("on days {} {of}", numbers(&days, locale)),
    };
    let weekday = on_weekdays(&weekdays, locale);
    let in_months = match (&month, es) {
        (None, _) => String::new(),
        (Some(months), true) => format!(" de {months}"),
        (Some(months), false) => format!(" in {months}"),
    };
    Some(match (all_days, all_weekdays, is_both, es) {
        (true, ..) => format!("{weekday}{in_months}"),
        (false, true, ..) => day,
        (false, false, true, true) => {
            let falls = if days.len() == 1 { "cae" } else { "caen" };
            format!("{day}, si además {falls} en {}", if_weekdays(&weekdays, locale))
        }
        (false, false, true, false) => format!("{day}, if that is a {}", if_weekdays(&weekdays, locale)),
        (false, false, false, true) => format!("{day} y también {weekday}{in_months}"),
        (false, false, false, false) => format!("{day} and also {weekday}{in_months}"),
    })
}

/// The months, if not all of them.
fn named_months(expression: &Expression, locale: Locale) -> Option<String> {
    let months = expression.pattern().months.values();
    let names: Vec<String> = months.iter().map(|month| MONTHS[locale as usize][usize::from(*month) - 1].to_owned()).collect();
    (months.len() < 12).then(|| listed(&names, locale))
}

fn of_months(months: Option<&str>, locale: Locale) -> String {
    match (months, locale) {
        (None, Locale::Es) => "de cada mes".to_owned(),
        (None, Locale::En) => "of each month".to_owned(),
        (Some(months), Locale::Es) => format!("de {months}"),
        (Some(months), Locale::En) => format!("of {months}"),
    }
}

/// A day that is told by where it stands in its month: the last (`L`), the working day nearest to another (`15W`), the second Friday
/// (`5#2`).
fn relative_day(expression: &Expression, locale: Locale) -> Option<String> {
    let es = locale == Locale::Es;
    let mut fields = expression.as_str().split_ascii_whitespace().skip(2);
    let (day, _, weekday) = (fields.next()?, fields.next()?, fields.next()?);
    let of = of_months(named_months(expression, locale).as_deref(), locale);
    let said = match (&*day.to_ascii_uppercase(), &*weekday.to_ascii_uppercase()) {
        ("L", "*") => if es { "el último día" } else { "on the last day" }.to_owned(),
        ("LW", "*") => if es { "el último día laborable" } else { "on the last working day" }.to_owned(),
        (day, "*") => {
            let day: u8 = day.strip_suffix('W')?.parse().ok()?;
            match es {
                true => format!("el día laborable más cercano al {day}"),
                false => format!("on the working day nearest to the {day}{}", ordinal_suffix(day)),
            }
        }
        ("*", weekday) => {
            let (weekday, place) = weekday.split_once('#').or_else(|| weekday.strip_suffix('L').map(|weekday| (weekday, "L")))?;
            let place = ["1", "2", "3", "4", "5", "L"].iter().position(|known| *known == place)?;
            let weekday = WEEKDAYS[locale as usize][weekday_number(weekday)?];
            let place = PLACES[locale as usize][place];
            if es { format!("el {place} {weekday}") } else { format!("on the {place} {weekday}") }
        }
        _ => return None,
    };
    Some(format!("{said} {of}"))
}

/// 0 is Sunday.
fn weekday_number(text: &str) -> Option<usize> {
    let names = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
    text.parse::<usize>().ok().filter(|day| *day <= 7).map(|day| day % 7).or_else(|| names.iter().position(|name| *name == text))
}

fn ordinal_suffix(number: u8) -> &'static str {
    match (number % 100, number % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    }
}

fn on_weekdays(weekdays: &[u16], locale: Locale) -> String {
    let name = |day: &u16| WEEKDAYS[locale as usize][usize::from(*day) % 7];
    match (weekdays, locale) {
        ([1, 2, 3, 4, 5], Locale::Es) => "de lunes a viernes".to_owned(),
        ([1, 2, 3, 4, 5], Locale::En) => "Monday to Friday".to_owned(),
        (_, Locale::Es) => {
            // Those that end in s are their own plural.
            let plural = |day: &u16| if name(day).ends_with('s') { name(day).to_owned() } else { format!("{}s", name(day)) };
            format!("los {}", listed(&monday_first(weekdays).iter().map(plural).collect::<Vec<_>>(), locale))
        }
        (_, Locale::En) => {
            let plural = |day: &u16| format!("{}s", name(day));
            format!("on {}", listed(&monday_first(weekdays).iter().map(plural).collect::<Vec<_>>(), locale))
        }
    }
}

fn if_weekdays(weekdays: &[u16], locale: Locale) -> String {
    let names: Vec<String> =
        monday_first(weekdays).iter().map(|day| WEEKDAYS[locale as usize][usize::from(*day) % 7].to_owned()).collect();
    joined(&names, if locale == Locale::Es { "o" } else { "or" })
}

/// A week begins on Monday, in both languages' world.
fn monday_first(weekdays: &[u16]) -> Vec<u16> {
    let mut days = weekdays.to_vec();
    days.sort_by_key(|day| (day + 6) % 7);
    days
}

#[derive(Clone, Copy)]
enum Unit {
    Minute,
    Hour,
}

fn each(step: u16, unit: Unit, locale: Locale) -> String {
    let (one, many) = match (unit, locale) {
        (Unit::Minute, Locale::Es) => ("cada minuto", "minutos"),
        (Unit::Minute, Locale::En) => ("every minute", "minutes"),
        (Unit::Hour, Locale::Es) => ("cada hora", "horas"),
        (Unit::Hour, Locale::En) => ("every hour", "hours"),
    };
    match (step, locale) {
        (1, _) => one.to_owned(),
        (_, Locale::Es) => format!("cada {step} {many}"),
        (_, Locale::En) => format!("every {step} {many}"),
    }
}

/// From one minute of the day to another.
fn between(first: u32, last: u32, locale: Locale) -> String {
    match locale {
        Locale::Es => format!("de {} {} a {} {}", the(first), clock(first), the(last), clock(last)),
        Locale::En => format!("from {} to {}", clock(first), clock(last)),
    }
}

fn clock(minute_of_day: u32) -> String {
    format!("{:02}:{:02}", minute_of_day / 60, minute_of_day % 60)
}

/// In Spanish one o'clock is singular.
fn the(minute_of_day: u32) -> &'static str {
    if minute_of_day / 60 == 1 { "la" } else { "las" }
}

fn at_times(minutes_of_day: &[u32], locale: Locale) -> String {
    let times: Vec<String> = minutes_of_day.iter().copied().map(clock).collect();
    match locale {
        Locale::Es => format!("a {} {}", minutes_of_day.first().copied().map_or("las", the), listed(&times, locale)),
        Locale::En => format!("at {}", listed(&times, locale)),
    }
}

/// The step of values that go from 0 in equal steps around the whole: of 0, 15, 30, 45 in 60 it is 15.
fn every(values: &[u16], whole: u16) -> Option<u16> {
    let step = whole / u16::try_from(values.len()).ok().filter(|many| *many > 1 && whole.is_multiple_of(*many))?;
    values.iter().zip(0..).all(|(value, n)| *value == n * step).then_some(step)
}

/// Numbers in a list, three and more in a row as a range.
fn numbers(values: &[u16], locale: Locale) -> String {
    let mut parts = Vec::new();
    for row in values.chunk_by(|one, next| *next == one + 1) {
        match (row, locale) {
            ([first, _, .., last], Locale::Es) => parts.push(format!("{first} a {last}")),
            ([first, _, .., last], Locale::En) => parts.push(format!("{first} to {last}")),
            (few, _) => parts.extend(few.iter().map(u16::to_string)),
        }
    }
    listed(&parts, locale)
}

fn listed(parts: &[String], locale: Locale) -> String {
    joined(parts, if locale == Locale::Es { "y" } else { "and" })
}

fn joined(parts: &[String], and: &str) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [front @ .., last] => format!("{} {and} {last}", front.join(", ")),
    }
}

/// By [`Locale`], of those of one weekday in a month.
const PLACES: [[&str; 6]; 2] =
    [["primer", "segundo", "tercer", "cuarto", "quinto", "último"], ["first", "second", "third", "fourth", "fifth", "last"]];
/// By [`Locale`], from Sunday.
const WEEKDAYS: [[&str; 7]; 2] = [
    ["domingo", "lunes", "martes", "miércoles", "jueves", "viernes", "sábado"],
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"],
];
const MONTHS: [[&str; 12]; 2] = [
    ["enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"],
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"],
];

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> [String; 2] {
        let expression = Expression::parse(text).expect(text);
        Locale::ALL.map(|locale| describe(&expression, locale))
    }

    #[test]
    fn expressions_are_told_in_both_languages() {
        for (text, es, en) in [
            ("* * * * *", "Cada minuto", "Every minute"),
            ("*/5 * * * *", "Cada 5 minutos", "Every 5 minutes"),
            ("0 * * * *", "Cada hora, en punto", "Every hour, on the hour"),
            ("@hourly", "Cada hora, en punto", "Every hour, on the hour"),
            ("7 * * * *", "Cada hora, en el minuto 7", "Every hour, at minute 7"),
            ("5,6,7,30 * * * *", "Cada hora, en los minutos 5 a 7 y 30", "Every hour, at minutes 5 to 7 and 30"),
            (
                "*/7 * * * *",
                "Cada hora, en los minutos 0, 7, 14, 21, 28, 35, 42, 49 y 56",
                "Every hour, at minutes 0, 7, 14, 21, 28, 35, 42, 49 and 56",
            ),
            ("0 3 * * *", "Todos los días a las 03:00", "Every day at 03:00"),
            ("30 1 * * *", "Todos los días a la 01:30", "Every day at 01:30"),
            ("0 9,13,18 * * *", "Todos los días a las 09:00, 13:00 y 18:00", "Every day at 09:00, 13:00 and 18:00"),
            ("0 9 * * 1-5", "A las 09:00, de lunes a viernes", "At 09:00, Monday to Friday"),
            ("0 9 * * 0,6", "A las 09:00, los sábados y domingos", "At 09:00, on Saturdays and Sundays"),
            ("0 9 * * 3", "A las 09:00, los miércoles", "At 09:00, on Wednesdays"),
            (
                "*/10 9-17 * * 1-5",
                "Cada 10 minutos de las 09:00 a las 17:50, de lunes a viernes",
                "Every 10 minutes from 09:00 to 17:50, Monday to Friday",
            ),
            ("* 2 * * *", "Cada minuto de las 02:00 a las 02:59", "Every minute from 02:00 to 02:59"),
            ("0 */2 * * *", "Cada 2 horas, en punto", "Every 2 hours, on the hour"),
            ("15 */3 * * *", "Cada 3 horas, en el minuto 15", "Every 3 hours, at minute 15"),
            ("0 8-18 * * *", "Cada hora de las 08:00 a las 18:00", "Every hour from 08:00 to 18:00"),
            ("*/15 1,5,9 * * *", "Cada 15 minutos durante las horas 1, 5 y 9", "Every 15 minutes during the hours 1, 5 and 9"),
            ("0 0 1 * *", "A las 00:00, el día 1 de cada mes", "At 00:00, on day 1 of each month"),
            ("0 6 1,15 1,7 *", "A las 06:00, los días 1 y 15 de enero y julio", "At 06:00, on days 1 and 15 of January and July"),
            ("0 6 * 12 *", "A las 06:00, todos los días de diciembre", "At 06:00, every day of December"),
            ("0 6 * 12 1", "A las 06:00, los lunes de diciembre", "At 06:00, on Mondays in December"),
            (
                "0 0 13 * 5",
                "A las 00:00, el día 13 de cada mes y también los viernes",
                "At 00:00, on day 13 of each month and also on Fridays",
            ),
            (
                "0 0 13 * +5",
                "A las 00:00, el día 13 de cada mes, si además cae en viernes",
                "At 00:00, on day 13 of each month, if that is a Friday",
            ),
            ("0 0 1-31 * 1", "Todos los días a las 00:00", "Every day at 00:00"),
            ("0 0 L * *", "A las 00:00, el último día de cada mes", "At 00:00, on the last day of each month"),
            ("0 9 * * 5#2", "A las 09:00, el segundo viernes de cada mes", "At 09:00, on the second Friday of each month"),
            ("0 9 * 3,6 MONL", "A las 09:00, el último lunes de marzo y junio", "At 09:00, on the last Monday of March and June"),
            (
                "*/30 9 22W * *",
                "A las 09:00 y 09:30, el día laborable más cercano al 22 de cada mes",
                "At 09:00 and 09:30, on the working day nearest to the 22nd of each month",
            ),
            ("0 9 1,L * *", "0 9 1,L * *", "0 9 1,L * *"),
            ("0 9 L * 5#2", "0 9 L * 5#2", "0 9 L * 5#2"),
        ] {
            assert_eq!(said(text), [es, en], "{text}");
        }
    }

    #[test]
    fn moments_are_told_by_the_schedules_own_clock() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().expect("a time");
        let calendar = |text| Calendar { expression: Expression::parse(text).expect(text), zone: Tz::Europe__Berlin };
        let now = at("2027-03-26T22:30:00Z");
        let daily = calendar("30 2 * * *");
        let es = daily.ticks(now).take(3).map(|tick| moment(&daily, tick, now, Locale::Es)).collect::<Vec<_>>();
        assert_eq!(
            es,
            [
                "mañana a las 02:30",
                "domingo 28 de marzo a las 03:00, porque ese día el reloj se adelanta",
                "lunes 29 de marzo a las 02:30"
            ]
        );
        let yearly = calendar("0 1 1 1 *");
        let next = yearly.next(now).expect("a tick");
        assert_eq!(moment(&yearly, next, now, Locale::En), "Saturday 1 January 2028 at 01:00");
        assert_eq!(moment(&yearly, next, now, Locale::Es), "sábado 1 de enero de 2028 a la 01:00");
        assert_eq!(in_how_long(at("2027-03-27T13:35:00Z"), now, Locale::Es), "dentro de 15 h 05 min");
        assert_eq!(in_how_long(next, now, Locale::En), "in 280 d 01 h");
        assert_eq!(zone_mark(Tz::America__Bogota, now), "-05");
    }
}
