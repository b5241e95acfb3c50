//! A year of a thousand schedules: replicas whose timers drift, that come and go and die in the middle; a clock that jumps back; nights on
//! which the clock is changed. What was decided is judged by a second opinion that shares no code with what it judges: it walks every
//! minute of the year and reads what the clock shows.

use std::{
    collections::{BTreeMap, HashSet},
    sync::atomic::{AtomicU64, Ordering},
    thread::{self, available_parallelism},
};

use chrono::{DateTime, Datelike, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use crate::{Calendar, CatchUp, Expression, ON_TIME, Reason, settle};

const SCHEDULES: usize = 1_000;
const DAYS: i64 = 365;
const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;
/// The furthest that Postgres's clock is ever off.
const FURTHEST_JUMP: i64 = 75 * MINUTE;
/// The slowest that a worker comes to a tick: two of its passes died before.
const SLOWEST: i64 = 3 * 2_000;

/// Clocks that are changed by an hour, by half, by two; at midnight, before it, around Ramadan; and some that are not.
const ZONES: [Tz; 16] = [
    Tz::America__Bogota,
    Tz::UTC,
    Tz::Asia__Kathmandu,
    Tz::Europe__Berlin,
    Tz::Europe__Madrid,
    Tz::America__New_York,
    Tz::America__Santiago,
    Tz::America__Havana,
    Tz::America__Nuuk,
    Tz::Atlantic__Azores,
    Tz::Africa__Cairo,
    Tz::Africa__Casablanca,
    Tz::Asia__Beirut,
    Tz::Australia__Lord_Howe,
    Tz::Pacific__Chatham,
    Tz::Antarctica__Troll,
];

#[test]
fn each_tick_of_a_year_fires_once_or_is_missed_with_its_reason() {
    let world = World::random(&mut StdRng::seed_from_u64(2027));
    let clocks: BTreeMap<String, Clock> = ZONES.iter().map(|zone| (zone.name().to_owned(), Clock::of(*zone))).collect();
    let (fired, moved) = (AtomicU64::new(0), AtomicU64::new(0));
    let missed: [AtomicU64; 4] = Default::default();
    let numbers: Vec<usize> = (0..SCHEDULES).collect();
    let workers = available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        for part in numbers.chunks(SCHEDULES.div_ceil(workers)) {
            let (world, clocks, fired, moved, missed) = (&world, &clocks, &fired, &moved, &missed);
            scope.spawn(move || {
                for number in part {
                    let plan = Plan::random(&mut StdRng::seed_from_u64(*number as u64), *number);
                    let expected = plan.expected(&clocks[plan.zone.name()]);
                    let story = Story::play(&plan, world, &mut StdRng::seed_from_u64(!*number as u64));
                    let counted = judge(&plan, world, &expected, &story);
                    fired.fetch_add(counted.fired, Ordering::Relaxed);
                    moved.fetch_add(counted.moved, Ordering::Relaxed);
                    for (total, counted) in missed.iter().zip(counted.missed) {
                        total.fetch_add(counted, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    // What never came about was not tried.
    let (fired, moved, missed) = (fired.into_inner(), moved.into_inner(), missed.map(AtomicU64::into_inner));
    assert!(fired > 1_000_000 && moved > 50, "a dull year: {fired} fired, {moved} of them moved");
    assert!(missed.iter().all(|missed| *missed > 1_000), "a dull year: {missed:?}");
}

/// An expression of which is known what it means without reading it.
struct Plan {
    number: usize,
    text: String,
    minutes: [bool; 60],
    hours: [bool; 24],
    days: [bool; 32],
    months: [bool; 13],
    weekdays: [bool; 7],
    any_day: bool,
    any_weekday: bool,
    zone: Tz,
    catch_up: CatchUp,
    /// Real times between which it is paused.
    pauses: Vec<(i64, i64)>,
}

impl Plan {
    fn random(rng: &mut StdRng, number: usize) -> Self {
        let mut plan = Self {
            number,
            text: String::new(),
            minutes: [false; 60],
            hours: [false; 24],
            days: [false; 32],
            months: [false; 13],
            weekdays: [false; 7],
            any_day: true,
            any_weekday: true,
            zone: *ZONES.choose(rng).expect("zones"),
            catch_up: match rng.random_range(0..3) {
                0 => CatchUp::Skip,
                1 => CatchUp::Once,
                _ => CatchUp::All { within: ON_TIME * *[1, 10, 120, 720, 20_000].choose(rng).expect("times") },
            },
            pauses: Vec::new(),
        };
        // Few are as frequent as possible; most are about the hours in which clocks are changed.
        let (minute, hour) = match number % 50 {
            0 if number < 100 => (any(), any()),
            1 => (step(rng.random_range(2..=30)), any()),
            2..9 => (list(rng, 0..=59, 2), any()),
            9..12 => (step(rng.random_range(5..=30)), range(rng, 0..=23)),
            12..16 => (list(rng, 0..=59, 2), step(rng.random_range(2..=12))),
            16..40 => (list(rng, 0..=59, 3), list(rng, 0..=3, 2)),
            _ => (list(rng, 0..=59, 2), list(rng, 0..=23, 3)),
        };
        let (day, month, weekday) = match rng.random_range(0..6) {
            0 => (list(rng, 1..=31, 3), any(), any()),
            1 => (any(), any(), range(rng, 0..=6)),
            2 => (list(rng, 1..=28, 2), any(), list(rng, 0..=6, 2)),
            3 => (any(), list(rng, 1..=12, 5), any()),
            _ => (any(), any(), any()),
        };
        plan.text = [&minute, &hour, &day, &month, &weekday].map(|field| field.text.as_str()).join(" ");
        plan.any_day = day.text == "*";
        plan.any_weekday = weekday.text == "*";
        minute.mark(&mut plan.minutes, 0);
        hour.mark(&mut plan.hours, 0);
        day.mark(&mut plan.days, 1);
        month.mark(&mut plan.months, 1);
        weekday.mark(&mut plan.weekdays, 0);
        if rng.random_bool(0.3) {
            let from = rng.random_range(0..300 * DAY);
            plan.pauses.push((from, from + rng.random_range(MINUTE..20 * DAY)));
            let from = from + 30 * DAY;
            plan.pauses.push((from, from + rng.random_range(1..3 * MINUTE)));
        }
        plan
    }

    fn calendar(&self) -> Calendar {
        Calendar { expression: Expression::parse(&self.text).expect("an expression"), zone: self.zone }
    }

    fn means_day(&self, day: (u32, u32, u32)) -> bool {
        let (month, day, weekday) = (day.0 as usize, day.1 as usize, day.2 as usize);
        let (by_day, by_weekday) = (self.days[day], self.weekdays[weekday]);
        self.months[month]
            && match (self.any_day, self.any_weekday) {
                (true, true) => true,
                (true, false) => by_weekday,
                (false, true) => by_day,
                (false, false) => by_day || by_weekday,
            }
    }

    /// The second opinion: the minutes of the year, since its beginning, at which it should tick.
    fn expected(&self, clock: &Clock) -> Vec<i64> {
        let days: Vec<bool> = clock.days.iter().map(|day| self.means_day(*day)).collect();
        let means = |shown: i64| {
            let (day, minute) = (shown.div_euclid(1440) as usize, shown.rem_euclid(1440) as usize);
            self.minutes[minute % 60] && self.hours[minute / 60] && days[day]
        };
        let so_often = self.hours.iter().all(|hour| *hour);
        let mut ticks = Vec::new();
        // The latest that the clock has shown: what it shows for the second time is not later, and what it leaps over is passed at once.
        let mut latest = clock.shown[0] - 1;
        for (minute, shown) in clock.shown.iter().enumerate() {
            let is_tick = if so_often { means(*shown) } else { (latest + 1..=*shown).any(means) };
            latest = latest.max(*shown);
            if is_tick {
                ticks.push(minute as i64);
            }
        }
        ticks
    }
}

/// A field's text and its values.
struct Field {
    text: String,
    means: Box<dyn Fn(usize, usize) -> bool>,
}

impl Field {
    fn mark(&self, values: &mut [bool], first: usize) {
        for (value, marked) in values.iter_mut().enumerate().skip(first) {
            *marked = (self.means)(value, first);
        }
    }
}

fn any() -> Field {
    Field { text: "*".into(), means: Box::new(|_, _| true) }
}

fn step(step: usize) -> Field {
    Field { text: format!("*/{step}"), means: Box::new(move |value, first| (value - first).is_multiple_of(step)) }
}

fn list(rng: &mut StdRng, of: std::ops::RangeInclusive<usize>, most: usize) -> Field {
    let values: Vec<usize> = (0..rng.random_range(1..=most)).map(|_| rng.random_range(of.clone())).collect();
    let text = values.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
    Field { text, means: Box::new(move |value, _| values.contains(&value)) }
}

fn range(rng: &mut StdRng, of: std::ops::RangeInclusive<usize>) -> Field {
    let first = rng.random_range(of.clone());
    let last = rng.random_range(first..=*of.end());
    Field { text: format!("{first}-{last}"), means: Box::new(move |value, _| (first..=last).contains(&value)) }
}

/// What the clock of a zone shows at each minute of the year, counted in minutes from the first day that it shows.
struct Clock {
    shown: Vec<i64>,
    /// Month, day and weekday of each day from that one.
    days: Vec<(u32, u32, u32)>,
}

impl Clock {
    fn of(zone: Tz) -> Self {
        let first = zone.from_utc_datetime(&BEGINNING.naive_utc()).date_naive();
        let shown = (0..DAYS * 1440).map(|minute| {
            let there = (BEGINNING + TimeDelta::minutes(minute)).with_timezone(&zone);
            (there.date_naive() - first).num_days() * 1440 + i64::from(there.hour() * 60 + there.minute())
        });
        let days = first.iter_days().take(DAYS as usize + 2);
        Self {
            shown: shown.collect(),
            days: days.map(|day| (day.month(), day.day(), day.weekday().num_days_from_sunday())).collect(),
        }
    }
}

/// The first of January 2027, in seconds.
const BEGINNING: DateTime<Utc> = DateTime::from_timestamp(1_798_761_600, 0).expect("a time");

/// Milliseconds since the beginning, as an instant.
fn instant(ms: i64) -> DateTime<Utc> {
    BEGINNING + TimeDelta::milliseconds(ms)
}

fn ms(instant: DateTime<Utc>) -> i64 {
    (instant - BEGINNING).num_milliseconds()
}

/// What happens in the year, in milliseconds of real time.
struct World {
    /// From when on Postgres's clock shows how much more than it is.
    clock: Vec<(i64, i64)>,
    replicas: Vec<Replica>,
}

/// A worker that comes and goes, and whose seconds are a little longer or shorter.
struct Replica {
    up: Vec<(i64, i64)>,
    period: i64,
    phase: i64,
}

impl World {
    fn random(rng: &mut StdRng) -> Self {
        // Now and then the clock is set: mostly by seconds, sometimes by an hour; and back again some time later.
        let mut clock = vec![(0, 0)];
        let mut at = 0;
        while at < DAYS * DAY {
            at += rng.random_range(DAY / 4..6 * DAY);
            let most = *[500, 5_000, 5_000, 90_000, FURTHEST_JUMP].choose(rng).expect("jumps");
            clock.push((at, rng.random_range(-most..=most)));
            at += rng.random_range(MINUTE..DAY / 2);
            clock.push((at, 0));
        }
        // From seconds to weeks without anybody.
        let dark: Vec<(i64, i64)> = (0..60)
            .map(|_| {
                let from = rng.random_range(0..DAYS * DAY);
                (from, from + *[20_000, MINUTE, 10 * MINUTE, 90 * MINUTE, 8 * 60 * MINUTE, 3 * DAY].choose(rng).expect("times"))
            })
            .chain([(200 * DAY, 221 * DAY)])
            .collect();
        let replicas = (0..4).map(|_| Replica::random(rng, &dark)).collect();
        Self { clock, replicas }
    }

    /// What Postgres's clock shows.
    fn shown(&self, at: i64) -> i64 {
        let set = self.clock.partition_point(|(from, _)| *from <= at) - 1;
        at + self.clock[set].1
    }

    /// When it first shows at least this, from `from` on.
    fn when_shown(&self, from: i64, target: i64) -> Option<i64> {
        let set = self.clock.partition_point(|(begin, _)| *begin <= from) - 1;
        (set..self.clock.len()).find_map(|set| {
            let (begin, ahead) = self.clock[set];
            let end = self.clock.get(set + 1).map_or(i64::MAX, |next| next.0);
            let at = (target - ahead).max(begin).max(from);
            (at < end).then_some(at)
        })
    }

    /// When somebody looks next, and how many at about that time.
    fn look_after(&self, at: i64) -> Option<(i64, usize)> {
        let looks: Vec<i64> = self.replicas.iter().filter_map(|replica| replica.look_after(at)).collect();
        let first = *looks.iter().min()?;
        Some((first, looks.iter().filter(|look| **look - first < 50).count()))
    }
}

impl Replica {
    fn random(rng: &mut StdRng, dark: &[(i64, i64)]) -> Self {
        let mut up = Vec::new();
        let mut at = rng.random_range(0..DAY);
        while at < DAYS * DAY {
            let end = at + rng.random_range(MINUTE..4 * DAY);
            up.push((at, end));
            at = end + rng.random_range(100..DAY / 2);
        }
        for (from, to) in dark {
            up = up
                .into_iter()
                .flat_map(|(begin, end)| [(begin, end.min(*from)), (begin.max(*to), end)])
                .filter(|(b, e)| b < e)
                .collect();
        }
        up.sort_unstable();
        Self { up, period: rng.random_range(950..1_050), phase: rng.random_range(0..1_000) }
    }

    fn look_after(&self, at: i64) -> Option<i64> {
        let from = self.up.partition_point(|(_, end)| *end <= at);
        self.up[from..].iter().find_map(|(begin, end)| {
            let from = at.max(*begin);
            let look = from + (self.phase - from).rem_euclid(self.period);
            (look < *end).then_some(look)
        })
    }
}

/// What was decided about some ticks.
struct Decision {
    first: DateTime<Utc>,
    last: DateTime<Utc>,
    count: u64,
    /// Nothing when they fired.
    reason: Option<Reason>,
    /// When, by the clock that decides.
    shown: i64,
    /// When.
    at: i64,
}

/// A schedule's year.
struct Story {
    decisions: Vec<Decision>,
    next_at: Option<DateTime<Utc>>,
    settled_to: DateTime<Utc>,
}

impl Story {
    /// Plays the year: the rows and locks of Postgres are this function's own.
    fn play(plan: &Plan, world: &World, rng: &mut StdRng) -> Self {
        let calendar = plan.calendar();
        let settled_to = instant(world.shown(0));
        let mut story = Self { decisions: Vec::new(), next_at: calendar.next(settled_to), settled_to };
        let mut inserted = HashSet::new();
        let mut pauses = plan.pauses.iter().flat_map(|(from, to)| [(*from, true), (*to, false)]).peekable();
        let (mut at, mut is_paused, mut died) = (0, false, 0);
        while let Some(next) = story.next_at {
            let Some((look, at_once)) = world.when_shown(at, ms(next)).and_then(|due| world.look_after(due)) else { break };
            if let Some((change, pause)) = pauses.next_if(|(change, _)| *change <= look) {
                if !pause {
                    story.resume(&calendar, world.shown(change), change);
                }
                is_paused = pause;
                at = at.max(change);
                continue;
            }
            if look >= DAYS * DAY {
                break;
            }
            at = look;
            let (before, now) = (story.settled_to, instant(world.shown(at)));
            for _ in 0..at_once {
                // Somebody who dies before the commit has done nothing.
                if died < 2 && rng.random_bool(0.05) {
                    died += 1;
                    continue;
                }
                died = 0;
                let done = settle(&calendar, plan.catch_up, is_paused, story.settled_to, now);
                story.write(&done, &mut inserted, now, at);
                // Somebody who does not take the lock, and goes by what it read before: the primary key is in the way.
                if rng.random_bool(0.02) {
                    let stale = settle(&calendar, plan.catch_up, is_paused, before, now);
                    let twice = stale.fired.iter().filter(|tick| !inserted.contains(*tick)).count();
                    assert_eq!(twice, 0, "{}: a second look wants other ticks", plan.text);
                }
            }
            at += 1;
        }
        story
    }

    fn write(&mut self, done: &crate::Settlement, inserted: &mut HashSet<DateTime<Utc>>, now: DateTime<Utc>, at: i64) {
        let shown = ms(now);
        if let Some((run, reason)) = done.missed {
            self.decisions.push(Decision { first: run.first, last: run.last, count: run.count, reason: Some(reason), shown, at });
        }
        for tick in &done.fired {
            assert!(inserted.insert(*tick), "{tick} fired twice");
            self.decisions.push(Decision { first: *tick, last: *tick, count: 1, reason: None, shown, at });
        }
        (self.settled_to, self.next_at) = (done.settled_to, done.next_at);
    }

    /// As `Operations::resume` does.
    fn resume(&mut self, calendar: &Calendar, shown: i64, at: i64) {
        let now = instant(shown);
        if let Some(run) = calendar.run(self.settled_to, now) {
            self.decisions.push(Decision {
                first: run.first,
                last: run.last,
                count: run.count,
                reason: Some(Reason::Paused),
                shown,
                at,
            });
        }
        self.settled_to = self.settled_to.max(now);
        self.next_at = calendar.next(self.settled_to);
    }
}

#[derive(Default)]
struct Counted {
    fired: u64,
    moved: u64,
    /// By skip, once, all, pause.
    missed: [u64; 4],
}

/// Holds what was decided against what was expected.
fn judge(plan: &Plan, world: &World, expected: &[i64], story: &Story) -> Counted {
    let name = format!("schedule {}: {} in {}, {}", plan.number, plan.text, plan.zone, plan.catch_up);
    let (calendar, mut counted) = (plan.calendar(), Counted::default());
    let mut open = expected.iter().map(|minute| minute * MINUTE).skip_while(|tick| *tick <= world.shown(0)).peekable();
    let latest_due = |shown: i64| {
        let upto = expected.partition_point(|minute| minute * MINUTE <= shown);
        upto.checked_sub(1).map(|at| expected[at] * MINUTE)
    };
    for decision in &story.decisions {
        let (first, last) = (ms(decision.first), ms(decision.last));
        let (mut count, mut tick) = (0, None);
        while let Some(next) = open.next_if(|next| *next <= last) {
            tick.get_or_insert(next);
            count += 1;
            let is_paused = plan.pauses.iter().any(|(from, to)| (*from..=*to).contains(&decision.at));
            let late = decision.shown - next;
            assert!(late >= 0, "{name}: {next} was decided before it came");
            let within = plan.catch_up.within().map_or(0, |within| within.as_millis() as i64);
            let is_right = match decision.reason {
                None => {
                    (!is_paused || plan.pauses.iter().any(|(_, to)| *to == decision.at))
                        && match plan.catch_up {
                            CatchUp::Skip => late <= ON_TIME.as_millis() as i64,
                            CatchUp::Once => latest_due(decision.shown) == Some(next),
                            CatchUp::All { .. } => late <= within,
                        }
                }
                Some(Reason::Paused) => is_paused,
                Some(Reason::PolicySkip) => plan.catch_up == CatchUp::Skip && late > ON_TIME.as_millis() as i64,
                Some(Reason::PolicyOnce) => plan.catch_up == CatchUp::Once && latest_due(decision.shown) > Some(next),
                Some(Reason::PolicyAll) => within > 0 && late > within,
                Some(other) => panic!("{name}: {other:?} does not happen here"),
            };
            assert!(is_right, "{name}: {} was decided at {} ({:?})", instant(next), instant(decision.shown), decision.reason);
        }
        assert_eq!((tick, count), (Some(first), decision.count), "{name}: {} to {}", decision.first, decision.last);
        // Whoever was there came to it at once.
        let due = world.when_shown((first - 2 * FURTHEST_JUMP).max(0), first).expect("it came");
        let somebody = world.look_after(due).expect("somebody came").0;
        let caught_up = decision.count == 1 && decision.reason.is_none() && plan.catch_up.within().is_some();
        let resumed = decision.reason == Some(Reason::Paused);
        assert!(
            caught_up || resumed || decision.at - somebody <= SLOWEST || was_set_back(world, due, decision.at),
            "{name}: {first} waited"
        );
        match decision.reason {
            None => counted.fired += 1,
            Some(Reason::PolicySkip) => counted.missed[0] += count,
            Some(Reason::PolicyOnce) => counted.missed[1] += count,
            Some(Reason::PolicyAll) => counted.missed[2] += count,
            Some(_) => counted.missed[3] += count,
        }
        counted.moved += u64::from(calendar.is_moved(decision.first));
    }
    let next = open.next();
    assert!(next.is_none() || next == story.next_at.map(ms), "{name}: {next:?} is still to come, not {:?}", story.next_at);
    if let Some(next) = next {
        let due = world.when_shown(0, next).filter(|due| *due < DAYS * DAY);
        let looked = due.and_then(|due| world.look_after(due)).filter(|(look, _)| *look < DAYS * DAY - SLOWEST);
        assert!(looked.is_none(), "{name}: nobody decided about {}, to {}", instant(next), story.settled_to);
    }
    counted
}

/// Whether Postgres's clock was set in between: then what had come due may not have, for a while.
fn was_set_back(world: &World, from: i64, to: i64) -> bool {
    world.clock.iter().any(|(at, _)| (from..=to).contains(at))
}
