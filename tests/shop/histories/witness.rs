use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use rand::{RngExt, rngs::StdRng};
use reqwest::Method;
use serde_json::{Value, json};
use shared_types::{
    BookId, Code, OrderId,
    books::BookView,
    orders::{OrderView, StockState},
};

use super::check::{Deed, Op, Sight};
use crate::{
    cluster::{Basket, Bought, Caller, Catalog, Cluster, Gateway, patiently},
    day::APPROVED,
};

/// What all witnesses write down.
pub struct Notes {
    began: Instant,
    stock: Mutex<BTreeMap<BookId, Vec<Op>>>,
    orders: Mutex<BTreeMap<OrderId, Vec<Sight>>>,
    /// Nobody begins anything new.
    pub over: AtomicBool,
    adjustments: AtomicU64,
    /// Writes that whoever made them has read.
    pub written: AtomicU64,
}

impl Notes {
    pub fn begin() -> Arc<Notes> {
        Arc::new(Notes {
            began: Instant::now(),
            stock: Mutex::default(),
            orders: Mutex::default(),
            over: AtomicBool::new(false),
            adjustments: AtomicU64::new(0),
            written: AtomicU64::new(0),
        })
    }

    pub fn take(&self) -> (BTreeMap<BookId, Vec<Op>>, BTreeMap<OrderId, Vec<Sight>>) {
        (std::mem::take(&mut self.stock.lock().unwrap()), std::mem::take(&mut self.orders.lock().unwrap()))
    }

    pub fn deeds(&self) -> usize {
        self.stock.lock().unwrap().values().map(Vec::len).sum()
    }

    pub fn sights(&self) -> usize {
        self.orders.lock().unwrap().values().map(Vec::len).sum()
    }

    /// The time in nanoseconds.
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap()
    }

    /// A deed that began then ends now.
    fn note(&self, book: BookId, began: u64, deed: Deed) {
        let op = Op { deed, began, ended: self.now() };
        self.stock.lock().unwrap().entry(book).or_default().push(op);
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }
}

/// One who acts, one deed after the other, and writes down what he sees.
pub struct Witness {
    door: Caller,
    /// The catalog itself: what the gateway keeps is for whoever wrote it to see at once, and for others a moment later.
    catalog: Caller,
    books: Vec<BookId>,
    notes: Arc<Notes>,
    dice: StdRng,
}

impl Witness {
    pub fn new(shop: &Cluster, books: &[BookId], notes: &Arc<Notes>, dice: StdRng) -> Witness {
        let (door, catalog) = (shop.operator(), shop.employee(Gateway, Catalog));
        Witness { door, catalog, books: books.to_vec(), notes: notes.clone(), dice }
    }

    fn some_book(&mut self) -> BookId {
        self.books[self.dice.random_range(0..self.books.len())]
    }

    /// Buys, and brings back some of what was bought.
    pub async fn buys(mut self) {
        while !self.notes.is_over() {
            let (book, copies) = (self.some_book(), self.dice.random_range(1..=2));
            let returns = self.dice.random_bool(0.5);
            let basket = Basket::of(&[(book, copies)]);
            let basket = if returns { basket.by_card(APPROVED) } else { basket };
            let began = self.notes.now();
            match self.door.buy(&basket).await {
                Bought::Yes(order) => {
                    self.notes.note(book, began, Deed::Bought { copies });
                    if returns {
                        self.bring_back(order.id, book, copies).await;
                    } else {
                        self.look_at(order.id).await;
                    }
                }
                Bought::No(code) => {
                    assert_eq!(code, Code::SoldOut);
                    self.notes.note(book, began, Deed::SoldOut { copies });
                }
            }
        }
    }

    /// The copies are back on the shelf at some time until the order says so.
    async fn bring_back(&self, order: OrderId, book: BookId, copies: i64) {
        let began = self.notes.now();
        let path = format!("/orders/{order}/refund");
        let answer = self.door.send(Method::POST, &path, &json!({"reason": "a test"})).await;
        assert!([200, 202].contains(&answer.status), "{answer:?}");
        patiently("the copies are back", || async {
            (self.look_at(order).await.stock == StockState::None).then_some(())
        })
        .await;
        self.notes.note(book, began, Deed::Returned { copies });
    }

    async fn look_at(&self, order: OrderId) -> OrderView {
        let began = self.notes.now();
        let seen: Value = self.door.get(&format!("/orders/{order}")).await.expect(200);
        let view: OrderView = serde_json::from_value(seen.clone()).unwrap();
        let sight = Sight { version: view.version, content: seen.to_string(), began, ended: self.notes.now() };
        self.notes.orders.lock().unwrap().entry(order).or_default().push(sight);
        view
    }

    /// Looks at shelves and at orders of others.
    pub async fn reads(mut self) {
        while !self.notes.is_over() {
            let (book, began) = (self.some_book(), self.notes.now());
            let view: BookView = self.catalog.get(&format!("/books/{book}")).await.expect(200);
            self.notes.note(book, began, Deed::Saw { on_hand: view.on_hand.unwrap() });
            let latest = self.notes.orders.lock().unwrap().keys().next_back().copied();
            if let Some(order) = latest {
                self.look_at(order).await;
            }
        }
    }

    /// Brings copies where there are none, and takes some away where there are many.
    pub async fn adjusts(mut self) {
        let mut on_hand = 0;
        while !self.notes.is_over() {
            let (book, began) = (self.some_book(), self.notes.now());
            let delta = if on_hand > 3 { -2 } else { 2 };
            let number = self.notes.adjustments.fetch_add(1, Ordering::SeqCst);
            let body = json!({"adjustment_id": format!("witnessed-{number}"), "delta": delta, "reason": "a test"});
            let answer = self.door.send(Method::POST, &format!("/books/{book}/stock-adjustments"), &body).await;
            match answer.status {
                200 | 201 => {
                    on_hand = answer.body["on_hand"].as_i64().unwrap();
                    self.door.note_received(book, delta);
                    self.notes.note(book, began, Deed::Adjusted { delta, on_hand });
                }
                _ => {
                    assert_eq!(answer.code(), Some(Code::StockTooLow), "{answer:?}");
                    on_hand = 0;
                    self.notes.note(book, began, Deed::TooLow { delta });
                }
            }
        }
    }

    /// Nobody else touches the book.
    pub async fn reads_what_it_writes(self) {
        let book = self.books[0];
        let path = format!("/books/{book}");
        let mut on_hand = self.door.on_hand(book).await;
        while !self.notes.is_over() {
            let title = format!("Of {on_hand} copies");
            let renamed = self.door.send(Method::PATCH, &path, &json!({"title": title})).await;
            assert_eq!(renamed.status, 200, "{renamed:?}");
            assert_eq!(self.door.book(book).await.title, title);
            // Kept by now, and to be dropped by what follows.
            assert_eq!(self.door.book(book).await.on_hand, Some(on_hand));
            let basket = Basket::of(&[(book, 1)]);
            let answer = patiently("a purchase is answered", || self.door.try_to_buy(&basket)).await;
            on_hand -= 1;
            if answer.status == 202 {
                // He was promised an order and no copy: what he sees then is what the catalog has told.
                self.door.buy(&basket).await.order();
                patiently("the catalog has told", || async {
                    (self.door.on_hand(book).await == on_hand).then_some(())
                })
                .await;
            }
            assert_eq!(self.door.on_hand(book).await, on_hand, "after {answer:?}");
            self.notes.written.fetch_add(2, Ordering::SeqCst);
        }
    }
}
