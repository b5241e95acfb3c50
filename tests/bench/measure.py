#!/usr/bin/env python3
"""Measures Faena beside other job systems, on the same work, in the same run. tests/bench/README.md says what and how."""

import argparse
import datetime
import json
import os
import shlex
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "runner"))
sys.dont_write_bytecode = True

import machine  # noqa: E402
import scenarios  # noqa: E402
import table  # noqa: E402
import trial  # noqa: E402

TOP = os.path.dirname(os.path.dirname(trial.HERE))
PEERS = ["faena", "rusty-sidekiq", "riverqueue", "bullmq"]
# what only some systems can do, or what is asked of ours alone
ONLY = {"outbox": ["faena", "riverqueue"], "unrecorded": ["faena"], "controls": ["faena"], "backlog": ["faena"], "sustained": ["faena"], "idle": ["faena"]}
SCENARIOS = ["noop", "latency", "kill9", "outbox", "unrecorded", "controls", "backlog", "sustained", "idle"]


def main():
    options = read_arguments()
    home = os.path.join(TOP, ".local", "bench")
    os.makedirs(home, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    peers = [trial.Peer(name, home) for name in options.peers or PEERS]
    heading = describe(peers)
    print(heading, file=sys.stderr)
    rows = []
    try:
        with open(os.path.join(home, "results.jsonl"), "w") as kept:
            for round_ in range(options.repeat):
                for measure in planned(peers, home, options):
                    row = attempt(*measure) | {"round": round_, "commit": commit(), "machine": machine.describe()}
                    rows.append(row)
                    for file in (sys.stdout, kept):
                        print(json.dumps(row), file=file, flush=True)
    finally:
        machine.end(list(machine.started))
    text = table.tables(rows, heading)
    with open(os.path.join(home, "table.md"), "w") as kept:
        kept.write(text)
    print("\n" + text)
    return 1 if any(row.get("failed") for row in rows) else 0


def planned(peers, home, options):
    """One round: each scenario for one system after the other, so that noise falls on all of them."""
    for scenario in options.scenario.split(","):
        for peer in peers:
            if scenario in ONLY and peer.name not in ONLY[scenario]:
                continue
            if scenario == "noop":
                more = [(mode,) for mode in options.modes.split(",")]
            elif scenario == "kill9":
                more = [(variant,) for variant in peer.variants(scenario)]
            elif scenario == "controls":
                more = [(control,) for control in options.controls.split(",")]
            elif scenario == "backlog":
                more = [(int(waiting),) for waiting in options.backlog.split(",")]
            else:
                more = [()]
            for arguments in more:
                yield getattr(scenarios, scenario), peer, home, options, *arguments


def attempt(scenario, peer, home, options, *arguments):
    """A trial that cannot be carried out does not end the others."""
    try:
        return scenario(peer, home, options, *arguments)
    except Exception as error:
        return {"scenario": scenario.__name__, "peer": peer.name, "version": peer.about["version"], "variant": "default",
                "others_cores": 0, "failed": " ".join([*map(str, arguments), repr(error)])}


def describe(peers):
    today = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    command = " ".join(["tests/run bench", *map(shlex.quote, sys.argv[1:])])
    lines = [f"{today}, commit {commit()}", f"Machine: {machine.describe()}", f"Command: `{command}`",
             "Completion: " + "; ".join(f"{peer.name}, {peer.about['counts']}" for peer in peers)]
    return "\n".join(f"- {line}" for line in lines)


def commit():
    try:
        told = subprocess.run(["git", "-C", TOP, "describe", "--always", "--dirty=+"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except FileNotFoundError:
        return "unknown"
    return told.stdout.strip() or "unknown"


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peers", nargs="*", help=f"folders beside this file, or paths (default: {' '.join(PEERS)})")
    parser.add_argument("--scenario", default=",".join(SCENARIOS), help="default: %(default)s")
    parser.add_argument("--n", type=int, default=20_000, help="jobs in noop and unrecorded")
    parser.add_argument("--modes", default="one,in-flight,bulk", help="how noop enqueues")
    parser.add_argument("--controls", default="none,limit,keyed,tight,rate", help="what the jobs of controls are under")
    parser.add_argument("--repeat", type=int, default=1, help="rounds; the tables show medians (lowest–highest)")
    parser.add_argument("--quiet", type=float, default=0, help="before each trial, seconds to wait for a machine with nothing else to do")
    parser.add_argument("--append-only", action="store_true", help="Redis writes its append-only file, and flushes it each second")
    parser.add_argument("--concurrency", type=int, help="instead of each system's own best")
    parser.add_argument("--rate", type=int, default=50, help="jobs a second in latency and outbox")
    parser.add_argument("--seconds", type=int, default=10, help="how long those two take")
    parser.add_argument("--kill-n", type=int, default=2000, help="jobs in kill9")
    parser.add_argument("--kill-concurrency", type=int, default=10)
    parser.add_argument("--kill-wait", type=float, default=60, help="seconds after which a job is lost")
    parser.add_argument("--sleep-ms", type=int, default=20, help="how long a job of kill9 takes")
    parser.add_argument("--backlog", default="10000,1000000", help="how many jobs wait")
    parser.add_argument("--backlog-sample", type=int, default=10_000, help="how many of them are timed")
    parser.add_argument("--sustain-rate", type=int, default=5000, help="jobs a second in sustained")
    parser.add_argument("--sustain-seconds", type=int, default=30, help="for how long")
    parser.add_argument("--settle", type=float, default=5, help="seconds before an idle worker is measured")
    parser.add_argument("--limit", type=float, default=300, help="seconds that a drain may take")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
