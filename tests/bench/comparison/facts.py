"""What a figure depends on: the machine, and the versions of everything."""

import datetime
import importlib.metadata
import os
import platform
import subprocess


def output(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.stdout.decode().splitlines()[0] if done.stdout else ""


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as cpuinfo:
        for line in cpuinfo:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def gather(zerogate):
    return {
        "date": str(datetime.date.today()),
        "cores": os.cpu_count(),
        "cpu": cpu_model(),
        "kernel": platform.release().split("-")[0],
        "load_before": os.getloadavg()[0],
        "zerogate": output(zerogate, "--version"),
        "zeroapi": importlib.metadata.version("zeroapi"),
        "uvloop": importlib.metadata.version("uvloop"),
        "python": platform.python_version(),
        "redis": output("redis-server", "--version").split("v=")[-1].split()[0],
        "haproxy": output("/usr/sbin/haproxy", "-v").split("version ")[-1].split("-")[0],
    }


def sentence(about, pace):
    parts = [
        f"Median (least–most) of {pace.rounds} rounds of {pace.measured_ms / 1_000:g} s",
        f"{about['cores']} cores ({about['cpu']}) for load, server and Redis together",
        about["zerogate"],
        f"zeroapi {about['zeroapi']} with uvloop {about['uvloop']} on Python {about['python']}",
        f"Redis {about['redis']}",
        f"HAProxy {about['haproxy']}",
        f"Linux {about['kernel']}",
        about["date"],
    ]
    if about["load_before"] > 0.5:
        parts.append(f"**the machine was busy** (load {about['load_before']:.1f} before the start)")
    return "; ".join(parts) + "."


def short(about):
    return f"{about['cores']} cores, {about['cpu']}, {about['date']}"
