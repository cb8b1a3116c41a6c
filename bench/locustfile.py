"""Somebody who looks at products and now and then orders one, as a client of the Orders & Inventory contract.

    API_KEY=secret123 locust --host http://127.0.0.1:8080 --headless --users 25 --spawn-rate 5 --run-time 1m
    API_KEY=secret123 locust --host http://127.0.0.1:8080 --headless --users 200 --spawn-rate 20 --run-time 1m

`bench/run --only locust` starts a shop for it, lets both crowds in and writes what came of it.
"""

import os
import random
import uuid

from locust import FastHttpUser, between, task

BOOKS = int(os.environ.get("BOOKS", "1000"))
KEY = {"x-api-key": os.environ.get("API_KEY", "secret123")}


class Visitor(FastHttpUser):
    """Reads nine times as often as he buys, and thinks a little in between."""

    wait_time = between(0.05, 0.25)

    @task(3)
    def looks_through_the_list(self) -> None:
        offset = random.randrange(0, BOOKS, 20)
        self.client.get(f"/products?limit=20&offset={offset}", headers=KEY, name="/products")

    @task(6)
    def looks_at_a_product(self) -> None:
        self.client.get(f"/products/{random.randint(1, BOOKS)}", headers=KEY, name="/products/{id}")

    @task(1)
    def orders_one(self) -> None:
        wish = {"product_id": random.randint(1, BOOKS), "quantity": 1}
        key = KEY | {"idempotency-key": str(uuid.uuid4())}
        with self.client.post("/orders", json=wish, headers=key, name="POST /orders", catch_response=True) as answer:
            # Somebody else may have had the last copy: that is an answer, not a failure.
            if answer.status_code in (201, 409):
                answer.success()
