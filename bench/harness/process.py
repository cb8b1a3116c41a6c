"""Servers that a run starts, and stops again whatever happens."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from . import machine

READY_S = 60.0
STOP_S = 30.0


class BenchError(Exception):
    """A run that cannot go on, in words for whoever started it."""


class Server:
    """A process that says `ready <url>` when it listens on the loopback."""

    def __init__(self, name: str, command: list[str], folder: Path, env: dict[str, str] | None = None, url: str | None = None):
        """Starts it in `folder`, where its output goes too. With a `url` nothing is said, and the port tells."""
        self.name, self.folder = name, folder
        folder.mkdir(parents=True, exist_ok=True)
        self._said, self._log = folder / "said", folder / "log"
        clean = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
        began = time.monotonic()
        with self._said.open("wb") as said, self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=folder, env=clean | (env or {}), stdin=subprocess.DEVNULL, stdout=said, stderr=log
            )
        try:
            self.url = self._until_ready(began, url)
        except BaseException:
            self.kill()
            raise
        self.ready_ms = (time.monotonic() - began) * 1000

    @property
    def pid(self) -> int:
        return self._process.pid

    def _until_ready(self, began: float, url: str | None) -> str:
        while time.monotonic() - began < READY_S:
            if self._process.poll() is not None:
                raise BenchError(f"{self.name} ended at its start:\n{self.tail()}")
            if url and listens(url):
                return url
            for line in self._said.read_text(errors="replace").splitlines():
                if line.startswith("ready ") and not url:
                    return line.split()[1]
            time.sleep(0.002)
        raise BenchError(f"{self.name} was not ready within {READY_S:.0f} s:\n{self.tail()}")

    def tail(self) -> str:
        """The last lines that it wrote."""
        lines = [line for file in (self._said, self._log) for line in file.read_text(errors="replace").splitlines()[-10:]]
        return "\n".join("    " + line[:300] for line in lines)

    def stop(self) -> None:
        """As its owner would: SIGTERM, and the end of it is waited for."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise BenchError(f"{self.name} did not stop within {STOP_S:.0f} s:\n{self.tail()}") from None

    def kill(self) -> None:
        """As a power cut would end it, only that the disk lives on."""
        if self._process.poll() is None:
            # Where strace stands before it, the process itself goes first: a tracer that dies lets go of it.
            for child in machine.children_of(self.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def listens(url: str) -> bool:
    """Whether somebody takes connections there."""
    host, port = url.removeprefix("http://").split(":")
    with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
        return True
    return False


def free_port() -> int:
    """A port of the loopback that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def traced(command: list[str], trace: Path) -> list[str]:
    """The command under strace, which writes a line for each flush of the disk and stops the process for nothing else."""
    return ["strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=fsync,fdatasync", "-e", "signal=none", "-o", str(trace), *command]
