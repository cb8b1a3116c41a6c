//! A backup of a shop that sells is a shop.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

use serde_json::{Value, json};
use service_kit::testing::eventually;

use crate::shop::{Place, Shop, run};

const BUYERS: usize = 6;
const BACKUPS: usize = 3;
/// Demo books with copies enough for everybody.
const FIRST_BOOK: i64 = 8;

/// Buys one copy after the other, by card and on delivery in turn, until told to stop.
async fn buy(shop: &Shop, buyer: usize, acknowledged: &Mutex<Vec<String>>, stopping: &AtomicBool) {
    let book = FIRST_BOOK + i64::try_from(buyer).unwrap();
    for number in 0.. {
        if stopping.load(Ordering::Relaxed) {
            return;
        }
        let mut order = json!({"lines": [{"book_id": book, "quantity": 1}], "payment_method": "on_delivery"});
        if number % 2 == 0 {
            order["payment_method"] = json!("card");
            order["card"] = json!({"number": "4242424242424242", "expiry": "12/30"});
        }
        let answer = shop.post("/api/v1/checkout", order).await;
        if let Some(id) = answer["id"].as_str() {
            acknowledged.lock().unwrap().push(id.to_owned());
        }
    }
}

/// Takes backups one after the other; what was acknowledged before the last of them began.
async fn back_up(place: &Place, acknowledged: &Mutex<Vec<String>>) -> Vec<String> {
    let mut before = Vec::new();
    for number in 1..=BACKUPS {
        eventually("somebody has bought", async || acknowledged.lock().unwrap().len() > before.len()).await;
        before = acknowledged.lock().unwrap().clone();
        let folder = place.path().to_path_buf();
        let ended = tokio::task::spawn_blocking(move || run(&folder, &["backup", &format!("backup-{number}")]));
        let ended = ended.await.unwrap();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.out.contains(&format!("backup-{number} is complete")), "{ended:?}");
    }
    before
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_shop_that_sells_is_a_shop_with_every_order_of_before() {
    let place = Place::new();
    let shop = Shop::up(&place, &[]);
    let (acknowledged, stopping) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    let buyers = (0..BUYERS).map(|buyer| buy(&shop, buyer, &acknowledged, &stopping));
    let backups = async {
        let before = back_up(&place, &acknowledged).await;
        stopping.store(true, Ordering::Relaxed);
        before
    };
    let (_, before) = futures_util::future::join(futures_util::future::join_all(buyers), backups).await;
    assert!(shop.stop().success());

    let other = Place::new();
    let backup = place.path().join(format!("backup-{BACKUPS}"));
    let restored = run(other.path(), &["restore", backup.to_str().unwrap()]);
    assert_eq!(restored.code, Some(0), "{restored:?}");
    let shop = Shop::up(&other, &[]);
    for id in &before {
        let settled = |order: &Value| order["id"] == json!(id) && order["settled"] == true;
        eventually("an order of before the backup is at rest", async || {
            settled(&shop.get(&format!("/api/v1/orders/{id}")).await)
        })
        .await;
    }
    assert!(shop.stop().success());
    let audit = run(other.path(), &["audit"]);
    assert_eq!(audit.code, Some(0), "{audit:?}");
}

#[tokio::test]
async fn a_backup_never_covers_what_is_there_and_names_what_is_not() {
    let place = Place::new();
    let nothing = run(place.path(), &["backup", "to"]);
    assert_eq!(nothing.code, Some(1), "{nothing:?}");
    assert!(nothing.err.contains("catalog.db: there is no shop here"), "{nothing:?}");
    assert!(!place.path().join("to").exists());

    assert!(Shop::up(&place, &["--no-demo"]).stop().success());
    place.file("to", "a file of somebody");
    let taken = run(place.path(), &["backup", "to"]);
    assert_eq!((taken.code, place.read("to").as_str()), (Some(1), "a file of somebody"), "{taken:?}");
    assert_eq!(run(place.path(), &["backup", "cold"]).code, Some(0), "a shop that is closed is copied too");
    let full = run(place.path(), &["backup", "cold"]);
    assert!(full.code == Some(1) && full.err.contains("not empty"), "{full:?}");
    let covered = run(place.path(), &["restore", "cold"]);
    assert!(covered.code == Some(1) && covered.err.contains("not empty"), "{covered:?}");
    let unfinished = std::fs::read_dir(place.path())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains("unfinished"));
    assert_eq!(unfinished.count(), 0, "nothing is left of what was given up");
}
