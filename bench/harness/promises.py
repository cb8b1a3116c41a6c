"""How much of the way from a limit to the shop is what the shop promises, and how much is its own code.

A dutiful limit keeps the promises and is otherwise as lean as the bare one. A floor above its share of the bare limit cannot be
reached with these promises; what the shop lacks to the dutiful limit is the shop's to gain.
"""

from dataclasses import dataclass
from statistics import median

from . import floors
from .floors import Speed


@dataclass(frozen=True)
class Way:
    """From a bare limit over the dutiful one to the shop, in one figure."""

    what: str
    bare: str
    dutiful: str
    shop: str
    # By connections.
    floors: dict[int, float]
    field: str = "per_second"
    # Less is better.
    most: bool = False


WAYS = (
    Way("GET book, cached", "limit-raw", "limit-raw-dutiful", "shop-get", floors.CACHED_OF_RAW),
    Way("GET book, not cached", "limit-hop", "limit-hop-dutiful", "shop-get-uncached", floors.UNCACHED_OF_HOP),
    Way("purchase, of the bare chain", "limit-chain-coalesced", "limit-chain-dutiful", "shop-purchase", floors.PURCHASES_OF_CHAIN),
    Way("p50 of a purchase, of one process", "limit-durable", "limit-chain-dutiful", "shop-purchase", floors.P50_OF_ONE_PROCESS, "p50_us", True),
)


@dataclass(frozen=True)
class Held:
    """A kind of purchase, held against a peer."""

    what: str
    peer: str
    # None: no bare chain sells like this.
    bare: str | None
    dutiful: str
    # The dutiful one, whose purchases share requests. None: they cannot.
    shared: str | None
    shop: str
    floors: dict[int, float]

    @property
    def subjects(self) -> list[str]:
        return [name for name in (self.peer, self.bare, self.dutiful, self.shop) if name]


PURCHASE = ("limit-chain-coalesced", "limit-chain-dutiful", "limit-chain-shared", "shop-purchase")
CARD = (None, "limit-chain-card", None, "shop-card")
PEERS = (
    Held("on delivery, of FastAPI in memory", "peer-memory", *PURCHASE, floors.PURCHASES_OF_MEMORY),
    Held("on delivery, of FastAPI, durable", "peer-durable", *PURCHASE, floors.PURCHASES_OF_DURABLE),
    Held("by card, of FastAPI in memory", "peer-memory", *CARD, floors.CARDS_OF_MEMORY),
)


def tables(speed: Speed) -> str:
    """Empty where no dutiful limit was measured."""
    ways = [row for way in WAYS if speed.has(way.bare, way.dutiful, way.shop) for row in _way(speed, way)]
    peers = [row for held in PEERS if speed.has(*held.subjects) for row in _peer(speed, held)]
    lines = []
    if ways:
        lines += [
            "### What the promises cost, and what the shop adds",
            "",
            "A dutiful limit is a limit that keeps the shop's promises: callers, headers, a line of log for each request, and the rows "
            "of a purchase. Ratios within a round, medians.",
            "",
            "| | bare limit | dutiful limit ÷ bare | floor | shop ÷ bare | shop ÷ dutiful |",
            "|---|---|---|---|---|---|",
            *ways,
        ]
    if peers:
        head = [
            "| purchases | bare chain ÷ it | dutiful chain ÷ it | and sharing requests | floor | shop ÷ it | shop ÷ dutiful |",
            "|---|---|---|---|---|---|---|",
        ]
        lines += ["", *head, *peers]
    return "\n".join(lines)


def _way(speed: Speed, way: Way) -> list[str]:
    rows = []
    for connections, floor in way.floors.items():
        bare = median(speed.figures(way.bare, connections, way.field))
        shown = f"{bare / 1000:.2f} ms" if way.field == "p50_us" else f"{bare:,.0f}/s"
        of = lambda name, other: _ratio(speed, name, other, connections, way.field)  # noqa: E731
        cells = [shown, of(way.dutiful, way.bare), _floor(floor, way.most), of(way.shop, way.bare), of(way.shop, way.dutiful)]
        rows.append(f"| {way.what}, {_at(connections)} | {' | '.join(cells)} |")
    return rows


def _peer(speed: Speed, held: Held) -> list[str]:
    rows = []
    for connections, floor in held.floors.items():
        seen = lambda name: name and speed.has(name)  # noqa: E731
        of = lambda name, other: _ratio(speed, name, other, connections, "per_second") if seen(name) else ""  # noqa: E731
        peer, dutiful, shop = held.peer, held.dutiful, held.shop
        limits = [of(name, peer) for name in (held.bare, dutiful, held.shared)]
        cells = [*limits, _floor(floor, False), of(shop, peer), of(shop, dutiful)]
        rows.append(f"| {held.what}, {_at(connections)} | {' | '.join(cells)} |")
    return rows


def _ratio(speed: Speed, name: str, other: str, connections: int, field: str) -> str:
    return f"{median(speed.ratios(name, other, connections, field)):.2f}×"


def _floor(floor: float, most: bool) -> str:
    return f"{'≤' if most else '≥'} {floor:g}×"


def _at(connections: int) -> str:
    return f"at {connections}" if connections > 1 else "at one connection"
