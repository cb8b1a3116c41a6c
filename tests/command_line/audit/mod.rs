/// What is done to which database, and who has to notice.
mod broken;
/// Beside a shop that sells.
mod going_on;
/// What is set right again.
mod repaired;

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

use broken::broken;

use crate::shop::{ANY_PORTS, Place, Shop, lastcopy, run};

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

/// The kinds of findings in this field of the checks, or of their findings.
fn kinds<'a>(named: impl Iterator<Item = &'a Value>) -> BTreeSet<String> {
    named.map(|kind| kind.as_str().unwrap().to_owned()).collect()
}

fn checks(report: &Value) -> impl Iterator<Item = &Value> {
    report["checks"].as_array().unwrap().iter()
}

/// Orders of every kind, all at rest.
struct Sold {
    collected: String,
    scheduled: String,
    delivered: String,
    refused: String,
    undelivered: String,
    /// Paid by card, at the sandbox.
    charged: String,
    /// Paid by money that was reported.
    reported: String,
}

/// Whoever has it is believed when he says that money has arrived.
const REPORTERS_SECRET: &str = "of whoever counts the money";

/// A shop in which money may be reported.
fn shop_with_reports(place: &Place) -> Shop {
    let mut command = lastcopy(place.path(), &ANY_PORTS);
    command.env("WEBHOOK_SECRET", REPORTERS_SECRET);
    Shop::spawn(place, command)
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
        let mut by_card = purchase(13, 1, false);
        by_card["payment_method"] = json!("card");
        by_card["card"] = json!({"number": "4242424242424242", "expiry": "12/30"});
        let mut by_invoice = purchase(14, 1, false);
        by_invoice["payment_method"] = json!("invoice");
        let (charged, reported) = (buy(by_card).await, buy(by_invoice).await);
        shop.report_money(REPORTERS_SECRET, &reported).await;
        eventually("the reported money pays", async || {
            let order = shop.get(&format!("/api/v1/orders/{reported}")).await;
            order["payment"] == "paid" && order["settled"] == true
        })
        .await;
        let collected = buy(purchase(8, 2, false)).await;
        Sold { collected, scheduled, delivered, refused, undelivered, charged, reported }
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
    let shop = shop_with_reports(&place);
    let sold = Sold::make(&shop).await;
    let (code, live) = audit(place.path(), &[]);
    assert_eq!((code, &live["ok"], &live["in_motion"]), (Some(0), &json!(true), &json!(0)), "{live:#}");
    assert!(shop.stop().success());
    let (code, stopped) = audit(place.path(), &[]);
    assert_eq!((code, &stopped), (Some(0), &live));
    let checked: Vec<&Value> = stopped["checks"].as_array().unwrap().iter().map(|check| &check["checked"]).collect();
    assert_eq!(
        checked,
        [1_000, 7 + 6, 7 + 1, 7, 7, 7 + 3, 7 + 3],
        "books, orders and takings, orders and payments, orders, orders, keys of orders and of other requests, orders and deliveries"
    );

    let mut found = BTreeSet::new();
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
        let is_sound = expected.is_empty();
        assert_eq!((code, fired(&report)), (Some(i32::from(!is_sound)), expected), "{what}: {report:#}");
        assert_eq!(report["ok"], is_sound);
        let findings = checks(&report).flat_map(|check| check["findings"].as_array().unwrap());
        found.extend(kinds(findings.map(|finding| &finding["kind"])));
    }
    // Whoever teaches the audit to find something new shows here that it does.
    let known = kinds(checks(&stopped).flat_map(|check| check["kinds"].as_array().unwrap()));
    assert_eq!(found, known);
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
        (Some(0), vec![&json!(1), &json!(3 + 2), &json!(3), &json!(3), &json!(3), &json!(0), &json!(3 + 1)]),
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
