"""Requests of one kind, sent by wrk, and what came of them."""

import json
import resource
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Callable

from . import machine
from .process import BenchError, Server

SCRIPT = Path(__file__).resolve().parent.parent / "load" / "load.lua"
# What wrk waits for an answer.
TIMEOUT_S = 10


@dataclass(frozen=True)
class Request:
    """One kind of request. `$ID` in path and body is the next line of `ids`."""

    method: str
    path: str
    ids: Path
    body: Path | None
    api_key: str
    # Whether it is answered by a refusal (4xx), and that is what is measured.
    refused: bool = False


@dataclass
class Outcome:
    """What one load came to."""

    connections: int
    requests: int
    # Answered as wished: 2xx, or a refusal where that is what is measured.
    good: int
    bad: int
    per_second: float
    p50_us: int
    p99_us: int
    cpu_us: float
    # Cores' worth of CPU that neither the server nor wrk used: the noise in which this was measured.
    noise: float

    def as_dict(self) -> dict:
        return asdict(self)


_keys = 0


def run(server: Server, request: Request, connections: int, seconds: float, settled: Callable[[], None] = lambda: None) -> Outcome:
    """Sends requests for so long. CPU is counted until `settled` returns: what was left for later counts too."""
    global _keys
    _keys += 1
    cpu, busy, began = machine.cpu_seconds(server.pid), machine.busy_seconds(), time.monotonic()
    said, wrk_cpu = _wrk(server, request, connections, seconds, f"bench-{_keys}-")
    took = time.monotonic() - began
    noise = machine.busy_seconds() - busy - wrk_cpu - (machine.cpu_seconds(server.pid) - cpu)
    settled()
    cpu = machine.cpu_seconds(server.pid) - cpu
    answered = said["requests"] - said["refused"]
    good, bad = (said["refused"], answered) if request.refused else (answered, said["refused"])
    return Outcome(
        connections=connections,
        requests=said["requests"],
        good=good,
        bad=bad + said["broken"],
        per_second=good / (said["us"] / 1e6),
        p50_us=said["p50_us"],
        p99_us=said["p99_us"],
        cpu_us=cpu * 1e6 / max(1, said["requests"]),
        noise=max(0.0, noise / took),
    )


def _wrk(server: Server, request: Request, connections: int, seconds: float, keys: str) -> tuple[dict, float]:
    command = [
        "wrk", "-t1", f"-c{connections}", f"-d{_whole(seconds)}s", "--latency", "--timeout", f"{TIMEOUT_S}s", "-s", str(SCRIPT),
        server.url, "--", request.method, request.path, str(request.body or "-"), str(request.ids), keys, request.api_key,
    ]  # fmt: skip
    before = _children_cpu()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 3 * TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise BenchError(f"wrk did not end against {server.name}") from None
    for line in done.stdout.splitlines():
        if line.startswith("result "):
            return json.loads(line.removeprefix("result ")), _children_cpu() - before
    raise BenchError(f"wrk failed against {server.name}:\n{done.stdout}{done.stderr}\n{server.tail()}")


def _whole(seconds: float) -> int:
    """wrk knows whole seconds only."""
    return max(1, round(seconds))


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
