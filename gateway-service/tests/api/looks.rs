//! Many look at books at once: those that come while others are under way share a request, and each is told his own.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use service_kit::{Client, ClientOptions, testing::eventually};

use crate::{
    shelf::Shelf,
    shop::{Answer, Shop},
};

const READERS: usize = 24;
/// On a busy machine few may come at the same time: then another crowd comes, so often at most.
const CROWDS: i64 = 50;
/// What is asked for is asked of the catalog each time.
const NOTHING_KEPT: u64 = 0;
/// Looks that the gateway's two workers have under way before others wait.
const ALONE: usize = 2;

/// Starts so many reads; the versions that they see.
async fn crowd(shelf: &Shelf) -> Vec<i64> {
    join_all((0..READERS).map(|_| shelf.read())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_others_is_told_what_was_so_after_he_came() {
    let shelf = Shelf::open(NOTHING_KEPT).await;
    for version in 1..CROWDS {
        shelf.set_version(version);
        shelf.hold();
        let before = shelf.asked();
        let early: Vec<_> = (0..READERS).map(|_| shelf.start_reading()).collect();
        eventually("looks are under way", async || shelf.asked() >= before + ALONE).await;
        shelf.set_version(version + 1);
        let late: Vec<_> = (0..READERS).map(|_| shelf.start_reading()).collect();
        shelf.release();
        let early: Vec<i64> = join_all(early).await.into_iter().map(Result::unwrap).collect();
        let late: Vec<i64> = join_all(late).await.into_iter().map(Result::unwrap).collect();
        assert!(early.iter().all(|seen| [version, version + 1].contains(seen)), "{early:?}");
        assert!(late.iter().all(|seen| *seen == version + 1), "{late:?}");
        if shelf.asked_together() > 0 {
            return shelf.close().await;
        }
    }
    panic!("no two looks ever went together");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_that_knows_of_no_looks_together_is_asked_by_each_alone() {
    let shelf = Shelf::open(NOTHING_KEPT).await;
    shelf.forget_together();
    for _ in 0..CROWDS {
        let before = shelf.asked();
        assert_eq!(crowd(&shelf).await, [1; READERS]);
        assert_eq!(shelf.asked(), before + READERS);
        if shelf.asked_together() > 0 {
            return shelf.close().await;
        }
    }
    panic!("no two looks ever went together");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_that_is_gone_is_gone_for_each_who_looks() {
    let mut shelf = Shelf::open(NOTHING_KEPT).await;
    shelf.shut().await;
    let shelf = &shelf;
    let answers = join_all((0..READERS).map(|_| shelf.get_at(0, "/api/v1/books/1"))).await;
    for (status, problem) in answers {
        assert_eq!((status, &problem["code"]), (503, &json!("unavailable")), "{problem}");
    }
}

/// Without what differs from answer to answer.
fn lasting(mut answer: Answer) -> (u16, Value, String) {
    if let Some(problem) = answer.json.as_object_mut() {
        problem.remove("request_id");
    }
    let tag = answer.header("etag").to_owned();
    (answer.status, answer.json, tag)
}

/// Requests that the catalog had of several together.
async fn asked_together(shop: &Shop) -> bool {
    let catalog = Client::new(&shop.catalog.url(), ClientOptions::default()).unwrap();
    let numbers = catalog.send(Method::GET, "/metrics", &[], None).await.unwrap();
    String::from_utf8(numbers.body.to_vec()).unwrap().contains("/books/by-id")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_together_is_what_the_same_look_is_alone_and_shows_nobody_more_than_he_may_see() {
    const BOOKS: usize = 12;
    let shop = Shop::open_keeping_nothing("looks").await;
    for crowd in 0..CROWDS {
        let mut books = Vec::new();
        for n in 0..BOOKS {
            books.push(shop.book(&format!("{crowd}-{n}"), "cooking", 5).await);
        }
        // One is withdrawn, and one there never was.
        assert_eq!(shop.delete(&format!("/api/v1/books/{}", books[0])).await.status, 204);
        books.push(1_000_000);
        let paths: Vec<String> = books.iter().map(|book| format!("/api/v1/books/{book}")).collect();
        let operator = join_all(paths.iter().map(|path| shop.get(path)));
        let nobody = join_all(paths.iter().map(|path| shop.send_as_is(Method::GET, path, &[], None)));
        let (operator, nobody) = tokio::join!(operator, nobody);
        for (n, (operator, nobody)) in operator.into_iter().zip(nobody).enumerate() {
            let (operator, nobody) = (lasting(operator), lasting(nobody));
            let there = (1..BOOKS).contains(&n);
            assert_eq!((operator.0, nobody.0), if there { (200, 200) } else { (404, 404) }, "{operator:?}");
            assert_eq!(operator.1["on_hand"], if there { json!(5) } else { Value::Null }, "{operator:?}");
            assert_eq!(nobody.1["on_hand"], Value::Null, "{nobody:?}");
            // One by one, each goes alone.
            assert_eq!(operator, lasting(shop.get(&paths[n]).await));
            assert_eq!(nobody, lasting(shop.send_as_is(Method::GET, &paths[n], &[], None).await));
        }
        if asked_together(&shop).await {
            return shop.close().await;
        }
    }
    panic!("no two looks ever went together");
}
