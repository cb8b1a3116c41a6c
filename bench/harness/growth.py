"""A shop that has grown: a million books, millions of orders. What it sells a second, beside a shop that has just opened."""

import json
import random
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

from . import catalogue, growing, history, load, machine, shop
from .process import BenchError, Server
from .subjects import Stage

CONNECTIONS = 32
# Titles, out of all, that one load buys.
TITLES = 50_000
AUDIT_S = 3_600


def measured(stage: Stage, books: int, orders: int, rounds: int, seconds: float, say) -> dict:
    """On the data that the import left."""
    folder = stage.folder / "million"
    _age(stage, folder, books, orders, say)
    ids = stage.folder / "grown.ids"
    catalogue.shuffled(ids, random.Random(2).sample(range(1, books + 1), min(TITLES, books)))
    found: dict = {"books": books, "orders": orders, "small": [], "grown": []}
    for number in range(1, rounds + 1):
        small = stage.folder / "small"
        shutil.rmtree(small, ignore_errors=True)
        with stage.start_shop()(small, None) as server:
            found["small"].append(_bought(stage, server, stage.folder / "all.ids", seconds))
            server.stop()
        stage.shop.audit(small)
        with stage.shop.start("the grown shop", folder, {"CACHE_TTL_SECONDS": "0"}) as server:
            found["ready_ms"], found["rest_mb"] = server.ready_ms, machine.memory_mb(server.pid)
            found["grown"].append(_bought(stage, server, ids, seconds))
            found["peak_mb"] = machine.memory_mb(server.pid, "VmHWM")
            found["pages"] = _pages(server, books)
            server.stop()
        speeds = [f"{name} {found[name][-1]['per_second']:,.0f}/s" for name in ("small", "grown")]
        say(f"growth {number}/{rounds}: {', '.join(speeds)}")
    found["gigabytes"] = sum(file.stat().st_size for file in (folder / "data").iterdir()) / 1e9
    found["audit"] = _audited(stage, folder, say)
    return found


def _age(stage: Stage, folder: Path, books: int, orders: int, say) -> None:
    with stage.shop.start("the shop", folder) as server:
        wish = (stage.folder / "on-delivery.json").read_text().replace("$ID", "1").encode()
        headers = {"x-api-key": shop.API_KEY, "content-type": "application/json", "idempotency-key": "the-pattern"}
        asked = urllib.request.Request(f"{server.url}/api/v1/checkout", data=wish, headers=headers, method="POST")
        with urllib.request.urlopen(asked, timeout=30) as answer:
            order_id = json.load(answer)["id"]
        shop.at_rest(folder)
        server.stop()
    history.written(folder / "data", order_id, orders, books, say)


def _bought(stage: Stage, server: Server, ids: Path, seconds: float) -> dict:
    request = load.Request("POST", "/api/v1/checkout", ids, stage.folder / "on-delivery.json", shop.API_KEY)

    def settled() -> None:
        shop.at_rest(server.folder)

    load.run(server, request, CONNECTIONS, 1, settled)
    outcome = load.run(server, request, CONNECTIONS, seconds, settled)
    if outcome.bad:
        raise BenchError(f"{server.name}: {outcome.bad} purchases were refused or broke off\n{server.tail()}")
    return outcome.as_dict()


def _pages(server: Server, books: int) -> dict[str, float]:
    """The first page of a list, and one far behind, each the median of some, in ms."""
    asked = {
        "first page": "/products?limit=20&offset=0",
        "deep page": f"/products?limit=20&offset={books * 9 // 10}",
        "a topic": "/api/v1/books?topic=satire&limit=20",
        "by price": "/api/v1/books?sort=price&limit=20",
        "orders, latest first": "/api/v1/orders?limit=20",
    }
    return {name: growing.asked_ms(server, path) for name, path in asked.items()}


def _audited(stage: Stage, folder: Path, say) -> dict:
    """Every promise on all of it: how long that takes, and how much memory."""
    command = [str(stage.tools.shop), "audit", "--data-dir", str(folder / "data")]
    began = time.monotonic()
    with (folder / "audit.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            peak_mb = growing.watched(process, AUDIT_S)
        except BaseException:
            process.kill()
            raise
    seconds = time.monotonic() - began
    if process.returncode:
        raise BenchError(f"lastcopy audit failed ({process.returncode}):\n{(folder / 'audit.log').read_text()[-2000:]}")
    say(f"audit of {folder.name}: {seconds:,.0f} s, {peak_mb:.0f} MB")
    return {"seconds": seconds, "peak_mb": peak_mb}
