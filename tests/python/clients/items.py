#!/usr/bin/env python3
"""A client of the items service, written for it: nothing but base URL and a sign-in tell it where it is.

    BASE_URL=http://127.0.0.1:8080 ITEMS_USERNAME=employee ITEMS_PASSWORD=… READER_USERNAME=customer READER_PASSWORD=… \
        python3 tests/python/clients/items.py

Token, items, and orders of them.
"""

import base64
import json
import os
import uuid

import requests

from expecting import expect

SERVICE = os.environ.get("BASE_URL", "http://127.0.0.1:8080").rstrip("/")
API = f"{SERVICE}/api/v1"
DEADLINE_S = 30


def sign_in(name, password):
    return requests.post(f"{API}/auth/token", json={"username": name, "password": password}, timeout=DEADLINE_S)


def client(token):
    return {"Authorization": f"Bearer {token}"}


def call(who, method, path, body=None, **headers):
    return requests.request(method, f"{API}{path}", json=body, headers={**who, **headers}, timeout=DEADLINE_S)


def tokens():
    answer = sign_in(os.environ["ITEMS_USERNAME"], os.environ["ITEMS_PASSWORD"])
    expect("items-token: 200", answer.status_code == 200, answer.text)
    token = answer.json()
    expect(
        "items-token: bearer, with scopes",
        token["token_type"] == "bearer" and "items:write" in token["scopes"],
        token["scopes"],
    )
    claims = token["access_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    expect("items-token: its claims", {"sub", "scopes", "exp", "iat", "iss", "aud"} <= set(claims), sorted(claims))
    expect(
        "items-token: wrong password", sign_in(os.environ["ITEMS_USERNAME"], "not this one at all").status_code == 401
    )
    return client(token["access_token"])


def lists(writer):
    for path in ["/items/", "/items"]:
        page = call(writer, "GET", f"{path}?limit=3&offset=1")
        expect(f"items-list: {path}", page.status_code == 200 and not page.history and len(page.json()) == 3, page.text)
    total = int(page.headers["X-Total-Count"])
    expect("items-data: a thousand items", total >= 1000, total)
    behind = call(writer, "GET", f"/items/?limit=3&offset={total}")
    expect("items-list: behind the last one", behind.json() == [], behind.text)


def writes(writer):
    sku = f"item-{uuid.uuid4()}"
    made = call(writer, "POST", "/items/", {"sku": sku, "name": "A lamp", "category": "lamps", "price": 24.5})
    expect("items-create: 201", made.status_code == 201, made.text)
    item = made.json()
    expect("items-create: its members", set(item) == {"id", "sku", "name", "category", "price"}, item)
    again = call(writer, "POST", "/items/", {"sku": sku, "name": "Another", "category": "lamps", "price": 1})
    expect("items-create: 409", again.status_code == 409, again.text)
    path = f"/items/{item['id']}"
    expect("items-get", call(writer, "GET", path).json() == item)
    expect("items-get: 404", call(writer, "GET", "/items/99999999").status_code == 404)

    # Never a stale answer to the one who wrote.
    for price in [19.99, 18.5, 17]:
        changed = call(writer, "PATCH", f"/items/{sku}/price", {"price": price})
        expect("items-price: 200", (changed.status_code, changed.json()["price"]) == (200, price), changed.text)
        expect("items-cache: the writer sees what he wrote", call(writer, "GET", path).json()["price"] == price)
    expect("items-price: 404", call(writer, "PATCH", "/items/no-such-sku/price", {"price": 1}).status_code == 404)
    for wrong in [{"price": -1}, {"price": "x"}, {}, {"cost": 1}]:
        expect("items-price: 422", call(writer, "PATCH", f"/items/{sku}/price", wrong).status_code == 422, wrong)

    kept = [call(writer, "GET", path).headers["X-Cache"] for _ in range(20)]
    expect("items-cache: MISS or HIT, and a HIT among twenty", set(kept) <= {"HIT", "MISS"} and "HIT" in kept, kept)

    expect("items-delete: 204", call(writer, "DELETE", f"/items/{sku}").status_code == 204)
    expect(
        "items-delete: gone",
        (call(writer, "DELETE", f"/items/{sku}").status_code, call(writer, "GET", path).status_code) == (404, 404),
    )


def permits():
    reader = client(sign_in(os.environ["READER_USERNAME"], os.environ["READER_PASSWORD"]).json()["access_token"])
    body = {"sku": f"item-{uuid.uuid4()}", "name": "A lamp", "category": "lamps", "price": 1}
    expect("items-rbac: a reader reads", call(reader, "GET", "/items/").status_code == 200)
    refused = [
        call(reader, "POST", "/items/", body),
        call(reader, "PATCH", "/items/x/price", {"price": 1}),
        call(reader, "DELETE", "/items/x"),
    ]
    expect("items-rbac: without the scope 403", [answer.status_code for answer in refused] == [403] * 3, refused)
    for who in [{}, client("not.a.token")]:
        answers = [call(who, "GET", "/items/"), call(who, "GET", "/items/1"), call(who, "POST", "/items/", body)]
        expect("items-rbac: without a token 401", [answer.status_code for answer in answers] == [401] * 3, answers)
    return reader


def orders(reader):
    item = call(reader, "GET", "/items/?limit=1&offset=5").json()[0]
    wish = {
        "lines": [{"book_id": item["id"], "quantity": 1, "expected_price": item["price"]}],
        "payment_method": "on_delivery",
    }
    placed = call(reader, "POST", "/checkout", wish, **{"Idempotency-Key": str(uuid.uuid4())})
    expect("an item is ordered by its number", placed.status_code == 201, placed.text)
    mine = call(reader, "GET", "/orders").json()["items"]
    expect("and is among one's orders", placed.json()["id"] in [order["id"] for order in mine])


def operates(writer):
    live, ready = call(writer, "GET", "/health/live"), call(writer, "GET", "/health/ready")
    expect("items-health", (live.status_code, ready.status_code) == (200, 200), live.text, ready.text)
    answer = call(writer, "GET", "/items/?limit=1", **{"X-Request-Id": "a-clients-own-id"})
    expect("items-headers: X-Process-Time", float(answer.headers["X-Process-Time"]) >= 0)
    expect(
        "items-headers: the caller's id comes back",
        answer.headers["X-Request-Id"] == "a-clients-own-id",
        answer.headers,
    )
    for path in ["/docs", "/redoc"]:
        expect(f"items-docs: {path}", requests.get(f"{SERVICE}{path}", timeout=DEADLINE_S).status_code == 200)


if __name__ == "__main__":
    employee = tokens()
    lists(employee)
    writes(employee)
    orders(permits())
    operates(employee)
