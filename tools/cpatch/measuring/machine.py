"""What a run is measured on, as far as the system tells."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path
from typing import Any

_PROC = Path("/proc")
_CPU = Path("/sys/devices/system/cpu")


def facts() -> dict[str, Any]:
    """Return what stays the same during a run; two runs with equal facts may be continued.

    The host's name and the build of its kernel are left out on purpose: results are published, and
    both may tell who runs the machine.
    """
    info = _read(_PROC / "cpuinfo")
    models = re.findall(r"^model name\s*: (.*)$", info, re.M)
    memory = re.search(r"^MemTotal:\s*(\d+) kB", _read(_PROC / "meminfo"), re.M)
    system = re.search(r'^PRETTY_NAME="?(.*?)"?$', _read(Path("/etc/os-release")), re.M)
    return {
        "cpu": models[0] if models else platform.processor() or "unknown",
        "cpus": len(models) or os.cpu_count(),
        "virtual": bool(re.search(r"^flags\s*:.*\bhypervisor\b", info, re.M)),
        "memory_gib": round(int(memory[1]) / 2**20) if memory else None,
        "kernel": kernel(platform.release()),
        "system": system[1] if system else platform.system(),
        "libc": " ".join(platform.libc_ver()),
        "governor": _read(_CPU / "cpu0/cpufreq/scaling_governor").strip() or "unknown",
        "turbo": _turbo(),
    }


def kernel(release: str) -> str:
    """Return the version at the start of what ``uname -r`` says, without whose build it is."""
    found = re.match(r"\d+(\.\d+)*", release)
    return found[0] if found else "unknown"


def public_platform(text: str) -> str:
    """Return ``platform.platform()`` without the kernel: ``Linux-x86_64-with-glibc2.36``."""
    system, _, rest = text.partition("-")
    found = re.search(r"(?:^|-)(\w+)-with-(\w+[\w.]*)$", rest)
    return f"{system}-{found[1]}-with-{found[2]}" if found else system


def name(found: dict[str, Any]) -> str:
    """Return a machine's name for column heads: what its processor is called, and how many."""
    cpu = re.sub(r"\((R|TM|r|tm)\)| CPU| Processor|@.*$", "", str(found["cpu"]))
    return f"{' '.join(cpu.split())}, {found['cpus']} CPUs" + (", VM" if found["virtual"] else "")


def read_afresh(python: Path) -> list[Path]:
    """Have the kernel read an installed interpreter from disk again; returns the files dropped.

    The kernel maps more around a page fault where a file's pages came into its cache by being
    written, as a fresh installation's did, than where they were read: 3 % of the peak memory of
    ``-c pass`` (ext4, Linux 6.18). The sides of a comparison are seldom installed at the same
    hour. A page that some process maps stays.
    """
    modules = python.resolve().parents[1].glob("lib/python3.*/lib-dynload/*.so")
    found = [python.resolve(), *sorted(modules)]
    for path in found:
        with path.open("rb") as file:
            os.fsync(file)  # a page not written yet cannot be dropped
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return found


def load() -> list[float]:
    """Return the load averages of 1, 5 and 15 minutes."""
    return [round(value, 2) for value in os.getloadavg()]


def free_memory() -> int:
    """Return how many bytes could be allocated now without swapping; a lot when unknown."""
    found = re.search(r"^MemAvailable:\s*(\d+) kB", _read(_PROC / "meminfo"), re.M)
    return int(found[1]) * 1024 if found else 1 << 62


def cpu_to_use() -> int | None:
    """Return the CPU that measured programs are bound to: the last allowed one, or None."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    return max(os.sched_getaffinity(0))


def leave(cpu: int | None) -> None:
    """Keep this process off *cpu* when there is another one."""
    if cpu is None:
        return
    others = os.sched_getaffinity(0) - {cpu}
    if others:
        os.sched_setaffinity(0, others)


def _turbo() -> str:
    for path, on in ((_CPU / "intel_pstate/no_turbo", "0"), (_CPU / "cpufreq/boost", "1")):
        text = _read(path).strip()
        if text:
            return "on" if text == on else "off"
    return "unknown"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
