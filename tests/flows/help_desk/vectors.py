#!/usr/bin/env python3
"""Makes vectors.txt: deadlines by calendars, worked out with Python's zoneinfo by looking at the clock every minute.

    python3 tests/flows/help_desk/vectors.py > tests/flows/help_desk/vectors.txt

A line: zone | hours (weekdays 1 to 7: minutes from-to, …) | holidays | start | minutes | deadline; times in UTC. Shares nothing with the code that is
tried: an instant is open when the wall clock shows a minute within the hours of that weekday and the day is no holiday; the deadline is the end of the
minute in which the last of the minutes is used up.
"""

import random
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

UTC = timezone.utc
OFFICE = {day: [(540, 1080)] for day in range(1, 6)}
NIGHT = {day: [(0, 360), (1320, 1440)] for day in range(1, 8)}
SPLIT = {day: [(480, 720), (840, 1110)] for day in range(1, 6)} | {6: [(540, 780)]}
SMALL_HOURS = {day: [(60, 210)] for day in range(1, 8)}


def is_open(at, zone, hours, holidays):
    shown = at.astimezone(zone)
    minute = shown.hour * 60 + shown.minute
    return shown.date() not in holidays and any(a <= minute < b for a, b in hours.get(shown.isoweekday(), []))


def deadline(start, minutes, zone, hours, holidays):
    at, left = start, minutes
    while left:
        left -= is_open(at, zone, hours, holidays)
        at += timedelta(minutes=1)
    return at


def show(zone, hours, holidays, start, minutes):
    said = ";".join(f"{day}:" + ",".join(f"{a}-{b}" for a, b in spans) for day, spans in sorted(hours.items()))
    days = ",".join(str(day) for day in sorted(holidays))
    due = deadline(start, minutes, ZoneInfo(zone), hours, holidays)
    moment = "%Y-%m-%dT%H:%MZ"
    print(f"{zone} | {said} | {days} | {start.astimezone(UTC):{moment}} | {minutes} | {due.astimezone(UTC):{moment}}")


def main():
    print("# made by vectors.py")
    christmas = {date(2026, 12, 25)}
    for zone, hours, holidays, start, minutes in [
        ("Europe/Madrid", OFFICE, set(), "2026-10-23T17:00+02:00", 120),
        ("America/Bogota", OFFICE, set(), "2026-11-24T17:50-05:00", 30),
        ("America/Bogota", OFFICE, christmas, "2026-12-24T17:00-05:00", 90),
        ("America/Bogota", OFFICE, set(), "2026-11-22T10:00-05:00", 240),
        ("America/Bogota", OFFICE, set(), "2026-11-24T17:00-05:00", 60),
        ("Europe/Madrid", NIGHT, set(), "2026-10-24T23:00+02:00", 420),
        ("Europe/Madrid", NIGHT, set(), "2026-03-28T23:00+01:00", 420),
    ]:
        show(zone, hours, holidays, datetime.fromisoformat(start), minutes)
    # Around the days on which clocks are changed: by an hour, by half an hour, at midnight, and not at all.
    dice = random.Random(19)
    for zone, turns in {
        "Europe/Madrid": ["2027-03-28", "2027-10-31"],
        "America/New_York": ["2027-03-14", "2027-11-07"],
        "Australia/Lord_Howe": ["2027-04-04", "2027-10-03"],
        "Africa/Cairo": ["2027-04-30", "2027-10-29"],
        "America/Havana": ["2027-03-14", "2027-11-07"],
        "America/Santiago": ["2027-04-04", "2027-09-05"],
        "Africa/Casablanca": ["2027-02-07", "2027-03-14"],
        "Asia/Kolkata": ["2027-01-26"],
    }.items():
        for turn in map(date.fromisoformat, turns):
            for hours in (OFFICE, NIGHT, SPLIT, SMALL_HOURS):
                start = datetime(turn.year, turn.month, turn.day, tzinfo=UTC) + timedelta(minutes=dice.randrange(-3000, 800))
                holidays = {turn + timedelta(days=dice.randrange(1, 5))}
                show(zone, hours, holidays, start, dice.choice([1, 45, 60, 240, 480, 999, 2400]))


main()
