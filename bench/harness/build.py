"""Everything that a run needs: binaries, an environment for the peers, wrk, strace, books."""

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .process import BenchError

ROOT = Path(__file__).resolve().parent.parent.parent
BENCH = ROOT / "bench"
# Kept between runs, and thrown away with `target/`.
KEPT = ROOT / "target" / "bench"


@dataclass(frozen=True)
class Tools:
    shop: Path
    limit: Path
    # The Python in which the peers and Locust are installed.
    python: Path
    # Whether flushes of the disk can be counted.
    strace: bool


def all_tools(binary: Path | None, say) -> Tools:
    """Builds and installs what is missing. `binary`: a shop that was built elsewhere."""
    KEPT.mkdir(parents=True, exist_ok=True)
    if not shutil.which("wrk") and not install("wrk"):
        raise BenchError("needs wrk: install the Debian package wrk")
    strace = (bool(shutil.which("strace")) or install("strace")) and _may_trace()
    if not strace:
        say("strace is missing or not allowed: flushes of the disk are not counted")
    binary = shop(binary, say)
    say("building the limits (release)")
    _cargo(BENCH / "limit" / "Cargo.toml", KEPT / "limit")
    return Tools(binary, KEPT / "limit" / "release" / "limit", _peers(say), strace)


def shop(binary: Path | None, say) -> Path:
    """The shop, built here where it was not built elsewhere."""
    if binary is None:
        say("building the shop (release)")
        _cargo(ROOT / "Cargo.toml", ROOT / "target", "--bin", "lastcopy")
        binary = ROOT / "target" / "release" / "lastcopy"
    elif not os.access(binary, os.X_OK):
        raise BenchError(f"{binary} is no program")
    return binary.resolve()


def _cargo(manifest: Path, target: Path, *more: str) -> None:
    command = ["cargo", "build", "--release", "--locked", "--quiet", "--manifest-path", str(manifest), "--target-dir", str(target)]
    if subprocess.run([*command, *more], stdin=subprocess.DEVNULL, check=False).returncode:
        raise BenchError(f"{manifest} does not build")


def _peers(say) -> Path:
    """A virtual environment with exactly what `requirements.txt` names."""
    wanted = BENCH / "peers" / "requirements.txt"
    mark = hashlib.sha256(wanted.read_bytes() + sys.version.encode()).hexdigest()
    venv, stamp = KEPT / "venv", KEPT / "venv" / "stamp"
    python = venv / "bin" / "python"
    if stamp.is_file() and stamp.read_text() == mark:
        return python
    say("installing the peers (PyPI)")
    shutil.rmtree(venv, ignore_errors=True)
    for command in (
        [sys.executable, "-m", "venv", str(venv)],
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(wanted)],
    ):
        if subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode:
            raise BenchError(f"the peers cannot be installed: {' '.join(command)} failed")
    stamp.write_text(mark)
    return python


def install(package: str) -> bool:
    """Installs a Debian package; false where that cannot be done here."""
    if os.getuid() != 0 or not shutil.which("apt-get"):
        return False
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package]):
        done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode:
            return False
    return True


def _may_trace() -> bool:
    tried = subprocess.run(["strace", "--seccomp-bpf", "-f", "-o", "/dev/null", "true"], capture_output=True, check=False)
    return tried.returncode == 0


def commit() -> str:
    """Which version of the shop stands here, with a `+` where something was changed since."""
    try:
        name = subprocess.run(["git", "describe", "--always", "--dirty=+"], cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return "unknown"
    return name.stdout.strip() or "unknown"
