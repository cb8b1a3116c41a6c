use std::{future::Future, sync::Arc};

use serde_json::{Value, json};
use tokio::{sync::Barrier, task::JoinSet};

use crate::shop::{Answer, Caller, Shop, line, taking_id};

const TAKERS: usize = 64;

/// Runs them all at once, none before all are ready; answers what each came to.
async fn at_once<T, F>(works: impl IntoIterator<Item = F>) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let works: Vec<F> = works.into_iter().collect();
    let ready = Arc::new(Barrier::new(works.len()));
    let mut running = JoinSet::new();
    for work in works {
        let ready = Arc::clone(&ready);
        running.spawn(async move {
            ready.wait().await;
            work.await
        });
    }
    running.join_all().await
}

/// Takes one copy after the other until there is none; answers how many.
async fn buy_all(caller: Caller, book: i64) -> i64 {
    let mut bought = 0;
    loop {
        let answer = caller.take(&taking_id(), &[line(book, 1)]).await;
        match answer.status {
            201 => bought += 1,
            409 => {
                assert_eq!(answer.json["refused"][0]["reason"], "sold_out");
                return bought;
            }
            other => panic!("{other}: {}", answer.json),
        }
    }
}

async fn race_for(copies: i64, rounds: usize) {
    let shop = Shop::open(&format!("race-{copies}")).await;
    for _ in 0..rounds {
        let book = shop.new_book(copies).await;
        let bought = at_once((0..TAKERS).map(|_| buy_all(shop.caller(), book))).await;
        assert_eq!(bought.iter().sum::<i64>(), copies);
        assert_eq!(shop.on_hand(book).await, 0);
    }
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_takers_of_the_last_copy_get_one() {
    race_for(1, 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_takers_of_ten_copies_get_ten() {
    race_for(10, 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_takers_of_a_thousand_copies_get_a_thousand() {
    race_for(1_000, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn takers_of_two_lines_of_one_book_get_whole_pairs() {
    let shop = Shop::open("pairs").await;
    for _ in 0..5 {
        let book = shop.new_book(21).await;
        let take = |caller: Caller| async move { caller.take(&taking_id(), &[line(book, 1), line(book, 1)]).await };
        let answers = at_once((0..TAKERS).map(|_| take(shop.caller()))).await;
        assert_eq!(taken(&answers), 10);
        assert_eq!(shop.on_hand(book).await, 1);
    }
    shop.finish().await;
}

fn taken(answers: &[Answer]) -> usize {
    assert!(answers.iter().all(|answer| [200, 201, 409].contains(&answer.status)), "{answers:?}");
    answers.iter().filter(|answer| answer.status == 201).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn takers_of_the_same_books_in_opposite_order_neither_wait_in_a_circle_nor_take_half() {
    let shop = Shop::open("opposite").await;
    for _ in 0..10 {
        let (plenty, few) = (shop.new_book(10).await, shop.new_book(7).await);
        let orders = [[line(plenty, 1), line(few, 1)], [line(few, 1), line(plenty, 1)]];
        let take = |n: usize| {
            let (caller, lines) = (shop.caller(), orders[n % 2].clone());
            async move { caller.take(&taking_id(), &lines).await }
        };
        let answers = at_once((0..TAKERS).map(take)).await;
        assert_eq!(taken(&answers), 7);
        assert_eq!((shop.on_hand(plenty).await, shop.on_hand(few).await), (3, 0));
    }
    // PostgreSQL ends a circle by giving one of its transactions up, which is run again: nobody else would notice.
    assert_eq!(shop.number_of("lastcopy_db_reruns_total").await, "0");
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_take_sent_many_times_at_once_has_one_effect_and_one_answer() {
    let shop = Shop::open("one-effect").await;
    for _ in 0..10 {
        let (book, other) = (shop.new_book(50).await, shop.new_book(50).await);
        let id = taking_id();
        let take = |_| {
            let (caller, id) = (shop.caller(), id.clone());
            async move { caller.take(&id, &[line(book, 2), line(other, 1)]).await }
        };
        let answers = at_once((0..32).map(take)).await;
        assert_eq!(taken(&answers), 1, "one of them took");
        assert!(answers.iter().all(|answer| answer.json == answers[0].json && answer.status != 409));
        assert_eq!((shop.on_hand(book).await, shop.on_hand(other).await), (48, 49));
        let give_back = |_| {
            let (caller, id) = (shop.caller(), id.clone());
            async move { caller.give_back(&id).await }
        };
        let answers = at_once((0..32).map(give_back)).await;
        assert!(answers.iter().all(|answer| answer.status == 200 && answer.json == answers[0].json));
        assert_eq!((shop.on_hand(book).await, shop.on_hand(other).await), (50, 50));
    }
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_take_that_races_its_give_back_never_keeps_a_copy() {
    let shop = Shop::open("take-give-back").await;
    let book = shop.new_book(1).await;
    let mut took_first = 0;
    for round in 0..200 {
        let id = taking_id();
        let (take, give_back) = (shop.caller(), shop.caller());
        let (take_id, give_back_id) = (id.clone(), id.clone());
        let taking = tokio::spawn(async move { take.take(&take_id, &[line(book, 1)]).await });
        let giving = tokio::spawn(async move { give_back.give_back(&give_back_id).await });
        let (took, gave) = (taking.await.unwrap(), giving.await.unwrap());
        assert_eq!(gave.json["state"], "given_back", "{}", gave.json);
        assert!(took.status == 201 || took.json["state"] == "given_back", "{}", took.json);
        took_first += usize::from(took.status == 201);
        assert_eq!(shop.on_hand(book).await, 1, "round {round}: the copy is back on the shelf");
        assert_eq!(shop.take(&id, &[line(book, 1)]).await.json["state"], "given_back");
    }
    assert!(took_first > 0, "in no round was the take first: this raced nothing");
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_take_that_races_a_withdrawal_is_before_it_or_refused() {
    let shop = Shop::open("take-delete").await;
    for _ in 0..20 {
        let book = shop.new_book(100).await;
        let withdrawal = {
            let caller = shop.caller();
            tokio::spawn(async move { caller.delete(&format!("/books/{book}")).await })
        };
        let take = |_| {
            let caller = shop.caller();
            async move { caller.take(&taking_id(), &[line(book, 1)]).await }
        };
        let answers = at_once((0..16).map(take)).await;
        assert_eq!(withdrawal.await.unwrap().status, 204);
        let before = i64::try_from(taken(&answers)).unwrap();
        assert!(answers.iter().all(|a| a.status == 201 || a.json["refused"][0]["reason"] == "gone"), "{answers:?}");
        let ledger = shop.get(&format!("/books/{book}/ledger?limit=200")).await;
        let sold: i64 = ledger.json["items"].as_array().unwrap().iter().map(|e| e["delta"].as_i64().unwrap()).sum();
        assert_eq!(sold, 100 - before, "every answered copy is in the ledger, and no other");
        assert_eq!(shop.take(&taking_id(), &[line(book, 1)]).await.status, 409);
    }
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_take_that_races_a_new_price_pays_the_price_it_was_shown_or_is_refused() {
    let shop = Shop::open("take-price").await;
    for _ in 0..20 {
        let book = shop.new_book(100).await;
        let shown = json!({"book_id": book, "quantity": 1, "expected_price": 10});
        let repricing = {
            let caller = shop.caller();
            tokio::spawn(async move { caller.patch(&format!("/books/{book}"), json!({"price": 12})).await })
        };
        let take = |_| {
            let (caller, shown) = (shop.caller(), shown.clone());
            async move { caller.take(&taking_id(), &[shown]).await }
        };
        let answers = at_once((0..16).map(take)).await;
        assert_eq!(repricing.await.unwrap().status, 200);
        for answer in &answers {
            let paid = answer.status == 201 && answer.json["lines"][0]["price"] == json!(10.00);
            let told = answer.json["refused"][0]["reason"] == "price_changed"
                && answer.json["refused"][0]["price"] == json!(12.00);
            assert!(paid || told, "{}", answer.json);
        }
        assert_eq!(shop.take(&taking_id(), &[shown]).await.json["refused"][0]["reason"], "price_changed");
    }
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_edits_during_purchases_neither_lose_nor_make_a_copy() {
    let shop = Shop::open("take-adjust").await;
    for _ in 0..10 {
        let book = shop.new_book(20).await;
        let edit = |change: Value| {
            let caller = shop.caller();
            tokio::spawn(async move { caller.post(&format!("/books/{book}/stock-adjustments"), change).await })
        };
        let edits = [
            edit(json!({"set_to": 12, "reason": "counted"})),
            edit(json!({"delta": -2, "reason": "damaged"})),
            edit(json!({"delta": 4, "reason": "found"})),
            edit(json!({"set_to": 9, "reason": "counted again"})),
        ];
        let take = |_| {
            let caller = shop.caller();
            async move { caller.take(&taking_id(), &[line(book, 1)]).await }
        };
        let answers = at_once((0..16).map(take)).await;
        let mut edited = 0;
        for edit in edits {
            let answer = edit.await.unwrap();
            match answer.status {
                201 => edited += answer.json["delta"].as_i64().unwrap(),
                409 => assert_eq!(answer.json["code"], "stock_too_low"),
                other => panic!("{other}: {}", answer.json),
            }
        }
        let sold = i64::try_from(taken(&answers)).unwrap();
        assert_eq!(shop.on_hand(book).await, 20 + edited - sold);
    }
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_tells_the_truth_however_fast_copies_come_and_go() {
    let shop = Shop::open("true-refusals").await;
    let book = shop.new_book(3).await;
    let come_and_go = |_| {
        let caller = shop.caller();
        async move {
            for _ in 0..20 {
                let id = taking_id();
                let answer = caller.take(&id, &[line(book, 2)]).await;
                if answer.status == 201 {
                    assert_eq!(caller.give_back(&id).await.status, 200);
                } else {
                    let available = answer.json["refused"][0]["available"].as_i64().unwrap();
                    assert!((0..2).contains(&available), "{}", answer.json);
                }
            }
        }
    };
    at_once((0..16).map(come_and_go)).await;
    assert_eq!(shop.on_hand(book).await, 3);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn takers_of_many_books_in_any_order_leave_every_copy_accounted_for() {
    let shop = Shop::open("many-books").await;
    let mut books = Vec::new();
    for _ in 0..8 {
        books.push(shop.new_book(12).await);
    }
    let take = |n: usize| {
        let (caller, books) = (shop.caller(), books.clone());
        async move {
            let mut given_back = 0;
            for step in 0..6 {
                // Four of eight books, beginning anywhere and going either way.
                let at = |k: usize| if n.is_multiple_of(2) { (n + step + k) % 8 } else { (n + step + 8 - k) % 8 };
                let lines: Vec<Value> = (0..4).map(|k| line(books[at(k)], 1 + i64::from(k == 0))).collect();
                let id = taking_id();
                let answer = caller.take(&id, &lines).await;
                assert!([201, 409].contains(&answer.status), "{}", answer.json);
                if answer.status == 201 && step % 2 == 0 {
                    assert_eq!(caller.give_back(&id).await.status, 200);
                    given_back += 1;
                }
            }
            given_back
        }
    };
    let given_back: usize = at_once((0..16).map(take)).await.into_iter().sum();
    assert!(given_back > 0);
    shop.finish().await;
}
