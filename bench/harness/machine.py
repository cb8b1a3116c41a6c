"""What the kernel says of processes and of the machine: CPU, memory, how many flushes of the disk."""

import os
import platform
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
CORES = os.cpu_count() or 1


def cpu_seconds(pid: int) -> float:
    """CPU that a process has used, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def busy_seconds() -> float:
    """CPU that was used by anybody since the machine started."""
    user, nice, system, _idle, _wait, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS


def memory_mb(pid: int, field: str = "VmRSS") -> float:
    """Memory of a process that is in RAM (`VmRSS`), or the most that ever was (`VmHWM`), in MB of 10⁶ bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ValueError(f"process {pid} has no {field}")


def children_of(pid: int) -> list[int]:
    """Processes that `pid` started, and that still run."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def flushes(trace: Path) -> int:
    """Lines of a strace that was asked for flushes of the disk."""
    return sum("sync(" in line for line in trace.read_text(errors="replace").splitlines())


def description() -> str:
    """The machine, in a line."""
    cpus = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    model = cpus[0] if cpus else platform.machine()
    return f"{CORES} × {model}, {pages * size / 1e9:.0f} GB, Linux {platform.release()}"
