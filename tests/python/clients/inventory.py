#!/usr/bin/env python3
"""A client of Orders & Inventory, written for it: nothing but base URL, key and webhook secret tell it where it is.

    BASE_URL=http://127.0.0.1:8080 API_KEY=secret123 WEBHOOK_SECRET=… python3 tests/python/clients/inventory.py

It keeps products, orders them, and plays the payment provider that reports the money.
"""

import hashlib
import hmac
import json
import os
import threading
import time
import uuid

import requests

from expecting import expect

API = os.environ.get("BASE_URL", "http://127.0.0.1:8080").rstrip("/")
SECRET = os.environ["WEBHOOK_SECRET"].encode()
DEADLINE_S = 30

KEY = {"X-API-Key": os.environ.get("API_KEY", "secret123")}


def call(method, path, body=None):
    return requests.request(method, f"{API}{path}", json=body, headers=KEY, timeout=DEADLINE_S)


def product(stock, price=7.5):
    made = call("POST", "/products", {"sku": f"mug-{uuid.uuid4()}", "name": "A mug", "price": price, "stock": stock})
    expect(
        "inv-product-create: 201 with an id", made.status_code == 201 and isinstance(made.json()["id"], int), made.text
    )
    return made.json()


def order(product_id, quantity=1):
    made = call("POST", "/orders", {"product_id": product_id, "quantity": quantity})
    expect("inv-order-create: 201", made.status_code == 201, made.text)
    return made.json()


def stock(product_id):
    return call("GET", f"/products/{product_id}").json()["stock"]


def said(answer):
    return answer.status_code, answer.json().get("detail")


def report(order_id, kind="payment.succeeded", event=None, signed_at=None, secret=SECRET, **data):
    """What the payment provider sends."""
    event = event or f"evt_{uuid.uuid4()}"
    body = json.dumps(
        {
            "id": event,
            "type": kind,
            "created": int(time.time()),
            "data": {"order_id": order_id, "currency": "USD", **data},
        }
    )
    at = int(time.time()) if signed_at is None else signed_at
    signature = hmac.new(secret, f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    headers = {"content-type": "application/json", "X-Signature": f"t={at},v1={signature}"}
    return requests.post(f"{API}/webhooks/payment", data=body, headers=headers, timeout=DEADLINE_S)


def until(what, holds):
    for _ in range(200):
        if holds():
            break
        threading.Event().wait(0.05)
    expect(what, holds())


def products():
    mug = product(stock=12)
    path = f"/products/{mug['id']}"
    public = requests.get(f"{API}{path}", timeout=DEADLINE_S)
    expect(
        "inv-product-get: public, with its members",
        set(public.json()) == {"id", "sku", "name", "price", "stock"},
        public.text,
    )
    expect("inv-product-get: what was made", public.json() == mug, public.text, mug)
    twice = call("POST", "/products", {"sku": mug["sku"], "name": "Another", "price": 1, "stock": 1})
    expect("inv-product-create: SKU already exists", said(twice) == (409, "SKU already exists"), twice.text)
    for wrong in [{"price": 0}, {"price": -1}, {"stock": -1}, {"sku": None}, {"name": 7}, {"colour": "red"}]:
        body = {"sku": f"mug-{uuid.uuid4()}", "name": "A mug", "price": 1, "stock": 1, **wrong}
        expect("inv-product-create: invalid is 422", call("POST", "/products", body).status_code == 422, wrong)
    nobody = requests.post(
        f"{API}/products", json={"sku": "x", "name": "x", "price": 1, "stock": 1}, timeout=DEADLINE_S
    )
    expect("inv-product-create: not by just anybody", nobody.status_code == 401, nobody.text)

    page = call("GET", "/products?limit=2&offset=1")
    expect("inv-product-list: a page", page.status_code == 200 and len(page.json()) == 2, page.text)
    expect(
        "inv-product-list: the next page begins behind it",
        page.json()[1] == call("GET", "/products?limit=1&offset=2").json()[0],
    )

    changed = call("PUT", path, {"price": 8.25})
    expect(
        "inv-product-update: partial",
        (changed.status_code, changed.json()) == (200, {**mug, "price": 8.25}),
        changed.text,
    )
    expect("inv-product-update: stock", call("PUT", path, {"stock": 3}).json()["stock"] == 3)
    for wrong in [{"price": 0}, {"stock": -1}, {"id": 7}, {"colour": "red"}]:
        expect("inv-product-update: invalid is 422", call("PUT", path, wrong).status_code == 422, wrong)
    expect(
        "inv-product-update: unknown",
        said(call("PUT", "/products/99999999", {"price": 1})) == (404, "Product not found"),
    )
    expect("inv-product-delete: 204", call("DELETE", path).status_code == 204)
    for method in ["GET", "DELETE"]:
        expect("inv-product-delete: gone", said(call(method, path)) == (404, "Product not found"))


def orders():
    mug = product(stock=5)["id"]
    made = order(mug, 2)
    expect("inv-order-create: its members", set(made) == {"id", "product_id", "quantity", "status", "created_at"}, made)
    expect(
        "inv-order-create: PENDING", (made["product_id"], made["quantity"], made["status"]) == (mug, 2, "PENDING"), made
    )
    expect("inv-order-create: the stock is taken in the same step", stock(mug) == 3)
    expect(
        "inv-order-create: Insufficient stock",
        said(call("POST", "/orders", {"product_id": mug, "quantity": 4})) == (409, "Insufficient stock"),
    )
    expect(
        "inv-order-create: Product not found",
        said(call("POST", "/orders", {"product_id": 99999999, "quantity": 1})) == (404, "Product not found"),
    )
    for wrong in [
        {"product_id": mug, "quantity": 0},
        {"product_id": mug},
        {"product_id": mug, "quantity": 1, "status": "PAID"},
    ]:
        expect("inv-order-create: invalid is 422", call("POST", "/orders", wrong).status_code == 422, wrong)
    path = f"/orders/{made['id']}"
    expect("inv-order-get", call("GET", path).json() == made)
    expect("inv-order-get: Order not found", said(call("GET", f"/orders/{uuid.uuid4()}")) == (404, "Order not found"))

    for status in ["PAID", "SHIPPED", "PENDING"]:
        expect(
            f"inv-order-update: PENDING is not {status} by a word",
            said(call("PUT", path, {"status": status})) == (409, "Invalid status transition"),
        )
    expect("inv-order-update: other fields are 422", call("PUT", path, {"quantity": 1}).status_code == 422)
    canceled = call("PUT", path, {"status": "CANCELED"})
    expect(
        "inv-order-update: CANCELED",
        canceled.status_code in (200, 202) and canceled.json()["status"] == "CANCELED",
        canceled.text,
    )
    until("inv-order-update: the stock is back", lambda: stock(mug) == 5)
    expect("inv-order-delete: a canceled one", call("DELETE", path).status_code == 204)
    expect("inv-order-delete: hidden", said(call("GET", path)) == (404, "Order not found"))
    waiting = order(mug)["id"]
    expect("inv-order-delete: a pending one", call("DELETE", f"/orders/{waiting}").status_code == 204)
    until("inv-order-delete: the stock is back", lambda: stock(mug) == 5)


def payments():
    mug = product(stock=5)["id"]
    made = order(mug, 2)["id"]
    status = lambda: call("GET", f"/orders/{made}").json()["status"]
    expect(
        "inv-webhook: another amount pays nothing",
        report(made, amount=14.99).status_code == 409 and status() == "PENDING",
    )
    for refused in [report(made, amount=15.00, secret=b"another"), report(made, signed_at=int(time.time()) - 301)]:
        expect("inv-webhook: Invalid signature", said(refused) == (401, "Invalid signature"), refused.text)
    unsigned = requests.post(f"{API}/webhooks/payment", json={"id": "evt_x"}, timeout=DEADLINE_S)
    expect("inv-webhook: no signature", said(unsigned) == (401, "Invalid signature"), unsigned.text)
    unknown = report(str(uuid.uuid4()), amount=15.00)
    expect("inv-webhook: unknown order", said(unknown) == (404, "Order not found"), unknown.text)
    ignored = report(made, kind="payment.thought_about")
    expect("inv-webhook: ignored", (ignored.status_code, ignored.json()) == (200, {"status": "ignored"}), ignored.text)

    event = f"evt_{uuid.uuid4()}"
    told = report(made, event=event, amount=15.00)
    expect("inv-webhook: processed", (told.status_code, told.json()) == (200, {"status": "processed"}), told.text)
    until("inv-webhook: PAID", lambda: status() == "PAID")
    again = report(made, event=event, amount=15.00)
    expect("inv-webhook: duplicate", (again.status_code, again.json()) == (200, {"status": "duplicate"}), again.text)
    expect(
        "inv-order-delete: not when paid", said(call("DELETE", f"/orders/{made}")) == (409, "Order cannot be deleted")
    )
    expect(
        "inv-order-update: PAID is not CANCELED",
        said(call("PUT", f"/orders/{made}", {"status": "CANCELED"})) == (409, "Invalid status transition"),
    )
    shipped = call("PUT", f"/orders/{made}", {"status": "SHIPPED"})
    expect(
        "inv-order-update: SHIPPED", (shipped.status_code, shipped.json()["status"]) == (200, "SHIPPED"), shipped.text
    )
    expect("inv-webhook: one effect", stock(mug) == 3)


def races():
    for _ in range(5):
        mug = product(stock=1)["id"]
        statuses, gate = [], threading.Barrier(2)

        def buy():
            gate.wait()
            body = {"product_id": mug, "quantity": 1}
            answer = requests.post(f"{API}/orders", json=body, headers=KEY, timeout=DEADLINE_S)
            statuses.append(answer.status_code)

        buyers = [threading.Thread(target=buy) for _ in range(2)]
        for buyer in buyers:
            buyer.start()
        for buyer in buyers:
            buyer.join()
        expect("inv-race-last: one 201, one 409", sorted(statuses) == [201, 409] and stock(mug) == 0, statuses)


def documents():
    document = call("GET", "/openapi.json").json()
    about = document["info"]
    expect(
        "inv-docs: title, version, description, tags",
        all(about.get(member) for member in ["title", "version", "description"]) and document["tags"],
        about,
    )
    body = document["paths"]["/orders"]["post"]["requestBody"]["content"]["application/json"]
    expect("inv-docs: an example of a request", body["example"]["quantity"] >= 1, body)
    expect("inv-docs: /docs", call("GET", "/docs").status_code == 200)


if __name__ == "__main__":
    for part in [products, orders, payments, races, documents]:
        part()
