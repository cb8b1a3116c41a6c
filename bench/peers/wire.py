"""The contract that both peers speak: a bookstore behind one API key."""

import os
from typing import Annotated

from fastapi import Header, HTTPException
from pydantic import BaseModel, Field

API_KEY = os.environ["PEER_API_KEY"]
# One ISBN a line: the books that there are, each with more copies than any run sells.
ISBNS = os.environ["PEER_ISBNS"]
COPIES = 10_000_000
PRICE = 10.0


class Book(BaseModel):
    isbn: str
    title: str
    author: str
    price: float
    stock: int


class Item(BaseModel):
    isbn: str
    quantity: Annotated[int, Field(gt=0)]


class Payment(BaseModel):
    card_number: str | None = None
    expiry: str | None = None


class OrderRequest(BaseModel):
    customer_id: str
    items: list[Item]
    payment: Payment


class OrderCreated(BaseModel):
    order_id: str
    status: str
    total: float


def authorized(x_api_key: Annotated[str | None, Header()] = None) -> None:
    """Lets nobody in without the key."""
    if x_api_key != API_KEY:
        raise HTTPException(401, "Unauthorized")


def isbns() -> list[str]:
    with open(ISBNS, encoding="ascii") as lines:
        return lines.read().split()


def charge(payment: Payment, total: float) -> str:
    """Stands for a bank that answers at once."""
    if not payment.card_number:
        raise HTTPException(402, "Payment failed: card number is missing")
    if payment.card_number.endswith("0000"):
        raise HTTPException(402, "Payment failed: declined")
    return f"tx-{payment.card_number[-4:]}-{total:.2f}"
