"""The same bookstore with its orders on disk: FastAPI with async handlers, one worker, SQLite, a commit per order.

Of the ways to make the first one durable this is the fastest that was found: no thread changes hands, the disk is
flushed by the handler itself, uvloop and httptools carry it, and nothing is logged. `durable.py PORT FILE` serves until
it is killed.
"""

import json
import sqlite3
import sys
import uuid

import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from wire import COPIES, PRICE, Book, OrderCreated, OrderRequest, authorized, charge, isbns

TABLES = """
create table if not exists book (
    isbn text primary key, title text not null, author text not null, price real not null,
    stock integer not null check (stock >= 0)
);
create table if not exists orders (
    order_id text primary key, customer_id text not null, items text not null, total real not null,
    payment_tx_id text not null, status text not null
);
"""


def opened(file: str) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    connection.executescript(TABLES)
    connection.execute("begin")
    books = ((isbn, f"Title {isbn}", "An Author", PRICE, COPIES) for isbn in isbns())
    connection.executemany("insert or ignore into book values (?, ?, ?, ?, ?)", books)
    connection.execute("commit")
    return connection


app = FastAPI(title="Bookstore", dependencies=[Depends(authorized)])
database = opened(sys.argv[2])


@app.get("/api/books", response_model=list[Book])
async def list_books() -> list[Book]:
    rows = database.execute("select isbn, title, author, price, stock from book")
    return [Book(isbn=isbn, title=title, author=author, price=price, stock=stock) for isbn, title, author, price, stock in rows]


@app.get("/api/books/{isbn}", response_model=Book)
async def get_book(isbn: str) -> Book:
    row = database.execute("select isbn, title, author, price, stock from book where isbn = ?", (isbn,)).fetchone()
    if row is None:
        raise HTTPException(404, "Book not found")
    return Book(isbn=row[0], title=row[1], author=row[2], price=row[3], stock=row[4])


@app.post("/api/orders", response_model=OrderCreated, status_code=201)
async def create_order(request: OrderRequest) -> OrderCreated:
    order_id = str(uuid.uuid4())
    database.execute("begin immediate")
    try:
        total = take(request)
        transaction = charge(request.payment, total)
        items = json.dumps([item.model_dump() for item in request.items])
        row = (order_id, request.customer_id, items, total, transaction, "created")
        database.execute("insert into orders values (?, ?, ?, ?, ?, ?)", row)
    except BaseException:
        database.execute("rollback")
        raise
    database.execute("commit")
    return OrderCreated(order_id=order_id, status="created", total=total)


def take(request: OrderRequest) -> float:
    """All copies or none, and what they cost."""
    total = 0.0
    for item in request.items:
        take_one = "update book set stock = stock - ?2 where isbn = ?1 and stock >= ?2 returning price"
        row = database.execute(take_one, (item.isbn, item.quantity)).fetchone()
        if row is None:
            known = database.execute("select 1 from book where isbn = ?", (item.isbn,)).fetchone()
            if known is None:
                raise HTTPException(400, f"Book {item.isbn} not found")
            raise HTTPException(409, f"Inventory issue for {item.isbn}: not enough stock")
        total += row[0] * item.quantity
    return total


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), http="httptools", loop="uvloop", log_level="warning")
