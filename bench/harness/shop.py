"""The shop under test: one process, as `lastcopy up` starts it, and what is asked of it after every load."""

import sqlite3
import subprocess
import time
from pathlib import Path
from typing import Callable

from . import catalogue
from .process import BenchError, Server, traced

# The key with which the loads buy. It is let in like any key of a bookstore's.
API_KEY = "bench-key-of-a-bookstore"
REST_S = 60.0
# So many looks in a row see the same, a tenth of a second apart, when all is quiet.
QUIET_LOOKS = 3


class Shop:
    """Starts shops on data directories."""

    def __init__(self, binary: Path):
        self._binary = binary

    def start(self, name: str, folder: Path, env: dict[str, str] | None = None, trace: Path | None = None) -> Server:
        """Identity on, durability as always, log as always. Nobody is refused for asking too often."""
        ports = [f"--{part}=0" for part in ("port", "catalog-port", "order-port", "delivery-port", "payments-port")]
        command = [str(self._binary), "up", "--no-demo", "--data-dir", str(folder / "data"), *ports]
        out_of_the_way = {
            "LASTCOPY_RATE_PER_ADDRESS": "0",
            "LASTCOPY_RATE_PER_CALLER": "0",
            "BOOKSTORE_API_KEY": API_KEY,
        }
        return Server(name, traced(command, trace) if trace else command, folder, out_of_the_way | (env or {}))

    def books(self, folder: Path, file: Path) -> None:
        """Fills a new data directory with the books of a file."""
        with self.start("the shop", folder) as server:
            self.tool(folder, "import", str(file))
            server.stop()

    def tool(self, folder: Path, *command: str) -> str:
        """Runs a command on a shop's data; what it says."""
        done = self._tool(folder, *command)
        if done.returncode:
            raise BenchError(f"lastcopy {' '.join(command)} failed ({done.returncode}):\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def _tool(self, folder: Path, *command: str) -> subprocess.CompletedProcess:
        data = ["--data-dir", str(folder / "data")]
        return subprocess.run([str(self._binary), *command, *data], cwd=folder, capture_output=True, text=True, check=False)

    def audit(self, folder: Path) -> None:
        """Every promise of the shop, on the data that a load left."""
        self.tool(folder, "audit")


def at_rest(folder: Path) -> None:
    """Waits until no order has anything outstanding, and no further one comes: wrk hangs up in the middle of some."""
    orders = folder / "data" / "orders.db"
    # Both are found by an index: looking costs nothing, however many orders there are.
    query = "select max(rowid) || ' ' || (select count(*) from orders where due_at_us is not null) from orders"
    until_quiet("the shop", lambda: _one(orders, query), lambda seen: seen is None or seen.endswith(" 0"))


def until_quiet(name: str, look: Callable[[], object], good: Callable[[object], bool] = lambda seen: True) -> None:
    """Looks until what is seen is good and stays as it is."""
    seen, until = [look()], time.monotonic() + REST_S
    while len(seen) < QUIET_LOOKS or len(set(seen[-QUIET_LOOKS:])) > 1 or not good(seen[-1]):
        if time.monotonic() > until:
            raise BenchError(f"{name} has not come to rest within {REST_S:.0f} s: {seen[-1]}")
        time.sleep(0.1)
        seen.append(look())


def sold(folder: Path) -> int:
    """Copies that were sold, on which the catalog and the orders must agree."""
    catalog, orders = folder / "data" / "catalog.db", folder / "data" / "orders.db"
    gone = _one(catalog, "select coalesce(sum(received + adjusted - on_hand), 0) from book")
    held = "select coalesce(sum(quantity), 0) from order_line where order_id in (select order_id from orders where stock = 'taken')"
    promised = _one(orders, held)
    if gone != promised:
        raise BenchError(f"{gone} copies left the shelves, and orders have {promised}")
    return gone


def _one(file: Path, query: str):
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30)
    try:
        return connection.execute(query).fetchone()[0]
    finally:
        connection.close()


def stocked(shop: Shop, folder: Path, books: int) -> Path:
    """A new data directory of a shop with so many books, and one more of which there is no copy."""
    folder.mkdir(parents=True)
    catalogue.write(folder / "books.csv", books, sold_out=1)
    shop.books(folder, folder / "books.csv")
    return folder / "data"
