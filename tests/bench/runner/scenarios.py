"""What is measured. Each scenario is one trial and answers one row of figures."""

import json
import os
import subprocess
import time

import machine
from trial import Trial


def noop(peer, home, options, mode):
    """Enqueue N with no worker there, then let one worker drain them."""
    with Trial(peer, home, options, "noop") as trial:
        enqueued = trial.enqueue(mode, options.n)
        return drain(trial, options, options.n, mode=mode, enqueue_per_s=round(enqueued))


def unrecorded(peer, home, options):
    """As noop, by a worker that does not write the ledger; afterwards another one does, and every event must reach it."""
    with Trial(peer, home, options, "unrecorded") as trial:
        trial.env["RECORD"] = "false"
        trial.enqueue("bulk", options.n)

        def record():
            del trial.env["RECORD"]
            trial.start_worker()

        return drain(trial, options, options.n, afterwards=record)


def controls(peer, home, options, control):
    """As noop, with each job under a control: what it costs."""
    with Trial(peer, home, options, "controls") as trial:
        trial.env["PEERS_CONTROL"] = control
        enqueued = trial.enqueue("bulk", options.n)
        return drain(trial, options, options.n, mode=control, enqueue_per_s=round(enqueued))


def backlog(peer, home, options, waiting):
    """How fast the first jobs of a backlog go, and what a waiting job costs Redis."""
    with Trial(peer, home, options, "backlog") as trial:
        empty = trial.store.redis.memory_bytes()
        enqueued = trial.enqueue("bulk", waiting)
        size = (trial.store.redis.memory_bytes() - empty) / waiting
        trial.start_worker()
        trial.noise.restart()
        sample = min(options.backlog_sample, waiting)
        done, first, last = trial.wait_done(sample, options.limit)
        return trial.row(n=waiting, done=done, enqueue_per_s=round(enqueued), drain_per_s=rate(done, first, last),
                         bytes_per_waiting_job=round(size), **missing(done, sample))


def sustained(peer, home, options):
    """Jobs come in batches at a rate that is given; a rate is sustained if no queue grows: what Redis holds must not."""
    n = options.sustain_rate * options.sustain_seconds
    with Trial(peer, home, options, "sustained") as trial:
        trial.start_worker()
        trial.noise.restart()
        before, memory = costs(trial), []
        with trial.enqueueing("steady", n, options.sustain_rate) as client:
            while client.poll() is None:
                memory.append(trial.store.redis.memory_bytes() / 2**20)
                time.sleep(0.5)
        done, first, last = trial.wait_done(n, options.limit)
        quarter = max(1, len(memory) // 4)
        early, late = max(memory[quarter:2 * quarter], default=0), max(memory[-quarter:], default=0)
        row = trial.row(n=n, done=done, rate=options.sustain_rate, sustained_per_s=rate(done, first, last),
                        early_mb=round(early, 1), late_mb=round(late, 1), **missing(done, n))
        row |= settle(trial, options, n, first)
        row["until_recorded_us_per_job"] = round(sum(spent(before, costs(trial)).values()) / n * 1e6, 1)
        if late > early * 1.5 + 5:
            row["failed"] = f"{options.sustain_rate} jobs a second were not sustained: Redis held {early:.0f} MB early and {late:.0f} MB late"
        return row


def latency(peer, home, options):
    """From the call that enqueues to the handler's start, in a worker that has nothing else to do."""
    with Trial(peer, home, options, "latency") as trial:
        warm(trial)
        n = options.rate * options.seconds
        trial.enqueue("paced", n, options.rate)
        done, _, _ = trial.wait_done(WARMING + n, 10)
        time.sleep(0.1)
        measured = [line[0] / 1e6 for line in trial.lines("latency.*")][WARMING:]
        return trial.row(n=n, done=done - WARMING, **percentiles(measured), **missing(len(measured), n))


def outbox(peer, home, options):
    """From the moment a transaction's commit is asked for, or has returned, to the start of the handler that it promised."""
    with Trial(peer, home, options, "outbox") as trial:
        warm(trial)
        n = options.rate * options.seconds
        warmed = len(trial.lines("starts.*"))
        trial.enqueue("promised", n, options.rate)
        done, _, _ = trial.wait_done(WARMING + n, 30)
        time.sleep(0.1)
        began = dict(trial.lines("starts.*")[warmed:])
        commits = trial.lines("commits")
        asked = [(began[i] - asked) / 1e6 for i, asked, _ in commits if i in began]
        returned = [(began[i] - returned) / 1e6 for i, _, returned in commits if i in began]
        returned = {f"after_{name}": figure for name, figure in percentiles(returned).items()}
        return trial.row(n=n, done=done - WARMING, **percentiles(asked), **returned, **missing(len(asked), n))


def kill9(peer, home, options, variant):
    """The worker is killed half-way and another one starts at once."""
    n = options.kill_n
    with Trial(peer, home, options, "kill9", variant, concurrency=options.kill_concurrency) as trial:
        trial.enqueue("bulk", n)
        begun = time.monotonic()
        trial.start_worker()
        while len(ids(trial)) < n // 2:
            if time.monotonic() - begun > options.limit:
                raise RuntimeError(f"{peer.name}: no progress in kill9")
            time.sleep(0.01)
        trial.end_workers()
        killed, at_kill = time.monotonic(), len(ids(trial))
        trial.start_worker()
        seen, seen_at = at_kill, killed
        while time.monotonic() - killed < options.kill_wait:
            now = ids(trial)
            if len(now) > seen:
                seen, seen_at = len(now), time.monotonic()
            if len(set(now)) >= n:
                break
            time.sleep(0.02)
        time.sleep(1)  # for what would come twice
        final = ids(trial)
        lost = n - len(set(final))
        return trial.row(n=n, at_kill=at_kill, lost=lost, duplicated=len(final) - len(set(final)),
                         all_done_s=None if lost else round(seen_at - begun, 1), after_kill_s=round(seen_at - killed, 1))


def idle(peer, home, options):
    """A worker with nothing to do."""
    with Trial(peer, home, options, "idle") as trial:
        trial.start_worker()
        time.sleep(options.settle)
        trial.noise.restart()
        worker, store, at = machine.cpu_seconds(trial.workers), trial.store.cpu(), time.monotonic()
        time.sleep(10)
        elapsed = time.monotonic() - at
        used = {"worker": machine.cpu_seconds(trial.workers) - worker, **spent(store, trial.store.cpu())}
        return trial.row(worker_now_mb=machine.memory_mb(trial.workers),
                         **{f"{name}_cpu_percent": round(seconds / elapsed * 100, 2) for name, seconds in used.items()})


# ---------------------------------------------------------------- steps

WARMING = 20


def warm(trial):
    """Connections open, code is in memory, then idle again."""
    trial.start_worker()
    trial.enqueue("paced", WARMING, WARMING)
    trial.wait_done(WARMING, 30)
    time.sleep(2)
    trial.noise.restart()


def drain(trial, options, n, afterwards=None, **figures):
    resting = costs(trial)
    spawned = trial.start_worker()
    trial.noise.restart()
    seen, _, _ = trial.wait_done(1, options.limit)
    before = costs(trial)
    done, first, last = trial.wait_done(n, options.limit)
    # What ran before the first look is missing in the CPU: the rest stands for all, if it is most of it.
    used = spent(before, costs(trial)) if done - seen > n / 2 else {}
    used = {f"{name}_us_per_job": round(seconds / (done - seen) * 1e6, 1) for name, seconds in used.items()}
    row = trial.row(n=n, **figures, done=done, drain_per_s=rate(done, first, last), boot_s=round((first - spawned) / 1e9, 2), **used,
                    worker_mb=machine.peak_memory_mb(trial.workers), **missing(done, n))
    if afterwards:
        afterwards()
    if trial.peer.name == "faena":
        row |= settle(trial, options, n, first)
        if not afterwards:
            row["until_recorded_us_per_job"] = round(sum(spent(resting, costs(trial)).values()) / n * 1e6, 1)
    return row


def settle(trial, options, n, first):
    """Waits until every event is in the ledger, and proves it: as many ends and attempts there as jobs, nothing live in Redis."""
    end_at = time.monotonic() + options.limit
    counts = "select (select count(*) from faena.jobs where state = 'completed'), count(*) from faena.attempts"
    while True:
        seen = time.monotonic_ns()
        counted = trial.store.postgres.ask(counts)
        ended, attempts = map(int, counted.split("|")) if counted else (0, 0)
        if (ended, attempts) == (n, n) or time.monotonic() > end_at:
            break
        time.sleep(0.1)
    live = live_jobs(trial)
    proof = {"ledger": ended, "attempts": attempts, "live": live, "recorded_per_s": rate(ended, first, seen)}
    if (ended, attempts, live) != (n, n, 0):
        proof["failed"] = f"of {n} jobs the ledger has {ended} ends and {attempts} attempts, and {live} are live"
    return proof


def live_jobs(trial):
    """As an operator sees them."""
    inspect = [os.path.join(trial.peer.env, "bench"), "inspect", "--json"]
    env = {**trial.env, "DATABASE_URL": trial.env["PEERS_PG_URL"], "REDIS_URL": trial.env["PEERS_REDIS_URL"]}
    overview = json.loads(subprocess.run(inspect, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout)
    states = ("available", "running", "scheduled", "retryable", "limited", "paused", "parked")
    return sum(lane[state] for lane in overview["lanes"] for state in states)


def ids(trial):
    return [line[0] for line in trial.lines("ids")]


def costs(trial):
    return {"worker": machine.cpu_seconds(trial.workers), **trial.store.cpu()}


def spent(before, after):
    return {name: after[name] - before[name] for name in before}


def rate(jobs, first, last):
    return round(jobs / max(1e-9, (last - (first or last)) / 1e9))


def missing(done, wanted):
    return {} if done >= wanted else {"failed": f"{done} of {wanted} jobs were done"}


def percentiles(values):
    if not values:
        return {"p50_ms": None, "p99_ms": None, "max_ms": None}
    values = sorted(values)
    at = {"p50_ms": 0.5, "p99_ms": 0.99, "max_ms": 1}
    return {name: round(values[min(len(values) - 1, int(len(values) * share))], 2) for name, share in at.items()}
