"""Buys at a shop in containers, and finds what was bought again: after `down` and `up`, at another replica.

    containers.py buy BASE_URL FILE      buys on delivery and by card, waits for rest, writes down what there is then
    containers.py find BASE_URL FILE     everything that was written down is there, unchanged
    containers.py sell BASE_URL FILE SECONDS
                                         buys for so long while replicas come and go: every purchase is answered in the end,
                                         and is added to the file

The operator's key is in LASTCOPY_OPERATOR_KEY. Needs nothing but Python.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid

ADDRESS = {"recipient": "Ana Lopez", "street": "12 Quay Street", "city": "Porto"}
CARD = {"payment_method": "card", "card": {"number": "4242424242424242", "expiry": "12/30"}}
DELIVERED = {"payment_method": "on_delivery", "address": ADDRESS}


def call(base, method, path, body=None, key=None):
    headers = {"content-type": "application/json", "x-api-key": os.environ["LASTCOPY_OPERATOR_KEY"]}
    if key:
        headers["idempotency-key"] = key
    request = urllib.request.Request(base + path, body and json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def purchase(book, more, key):
    return {"lines": [{"book_id": book, "quantity": 1}], **more}, key


def seen(base, order):
    """What must not change any more."""
    view = call(base, "GET", f"/api/v1/orders/{order}")
    return {name: view[name] for name in ("id", "state", "payment", "fulfillment", "settled", "lines")}


def until_rest(base, order):
    for _ in range(300):
        view = seen(base, order)
        if view["settled"] and view["fulfillment"] != "none":
            return view
        time.sleep(0.1)
    raise SystemExit(f"{order} does not come to rest: {view}")


def buy(base, file):
    book = call(base, "POST", "/api/v1/books", {"sku": str(uuid.uuid4()), "title": "In a box", "topic": "containers", "price": 12.5, "stock": 100})
    orders = []
    for more in (DELIVERED, {**CARD, "address": ADDRESS}):
        body, key = purchase(book["id"], more, str(uuid.uuid4()))
        order = call(base, "POST", "/api/v1/checkout", body, key)
        assert call(base, "POST", "/api/v1/checkout", body, key)["id"] == order["id"], "the same key, the same order"
        orders.append(until_rest(base, order["id"]))
    paid = [order["payment"] for order in orders]
    assert [order["state"] for order in orders] == ["approved"] * 2 and paid[1] == "paid", orders
    left = call(base, "GET", f"/api/v1/books/{book['id']}")["on_hand"]
    assert left == 98, left
    write(file, {"book": book["id"], "on_hand": left, "orders": orders})
    print(f"bought on delivery and by card at {base}: {', '.join(order['id'] for order in orders)}")


def find(base, file):
    kept = json.load(open(file))
    for order in kept["orders"]:
        assert seen(base, order["id"]) == order, f"{order} was, {seen(base, order['id'])} is"
    left = call(base, "GET", f"/api/v1/books/{kept['book']}")["on_hand"]
    assert left == kept["on_hand"], f"{kept['on_hand']} copies were left, {left} are"
    print(f"found {len(kept['orders'])} orders at {base}, and {left} copies left")


def sell(base, file, seconds):
    """A call without an answer is made again under its key, as a buyer would."""
    kept, ends, again = json.load(open(file)), time.monotonic() + float(seconds), 0
    while time.monotonic() < ends and kept["on_hand"] > 0:
        body, key = purchase(kept["book"], DELIVERED, str(uuid.uuid4()))
        order, patience = None, time.monotonic() + 60
        while order is None:
            try:
                order = call(base, "POST", "/api/v1/checkout", body, key)
            except urllib.error.HTTPError as error:
                if error.code < 500 or time.monotonic() > patience:
                    raise SystemExit(f"{error.code}: {error.read()}")
                again += 1
                time.sleep(0.1)
        kept["on_hand"] -= 1
        kept["orders"].append(until_rest(base, order["id"]))
        time.sleep(0.1)
    write(file, kept)
    print(f"{len(kept['orders'])} orders by now; {again} calls were made again")


def write(file, kept):
    with open(file, "w") as out:
        json.dump(kept, out)


if __name__ == "__main__":
    {"buy": buy, "find": find, "sell": sell}[sys.argv[1]](*sys.argv[2:])
