//! What a bank tells of a payment: in every order, each piece of news once, twice and ten times, in every gap of the order's
//! story and beside every step of it, before the bank's own answer is heard and long after everything is over. However it
//! comes, the story ends the same.

use futures_util::future::join_all;
use order_service::Pace;
use reqwest::Method;
use serde_json::{Value, json};
use service_kit::{auth::Who, testing::eventually};
use shared_types::AccountId;
use shared_types::payments::PaymentStatus::{self, Declined, Processing, Refunded, Succeeded};
use uuid::Uuid;

use crate::{
    neighbours::Book,
    shop::{SANDBOX_SECRET, STRIPE_SECRET, Shop, patient},
    webhooks::signed_by,
};

/// A step of many orders at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Placed by card. The bank decides, and its answer is on its way.
    Place,
    /// The bank's answers arrive, and everything comes to rest.
    Hear,
    /// The buyer cancels.
    Cancel,
    /// An employee undoes the sale. The bank gives the money back, and its answer is on its way.
    Refund,
}

/// What happens to an order, and where that leads.
#[derive(Debug, Clone, Copy)]
struct Story {
    decision: PaymentStatus,
    steps: &'static [Step],
    /// What the bank has to tell of it.
    news: &'static [PaymentStatus],
    /// State, stock, payment, and that of the only attempt.
    end: [&'static str; 4],
    approvals: usize,
    kept_cents: i64,
}

const STORIES: [Story; 4] = [
    Story {
        decision: Succeeded,
        steps: &[Step::Place, Step::Hear],
        news: &[Processing, Succeeded],
        end: ["approved", "taken", "paid", "succeeded"],
        approvals: 1,
        kept_cents: 1_299,
    },
    Story {
        decision: Declined,
        steps: &[Step::Place, Step::Hear],
        news: &[Processing, Declined],
        end: ["canceled", "none", "failed", "declined"],
        approvals: 0,
        kept_cents: 0,
    },
    Story {
        decision: Succeeded,
        steps: &[Step::Place, Step::Cancel, Step::Hear],
        news: &[Processing, Succeeded, Refunded],
        end: ["canceled", "none", "refunded", "refunded"],
        approvals: 0,
        kept_cents: 0,
    },
    Story {
        decision: Succeeded,
        steps: &[Step::Place, Step::Hear, Step::Refund, Step::Hear],
        news: &[Processing, Succeeded, Refunded],
        end: ["approved", "none", "refunded", "refunded"],
        approvals: 1,
        kept_cents: 0,
    },
];

/// How often each piece of news comes.
const TIMES: [usize; 3] = [1, 2, 10];

/// So many orders are told of at once.
const AT_ONCE: usize = 18;

/// News in their order, each with how often it comes.
type Told = Vec<(PaymentStatus, usize)>;

/// All orders of these news, and all numbers: each its own where there is time, the same for all otherwise.
fn all_ways(news: &[PaymentStatus]) -> Vec<Told> {
    let mut orders: Vec<Vec<PaymentStatus>> = vec![Vec::new()];
    for _ in news {
        orders = orders
            .iter()
            .flat_map(|order| {
                let rest = news.iter().filter(|status| !order.contains(status));
                rest.map(|status| [order.as_slice(), &[*status]].concat()).collect::<Vec<_>>()
            })
            .collect();
    }
    let mut times: Vec<Vec<usize>> = TIMES.map(|times| vec![times; news.len()]).to_vec();
    if is_long() {
        times = vec![Vec::new()];
        for _ in news {
            times = times.iter().flat_map(|before| TIMES.map(|times| [before.as_slice(), &[times]].concat())).collect();
        }
    }
    let with_times = |order: &Vec<PaymentStatus>| {
        times.iter().map(|times| order.iter().copied().zip(times.iter().copied()).collect()).collect::<Vec<Told>>()
    };
    orders.iter().flat_map(with_times).collect()
}

#[expect(clippy::disallowed_methods, reason = "whoever runs the tests chooses how long")]
fn is_long() -> bool {
    std::env::var_os("LASTCOPY_TEST_LONG").is_some()
}

/// A purchase of one copy by card.
fn purchase() -> Value {
    json!({"lines": [{"book_id": 1, "quantity": 1}], "payment_method": "card",
           "card": {"number": "4242 4242 4242 4242", "expiry": "12/30", "cvc": "123"}})
}

/// In whose words and under whose signature the bank tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Teller {
    Sandbox,
    Stripe,
}

impl Teller {
    /// A piece of news, and the header that is its signature.
    fn words(self, order: &str, status: PaymentStatus) -> (String, (&'static str, String)) {
        let (id, payment) = (format!("evt_{order}_{}", status.name()), format!("{order}:1"));
        let (kind, data) = match self {
            Teller::Sandbox => {
                (format!("payment.{}", status.name()), json!({"order_id": order, "payment_id": payment}))
            }
            Teller::Stripe => {
                let kind = if status == Declined { "payment_failed" } else { status.name() };
                let object = json!({"id": format!("pi_{order}"), "metadata": {"payment_id": payment}});
                (format!("payment_intent.{kind}"), json!({"object": object}))
            }
        };
        let body = json!({"id": id, "type": kind, "created": 1, "data": data}).to_string();
        let header = match self {
            Teller::Sandbox => ("x-signature", signed_by(SANDBOX_SECRET, &body)),
            Teller::Stripe => ("stripe-signature", signed_by(STRIPE_SECRET, &body)),
        };
        (body, header)
    }

    /// Of Stripe each piece of news comes twice at once, where there is no time for more.
    fn tells(self, told: &Told) -> bool {
        self == Teller::Sandbox || is_long() || told.iter().all(|(_, times)| *times == 2)
    }

    /// Of money that went back Stripe tells with a charge, which says nothing here.
    fn knows(self, status: PaymentStatus) -> bool {
        self == Teller::Sandbox || status != Refunded
    }
}

/// The bank tells of the order's payment, each piece of news as often as it is said, at once; the next one after it.
async fn tell(shop: &Shop, teller: Teller, order: &str, told: &Told) {
    for (status, times) in told.iter().filter(|(status, _)| teller.knows(*status)) {
        let (body, (name, signature)) = teller.words(order, *status);
        let headers = [(name, signature.as_str())];
        let said = join_all((0..*times).map(|_| shop.post_webhook(&headers, &body))).await;
        let processed = said.iter().filter(|said| said.is(200, "processed")).count();
        let duplicates = said.iter().filter(|said| said.is(200, "duplicate")).count();
        assert_eq!((processed, duplicates), (1, times - 1), "{said:?}");
    }
}

async fn tell_all(shop: &Shop, teller: Teller, orders: &[String], ways: &[Told]) {
    join_all(orders.iter().zip(ways).map(|(order, told)| tell(shop, teller, order, told))).await;
}

async fn take(shop: &Shop, step: Step, orders: &[String]) {
    let bank = &shop.neighbours.bank;
    match step {
        Step::Place => {}
        Step::Hear => {
            bank.holds_answers(false);
            join_all(orders.iter().map(|order| shop.settled(order))).await;
        }
        Step::Cancel => {
            let canceled = join_all(orders.iter().map(|order| shop.cancel(order))).await;
            assert!(canceled.iter().all(|answer| answer.status == 202), "{canceled:?}");
        }
        Step::Refund => {
            bank.holds_answers(true);
            let reason = json!({"reason": "a test"});
            let paths: Vec<String> = orders.iter().map(|order| format!("/orders/{order}/refund")).collect();
            let refunded = join_all(paths.iter().map(|path| shop.post(path, &reason))).await;
            assert!(refunded.iter().all(|answer| answer.status == 202), "{refunded:?}");
        }
    }
}

/// Orders that the bank has decided about, each of which waits for its answer.
async fn placed(shop: &Shop, story: &Story, count: usize) -> Vec<String> {
    shop.neighbours.bank.holds_answers(true);
    shop.neighbours.bank.decides(story.decision);
    let body = purchase();
    // A buyer each: nobody may have so many unpaid orders.
    let buyers: Vec<Who> = (0..count).map(|_| Who::Customer(AccountId::from_uuid(Uuid::now_v7()))).collect();
    let placed = buyers.iter().map(|buyer| shop.send_as(buyer, Method::POST, "/checkout", None, Some(&body)));
    let placed = join_all(placed).await;
    assert!(placed.iter().all(|answer| answer.status == 202), "{placed:?}");
    let orders: Vec<String> = placed.iter().map(|answer| answer.order_id()).collect();
    let is_decided = async || orders.iter().all(|order| shop.neighbours.bank.status(order, 1).is_some());
    eventually("the bank has decided about every payment", is_decided).await;
    orders
}

/// Tells many orders of one story, each in another way: after `gap` steps, or beside the step that follows then.
async fn happens(shop: &Shop, teller: Teller, story: &Story, (gap, beside): (usize, bool), ways: &[Told]) {
    let (kept, on_hand) = (shop.neighbours.bank.keeps(), shop.neighbours.on_hand(1));
    let orders = placed(shop, story, ways.len()).await;
    for (number, step) in story.steps.iter().enumerate().skip(1) {
        let here = number == gap;
        if here && !beside {
            tell_all(shop, teller, &orders, ways).await;
        }
        let telling = async {
            if here && beside {
                tell_all(shop, teller, &orders, ways).await;
            }
        };
        tokio::join!(take(shop, *step, &orders), telling);
    }
    if gap == story.steps.len() {
        tell_all(shop, teller, &orders, ways).await;
    }
    let ends = join_all(orders.iter().map(|order| end_of(shop, order))).await;
    for (found, told) in ends.iter().zip(ways) {
        let expected = (story.end.map(str::to_owned), story.approvals);
        assert_eq!(*found, expected, "{:?}, told {told:?} in gap {gap}, beside a step: {beside}", story.steps);
    }
    let count = i64::try_from(orders.len()).unwrap();
    let copies = if story.end[1] == "taken" { count } else { 0 };
    assert_eq!(shop.neighbours.bank.keeps() - kept, story.kept_cents * count, "{story:?}");
    assert_eq!(on_hand - shop.neighbours.on_hand(1), copies, "{story:?}");
}

/// Where an order is at rest, and how often it came to be approved.
async fn end_of(shop: &Shop, order: &str) -> ([String; 4], usize) {
    let view = shop.settled(order).await;
    assert_eq!(view["payments"].as_array().unwrap().len(), 1, "{view}");
    let pointers = ["/state", "/stock", "/payment", "/payments/0/state"];
    let axes = pointers.map(|pointer| view.pointer(pointer).unwrap().as_str().unwrap().to_owned());
    let history = shop.get(&format!("/orders/{order}/history")).await.json["items"].clone();
    let states: Vec<&str> = history.as_array().unwrap().iter().map(|entry| entry["state"].as_str().unwrap()).collect();
    let approvals = states.windows(2).filter(|pair| pair[0] != "approved" && pair[1] == "approved").count();
    (axes, approvals)
}

/// Every moment of every story; how many orders there were.
async fn all_stories(name: &str, teller: Teller) -> usize {
    let shop = Shop::open_with(name, Pace { answer_ms: 150, ..patient() }).await;
    shop.neighbours.put_book(1, Book { title: "The Martian", price: "12.99", on_hand: 100_000 });
    let mut stories = 0;
    for story in &STORIES {
        for gap in 1..=story.steps.len() {
            for beside in [false, true] {
                let mut ways = if beside && gap == story.steps.len() { Vec::new() } else { all_ways(story.news) };
                ways.retain(|told| teller.tells(told));
                for some in ways.chunks(AT_ONCE) {
                    happens(&shop, teller, story, (gap, beside), some).await;
                }
                stories += ways.len();
            }
        }
    }
    shop.close().await;
    eprintln!("{stories} orders, each told of in another way");
    stories
}

#[tokio::test(flavor = "multi_thread")]
async fn in_whatever_order_and_number_and_whenever_a_bank_tells_the_story_ends_the_same() {
    let stories = all_stories("enumerated", Teller::Sandbox).await;
    assert!(stories >= 2 * 18 + 5 * 18 + 7 * 18, "{stories}");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_whatever_order_and_whenever_stripe_tells_the_story_ends_the_same() {
    let stories = all_stories("enumerated_stripe", Teller::Stripe).await;
    assert!(stories >= 2 * 6 + 5 * 6 + 7 * 6, "{stories}");
}
