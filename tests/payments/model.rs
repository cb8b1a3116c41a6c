//! The ledger held against its pure half: the same commands, the same answers, the same rows.

use std::collections::BTreeMap;

use lastcopy::payments::{
    MIGRATIONS, Pace,
    domain::{Asked, Behaviour, Command, Means, Payment, Refusal, apply, news},
};
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};
use service_kit::{
    db::{Db, DbError, DbOptions, Tx},
    params,
    testing::eventually,
};
use shared_types::{Currency, Money, PaymentId, payments::PaymentStatus};

use crate::{
    bank::{Answer, Bank, pace, payment_id},
    shop::Shop,
};

const PAYMENTS: usize = 3;
/// Longer than any test: the bank decides when the test says so.
const LATER_MS: i64 = 3_600_000;

/// A command about the n-th payment of a case.
#[derive(Debug, Clone)]
enum Act {
    /// With the n-th of the bank's tokens; none: by invoice.
    Open {
        payment: usize,
        minor: i64,
        token: Option<usize>,
    },
    Cancel {
        payment: usize,
    },
    Refund {
        payment: usize,
    },
    Pay {
        payment: usize,
    },
    /// The bank has taken its time, where it has one to take.
    BankDecides {
        payment: usize,
    },
}

fn act() -> impl Strategy<Value = Act> {
    let payment = 0..PAYMENTS;
    let token = prop_oneof![3 => (0..Behaviour::CARDS.len()).prop_map(Some), 1 => Just(None)];
    let minor = prop_oneof![4 => Just(1_299i64), 1 => Just(1_300)];
    prop_oneof![
        6 => (payment.clone(), minor, token).prop_map(|(payment, minor, token)| Act::Open { payment, minor, token }),
        2 => payment.clone().prop_map(|payment| Act::Cancel { payment }),
        2 => payment.clone().prop_map(|payment| Act::Refund { payment }),
        2 => payment.clone().prop_map(|payment| Act::Pay { payment }),
        3 => payment.prop_map(|payment| Act::BankDecides { payment }),
    ]
}

/// An answer as it looks on the wire, without its instants.
#[derive(Debug, PartialEq)]
enum Told {
    Payment {
        status: u16,
        view: Value,
    },
    /// A problem, whose code says which.
    Problem(String),
}

/// A bank with a token of every card, and somebody who is told.
struct Town {
    bank: Bank,
    tokens: Vec<(String, Behaviour)>,
}

/// One case: payments of its own in a ledger that all cases share, and what the pure half makes of them.
struct Case<'a> {
    town: &'a Town,
    ids: Vec<PaymentId>,
    ledger: BTreeMap<PaymentId, Vec<Payment>>,
}

impl Town {
    async fn found(shop: &Shop) -> Town {
        let bank = Bank::at_a_pace("model", shop, Pace { later_ms: LATER_MS, ..pace() }).await;
        let mut tokens = Vec::new();
        for (number, behaviour) in Behaviour::CARDS {
            tokens.push((bank.token(number).await, behaviour));
        }
        Town { bank, tokens }
    }

    /// The bank's clock is moved for this one payment, and the bank is woken.
    async fn decide(&self, id: PaymentId) {
        let db = Db::open_beside(self.bank.database_url(), DbOptions::default(), MIGRATIONS).await.unwrap();
        let sql = "update payment set decided_at_us = 0 where payment_id = $1 and decided_at_us is not null";
        let due = db.write(move |tx| tx.execute(sql, &params![id.to_string()]));
        let due: Result<u64, DbError> = due.await;
        assert_eq!(due.unwrap(), 1, "{id} waits for its bank");
        db.close().await;
        self.bank.post(payment_id(), "cancel").await;
        eventually("the bank has decided", async || self.bank.status(id).await != PaymentStatus::Processing).await;
    }
}

impl Case<'_> {
    fn command(&self, act: &Act) -> (PaymentId, Command) {
        match act {
            Act::Open { payment, minor, token } => {
                let means = token.map_or(Means::Invoice, |token| {
                    let (token, behaviour) = self.town.tokens[token].clone();
                    Means::Card { token, behaviour }
                });
                let amount = Money { minor: *minor, currency: Currency::USD };
                (self.ids[*payment], Command::Open(Asked { amount, means }))
            }
            Act::Cancel { payment } => (self.ids[*payment], Command::Cancel),
            Act::Refund { payment } => (self.ids[*payment], Command::Refund),
            Act::Pay { payment } => (self.ids[*payment], Command::Confirm),
            Act::BankDecides { payment } => {
                let id = self.ids[*payment];
                let card = self.ledger.get(&id).and_then(|steps| steps.last()?.behaviour());
                let refused = card.is_some_and(|card| card.refusal().is_some());
                (id, if refused { Command::Refuse } else { Command::Confirm })
            }
        }
    }

    /// What is expected, by the pure half; and how the ledger is then.
    fn expect(&mut self, act: &Act) -> Told {
        let (id, command) = self.command(act);
        let steps = self.ledger.entry(id).or_default();
        let before = steps.last().cloned();
        let after = match apply(id, before.as_ref(), &command) {
            Ok(after) => after,
            Err(Refusal::NeverOpened) => return Told::Problem("payment_not_found".to_owned()),
            Err(Refusal::OtherContent) => return Told::Problem("id_reused".to_owned()),
            Err(Refusal::IllegalMove { .. }) => return Told::Problem("invalid_transition".to_owned()),
        };
        let told = Told::Payment { status: if before.is_none() { 201 } else { 200 }, view: view(&after) };
        let is_new = before.is_none();
        if before.as_ref() != Some(&after) {
            steps.push(after.clone());
        }
        match after.behaviour() {
            // The ledger has it, and this answer does not say so.
            Some(Behaviour::SilentAfterCharge) if is_new => Told::Problem("deadline_exceeded".to_owned()),
            Some(Behaviour::ErrorAfterCharge) if is_new => Told::Problem("internal".to_owned()),
            Some(_) | None => told,
        }
    }

    async fn ask_service(&self, act: &Act) -> Told {
        let bank = &self.town.bank;
        let answer = match act {
            Act::Open { payment, minor, token } => {
                let amount = Money { minor: *minor, currency: Currency::USD }.amount().to_string();
                match token {
                    Some(token) => bank.charge(self.ids[*payment], &amount, &self.town.tokens[*token].0).await,
                    None => bank.invoice(self.ids[*payment], &amount).await,
                }
            }
            Act::Cancel { payment } => bank.post(self.ids[*payment], "cancel").await,
            Act::Refund { payment } => bank.post(self.ids[*payment], "refund").await,
            Act::Pay { payment } => bank.post(self.ids[*payment], "pay").await,
            Act::BankDecides { payment } => {
                self.town.decide(self.ids[*payment]).await;
                bank.find(self.ids[*payment]).await
            }
        };
        told(answer)
    }

    /// Only where the bank has something to decide.
    fn makes_sense(&self, act: &Act) -> bool {
        let Act::BankDecides { payment } = act else { return true };
        let last = self.ledger.get(&self.ids[*payment]).and_then(|steps| steps.last());
        last.is_some_and(Payment::decides_later)
    }

    /// Every row: the payment, and whatever the shop is told of its steps.
    async fn check_rows(&self) {
        let db = Db::open_read_only(self.town.bank.database_url()).await.unwrap();
        for (id, steps) in self.ledger.clone() {
            let rows = db.read(move |tx| rows(tx, id));
            let (kept, told): (Option<Kept>, Vec<Webhook>) = rows.await.unwrap();
            assert_eq!(kept, steps.last().map(|last| (last.version, last.captured_minor(), last.refunded_minor())));
            let told: Vec<(String, Value)> =
                told.into_iter().map(|(event, body)| (event, serde_json::from_str(&body).unwrap())).collect();
            let told: Vec<(String, &str)> =
                told.iter().map(|(event, body)| (event.clone(), body["type"].as_str().unwrap())).collect();
            let expected: Vec<(String, String)> = steps.iter().flat_map(news_of).collect();
            let expected: Vec<(String, &str)> =
                expected.iter().map(|(event, kind)| (event.clone(), kind.as_str())).collect();
            assert_eq!(told, expected);
            if let Some(last) = steps.last() {
                assert_eq!(told_view(self.town.bank.find(id).await), view(last));
            }
        }
        db.close().await;
    }
}

/// Version, captured, refunded.
type Kept = (i64, i64, i64);
/// A webhook's id and body.
type Webhook = (String, String);

fn rows(tx: &mut Tx<'_>, id: PaymentId) -> Result<(Option<Kept>, Vec<Webhook>), DbError> {
    let key = params![id.to_string()];
    let kept =
        tx.query_opt("select version, captured_minor, refunded_minor from payment where payment_id = $1", &key)?;
    let kept = kept
        .map(|row| Ok::<Kept, DbError>((row.get("version")?, row.get("captured_minor")?, row.get("refunded_minor")?)));
    let told = tx.query("select event_id, body from webhook where payment_id = $1 order by event_id", &key)?;
    let told = told.iter().map(|row| Ok((row.get("event_id")?, row.get("body")?))).collect::<Result<_, DbError>>()?;
    Ok((kept.transpose()?, told))
}

fn news_of(step: &Payment) -> Vec<(String, String)> {
    let (order, n, version) = (step.id.order.uuid().simple(), step.id.n, step.version);
    let event = |(at, (status, _)): (usize, (PaymentStatus, _))| {
        (format!("evt_{order}_{n}_{version}_{}", at + 1), format!("payment.{}", status.name()))
    };
    news(step).into_iter().enumerate().map(event).collect()
}

fn told(answer: Answer) -> Told {
    if answer.json["payment_id"].is_null() {
        return Told::Problem(answer.code().to_owned());
    }
    Told::Payment { status: answer.status, view: told_view(answer) }
}

fn told_view(answer: Answer) -> Value {
    let mut view = answer.json;
    for instant in ["created_at", "updated_at"] {
        view.as_object_mut().unwrap().remove(instant);
    }
    view
}

fn view(payment: &Payment) -> Value {
    let amount = |minor| Money { minor, currency: Currency::USD }.amount();
    let asked = payment.asked.as_ref().map_or(0, |asked| asked.amount.minor);
    let mut view = json!({
        "payment_id": payment.id, "status": payment.status, "amount": amount(asked), "currency": "USD",
        "captured": amount(payment.captured_minor()), "refunded": amount(payment.refunded_minor()),
        "version": payment.version,
    });
    if let Some(reason) = &payment.reason {
        view["reason"] = json!(reason);
    }
    view
}

#[test]
fn the_ledger_answers_and_records_as_its_pure_half_does() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (shop, town) = runtime.block_on(async {
        let shop = Shop::open().await;
        let town = Town::found(&shop).await;
        (shop, town)
    });
    let mut runner = TestRunner::new(ProptestConfig { cases: 64, ..ProptestConfig::default() });
    let checked = runner.run(&proptest::collection::vec(act(), 1..30), |acts| {
        runtime.block_on(async {
            let ids = (0..PAYMENTS).map(|_| payment_id()).collect();
            let mut case = Case { town: &town, ids, ledger: BTreeMap::new() };
            for act in &acts {
                if case.makes_sense(act) {
                    let expected = case.expect(act);
                    assert_eq!(case.ask_service(act).await, expected, "{act:?}");
                }
            }
            case.check_rows().await;
        });
        Ok(())
    });
    runtime.block_on(shop.close());
    checked.unwrap();
}
