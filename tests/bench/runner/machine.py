"""Processes and what they cost, read from /proc."""

import os
import platform
import signal
import subprocess
import time

TICK = os.sysconf("SC_CLK_TCK")
started = []  # every process that leads a session of ours and has not been ended


def start(command, env, log, **more):
    process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **more)
    started.append(process)
    return process


def end(processes, ask=None, seconds=10):
    """Asks the leaders to end, if `ask` is a signal, then kills whatever is left of their sessions."""
    if ask:
        for process in processes:
            process.send_signal(ask)
        for process in processes:
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                pass
    for _ in range(3):
        for pid in sessions(processes):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
    for process in processes:
        process.wait()
        if process in started:
            started.remove(process)


def table():
    """pid → (parent, session, seconds of CPU, those of ended children included)"""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        found[int(name)] = (int(fields[1]), int(fields[3]), sum(map(int, fields[11:15])) / TICK)
    return found


def sessions(processes, now=None):
    """The processes' sessions and their descendants: Postgres gives each of its children a session of its own."""
    now = now or table()
    leaders = {process.pid for process in processes}
    found = {pid for pid, (_, session, _) in now.items() if session in leaders}
    while more := {pid for pid, (parent, _, _) in now.items() if parent in found} - found:
        found |= more
    return found


def cpu_seconds(processes):
    now = table()
    return sum(now[pid][2] for pid in sessions(processes, now))


def peak_memory_mb(processes):
    """The most they ever had."""
    return memory_mb(processes, "status", "VmHWM")


def memory_mb(processes, table="smaps_rollup", field="Pss:"):
    """What they have now; a page that two of them share is counted once."""
    total = 0
    for pid in sessions(processes):
        try:
            with open(f"/proc/{pid}/{table}") as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith(field))
        except OSError:
            pass
    return round(total / 1024, 1)


def busy_seconds():
    """CPU that the whole machine has used; what a hypervisor took from it counts too."""
    with open("/proc/stat") as file:
        user = [int(word) for word in file.readline().split()[1:9]]
    return (sum(user) - user[3] - user[4]) / TICK


def wait_quiet(limit, cores=0.25):
    end_at = time.monotonic() + limit
    while time.monotonic() < end_at:
        before = busy_seconds()
        time.sleep(1.5)
        if (busy_seconds() - before) / 1.5 < cores:
            return


def describe():
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), platform.machine())
    with open("/proc/meminfo") as file:
        memory = round(int(file.readline().split()[1]) / 2**20)
    return f"{os.cpu_count()} × {model}, {memory} GB, Linux {platform.release()}"
