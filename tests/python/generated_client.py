#!/usr/bin/env python3
"""PyPI's openapi-python-client makes a client from the document of a running shop; the client is imported and buys a book.

    BASE_URL=http://127.0.0.1:8080 CUSTOMER_PASSWORD=… python3 tests/python/generated_client.py

What does not hold ends the run with its name. Needs requirements.txt beside this file; scripts/test sees to that.
"""

import importlib
import os
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

BASE_URL = os.environ["BASE_URL"]
PACKAGE = "lastcopy_client"


def expect(what, holds, *seen):
    if not holds:
        sys.exit(f"NOT KEPT: {what}: {seen}")
    print(f"ok  {what}")


def generate(folder):
    """Every operation of the document is in the client: a warning about the document is a failure."""
    command = [Path(sys.executable).with_name("openapi-python-client"), "generate", "--url", f"{BASE_URL}/openapi.json"]
    command += ["--meta", "none", "--output-path", Path(folder, PACKAGE), "--fail-on-warning"]
    # Formatting what it wrote is not asked for.
    config = Path(folder, "config.yaml")
    config.write_text("post_hooks: []\n")
    done = subprocess.run([*command, "--config", config], capture_output=True, text=True)
    expect("a client is generated without a warning", done.returncode == 0, done.stdout, done.stderr)
    sys.path.insert(0, folder)


def module(name):
    return importlib.import_module(f"{PACKAGE}.{name}")


def main():
    with tempfile.TemporaryDirectory(prefix="lastcopy-client-") as folder:
        generate(folder)
        for path in sorted(Path(folder, PACKAGE).rglob("*.py")):
            name = path.relative_to(folder).with_suffix("")
            importlib.import_module(".".join(name.parts))
        expect("every module of it is imported", True)
        buy()


def buy():
    models = module("models")
    nobody = module("client").Client(base_url=BASE_URL)
    sign_in = models.TokenRequest(username="customer", password=os.environ["CUSTOMER_PASSWORD"])
    token = module("api.identity.post_auth_token").sync(client=nobody, body=sign_in)
    expect("it signs in", isinstance(token, models.TokenView), token)
    customer = module("client").AuthenticatedClient(base_url=BASE_URL, token=token.access_token)

    books = module("api.books.get_books").sync(client=customer, q="martian", limit=5)
    expect("it finds a book", isinstance(books, models.BookPage) and books.items, books)
    book = books.items[0]

    line = models.CheckoutLine(book_id=book.id, quantity=1, expected_price=book.price)
    wish = models.CheckoutRequest(
        lines=[line],
        payment_method=models.PaymentMethod.ON_DELIVERY,
        address=models.Address(recipient="Ana Lopez", street="12 Quay Street", city="Porto"),
    )
    key = str(uuid.uuid4())
    checkout = module("api.orders.post_checkout")
    bought = checkout.sync(client=customer, body=wish, idempotency_key=key)
    expect("it buys a copy", isinstance(bought, models.OrderView) and bought.state == "approved", bought)
    again = checkout.sync(client=customer, body=wish, idempotency_key=key)
    expect("the same key is the same order", again.id == bought.id, again)

    seen = module("api.orders.get_orders_by_order_id").sync(order_id=bought.id, client=customer)
    expect("it sees its order", isinstance(seen, models.OrderView) and seen.total == book.price, seen)
    refused = module("api.orders.post_orders_approve").sync(order_id=bought.id, client=customer)
    expect("a refusal is a problem", isinstance(refused, models.Problem) and refused.status == 403, refused)


if __name__ == "__main__":
    main()
