#!/usr/bin/env python3
"""A client of the bookstore behind one API key, written for the store: nothing but base URL and key tell it where it is.

BASE_URL=http://127.0.0.1:8080 API_KEY=secret123 python3 tests/python/clients/bookstore.py
"""

import os
import threading
import uuid

import requests

from expecting import expect

STORE = os.environ.get("BASE_URL", "http://127.0.0.1:8080").rstrip("/")
DEADLINE_S = 30
CARD = {"card_number": "4242424242424242", "expiry": "12/30"}
ODYSSEY, MARTIAN, ALGORITHMS = "9780140449136", "9780143127550", "9780262033848"

KEY = {"X-API-Key": os.environ.get("API_KEY", "secret123")}


def get(path):
    return requests.get(f"{STORE}{path}", headers=KEY, timeout=DEADLINE_S)


def post(path, body, **headers):
    # A redirect that turns the POST into a GET would lose the body.
    return requests.post(
        f"{STORE}{path}", json=body, headers={**KEY, **headers}, timeout=DEADLINE_S, allow_redirects=False
    )


def wish(*items, payment=None):
    items = [{"isbn": isbn, "quantity": quantity} for isbn, quantity in items]
    return {"customer_id": "c-42", "items": items, "payment": CARD if payment is None else payment}


def stock(isbn):
    return get(f"/api/books/{isbn}").json()["stock"]


def said(answer):
    return answer.status_code, answer.json().get("detail", "")


def locks():
    for key in [{}, {"X-API-Key": "wrong"}]:
        for path in ["/api/books", f"/api/books/{ODYSSEY}", "/api/orders/x"]:
            refused = requests.get(f"{STORE}{path}", headers=key, timeout=DEADLINE_S)
            expect("without the key: 401 Unauthorized", said(refused) == (401, "Unauthorized"), path, refused.text)
        refused = requests.post(f"{STORE}/api/orders", json=wish((ODYSSEY, 1)), headers=key, timeout=DEADLINE_S)
        expect("without the key nothing is ordered", said(refused) == (401, "Unauthorized"), refused.text)


def looks():
    for path in ["/api/books", "/api/books/"]:
        books = get(path)
        expect(f"store-list: {path}", books.status_code == 200 and not books.history, books.text[:200])
        expect(
            "store-list: the members of a book",
            all(set(book) == {"isbn", "title", "author", "price", "stock"} for book in books.json()),
        )
    found = {book["isbn"]: book for book in get("/api/books").json()}
    expect(
        "store-list: the demo's books",
        (found[MARTIAN]["title"], found[MARTIAN]["price"]) == ("The Martian", 12.99),
        found.get(MARTIAN),
    )
    expect("store-list: the demo's books", found[ALGORITHMS]["price"] == 89.99 and found[ODYSSEY]["author"] == "Homer")
    for path in [f"/api/books/{ODYSSEY}", f"/api/books/{ODYSSEY}/"]:
        expect(f"store-get: {path}", get(path).json()["title"] == "The Odyssey")
    for unknown in ["9780306406157", "0000000000000", "no-isbn"]:
        expect("store-get: an unknown book", said(get(f"/api/books/{unknown}")) == (404, "Book not found"), unknown)


def orders():
    before = stock(ODYSSEY)
    for path in ["/api/orders", "/api/orders/"]:
        placed = post(path, wish((ODYSSEY, 1)))
        expect(f"store-order: {path}", placed.status_code == 201, placed.text)
        expect("store-order: its members", set(placed.json()) == {"order_id", "status", "total"}, placed.text)
        expect(
            "store-order: created, at the price",
            (placed.json()["status"], placed.json()["total"]) == ("created", 9.5),
            placed.text,
        )
    expect("store-order: two copies less", stock(ODYSSEY) == before - 2)

    shown = get(f"/api/orders/{placed.json()['order_id']}").json()
    expect(
        "store-order-get: its members",
        set(shown) == {"order_id", "customer_id", "items", "total", "payment_tx_id", "status"},
        shown,
    )
    expect(
        "store-order-get: what was ordered",
        shown["items"] == [{"isbn": ODYSSEY, "quantity": 1}] and shown["customer_id"] == "c-42",
        shown,
    )
    expect("store-order-get: it was paid", bool(shown["payment_tx_id"]) and shown["status"] == "created", shown)
    expect("store-order-get: an unknown order is 404", get("/api/orders/4711").status_code == 404)

    expect(
        "store-order: an unknown book",
        said(post("/api/orders", wish(("9780306406157", 1)))) == (400, "Book 9780306406157 not found"),
    )
    for payment in [{}, {"expiry": "12/30"}, {"card_number": "4000000000000002", "expiry": "12/30"}]:
        status, detail = said(post("/api/orders", wish((ODYSSEY, 1), payment=payment)))
        expect("store-order: Payment failed", status == 402 and detail.startswith("Payment failed: "), payment, detail)
    status, detail = said(post("/api/orders", wish((ODYSSEY, 500))))
    expect(
        "store-order: Inventory issue", status == 409 and detail.startswith(f"Inventory issue for {ODYSSEY}: "), detail
    )
    for malformed in [
        {},
        {**wish((ODYSSEY, 1)), "items": []},
        wish((ODYSSEY, 0)),
        wish((ODYSSEY, -1)),
        {"customer_id": "c"},
    ]:
        expect("store-order: malformed is 422", post("/api/orders", malformed).status_code == 422, malformed)
    status, detail = said(post("/api/orders", wish((ODYSSEY, 1), (ALGORITHMS, 500))))
    expect("store-all-or-nothing: 409", status == 409 and ALGORITHMS in detail, detail)
    eventually_all_back(before - 2)


def eventually_all_back(copies):
    """Copies of refused orders go back within moments; the store promises no instant."""
    for _ in range(100):
        if stock(ODYSSEY) == copies:
            break
        threading.Event().wait(0.1)
    expect("store-all-or-nothing: no line's stock changed", stock(ODYSSEY) == copies, stock(ODYSSEY), copies)


def repeats():
    key = {"Idempotency-Key": str(uuid.uuid4())}
    before = stock(ODYSSEY)
    first, second = post("/api/orders", wish((ODYSSEY, 1)), **key), post("/api/orders", wish((ODYSSEY, 1)), **key)
    expect(
        "store-idempotent: the same answer",
        (first.status_code, first.json()) == (second.status_code, second.json()) and first.status_code == 201,
        first.text,
        second.text,
    )
    expect("store-idempotent: done once", stock(ODYSSEY) == before - 1)
    expect("store-idempotent: another body is 422", post("/api/orders", wish((ODYSSEY, 2)), **key).status_code == 422)


def delivers():
    order = post("/api/orders", wish((ODYSSEY, 1))).json()["order_id"]
    made = post("/api/delivery", {"order_id": order, "address": "12 Quay Street, Porto"})
    expect("store-delivery: 201", made.status_code == 201, made.text)
    delivery = made.json()
    expect(
        "store-delivery: its members",
        set(delivery) == {"delivery_id", "order_id", "address", "courier", "status"},
        delivery,
    )
    expect(
        "store-delivery: scheduled with the local courier",
        (delivery["courier"], delivery["status"]) == ("local", "scheduled"),
        delivery,
    )
    again = post("/api/delivery/", {"order_id": order, "address": "12 Quay Street, Porto"})
    expect("store-delivery: the delivery there is", (again.status_code, again.json()) == (200, delivery), again.text)
    for body in [{"order_id": "", "address": "x"}, {"order_id": order, "address": ""}]:
        expect("store-delivery: empty is 400", post("/api/delivery", body).status_code == 400, body)
    expect(
        "store-delivery: an unknown order is 404",
        post("/api/delivery", {"order_id": str(uuid.uuid4()), "address": "x"}).status_code == 404,
    )


def operates():
    document = get("/openapi.json").json()
    operation = document["paths"]["/api/orders"]["post"]
    keys = {
        name for name, scheme in document["components"]["securitySchemes"].items() if scheme.get("name") == "X-API-Key"
    }
    expect(
        "store-openapi: the API key is what an order needs",
        operation["security"] == [{name: []} for name in keys],
        operation["security"],
    )
    expect("store-openapi: interactive docs", get("/docs").status_code == 200)
    expect("store-ops: health", requests.get(f"{STORE}/health/ready", timeout=DEADLINE_S).status_code == 200)


if __name__ == "__main__":
    for part in [locks, looks, orders, repeats, delivers, operates]:
        part()
