#!/usr/bin/env python3
"""Every statement finds its rows by an index: no table that grows with the shop is read from end to end.

Reads the SQL out of the services' sources, makes their tables from their migrations, and asks SQLite's planner about each
statement, without a row anywhere and within a second. What the sources put together at run time (lists with filters) is asked
about by tests of its own where it is (`catalog-service/src/store/plans.rs`); here it is named in BUILT, so that a new
one is noticed. Needs nothing but Python.
"""

import itertools
import re
import sqlite3
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
KIT = "service-kit/src"
# A database: where its statements are, and where its migrations.
DATABASES = {
    "catalog": ("catalog-service",),
    "orders": ("order-service",),
    "deliveries": ("delivery-service",),
    "gateway": ("gateway-service",),
    "payments": ("src/payments",),
}
# What is no statement of a service.
NOT_OURS = (f"{KIT}/db/", f"{KIT}/testing/")

# What stands between braces in a statement, in all its forms.
FILLED = {
    "COLUMNS": ["*"],
    "ITS": ["family_id in (select family_id from token_family where application_id = $2)"],
    "ended": ["select family_id from token_family where expires_at_us < $1 or revoked_at_us < $1"],
    "only": ["", "and returned_at_us is null"],
    "chosen": [
        f"from orders where order_id < $1{customer}{state} order by order_id desc limit $2"
        for customer in ("", " and customer = $3")
        for state in ("", " and state = $4")
    ],
    "AWAITED": [
        "(select 1 from outbox_subscriber s cross join outbox_delivery d"
        " where d.subscriber_id = s.subscriber_id and d.position = outbox_event.position)"
    ],
    "places": ["$1, $2"],
    "whose": ["where subscriber_id in (select subscriber_id from outbox_subscriber where name = $1)"],
}
# Of these the parts belong together.
TOGETHER = {
    "delete from {table} where {key} in": [
        {"table": "authorization_code", "key": "code_sha256"},
        {"table": "refresh_token", "key": "token_sha256"},
        {"table": "browser_cookie", "key": "cookie_sha256"},
    ],
    "delete from {table} {whose}": [{"table": name} for name in ("outbox_delivery", "relay_lease", "outbox_subscriber")],
    "select * from {table} where order_id in": [{"table": "order_line", "number": "line"}, {"table": "payment", "number": "n"}],
    "delete from outbox_": [{"": "$1, $2"}],
    "update orders set {} where": [{"": "state = $3, due_at_us = $4, look_at_us = $5, pay_by_us = $6, address = $7"}],
    "select * from notification": [{"": "notification_id < $1"}, {"": "notification_id < $1 and status = $3"}],
    "select {COLUMNS} from delivery where {}": [
        {"": condition, "limit": "$9"}
        for condition in ("customer = $1", "order_id = $1", "(created_at_us, delivery_id) < ($1, $2)")
    ],
}
# Put together by a function, and asked about in `catalog-service/src/store/plans.rs`.
BUILT = (
    "select {COLUMNS}, {sort_key} as sort_key from {from}",
    "select count(*) as books from {from}",
    "select {COLUMNS} {those} and {conditions}",
    "select {} from book_search cross join book",
)

# Whole tables that may be read, and why.
SMALL = {
    "signing_key": "a few keys, rotated",
    "outbox_subscriber": "services that are told of events, and `s` is its other name",
    "s": "",
    "relay_lease": "one for each subscriber",
    "outbox_event": "deleted once everybody was told; read whole only when a subscriber is forgotten",
    "shop_currency": "one row",
    "guest_key": "one row",
    "times": "two rows that the statement makes itself",
}
ACCEPTED = {
    "select webhook_id, events from webhook where active = 1 order by webhook_id": "everybody who is to be told of an event",
    "select * from application where deleted_at_us is null and": "a page of a list, walked by its own key",
    "select * from api_key where (cast": "a page of a list, walked by its own key",
    "select w.webhook_id from webhook w": "everybody who has messages due",
    "select 1 as too_far from webhook w": "everybody who may have messages due at a wrong time",
    "select state, count(*) as orders from orders group by state": "orders are counted, in an index of their states",
    "update webhook_message set due_at_us": "messages under way, by an index in which nothing else is",
    "select s.name, e.event_id, e.subject, d.detail from outbox_delivery d": "parked events, for a person who looks into them",
    "select payment_id, amount_minor, currency, token": "the sandbox bank shows its whole ledger",
    # Rows that name a new one are looked for only where their key is deferred, and then by an index; the plan of a statement
    # that may write several shows the walk all the same (`FkIfZero` jumps over it).
    "insert into book (sku": "stock_adjustment's key is not deferred",
    "insert into courier (name": "delivery's keys are not deferred",
    "insert into application (application_id": "authorization_code's key is not deferred",
}


def statements(folder: str):
    """`(file, statement)` for each string of the sources that begins like SQL."""
    for file in sorted((ROOT / folder).rglob("*.rs")):
        name = str(file.relative_to(ROOT))
        is_test = "/tests/" in name or name.endswith("_tests.rs")
        if is_test or name.startswith(NOT_OURS) or not (name.startswith((KIT, "src/payments")) or "/src/" in name):
            continue
        shipped = file.read_text(encoding="utf-8").split("#[cfg(test)]")[0]
        for string in re.findall(r'"((?:[^"\\]|\\.|\\\n)*)"', shipped):
            text = re.sub(r"\\\n\s*", "", string).replace('\\"', '"').strip()
            if re.match(r"(select|update|delete|insert|with) [a-z0-9*({]", text) and " " in text:
                yield name, text


def variants(text: str) -> list[str] | None:
    """The statement in all its forms; None where somebody else asks about it."""
    if text.startswith(BUILT):
        return None
    together = next((forms for beginning, forms in TOGETHER.items() if text.startswith(beginning)), [{}])
    return [form for first in together for form in _filled(text, first)]


def _filled(text: str, first: dict[str, str]) -> list[str]:
    for name, value in first.items():
        text = text.replace("{" + name + "}", value)
    names = [name for name in FILLED if "{" + name + "}" in text]
    forms = []
    for values in itertools.product(*(FILLED[name] for name in names)):
        form = text
        for name, value in zip(names, values):
            form = form.replace("{" + name + "}", value)
        forms.append(form)
    return forms


def tables(folders: tuple[str, ...]) -> sqlite3.Connection:
    """An empty database as the migrations make it."""
    database = sqlite3.connect(":memory:")
    for folder in ("service-kit", *folders):
        files = (ROOT / folder / "migrations").glob("V*.sql")
        for file in sorted(files, key=lambda file: int(re.match(r"V(\d+)", file.name)[1])):
            if ".postgres." not in file.name:
                text = file.read_text(encoding="utf-8")
                text = text.replace("bigint generated by default as identity primary key", "integer primary key autoincrement")
                database.executescript(re.sub(r"\bbytea\b", "blob", re.sub(r"\bbigint\b", "integer", text)))
    # As in the shop: what a foreign key looks for stands in the plan, too.
    database.execute("pragma foreign_keys = on")
    return database


# `SEARCH orders` and no more: the least of a column, looked for in all of its table.
WHOLE = re.compile(r"(?:SCAN |SEARCH (?=\w+$))(.*)")


def whole_tables(database: sqlite3.Connection, statement: str) -> list[str] | None:
    """Tables that are read from end to end; None where the database does not understand the statement."""
    numbers = [int(number) for number in re.findall(r"\$(\d+)", statement)]
    try:
        steps = database.execute("explain query plan " + re.sub(r"\$(\d+)", r"?\1", statement), [None] * max(numbers, default=0))
        # `SEARCH orders` and no more: for the least of a column, in all of its table.
        scans = [match[1] for step in steps if (match := WHOLE.match(step[3]))]
    except sqlite3.Error:
        return None
    by_key = [scan for scan in scans if "VIRTUAL TABLE INDEX" in scan and not scan.endswith(":")]
    names = [scan.split()[0] for scan in scans if scan not in by_key and scan != "CONSTANT ROW" and not scan.startswith("(")]
    return [name for name in names if name not in SMALL]


def found_in(databases: dict[str, sqlite3.Connection]) -> tuple[int, list[str]]:
    """How many statements were asked about, and what is wrong with which."""
    asked, wrong = 0, []
    folders = [(folder, [name]) for name, (folder,) in DATABASES.items()] + [(KIT, list(databases))]
    for folder, names in folders:
        for file, text in statements(folder):
            for form in variants(text) or []:
                answers = [answer for name in names if (answer := whole_tables(databases[name], form)) is not None]
                asked += bool(answers)
                if not answers and not for_postgres(form) and not is_open(form):
                    wrong.append(f"{file}: nobody understands: {form}")
                if any(answers) and not form.startswith(tuple(ACCEPTED)):
                    wrong.append(f"{file}: reads all of {', '.join(sorted(set(sum(answers, []))))}: {form}")
    return asked, sorted(set(wrong))


def for_postgres(form: str) -> bool:
    return any(word in form for word in ("pg_", "tsvector", "delete from book_search where book_id")) or "from {" in form


def is_open(form: str) -> bool:
    """The beginning of an `insert`, whose rows are added one by one: it looks for none."""
    return form.startswith("insert into") and form.rstrip().endswith("values")


def main() -> int:
    databases = {name: tables(folders) for name, folders in DATABASES.items()}
    asked, wrong = found_in(databases)
    for line in wrong:
        print(line, file=sys.stderr)
    if wrong or asked < 150:
        print(f"{len(wrong)} of {asked} statements do not find their rows by an index", file=sys.stderr)
        return 1
    # A check that cannot fail shows nothing: without one index the driver's question is a walk through all orders.
    databases["orders"] = tables(DATABASES["orders"])
    databases["orders"].execute("drop index orders_due")
    if not any("reads all of orders" in line for line in found_in(databases)[1]):
        print("an index was dropped, and nobody noticed", file=sys.stderr)
        return 1
    print(f"{asked} statements find their rows by an index; that one is missing would have been noticed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
