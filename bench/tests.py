"""The program that measures, tried without measuring anything: `python3 bench/tests.py`, in a second."""

import contextlib
import csv
import json
import re
import sqlite3
import sys
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace

sys.dont_write_bytecode = True
BENCH = Path(__file__).resolve().parent
sys.path[:0] = [str(BENCH), str(BENCH.parent / "tests" / "python")]

import plans  # noqa: E402
from harness import catalogue, floors, growing, instructions, main, page, plot, promises, rounds, subjects  # noqa: E402
from harness.load import Outcome, Request  # noqa: E402
from harness.process import BenchError  # noqa: E402
from harness.subjects import Load, Subject  # noqa: E402


def outcome(connections: int, per_second: float, **more) -> Outcome:
    fields = {"requests": 100, "good": 100, "bad": 0, "p50_us": 900, "p99_us": 1800, "cpu_us": 200.0, "noise": 0.0}
    return Outcome(connections=connections, per_second=per_second, **(fields | more))


def measured(**speeds: list[float]) -> dict:
    """Results in which each subject had so many requests a second in each round, at every number of connections."""
    kept = {"peak_mb": 90.0, "ready_ms": 200.0, "rest_mb": 70.0}
    subjects = {
        name.replace("_", "-"): [kept | {"loads": [outcome(at, each).as_dict() for at in (1, 32, 200)]} for each in rates]
        for name, rates in speeds.items()
    }
    return {"speed": {"when": "today", "commit": "c", "machine": "m", "rounds": 3, "seconds": 1, "flushes": {}, "subjects": subjects}}


class Counted(unittest.TestCase):
    # As `callgrind_annotate` writes it.
    ANNOTATED = """
Ir
3,000 (100.0%)  PROGRAM TOTALS

Ir               file:function
2,000 (66.67%)  ???:<core::pin::Pin<P> as core::future::future::Future>::poll [/shop]
  600 (20.00%)  ./string/memmove.S:memcpy [/usr/lib/libc.so.6]
  400 (13.33%)  ???:serde_json::ser::to_vec
"""

    def test_a_request_has_its_part_of_each_function(self) -> None:
        counted = instructions.by_function(self.ANNOTATED, 10)
        wanted = {"<core::pin::Pin<P> as core::future::future::Future>::poll": 200, "memcpy": 60, "serde_json::ser::to_vec": 40}
        self.assertEqual(counted, wanted)

    def test_what_differs_most_between_two_shops_stands_first(self) -> None:
        rows = instructions.table([{"same": 900.0, "gone": 0.0, "less": 10.0}, {"same": 900.0, "gone": 500.0, "less": 20.0}])
        self.assertEqual([row.split()[-1] for row in rows], ["all", "gone", "less", "same"])
        self.assertEqual(rows[0].split()[:2], ["910", "1,420"])


class Conserved(unittest.TestCase):
    def subject(self, refused: bool = False) -> Subject:
        request = Request("POST", "/", Path("ids"), None, "key", refused)
        return Subject("s", lambda folder, trace: None, Load("purchase", request, (32,)))

    def test_what_was_answered_has_left_the_shelves(self) -> None:
        for gone in (100, 132):
            rounds.conserved(self.subject(), outcome(32, 1.0), gone)

    def test_a_copy_that_nobody_bought_and_a_purchase_without_a_copy_end_the_run(self) -> None:
        for gone in (99, 133):
            with self.assertRaises(BenchError):
                rounds.conserved(self.subject(), outcome(32, 1.0), gone)

    def test_a_refusal_takes_nothing(self) -> None:
        rounds.conserved(self.subject(refused=True), outcome(32, 1.0), 0)
        with self.assertRaises(BenchError):
            rounds.conserved(self.subject(refused=True), outcome(32, 1.0), 1)


    def test_no_card_is_charged_without_a_copy_and_no_order_is_paid_without_a_charge(self) -> None:
        hung_up = 10 + subjects.HUNG_UP
        for gone, charged, paid, good in ((10, 10, 10, True), (10, 10, 9, True), (9, 10, 9, False), (10, 9, 10, False), (hung_up, 10, 9, False)):
            with tempfile.TemporaryDirectory() as folder:
                for file, table, rows in (("payments", "payment (status)", charged), ("orders", "orders (payment)", paid)):
                    with contextlib.closing(sqlite3.connect(Path(folder) / f"{file}.db")) as database, database:
                        database.execute(f"create table {table}")
                        value = "succeeded" if file == "payments" else "paid"
                        database.executemany(f"insert into {table.split()[0]} values (?)", [(value,)] * rows)
                sold = subjects._sold_by_card(lambda server: gone)
                if good:
                    self.assertEqual(sold(SimpleNamespace(folder=Path(folder))), gone)
                else:
                    with self.assertRaises(BenchError):
                        sold(SimpleNamespace(folder=Path(folder)))


class Floors(unittest.TestCase):
    def test_a_ratio_is_one_of_the_same_round(self) -> None:
        results = measured(shop_purchase=[100.0, 300.0, 500.0], limit_chain_coalesced=[200.0, 300.0, 1000.0])
        found = next(floor for floor in floors.every(results) if floor.than == "the bare chain, coalesced")
        self.assertEqual([reached.value for reached in found.reached], [0.5, 0.5])
        self.assertEqual((found.reached[0].low, found.reached[0].high), (0.5, 1.0))
        self.assertFalse(found.reached[0].held)

    def test_where_less_is_better_a_floor_is_a_ceiling(self) -> None:
        least = floors.Reached("", 5.0, 5.0, 5.0, 4.0, most=True)
        self.assertFalse(least.held)
        self.assertEqual(least.share, 0.8)

    def test_what_was_not_measured_is_not_judged(self) -> None:
        self.assertEqual(floors.every(measured(shop_get=[1.0])), [])


class Tables(unittest.TestCase):
    """The limit that keeps the shop's promises keeps them in the shop's tables, as the migrations make them."""

    def test_a_purchase_is_written_into_the_same_tables(self) -> None:
        folder = BENCH / "limit" / "src" / "chain" / "dutiful"
        services = {"orders": "order-service", "catalog": "catalog-service", "gateway": "gateway-service", "payments": "src/payments"}
        for file, service in (services | {"outbox": "catalog-service"}).items():
            limit, shop = sqlite3.connect(":memory:"), plans.tables((service,))
            limit.executescript((folder / f"{file}.sql").read_text())
            names = [name for (name,) in limit.execute("select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'")]
            self.assertTrue(names)
            for name in names:
                self.assertEqual(self.shape(limit, name), self.shape(shop, name), name)

    def shape(self, database: sqlite3.Connection, table: str) -> dict[str, object]:
        """Columns, indexes, foreign keys, checks and triggers; names and defaults aside."""
        columns = database.execute(f"pragma table_info({table})").fetchall()
        indexes = []
        for _, index, unique, _, partial in database.execute(f"pragma index_list({table})").fetchall():
            sql = database.execute("select sql from sqlite_schema where name = ?", (index,)).fetchone()
            where = self.plain(sql[0]).partition(" where ")[2] if partial else ""
            indexes.append((unique, [name for _, _, name in database.execute(f"pragma index_info({index})")], where))
        (sql,) = database.execute("select sql from sqlite_schema where type = 'table' and name = ?", (table,)).fetchone()
        keys = database.execute(f"pragma foreign_key_list({table})").fetchall()
        triggers = database.execute("select sql from sqlite_schema where type = 'trigger' and tbl_name = ?", (table,)).fetchall()
        return {
            "kept in the order of its key": "without rowid" in self.plain(sql),
            # In the shop all tables are strict, and a key is never null.
            "columns": [(name, kind.lower(), bool(must or place), place) for _, name, kind, must, _, place in columns],
            "indexes": sorted(indexes),
            "keys": sorted((of, own, other) for _, _, of, own, other, *_ in keys),
            "deferred": [len(re.findall("initially deferred", self.plain(sql)))],
            "checks": self.checks(self.plain(sql)),
            "triggers": sorted(self.plain(sql) for (sql,) in triggers),
        }

    def plain(self, sql: str) -> str:
        """Without comments, and on one line."""
        return " ".join(re.sub("--.*", "", sql).split()).lower()

    def checks(self, sql: str) -> list[str]:
        found = []
        for begin in re.finditer(r"\bcheck \(", sql):
            depth, at = 1, begin.end()
            while depth:
                depth += {"(": 1, ")": -1}.get(sql[at], 0)
                at += 1
            found.append(sql[begin.end() : at - 1])
        return sorted(found)


class Promises(unittest.TestCase):
    def test_the_way_to_the_shop_leads_over_the_limit_that_keeps_its_promises(self) -> None:
        results = measured(limit_raw=[100.0, 200.0, 100.0], limit_raw_dutiful=[80.0, 160.0, 90.0], shop_get=[40.0, 80.0, 90.0])
        lines = promises.tables(floors.Speed(results["speed"]["subjects"])).splitlines()
        self.assertEqual(lines[-1], "| GET book, cached, at 200 | 100/s | 0.80× | ≥ 0.75× | 0.40× | 0.50× |")
        self.assertNotIn("FastAPI", "".join(lines))

    def test_purchases_are_held_against_peers_and_their_p50_against_one_process(self) -> None:
        names = ("peer_memory", "limit_durable", "limit_chain_coalesced", "limit_chain_dutiful", "shop_purchase", "limit_chain_shared")
        results = measured(**{name: [100.0 * (place + 1)] for place, name in enumerate(names)})
        text = promises.tables(floors.Speed(results["speed"]["subjects"]))
        self.assertIn("| purchase, of the bare chain, at 32 | 300/s | 1.33× | ≥ 0.7× | 1.67× | 1.25× |", text)
        self.assertIn("| p50 of a purchase, of one process, at one connection | 0.90 ms | 1.00× | ≤ 4× | 1.00× | 1.00× |", text)
        self.assertIn("| on delivery, of FastAPI in memory, at 200 | 3.00× | 4.00× | 6.00× | ≥ 8× | 5.00× | 1.25× |", text)
        self.assertNotIn("FastAPI, durable", text)
        self.assertNotIn("by card", text)

    def test_card_checkouts_are_held_against_a_chain_that_charges_cards(self) -> None:
        results = measured(peer_memory=[100.0, 200.0, 100.0], limit_chain_card=[200.0, 400.0, 300.0], shop_card=[100.0, 300.0, 150.0])
        lines = promises.tables(floors.Speed(results["speed"]["subjects"])).splitlines()
        self.assertEqual(lines[-2:], [
            "| by card, of FastAPI in memory, at 32 |  | 2.00× |  | ≥ 2.5× | 1.50× | 0.50× |",
            "| by card, of FastAPI in memory, at 200 |  | 2.00× |  | ≥ 5× | 1.50× | 0.50× |",
        ])  # fmt: skip

    def test_where_no_limit_keeps_the_promises_nothing_is_said_of_their_cost(self) -> None:
        self.assertEqual(promises.tables(floors.Speed(measured(limit_raw=[1.0], shop_get=[1.0])["speed"]["subjects"])), "")

    def test_the_page_has_the_way(self) -> None:
        results = measured(**{name.replace("-", "_"): [1000.0] for name in page.NAMES})
        self.assertEqual(page.tables(results, "performance.svg").count("### What the promises cost"), 1)


class Page(unittest.TestCase):
    def test_tables_go_between_the_markers_and_prose_stays(self) -> None:
        results = measured(**{name.replace("-", "_"): [1000.0, 1100.0, 1200.0] for name in page.NAMES})
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "performance.md"
            file.write_text(f"# A\n\nbefore\n{page.BEGIN}\nstale figures\n{page.END}\nafter\n")
            page.written(file, results, "performance.svg")
            page.written(file, results, "performance.svg")
            text = file.read_text()
        self.assertTrue(text.startswith("# A\n\nbefore\n") and text.endswith("\nafter\n") and "stale" not in text)
        self.assertEqual(text.count("### The floors"), 1)
        self.assertIn("<svg", plot.svg(floors.every(results), results["speed"]["subjects"]))

    def test_every_part_has_its_words_and_its_floors(self) -> None:
        mark = {"when": "today", "commit": "c"}
        bought = [outcome(32, 900.0).as_dict()] * 3
        results = {
            "import": mark | {"books": 10, "rows_per_second": 25_000.0, "peak_mb": 30.0, "shop_peak_mb": 120.0}
            | {"limit_rows_per_second": 50_000.0},
            "search": mark | {"books": 10, "queries": 200, "runs": 5, "p50_ms": 1.0, "p99_ms": 25.0, "max_ms": 30.0, "ready_ms": 200.0}
            | {"rest_mb": 70.0, "peak_mb": 90.0, "slowest": [{"query": "the", "ms": 30.0}]},
            "growth": mark | {"books": 10, "orders": 20, "small": bought, "grown": bought, "ready_ms": 250.0, "rest_mb": 70.0, "peak_mb": 90.0}
            | {"gigabytes": 5.0, "pages": {"deep page": 2.0}, "audit": {"seconds": 60.0, "peak_mb": 50.0}},
            "crowd": mark | {"crowds": [{"users": 25, "a_second": 5, "rps": 150.0, "median_ms": 2.0, "p95_ms": 5.0, "p99_ms": 9.0, "failed": 0, "requests": 900}]},
        }
        text = page.tables(results, "performance.svg")
        for words in ("25,000 rows/s", "50,000 rows/s, of which the shop has 0.50", "p99 25.0 ms", "The audit of all of it: 60 s", "| 25 | 5 | 150 |"):
            self.assertIn(words, text)
        held = [reached.held for floor in floors.every(results) for reached in floor.reached]
        self.assertEqual(held, [True, True, True, True, False, False])

    def test_a_limit_that_did_not_import_ends_the_run(self) -> None:
        self.assertEqual(growing.limit_said("100000 rows: 12000 rows/s\nimported 100500 rows at 12345 rows/s\n"), 12_345.0)
        for text in ("", "limit: no such table: book\n"):
            with self.assertRaises(BenchError):
                growing.limit_said(text)

    def test_a_page_without_markers_is_left_alone(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "performance.md"
            file.write_text("# A\n")
            with self.assertRaises(BenchError):
                page.written(file, {}, "performance.svg")

    def test_the_page_of_the_project_is_the_one_that_its_figures_make(self) -> None:
        docs = BENCH.parent / "docs"
        figures = docs / "performance.json"
        made = page.tables(json.loads(figures.read_text()), "performance.svg") if figures.is_file() else ""
        between = (docs / "performance.md").read_text().split(page.BEGIN)[1].split(page.END)[0]
        self.assertEqual(between.strip(), made.strip())


class Books(unittest.TestCase):
    def test_isbns_have_the_check_digits_of_the_demo(self) -> None:
        with (BENCH.parent / "data" / "demo-books.csv").open(newline="") as lines:
            first = next(csv.DictReader(lines))["isbn"]
        self.assertEqual(catalogue.isbn(1), first)

    def test_words_differ_and_books_are_the_same_every_time(self) -> None:
        self.assertEqual(len({catalogue.word(rank) for rank in range(catalogue.WORDS)}), catalogue.WORDS)
        self.assertEqual(list(catalogue.rows(50)), list(catalogue.rows(100))[:51])

    def test_every_published_query_is_there_once(self) -> None:
        lines = [line for line in (BENCH / "queries.txt").read_text().splitlines() if line and not line.startswith("#")]
        self.assertEqual((len(lines), len(set(lines))), (200, 200))


class CommandLine(unittest.TestCase):
    def wanted(self, *arguments: str) -> list[str]:
        return main._wanted(main.parsed(list(arguments)))

    def test_a_name_is_one_subject_and_a_beginning_several(self) -> None:
        self.assertEqual(self.wanted("--only", "limit-chain"), ["limit-chain"])
        self.assertEqual(self.wanted("--only", "limit-c"), ["limit-chain", "limit-chain-coalesced", "limit-chain-dutiful", "limit-chain-shared", "limit-chain-card"])
        with self.assertRaises(BenchError):
            self.wanted("--only", "nothing")

    def test_growth_takes_long_and_is_asked_for(self) -> None:
        self.assertNotIn("growth", self.wanted())
        self.assertIn("growth", self.wanted("--long"))
        self.assertNotIn("crowd", self.wanted("--quick"))


if __name__ == "__main__":
    unittest.main()
