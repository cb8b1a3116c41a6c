//! The store held against the pure order: the same commands, the same answers, the same rows.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use order_service::{
    domain::{
        Command, Line, Order, ProviderName, Terms, apply,
        checkout::{Opening, draft, reviewed, with_card},
        next,
    },
    store::{
        Actor, MIGRATIONS, Owner, Stored, history,
        moves::{self, Hand, MoveError},
        orders,
    },
};
use proptest::{prelude::*, sample::Index, test_runner::TestRunner};
use serde_json::{Value, json};
use service_kit::{
    db::{Db, DbError, DbOptions, Tx},
    outbox, params,
    testing::TestDatabase,
};
use shared_types::{
    BookId, Currency, Money, OrderId, Timestamp,
    deliveries::DeliveryStatus as D,
    orders::OrderState,
    payments::PaymentStatus,
    takings::{RefusalReason, RefusedLine, TakenLine},
};
use uuid::Uuid;

const PARCELS: [D; 6] = [D::Scheduled, D::Shipped, D::Delivered, D::Failed, D::Returned, D::Canceled];
/// Names of commands that this test must have seen accepted, so that it does not hold the store against nothing.
const KINDS: usize = 22;

/// The n-th command of those that come into question.
#[derive(Debug, Clone)]
enum Act {
    /// One that changes the order, if there is one; every kind of command is as likely as any other.
    Useful(Index, Index),
    Any(Index),
    /// A useful one, decided on by somebody who read the order before its last move.
    TooLate(Index, Index),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => any::<(Index, Index)>().prop_map(|(kind, which)| Act::Useful(kind, which)),
        2 => any::<Index>().prop_map(Act::Any),
        1 => any::<(Index, Index)>().prop_map(|(kind, which)| Act::TooLate(kind, which)),
    ]
}

/// What is asked, of which state of the order.
struct Asked {
    command: Command,
    too_late: bool,
}

/// Every command with every number that may matter for this order.
fn commands(order: &Order) -> Vec<Command> {
    let reason = || Some("changed my mind".to_owned());
    let token = || "tok_visa".parse().unwrap();
    let until = |ms| Timestamp::from_micros(order.pay_by.map_or(0, Timestamp::micros)).plus_ms(ms);
    let address = serde_json::from_value(address()).unwrap();
    let mut all = vec![
        Command::Place,
        Command::AddLine { line: line() },
        Command::ChangeLine { number: order.line_n, quantity: 3 },
        Command::ChangeLine { number: order.line_n, quantity: 1 },
        Command::RemoveLine { number: order.line_n },
        Command::Submit,
        Command::Approve,
        Command::Reject { reason: reason() },
        Command::Cancel { reason: reason() },
        Command::StartPayment { token: token(), provider: ProviderName::Sandbox, pay_by: until(9) },
        Command::DeadlinePassed,
        Command::ExtendDeadline { until: until(5) },
        Command::ExtendDeadline { until: until(0) },
        Command::ExtendDeadline { until: until(-5) },
        Command::Refund { reason: reason() },
        Command::HandOver,
        Command::Deliver { address },
    ];
    for n in [order.taking_n.saturating_sub(1), order.taking_n] {
        all.extend([Command::CopiesTaken { n, lines: taken(order) }, Command::CopiesRefused { n, lines: refused() }]);
        all.push(Command::CopiesGivenBack { n });
    }
    for n in 1..=order.payments.len() as u32 + 1 {
        all.push(Command::PaymentNamed { n, name: format!("pi_{n}") });
        for status in PaymentStatus::ALL {
            all.push(Command::PaymentAnswered { n, status, reason: reason() });
            all.push(Command::PaymentReported { n, status });
        }
    }
    // News of a parcel come only where one was asked for.
    if order.state == OrderState::Approved && order.address.is_some() {
        let news = |status| {
            let (n, version) = (order.delivery_n.max(1), order.delivery_version);
            [version, version + 1].map(|version| (n, status, version))
        };
        for (n, status, version) in PARCELS.into_iter().flat_map(news) {
            all.push(Command::DeliveryBooked { n, status, version });
            all.push(Command::DeliveryMoved { n, status, version });
        }
    }
    all
}

fn useful(order: &Order, kind: Index, which: Index) -> Option<Command> {
    let mut kinds: BTreeMap<&str, Vec<Command>> = BTreeMap::new();
    for command in commands(order) {
        if apply(order, command.clone()).is_ok_and(|after| after != *order) {
            kinds.entry(command.name()).or_default().push(command);
        }
    }
    let kinds: Vec<Vec<Command>> = kinds.into_values().collect();
    let chosen = kinds.get(kind.index(kinds.len().max(1)))?;
    Some(chosen[which.index(chosen.len())].clone())
}

fn address() -> Value {
    json!({"recipient": "Ana Lopez", "street": "12 Quay Street", "city": "Porto"})
}

fn line() -> Line {
    let price = Money { minor: 1_250, currency: Currency::USD };
    let terms = Some(Terms { title: "The Martian".to_owned(), isbn: None, price });
    Line { number: 0, book_id: BookId::new(8).unwrap(), quantity: 1, expected: None, terms }
}

fn taken(order: &Order) -> Vec<TakenLine> {
    let line = |(book_id, quantity): (BookId, i64)| TakenLine {
        book_id,
        quantity,
        title: "The Martian".to_owned(),
        isbn: Some("9780553418026".parse().unwrap()),
        price: "12.50".parse().unwrap(),
        currency: Currency::USD,
    };
    order.copies().into_iter().map(line).collect()
}

fn refused() -> Vec<RefusedLine> {
    let (book_id, reason) = (BookId::new(8).unwrap(), RefusalReason::SoldOut);
    vec![RefusedLine { book_id, reason, available: Some(1), price: None, title: Some("The Martian".to_owned()) }]
}

/// Orders of every kind, as they are before anything was asked of them; and whether they are in the shop already.
fn first(kind: usize, id: OrderId) -> Order {
    let lines = json!([{"book_id": 8, "quantity": 2}, {"book_id": 7, "quantity": 1}]);
    let mut request = json!({"lines": lines, "customer_ref": "shelf 3"});
    if kind.is_multiple_of(2) {
        request["address"] = address();
    }
    let method = ["card", "invoice", "on_delivery"].get(kind / 2);
    let Some(method) = method else {
        let order = reviewed(serde_json::from_value(request).unwrap(), id, Currency::USD).unwrap();
        let lines = order.lines.iter().map(|asked| Line { number: asked.number, ..line() }).collect();
        return Order { lines, ..order };
    };
    request["payment_method"] = json!(method);
    if *method == "card" {
        request["card"] = json!({"number": "4242424242424242", "expiry": "12/30"});
    }
    let (cards_by, invoices_by) = (ProviderName::Sandbox, ProviderName::Receipts);
    let opening = Opening { id, currency: Currency::USD, cards_by, invoices_by, pay_by: Timestamp::from_micros(77) };
    let order = draft(serde_json::from_value(request).unwrap(), opening).unwrap();
    let order = if *method == "card" { with_card(order, "tok_visa".parse().unwrap()) } else { order };
    apply(&order, Command::Place).unwrap()
}

/// One order, in the database and beside it.
struct Case<'a> {
    db: &'a Db,
    now: Stored,
    before: Stored,
    /// Every move: version, command and reason.
    moves: Vec<(i64, String, Option<String>)>,
    hand: Hand,
}

impl<'a> Case<'a> {
    async fn open(db: &'a Db, kind: usize) -> Case<'a> {
        let order = first(kind, OrderId::from_uuid(Uuid::now_v7()));
        let owner = Owner { customer: "account:1".into(), placed_by: "account:2".into() };
        let hand = Hand { actor: Actor::Driver, at: Timestamp::from_micros(1), lead_ms: 3, look_ms: 7 };
        let (command, by) = (if order.lines[0].terms.is_some() { "create" } else { "place" }, hand.clone());
        let (written, owned) = (order.clone(), owner.clone());
        let opened = db.write(move |tx| moves::open(tx, &written, &owned, None, command, &by));
        let opened: Result<Stored, DbError> = opened.await;
        let now = Stored { order, owner, created_at: hand.at, updated_at: hand.at, attempts: 0 };
        assert_eq!(opened.unwrap(), now);
        let moves = vec![(now.order.version, command.to_owned(), None)];
        Case { db, before: now.clone(), now, moves, hand }
    }

    fn asked(&self, act: &Act) -> Option<Asked> {
        let all = commands(&self.now.order);
        let (command, too_late) = match act {
            Act::Useful(kind, which) => (useful(&self.now.order, *kind, *which)?, false),
            Act::Any(which) => (all[which.index(all.len())].clone(), false),
            Act::TooLate(kind, which) => (useful(&self.before.order, *kind, *which)?, true),
        };
        Some(Asked { command, too_late: too_late && self.before != self.now })
    }

    /// Asks both, and answers the name of the command if it moved the order.
    async fn ask(&mut self, asked: Asked) -> Option<&'static str> {
        let command = asked.command;
        self.hand.at = self.hand.at.plus_ms(1);
        if asked.too_late {
            let after = apply(&self.before.order, command.clone()).unwrap();
            assert_eq!(self.swap(after, command.name()).await, None, "{command:?}");
            return None;
        }
        let answer = self.make(command.clone()).await;
        match apply(&self.now.order, command.clone()) {
            Err(refusal) => match answer {
                Err(MoveError::Refused(refused)) => assert_eq!(refused, refusal, "{command:?}"),
                other => panic!("{command:?}: {refusal:?}, and the store says {other:?}"),
            },
            Ok(order) if order == self.now.order => assert_eq!(answer.unwrap(), self.now, "{command:?}"),
            Ok(order) => {
                let reason = order.reason.clone().filter(|_| order.reason != self.now.order.reason);
                self.moves.push((order.version, command.name().to_owned(), reason));
                let after = Stored { order, updated_at: self.hand.at, attempts: 0, ..self.now.clone() };
                assert_eq!(answer.unwrap(), after, "{command:?}");
                self.before = std::mem::replace(&mut self.now, after);
                return Some(command.name());
            }
        }
        None
    }

    async fn make(&self, command: Command) -> Result<Stored, MoveError> {
        let (id, hand) = (self.now.order.id, self.hand.clone());
        self.db.write(move |tx| moves::make(tx, id, &command, &hand)).await
    }

    async fn swap(&self, after: Order, command: &'static str) -> Option<Stored> {
        let (before, hand) = (self.before.clone(), self.hand.clone());
        let swapped: Result<_, DbError> =
            self.db.write(move |tx| moves::swap(tx, &before, &after, command, &hand)).await;
        swapped.unwrap()
    }

    /// Every row: the order with its lines and payments, its history, what others are told, and when it is looked at.
    async fn check_rows(&self) {
        let id = self.now.order.id;
        let rows = self.db.read(move |tx| rows(tx, id));
        let Rows { kept, history, events, due, look } = rows.await.unwrap();
        assert_eq!(kept.as_ref(), Some(&self.now));
        assert_eq!(history, self.moves);
        assert_eq!(events, self.moves.iter().map(|(version, ..)| format!("{id}.{version}")).collect::<Vec<_>>());
        let moved_at = self.now.updated_at;
        assert_eq!(due, next(&self.now.order).map(|_| moved_at.plus_ms(self.hand.lead_ms).micros()));
        assert_eq!(look, Hand { at: moved_at, ..self.hand.clone() }.look_at(&self.now.order).map(Timestamp::micros));
    }
}

struct Rows {
    kept: Option<Stored>,
    history: Vec<(i64, String, Option<String>)>,
    events: Vec<String>,
    due: Option<i64>,
    look: Option<i64>,
}

fn rows(tx: &mut Tx<'_>, id: OrderId) -> Result<Rows, DbError> {
    let kept = orders::find(tx, id)?;
    let history = history::of(tx, id)?.into_iter().map(|entry| (entry.version, entry.command, entry.reason)).collect();
    let key = params![id.to_string()];
    let told = tx.query("select event_id from outbox_event where subject = $1 order by position", &key)?;
    let events = told.iter().map(|row| row.get("event_id")).collect::<Result<_, _>>()?;
    let row = tx.query_one("select due_at_us, look_at_us from orders where order_id = $1", &key)?;
    Ok(Rows { kept, history, events, due: row.get("due_at_us")?, look: row.get("look_at_us")? })
}

async fn database() -> (TestDatabase, Db) {
    let database = TestDatabase::create("model").await;
    let db = Db::open(database.url(), DbOptions::default(), MIGRATIONS).await.unwrap();
    // Somebody listens who never picks anything up: every event stays where the test can see it.
    db.write(|tx| outbox::subscribe(tx, "test")).await.unwrap();
    (database, db)
}

#[test]
fn the_store_answers_and_records_as_the_pure_order_does() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (_database, db) = runtime.block_on(database());
    let moved: Arc<Mutex<BTreeSet<&str>>> = Arc::default();
    let orders = (0usize..8, proptest::collection::vec(act(), 1..40));
    for _ in 0..ROUNDS {
        let mut runner = TestRunner::new(ProptestConfig { cases: 128, ..ProptestConfig::default() });
        let checked = runner.run(&orders, |(kind, acts)| {
            runtime.block_on(async {
                let mut case = Case::open(&db, kind).await;
                for act in &acts {
                    if let Some(asked) = case.asked(act) {
                        let name = case.ask(asked).await;
                        moved.lock().unwrap().extend(name);
                    }
                }
                case.check_rows().await;
            });
            Ok(())
        });
        checked.unwrap();
        // An order is placed as it is written.
        if moved.lock().unwrap().len() == KINDS - 1 {
            break;
        }
    }
    runtime.block_on(db.close());
    let moved = moved.lock().unwrap();
    assert_eq!(moved.len(), KINDS - 1, "{moved:?}");
}

/// So many times as many orders are tried, at most, until every kind of command has moved one: some are rare.
const ROUNDS: usize = 16;
