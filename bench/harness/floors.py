"""What was promised, and what was reached: every floor with the figures that it is held against."""

from dataclasses import dataclass
from statistics import median

# By connections: shares of a limit or a peer, and of the last one multiples.
CACHED_OF_RAW = {32: 0.75, 200: 0.75}
UNCACHED_OF_HOP = {32: 0.8, 200: 0.8}
PURCHASES_OF_CHAIN = {32: 0.7, 200: 0.7}
PURCHASES_OF_MEMORY = {32: 4, 200: 8}
CARDS_OF_MEMORY = {32: 2.5, 200: 5}
PURCHASES_OF_DURABLE = {32: 2.5, 200: 5}
P50_OF_ONE_PROCESS = {1: 4}


@dataclass(frozen=True)
class Reached:
    """A figure beside its floor. In most a higher one is better, in the others (`most`) a lower one."""

    at: str
    value: float
    low: float
    high: float
    floor: float
    most: bool = False
    unit: str = "×"

    @property
    def held(self) -> bool:
        return self.value <= self.floor if self.most else self.value >= self.floor

    @property
    def share(self) -> float:
        """How much of its floor: 1 and more is held."""
        if self.most:
            return self.floor / max(self.value, 1e-9)
        return self.value / self.floor


@dataclass(frozen=True)
class Floor:
    what: str
    than: str
    reached: list[Reached]


class Speed:
    """The rounds of one run."""

    def __init__(self, subjects: dict[str, list[dict]]):
        self._subjects = subjects

    def has(self, *names: str) -> bool:
        return all(self._subjects.get(name) for name in names)

    def figures(self, name: str, connections: int, field: str) -> list[float]:
        """One per round."""
        rounds = self._subjects[name]
        return [each[field] for kept in rounds for each in kept["loads"] if each["connections"] == connections]

    def kept(self, name: str, field: str) -> list[float]:
        return [kept[field] for kept in self._subjects[name]]

    def ratios(self, name: str, other: str, connections: int, field: str) -> list[float]:
        """Of the same round: what disturbed one of them disturbed the other."""
        pairs = zip(self.figures(name, connections, field), self.figures(other, connections, field))
        return [one / another for one, another in pairs]


def every(results: dict) -> list[Floor]:
    """All floors on which something was measured."""
    speed = Speed(results.get("speed", {}).get("subjects", {}))
    return [*_reads(speed), *_purchases(speed), *_shapes(speed), *_grown(results), *_whole(speed)]


def _compared(speed: Speed, what: str, name: str, other: str, than: str, floors: dict[int, float], field="per_second", most=False) -> list[Floor]:
    if not speed.has(name, other):
        return []
    reached = []
    for connections, floor in floors.items():
        ratios = speed.ratios(name, other, connections, field)
        at = f"at {connections}" if connections > 1 else "at one connection"
        reached.append(Reached(at, median(ratios), min(ratios), max(ratios), floor, most))
    return [Floor(what, than, reached)]


def _reads(speed: Speed) -> list[Floor]:
    cached, uncached = "GET book by id through the gateway, cached", "the same, not cached"
    return [
        *_compared(speed, cached, "shop-get", "limit-raw", "raw actix", CACHED_OF_RAW),
        *_compared(speed, cached, "shop-get", "peer-memory-get", "FastAPI in memory", {32: 28, 200: 28}),
        *_compared(speed, uncached, "shop-get-uncached", "limit-hop", "the one-hop proxy", UNCACHED_OF_HOP),
    ]


def _purchases(speed: Speed) -> list[Floor]:
    durable, card = "durable purchase over three services, paid on delivery", "card checkout with the provider's call and its ledger"
    return [
        *_compared(speed, durable, "shop-purchase", "peer-memory", "FastAPI in memory", PURCHASES_OF_MEMORY),
        *_compared(speed, durable, "shop-purchase", "peer-durable", "FastAPI, durable", PURCHASES_OF_DURABLE),
        *_compared(speed, durable, "shop-purchase", "limit-chain-coalesced", "the bare chain, coalesced", PURCHASES_OF_CHAIN),
        *_compared(speed, card, "shop-card", "peer-memory", "FastAPI in memory", CARDS_OF_MEMORY),
        *_compared(speed, "purchase at one connection, p50", "shop-purchase", "limit-durable", "the one-process durable POST", P50_OF_ONE_PROCESS, "p50_us", True),
    ]  # fmt: skip


def _shapes(speed: Speed) -> list[Floor]:
    return [
        *_compared(speed, "all purchases on one title", "shop-one-title", "shop-purchase", "spread over 10,000", {32: 0.9, 200: 0.9}),
        *_compared(speed, "refusals of a sold-out title", "shop-sold-out", "shop-purchase", "purchases", {32: 2, 200: 2}),
    ]


def _plain(at: str, values: list[float], floor: float, most: bool, unit: str) -> Reached:
    return Reached(at, median(values), min(values), max(values), floor, most, unit)


def _grown(results: dict) -> list[Floor]:
    found = []
    if growth := results.get("growth"):
        pairs = list(zip(growth["grown"], growth["small"]))
        for what, field, floor, most in (("purchases", "per_second", 0.85, False), ("their p99", "p99_us", 1.5, True)):
            ratios = [one[field] / other[field] for one, other in pairs]
            reached = [_plain(f"at {pairs[0][0]['connections']}", ratios, floor, most, "×")]
            grown = f"{growth['books']:,} books and {growth['orders']:,} orders"
            found.append(Floor(f"{grown}: {what}", "10,000 books and no order", reached))
    if arrived := results.get("import"):
        rows = _plain("", [arrived["rows_per_second"]], 20_000, False, " rows/s")
        memory = [_plain("the tool", [arrived["peak_mb"]], 100, True, " MB"), _plain("the shop meanwhile", [arrived["shop_peak_mb"]], 100, True, " MB")]
        found += [Floor(f"import of {arrived['books']:,} rows", "", [rows]), Floor("memory at that", "", memory)]
    if search := results.get("search"):
        what = f"full-text search over {search['books']:,} books, p99 of {search['queries']} queries"
        found.append(Floor(what, "", [_plain("", [search["p99_ms"]], 20, True, " ms")]))
    return found


def _whole(speed: Speed) -> list[Floor]:
    if not speed.has("shop-purchase"):
        return []
    shops = [name for name in ("shop-purchase", "shop-get", "shop-get-uncached", "shop-card", "shop-one-title") if speed.has(name)]
    peaks = [peak for name in shops for peak in speed.kept(name, "peak_mb")]
    return [
        Floor("whole shop: memory at rest", "", [_plain("", speed.kept("shop-purchase", "rest_mb"), 80, True, " MB")]),
        Floor("memory under 200 connections, the most of all loads", "", [_plain("", [max(peaks)], 200, True, " MB")]),
        Floor("ready again on existing data, after kill -9", "", [_plain("", speed.kept("shop-purchase", "ready_ms"), 300, True, " ms")]),
    ]
