"""A bookstore as most are begun: FastAPI, everything in memory, handlers that FastAPI runs on its threads.

Nothing survives a restart. It is run as `pip install fastapi uvicorn` and `uvicorn` alone run it: h11, asyncio, a line of
log per request (the shop writes one too). `in_memory.py PORT` serves until it is killed.
"""

import sys
import threading
import uuid

import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from wire import COPIES, PRICE, Book, OrderCreated, OrderRequest, authorized, charge, isbns


class Inventory:
    """Books and their stock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._books = {
            isbn: Book(isbn=isbn, title=f"Title {isbn}", author="An Author", price=PRICE, stock=COPIES) for isbn in isbns()
        }

    def find(self, isbn: str) -> Book | None:
        return self._books.get(isbn)

    def every(self) -> list[Book]:
        return list(self._books.values())

    def sold(self) -> int:
        return sum(COPIES - book.stock for book in self._books.values())

    def take(self, items: dict[str, int]) -> None:
        """All of them or none."""
        with self._lock:
            for isbn, quantity in items.items():
                if self._books[isbn].stock < quantity:
                    raise HTTPException(409, f"Inventory issue for {isbn}: not enough stock")
            for isbn, quantity in items.items():
                self._books[isbn].stock -= quantity


inventory = Inventory()
orders: dict[str, dict] = {}
app = FastAPI(title="Bookstore", dependencies=[Depends(authorized)])


@app.get("/api/books", response_model=list[Book])
def list_books() -> list[Book]:
    return inventory.every()


@app.get("/api/books/{isbn}", response_model=Book)
def get_book(isbn: str) -> Book:
    book = inventory.find(isbn)
    if book is None:
        raise HTTPException(404, "Book not found")
    return book


@app.get("/sold")
def sold() -> int:
    """For whoever counts the copies after a load."""
    return inventory.sold()


@app.post("/api/orders", response_model=OrderCreated, status_code=201)
def create_order(request: OrderRequest) -> OrderCreated:
    wanted: dict[str, int] = {}
    total = 0.0
    for item in request.items:
        book = inventory.find(item.isbn)
        if book is None:
            raise HTTPException(400, f"Book {item.isbn} not found")
        wanted[item.isbn] = wanted.get(item.isbn, 0) + item.quantity
        total += book.price * item.quantity
    transaction = charge(request.payment, total)
    inventory.take(wanted)
    order_id = str(uuid.uuid4())
    orders[order_id] = {
        "customer_id": request.customer_id,
        "items": [item.model_dump() for item in request.items],
        "total": total,
        "payment_tx_id": transaction,
        "status": "created",
    }
    return OrderCreated(order_id=order_id, status="created", total=total)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), http="h11", loop="asyncio")
