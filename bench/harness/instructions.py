"""Instructions that a request takes, counted by callgrind.

They are no time: memory, the kernel and the waiting for disks are not in them, and a shop that is fifty times as slow shares fewer
requests and commits than it does at its own speed, and asks again what it would not. But two counts of one binary differ by a
hundredth, where two measurements of its speed differ by a fifth.
"""

import argparse
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from . import build, load, shop, subjects
from .build import KEPT
from .process import BenchError, Server

CONNECTIONS = 32
SECONDS = 10
# What is done once at the beginning (statements prepared, tokens verified) is not counted.
WARM_UP_S = 3
FUNCTIONS = 40
# One line of `callgrind_annotate`: instructions, their share, and file and function.
LINE = re.compile(r"^\s*([\d,]+) \([^)]*\)\s+\S+?:(.+?)(?: \[[^]]*\])?$")


def parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench/count",
        description="Counts the instructions that the shop executes for a request, by function. Needs valgrind.",
        epilog="NAME is a subject of bench/run: shop-get, shop-get-uncached, shop-purchase, shop-card, shop-sold-out.",
    )
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--binary", type=Path, help="a shop that is built already, instead of target/release/lastcopy")
    parser.add_argument("--against", type=Path, metavar="BINARY", help="another shop, counted as well; sorted by what differs")
    parser.add_argument("--seconds", type=int, default=SECONDS, help=f"of the load that is counted (default {SECONDS})")
    return parser.parse_args(arguments)


def run(arguments: list[str]) -> int:
    args = parsed(arguments)
    # A count that is told to stop leaves nothing running behind it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if not shutil.which("valgrind") and not build.install("valgrind"):
            raise BenchError("needs valgrind: install the Debian package valgrind")
        binaries = [build.shop(args.binary, print)] + ([build.shop(args.against, print)] if args.against else [])
        counts = [counted(args.name, binary, args.seconds) for binary in binaries]
    except BenchError as error:
        print(f"bench/count: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print("\n".join(table(counts)))
    return 0


def counted(name: str, binary: Path, seconds: int) -> dict[str, float]:
    """Instructions for a request, by function."""
    folder = KEPT / "count"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # Filled by the shop as it is: beneath callgrind that would take minutes.
    stage = subjects.Stage(build.Tools(binary, Path("/nonexistent"), Path(sys.executable), strace=False), folder)
    chosen = [subject for subject in subjects.every(stage) if subject.name == name and name.startswith("shop-")]
    if not chosen:
        raise BenchError(f"{name} is no subject that can be counted")
    out, beneath = folder / "callgrind.out", folder / "shop"
    beneath.write_text(f'#!/bin/sh\nexec valgrind -q --tool=callgrind --instr-atstart=no "--callgrind-out-file={out}" "{binary}" "$@"\n')
    beneath.chmod(0o755)
    stage.shop = shop.Shop(beneath)
    subject = chosen[0]
    with subject.start(folder / name, None) as server:
        settle = lambda: subject.settled(server)  # noqa: E731
        load.run(server, subject.load.request, CONNECTIONS, WARM_UP_S, settle)
        _control(server, "-i", "on")
        done = load.run(server, subject.load.request, CONNECTIONS, seconds, settle)
        _control(server, "-i", "off")
        _control(server, "-d")
    if not done.good:
        raise BenchError(f"{name}: nothing was answered as wished")
    print(f"{binary}: {done.requests} requests")
    # The last dump is of the end, and empty.
    annotated = subprocess.run(
        ["callgrind_annotate", "--inclusive=no", "--threshold=100", f"{out}.1"], capture_output=True, text=True, check=False
    )
    return by_function(annotated.stdout, done.requests)


def _control(server: Server, *what: str) -> None:
    done = subprocess.run(["callgrind_control", *what, str(server.pid)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"callgrind does not listen:\n{done.stdout}{done.stderr}")
    # It acts on it the next time that it looks.
    time.sleep(0.5)


def by_function(annotated: str, requests: int) -> dict[str, float]:
    """What `callgrind_annotate` says, for one request."""
    found: dict[str, float] = {}
    for line in annotated.splitlines():
        if match := LINE.match(line):
            instructions, function = int(match[1].replace(",", "")), match[2]
            found[function] = found.get(function, 0) + instructions / requests
    return found


def table(counts: list[dict[str, float]]) -> list[str]:
    """The functions that take most; of two shops, those that differ most."""
    first, other = counts[0], counts[1] if len(counts) > 1 else {}
    functions = sorted(first.keys() | other.keys(), key=lambda name: -abs(first.get(name, 0) - other.get(name, 0)))
    row = lambda name, each: " ".join(f"{value:10,.0f}" for value in each) + f"  {name[:120]}"  # noqa: E731
    rows = [row(name, [count.get(name, 0) for count in counts]) for name in functions[:FUNCTIONS]]
    return [row("all", [sum(count.values()) for count in counts]), *rows]
