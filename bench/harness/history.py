"""Years of sales, written straight into the databases of a shop that is stopped: an order is bought through the front door,
and its rows are repeated under other ids as often as is wanted. So the rows are what the shop itself writes today."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

# Orders that are written in one transaction.
CHUNK = 250_000
# Milliseconds between two orders; the first of them stands so long before the one that they are made of.
EVERY_MS = 1_000


@dataclass(frozen=True)
class Pattern:
    """The order that was bought."""

    order_id: str
    book_id: int
    created_ms: int


def written(data: Path, order_id: str, orders: int, books: int, say) -> None:
    """Repeats that order so often. Every book sells equally often, give or take one: the sums stay those of the ledgers."""
    created = _ask(data / "orders.db", f"select created_at_us / 1000 from orders where order_id = '{order_id}'")
    book = _ask(data / "orders.db", f"select book_id from order_line where order_id = '{order_id}'")
    pattern = Pattern(order_id, book, created)
    _repeat(data / "orders.db", ("orders", "order_line", "order_history"), pattern, orders, books, say)
    _repeat(data / "catalog.db", ("taking", "taking_line", "stock_ledger"), pattern, orders, books, say)
    _count_sold(data / "catalog.db", orders, books)


def _ask(file: Path, query: str) -> int:
    connection = sqlite3.connect(file)
    try:
        return connection.execute(query).fetchone()[0]
    finally:
        connection.close()


def _opened(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None)
    for pragma in ("journal_mode = off", "synchronous = off", "locking_mode = exclusive", "cache_size = -200000"):
        connection.execute(f"pragma {pragma}").fetchall()
    return connection


def _repeat(file: Path, tables: tuple[str, ...], pattern: Pattern, orders: int, books: int, say) -> None:
    connection = _opened(file)
    statements = [_statement(connection, table, pattern, orders, books) for table in tables]
    for first in range(0, orders, CHUNK):
        last = min(first + CHUNK, orders)
        connection.execute("begin")
        for statement in statements:
            connection.execute(statement, {"first": first, "last": last})
        connection.execute("commit")
        if last % 1_000_000 == 0 or last == orders:
            say(f"{file.name}: {last:,} of {orders:,} orders are written")
    # An order of the planner's making is not wanted: the shop does not analyze either.
    connection.execute("pragma journal_mode = wal").fetchall()
    connection.close()


def _statement(connection: sqlite3.Connection, table: str, pattern: Pattern, orders: int, books: int) -> str:
    """Inserts what the pattern has in this table, once for each number, with the ids and times of that number's order."""
    ms = f"({pattern.created_ms} - ({orders} - i) * {EVERY_MS})"
    hexadecimal = f"printf('%012x', {ms})"
    order = f"substr({hexadecimal}, 1, 8) || '-' || substr({hexadecimal}, 9) || '-7000-8000-' || printf('%012x', i)"
    # Neighbours in time are no neighbours on the shelf; 7 and 13 divide no number of books that is used here.
    book = f"(1 + (i * 91) % {books})"
    changed = {"order_id": order, "taking_id": f"{order} || ':1'", "book_id": book}
    columns, values = [], []
    for _, name, kind, _, _, key in connection.execute(f"pragma table_info({table})").fetchall():
        if key and kind.lower() in ("integer", "bigint") and name not in changed and _is_rowid(connection, table, name):
            continue
        columns.append(name)
        if name in changed:
            values.append(changed[name])
        elif name.endswith("_us"):
            # As long after its order as the pattern's.
            values.append(f"p.{name} + ({ms} - {pattern.created_ms}) * 1000")
        elif name == "ledger_entry":
            # The ledger counts its entries up as these orders are counted.
            values.append("(select max(entry) from stock_ledger) + i - :first")
        elif name == "asked":
            values.append(f"replace(p.{name}, '{pattern.book_id}', cast({book} as text))")
        else:
            values.append(f"p.{name}")
    where = f"p.taking_id = '{pattern.order_id}:1'" if "taking_id" in columns else f"p.order_id = '{pattern.order_id}'"
    return (
        f"with recursive n (i) as (select :first + 1 union all select i + 1 from n where i < :last) "
        f"insert into {table} ({', '.join(columns)}) select {', '.join(values)} from n cross join {table} p where {where}"
    )


def _is_rowid(connection: sqlite3.Connection, table: str, column: str) -> bool:
    """A number that SQLite gives by itself."""
    keys = [row for row in connection.execute(f"pragma table_info({table})") if row[5]]
    return len(keys) == 1 and keys[0][1] == column


def _count_sold(file: Path, orders: int, books: int) -> None:
    connection = _opened(file)
    every, more = divmod(orders, books)
    connection.execute("begin")
    sold = f"({every} + (book_id in (select 1 + (i * 91) % {books} from n)))"
    connection.execute(
        f"with recursive n (i) as (select 1 where {more} > 0 union all select i + 1 from n where i < {more}) "
        f"update book set on_hand = on_hand - {sold}, taken = taken + {sold}, version = version + {sold} where book_id <= {books}"
    )
    connection.execute("commit")
    connection.execute("pragma journal_mode = wal").fetchall()
    connection.close()
