use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use serde_json::{Value, json};
use service_kit::{
    auth::Service,
    db::{Db, DbOptions, Tx},
    params,
    testing::{Callers, FreePort, TestDatabase, eventually},
};

use crate::shop::{Place, Shop, run};

fn audit(folder: &Path, more: &[&str]) -> (Option<i32>, Value) {
    let mut args = vec!["audit", "--json"];
    args.extend(more);
    let ended = run(folder, &args);
    let report = serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("{ended:?}"));
    (ended.code, report)
}

/// The checks that found something.
fn fired(report: &Value) -> BTreeSet<String> {
    let checks = report["checks"].as_array().unwrap();
    let fired = checks.iter().filter(|check| !check["findings"].as_array().unwrap().is_empty());
    fired.map(|check| check["id"].as_str().unwrap().to_owned()).collect()
}

/// Orders of every kind, all at rest.
struct Sold {
    collected: String,
    scheduled: String,
    delivered: String,
    refused: String,
    undelivered: String,
}

fn purchase(book_id: i64, quantity: i64, with_address: bool) -> Value {
    let mut purchase = json!({"lines": [{"book_id": book_id, "quantity": quantity}], "payment_method": "on_delivery"});
    if with_address {
        purchase["address"] = json!({"recipient": "Ana Lopez", "street": "12 Quay Street", "city": "Porto"});
    }
    purchase
}

impl Sold {
    async fn make(shop: &Shop) -> Sold {
        let buy = async |purchase: Value| {
            let order = shop.post("/api/v1/checkout", purchase).await;
            order["id"].as_str().unwrap().to_owned()
        };
        let scheduled = buy(purchase(10, 1, true)).await;
        let (delivered, undelivered) = (buy(purchase(11, 1, true)).await, buy(purchase(12, 1, true)).await);
        for order in [&scheduled, &delivered, &undelivered] {
            fulfilled(shop, order, "scheduled").await;
        }
        for status in ["shipped", "delivered"] {
            shop.post(&format!("/api/v1/deliveries/{delivered}:d1/moves"), json!({"status": status})).await;
        }
        shop.post_as_order_service(&format!("/deliveries/{undelivered}:d1/cancel"), json!({})).await;
        fulfilled(shop, &delivered, "delivered").await;
        // Its books leave with the next delivery.
        eventually("another parcel", async || {
            let order = shop.get(&format!("/api/v1/orders/{undelivered}")).await;
            order["delivery_id"] == format!("{undelivered}:d2") && order["fulfillment"] == "scheduled"
        })
        .await;
        let problem = shop.post("/api/v1/checkout", purchase(9, 10, false)).await;
        let refused = problem["resource"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        Sold { collected: buy(purchase(8, 2, false)).await, scheduled, delivered, refused, undelivered }
    }
}

async fn fulfilled(shop: &Shop, order: &str, wanted: &str) {
    eventually(wanted, async || {
        let order = shop.get(&format!("/api/v1/orders/{order}")).await;
        order["fulfillment"] == wanted && order["settled"] == true
    })
    .await;
}

#[tokio::test]
async fn each_check_fires_on_a_shop_that_breaks_it_and_on_no_other() {
    let place = Place::new();
    let shop = Shop::up(&place, &[]);
    let sold = Sold::make(&shop).await;
    let (code, live) = audit(place.path(), &[]);
    assert_eq!((code, &live["ok"], &live["in_motion"]), (Some(0), &json!(true), &json!(0)), "{live:#}");
    assert!(shop.stop().success());
    let (code, stopped) = audit(place.path(), &[]);
    assert_eq!((code, &stopped), (Some(0), &live));
    let checked: Vec<&Value> = stopped["checks"].as_array().unwrap().iter().map(|check| &check["checked"]).collect();
    assert_eq!(
        checked,
        [1_000, 5 + 4, 5, 5, 5, 5 + 3],
        "books, orders and takings, orders, orders, orders, orders and deliveries"
    );

    for (what, file, sql, expected) in broken(&sold) {
        let copy = Place::new();
        fs::create_dir(copy.data_dir()).unwrap();
        for file in fs::read_dir(place.data_dir()).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), copy.data_dir().join(file.file_name())).unwrap();
        }
        let database = rusqlite::Connection::open(copy.data_dir().join(file)).unwrap();
        let off = "pragma foreign_keys = off; pragma ignore_check_constraints = on;";
        database.execute_batch(&format!("{off} {sql}")).unwrap();
        let changed = database.changes();
        database.close().unwrap();
        assert!(changed > 0, "{what}: {sql}");
        let (code, report) = audit(copy.path(), &[]);
        let expected: BTreeSet<String> = expected.iter().map(|id| (*id).to_owned()).collect();
        assert_eq!((code, fired(&report)), (Some(1), expected), "{what}: {report:#}");
        assert_eq!(report["ok"], false);
    }
}

type Broken = (&'static str, &'static str, String, &'static [&'static str]);

/// What is done to which database, and the checks that have to notice.
fn broken(sold: &Sold) -> Vec<Broken> {
    [broken_copies(sold), broken_orders(sold), broken_money(sold), broken_parcels(sold)].concat()
}

fn broken_orders(sold: &Sold) -> Vec<Broken> {
    let Sold { collected, delivered, refused, .. } = sold;
    vec![
        (
            "an order that never comes to rest",
            "orders.db",
            format!(
                "update orders set due_at_us = 1, updated_at_us = updated_at_us - 3600000000 where order_id = '{collected}'"
            ),
            &["I4"][..],
        ),
        (
            "a move without an entry",
            "orders.db",
            format!("delete from order_history where order_id = '{collected}' and version = 1"),
            &["I5"],
        ),
        (
            "a move that its entry does not show",
            "orders.db",
            format!("update order_history set state = 'pending' where order_id = '{refused}' and state = 'canceled'"),
            &["I5"],
        ),
        (
            "an order that did not hear of its parcel",
            "orders.db",
            format!("update orders set delivery_version = delivery_version - 1 where order_id = '{delivered}'"),
            &["I5"],
        ),
    ]
}

fn broken_money(sold: &Sold) -> Vec<Broken> {
    let kept = |payment: &str| {
        format!(
            "insert into payment (payment_id, amount_minor, currency, status, captured_minor, refunded_minor, version, \
                                  created_at_us, updated_at_us) \
             values ('{payment}', 100, 'USD', 'succeeded', 100, 0, 1, 1, 1)"
        )
    };
    let unknown = "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f:1";
    vec![
        ("money that is kept for no order", "payments.db", kept(unknown), &["I3"][..]),
        ("money that an order never asked for", "payments.db", kept(&format!("{}:1", sold.collected)), &["I3"]),
        (
            "an order that says it is paid, and nobody paid",
            "orders.db",
            format!(
                "update orders set payment = 'paid' where order_id = '{0}'; \
                 update order_history set payment = 'paid' where order_id = '{0}'",
                sold.collected
            ),
            &["I3"],
        ),
    ]
}

fn broken_parcels(sold: &Sold) -> Vec<Broken> {
    let Sold { scheduled, delivered, undelivered, .. } = sold;
    let unknown = "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f";
    vec![
        (
            "an event that is refused for good",
            "deliveries.db",
            format!(
                "insert into outbox_event (position, event_id, subject, body, time_us) \
                 values (1000, 'e', '{unknown}', '{{}}', 1); \
                 insert into outbox_delivery (subscriber_id, position, subject, held_until_us) \
                 select subscriber_id, 1000, '{unknown}', 9223372036854775807 from outbox_subscriber"
            ),
            &["I5"][..],
        ),
        (
            "a parcel that moved in secret",
            "deliveries.db",
            format!("update delivery set status = 'shipped' where order_id = '{scheduled}'"),
            &["I5"],
        ),
        (
            "a parcel that is lost",
            "deliveries.db",
            format!("delete from delivery where order_id = '{scheduled}'"),
            &["I7"],
        ),
        (
            "two parcels for one order",
            "deliveries.db",
            format!("update delivery set order_id = '{scheduled}' where order_id = '{delivered}'"),
            &["I7"],
        ),
        (
            "a parcel that nobody ordered",
            "deliveries.db",
            format!(
                "update delivery set order_id = '{unknown}', delivery_id = '{unknown}:d1', status = 'shipped' \
                  where delivery_id = '{undelivered}:d1'"
            ),
            &["I7"],
        ),
    ]
}

fn broken_copies(sold: &Sold) -> Vec<Broken> {
    let Sold { collected, refused, .. } = sold;
    let unknown = "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f";
    let taking = |id: &str| {
        format!("insert into taking (taking_id, state, asked, decided_us) values ('{id}', 'taken', '[]', 1)")
    };
    vec![
        (
            "a copy from nowhere",
            "catalog.db",
            "update book set on_hand = on_hand + 1 where book_id = 8".to_owned(),
            &["I1"][..],
        ),
        (
            "fewer copies than none",
            "catalog.db",
            "update book set on_hand = -1, adjusted = -1 - received + taken where book_id = 8".to_owned(),
            &["I1"],
        ),
        (
            "a sale that the row forgot",
            "catalog.db",
            "update book set on_hand = on_hand + 2, taken = 0 where book_id = 8".to_owned(),
            &["I1"],
        ),
        (
            "a sale that the ledger forgot",
            "catalog.db",
            "delete from stock_ledger where book_id = 8 and kind = 'taken'".to_owned(),
            &["I1"],
        ),
        (
            "copies given back behind an order's back",
            "catalog.db",
            format!("update taking set state = 'given_back', given_back_us = 1 where taking_id = '{collected}:1'"),
            &["I1", "I2"],
        ),
        (
            "other copies than were ordered",
            "catalog.db",
            format!("update taking_line set quantity = 3 where taking_id = '{collected}:1'"),
            &["I1", "I2"],
        ),
        (
            "another price than was ordered",
            "catalog.db",
            format!("update taking_line set price_minor = price_minor + 1 where taking_id = '{collected}:1'"),
            &["I2"],
        ),
        ("a second taking", "catalog.db", taking(&format!("{collected}:2")), &["I2"]),
        (
            "copies for an order that was refused",
            "catalog.db",
            format!("update taking set state = 'taken', refused = null where taking_id = '{refused}:1'"),
            &["I2"],
        ),
        ("copies for nobody", "catalog.db", taking(&format!("{unknown}:1")), &["I2"]),
        (
            "an approved order without copies",
            "orders.db",
            format!("update orders set stock = 'none' where order_id = '{collected}'"),
            &["I2", "I5"],
        ),
    ]
}

/// Buys until the shop closes; where it is watched, each parcel is sent off. Answers how many purchases were made.
async fn buy_until(shop: &Shop, closing: &AtomicBool, is_watched: bool) -> i64 {
    let mut bought = 0;
    while !closing.load(Ordering::SeqCst) {
        let order = shop.post("/api/v1/checkout", purchase(20 + bought % 5, 1, true)).await;
        if let (true, Some(id)) = (is_watched, order["id"].as_str()) {
            fulfilled(shop, id, "scheduled").await;
            shop.post(&format!("/api/v1/deliveries/{id}:d1/moves"), json!({"status": "shipped"})).await;
        }
        bought += 1;
    }
    bought
}

#[tokio::test]
async fn a_shop_that_sells_while_it_is_audited_is_not_accused() {
    let place = Place::new();
    let shop = Shop::up(&place, &[]);
    let closing = AtomicBool::new(false);
    let auditing = async {
        for _ in 0..10 {
            let folder = place.path().to_owned();
            let (code, report) = tokio::task::spawn_blocking(move || audit(&folder, &[])).await.unwrap();
            assert_eq!((code, &report["ok"]), (Some(0), &json!(true)), "{report:#}");
        }
        closing.store(true, Ordering::SeqCst);
    };
    let buyer = |is_watched| buy_until(&shop, &closing, is_watched);
    let ((), watched, second, third) = tokio::join!(auditing, buyer(true), buyer(false), buyer(false));
    assert!(watched > 0 && second > 0 && third > 0);
    let (code, report) = audit(place.path(), &[]);
    assert_eq!(code, Some(0), "{report:#}");
    let [catalog, order, delivery] = ["catalog.db", "orders.db", "deliveries.db"]
        .map(|file| format!("sqlite:{}", place.data_dir().join(file).display()));
    let named = ["--catalog-db", &catalog, "--order-db", &order, "--delivery-db", &delivery];
    assert_eq!(audit(place.path(), &named).0, Some(0));
}

#[tokio::test]
async fn services_that_run_apart_are_audited_by_the_addresses_of_their_databases() {
    let place = Place::new();
    let databases = (
        TestDatabase::create("catalog").await,
        TestDatabase::create("orders").await,
        TestDatabase::create("deliveries").await,
    );
    let [catalog_db, order_db, delivery_db] = [&databases.0, &databases.1, &databases.2].map(|db| db.url().expose());
    let named = ["--catalog-db", &catalog_db, "--order-db", &order_db, "--delivery-db", &delivery_db];
    let migrated = run(place.path(), &[&["migrate"][..], &named].concat());
    assert_eq!(migrated.code, Some(0), "{migrated:?}");

    let (gateway_url, order_at) = (Callers::of_this_process().url(), FreePort::reserve());
    let (order_url, order_listen) = (order_at.url(), order_at.address().to_string());
    let issuers = ["--gateway-url", &gateway_url, "--order-url", &order_url];
    let serve = |name: &str, database: &str, more: &[&str]| {
        let args = ["serve", name, "--database-url", database];
        Shop::start(&place, &[&args[..], more].concat()).called_by_employee(Service::named(name).unwrap())
    };
    let catalog = serve("catalog", &catalog_db, &[&issuers[..], &["--listen", "127.0.0.1:0"]].concat());
    let delivery = serve("delivery", &delivery_db, &[&issuers[..], &["--listen", "127.0.0.1:0"]].concat());
    let neighbours = ["--catalog-url", &catalog.url, "--delivery-url", &delivery.url, "--gateway-url", &gateway_url];
    let order = serve("order", &order_db, &[&neighbours[..], &["--listen", &order_listen]].concat());
    let book = json!({"sku": "mug-1", "title": "A mug", "topic": "gifts", "price": 4, "stock": 2});
    catalog.post("/books", book).await;
    for with_address in [false, true, false] {
        order.post("/checkout", purchase(1, 1, with_address)).await;
    }
    eventually("every order is at rest", async || {
        let orders = order.get("/orders").await;
        orders["items"].as_array().unwrap().iter().all(|order| order["settled"] == true)
    })
    .await;
    let (code, report) = audit(place.path(), &named);
    let checked: Vec<&Value> = report["checks"].as_array().unwrap().iter().map(|check| &check["checked"]).collect();
    assert_eq!(
        (code, checked),
        (Some(0), vec![&json!(1), &json!(3 + 2), &json!(0), &json!(3), &json!(3), &json!(3 + 1)]),
        "{report:#}"
    );
    // Nobody told the order service, and nobody is about to.
    let id = order.get("/orders").await["items"][1]["id"].as_str().unwrap().to_owned();
    for service in [order, delivery, catalog] {
        assert!(service.stop().success());
    }
    let db = Db::open(databases.2.url(), DbOptions::default(), delivery_service::MIGRATIONS).await.unwrap();
    let secretly = "update delivery set status = 'shipped' where order_id = $1";
    let moved = db.write(move |tx: &mut Tx<'_>| tx.execute(secretly, &params![id.clone()])).await;
    assert_eq!(moved.unwrap(), 1);
    db.close().await;
    let (code, report) = audit(place.path(), &named);
    assert_eq!((code, fired(&report)), (Some(1), BTreeSet::from(["I5".to_owned()])), "{report:#}");
}

#[test]
fn a_shop_that_is_not_there_is_not_called_sound() {
    let place = Place::new();
    let refused = run(place.path(), &["audit"]);
    assert_eq!((refused.code, refused.out.as_str()), (Some(1), ""), "{refused:?}");
    assert!(refused.err.contains("catalog.db"), "{refused:?}");
    assert!(!place.data_dir().exists());
}
