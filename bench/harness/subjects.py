"""Who is measured: peers, limits and the shop. Each is started on fresh data for every round."""

import json
import shutil
import sqlite3
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from . import catalogue, load, machine, shop
from .build import BENCH, Tools
from .process import BenchError, Server, free_port, traced

BOOKS = 10_000
# Titles that are read again and again.
READ_TITLES = 100
CARD = {"number": "4242 4242 4242 4242", "expiry": "12/30"}


@dataclass(frozen=True)
class Load:
    """Requests of one kind at so many connections, one load after the other."""

    kind: str
    request: load.Request
    connections: tuple[int, ...]


@dataclass(frozen=True)
class Subject:
    """A server that is measured."""

    name: str
    # Starts it in an empty folder; with a trace its flushes of the disk are written there.
    start: Callable[[Path, Path | None], Server]
    load: Load
    # Copies sold so far; none where nothing is sold, or nobody can look.
    sold: Callable[[Server], int] | None = None
    # Waits until everything is done that the load set off.
    settled: Callable[[Server], None] = lambda server: None
    # What is asked once all loads are over. What it finds out is kept.
    after: Callable[[Server], dict] = lambda server: {}
    # What must run beside it.
    beside: Callable[[Path], Server] | None = None


@dataclass
class Stage:
    """What all subjects share: tools, the files that loads are made of, a shop's data to copy."""

    tools: Tools
    folder: Path
    data: Path = field(init=False)
    ids: Path = field(init=False)

    def __post_init__(self) -> None:
        self.shop = shop.Shop(self.tools.shop)
        self.data = shop.stocked(self.shop, self.folder / "stocked", BOOKS)
        self._list("all", range(1, BOOKS + 1))
        self._list("read", range(1, READ_TITLES + 1))
        self._list("one", [1])
        self._list("none", [BOOKS + 1])
        self._list("isbns", [catalogue.isbn(number) for number in range(1, BOOKS + 1)])
        self._list("read-isbns", [catalogue.isbn(number) for number in range(1, READ_TITLES + 1)])
        line = {"book_id": "$ID", "quantity": 1, "expected_price": 10.0}
        self._body("on-delivery", {"lines": [line], "payment_method": "on_delivery"})
        self._body("card", {"lines": [line], "payment_method": "card", "card": CARD})
        item, payment = {"isbn": "$ID", "quantity": 1}, {"card_number": "4242424242424242", "expiry": "12/30"}
        self._body("bookstore", {"customer_id": "c-1", "items": [item], "payment": payment})
        (self.folder / "book.json").write_bytes(self._a_book())
        # The shop that filled it has closed it: all of it is in this file.
        shutil.copyfile(self.data / "catalog.db", self.folder / "books.db")

    def _list(self, name: str, items) -> None:
        catalogue.shuffled(self.folder / f"{name}.ids", list(items))

    def _body(self, name: str, body: dict) -> None:
        # A book's number is a number, an ISBN is a text.
        text = json.dumps(body).replace('"book_id": "$ID"', '"book_id": $ID')
        (self.folder / f"{name}.json").write_text(text)

    def _a_book(self) -> bytes:
        """The shop's own answer, which the raw limit gives again."""
        with self.start_shop()(self.folder / "a-book", None) as server:
            asked = urllib.request.Request(f"{server.url}/api/v1/books/1", headers={"x-api-key": shop.API_KEY})
            with urllib.request.urlopen(asked, timeout=10) as answer:
                return answer.read()

    def reads(self, path: str, ids: str) -> load.Request:
        return load.Request("GET", path, self.folder / f"{ids}.ids", None, shop.API_KEY)

    def sends(self, path: str, body: str, ids: str, refused: bool = False) -> load.Request:
        return load.Request("POST", path, self.folder / f"{ids}.ids", self.folder / f"{body}.json", shop.API_KEY, refused)

    def start_shop(self, **env: str) -> Callable[[Path, Path | None], Server]:
        def start(folder: Path, trace: Path | None) -> Server:
            shutil.copytree(self.data, folder / "data")
            return self.shop.start("the shop", folder, env, trace)

        return start

    def start_limit(self, *arguments: str) -> Callable[[Path, Path | None], Server]:
        def start(folder: Path, trace: Path | None) -> Server:
            folder.mkdir(parents=True)
            command = [str(self.tools.limit), *(argument.replace("$HERE", str(folder)) for argument in arguments)]
            return Server(f"limit {arguments[0]}", traced(command, trace) if trace else command, folder)

        return start

    def start_peer(self, program: str) -> Callable[[Path, Path | None], Server]:
        def start(folder: Path, trace: Path | None) -> Server:
            port = free_port()
            command = [str(self.tools.python), str(BENCH / "peers" / program), str(port), str(folder / "peer.db")]
            env = {"PEER_API_KEY": shop.API_KEY, "PEER_ISBNS": str(self.folder / "isbns.ids")}
            return Server(f"peer {program}", traced(command, trace) if trace else command, folder, env, f"http://127.0.0.1:{port}")

        return start


BOTH = (32, 200)
# Purchases at most whose buyers hung up: one for each connection of the loads, and of the one that warms up.
HUNG_UP = 32 + sum(BOTH)


def every(stage: Stage) -> list[Subject]:
    """In the order in which a round goes through them: what is compared stands close together."""
    return [*_readers(stage), *_buyers(stage), *_shops(stage)]


def _readers(stage: Stage) -> list[Subject]:
    book = stage.reads("/api/v1/books/$ID", "read")
    raw = stage.start_limit("raw", str(stage.folder / "book.json"))
    upstream, books = Upstream(raw), Upstream(stage.start_limit("books", str(stage.folder / "books.db")))
    dutiful = ("--dutiful", shop.API_KEY)
    get = Load("get", book, BOTH)
    return [
        Subject("peer-memory-get", stage.start_peer("in_memory.py"), Load("get", stage.reads("/api/books/$ID", "read-isbns"), BOTH)),
        Subject("limit-raw", raw, get),
        Subject("limit-raw-dutiful", stage.start_limit("raw", str(stage.folder / "book.json"), *dutiful), get),
        Subject("shop-get", stage.start_shop(), get),
        Subject("limit-hop", upstream.start_behind(stage), get, beside=upstream.start),
        Subject("limit-hop-dutiful", books.start_behind(stage, *dutiful), get, beside=books.start),
        Subject("shop-get-uncached", stage.start_shop(CACHE_TTL_SECONDS="0"), get),
    ]


class Upstream:
    """The server that a proxy asks."""

    def __init__(self, asked: Callable[[Path, Path | None], Server]):
        self._asked, self._server = asked, None

    def start(self, folder: Path) -> Server:
        self._server = self._asked(folder, None)
        return self._server

    def start_behind(self, stage: Stage, *more: str) -> Callable[[Path, Path | None], Server]:
        return lambda folder, trace: stage.start_limit("hop", self._server.url, *more)(folder, trace)


def _buyers(stage: Stage) -> list[Subject]:
    order = stage.sends("/api/orders", "bookstore", "isbns")
    buy = stage.sends("/api/v1/checkout", "on-delivery", "all")
    bookstore, purchase = Load("order", order, BOTH), Load("purchase", buy, (1, *BOTH))
    gone = f"select sum({catalogue.COPIES} - on_hand) from book"

    def buyer(name: str, start: Callable[[Path, Path | None], Server], load_of: Load, sold: Callable[[Server], int]) -> Subject:
        return Subject(name, start, load_of, sold=sold, settled=lambda server: shop.until_quiet(server.name, lambda: sold(server)))

    copies = _asking("catalog.db", gone)
    keeping = ("chain", "$HERE", "--coalesced", "--dutiful", shop.API_KEY)
    dutiful, shared = stage.start_limit(*keeping), stage.start_limit(*keeping, "--shared")
    card = Load("card", stage.sends("/api/v1/checkout", "card", "all"), BOTH)
    return [
        buyer("peer-memory", stage.start_peer("in_memory.py"), bookstore, _sold_in_memory),
        buyer("peer-durable", stage.start_peer("durable.py"), bookstore, _asking("peer.db", gone.replace("on_hand", "stock"))),
        buyer("limit-durable", stage.start_limit("durable", "$HERE"), purchase, _asking("limit.db", gone)),
        buyer("limit-chain", stage.start_limit("chain", "$HERE"), purchase, copies),
        buyer("limit-chain-coalesced", stage.start_limit("chain", "$HERE", "--coalesced"), purchase, copies),
        buyer("limit-chain-dutiful", dutiful, purchase, copies),
        buyer("limit-chain-shared", shared, purchase, copies),
        Subject("limit-chain-card", dutiful, card, sold=_sold_by_card(copies), settled=_all_told(copies)),
    ]


def _sold_by_card(copies: Callable[[Server], int]) -> Callable[[Server], int]:
    """Copies that were sold, of which the provider and the orders must know. It drives no order on whose buyer has hung up."""
    captured = _asking("payments.db", "select count(*) from payment where status = 'succeeded'")
    paid = _asking("orders.db", "select count(*) from orders where payment = 'paid'")

    def sold(server: Server) -> int:
        gone, taken, known = copies(server), captured(server), paid(server)
        if not gone - HUNG_UP <= known <= taken <= gone:
            raise BenchError(f"{gone} copies left the shelves, {taken} were charged, and {known} orders are paid")
        return gone

    return sold


def _all_told(copies: Callable[[Server], int]) -> Callable[[Server], None]:
    """Waits until no copy leaves any more and the provider has told of every payment, which is part of its purchase."""
    untold = _asking("payments.db", "select count(*) from webhook where due_at_us is not null")
    return lambda server: shop.until_quiet(server.name, lambda: (copies(server), untold(server)), lambda seen: not seen[1])


def _shops(stage: Stage) -> list[Subject]:
    def buying(name: str, body: str, ids: str, connections: tuple[int, ...], refused: bool = False) -> Subject:
        request = stage.sends("/api/v1/checkout", body, ids, refused)
        return Subject(
            name,
            stage.start_shop(),
            Load(name.removeprefix("shop-"), request, connections),
            sold=lambda server: shop.sold(server.folder),
            settled=lambda server: shop.at_rest(server.folder),
            after=lambda server: _killed_and_audited(stage, server),
        )

    return [
        buying("shop-purchase", "on-delivery", "all", (1, *BOTH)),
        buying("shop-one-title", "on-delivery", "one", BOTH),
        buying("shop-sold-out", "on-delivery", "none", BOTH, refused=True),
        buying("shop-card", "card", "all", BOTH),
    ]


def _killed_and_audited(stage: Stage, server: Server) -> dict:
    """The process is killed where it stands; another one is ready on its data, has the same orders, and the audit is clean."""
    before = shop.sold(server.folder)
    server.kill()
    with stage.shop.start("the shop, again", server.folder) as again:
        ready_ms = again.ready_ms
        shop.at_rest(server.folder)
        if shop.sold(server.folder) != before:
            raise BenchError(f"{before} copies were sold before the process was killed, and {shop.sold(server.folder)} after")
        rest_mb = _at_rest_mb(again)
        again.stop()
    stage.shop.audit(server.folder)
    return {"ready_ms": ready_ms, "rest_mb": rest_mb}


def _at_rest_mb(server: Server) -> float:
    time.sleep(1.0)
    return machine.memory_mb(server.pid)


def _asking(file: str, query: str) -> Callable[[Server], int]:
    def ask(server: Server) -> int:
        connection = sqlite3.connect(f"file:{server.folder / file}?mode=ro", uri=True, timeout=30)
        try:
            return int(connection.execute(query).fetchone()[0])
        finally:
            connection.close()

    return ask


def _sold_in_memory(server: Server) -> int:
    asked = urllib.request.Request(f"{server.url}/sold", headers={"x-api-key": shop.API_KEY})
    with urllib.request.urlopen(asked, timeout=60) as answer:
        return json.load(answer)
