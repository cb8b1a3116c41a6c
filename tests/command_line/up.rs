use std::{fs, net::TcpListener};

use serde_json::{Value, json};

use crate::shop::{ANY_PORTS, Place, Shop, ended, lastcopy, run};

#[tokio::test]
async fn the_shop_comes_up_with_its_demo_books_says_where_and_stops_when_told() {
    let place = Place::new();
    let shop = Shop::up(&place, &[]);
    let names: Vec<&str> = shop.lines.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(names[..3], ["account", "account", "account"], "the demo's passwords, on the first start");
    assert_eq!(names[3..], ["catalog", "delivery", "payments", "order", "gateway", "ready"]);

    let first = shop.get("/api/v1/books/1").await;
    assert_eq!(first["title"], "How to get a good grade in DOS in 40 minutes a day");
    let ninth = shop.get("/api/v1/books/9").await;
    assert_eq!((&ninth["isbn"], &ninth["price"]), (&json!("9780262033848"), &json!(89.99)));
    assert!(shop.get("/api/v1/books/1000").await["title"].is_string());

    let address: Value = serde_json::from_slice(&fs::read(place.data_dir().join("shop.json")).unwrap()).unwrap();
    assert_eq!((&address["gateway"], &address["pid"]), (&json!(shop.url), &json!(shop.pid())));
    for service in ["catalog", "order", "delivery", "payments"] {
        let url = address["services"][service].as_str().unwrap();
        assert!(shop.lines.contains(&format!("{service} {url}")), "{address}");
    }
    assert!(shop.stop().success());
    assert!(!place.data_dir().join("shop.json").exists());
}

#[tokio::test]
async fn what_was_sold_stays_sold_when_the_shop_is_killed() {
    let place = Place::new();
    let shop = Shop::up(&place, &[]);
    let before = shop.on_hand(8).await;
    let purchase = json!({"lines": [{"book_id": 8, "quantity": 2}], "payment_method": "on_delivery"});
    let order = shop.post("/api/v1/checkout", purchase).await;
    assert_eq!(order["state"], "approved");
    shop.kill();
    assert!(place.data_dir().join("shop.json").exists(), "a killed shop cannot tidy up");

    // The address that was left behind leads nowhere, and is in nobody's way.
    let shop = Shop::up(&place, &[]);
    assert_eq!(shop.on_hand(8).await, before - 2);
    let path = format!("/api/v1/orders/{}", order["id"].as_str().unwrap());
    assert_eq!(shop.get(&path).await["state"], "approved");
    let books = shop.get("/api/v1/books?sort=id&limit=1").await;
    assert_eq!(books["items"][0]["id"], 1, "the demo books came once");
    assert!(shop.stop().success());
}

#[tokio::test]
async fn a_shop_without_demo_books_is_empty_and_gets_them_only_when_asked() {
    let place = Place::new();
    let shop = Shop::up(&place, &["--no-demo"]);
    assert_eq!(shop.get("/api/v1/books").await["items"], json!([]));
    assert!(shop.stop().success());
    let shop = Shop::up(&place, &[]);
    assert!(shop.get("/api/v1/books/1000").await["id"].is_i64());
    assert!(shop.stop().success());
}

#[test]
fn a_port_in_use_is_named_with_the_flag_that_chooses_another() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for flag in ["--port", "--catalog-port", "--order-port", "--delivery-port", "--payments-port"] {
        // The later of two equal flags wins.
        let mut args = vec!["up"];
        for pair in ANY_PORTS.chunks(2).filter(|pair| pair[0] != flag) {
            args.extend(pair);
        }
        args.extend([flag, &port]);
        let refused = run(place.path(), &args);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        let expected = format!("lastcopy: port {port} on 127.0.0.1 is in use: choose another with {flag} ");
        assert!(refused.err.contains(&expected), "{refused:?}");
    }
}

#[tokio::test]
async fn a_data_directory_has_one_shop_at_a_time() {
    let place = Place::new();
    let shop = Shop::up(&place, &["--no-demo"]);
    let refused = run(place.path(), &ANY_PORTS);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains(&shop.url), "{refused:?}");
    assert_eq!(shop.get("/health/ready").await["status"], "ready");
    assert!(place.data_dir().join("shop.json").exists(), "the refused shop leaves the other's address alone");
    assert!(shop.stop().success());
}

#[tokio::test]
async fn a_service_can_be_run_alone() {
    let place = Place::new();
    let shop = Shop::start(
        &place,
        &["serve", "catalog", "--listen", "127.0.0.1:0", "--database-url", "sqlite:apart/catalog.db"],
    );
    assert_eq!(shop.lines.len(), 2, "{:?}", shop.lines);
    assert_eq!(shop.get("/health/ready").await["status"], "ready");
    assert!(shop.stop().success());
    assert!(place.path().join("apart/catalog.db").exists());
}

#[test]
fn a_flag_may_come_from_the_environment_whatever_the_command() {
    let place = Place::new();
    let migrated = ended(lastcopy(place.path(), &["migrate"]).env("LASTCOPY_DATA_DIR", "elsewhere"));
    assert_eq!(migrated.code, Some(0), "{migrated:?}");
    for file in ["catalog.db", "orders.db", "deliveries.db", "gateway.db", "payments.db"] {
        assert!(place.path().join("elsewhere").join(file).exists(), "{file}");
    }
    let again = run(place.path(), &["migrate", "--data-dir", "elsewhere"]);
    assert_eq!((again.code, again.out.lines().count()), (Some(0), 5), "{again:?}");
    let wrong = run(place.path(), &["--port", "0", "migrate"]);
    assert_eq!(wrong.code, Some(2), "a flag of another command is not ignored: {wrong:?}");
}

/// A text in a number's column is refused by PostgreSQL, and has to be by SQLite.
#[test]
fn every_table_of_every_database_is_strict() {
    let place = Place::new();
    assert_eq!(run(place.path(), &["migrate"]).code, Some(0));
    for file in ["catalog.db", "orders.db", "deliveries.db", "gateway.db", "payments.db"] {
        let database = rusqlite::Connection::open(place.data_dir().join(file)).unwrap();
        // refinery makes its own tables, full-text search and counters are SQLite's.
        let all = "select name, strict from pragma_table_list where schema = 'main' and type = 'table' \
                   and name not like 'sqlite_%' and name not like '%schema_history'";
        let mut tables = database.prepare(all).unwrap();
        let tables = tables.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let tables: Vec<(String, bool)> = tables.collect::<Result<_, _>>().unwrap();
        assert!(tables.len() >= 5, "{file}: {tables:?}");
        let lax: Vec<&String> = tables.iter().filter(|(_, strict)| !strict).map(|(name, _)| name).collect();
        assert_eq!(lax, Vec::<&String>::new(), "{file}");
    }
}

#[test]
fn health_says_whether_the_shop_is_ready() {
    let place = Place::new();
    let shop = Shop::up(&place, &["--no-demo"]);
    let url = shop.url.clone();
    assert_eq!(run(place.path(), &["health", &url]).code, Some(0));
    assert!(shop.stop().success());
    let gone = run(place.path(), &["health", &url]);
    assert_eq!(gone.code, Some(1));
    assert!(gone.err.contains("refused"), "{}", gone.err);
}
