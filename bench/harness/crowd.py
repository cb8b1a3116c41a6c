"""People who look around and now and then buy, by Locust: how the shop feels at 25 and at 200 of them."""

import csv
import subprocess

from . import shop
from .build import BENCH
from .process import BenchError
from .subjects import BOOKS, Stage

# Users, and how many of them come a second.
CROWDS = ((25, 5), (200, 20))


def came(stage: Stage, seconds: int, say) -> list[dict]:
    """Lets each crowd in, and stay for so long once it is complete."""
    found = []
    for users, a_second in CROWDS:
        folder = stage.folder / f"crowd-{users}"
        with stage.start_shop()(folder, None) as server:
            table = _let_in(stage, server.url, users, a_second, users // a_second + seconds)
            shop.at_rest(folder)
            shop.sold(folder)
            server.stop()
        stage.shop.audit(folder)
        found.append({"users": users, "a_second": a_second} | table)
        say(f"{users} users: {table['rps']:,.0f} requests/s, median {table['median_ms']} ms, p99 {table['p99_ms']} ms, {table['failed']} failed")
    return found


def _let_in(stage: Stage, url: str, users: int, a_second: int, seconds: int) -> dict:
    folder = stage.folder / f"crowd-{users}"
    command = [
        str(stage.tools.python), "-m", "locust", "--headless", "--only-summary", "--host", url, "--locustfile", str(BENCH / "locustfile.py"),
        "--users", str(users), "--spawn-rate", str(a_second), "--run-time", f"{seconds}s", "--csv", str(folder / "crowd"),
    ]  # fmt: skip
    env = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "API_KEY": shop.API_KEY, "BOOKS": str(BOOKS)}
    done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, timeout=seconds + 60, check=False)
    # 1: some requests failed, which the table says.
    if done.returncode not in (0, 1):
        raise BenchError(f"locust failed ({done.returncode}):\n{done.stderr[-2000:]}")
    with (folder / "crowd_stats.csv").open(newline="") as lines:
        whole = next(row for row in csv.DictReader(lines) if row["Name"] == "Aggregated")
    return {
        "requests": int(whole["Request Count"]),
        "failed": int(whole["Failure Count"]),
        "rps": float(whole["Requests/s"]),
        "median_ms": float(whole["Median Response Time"]),
        "p95_ms": float(whole["95%"]),
        "p99_ms": float(whole["99%"]),
    }
