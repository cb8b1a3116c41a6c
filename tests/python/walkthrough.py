#!/usr/bin/env python3
"""Runs docs/walkthrough.md against a running shop and compares every answer with the one that stands there.

    BASE_URL=http://127.0.0.1:8080 python3 tests/python/walkthrough.py

A block's commands begin with `$ `; what follows a command is its answer. Of JSON, the members shown must be there with
the values shown; `…` is any text. Anything else is compared to the letter. Needs bash, curl and nothing else.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

WALK = Path(__file__).resolve().parent.parent.parent / "docs" / "walkthrough.md"
END = "\x1e"


def commands(text):
    """Every command of every console block, with the answer that is shown for it."""
    found, inside, open_command = [], False, False
    for line in text.splitlines():
        if line.startswith("```"):
            inside, open_command = line == "```console", False
        elif inside and line.startswith("$ "):
            found.append((line[2:], []))
            open_command = True
        elif inside and open_command and line.startswith("  "):
            found[-1] = (found[-1][0] + "\n" + line, found[-1][1])
        elif inside:
            open_command = False
            found[-1][1].append(line)
    return [(command, "\n".join(answer)) for command, answer in found]


def holds(shown, got):
    """Whether all that is shown is in what came."""
    if shown == "…":
        return isinstance(got, str)
    if isinstance(shown, dict):
        return isinstance(got, dict) and all(name in got and holds(value, got[name]) for name, value in shown.items())
    if isinstance(shown, list):
        return isinstance(got, list) and len(got) >= len(shown) and all(map(holds, shown, got))
    return shown == got


def compare(shown, got):
    if shown[:1] in ("{", "["):
        try:
            return holds(json.loads(shown), json.loads(got))
        except json.JSONDecodeError:
            return False
    return shown.strip() == got.strip()


def main():
    walk = commands(WALK.read_text(encoding="utf-8"))
    script = "set -euo pipefail\n" + "".join(f"{command}\nprintf '{END}'\n" for command, _ in walk)
    done = subprocess.run(["bash"], input=script, capture_output=True, text=True, env=os.environ, timeout=300)
    answers = done.stdout.split(END)
    for at, (command, shown) in enumerate(walk):
        if at + 1 >= len(answers):
            sys.exit(f"NOT KEPT: it ended at\n{command}\n{done.stderr}")
        if shown and not compare(shown, answers[at]):
            sys.exit(f"NOT KEPT:\n{command}\nshown: {shown}\ncame:  {answers[at]}")
    compared = sum(1 for _, shown in walk if shown)
    if compared < 10:
        sys.exit(f"NOT KEPT: only {compared} answers stand in {WALK.name}: is it read as it is written?")
    print(f"{len(walk)} commands, {compared} answers compared")


if __name__ == "__main__":
    main()
