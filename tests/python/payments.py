#!/usr/bin/env python3
"""Payments against programs that nobody here wrote.

    python3 tests/python/payments.py PATH-OF-LASTCOPY

PyPI's standardwebhooks signs reports of money: what it signs is believed, what was touched is not. PyPI's localstripe
stands for Stripe: it takes the card when an intent is created, ignores Idempotency-Key, and its answers are lost on the
way, one after the other; each card is charged once, by localstripe's own books.

Starts what it needs on free ports and stops it. The first promise that is not kept ends the run with its name. Needs
requirements.txt beside this file; scripts/test sees to that.
"""

import datetime
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import requests
from standardwebhooks import Webhook

DEADLINE_S = 60
REPORTERS_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
STRIPE_KEY = "sk_test_12345"
STRIPE_SECRET = "whsec_of_localstripe"


def expect(what, holds, *seen):
    if not holds:
        sys.exit(f"NOT KEPT: {what}: {seen}")
    print(f"ok  {what}")


def eventually(what, condition):
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    sys.exit(f"NEVER CAME TRUE: {what}")


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@contextmanager
def running(command, environment=None, log=None):
    """A process that says `ready URL` or nothing at all, stopped at the end."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=log or subprocess.DEVNULL, text=True, env={**os.environ, **(environment or {})}
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(DEADLINE_S)


def ready(process):
    for line in process.stdout:
        if line.startswith("ready "):
            # Reads on, so that the process never writes into a full pipe.
            threading.Thread(target=process.stdout.read, daemon=True).start()
            return line.split()[1]
    sys.exit("the process ended before it was ready")


@contextmanager
def shop(binary, folder, environment):
    ports = [f"--{name}=0" for name in ("port", "catalog-port", "order-port", "delivery-port", "payments-port")]
    data = Path(folder, "data")
    log = open(Path(folder, "shop.log"), "w")
    with running([binary, "up", "--no-demo", f"--data-dir={data}", *ports], environment, log) as process:
        url = ready(process)
        key = json.loads((data / "shop.json").read_text())["operator_key"]
        yield Shop(url, key)


class Shop:
    def __init__(self, url, key):
        self.url, self.headers = url, {"x-api-key": key}

    def call(self, method, path, body=None):
        return requests.request(method, f"{self.url}/api/v1{path}", json=body, headers=self.headers, timeout=DEADLINE_S)

    def book(self, sku, price):
        book = {"sku": sku, "title": f"Title {sku}", "topic": "money", "price": price, "stock": 1000}
        return self.call("POST", "/books", book).json()["id"]

    def buy(self, book, number=None):
        order = {"lines": [{"book_id": book, "quantity": 1}], "payment_method": "card" if number else "invoice"}
        if number:
            order["card"] = {"number": number, "expiry": "12/30", "cvc": "123"}
        return self.call("POST", "/checkout", order)

    def settled(self, order):
        def look():
            view = self.call("GET", f"/orders/{order}").json()
            return view if view.get("settled") else None

        return eventually(f"order {order} is at rest", look)


def signatures(shop):
    """What standardwebhooks signs is believed, once; what was touched afterwards is not."""
    book = shop.book("s-1", 12.5)
    order = shop.buy(book).json()["id"]
    event = {"id": "evt_1", "type": "payment.succeeded", "created": int(time.time())}
    body = json.dumps({**event, "data": {"order_id": order, "amount": 12.5, "currency": "USD"}}, indent=1)

    def send(body, at, signature, name="msg_1"):
        headers = {"webhook-id": name, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}
        headers["content-type"] = "application/json"
        answer = requests.post(f"{shop.url}/webhooks/payment", data=body.encode(), headers=headers, timeout=DEADLINE_S)
        return answer.status_code, answer.json().get("status")

    now = datetime.datetime.now(tz=datetime.timezone.utc)
    sign = Webhook(REPORTERS_SECRET).sign
    good = sign("msg_1", now, body)
    expect("a touched body is refused", send(body.replace("12.5", "12.50"), now, good)[0] == 401)
    expect("another message's signature is refused", send(body, now, good, "msg_2")[0] == 401)
    forged = Webhook("whsec_" + "A" * 32).sign("msg_1", now, body)
    expect("another secret's signature is refused", send(body, now, forged)[0] == 401)
    for minutes in (-6, 6):
        then = now + datetime.timedelta(minutes=minutes)
        expect(f"{minutes} minutes are too far", send(body, then, sign("msg_1", then, body))[0] == 401)
    expect("nothing of that was believed", shop.call("GET", f"/orders/{order}").json()["state"] == "pending")
    said = send(body, now, f"v1,bm9uc2Vuc2U= {good}")
    expect("what standardwebhooks signs is believed", said == (200, "processed"), said)
    expect("the order is paid", shop.settled(order)["payment"] == "paid")
    expect("the same event is a duplicate", send(body, now, good) == (200, "duplicate"))


class LossyWire:
    """Between the shop and Stripe: carries one request per connection, and loses the answers that it is told to lose."""

    def __init__(self, target):
        self.target, self.lose, self.answers = target, 0, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            asker, _ = self.listener.accept()
            threading.Thread(target=self.carry, args=(asker,), daemon=True).start()

    def carry(self, asker):
        asked = socket.create_connection(("127.0.0.1", self.target))
        threading.Thread(target=self.pump, args=(asker, asked, False), daemon=True).start()
        self.pump(asked, asker, True)

    def pump(self, source, sink, answers):
        try:
            while piece := source.recv(65536):
                if answers and piece.startswith(b"HTTP/"):
                    self.answers += 1
                    if self.answers == self.lose:
                        break
                sink.sendall(piece)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Books:
    """Localstripe's own books."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}"

    def all(self, what):
        answer = requests.get(f"{self.url}/v1/{what}?limit=100", auth=(STRIPE_KEY, ""), timeout=DEADLINE_S)
        answer.raise_for_status()
        return answer.json()["data"]

    def charged(self):
        return [charge["amount"] for charge in self.all("charges") if charge["status"] == "succeeded"]


def stripe(shop, wire, books, log):
    """Cards are charged once, whichever answer is lost; declined ones never; refunds go back once."""
    book = shop.book("p-1", 12.99)
    bought = shop.buy(book, "4242424242424242")
    expect("a card is charged", bought.status_code == 201 and bought.json()["payment"] == "paid", bought.text)
    expect("once, by Stripe's books", books.charged() == [1299], books.charged())

    for lost in range(1, 6):
        before = len(books.charged())
        wire.answers, wire.lose = 0, lost
        placed = shop.buy(book, "4242424242424242")
        if placed.status_code == 503:
            expect(f"answer {lost} is lost before anything is ordered", lost == 1, placed.text)
            expect("nothing was charged", len(books.charged()) == before)
            continue
        order = placed.json()["id"]
        expect(f"answer {lost} is lost and the order is paid", shop.settled(order)["payment"] == "paid", placed.text)
        expect("it is charged once", len(books.charged()) == before + 1, books.charged())
    wire.lose = 0

    before = books.charged()
    declined = shop.buy(book, "4000000000000341")
    expect("a declined card is a 402", declined.status_code == 402, declined.text)
    expect("nothing was charged for it", books.charged() == before)

    order = bought.json()["id"]
    given_back = shop.call("POST", f"/orders/{order}/refund", {"reason": "torn pages"})
    expect("an employee gives it back", given_back.status_code in (200, 202), given_back.text)
    expect("the order says so", shop.settled(order)["payment"] == "refunded")
    refunds = [refund["amount"] for refund in books.all("refunds")]
    expect("once, by Stripe's books", refunds == [1299], refunds)
    delivered = 'webhook "payment_intent.succeeded" successfully delivered'
    eventually("Stripe's own webhooks are believed", lambda: delivered in Path(log).read_text())
    expect("Stripe's signatures are believed", True)


def main(binary):
    with tempfile.TemporaryDirectory(prefix="lastcopy-payments-") as folder:
        with shop(binary, folder, {"WEBHOOK_SECRET": REPORTERS_SECRET}) as ours:
            signatures(ours)
    with tempfile.TemporaryDirectory(prefix="lastcopy-payments-") as folder:
        port, log = free_port(), Path(folder, "stripe.log")
        localstripe = [sys.executable, "-m", "localstripe.server", f"--port={port}", "--from-scratch"]
        with running(localstripe, {"TMPDIR": folder}, open(log, "w")):
            books = Books(port)
            eventually("localstripe answers", lambda: answers(books))
            wire = LossyWire(port)
            environment = {
                "LASTCOPY_CARD_PROVIDER": "stripe",
                "STRIPE_API_BASE": f"http://127.0.0.1:{wire.port}",
                "STRIPE_SECRET_KEY": STRIPE_KEY,
                "STRIPE_WEBHOOK_SECRET": STRIPE_SECRET,
            }
            with shop(binary, folder, environment) as ours:
                hook = {"url": f"{ours.url}/webhooks/payment", "secret": STRIPE_SECRET}
                requests.post(f"{books.url}/_config/webhooks/shop", json=hook, timeout=DEADLINE_S).raise_for_status()
                stripe(ours, wire, books, log)


def answers(books):
    try:
        return books.all("charges") is not None
    except requests.RequestException:
        return False


if __name__ == "__main__":
    main(sys.argv[1])
