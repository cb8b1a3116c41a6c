//! What must hold when nothing moves any more, seen from outside and by the audit.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
    time::{Duration, Instant},
};

use reqwest::Method;
use service_kit::{db::Db, testing::eventually};
use shared_types::{
    BookId,
    orders::{FulfillmentState, OrderPage, OrderState, OrderView, PaymentState, StockState},
};

use super::{
    Caller, Catalog, Cluster, Delivery, Order, Outside, Payments, SERVICES,
    process::{BINARY, Process},
};

impl Cluster {
    /// Heals the network, waits for rest and checks everything. Every part must be alive by now.
    pub async fn finish(mut self) {
        self.check().await;
        for part in SERVICES.into_iter().rev() {
            self.stop(part).await;
        }
        self.finished = true;
    }

    /// As [`finish`](Self::finish), in the middle of a test that goes on. The time it took every order to come to rest.
    pub async fn check(&mut self) -> Duration {
        for part in SERVICES {
            assert!(!self.is_dead(part), "{part:?} is dead");
        }
        for link in self.links.values() {
            link.heal();
            link.recover();
        }
        let caller = self.operator();
        let began = Instant::now();
        until_rest(&caller).await;
        let rest = began.elapsed();
        // The bank repeats what nobody heard when it sees fit, and no order waits for that. What it says may move one.
        self.until_the_bank_has_told().await;
        until_rest(&caller).await;
        let orders = every_order(&caller).await;
        self.no_promise_is_broken(&orders);
        one_order_for_each_key(&orders);
        self.every_copy_is_accounted_for(&caller, &orders).await;
        let doubled = self.link(Order, Outside).doubled();
        let told = if self.is_heard { orders.as_slice() } else { &[] };
        self.outsider.heard_what_was_to_be_heard(told, doubled).await;
        self.audit();
        rest
    }

    /// Waits for rest as the order service has it in its books, and audits: the gateway is not asked.
    pub async fn rests_without_the_gateway(&self) {
        let unfinished = async || self.count_orders("due_at_us is not null").await;
        eventually("every order is at rest without a gateway", async || unfinished().await == 0).await;
        self.audit();
    }

    /// Orders that wait for their copies or their money, as the order service has it in its books.
    pub async fn undecided_orders(&self) -> i64 {
        self.count_orders("state = 'pending'").await
    }

    async fn count_orders(&self, which: &str) -> i64 {
        let orders = Db::open_read_only(self.databases[&Order].url()).await.unwrap();
        let sql = format!("select count(*) as orders from orders where {which}");
        let count = orders.read(move |tx| tx.query_one(&sql, &[])?.get::<i64>("orders")).await.unwrap();
        orders.close().await;
        count
    }

    /// What the bank has still to tell may move an order that is at rest: it is heard before anything is counted.
    pub async fn until_the_bank_has_told(&self) {
        let bank = Db::open_read_only(self.databases[&Payments].url()).await.unwrap();
        let untold = async || {
            let sql = "select count(*) as untold from webhook where due_at_us is not null";
            bank.read(move |tx| tx.query_one(sql, &[])?.get::<i64>("untold")).await.unwrap_or(i64::MAX)
        };
        eventually("the bank has told everything", async || untold().await == 0).await;
        bank.close().await;
    }

    fn no_promise_is_broken(&self, orders: &[OrderView]) {
        let known: BTreeSet<_> = orders.iter().map(|order| order.id).collect();
        for promised in self.memory.promises.lock().unwrap().iter() {
            assert!(known.contains(promised), "order {promised} was acknowledged and is not there");
        }
    }

    async fn every_copy_is_accounted_for(&self, caller: &Caller, orders: &[OrderView]) {
        let mut sold: BTreeMap<BookId, i64> = BTreeMap::new();
        for order in orders.iter().filter(|order| order.stock == StockState::Taken) {
            for line in &order.lines {
                *sold.entry(line.book_id).or_default() += line.quantity;
            }
        }
        let received = self.memory.received.lock().unwrap().clone();
        for (book, received) in received {
            let answer = caller.get(&format!("/books/{book}")).await;
            if answer.status == 404 {
                continue;
            }
            let on_hand = answer.expect::<shared_types::books::BookView>(200).on_hand.unwrap();
            let sold = sold.get(&book).copied().unwrap_or(0);
            assert_eq!(on_hand + sold, received, "book {book}: {on_hand} on hand and {sold} sold");
        }
    }

    /// The audit that goes on beside the shop.
    pub async fn auditor(&self) -> Process {
        let mut arguments = vec!["audit".to_owned(), "--every=1".to_owned(), "--listen=127.0.0.1:0".to_owned()];
        arguments.extend(self.named_databases());
        Process::start(&arguments, None, &self.notes("audit.log")).await.unwrap_or_else(|why| panic!("{why}"))
    }

    fn named_databases(&self) -> impl Iterator<Item = String> {
        let flags = [
            (Catalog, "--catalog-db"),
            (Order, "--order-db"),
            (Delivery, "--delivery-db"),
            (Payments, "--payments-db"),
        ];
        flags.into_iter().map(|(part, flag)| format!("{flag}={}", self.databases[&part].url().expose()))
    }

    /// The audit that a shop runs on its own data.
    fn audit(&self) {
        let mut command = Command::new(BINARY);
        command.args(["audit", "--json", "--max-age=0"]).args(self.named_databases());
        let audit = command.output().unwrap();
        let said = String::from_utf8_lossy(&audit.stdout).into_owned() + &String::from_utf8_lossy(&audit.stderr);
        assert!(audit.status.success(), "the audit found something: {said}");
    }
}

/// Waits until nothing is left to do for any order.
async fn until_rest(caller: &Caller) {
    eventually("every order is at rest", async || every_order(caller).await.iter().all(is_at_rest)).await;
}

/// Settled, and its parcel and its copies where its state says.
fn is_at_rest(order: &OrderView) -> bool {
    let approved = order.state == OrderState::Approved && order.payment != PaymentState::Refunded;
    let copies = if approved { StockState::Taken } else { StockState::None };
    let is_due_one = approved && order.address.is_some();
    let parcel = match order.fulfillment {
        FulfillmentState::None => !is_due_one,
        // It came back, and its order may have been undone since.
        FulfillmentState::Returned => order.address.is_some(),
        FulfillmentState::Scheduled
        | FulfillmentState::Shipped
        | FulfillmentState::Delivered
        | FulfillmentState::Failed => is_due_one,
    };
    order.settled && order.stock == copies && parcel
}

fn one_order_for_each_key(orders: &[OrderView]) {
    let mut seen = BTreeSet::new();
    for key in orders.iter().filter_map(|order| order.customer_ref.as_deref()) {
        assert!(seen.insert(key), "two orders for the key {key}");
    }
}

/// All orders, page by page.
async fn every_order(caller: &Caller) -> Vec<OrderView> {
    let mut orders = Vec::new();
    let mut path = "/orders?limit=200".to_owned();
    loop {
        let page: OrderPage = caller.ask(Method::GET, &path, None, None).await.expect(200);
        orders.extend(page.items);
        match page.next_cursor {
            Some(cursor) => path = format!("/orders?limit=200&cursor={cursor}"),
            None => return orders,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "ends with `finish`")]
async fn a_test_that_does_not_finish_fails() {
    let _forgotten = Cluster::start().await;
}
