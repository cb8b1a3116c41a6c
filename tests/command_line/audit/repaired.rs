use std::{
    collections::BTreeSet,
    io::Write,
    process::{Command, Stdio},
};

use reqwest::Method;
use serde_json::{Value, json};
use service_kit::testing::eventually;

use super::{Sold, audit, purchase, shop_with_reports};
use crate::{
    audit_log::{bearer, send},
    shop::{Ended, Place, Shop, ended, lastcopy},
};

const NOBODYS: &str = "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f";

/// To a shop that runs: an order that is forgotten, one that did not hear of its parcel, and copies, money and a parcel for
/// an order that there is not.
fn damage(place: &Place, sold: &Sold) {
    let Sold { collected, delivered, .. } = sold;
    // Further away would be a time that a clock wrote which was ahead, and the driver would not wait for it.
    let later = "cast(unixepoch('subsec') * 1000000 as integer) + 50000000";
    let damages = [
        (
            "orders.db",
            format!(
                "update orders set state = 'pending', stock = 'taking', due_at_us = {later}, \
                                   updated_at_us = updated_at_us - 3600000000 where order_id = '{collected}'; \
                 update orders set delivery_version = delivery_version - 1, fulfillment = 'shipped' \
                  where order_id = '{delivered}'"
            ),
        ),
        (
            "catalog.db",
            format!(
                "insert into taking (taking_id, state, asked, decided_us) values ('{NOBODYS}:1', 'taken', '20:1', 1); \
                 insert into taking_line (taking_id, book_id, quantity, title, price_minor) \
                 select '{NOBODYS}:1', book_id, 1, title, price_minor from book where book_id = 20; \
                 update book set on_hand = on_hand - 1, taken = taken + 1 where book_id = 20; \
                 insert into stock_ledger (book_id, kind, delta, reason, actor, taking_id, at_us) \
                 values (20, 'taken', -1, 'r', 'a', '{NOBODYS}:1', 1)"
            ),
        ),
        (
            "payments.db",
            format!(
                "insert into payment (payment_id, amount_minor, currency, status, captured_minor, refunded_minor, version, \
                                      created_at_us, updated_at_us) \
                 values ('{NOBODYS}:1', 100, 'USD', 'succeeded', 100, 0, 1, 1, 1)"
            ),
        ),
        (
            "deliveries.db",
            format!(
                "insert into delivery (delivery_id, order_id, address, booked_courier, courier, status, version, \
                                       created_at_us, updated_at_us) \
                 select '{NOBODYS}:d1', '{NOBODYS}', address, booked_courier, courier, 'scheduled', 1, 1, 1 \
                   from delivery where delivery_id = '{delivered}:d1'"
            ),
        ),
    ];
    wreak(place, &damages);
}

fn wreak(place: &Place, damages: &[(&str, String)]) {
    for (file, sql) in damages {
        let database = rusqlite::Connection::open(place.data_dir().join(file)).unwrap();
        database.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
        database.execute_batch(&format!("begin immediate; {sql}; commit")).unwrap();
    }
}

/// By the database itself: of what is done behind its back the catalog tells nobody.
fn on_hand(place: &Place) -> i64 {
    let database = rusqlite::Connection::open(place.data_dir().join("catalog.db")).unwrap();
    database.query_row("select on_hand from book where book_id = 20", [], |row| row.get(0)).unwrap()
}

fn repair(place: &Place, more: &[&str]) -> Ended {
    let mut command = lastcopy(place.path(), &[&["audit", "--repair"][..], more].concat());
    ended(command.stdin(Stdio::null()))
}

#[tokio::test]
async fn what_was_found_is_set_right_when_it_is_wanted_once_and_leaves_a_line() {
    let place = Place::new();
    let shop = shop_with_reports(&place);
    let sold = Sold::make(&shop).await;
    shop.post("/api/v1/checkout", purchase(20, 1, false)).await;
    let before = on_hand(&place);
    damage(&place, &sold);
    let (code, report) = audit(place.path(), &[]);
    assert_eq!((code, on_hand(&place)), (Some(1), before - 1), "{report:#}");

    let unasked = repair(&place, &[]);
    assert_eq!(unasked.code, Some(1), "{unasked:?}");
    assert!(unasked.err.contains("--yes"), "{unasked:?}");
    assert_eq!(audit(place.path(), &[]).1, report, "nobody wanted it");

    let repaired = repair(&place, &["--yes"]);
    for done in [
        format!("repaired: order {}: drive the order on: due", sold.collected),
        format!("repaired: order {}: ask where its parcel is: heard", sold.delivered),
        format!("repaired: taking {NOBODYS}:1: give its copies back: given_back"),
        format!("repaired: payment {NOBODYS}:1: give its money back: refunded"),
        format!("repaired: delivery {NOBODYS}:d1: cancel the delivery: canceled"),
    ] {
        assert!(repaired.out.contains(&done), "{done}: {repaired:?}");
    }
    eventually("everything is at rest again", async || audit(place.path(), &[]).0 == Some(0)).await;
    assert_eq!(on_hand(&place), before);
    let again = repair(&place, &["--yes"]);
    assert_eq!((again.code, again.out.contains("repaired")), (Some(0), false), "{again:?}");
    logged(&shop).await;
    assert!(shop.stop().success());
}

/// Each repair has its line, and what an order stands behind is never taken from it.
async fn logged(shop: &Shop) {
    let administrator = bearer(shop, "administrator").await;
    let (path, who) = ("/api/v1/audit-log?limit=200", ("authorization", administrator.as_str()));
    let (status, log) = send(shop, Method::GET, path, who, None).await;
    assert_eq!(status, 200, "{log}");
    let lines: Vec<&Value> = log["items"].as_array().unwrap().iter().collect();
    for what in
        [format!("give_back/{NOBODYS}:1"), format!("refund/{NOBODYS}:1"), format!("cancel_delivery/{NOBODYS}:d1")]
    {
        let its = lines.iter().filter(|line| line["resource"].as_str().is_some_and(|path| path.ends_with(&what)));
        assert_eq!(its.count(), 1, "{what}: {log:#}");
    }
}

#[tokio::test]
async fn nothing_is_taken_from_an_order_that_stands_behind_it() {
    let place = Place::new();
    let shop = shop_with_reports(&place);
    let sold = Sold::make(&shop).await;
    let Sold { collected, charged, scheduled, .. } = &sold;
    for what in
        [format!("give_back/{collected}:1"), format!("refund/{charged}:1"), format!("cancel_delivery/{scheduled}:d1")]
    {
        let refused = shop.post(&format!("/api/v1/repairs/{what}"), json!({})).await;
        assert_eq!((&refused["status"], &refused["code"]), (&json!(409), &json!("invalid_transition")), "{what}");
    }
    let (code, report) = audit(place.path(), &[]);
    assert_eq!(code, Some(0), "{report:#}");
    assert!(shop.stop().success());
}

/// A repair at a terminal at which somebody types this, and then leaves.
fn at_a_terminal(place: &Place, typed: &str) -> Ended {
    let audit = format!("exec {} audit --repair", env!("CARGO_BIN_EXE_lastcopy"));
    // Part of every Debian: it stands between a pipe and a terminal of the command's own.
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &audit, "/dev/null"]).current_dir(place.path()).env_clear();
    let mut script = script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    script.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    let output = script.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

#[tokio::test]
async fn only_what_somebody_says_yes_to_is_repaired_and_whoever_leaves_is_asked_no_more() {
    let place = Place::new();
    let shop = shop_with_reports(&place);
    let sold = Sold::make(&shop).await;
    damage(&place, &sold);
    // How often he was asked, and how much was repaired.
    for (typed, questions, repairs) in [("", 1, 0), ("\nn\nyep\n", 4, 0), ("n\ny\n", 3, 1), ("yes\n", 2, 1)] {
        let ended = at_a_terminal(&place, typed);
        let said = |what: &str| ended.out.matches(what).count();
        assert_eq!((said("[y/N]"), said("repaired: ")), (questions, repairs), "{typed:?}: {ended:?}");
        assert_eq!(ended.code, Some(1), "something is left: {ended:?}");
    }
    assert!(shop.stop().success());
}

/// The order has not heard of its parcel's last move, because it refused the event too often.
fn park_the_last_move(place: &Place, order: &str) {
    let event = json!({
        "specversion": "1.0", "id": format!("{order}:d1:3"), "source": "lastcopy/delivery",
        "type": "lastcopy.delivery.changed", "subject": order, "time": "2026-01-01T00:00:00Z",
        "datacontenttype": "application/json",
        "data": {"delivery_id": format!("{order}:d1"), "order_id": order, "version": 3, "status": "delivered"},
    });
    let damages = [
        (
            "orders.db",
            format!(
                "update orders set delivery_version = 2, fulfillment = 'shipped' where order_id = '{order}'; \
                 delete from inbox where event_id = '{order}:d1:3'"
            ),
        ),
        (
            "deliveries.db",
            format!(
                "insert into outbox_event (event_id, subject, body, time_us) values ('{order}:d1:3', '{order}', '{event}', 1); \
                 insert into outbox_delivery (subscriber_id, position, subject, held_until_us, detail) \
                 select subscriber_id, last_insert_rowid(), '{order}', {}, 'refused' from outbox_subscriber \
                  where name = 'order'",
                i64::MAX
            ),
        ),
    ];
    wreak(place, &damages);
}

#[tokio::test]
async fn a_parked_event_is_sent_again_and_heard() {
    let place = Place::new();
    let shop = shop_with_reports(&place);
    let delivered = Sold::make(&shop).await.delivered;
    park_the_last_move(&place, &delivered);
    let (code, report) = audit(place.path(), &[]);
    assert_eq!((code, super::fired(&report)), (Some(1), BTreeSet::from(["I5".to_owned()])), "{report:#}");
    assert_eq!(shop.get(&format!("/api/v1/orders/{delivered}")).await["fulfillment"], "shipped");

    let repaired = repair(&place, &["--yes"]);
    assert!(repaired.out.contains("send the event again: sent"), "{repaired:?}");
    eventually("the order has heard", async || {
        shop.get(&format!("/api/v1/orders/{delivered}")).await["fulfillment"] == "delivered"
    })
    .await;
    eventually("everything is at rest again", async || audit(place.path(), &[]).0 == Some(0)).await;
    assert!(shop.stop().success());
}
