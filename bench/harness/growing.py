"""A million books: how fast they come in, how much memory that takes, and how long a search among them takes."""

import http.client
import json
import shutil
import subprocess
import time
import urllib.parse
from pathlib import Path

from . import catalogue, machine, shop
from .build import BENCH
from .process import BenchError, Server
from .subjects import Stage

# The list of queries is gone through so often.
SEARCH_RUNS = 5
IMPORT_S = 900


def imported(stage: Stage, books: int, say) -> dict:
    """Imports so many books into an empty shop, as its owner would; leaves the data in `million`."""
    folder = stage.folder / "million"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    file = folder / "books.csv"
    catalogue.write(file, books)
    with stage.shop.start("the shop", folder) as server:
        began = time.monotonic()
        peak_mb = _import(stage, folder, file)
        seconds = time.monotonic() - began
        found = {
            "books": books,
            "rows_per_second": books / seconds,
            "peak_mb": peak_mb,
            "shop_peak_mb": machine.memory_mb(server.pid, "VmHWM"),
        }
        server.stop()
    found["limit_rows_per_second"] = _limit(stage, folder / "limit", file)
    file.unlink()
    say(
        f"import: {found['rows_per_second']:,.0f} rows/s, {peak_mb:.0f} MB in the tool, {found['shop_peak_mb']:.0f} MB in the shop; "
        f"the limit: {found['limit_rows_per_second']:,.0f} rows/s"
    )
    return found


def _limit(stage: Stage, folder: Path, file: Path) -> float:
    """The same rows into the same tables on one thread and without HTTP, in rows a second."""
    with stage.shop.start("an empty shop", folder) as server:
        server.stop()
    command = [str(stage.tools.limit), "import", str(folder / "data" / "catalog.db"), str(file)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=IMPORT_S, check=False)
    except subprocess.TimeoutExpired:
        raise BenchError(f"the limit has not imported within {IMPORT_S} s") from None
    shutil.rmtree(folder)
    return limit_said(done.stdout + done.stderr)


def limit_said(text: str) -> float:
    """Rows a second, of what the limit says: `imported <rows> rows at <so many> rows/s` is its last line."""
    words = (text.splitlines() or [""])[-1].split()
    if len(words) != 6 or words[0] != "imported":
        raise BenchError(f"the limit has not imported:\n{text[-2000:]}")
    return float(words[4])


def _import(stage: Stage, folder: Path, file: Path) -> float:
    """Runs the import; the most memory that it ever had, in MB."""
    command = [str(stage.tools.shop), "import", str(file), "--data-dir", str(folder / "data")]
    with (folder / "import.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            peak_mb = watched(process, IMPORT_S)
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise BenchError(f"lastcopy import failed ({process.returncode}):\n{(folder / 'import.log').read_text()[-2000:]}")
    return peak_mb


def watched(process: subprocess.Popen, seconds: float) -> float:
    """Waits for the end of a process; the most memory that it ever had, in MB."""
    peak_mb, until = 0.0, time.monotonic() + seconds
    while process.poll() is None:
        try:
            peak_mb = max(peak_mb, machine.memory_mb(process.pid, "VmHWM"))
        except (OSError, ValueError):
            pass  # It is about to end.
        if time.monotonic() > until:
            raise BenchError(f"{process.args[1]} did not end within {seconds:.0f} s")
        time.sleep(0.02)
    return peak_mb


def searched(stage: Stage, say) -> dict:
    """Asks the published queries of the million books, one after the other, nothing kept between them."""
    queries = [line for line in (BENCH / "queries.txt").read_text().splitlines() if line and not line.startswith("#")]
    times: dict[str, list[float]] = {query: [] for query in queries}
    with stage.shop.start("the shop", stage.folder / "million", {"CACHE_TTL_SECONDS": "0"}) as server:
        rest_mb = machine.memory_mb(server.pid)
        ready_ms = server.ready_ms
        for _ in range(SEARCH_RUNS):
            _ask_each(server, times)
        peak_mb = machine.memory_mb(server.pid, "VmHWM")
        server.stop()
    every = sorted(each for of_query in times.values() for each in of_query)
    slowest = sorted(times, key=lambda query: -max(times[query]))[:5]
    found = {
        "queries": len(queries),
        "runs": SEARCH_RUNS,
        "p50_ms": every[len(every) // 2],
        "p99_ms": every[min(len(every) - 1, len(every) * 99 // 100)],
        "max_ms": every[-1],
        "slowest": [{"query": query, "ms": sorted(times[query])[len(times[query]) // 2]} for query in slowest],
        "ready_ms": ready_ms,
        "rest_mb": rest_mb,
        "peak_mb": peak_mb,
    }
    say(f"search: p50 {found['p50_ms']:.1f} ms, p99 {found['p99_ms']:.1f} ms; slowest: {', '.join(slowest)}")
    return found


def _ask_each(server: Server, times: dict[str, list[float]]) -> None:
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=30)
    for query, taken in times.items():
        path = "/api/v1/books?limit=20&q=" + urllib.parse.quote(query)
        began = time.perf_counter()
        connection.request("GET", path, headers={"x-api-key": shop.API_KEY})
        answer = connection.getresponse()
        body = answer.read()
        taken.append((time.perf_counter() - began) * 1000)
        if answer.status != 200 or not json.loads(body)["items"]:
            raise BenchError(f"the search for {query!r} was answered {answer.status}: {body[:300]!r}")
    connection.close()


def asked_ms(server: Server, path: str, times: int = 11) -> float:
    """How long an answer takes, in ms: the median of some. For a shop that keeps no answers."""
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=60)
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        connection.request("GET", path, headers={"x-api-key": shop.API_KEY})
        answer = connection.getresponse()
        body = answer.read()
        taken.append((time.perf_counter() - began) * 1000)
        if answer.status != 200:
            raise BenchError(f"{path} was answered {answer.status}: {body[:300]!r}")
    connection.close()
    return sorted(taken)[times // 2]
