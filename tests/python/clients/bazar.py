#!/usr/bin/env python3
"""A client of the three-tier book bazaar, written for the bazaar: nothing but its base URL tells it where it is.

    BASE_URL=http://127.0.0.1:8080 python3 tests/python/clients/bazar.py

It searches, looks, buys and races, as the bazaar's own test client did. The catalog's keeper has a key (API_KEY).
"""

import os
import threading
import uuid

import requests

from expecting import expect

FRONT = os.environ.get("BASE_URL", "http://127.0.0.1:8080").rstrip("/")
KEEPER = {"x-api-key": os.environ.get("API_KEY", "secret123")}
DEADLINE_S = 30


def search(topic):
    return requests.get(f"{FRONT}/search/{topic}", timeout=DEADLINE_S)


def info(book, **headers):
    return requests.get(f"{FRONT}/info/{book}", headers=headers, timeout=DEADLINE_S)


def purchase(book, **sent):
    return requests.post(f"{FRONT}/purchase/{book}", timeout=DEADLINE_S, **sent)


def catalog(method, path, body=None):
    return requests.request(method, f"{FRONT}/api/v1/books{path}", json=body, headers=KEEPER, timeout=DEADLINE_S)


def new_book(stock):
    made = catalog(
        "POST",
        "",
        {"sku": f"bazar-{uuid.uuid4()}", "title": "A rare one", "topic": "rare", "price": 3.5, "stock": stock},
    )
    expect("the keeper puts a book on the shelf", made.status_code == 201, made.text)
    return made.json()["id"]


def at_once(*deeds):
    """What each deed came to, all of them begun together."""
    results, gate = [None] * len(deeds), threading.Barrier(len(deeds))

    def run(at):
        gate.wait()
        results[at] = deeds[at]()

    threads = [threading.Thread(target=run, args=(at,)) for at in range(len(deeds))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def searches():
    found = search("distributed systems")
    expect("bazar-search: 200 and a list", found.status_code == 200 and isinstance(found.json(), list), found.text)
    expect(
        "bazar-search: id and title, nothing else",
        all(set(book) == {"id", "title"} for book in found.json()),
        found.text,
    )
    titles = {book["id"]: book["title"] for book in found.json()}
    expect(
        "bazar-search: the books everybody knows",
        titles.get(1, "").startswith("How to get a good grade in DOS"),
        titles,
    )
    expect("bazar-search: the books everybody knows", titles.get(2) == "RPCs for Noobs", titles)
    for spelling in ["distributed%20systems", "DISTRIBUTED%20Systems"]:
        expect(f"bazar-search: {spelling} is the same", search(spelling).json() == found.json())
    undergraduate = [book["id"] for book in search("undergraduate school").json()]
    expect("bazar-search: another topic", {3, 4} <= set(undergraduate), undergraduate)
    expect("bazar-search: three new arrivals", len(search("new arrivals").json()) >= 3)
    unknown = search("no such topic")
    expect(
        "bazar-search: an unknown topic is an empty list",
        (unknown.status_code, unknown.json()) == (200, []),
        unknown.text,
    )


def looks():
    seen = info(2)
    expect("bazar-info: what everybody sees", set(seen.json()) == {"id", "title", "topic", "price", "state"}, seen.text)
    expect("bazar-info: the book", (seen.json()["title"], seen.json()["price"]) == ("RPCs for Noobs", 19.5), seen.text)
    keeper = info(2, **KEEPER).json()
    expect("bazar-info: the keeper sees how many", isinstance(keeper.get("quantity"), int), keeper)
    expect("bazar-info: an unknown book is 404", info(99999999).status_code == 404)
    expect("bazar-info: what is no number is 400", info("xyz").status_code == 400)


def buys():
    book = new_book(stock=3)
    bought = purchase(book)
    expect("bazar-purchase: 200", bought.status_code == 200, bought.text)
    answer = bought.json()
    expect("bazar-purchase: its words", answer["message"] == "bought book A rare one", answer)
    expect("bazar-purchase: order and book", answer["book_id"] == book and answer["order_id"], answer)
    for sent in [{"json": {"quantity": 50}}, {"data": "anything", "headers": {"content-type": "text/plain"}}]:
        again = purchase(book, **sent)
        expect("bazar-purchase: whatever body comes is ignored", again.status_code == 200, sent, again.text)
    expect("bazar-purchase: sold out is 409", purchase(book).status_code == 409)
    expect("bazar-purchase: an unknown book is 404", purchase(99999999).status_code == 404)
    expect("bazar-info: out of stock", info(book).json()["state"] == "OUT OF STOCK")


def keeps():
    book = new_book(stock=5)
    changed = catalog("PATCH", f"/{book}", {"price": 4.25})
    expect("bazar-crud: a price is changed", changed.status_code == 200, changed.text)
    expect("bazar-crud: and seen at once", info(book).json()["price"] == 4.25)
    expect("bazar-crud: and deleted", catalog("DELETE", f"/{book}").status_code == 204)
    expect("bazar-crud: a deleted book is unknown", (info(book).status_code, purchase(book).status_code) == (404, 404))


def races():
    book = new_book(stock=1)
    statuses = sorted(answer.status_code for answer in at_once(*[lambda: purchase(book)] * 12))
    expect("bazar-race-last: one of twelve has it", statuses == [200] + [409] * 11, statuses)
    expect("bazar-race-last: stock ends at 0", info(book, **KEEPER).json()["quantity"] == 0)
    for _ in range(5):
        book = new_book(stock=4)
        *answers, deleted = at_once(*[lambda: purchase(book)] * 4, lambda: catalog("DELETE", f"/{book}"))
        statuses = [answer.status_code for answer in answers]
        expect(
            "bazar-race-delete: bought or gone", set(statuses) <= {200, 404} and deleted.status_code == 204, statuses
        )
        orders = [answer.json()["order_id"] for answer in answers if answer.status_code == 200]
        of_keeper = catalog("GET", f"/{book}/ledger")
        # What was taken and not given back, by the keeper's own book.
        moves = [entry for entry in of_keeper.json()["items"] if entry.get("taking_id")]
        taken = sum(-entry["delta"] for entry in moves)
        of_orders = set(orders) <= {entry["taking_id"].split(":")[0] for entry in moves}
        whole = taken == len(orders) and of_orders
        expect("bazar-race-delete: an order for each copy that was taken", whole, taken, of_keeper.text)


if __name__ == "__main__":
    for part in [searches, looks, buys, keeps, races]:
        part()
