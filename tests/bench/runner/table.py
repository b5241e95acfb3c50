"""Rows of figures as Markdown tables, faena's beside the others'."""

import statistics

NOOP = [("enqueue/s", "enqueue_per_s"), ("drain/s", "drain_per_s"), ("worker µs/job", "worker_us_per_job"), ("redis µs/job", "redis_us_per_job"),
        ("postgres µs/job", "postgres_us_per_job"), ("recorded/s", "recorded_per_s"),
        ("all µs/job until recorded", "until_recorded_us_per_job"), ("worker MB", "worker_mb")]
LATENCY = [("p50 ms", "p50_ms"), ("p99 ms", "p99_ms"), ("max ms", "max_ms")]
COLUMNS = {
    "noop": NOOP,
    "unrecorded": NOOP,
    "controls": NOOP,
    "latency": LATENCY,
    "kill9": [("done at kill", "at_kill"), ("lost", "lost"), ("duplicated", "duplicated"), ("all done s", "all_done_s"),
              ("s after the kill", "after_kill_s")],
    "outbox": LATENCY + [("p50 ms after commit", "after_p50_ms"), ("p99 ms after commit", "after_p99_ms")],
    "backlog": [("enqueue/s", "enqueue_per_s"), ("drain/s", "drain_per_s"), ("bytes per waiting job", "bytes_per_waiting_job")],
    "sustained": [("jobs/s", "sustained_per_s"), ("Redis MB early", "early_mb"), ("late", "late_mb"), ("recorded/s", "recorded_per_s"),
                  ("all µs/job until recorded", "until_recorded_us_per_job")],
    "idle": [("worker CPU %", "worker_cpu_percent"), ("worker MB", "worker_now_mb"), ("redis CPU %", "redis_cpu_percent"),
             ("postgres CPU %", "postgres_cpu_percent")],
}
# what faena is compared by, and whether more is better
COMPARED = {"noop": ("drain_per_s", True), "latency": ("p50_ms", False), "outbox": ("p50_ms", False), "backlog": ("drain_per_s", True)}
TITLES = {
    "noop": "noop: enqueued without a worker, then drained by one",
    "unrecorded": "unrecorded: drained by a worker that does not write the ledger",
    "controls": "controls: each job under one",
    "latency": "latency: enqueue call to handler start, idle worker",
    "kill9": "kill9: worker killed half-way, another starts at once",
    "outbox": "outbox: commit asked for (and returned) to handler start",
    "backlog": "backlog: the first jobs of a small and of a large backlog",
    "sustained": "sustained: jobs keep coming at a given rate",
    "idle": "idle: ten seconds of nothing",
}


def tables(rows, heading):
    parts = [heading]
    for scenario, columns in COLUMNS.items():
        groups = {}
        for row in rows:
            if row["scenario"] == scenario:
                groups.setdefault((row["peer"], row["version"], row["variant"], row.get("mode", ""), row.get("n", "")), []).append(row)
        if groups:
            parts += ["", f"### {TITLES[scenario]}", "", *table(scenario, columns, groups)]
    failed = [f"- **{row['scenario']} {row['peer']}**: {row['failed']}" for row in rows if row.get("failed")]
    return "\n".join(parts + (["", "### Failed", "", *failed] if failed else [])) + "\n"


def table(scenario, columns, groups):
    key, more = COMPARED.get(scenario, (None, None))
    columns = [(title, name) for title, name in columns if any(row.get(name) is not None for rows in groups.values() for row in rows)]
    titles = ["system", "enqueued", "n", *(title for title, _ in columns), *(["faena ×"] if key else []), "others' cores", "runs"]
    lines = ["| " + " | ".join(titles) + " |", "|" + " --- |" * len(titles)]
    for (peer, version, variant, mode, n), rows in groups.items():
        cells = [f"{peer} {version}" + ("" if variant == "default" else f" ({variant})"), mode, number(n)]
        cells += [spread([row.get(name) for row in rows]) for _, name in columns]
        if key:
            cells.append(ratio(groups, key, more, peer, mode, rows))
        cells += [number(max(row["others_cores"] for row in rows)), str(len(rows))]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def ratio(groups, key, more, peer, mode, rows):
    """How many times better faena was, in the same run and enqueued alike; its own rows are shown as parts of their first."""
    ours = [row for (name, _, _, way, _), group in groups.items() for row in group if name == "faena" and way == mode]
    if peer == "faena":
        smallest = min(row.get("n", 0) for row in ours)
        ours, rows = rows, [row for row in ours if row.get("n", 0) == smallest]
    ours, theirs = median(ours, key), median(rows, key)
    if not ours or not theirs:
        return ""
    return number(ours / theirs if more else theirs / ours)


def median(rows, key):
    values = [row[key] for row in rows if row.get(key) is not None]
    return statistics.median(values) if values else None


def spread(values):
    values = [value for value in values if value is not None]
    if not values:
        return ""
    text = number(statistics.median(values))
    return f"{text} ({number(min(values))}–{number(max(values))})" if min(values) != max(values) else text


def number(value):
    if value == "" or value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
