#!/usr/bin/env python3
"""How much memory and time `lastcopy audit` takes of a large shop.

    tests/python/large_shop.py target/release/lastcopy [ORDERS ...]

Opens a shop, buys one book by card and has it sent, closes the shop, and writes that order again and again straight into
its databases, with everything that belongs to it. Then the audit runs; it must find nothing. Needs Python alone.
"""

import json
import pathlib
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid

BOOK = 8
PURCHASE = {
    "lines": [{"book_id": BOOK, "quantity": 1}],
    "payment_method": "card",
    "card": {"number": "4242424242424242", "expiry": "12/30"},
    "address": {"recipient": "Ana Lopez", "street": "12 Quay Street", "city": "Porto"},
}
# Who asks for what, and in which of the other databases that is found.
TABLES = {
    "orders": ["orders", "order_line", "order_history", "payment", "idempotency_key"],
    "catalog": ["taking", "taking_line", "stock_ledger"],
    "deliveries": ["delivery", "delivery_step"],
    "payments": ["payment"],
}
COUNTED = {"entry", "ledger_entry"}


def ask(url, body=None, headers=()):
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(url, data, {"content-type": "application/json", **dict(headers)})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read()), answer.headers


def one_order(binary, folder):
    """A shop with one order that is sold, paid and scheduled; its id."""
    ports = [f"--{name}=0" for name in ("port", "catalog-port", "order-port", "delivery-port", "payments-port")]
    shop = subprocess.Popen([binary, "up", *ports], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    base = next(line.split()[1] for line in shop.stdout if line.startswith("ready "))
    key = {"idempotency-key": str(uuid.uuid4())}
    order, headers = ask(f"{base}/api/v1/checkout", PURCHASE, key)
    cookies = {"cookie": "; ".join(cookie.split(";")[0] for cookie in headers.get_all("set-cookie") or [])}
    while not (order["settled"] and order["fulfillment"] == "scheduled"):
        time.sleep(0.1)
        order, _ = ask(f"{base}/api/v1/orders/{order['id']}", headers=cookies)
    shop.send_signal(signal.SIGTERM)
    shop.wait()
    return order["id"], key["idempotency-key"]


def multiply(data, template, key, first, last):
    """Writes the order with these numbers, and all that belongs to it."""
    ids = [str(uuid.UUID(int=uuid.UUID(template).int + (n << 16))) for n in range(first, last)]
    for name, tables in TABLES.items():
        database = sqlite3.connect(data / f"{name}.db")
        for table in tables:
            cursor = database.execute(f"select * from {table}")
            columns = [column[0] for column in cursor.description]
            rows = [row for row in cursor if any(template in str(value) for value in row)]

            def copies(row):
                for order in ids:
                    copy = [v.replace(template, order).replace(key, order) if isinstance(v, str) else v for v in row]
                    yield [None if column in COUNTED else value for column, value in zip(columns, copy)]

            places = ", ".join("?" * len(columns))
            for row in rows:
                database.executemany(f"insert into {table} values ({places})", copies(row))
        if name == "catalog":
            count = len(ids)
            database.execute("update book set received = received + ?, taken = taken + ? where book_id = ?", (count, count, BOOK))
            database.execute(
                "insert into stock_ledger (book_id, kind, delta, reason, actor, at_us) values (?, 'received', ?, 'r', 'a', 1)",
                (BOOK, count),
            )
            name_entries(database)
        database.commit()
        database.close()


def name_entries(catalog):
    """Each line names its entry in the ledger, as the shop's own do."""
    catalog.execute("create temp table its (taking_id text primary key, entry integer)")
    catalog.execute("insert into its select taking_id, entry from stock_ledger where kind = 'taken'")
    catalog.execute("update taking_line set ledger_entry = (select entry from its where its.taking_id = taking_line.taking_id)")
    catalog.execute("drop table its")


def audit(binary, folder):
    """Seconds, and the most memory that it had at once, in kB (VmHWM)."""
    began, peak = time.monotonic(), 0
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen([binary, "audit"], cwd=folder, stdout=said, stderr=said)
        while process.poll() is None:
            try:
                status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            except OSError:
                break
            peak = max([peak] + [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")])
            time.sleep(0.02)
        if process.wait() != 0:
            said.seek(0)
            sys.exit(said.read())
    return time.monotonic() - began, peak


def main():
    binary = str(pathlib.Path(sys.argv[1]).resolve())
    sizes = [int(size) for size in sys.argv[2:]] or [3_000, 30_000, 300_000]
    with tempfile.TemporaryDirectory() as folder:
        template, key = one_order(binary, folder)
        written = 1
        for size in sizes:
            multiply(pathlib.Path(folder) / "lastcopy-data", template, key, written, size)
            written = size
            took, peak = audit(binary, folder)
            print(f"{size} orders: audited in {took:.1f} s, at most {peak / 1024:.0f} MB", flush=True)


main()
