"""What was measured, as tables between two markers of a page. The rest of the page is prose, and stays as it is."""

from pathlib import Path
from statistics import median

from . import floors, promises
from .floors import Reached, Speed
from .process import BenchError

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
EMPTY = f"# Performance\n\n{BEGIN}\n{END}\n"

NAMES = {
    "peer-memory-get": "FastAPI in memory: GET book",
    "limit-raw": "limit: raw actix, the same JSON",
    "limit-raw-dutiful": "limit: the same, keeping the shop's promises",
    "shop-get": "**shop: GET book, cached**",
    "limit-hop": "limit: one HTTP hop before the raw answer",
    "limit-hop-dutiful": "limit: one HTTP hop before a book out of SQLite, keeping them too",
    "shop-get-uncached": "**shop: GET book, not cached**",
    "peer-memory": "FastAPI in memory: POST order",
    "peer-durable": "FastAPI + SQLite, durable: POST order",
    "limit-durable": "limit: one process, durable POST",
    "limit-chain": "limit: bare chain of three services",
    "limit-chain-coalesced": "limit: the same, takings coalesced",
    "limit-chain-dutiful": "limit: that one, keeping the shop's promises",
    "limit-chain-shared": "limit: that one, purchases sharing requests to the order service",
    "limit-chain-card": "limit: the dutiful one, card checkout",
    "shop-purchase": "**shop: purchase, paid on delivery**",
    "shop-one-title": "shop: all purchases on one title",
    "shop-sold-out": "shop: refusals of a sold-out title",
    "shop-card": "**shop: card checkout**",
}


def written(page: Path, results: dict, picture: str) -> None:
    """Puts the tables into the page, which is made where there is none."""
    text = page.read_text() if page.is_file() else EMPTY
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise BenchError(f"{page} does not have its two markers")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    page.write_text(f"{before}{BEGIN}\n\n{tables(results, picture)}\n{END}{after}")


def tables(results: dict, picture: str) -> str:
    parts = [_promised(results)]
    if "speed" in results:
        parts.append(f"![Shares of the floors, and requests a second]({picture})")
        parts += [_how(results["speed"]), _speeds(results["speed"])]
        parts += [table for table in [promises.tables(Speed(results["speed"]["subjects"]))] if table]
    for name, part in (("import", _import), ("search", _search), ("growth", _growth), ("crowd", _crowd)):
        if name in results:
            parts.append(part(results[name]))
    return "\n".join(part + "\n" for part in parts)


def _promised(results: dict) -> str:
    lines = ["### The floors", "", "| what | measured against | floor | reached (lowest – highest) | held |", "|---|---|---|---|---|"]
    for floor in floors.every(results):
        for reached in floor.reached:
            held = "yes" if reached.held else "**no**"
            what = f"{floor.what}, {reached.at}" if reached.at else floor.what
            lines.append(f"| {what} | {floor.than} | {_floor(reached)} | {_value(reached)} | {held} |")
    return "\n".join(lines)


def _floor(reached: Reached) -> str:
    return f"{'≤' if reached.most else '≥'} {reached.floor:,g}{reached.unit}"


def _value(reached: Reached) -> str:
    spread = "" if reached.low == reached.high else f" ({_short(reached.low)} – {_short(reached.high)})"
    return f"{_short(reached.value)}{reached.unit}{spread}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _how(speed: dict) -> str:
    most = max(each["noise"] for kept in speed["subjects"].values() for one in kept for each in one["loads"])
    return (
        f"Measured on {speed['when']} at {speed['commit']}: {speed['machine']}. {speed['rounds']} rounds of {speed['seconds']:g} s a load, wrk -t1, "
        f"everybody once in each round; medians (lowest – highest), ratios within a round. Others used {noise(speed['subjects']):.2f} cores "
        f"meanwhile ({most:.2f} at most). After every load the copies were counted against the answers, and after every "
        "subject of the shop the process was killed, started again on its data, and audited."
    )


def noise(subjects: dict) -> float:
    """Cores' worth of CPU that went to others during a load."""
    return median(each["noise"] for kept in subjects.values() for one in kept for each in one["loads"])


def _speeds(speed: dict) -> str:
    seen = Speed(speed["subjects"])
    lines = [
        "### Everybody, in one run",
        "",
        "| | req/s at 32 | at 200 | p50 at 32, ms | p99 at 32 | p99 at 200 | µs CPU at 32 | at 200 | flushes per order at 32 | at 200 |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, label in NAMES.items():
        if seen.has(name):
            lines.append(f"| {label} | {' | '.join(_cells(seen, name, speed.get('flushes', {}).get(name, {})))} |")
    single = [name for name in ("limit-durable", "limit-chain", "limit-chain-coalesced", "limit-chain-dutiful", "shop-purchase") if seen.has(name)]
    if single:
        lines += ["", "At one connection:", "", "| | req/s | p50, ms | p99, ms | µs CPU | flushes per order |", "|---|---|---|---|---|---|"]
    for name in single:
        flushes = speed.get("flushes", {}).get(name, {}).get("1")
        figures = [_spread(seen, name, 1, "per_second"), *(_ms(seen, name, 1, field) for field in ("p50_us", "p99_us"))]
        figures += [_middle(seen, name, 1, "cpu_us"), "" if flushes is None else f"{flushes:.2f}"]
        lines.append(f"| {NAMES[name]} | {' | '.join(figures)} |")
    return "\n".join(lines)


def _cells(seen: Speed, name: str, flushes: dict) -> list[str]:
    counted = [f"{flushes[at]:.2f}" if at in flushes else "" for at in ("32", "200")]
    return [
        _spread(seen, name, 32, "per_second"),
        _spread(seen, name, 200, "per_second"),
        _ms(seen, name, 32, "p50_us"),
        _ms(seen, name, 32, "p99_us"),
        _ms(seen, name, 200, "p99_us"),
        _middle(seen, name, 32, "cpu_us"),
        _middle(seen, name, 200, "cpu_us"),
        *counted,
    ]


def _spread(seen: Speed, name: str, connections: int, field: str) -> str:
    values = seen.figures(name, connections, field)
    return f"{median(values):,.0f} ({min(values):,.0f} – {max(values):,.0f})"


def _middle(seen: Speed, name: str, connections: int, field: str) -> str:
    return f"{median(seen.figures(name, connections, field)):,.0f}"


def _ms(seen: Speed, name: str, connections: int, field: str) -> str:
    return f"{median(seen.figures(name, connections, field)) / 1000:.2f}"


def _import(arrived: dict) -> str:
    beside = ""
    if limit := arrived.get("limit_rows_per_second"):
        share = arrived["rows_per_second"] / limit
        beside = f" The limit, one thread and no HTTP: {limit:,.0f} rows/s, of which the shop has {share:.2f}."
    return (
        f"### A million books\n\nImport ({arrived['when']}, {arrived['commit']}): {arrived['books']:,} rows at {arrived['rows_per_second']:,.0f} rows/s; "
        f"at most {arrived['peak_mb']:.0f} MB in the tool and {arrived['shop_peak_mb']:.0f} MB in the shop."
        + beside
    )


def _search(search: dict) -> str:
    slow = ", ".join(f"`{each['query']}` {each['ms']:.1f} ms" for each in search["slowest"])
    return (
        f"Search ({search['when']}, {search['commit']}) through the gateway, nothing cached, one query after the other: {search['queries']} queries "
        f"([`bench/queries.txt`](../bench/queries.txt)) × {search['runs']}, p50 {search['p50_ms']:.1f} ms, p99 {search['p99_ms']:.1f} ms, at most "
        f"{search['max_ms']:.1f} ms. The slowest, by their medians: {slow}. That shop was ready in {search['ready_ms']:.0f} ms, with "
        f"{search['rest_mb']:.0f} MB; after the searches it had had {search['peak_mb']:.0f} MB at most."
    )


def _growth(growth: dict) -> str:
    lines = [
        f"### {growth['books']:,} books and {growth['orders']:,} orders",
        "",
        f"Measured on {growth['when']} at {growth['commit']}, in turn with a shop of 10,000 books and no order. Data: "
        f"{growth['gigabytes']:.1f} GB. Ready on it in {growth['ready_ms']:,.0f} ms.",
        "",
        "| | purchases/s | p50, ms | p99, ms | µs CPU |",
        "|---|---|---|---|---|",
    ]
    for label, name in (("small", "small"), ("grown", "grown")):
        middle = {field: median(each[field] for each in growth[name]) for field in ("per_second", "p50_us", "p99_us", "cpu_us")}
        lines.append(
            f"| {label} | {middle['per_second']:,.0f} | {middle['p50_us'] / 1000:.2f} | {middle['p99_us'] / 1000:.2f} | {middle['cpu_us']:,.0f} |"
        )
    pages = ", ".join(f"{name} {ms:.1f} ms" for name, ms in growth["pages"].items())
    audit = growth["audit"]
    lines += [
        "",
        f"Lists of the grown shop, nothing cached: {pages}. Its memory: {growth['rest_mb']:.0f} MB at the start, {growth['peak_mb']:.0f} MB at most. "
        f"The audit of all of it: {audit['seconds']:,.0f} s, {audit['peak_mb']:.0f} MB, nothing found.",
    ]
    return "\n".join(lines)


def _crowd(crowd: dict) -> str:
    lines = [
        "### People who look around (Locust)",
        "",
        f"[`bench/locustfile.py`](../bench/locustfile.py), {crowd['when']}, {crowd['commit']}: nine reads of products to one order.",
        "",
        "| users | a second | requests/s | median, ms | p95 | p99 | failed |",
        "|---|---|---|---|---|---|---|",
    ]
    for each in crowd["crowds"]:
        failed = f"{each['failed']} of {each['requests']:,}"
        lines.append(
            f"| {each['users']} | {each['a_second']} | {each['rps']:,.0f} | {each['median_ms']:g} | {each['p95_ms']:g} | {each['p99_ms']:g} | {failed} |"
        )
    return "\n".join(lines)
