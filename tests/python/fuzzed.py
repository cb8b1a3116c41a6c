#!/usr/bin/env python3
"""PyPI's schemathesis, all of its checks, against a running shop: as nobody, as a customer, as an employee, with an API
key, and as an administrator.

    BASE_URL=http://127.0.0.1:8080 CUSTOMER_PASSWORD=… EMPLOYEE_PASSWORD=… ADMINISTRATOR_PASSWORD=… \
        python3 tests/python/fuzzed.py [CALLER...]

Every operation of the document is called with what the document allows and with what it forbids; every answer is held
against the document. A few minutes for all callers; with LASTCOPY_TEST_LONG=1 ten times the examples and two seeds, within an hour. Needs
requirements.txt beside this file.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import requests

BASE_URL = os.environ["BASE_URL"]
HERE = Path(__file__).resolve().parent.parent.parent
DEADLINE_S = 20
# The administrator is the last one: he may well shut the others' accounts, and is asked to try.
CALLERS = ["nobody", "customer", "employee", "api_key", "administrator"]
# It ends the sign-in of whoever calls it, so it has a run of its own.
SIGN_OUT = "auth/sign-out"


def credential(role):
    """The header by which a caller says who he is: made anew, since a token lasts for minutes."""
    if role == "nobody":
        return None
    if role == "api_key":
        return f"X-API-Key: {api_key()}"
    return f"Authorization: Bearer {sign_in(role)['access_token']}"


def sign_in(role):
    return post("auth/token", {"username": role, "password": os.environ[f"{role.upper()}_PASSWORD"]})


def api_key():
    """A key that may do all that keys may do."""
    owner = sign_in("administrator")
    wish = {"name": "fuzzed", "scopes": owner["scopes"]}
    return post("api-keys", wish, Authorization=f"Bearer {owner['access_token']}")["key"]


def post(path, body, **headers):
    answer = requests.post(f"{BASE_URL}/api/v1/{path}", json=body, headers=headers, timeout=DEADLINE_S)
    answer.raise_for_status()
    return answer.json()


def run(folder, role, seed, examples, *choice):
    # With one thread: Python 3.11 counts how deep it is in a text that it parses once for all threads, and two that parse at once end
    # with "AST constructor recursion depth mismatch".
    header = credential(role)
    command = [Path(sys.executable).with_name("schemathesis"), "--config-file", HERE / "tests/blackbox/schemathesis.toml"]
    command += ["run", f"{BASE_URL}/openapi.json", "--checks", "all", "--no-color", "--max-failures", "20"]
    command += ["--seed", str(seed), "--max-examples", str(examples), "--workers", "1", *choice]
    command += ["--header", header] if header else []
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": str(HERE / "tests/blackbox/formats.py")}
    began = time.monotonic()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    print(f"{role}: seed {seed}, {examples} examples, {time.monotonic() - began:.0f} s: {last_line(done.stdout)}", flush=True)
    if done.returncode != 0:
        print(f"{done.stdout}\n{done.stderr}\nNOT KEPT as {role}, with seed {seed}".replace(header or "\0", "…"), flush=True)
    return done.returncode == 0


def last_line(text):
    return next((line.strip("= ") for line in reversed(text.splitlines()) if line.strip()), "said nothing")


def main():
    is_long = os.environ.get("LASTCOPY_TEST_LONG") is not None
    kept = True
    with tempfile.TemporaryDirectory(prefix="lastcopy-fuzzed-") as folder:
        for role in sys.argv[1:] or CALLERS:
            for seed in range(1, 3 if is_long else 2):
                kept &= run(folder, role, seed, 40 if is_long else 4, "--exclude-path-regex", SIGN_OUT)
            kept &= run(folder, role, 1, 4, "--include-path-regex", SIGN_OUT)
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
