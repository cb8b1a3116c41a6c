#!/usr/bin/env python3
"""Is the shop at BASE_URL alive and honest? Buys one copy of a demo book, twice under one key, and looks at it.

    BASE_URL=https://shop.example API_KEY=lck_… scripts/smoke.py

Needs Python alone. API_KEY is the demo's where it is not given; its caller needs `orders:read` and `orders:write`. Exit 1
with the name of the first promise that is not kept.
"""

import json
import os
import sys
import urllib.error
import urllib.request
import uuid

BASE_URL = os.environ.get("BASE_URL", "http://127.0.0.1:8080").rstrip("/")
API_KEY = os.environ.get("API_KEY", "secret123")
DEADLINE_S = 20


def call(method, path, body=None, **headers):
    """Status, headers and body of an answer, whatever its status is."""
    head = {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{BASE_URL}{path}", data=data, headers=head, method=method)
    try:
        answer = urllib.request.urlopen(request, timeout=DEADLINE_S)
    except urllib.error.HTTPError as refusal:
        answer = refusal
    with answer:
        text = answer.read().decode()
    is_json = "json" in answer.headers.get("content-type", "")
    return answer.status, answer.headers, json.loads(text) if is_json and text else text


def expect(what, holds, *seen):
    if not holds:
        sys.exit(f"NOT KEPT: {what}: {seen}")
    print(f"ok  {what}")


def main():
    status, headers, health = call("GET", "/health/ready")
    expect("the shop is ready", status == 200 and health["status"] == "ready", status, health)
    expect("every answer has an id", bool(headers["x-request-id"]))

    status, _, page = call("GET", "/api/v1/books?state=AVAILABLE&sort=price&limit=1")
    expect("there is a book to buy", status == 200 and page["items"], status, page)
    book = page["items"][0]

    line = {"book_id": book["id"], "quantity": 1, "expected_price": book["price"]}
    wish = {"lines": [line], "payment_method": "on_delivery"}
    key = str(uuid.uuid4())
    status, headers, order = call("POST", "/api/v1/checkout", wish, x_api_key=API_KEY, idempotency_key=key)
    expect("a copy is bought", status == 201 and order["state"] == "approved", status, order)
    _, _, again = call("POST", "/api/v1/checkout", wish, x_api_key=API_KEY, idempotency_key=key)
    expect("the same key is the same order", again["id"] == order["id"], again)
    status, _, seen = call("GET", headers["location"], x_api_key=API_KEY)
    expect("the order is where it said", status == 200 and seen["id"] == order["id"], status, seen)
    expect("it costs what was shown", seen["total"] == book["price"], seen)

    status, _, problem = call("GET", headers["location"])
    expect("nobody else sees it", status == 401 and problem["code"] == "unauthorized", status, problem)
    status, _, problem = call("POST", "/api/v1/checkout", {**wish, "price": 0}, x_api_key=API_KEY)
    expect("no price is smuggled in", status == 422 and problem["code"] == "invalid", status, problem)

    status, _, document = call("GET", "/openapi.json")
    expect("the API document is there", status == 200 and "/api/v1/checkout" in document["paths"], status)
    for path in ["/docs", "/redoc"]:
        expect(f"so is {path}", call("GET", path)[0] == 200)


if __name__ == "__main__":
    main()
