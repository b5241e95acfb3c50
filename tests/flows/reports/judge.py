"""What a report must say, worked out from the tables' rows and the specification alone; compared with the CSV file as Python's csv reads it.

Reads one JSON document from stdin and prints the differences, one a line; nothing: there are none.
"""

import csv
import io
import json
import sys
from collections import defaultdict
from datetime import date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

given = json.load(sys.stdin)
zone = ZoneInfo(given["zone"])
first, last = date.fromisoformat(given["from"]), date.fromisoformat(given["to"])


def moment(text):
    return None if text is None else datetime.fromisoformat(text)


now = moment(given["now"])
for row in given["tickets"] + given["clocks"]:
    for name in row:
        if name.endswith("_at") and not isinstance(row[name], list):
            row[name] = moment(row[name])

clients = {c["id"]: c["name"] for c in given["clients"]}
users = {u["id"]: u for u in given["users"]}
PRIORITY = {"urgent": "Urgente", "high": "Alta", "normal": "Normal", "low": "Baja"}
CATEGORY = {"access": "Accesos y contraseñas", "hardware": "Equipos", "network": "Red", "other": "Otro"}
STATUS = {"new": "Nueva", "open": "En curso", "waiting_client": "Espera al cliente", "resolved": "Resuelta", "closed": "Cerrada"}
VOID = {"spam": "Anulada: correo no deseado", "duplicate": "Anulada: duplicada", "mistake": "Anulada: abierta por error"}
PROMISE = {"first_response": "Primera respuesta", "resolution": "Solución"}
OUTCOME = {"running": "Corre", "paused": "En pausa", "overdue": "Vencido", "met": "Cumplido", "missed": "Cumplido fuera de plazo", "void": "Sin plazo"}
ORDER = list(PRIORITY)

tickets = [
    t
    for t in given["tickets"]
    if (given["client"] is None or t["client_id"] == given["client"]) and (given["agent"] is None or t["assigned_to"] == given["agent"])
]
by_id = {t["id"]: t for t in tickets}
clocks = [c for c in given["clocks"] if c["ticket_id"] in by_id]


def day_of(at):
    return at.astimezone(zone).date()


def within(at):
    return at is not None and first <= day_of(at) <= last


def is_broken(clock):
    late = clock["state"] in ("running", "paused") and clock["due_at"] is not None and clock["due_at"] < now
    return clock["state"] == "missed" or late


def seconds(length):
    return Fraction(length // timedelta(microseconds=1), 1_000_000)


def rounded(number):
    return int(number + Fraction(1, 2))


def said(length):
    if length is None:
        return ""
    whole = rounded(length)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def mean(lengths):
    return sum(lengths) / len(lengths) if lengths else None


def quantile(lengths, part):
    if not lengths:
        return None
    ordered, place = sorted(lengths), part * (len(lengths) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def share(part, other):
    return "" if part + other == 0 else f"{part / (part + other) * 100:.2f}"


def local(at):
    return "" if at is None else at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def by_name(client):
    return clients[client].lower(), client


def answer_s(t):
    return seconds(t["first_responded_at"] - t["created_at"])


def solution_s(t):
    """Of a ticket that was closed and opened again: from when something was promised for it again."""
    began = [c["started_at"] for c in given["clocks"] if c["ticket_id"] == t["id"] and c["cycle"] == t["cycle"] and t["cycle"] > 1]
    return seconds(t["resolved_at"] - min(began, default=t["created_at"]))


def list_tickets():
    of = {(c["ticket_id"], c["promise"]): c for c in clocks if c["cycle"] == by_id[c["ticket_id"]]["cycle"]}

    def outcome(t, promise):
        clock = of.get((t["id"], promise))
        if clock is None:
            return ""
        is_kept = t["first_responded_at" if promise == "first_response" else "resolved_at"] is not None
        return OUTCOME["overdue" if is_broken(clock) and not (clock["state"] == "missed" and is_kept) else clock["state"]]

    def status(t):
        if t["void_reason"] is None:
            return STATUS[t["status"]]
        return VOID[t["void_reason"]] + ("" if t["merged_into"] is None else f" de #{t['merged_into']}")

    for t in sorted((t for t in tickets if within(t["created_at"])), key=lambda t: (t["created_at"], t["id"])):
        yield [str(t["id"]), local(t["created_at"]), clients[t["client_id"]], t["title"], CATEGORY[t["category"]], PRIORITY[t["priority"]],
               status(t), users[t["assigned_to"]]["full_name"] if t["assigned_to"] else "", local(t["first_responded_at"]),
               local(t["resolved_at"] if is_solved(t) else None), local(t["closed_at"]), outcome(t, "first_response"), outcome(t, "resolution")]


def counts_at(c):
    """When a promise counts: a kept one when it was kept, any other at its deadline."""
    return c["stopped_at"] if c["state"] == "met" else c["due_at"]


def list_sla():
    groups = defaultdict(lambda: [0, 0, 0])
    for c in clocks:
        t = by_id[c["ticket_id"]]
        if c["state"] == "void" or not within(counts_at(c)):
            continue
        # Under the priority that it was made for; where nobody has noted that, under the ticket's.
        priority = ORDER.index(c["priority"] or t["priority"])
        key = (day_of(counts_at(c)).strftime("%Y-%m"), by_name(t["client_id"]), priority, c["promise"])
        groups[key][0 if c["state"] == "met" else 1 if is_broken(c) else 2] += 1
    for (month, (_, client), priority, promise), (kept, broken, left) in sorted(groups.items()):
        yield [month, clients[client], PRIORITY[ORDER[priority]], PROMISE[promise], str(kept), str(broken), str(left), share(kept, broken)]


def is_solved(t):
    """A void ticket is closed, and was not solved."""
    return t["resolved_at"] is not None and t["void_reason"] is None


def list_times():
    groups = defaultdict(lambda: ([], []))
    for t in tickets:
        key = by_name(t["client_id"]), ORDER.index(t["priority"])
        if within(t["first_responded_at"]):
            groups[key][0].append(answer_s(t))
        if is_solved(t) and within(t["resolved_at"]):
            groups[key][1].append(solution_s(t))
    half, ninth = Fraction(1, 2), Fraction(9, 10)
    for ((_, client), priority), lengths in sorted(groups.items()):
        row = [clients[client], PRIORITY[ORDER[priority]]]
        for of in lengths:
            row += [str(len(of)), said(mean(of)), said(quantile(of, half)), said(quantile(of, ninth))]
        yield row


def list_volumes():
    day = first
    while day <= last:
        for client in sorted(clients, key=by_name):
            for category in sorted(CATEGORY):
                mine = [t for t in tickets if t["client_id"] == client and t["category"] == category]
                opened = sum(day_of(t["created_at"]) == day for t in mine)
                resolved = sum(is_solved(t) and day_of(t["resolved_at"]) == day for t in mine)
                left = sum(day_of(t["created_at"]) <= day and (t["resolved_at"] is None or day_of(t["resolved_at"]) > day) for t in mine)
                if opened or resolved or left:
                    yield [day.isoformat(), clients[client], CATEGORY[category], str(opened), str(resolved), str(left)]
        day += timedelta(days=1)


def decided(promises):
    kept = sum(c["state"] == "met" and within(c["stopped_at"]) for c in promises)
    broken = sum(c["state"] != "void" and is_broken(c) and within(c["due_at"]) for c in promises)
    return kept, broken


def is_open_at_the_end(t):
    return day_of(t["created_at"]) <= last and (t["resolved_at"] is None or day_of(t["resolved_at"]) > last)


def list_agents():
    rows = []
    for user in users.values():
        if given["agent"] is not None and user["id"] != given["agent"]:
            continue
        mine = [t for t in tickets if t["assigned_to"] == user["id"]]
        answers = [answer_s(t) for t in mine if within(t["first_responded_at"])]
        solutions = [solution_s(t) for t in mine if is_solved(t) and within(t["resolved_at"])]
        kept, broken = decided([c for c in clocks if by_id[c["ticket_id"]]["assigned_to"] == user["id"]])
        left = sum(map(is_open_at_the_end, mine))
        if user["role"] in ("agent", "manager") or answers or solutions or kept or broken or left:
            cells = [user["full_name"], str(len(solutions)), str(len(answers)), said(mean(answers)), said(quantile(answers, Fraction(1, 2))),
                     said(mean(solutions)), str(kept), str(broken), share(kept, broken), str(left)]
            rows.append(((-len(solutions), user["full_name"].lower(), user["id"]), cells))
    return [cells for _, cells in sorted(rows)]


def list_daily():
    for client in sorted(clients, key=by_name):
        mine = [t for t in tickets if t["client_id"] == client]
        counts = [sum(within(t[name]) for t in mine) for name in ("created_at", "first_responded_at")]
        counts.append(sum(is_solved(t) and within(t["resolved_at"]) for t in mine))
        left = sum(map(is_open_at_the_end, mine))
        kept, broken = decided([c for c in clocks if by_id[c["ticket_id"]]["client_id"] == client])
        if any(counts) or left or kept or broken:
            answers = [answer_s(t) for t in mine if within(t["first_responded_at"])]
            solutions = [solution_s(t) for t in mine if is_solved(t) and within(t["resolved_at"])]
            yield [clients[client], *map(str, counts), str(left), str(kept), str(broken), share(kept, broken), said(mean(answers)),
                   said(mean(solutions))]


kinds = {"tickets": list_tickets, "sla": list_sla, "times": list_times, "volumes": list_volumes, "agents": list_agents, "daily": list_daily}
expected = [list(row) for row in kinds[given["kind"]]()]
# No text of this desk's begins like a formula, so none is changed.
found = list(csv.reader(io.StringIO(given["csv"].removeprefix("\ufeff"), newline="")))
if not given["csv"].startswith("\ufeff"):
    print("there is no byte order mark")
if given["csv"].count("\n") != given["csv"].count("\r\n"):
    print("a line ends in something else than CR LF")
if not found:
    sys.exit("there are no headings")
if found[1:] != expected:
    print(f"{len(expected)} rows were expected, {len(found) - 1} are there")
    for place in range(max(len(expected), len(found) - 1)):
        want = expected[place] if place < len(expected) else None
        have = found[place + 1] if place + 1 < len(found) else None
        if want != have:
            print(f"row {place + 1}:\n  expected {want}\n  found    {have}")
            break
if any(len(row) != len(found[0]) for row in found):
    print("a row has more or fewer cells than there are headings")
