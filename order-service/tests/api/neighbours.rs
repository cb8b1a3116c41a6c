/// Books and takings, by the catalog's rules in small.
mod shelf;

use std::{
    collections::BTreeMap,
    net::TcpListener,
    sync::{Arc, Mutex, MutexGuard},
};

use actix_web::{App, HttpResponse, HttpServer, web};
use futures_util::stream;
use serde::Serialize;
use service_kit::{auth::JWKS_PATH, testing::Callers};
use shared_types::{
    BookId, Code, DeliveryId, OrderId, Problem, TakingId, Timestamp,
    deliveries::{
        BookDeliveryRequest, BookManyAnswer, BookManyRequest, BookOne, BookOneAnswer, DeliveryStatus, DeliveryView,
    },
    orders::Address,
    takings::{
        CheckManyAnswer, CheckManyRequest, CheckOne, CheckOneAnswer, TakeLine, TakeManyAnswer, TakeManyRequest,
        TakeOne, TakeOneAnswer, TakeRequest, TakingCheck, TakingState, TakingView,
    },
};
use tokio::sync::oneshot;

use crate::bank::{self, Bank};
pub use shelf::Book;
use shelf::{decide, of_somebody_else, refusal, undo};

/// How a neighbour answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Well,
    /// The connection breaks, nothing was done.
    Down,
    /// Everything is done, and the connection breaks.
    LosesReplies,
    /// Everything is done, and the answer never comes.
    Hangs,
    /// 500, nothing was done.
    Fails,
    /// 200 and a page that is none of ours.
    Stranger,
    /// 422 with a problem of ours, nothing was done.
    Refuses,
    /// Nothing was done, and the answer is about the copies of somebody else's order.
    Confused,
    /// Everything is done, and the answer tells of other copies.
    Lies,
}

/// A catalog and a delivery service in one server, each with its mood and its records.
pub struct Neighbours {
    pub address: String,
    pub bank: Arc<Bank>,
    state: Arc<State>,
    server: actix_web::dev::ServerHandle,
}

struct State {
    catalog: Mutex<Mood>,
    delivery: Mutex<Mood>,
    books: Mutex<BTreeMap<i64, Book>>,
    takings: Mutex<BTreeMap<String, TakingView>>,
    deliveries: Mutex<BTreeMap<String, DeliveryView>>,
    /// Whose parcel each is, as the booking says.
    customers: Mutex<BTreeMap<String, String>>,
    /// The answer to the next look at the shelf does not leave before this is told.
    held_check: Mutex<Option<oneshot::Receiver<()>>>,
    /// Every call that arrived: `PUT /takings/…`.
    calls: Arc<Mutex<Vec<String>>>,
}

pub fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

impl Neighbours {
    /// Books 1 (ten copies at 12.99), 2 (three at 89.99) and 3 (none left).
    pub fn start() -> Self {
        let book = |title, price, on_hand| Book { title, price, on_hand };
        let books = [
            (1, book("The Martian", "12.99", 10)),
            (2, book("Introduction to Algorithms", "89.99", 3)),
            (3, book("The Odyssey", "9.50", 0)),
        ];
        let state = Arc::new(State {
            catalog: Mutex::new(Mood::Well),
            delivery: Mutex::new(Mood::Well),
            books: Mutex::new(books.into_iter().collect()),
            takings: Mutex::default(),
            held_check: Mutex::default(),
            deliveries: Mutex::default(),
            customers: Mutex::default(),
            calls: Arc::default(),
        });
        let bank = Arc::new(Bank::new(Arc::clone(&state.calls)));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let shared = web::Data::from(Arc::clone(&state));
        let shared_bank = web::Data::from(Arc::clone(&bank));
        let app = move || {
            App::new()
                .app_data(shared.clone())
                .app_data(shared_bank.clone())
                .configure(bank::routes)
                .route("/books/{id}", web::get().to(show))
                .route("/deliveries/{id}/cancel", web::post().to(cancel_delivery))
                .route("/health/live", web::get().to(live))
                .route(JWKS_PATH, web::get().to(keys))
                .route("/takings", web::post().to(take_many))
                .route("/takings/check", web::post().to(check))
                .route("/takings/checks", web::post().to(check_many))
                .route("/takings/{id}", web::put().to(take))
                .route("/takings/{id}/give-back", web::post().to(give_back))
                .route("/deliveries", web::post().to(book_many))
                .route("/deliveries/{id}", web::put().to(book_delivery))
        };
        let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { address, bank, state, server: handle }
    }

    pub async fn stop(self) {
        self.leave().await;
    }

    /// Nobody listens any more.
    pub async fn leave(&self) {
        self.server.stop(false).await;
    }

    pub fn catalog_is(&self, mood: Mood) {
        *held(&self.state.catalog) = mood;
    }

    pub fn delivery_is(&self, mood: Mood) {
        *held(&self.state.delivery) = mood;
    }

    pub fn on_hand(&self, book: i64) -> i64 {
        held(&self.state.books)[&book].on_hand
    }

    pub fn withdraw(&self, book: i64) {
        held(&self.state.books).remove(&book);
    }

    pub fn put_book(&self, number: i64, book: Book) {
        held(&self.state.books).insert(number, book);
    }

    pub fn taking(&self, order: &str) -> Option<TakingState> {
        held(&self.state.takings).get(&format!("{order}:1")).map(|taking| taking.state)
    }

    /// Copies that are taken, by all orders together.
    pub fn copies_taken(&self) -> i64 {
        let takings = held(&self.state.takings);
        let taken = takings.values().filter(|taking| taking.state == TakingState::Taken);
        taken.flat_map(|taking| &taking.lines).map(|line| line.quantity).sum()
    }

    pub fn customer_of(&self, delivery: &str) -> Option<String> {
        held(&self.state.customers).get(delivery).cloned()
    }

    pub fn deliveries(&self) -> Vec<String> {
        held(&self.state.deliveries).keys().cloned().collect()
    }

    /// Leaves a tombstone, as a person at the delivery service may.
    pub fn cancel_delivery(&self, id: DeliveryId) {
        let canceled = DeliveryView { status: DeliveryStatus::Canceled, ..delivery(id) };
        held(&self.state.deliveries).insert(id.to_string(), canceled);
    }

    /// Gives an order's copies back behind its back.
    pub fn give_back_by_hand(&self, order: OrderId) {
        undo(&self.state, order.taking(1));
    }

    /// The order's parcel leaves, and nobody was told yet.
    pub fn ship(&self, order: &str) {
        let mut deliveries = held(&self.state.deliveries);
        let delivery = deliveries.get_mut(&format!("{order}:d1")).unwrap();
        (delivery.status, delivery.version) = (DeliveryStatus::Shipped, 2);
    }

    /// Every call that arrived, first one first.
    pub fn made(&self) -> Vec<String> {
        held(&self.state.calls).clone()
    }

    /// How often a call arrived, answered or not.
    pub fn calls(&self, call: &str) -> usize {
        held(&self.state.calls).iter().filter(|made| made.contains(call)).count()
    }

    /// The next look at the shelf is made, and its answer stays away until this is dropped.
    pub fn hold_next_check(&self) -> oneshot::Sender<()> {
        let (hold, until) = oneshot::channel();
        *held(&self.state.held_check) = Some(until);
        hold
    }

    /// A take that was held up somewhere arrives now.
    pub fn late_take(&self, id: TakingId, book: i64) -> TakingState {
        let line = TakeLine { book_id: BookId::new(book).unwrap(), quantity: 1, expected_price: None };
        decide(&self.state, id, &[line]).state
    }
}

async fn live() -> HttpResponse {
    HttpResponse::Ok().finish()
}

/// With them the service under test believes what the delivery service says.
async fn keys() -> HttpResponse {
    HttpResponse::Ok().json(Callers::of_this_process().keys())
}

async fn take(state: web::Data<State>, id: web::Path<TakingId>, body: web::Json<TakeRequest>) -> HttpResponse {
    held(&state.calls).push(format!("PUT /takings/{id}"));
    let mood = *held(&state.catalog);
    let done = |state: &State| {
        if mood == Mood::Confused {
            return (200, of_somebody_else(state, *id, &body.lines));
        }
        let mut view = decide(state, *id, &body.lines);
        if mood == Mood::Lies {
            view.lines.clear();
        }
        (if view.state == TakingState::Taken { 200 } else { 409 }, view)
    };
    answer(&state, mood, done).await
}

/// Under load the order service asks for several at once.
async fn take_many(state: web::Data<State>, body: web::Json<TakeManyRequest>) -> HttpResponse {
    held(&state.calls).extend(body.takings.iter().map(|one| format!("PUT /takings/{}", one.taking_id)));
    let mood = *held(&state.catalog);
    let done = |state: &State| {
        let one = |TakeOne { taking_id, lines, .. }: &TakeOne| {
            let take = if mood == Mood::Confused { of_somebody_else } else { decide };
            let mut view = take(state, *taking_id, lines);
            if mood == Mood::Lies {
                view.lines.clear();
            }
            TakeOneAnswer { taking_id: *taking_id, taking: Some(view), problem: None }
        };
        (200, TakeManyAnswer { results: body.takings.iter().map(one).collect() })
    };
    answer(&state, mood, done).await
}

/// What is seen is what is there when the question comes; it may be a while until the answer leaves.
async fn check(state: web::Data<State>, body: web::Json<TakeRequest>) -> HttpResponse {
    held(&state.calls).push("POST /takings/check".to_owned());
    let refused: Vec<_> = body.lines.iter().filter_map(|line| refusal(&held(&state.books), line)).collect();
    let is_held = held(&state.held_check).take();
    if let Some(until) = is_held {
        // It is dropped, not told.
        let _dropped = until.await;
    }
    let mood = *held(&state.catalog);
    answer(&state, mood, |_| (200, TakingCheck { refused: refused.clone() })).await
}

/// Under load the order service looks for several at once.
async fn check_many(state: web::Data<State>, body: web::Json<CheckManyRequest>) -> HttpResponse {
    held(&state.calls).extend(body.checks.iter().map(|_| "POST /takings/check".to_owned()));
    let one = |CheckOne { order_id, lines }: &CheckOne| {
        let refused = lines.iter().filter_map(|line| refusal(&held(&state.books), line)).collect();
        CheckOneAnswer { order_id: *order_id, check: Some(TakingCheck { refused }), problem: None }
    };
    let results: Vec<_> = body.checks.iter().map(one).collect();
    let mood = *held(&state.catalog);
    answer(&state, mood, |_| (200, CheckManyAnswer { results: results.clone() })).await
}

async fn give_back(state: web::Data<State>, id: web::Path<TakingId>) -> HttpResponse {
    held(&state.calls).push(format!("POST /takings/{id}/give-back"));
    let mood = *held(&state.catalog);
    answer(&state, mood, |state| (200, undo(state, *id))).await
}

async fn book_delivery(
    state: web::Data<State>,
    id: web::Path<DeliveryId>,
    body: web::Json<BookDeliveryRequest>,
) -> HttpResponse {
    held(&state.calls).push(format!("PUT /deliveries/{id}"));
    let BookDeliveryRequest { address, customer, courier: _ } = body.into_inner();
    let mood = *held(&state.delivery);
    let done = |state: &State| {
        let view = book(state, *id, &address, customer.as_ref());
        (if view.status == DeliveryStatus::Canceled { 409 } else { 200 }, view)
    };
    answer(&state, mood, done).await
}

/// Under load the order service books several at once.
async fn book_many(state: web::Data<State>, body: web::Json<BookManyRequest>) -> HttpResponse {
    held(&state.calls).extend(body.bookings.iter().map(|one| format!("PUT /deliveries/{}", one.delivery_id)));
    let mood = *held(&state.delivery);
    let done = |state: &State| {
        let one = |BookOne { delivery_id, address, customer, .. }: &BookOne| {
            let view = book(state, *delivery_id, address, customer.as_ref());
            BookOneAnswer { delivery_id: *delivery_id, delivery: Some(view), problem: None }
        };
        (200, BookManyAnswer { results: body.bookings.iter().map(one).collect() })
    };
    answer(&state, mood, done).await
}

fn book(state: &State, id: DeliveryId, address: &Address, customer: Option<&String>) -> DeliveryView {
    held(&state.customers).extend(customer.map(|customer| (id.to_string(), customer.clone())));
    let mut deliveries = held(&state.deliveries);
    let new = || DeliveryView { address: Some(address.clone()), ..delivery(id) };
    deliveries.entry(id.to_string()).or_insert_with(new).clone()
}

async fn cancel_delivery(state: web::Data<State>, id: web::Path<DeliveryId>) -> HttpResponse {
    held(&state.calls).push(format!("POST /deliveries/{id}/cancel"));
    let mood = *held(&state.delivery);
    let done = |state: &State| {
        let mut deliveries = held(&state.deliveries);
        let view = deliveries
            .entry(id.to_string())
            .or_insert_with(|| DeliveryView { status: DeliveryStatus::Canceled, ..delivery(*id) });
        if view.status == DeliveryStatus::Scheduled {
            (view.status, view.version) = (DeliveryStatus::Canceled, view.version + 1);
        }
        (if view.status == DeliveryStatus::Canceled { 200 } else { 409 }, view.clone())
    };
    answer(&state, mood, done).await
}

async fn show(state: web::Data<State>, id: web::Path<i64>) -> HttpResponse {
    let Some(book) = held(&state.books).get(&id).cloned() else {
        return HttpResponse::NotFound().json(Problem::new(Code::BookNotFound, "there is no such book"));
    };
    HttpResponse::Ok().json(serde_json::json!({
        "id": *id, "sku": id.to_string(), "title": book.title, "topic": "tests",
        "price": serde_json::from_str::<serde_json::Value>(book.price).unwrap(), "currency": "USD", "state": "AVAILABLE",
        "version": 1, "created_at": "2026-11-18T11:06:40.123456Z", "updated_at": "2026-11-18T11:06:40.123456Z",
    }))
}

fn delivery(id: DeliveryId) -> DeliveryView {
    DeliveryView {
        delivery_id: id,
        order_id: id.order,
        address: None,
        courier: "local".to_owned(),
        status: DeliveryStatus::Scheduled,
        version: 1,
        created_at: Timestamp::from_micros(0),
        updated_at: Timestamp::from_micros(0),
    }
}

/// Does what is asked as far as the mood goes, and answers in that mood.
async fn answer<T: Serialize>(state: &State, mood: Mood, done: impl Fn(&State) -> (u16, T)) -> HttpResponse {
    let shown = |(status, view): (u16, T)| HttpResponse::build(status.try_into().unwrap()).json(view);
    match mood {
        Mood::Well | Mood::Confused | Mood::Lies => shown(done(state)),
        Mood::Down => broken(),
        Mood::LosesReplies => {
            done(state);
            broken()
        }
        Mood::Hangs => {
            done(state);
            std::future::pending().await
        }
        Mood::Fails => HttpResponse::InternalServerError().finish(),
        Mood::Stranger => HttpResponse::Ok().content_type("text/html").body("<h1>Welcome to the hotel's network</h1>"),
        Mood::Refuses => HttpResponse::UnprocessableEntity().json(Problem::new(Code::Invalid, "lines are not valid")),
    }
}

/// A head that promises a body, and a connection that ends before it.
pub fn broken() -> HttpResponse {
    let nothing = stream::iter([Err::<web::Bytes, _>(std::io::Error::other("cut"))]);
    HttpResponse::Ok().no_chunking(1_000).streaming(nothing)
}
