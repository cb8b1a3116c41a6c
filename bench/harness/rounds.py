"""Rounds: every subject once, one after the other, on fresh data; then again. What disturbs the machine disturbs all."""

import shutil
import time
from pathlib import Path

from . import load, machine
from .process import BenchError, Server
from .subjects import Stage, Subject


class Rounds:
    """Runs rounds and keeps what they came to, as `{subject: [{round}, …]}`."""

    def __init__(self, stage: Stage, subjects: list[Subject], seconds: float, say):
        self._stage, self._subjects, self._seconds, self._say = stage, subjects, seconds, say
        self.results: dict[str, list[dict]] = {subject.name: [] for subject in subjects}

    def run(self, rounds: int, until: float) -> int:
        """As many rounds as were asked for, or as have time; none is left half done. How many there were."""
        took = 0.0
        for number in range(1, rounds + 1):
            if took and time.monotonic() + took > until:
                self._say(f"no time for round {number} of {rounds}")
                return number - 1
            began = time.monotonic()
            # Every other round goes the other way, so that nobody always comes after the same neighbour.
            for subject in self._subjects if number % 2 else reversed(self._subjects):
                self._one(subject, f"round {number}/{rounds}")
            took = time.monotonic() - began
        return rounds

    def _one(self, subject: Subject, where: str) -> None:
        folder = self._stage.folder / "now"
        shutil.rmtree(folder, ignore_errors=True)
        beside = subject.beside(folder / "beside") if subject.beside else None
        try:
            with subject.start(folder / subject.name, None) as server:
                kept = self._loads(subject, server)
                kept["peak_mb"] = machine.memory_mb(server.pid, "VmHWM")
                kept |= subject.after(server)
        finally:
            if beside:
                beside.kill()
        self.results[subject.name].append(kept)
        speeds = ", ".join(f"{each['per_second']:,.0f}/s at {each['connections']}" for each in kept["loads"])
        self._say(f"{where} {subject.name}: {speeds}; {kept['loads'][-1]['cpu_us']:,.0f} µs CPU each")

    def _loads(self, subject: Subject, server: Server) -> dict:
        asked, settle = subject.load.request, lambda: subject.settled(server)
        load.run(server, asked, 32, 1, settle)  # To warm up.
        loads = []
        for connections in subject.load.connections:
            before = subject.sold(server) if subject.sold else 0
            outcome = load.run(server, asked, connections, self._seconds, settle)
            if not outcome.requests:
                raise BenchError(f"{subject.name}: nothing was answered within {self._seconds} s: this machine has other things to do")
            if outcome.bad:
                raise BenchError(f"{subject.name}: {outcome.bad} of {outcome.requests} answers were not what they should be\n{server.tail()}")
            if subject.sold:
                conserved(subject, outcome, subject.sold(server) - before)
            loads.append(outcome.as_dict())
        return {"loads": loads}


def conserved(subject: Subject, outcome: load.Outcome, gone: int) -> None:
    """What left the shelves was sold, and what was sold left the shelves.

    When wrk ends it hangs up: of each connection one purchase at most may have been done without its answer being read.
    """
    least, most = (0, 0) if subject.load.request.refused else (outcome.good, outcome.good + outcome.connections)
    if not least <= gone <= most:
        raise BenchError(f"{subject.name}: {outcome.good} purchases were answered 2xx, and {gone} copies left the shelves")


def flushes_per_order(stage: Stage, subject: Subject, say) -> dict[str, float]:
    """Flushes of the disk for each order, in a short run of its own under strace."""
    found = {}
    for connections in subject.load.connections:
        folder = stage.folder / "traced"
        shutil.rmtree(folder, ignore_errors=True)
        trace = folder / "trace"
        folder.mkdir()
        with subject.start(folder / subject.name, trace) as server:
            before = machine.flushes(trace)
            outcome = load.run(server, subject.load.request, connections, 1, lambda: subject.settled(server))
            if outcome.good:
                found[str(connections)] = (machine.flushes(trace) - before) / outcome.good
    say(f"flushes per order, {subject.name}: " + ", ".join(f"{each:.3f} at {at}" for at, each in found.items()))
    return found

