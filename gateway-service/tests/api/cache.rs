//! What the gateway keeps of the catalog's answers, and what it never keeps. Each sentence of the promise has its test.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};
use service_kit::testing::{eventually, eventually_some};
use shared_types::identity::Role::Customer;

use crate::{
    person::Person,
    shelf::{Shelf, changed},
    shop::{Answer, OPERATOR_KEY, Shop},
};

/// A price as the shop writes it.
fn price(n: i64) -> Value {
    serde_json::from_str(&format!("{n}.5")).unwrap()
}

/// A change is to be seen everywhere after this.
const IN_TIME: Duration = Duration::from_millis(100);

/// Whether there is time: minutes instead of seconds.
#[expect(clippy::disallowed_methods, reason = "whoever runs the tests chooses how long")]
fn is_long() -> bool {
    std::env::var_os("LASTCOPY_TEST_LONG").is_some()
}

/// Nothing is dropped by time in a test of what drops it.
const FOR_EVER_S: u64 = 3_600;

#[tokio::test(flavor = "multi_thread")]
async fn items_cache_says_whether_an_answer_was_kept() {
    let shop = Shop::open("cache_header").await;
    let book = shop.book("c-1", "cooking", 5).await;
    for path in [format!("/api/v1/books/{book}"), "/api/v1/books?topic=cooking".to_owned(), "/api/v1/topics".to_owned()]
    {
        let first = shop.get(&path).await;
        assert_eq!(first.header("x-cache"), "MISS", "{path}");
        // The event of the book's creation may come between two reads, and drops what the first one left.
        let second = eventually_some("an answer is kept", async || {
            Some(shop.get(&path).await).filter(|answer| answer.header("x-cache") == "HIT")
        })
        .await;
        assert_eq!((second.status, &second.json), (200, &first.json), "{path}");
        assert_eq!(second.header("etag"), first.header("etag"), "{path}");
    }
    // A dialect reads what the shop reads, right after it. Here, too, the event may come between the two.
    eventually("what the shop read is kept for a dialect", async || {
        let read = shop.get(&format!("/api/v1/books/{book}")).await;
        assert_eq!(read.status, 200);
        shop.get(&format!("/info/{book}")).await.header("x-cache") == "HIT"
    })
    .await;
    for personal in ["/api/v1/orders", "/api/v1/deliveries"] {
        for _ in 0..2 {
            assert_eq!(shop.get(personal).await.header("x-cache"), "", "{personal} is nobody else's business");
        }
    }
    shop.close().await;
}

/// What does not differ from answer to answer.
fn lasting_headers(answer: &Answer) -> BTreeMap<String, String> {
    let lasting = |name: &str| !["date", "x-cache", "x-process-time", "x-request-id"].contains(&name);
    let headers = answer.headers.iter().filter(|(name, _)| lasting(name.as_str()));
    headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_book_at_hand_is_what_its_route_answers_and_only_to_who_may_ask() {
    let shop = Shop::open("cache_at_hand").await;
    let book = shop.book("h-1", "cooking", 5).await;
    let path = format!("/api/v1/books/{book}");
    let ask = async |headers: &[(&str, &str)], path: &str| shop.send_as_is(Method::GET, path, headers, None).await;
    let mut from_its_route = None;
    let kept = eventually_some("the book is kept", async || {
        let answer = shop.get(&path).await;
        if answer.header("x-cache") == "HIT" {
            return Some(answer);
        }
        from_its_route = Some(answer);
        None
    });
    let kept = kept.await;
    let from_its_route = from_its_route.expect("the first is not kept");
    assert_eq!((kept.status, &kept.text), (from_its_route.status, &from_its_route.text));
    assert_eq!(lasting_headers(&kept), lasting_headers(&from_its_route));
    // What nobody in particular may see is kept, too: a wrong credential is refused all the same.
    eventually("it is kept for nobody", async || ask(&[], &path).await.header("x-cache") == "HIT").await;
    for stranger in [("x-api-key", "nobody's"), ("authorization", "Bearer x"), ("x-guest-token", "lcg_x_y")] {
        let refused = ask(&[stranger], &path).await;
        assert_eq!((refused.status, refused.header("x-cache")), (401, ""), "{stranger:?}");
    }
    let two = ask(&[("x-api-key", OPERATOR_KEY), ("authorization", "Bearer x")], &path).await;
    assert_eq!(two.code(), "malformed_header", "{two:?}");
    // The event of the book's creation may come late, and drops what was kept.
    let known = eventually_some("who has it is told so from here", async || {
        let known = ask(&[("x-api-key", OPERATOR_KEY), ("if-none-match", kept.header("etag"))], &path).await;
        Some(known).filter(|known| known.header("x-cache") == "HIT")
    });
    let known = known.await;
    assert_eq!((known.status, known.text.as_str()), (304, ""));
    for (other, status) in [("/", 200), ("?view=full", 200), ("/ledger", 200), ("%20", 400), ("x", 400)] {
        let answer = ask(&[("x-api-key", OPERATOR_KEY)], &format!("{path}{other}")).await;
        assert_eq!(answer.status, status, "{other}: {answer:?}");
    }
    assert_eq!(shop.send(Method::PUT, &path, &[], None).await.code(), "method_not_allowed");
    // In the numbers it is its route's, which nobody has looked for.
    let numbers = shop.numbers().await;
    let routes: BTreeSet<&str> = numbers
        .lines()
        .filter(|line| line.starts_with("lastcopy_http_request_seconds_count{method=\"GET\""))
        .filter_map(|line| line.split("route=\"").nth(1)?.split('"').next())
        .filter(|route| route.starts_with("/api/v1/books"))
        .collect();
    assert_eq!(routes, BTreeSet::from(["/api/v1/books/{book}", "/api/v1/books/{book}/ledger"]));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_never_sees_his_own_old_value() {
    let shop = Shop::open("cache_writer").await;
    let book = shop.book("w-1", "cooking", 100).await;
    let path = format!("/api/v1/books/{book}");
    let listed = async |path: &str| shop.get(path).await.json["items"][0].clone();
    for n in 1..=20 {
        let seen = [shop.get(&path).await, shop.get("/api/v1/books?state=AVAILABLE").await];
        assert!(seen.iter().all(|answer| answer.status == 200));
        assert_eq!(shop.send(Method::PATCH, &path, &[], Some(json!({"price": price(n)}))).await.status, 200);
        assert_eq!(shop.get(&path).await.json["price"], price(n));
        assert_eq!(listed("/api/v1/books").await["price"], price(n));
        let adjust = json!({"delta": 1, "reason": "found"});
        let adjusted = shop.post(&format!("{path}/stock-adjustments"), adjust).await.json["on_hand"].clone();
        assert_eq!(shop.get(&path).await.json["on_hand"], adjusted);
        let order = json!({"lines": [{"book_id": book, "quantity": 2}], "payment_method": "on_delivery"});
        let bought = shop.post("/api/v1/checkout", order).await;
        assert_eq!(bought.status, 201, "{bought:?}");
        let left = json!(100 - n);
        assert_eq!(
            (&shop.get(&path).await.json["on_hand"], &listed("/api/v1/books?topic=cooking").await["on_hand"]),
            (&left, &left)
        );
    }
    assert_eq!(shop.delete(&path).await.status, 204);
    assert_eq!(shop.get(&path).await.status, 404);
    assert_eq!(shop.get("/api/v1/books").await.json["items"], json!([]));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_with_other_permissions_never_see_each_others_answers() {
    let shop = Shop::open("cache_sight").await;
    let book = shop.book("s-1", "cooking", 5).await;
    for path in [format!("/api/v1/books/{book}"), "/api/v1/books".to_owned()] {
        for _ in 0..3 {
            let staff = shop.send_as_is(Method::GET, &path, &[("x-api-key", OPERATOR_KEY)], None).await;
            assert!(staff.json.to_string().contains("on_hand"), "{staff:?}");
            let nobody = shop.send_as_is(Method::GET, &path, &[], None).await;
            assert!(nobody.status == 200 && !nobody.json.to_string().contains("on_hand"), "{nobody:?}");
        }
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_customers_who_alternate_never_see_each_others_answers() {
    let shop = Shop::open("cache_personal").await;
    let book = shop.book("p-1", "cooking", 10).await;
    let (ana, ben) = (Person::enters(&shop, "ana", Customer).await, Person::enters(&shop, "ben", Customer).await);
    let order = json!({"lines": [{"book_id": book, "quantity": 1}], "payment_method": "on_delivery"});
    let bought = ana.post("/api/v1/checkout", order).await;
    assert_eq!(bought.status, 201, "{bought:?}");
    let path = bought.header("location");
    for _ in 0..3 {
        let (hers, his) = (ana.get("/api/v1/orders").await, ben.get("/api/v1/orders").await);
        assert_eq!((&hers.json["items"][0]["id"], &his.json["items"]), (&bought.json["id"], &json!([])));
        assert_eq!((ana.get(path).await.status, ben.get(path).await.status), (200, 404));
        assert_eq!((ana.get("/api/v1/auth/me").await.json["username"].as_str()), Some("ana"));
        assert_eq!((ben.get("/api/v1/auth/me").await.json["username"].as_str()), Some("ben"));
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_past_this_gateway_is_seen_here_at_once() {
    let shop = Shop::open("cache_replicas").await;
    let book = shop.book("r-1", "cooking", 5).await;
    let path = format!("/api/v1/books/{book}");
    let mut waits = Vec::new();
    for n in 1..=if is_long() { 1_000 } else { 20 } {
        assert_eq!(shop.get(&path).await.status, 200);
        assert_eq!(
            shop.past_the_gateway(Method::PATCH, &format!("/books/{book}"), json!({"price": price(n)})).await,
            200
        );
        let began = Instant::now();
        eventually("an event has dropped it", async || shop.get(&path).await.json["price"] == price(n)).await;
        waits.push(began.elapsed());
    }
    waits.sort();
    let at = |part: usize| waits[(waits.len() * part / 1_000).min(waits.len() - 1)];
    let in_time = waits.iter().filter(|wait| **wait < IN_TIME).count();
    eprintln!("seen after {:?} (median), {:?} (p99), {:?} (longest)", at(500), at(990), at(1_000));
    eprintln!("{in_time} of {} within {IN_TIME:?}", waits.len());
    // What is kept for an hour can only have been dropped, by an event that its commit sent on its way
    // (`a_commit_wakes_the_relay_and_nothing_waits_for_a_poll`). How soon that is on a busy machine is measured;
    // only something far slower fails.
    assert!(at(500) < Duration::from_millis(1_000), "{waits:?}");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_began_before_a_change_is_not_kept_after_it() {
    let shelf = Shelf::open(FOR_EVER_S).await;
    shelf.hold();
    let early = shelf.start_reading();
    eventually("the read has seen the first version", async || shelf.asked() == 1).await;
    shelf.set_version(2);
    shelf.tell(&changed(1, 2)).await;
    shelf.release();
    assert_eq!(early.await.unwrap(), 1, "it began before the change, and may say so");
    assert_eq!(shelf.read().await, 2, "what was read before the change was kept after it");
    shelf.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_after_a_change_does_not_join_a_read_from_before_it() {
    let shelf = Shelf::open(FOR_EVER_S).await;
    shelf.hold();
    let early = shelf.start_reading();
    eventually("the read has seen the first version", async || shelf.asked() == 1).await;
    shelf.set_version(2);
    shelf.tell(&changed(1, 2)).await;
    let late = shelf.start_reading();
    shelf.release();
    assert_eq!((early.await.unwrap(), late.await.unwrap()), (1, 2));
    shelf.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_ask_the_same_at_once_are_one_question() {
    let shelf = Shelf::open(FOR_EVER_S).await;
    shelf.hold();
    let readers: Vec<_> = (0..50).map(|_| shelf.start_reading()).collect();
    eventually("somebody asks", async || shelf.asked() > 0).await;
    shelf.release();
    for reader in readers {
        assert_eq!(reader.await.unwrap(), 1);
    }
    assert_eq!(shelf.asked(), 1);
    shelf.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_served_that_is_older_than_its_time() {
    let shelf = Shelf::open(1).await;
    assert_eq!(shelf.read().await, 1);
    // No event: as if the line to the catalog were cut.
    shelf.set_version(2);
    let began = Instant::now();
    eventually("the new version is seen", async || shelf.read().await == 2).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(shelf.asked(), 2);
    shelf.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_age_of_an_answer_begins_when_it_was_asked_for() {
    let shelf = Shelf::open(1).await;
    shelf.hold();
    let slow = shelf.start_reading();
    eventually("the read has seen the first version", async || shelf.asked() == 1).await;
    shelf.set_version(2);
    let began = Instant::now();
    eventually("it was under way for its whole time", async || began.elapsed() > Duration::from_secs(1)).await;
    shelf.release();
    assert_eq!(slow.await.unwrap(), 1, "whoever waited for it has it");
    assert_eq!(shelf.read().await, 2, "an answer that came late was kept as if it were new");
    shelf.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_the_newest_version_is_told_so_from_what_is_kept() {
    let shelf = Shelf::open(FOR_EVER_S).await;
    assert_eq!(shelf.read().await, 1);
    assert_eq!(shelf.status_if_none_match("\"1\"").await, 304);
    assert_eq!(shelf.status_if_none_match("\"7\"").await, 200);
    assert_eq!(shelf.asked(), 1);
    shelf.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_not_kept() {
    let shelf = Shelf::open(FOR_EVER_S).await;
    shelf.set_version(0);
    assert_eq!(shelf.status_if_none_match("\"1\"").await, 404);
    shelf.set_version(1);
    assert_eq!(shelf.read().await, 1);
    shelf.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_services_tell_and_only_with_their_own_tokens() {
    let shelf = Shelf::open(FOR_EVER_S).await;
    assert_eq!(shelf.read().await, 1);
    for (credential, status) in
        [(None, 401), (Some(("x-api-key", OPERATOR_KEY)), 401), (Some(("authorization", "Bearer x")), 401)]
    {
        assert_eq!(shelf.tell_as(credential, &changed(1, 2)).await, status, "{credential:?}");
    }
    for caller in shelf.strangers() {
        assert!(matches!(shelf.tell_as(Some(("authorization", &caller)), &changed(1, 2)).await, 401 | 403));
    }
    assert_eq!((shelf.read().await, shelf.asked()), (1, 1), "a stranger has emptied the cache");
    // A service's event that nobody can read empties it: too much is never wrong.
    let mut odd = changed(1, 2);
    odd["data"] = json!({"books": "all of them"});
    shelf.tell(&odd).await;
    assert_eq!((shelf.read().await, shelf.asked()), (1, 2));
    shelf.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_services_tell_is_nobodys_change_in_the_audit_log_and_not_counted() {
    let shelf = Shelf::open_counting(FOR_EVER_S, 1).await;
    let before = shelf.audited().await;
    for version in 2..=40 {
        shelf.tell(&changed(1, version)).await;
    }
    assert_eq!(shelf.audited().await, before);
    shelf.close().await;
}
