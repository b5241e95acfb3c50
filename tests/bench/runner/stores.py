"""A Redis and a Postgres for one trial: private, on a free port and a socket, with the settings that they are shipped with."""

import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import machine


class Redis:
    def __init__(self, folder, append_only):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = str(probe.getsockname()[1])
        command = ["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--save", "", "--dir", folder,
                   "--appendonly", "yes" if append_only else "no"]
        self.process = machine.start(command, os.environ, open(os.path.join(folder, "redis.log"), "w"))
        wait_for(lambda: self.ask("PING") == "PONG")
        self.name = "redis " + self.info("redis_version")
        self.env = {"PEERS_REDIS_PORT": self.port, "PEERS_REDIS_URL": f"redis://127.0.0.1:{self.port}/0"}

    def ask(self, *words):
        command = ["redis-cli", "-p", self.port, *words]
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.strip()

    def info(self, field):
        return next(line.split(":")[1] for line in self.ask("INFO", "everything").splitlines() if line.startswith(field + ":"))

    def memory_bytes(self):
        return int(self.info("used_memory"))

    def prepared(self):
        pass

    def cpu(self):
        return {"redis": machine.cpu_seconds([self.process])}

    def stop(self):
        machine.end([self.process])


class Postgres:
    def __init__(self, folder, _append_only):
        self.bin = os.environ.get("FAENA_POSTGRES_BIN") or find_postgres()
        self.folder = tempfile.mkdtemp(prefix="faena-bench-")
        self.data = os.path.join(self.folder, "data")
        self.log = open(os.path.join(folder, "postgres.log"), "w")
        self.user = {}
        if os.geteuid() == 0:  # as which it refuses to run
            user = pwd.getpwnam("postgres")
            self.user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        try:
            initdb = [f"{self.bin}/initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8",
                      "--locale=C.UTF-8"]
            subprocess.run(initdb, check=True, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd=self.folder, **self.user)
            self.begin()
        except BaseException:
            self.stop()
            raise
        self.name = "postgres " + self.ask("show server_version").split()[0]
        self.env = {"PEERS_PG_URL": f"postgres:///postgres?host={self.folder}&user=postgres"}

    def begin(self):
        command = [f"{self.bin}/postgres", "-D", self.data, "-k", self.folder, "-c", "listen_addresses="]
        self.process = machine.start(command, os.environ, self.log, cwd=self.folder, **self.user)
        wait_for(lambda: self.ask("select 1") == "1")

    def ask(self, sql):
        command = [f"{self.bin}/psql", "-h", self.folder, "-U", "postgres", "-XAtq", "-c", sql]
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.strip()

    def prepared(self):
        self.ask("checkpoint")  # so that no trial pays for the pages of the migrations

    def cpu(self):
        return {"postgres": machine.cpu_seconds([self.process])}

    def stop(self):
        if getattr(self, "process", None) in machine.started:
            machine.end([self.process], ask=signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)


class Both:
    def __init__(self, folder, append_only):
        self.redis = Redis(folder, append_only)
        try:
            self.postgres = Postgres(folder, append_only)
        except BaseException:
            self.redis.stop()
            raise
        self.name = f"{self.redis.name}, {self.postgres.name}"
        self.env = {**self.redis.env, **self.postgres.env}

    def prepared(self):
        self.postgres.prepared()

    def cpu(self):
        return {**self.redis.cpu(), **self.postgres.cpu()}

    def stop(self):
        self.redis.stop()
        self.postgres.stop()


KINDS = {"redis": Redis, "postgres": Postgres, "both": Both}


def find_postgres():
    on_path = shutil.which("postgres")
    servers = [on_path] if on_path else sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"), key=lambda path: int(path.split("/")[4]))
    if not servers:
        raise RuntimeError("there is no Postgres here")
    return os.path.dirname(os.path.realpath(servers[-1]))


def wait_for(condition, seconds=30):
    end_at = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end_at:
            raise RuntimeError("a store does not answer")
        time.sleep(0.05)
