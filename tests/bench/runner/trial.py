"""One trial: a peer with stores of its own."""

import glob
import json
import os
import shutil
import subprocess
import time

import machine
import stores

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Peer:
    def __init__(self, where, home):
        self.folder = os.path.abspath(where if os.sep in where else os.path.join(HERE, where))
        self.name = os.path.basename(self.folder)
        self.env = os.path.join(home, "env", self.name)
        os.makedirs(self.env, exist_ok=True)
        setup = os.path.join(self.folder, "setup")
        told = subprocess.run([setup], env={**os.environ, "PEERS_ENV": self.env}, stdout=subprocess.PIPE, text=True)
        if told.returncode:
            raise RuntimeError(f"{self.name}: its setup failed")
        self.about = json.loads(told.stdout.strip().splitlines()[-1])

    def variants(self, scenario):
        return self.about.get("variants", {}).get(scenario, ["default"])


class Trial:
    """What the peer is told, and what it tells; see README.md."""

    def __init__(self, peer, home, options, scenario, variant="default", concurrency=None):
        self.peer, self.scenario, self.variant = peer, scenario, variant
        self.out = os.path.join(home, "out", f"{peer.name}-{scenario}-{variant}")
        shutil.rmtree(self.out, ignore_errors=True)
        os.makedirs(self.out)
        machine.wait_quiet(options.quiet)
        self.workers, self.ended_cpu = [], 0
        self.log = open(os.path.join(self.out, "peer.log"), "w")
        self.store = stores.KINDS[peer.about.get("store", "redis")](self.out, options.append_only)
        self.env = {
            **os.environ, **self.store.env, "PEERS_ENV": peer.env, "PEERS_OUT": self.out, "PEERS_QUEUE": "bench",
            "PEERS_SCENARIO": {"kill9": "kill9", "latency": "latency", "outbox": "latency"}.get(scenario, "noop"),
            "PEERS_VARIANT": variant, "PEERS_SLEEP_MS": str(options.sleep_ms),
        }
        self.env.pop("PEERS_CONCURRENCY", None)
        concurrency = concurrency or options.concurrency
        if concurrency:
            self.env["PEERS_CONCURRENCY"] = str(concurrency)

    def __enter__(self):
        try:
            prepare = os.path.join(self.peer.folder, "prepare")
            if os.path.isfile(prepare):
                subprocess.run([prepare], env=self.env, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, check=True)
            self.store.prepared()
        except BaseException:
            self.__exit__()
            raise
        self.noise = Noise(self)
        return self

    def __exit__(self, *_):
        self.end_workers()
        self.store.stop()
        self.log.close()

    def enqueue(self, *words):
        """Answers how many a second."""
        with self.enqueueing(*words) as client:
            told, _ = client.communicate()
        if client.returncode:
            raise RuntimeError(f"{self.peer.name}: enqueue {' '.join(map(str, words))} failed; see {self.out}/peer.log")
        answer = json.loads(told.strip().splitlines()[-1])
        return answer["n"] / answer["seconds"]

    def enqueueing(self, *words):
        command = [os.path.join(self.peer.folder, "enqueue"), *map(str, words)]
        return subprocess.Popen(command, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, text=True)

    def start_worker(self):
        env = {**self.env, "PEERS_INDEX": str(len(self.workers))}
        self.workers.append(machine.start([os.path.join(self.peer.folder, "work")], env, self.log))
        return time.monotonic_ns()

    def end_workers(self):
        self.ended_cpu += machine.cpu_seconds(self.workers)
        machine.end(self.workers)
        self.workers = []

    def progress(self):
        """Of all worker processes: how many jobs are done, when the first began, when the last was over."""
        done, first, last = 0, None, 0
        for path in glob.glob(os.path.join(self.out, "done.*")):
            with open(path) as file:
                words = file.read().split()
            if len(words) == 3:
                done, last = done + int(words[0]), max(last, int(words[2]))
                first = min(first or int(words[1]), int(words[1]))
        return done, first, last

    def wait_done(self, n, seconds):
        end_at = time.monotonic() + seconds
        while (told := self.progress())[0] < n and time.monotonic() < end_at:
            if any(worker.poll() is not None for worker in self.workers):
                raise RuntimeError(f"{self.peer.name}: its worker ended; see {self.out}/peer.log")
            time.sleep(0.01)
        return told

    def lines(self, name):
        """The words of each line that the workers, or the client, wrote under this name."""
        found = []
        for path in glob.glob(os.path.join(self.out, name)):
            with open(path) as file:
                found += [[int(word) for word in line.split()] for line in file if line.endswith("\n")]
        return found

    def row(self, **figures):
        return {"scenario": self.scenario, "peer": self.peer.name, "version": self.peer.about["version"], "variant": self.variant,
                "store": self.store.name, **figures, "others_cores": self.noise.cores()}


class Noise:
    """CPU that neither this trial's workers nor its stores used: clients of its own are part of it while they enqueue."""

    def __init__(self, trial):
        self.trial = trial
        self.restart()

    def mine(self):
        return self.trial.ended_cpu + machine.cpu_seconds(self.trial.workers) + sum(self.trial.store.cpu().values())

    def restart(self):
        self.at, self.busy, self.own = time.monotonic(), machine.busy_seconds(), self.mine()

    def cores(self):
        elapsed = max(0.05, time.monotonic() - self.at)
        return round(max(0.0, machine.busy_seconds() - self.busy - (self.mine() - self.own)) / elapsed, 2)
