//! The service held against its pure model: the same commands, the same answers, the same shelves.

use catalog_service::domain::{
    model::{self, Answer, Command, Shelf, ShelvedBook},
    stock::StockChange,
    taking::{Accepted, Asked, AskedLine, OnShelf},
};
use proptest::{prelude::*, test_runner::TestRunner};
use reqwest::Method;
use serde_json::{Value, json};
use shared_types::{BookId, Currency, Money, OrderId, TakingId};
use uuid::Uuid;

use crate::shop::{self, Shop};

const BOOKS: usize = 3;
const TAKINGS: usize = 4;

/// A command about the n-th book or taking of a case.
#[derive(Debug, Clone)]
enum Act {
    Take { taking: usize, lines: Vec<(usize, i64, Option<i64>)> },
    GiveBack { taking: usize },
    Adjust { book: usize, change: StockChange },
    Reprice { book: usize, minor: i64 },
    Withdraw { book: usize },
}

fn act() -> impl Strategy<Value = Act> {
    let line = (0..BOOKS, 1i64..4, proptest::option::of(0i64..3));
    let change = prop_oneof![
        (-3i64..4).prop_filter("0 is no change", |d| *d != 0).prop_map(StockChange::By),
        (0i64..5).prop_map(StockChange::To)
    ];
    prop_oneof![
        6 => (0..TAKINGS, proptest::collection::vec(line, 1..4)).prop_map(|(taking, lines)| Act::Take { taking, lines }),
        3 => (0..TAKINGS).prop_map(|taking| Act::GiveBack { taking }),
        2 => (0..BOOKS, change).prop_map(|(book, change)| Act::Adjust { book, change }),
        1 => (0..BOOKS, 0i64..3).prop_map(|(book, minor)| Act::Reprice { book, minor }),
        1 => (0..BOOKS).prop_map(|book| Act::Withdraw { book }),
    ]
}

/// One case: books of its own in a catalog that all cases share, and the model of them.
struct Case<'a> {
    shop: &'a Shop,
    books: Vec<BookId>,
    takings: Vec<TakingId>,
    shelf: Shelf,
}

/// An answer as it looks on the wire.
#[derive(Debug, PartialEq)]
enum Told {
    Taking(Value),
    Other(Answer),
}

impl From<Answer> for Told {
    fn from(answer: Answer) -> Told {
        match answer {
            Answer::Taking(taking) => Told::Taking(serde_json::to_value(taking).unwrap()),
            other @ (Answer::IdReused | Answer::Gone | Answer::OutOfBounds | Answer::Done) => Told::Other(other),
        }
    }
}

const STOCK: i64 = 5;
const MINOR: i64 = 1;

impl<'a> Case<'a> {
    async fn open(shop: &'a Shop) -> Case<'a> {
        let (mut books, mut shelf) = (Vec::new(), Shelf::default());
        for _ in 0..BOOKS {
            let title = format!("Book {}", Uuid::now_v7());
            let book = json!({"sku": title, "title": title, "topic": "t", "price": 0.01, "stock": STOCK});
            let id = BookId::new(shop.add(book).await).unwrap();
            let book = OnShelf { title, isbn: None, price: money(MINOR), on_hand: STOCK, gone: false };
            shelf.books.insert(id, ShelvedBook { book, received: STOCK, adjusted: 0, taken: 0 });
            books.push(id);
        }
        let takings = (0..TAKINGS).map(|_| OrderId::from_uuid(Uuid::now_v7()).taking(1)).collect();
        Case { shop, books, takings, shelf }
    }

    fn command(&self, act: &Act) -> Command {
        match act {
            Act::Take { taking, lines } => {
                let request: Vec<_> =
                    self.lines(lines).iter().map(|line| serde_json::from_value(line.clone()).unwrap()).collect();
                let asked = Asked::parse(&request, Currency::USD).unwrap();
                Command::Take { taking_id: self.takings[*taking], asked }
            }
            Act::GiveBack { taking } => Command::GiveBack { taking_id: self.takings[*taking] },
            Act::Adjust { book, change } => Command::Adjust { book_id: self.books[*book], change: *change },
            Act::Reprice { book, minor } => Command::Reprice { book_id: self.books[*book], price: money(*minor) },
            Act::Withdraw { book } => Command::Withdraw { book_id: self.books[*book] },
        }
    }

    fn lines(&self, lines: &[(usize, i64, Option<i64>)]) -> Vec<Value> {
        let line = |(book, quantity, shown): &(usize, i64, Option<i64>)| {
            let mut line = shop::line(self.books[*book].number(), *quantity);
            if let Some(minor) = shown {
                line["expected_price"] = price(*minor);
            }
            line
        };
        lines.iter().map(line).collect()
    }

    async fn ask_service(&self, act: &Act) -> Told {
        let book = |book: &usize| format!("/books/{}", self.books[*book]);
        let answer = match act {
            Act::Take { taking, lines } => self.shop.take(&self.takings[*taking].to_string(), &self.lines(lines)).await,
            Act::GiveBack { taking } => self.shop.give_back(&self.takings[*taking].to_string()).await,
            Act::Adjust { book: n, change } => {
                let body = match change {
                    StockChange::By(delta) => json!({"delta": delta, "reason": "r"}),
                    StockChange::To(counted) => json!({"set_to": counted, "reason": "r"}),
                };
                self.shop.post(&format!("{}/stock-adjustments", book(n)), body).await
            }
            Act::Reprice { book: n, minor } => self.shop.patch(&book(n), json!({"price": price(*minor)})).await,
            Act::Withdraw { book: n } => self.shop.call(Method::DELETE, &book(n), &[], None).await,
        };
        match answer.outcome() {
            (_, "id_reused") => Told::Other(Answer::IdReused),
            (_, "book_not_found") => Told::Other(Answer::Gone),
            (_, "stock_too_low") => Told::Other(Answer::OutOfBounds),
            (_, "") if !answer.json["taking_id"].is_null() => Told::Taking(answer.json),
            (200..=299, "") => Told::Other(Answer::Done),
            other => panic!("{other:?}: {}", answer.json),
        }
    }

    async fn check_shelves(&self) {
        for (id, shelved) in &self.shelf.books {
            let answer = self.shop.get(&format!("/books/{id}")).await;
            let expected = if shelved.book.gone { Value::Null } else { json!(shelved.book.on_hand) };
            assert_eq!(answer.json["on_hand"], expected);
        }
        for (id, decided) in &self.shelf.takings {
            assert_eq!(
                self.shop.get(&format!("/takings/{id}")).await.json,
                serde_json::to_value(&decided.answer).unwrap()
            );
        }
    }
}

fn money(minor: i64) -> Money {
    Money { minor, currency: Currency::USD }
}

fn price(minor: i64) -> Value {
    serde_json::to_value(money(minor).amount()).unwrap()
}

#[test]
fn the_service_answers_as_its_model_does() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let shop = runtime.block_on(Shop::open("model"));
    let mut runner = TestRunner::new(ProptestConfig { cases: 64, ..ProptestConfig::default() });
    let checked = runner.run(&proptest::collection::vec(act(), 1..30), |acts| {
        runtime.block_on(async {
            let mut case = Case::open(&shop).await;
            for act in &acts {
                let (next, expected) = model::apply(&case.shelf, &case.command(act));
                assert!(next.is_conserved(), "{act:?}");
                assert_eq!(case.ask_service(act).await, Told::from(expected), "{act:?}");
                case.shelf = next;
            }
            case.check_shelves().await;
        });
        Ok(())
    });
    runtime.block_on(shop.finish());
    checked.unwrap();
}

#[test]
fn the_model_itself_sells_the_last_copy_once_and_buries_what_was_given_back_first() {
    let book_id = BookId::new(1).unwrap();
    let book = OnShelf { title: "t".into(), isbn: None, price: money(1), on_hand: 1, gone: false };
    let mut shelf = Shelf::default();
    shelf.books.insert(book_id, ShelvedBook { book, received: 1, adjusted: 0, taken: 0 });
    let taking = || OrderId::from_uuid(Uuid::now_v7()).taking(1);
    let asked = Asked { lines: vec![AskedLine { book_id, quantity: 1, price: Accepted::ANY }] };
    let (late, first, second) = (taking(), taking(), taking());
    let take = |taking_id| Command::Take { taking_id, asked: asked.clone() };
    let commands = [Command::GiveBack { taking_id: late }, take(late), take(first), take(second), take(first)];
    let mut states = Vec::new();
    for command in &commands {
        let (next, answer) = model::apply(&shelf, command);
        shelf = next;
        let Answer::Taking(taking) = answer else { panic!("{answer:?}") };
        states.push(serde_json::to_value(taking.state).unwrap());
    }
    assert_eq!(states, ["given_back", "given_back", "taken", "refused", "taken"]);
    assert_eq!(shelf.books[&book_id].book.on_hand, 0);
}
