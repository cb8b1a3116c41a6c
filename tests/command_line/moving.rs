//! A shop moves into other databases, and is the same shop there.

use std::path::Path;

use serde_json::json;
use service_kit::{
    auth::Service,
    db::{Db, DbError, DbOptions, Engine},
    testing::{Callers, PostgresServer, TestDatabase},
};

use crate::shop::{Ended, Place, Shop, run};

const DATABASES: [&str; 5] = ["catalog", "orders", "deliveries", "gateway", "payments"];

/// Databases that are there and empty. A server lives as long as this value.
struct Target {
    template: String,
    _server: Option<PostgresServer>,
}

impl Target {
    fn beside(place: &Place) -> Target {
        match TestDatabase::engine() {
            Engine::Sqlite => {
                let folder = place.path().join("elsewhere");
                Target { template: format!("sqlite:{}/{{service}}.db", folder.display()), _server: None }
            }
            Engine::Postgres => {
                // Its client blocks, so it works on a thread of its own.
                let server = std::thread::spawn(|| {
                    let server = PostgresServer::start("", &[]);
                    for name in DATABASES {
                        server.create(&format!("moved_{name}"));
                    }
                    server
                });
                let server = server.join().unwrap();
                Target { template: server.address("moved_{service}"), _server: Some(server) }
            }
        }
    }

    fn url(&self, name: &str) -> String {
        self.template.replace("{service}", name)
    }

    fn fill(&self, folder: &Path) -> Ended {
        run(folder, &["move", "--from", "sqlite:lastcopy-data", "--to", &self.template])
    }

    /// Somebody else writes to the catalog.
    async fn write_to_catalog(&self, sql: &'static str) {
        let url = self.url("catalog").parse().unwrap();
        let db = Db::open(&url, DbOptions::default(), catalog_service::store::MIGRATIONS).await.unwrap();
        db.write(move |tx| tx.execute(sql, &[]).map(drop)).await.map_err(|error: DbError| error).unwrap();
        db.close().await;
    }
}

/// A shop that has sold by card and on delivery, and has stopped.
async fn shop_with_a_past(place: &Place) -> i64 {
    let shop = Shop::up(place, &[]);
    for method in ["card", "on_delivery"] {
        let mut order = json!({
            "lines": [{"book_id": 8, "quantity": 1}],
            "payment_method": method,
            "address": {"recipient": "Ana Lopez", "street": "12 Quay Street", "city": "Porto"}
        });
        if method == "card" {
            order["card"] = json!({"number": "4242424242424242", "expiry": "12/30"});
        }
        assert_eq!(shop.post("/api/v1/checkout", order).await["state"], "approved");
    }
    let on_hand = shop.on_hand(8).await;
    assert!(shop.stop().success());
    on_hand
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_that_moved_is_the_same_shop() {
    let place = Place::new();
    let on_hand = shop_with_a_past(&place).await;
    let target = Target::beside(&place);
    let moved = target.fill(place.path());
    assert_eq!(moved.code, Some(0), "{moved:?}");
    // Whoever was cut short runs it again: half of the ledger is not there yet.
    target.write_to_catalog("delete from stock_ledger where entry > 500").await;
    let again = target.fill(place.path());
    assert_eq!((again.code, &again.out), (Some(0), &moved.out), "{again:?}");

    let url = target.url("catalog");
    let keys = Callers::of_this_process().url();
    let issuers = ["--gateway-url", &keys, "--order-url", &keys];
    let args = ["serve", "catalog", "--listen", "127.0.0.1:0", "--database-url", &url];
    let catalog = Shop::start(&place, &[args.as_slice(), &issuers].concat());
    let catalog = catalog.called_by_employee(Service::Catalog);
    let found = catalog.get("/books?q=martian").await;
    assert_eq!((&found["items"][0]["id"], &found["items"][0]["on_hand"]), (&json!(8), &json!(on_hand)), "{found}");
    let new = json!({"sku": "after", "title": "The One After", "topic": "moving", "price": 1});
    assert_eq!(catalog.post("/books", new).await["id"], 1_001, "ids go on where they were");
    assert!(catalog.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_the_same_afterwards_is_said() {
    let place = Place::new();
    shop_with_a_past(&place).await;
    let target = Target::beside(&place);
    assert_eq!(target.fill(place.path()).code, Some(0));
    target.write_to_catalog("update book set title = 'Another' where book_id = 8").await;
    let differs = target.fill(place.path());
    assert_eq!(differs.code, Some(1), "{differs:?}");
    assert!(differs.err.contains("table book is not the same on both sides"), "{differs:?}");
}

#[tokio::test]
async fn only_a_shop_that_has_stopped_moves_and_to_one_database_per_service() {
    let place = Place::new();
    let shop = Shop::up(&place, &["--no-demo"]);
    let target = Target::beside(&place);
    let runs = target.fill(place.path());
    assert!(runs.code == Some(1) && runs.err.contains("stop it first"), "{runs:?}");
    assert!(shop.stop().success());
    for (from, to, why) in [
        ("sqlite:lastcopy-data", "postgres://host/one", "{service} is missing"),
        ("sqlite:lastcopy-data", "mysql://host/{service}", "postgres://"),
        ("postgres://host/shop", "postgres://host/{service}", "moves from its data directory"),
        ("sqlite:nowhere", target.template.as_str(), "there is no shop here"),
    ] {
        let refused = run(place.path(), &["move", "--from", from, "--to", to]);
        assert!(refused.code != Some(0) && refused.err.contains(why), "{from} {to}: {refused:?}");
    }
}
