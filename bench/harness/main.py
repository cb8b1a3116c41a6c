"""The command line."""

import argparse
import json
import shutil
import signal
import sys
import time
from pathlib import Path

from . import build, crowd, floors, growing, growth, machine, page, plot, rounds, subjects
from .build import KEPT, ROOT
from .process import BenchError

# Parts of a run that are no subject of a round.
PARTS = ("flushes", "import", "search", "crowd", "growth")
# Whose flushes of the disk are counted.
ON_DISK = ("peer-durable", "limit-durable", "limit-chain", "limit-chain-coalesced", "limit-chain-dutiful", "shop-purchase", "shop-card")
QUICK_ON_DISK = ("limit-chain-coalesced", "shop-purchase")
# More than so many cores' worth of work by others, and a run says little.
QUIET_CORES = 0.2
QUICK_S, FULL_S, LONG_S = 300, 1500, 5400
LEAST_ROUNDS = 3


def parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench/run",
        description="Builds everything, runs peers, limits and the shop in turn, checks what they did, and writes what came of it to "
        "docs/performance.md (a quick or partial run: to target/bench/performance.md).",
        epilog=f"NAME is a subject ({', '.join(page.NAMES)}), a beginning of several, or one of {', '.join(PARTS)}.",
    )
    parser.add_argument("--quick", action="store_true", help="short loads, 100,000 books, no crowd: within five minutes once everything is built")
    parser.add_argument("--long", action="store_true", help="also a shop that has grown to a million books and five million orders")
    parser.add_argument("--only", metavar="NAME", action="append", help="only this; may be given again")
    parser.add_argument("--rounds", type=int, help=f"rounds, {LEAST_ROUNDS} at least for what is written to docs/ (default 5; quick: 3)")
    parser.add_argument("--seconds", type=int, help="of each load (default 4; quick: 1)")
    parser.add_argument("--binary", type=Path, help="a shop that is built already, instead of target/release/lastcopy")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="where performance.md, .json and .svg go")
    parser.add_argument("--render", action="store_true", help="measure nothing: write the page again from performance.json")
    return parser.parse_args(arguments)


def run(arguments: list[str]) -> int:
    args = parsed(arguments)
    # A run that is told to stop leaves nothing running behind it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if args.render:
            folder = args.write or ROOT / "docs"
            _write(folder, json.loads((folder / "performance.json").read_text()))
            return 0
        return _measured(args)
    except BenchError as error:
        print(f"bench/run: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _measured(args: argparse.Namespace) -> int:
    began = time.monotonic()
    say = lambda text: print(f"[{time.monotonic() - began:5.0f} s] {text}", flush=True)  # noqa: E731
    wanted = _wanted(args)
    tools = build.all_tools(args.binary, say)
    folder = KEPT / "run"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    until = time.monotonic() + (QUICK_S if args.quick else LONG_S if args.long else FULL_S)
    say("filling a shop with books")
    run_of = Run(args, subjects.Stage(tools, folder), wanted, until, say)
    run_of.all()
    rounds_done = run_of.results.get("speed", {}).get("rounds", LEAST_ROUNDS)
    if rounds_done < LEAST_ROUNDS:
        say(f"{rounds_done} rounds are fewer than {LEAST_ROUNDS}: this is for looking, and goes to no page of the project")
    whole = not (args.quick or args.only) and rounds_done >= LEAST_ROUNDS
    target = args.write or (ROOT / "docs" if whole else KEPT)
    _write(target, _merged(target, run_of.results) if whole else run_of.results)
    shutil.rmtree(folder, ignore_errors=True)
    say(f"written to {target / 'performance.md'}")
    _tell(run_of.results)
    return 0


def _wanted(args: argparse.Namespace) -> list[str]:
    """Names of subjects and parts, in order."""
    known = [*page.NAMES, *PARTS]
    if not args.only:
        # What takes its time is asked for.
        left_out = ([] if args.long else ["growth"]) + (["crowd"] if args.quick else [])
        return [name for name in known if name not in left_out]
    wanted = [name for name in known if any(name == only or (only not in known and name.startswith(only)) for only in args.only)]
    if unknown := [only for only in args.only if not any(name.startswith(only) for name in known)]:
        raise BenchError(f"there is nothing called {', '.join(unknown)}: {', '.join(known)}")
    return wanted


class Run:
    """One run: what is wanted, and what was found so far."""

    def __init__(self, args: argparse.Namespace, stage: subjects.Stage, wanted: list[str], until: float, say):
        self._args, self._stage, self._wanted, self._until, self._say = args, stage, wanted, until, say
        self._mark = {"when": time.strftime("%Y-%m-%d", time.gmtime()), "commit": build.commit()}
        self.results: dict = {}

    def all(self) -> None:
        self._rounds()
        quick = self._args.quick
        if "import" in self._wanted or "search" in self._wanted or "growth" in self._wanted:
            books = 100_000 if quick else 1_000_000
            self.results["import"] = self._mark | growing.imported(self._stage, books, self._say)
            if "search" in self._wanted:
                self.results["search"] = self._mark | {"books": books} | growing.searched(self._stage, self._say)
        if "growth" in self._wanted:
            orders, count, seconds = (500_000, 3, 1) if quick else (5_000_000, self._args.rounds or 5, 8)
            grown = growth.measured(self._stage, books, orders, count, seconds, self._say)
            self.results["growth"] = self._mark | grown
        if "crowd" in self._wanted:
            crowds = crowd.came(self._stage, 5 if quick else 30, self._say)
            self.results["crowd"] = self._mark | {"crowds": crowds}

    def _rounds(self) -> None:
        chosen = [subject for subject in subjects.every(self._stage) if subject.name in self._wanted]
        if not chosen:
            return
        quick = self._args.quick
        seconds, count = self._args.seconds or (1 if quick else 4), self._args.rounds or (3 if quick else 5)
        flushes = self._flushes(chosen)
        # What comes after the rounds has its share of the time.
        through = rounds.Rounds(self._stage, chosen, seconds, self._say)
        done = through.run(count, self._until - (30 if quick else 400))
        if not done:
            raise BenchError("there was no time for a single round")
        noise = page.noise(through.results)
        if noise > QUIET_CORES:
            self._say(f"!!! others used {noise:.2f} cores meanwhile: ratios say little, and speeds nothing")
        self.results["speed"] = self._mark | {
            "machine": machine.description(),
            "rounds": done,
            "seconds": seconds,
            "subjects": through.results,
            "flushes": flushes,
        }

    def _flushes(self, chosen: list[subjects.Subject]) -> dict:
        if "flushes" not in self._wanted or not self._stage.tools.strace:
            return {}
        names = QUICK_ON_DISK if self._args.quick else ON_DISK
        on_disk = [subject for subject in chosen if subject.name in names]
        return {subject.name: rounds.flushes_per_order(self._stage, subject, self._say) for subject in on_disk}


def _merged(target: Path, results: dict) -> dict:
    """What was measured now, beside what an earlier run measured and this one did not."""
    kept = target / "performance.json"
    return (json.loads(kept.read_text()) if kept.is_file() else {}) | results


def _write(target: Path, results: dict) -> None:
    target.mkdir(parents=True, exist_ok=True)
    (target / "performance.json").write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    (target / "performance.svg").write_text(plot.svg(floors.every(results), results.get("speed", {}).get("subjects", {})))
    page.written(target / "performance.md", results, "performance.svg")


def _tell(results: dict) -> None:
    for floor in floors.every(results):
        for reached in floor.reached:
            than = f" / {floor.than}" if floor.than else ""
            mark = "held" if reached.held else "NOT HELD"
            print(f"  {mark:8} {floor.what}{than} {reached.at}: {reached.value:,.2f}{reached.unit} ({reached.floor:g})")
