//! One idempotency key, one effect, one answer.

use service_kit::{
    db::{Db, DbError, Tx},
    idempotency::{Kept, KeyedRequest, Refusal, once},
    params,
};
use shared_types::{Code, Problem, Timestamp};

use crate::shelf::{Shelf, count, on_hand, put_book, shelf, take_one};

const NOW: Timestamp = Timestamp::from_micros(1_000_000);

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("sold out")]
    SoldOut,
    #[error("not like this")]
    Invalid,
    #[error(transparent)]
    Kept(#[from] Kept),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Refusal for Fault {
    fn refusal(&self) -> Option<Problem> {
        match self {
            Fault::SoldOut => Some(Problem::new(Code::SoldOut, "sold out")),
            Fault::Invalid => Some(Problem::new(Code::Invalid, "not like this")),
            Fault::Kept(_) | Fault::Db(_) => None,
        }
    }
}

fn key(key: &str) -> KeyedRequest {
    let (principal, route) = ("account:ana".to_owned(), "POST /purchases".to_owned());
    KeyedRequest { principal, route, key: key.to_owned(), fingerprint: vec![1] }
}

/// Buys one copy of book 1; answers how many are left.
async fn buy(db: &Db, request: KeyedRequest) -> Result<i64, Fault> {
    once(db, Some(request), NOW, |tx| sell(tx, 1)).await
}

fn sell(tx: &mut Tx<'_>, book_id: i64) -> Result<i64, Fault> {
    if !take_one(tx, book_id)? {
        return Err(Fault::SoldOut);
    }
    Ok(tx.query_one("select on_hand from book where book_id = $1", &params![book_id])?.get("on_hand")?)
}

async fn shelf_of(name: &str, copies: i64) -> Shelf {
    let shelf = shelf(name).await;
    shelf.db.write(move |tx| put_book(tx, 1, copies)).await.unwrap();
    shelf
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_in_parallel_has_one_effect_and_one_answer() {
    let shelf = shelf_of("keys_parallel", 100).await;
    for round in 0..10 {
        let mut callers = tokio::task::JoinSet::new();
        for _ in 0..16 {
            let (db, request) = (shelf.db.clone(), key(&format!("key-{round}")));
            callers.spawn(async move { buy(&db, request).await.unwrap() });
        }
        let answers = callers.join_all().await;
        assert_eq!(answers, vec![99 - round; 16]);
        assert_eq!(on_hand(&shelf.db, 1).await, 99 - round);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_an_answer_and_stays_one_when_the_world_has_moved() {
    let shelf = shelf_of("keys_refused", 0).await;
    assert!(matches!(buy(&shelf.db, key("late")).await, Err(Fault::SoldOut)));
    shelf.db.write(|tx| tx.execute("update book set on_hand = 5", &[])).await.unwrap();
    let again = buy(&shelf.db, key("late")).await;
    let Err(Fault::Kept(Kept::Refused(problem))) = again else { panic!("{again:?}") };
    assert_eq!(*problem, Problem::new(Code::SoldOut, "sold out"));
    assert_eq!(on_hand(&shelf.db, 1).await, 5);
    assert_eq!(buy(&shelf.db, key("new")).await.unwrap(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_parallel_refusals_and_sales_under_one_key_there_is_one_answer() {
    let shelf = shelf_of("keys_mixed", 0).await;
    for round in 0..20 {
        let mut callers = tokio::task::JoinSet::new();
        for n in 0..8 {
            let (db, request) = (shelf.db.clone(), key(&format!("key-{round}")));
            callers.spawn(async move {
                if n == 4 {
                    // The delivery arrives in the middle of the rush.
                    db.write(|tx| tx.execute("update book set on_hand = 1 where on_hand = 0", &[])).await.unwrap();
                }
                match buy(&db, request).await {
                    Ok(_) => "sold",
                    Err(Fault::SoldOut | Fault::Kept(Kept::Refused(_))) => "refused",
                    Err(other) => panic!("{other:?}"),
                }
            });
        }
        let answers = callers.join_all().await;
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        let left = on_hand(&shelf.db, 1).await;
        assert_eq!(left, i64::from(answers[0] == "refused"), "one copy came, and one key buys one");
        shelf.db.write(|tx| tx.execute("update book set on_hand = 0", &[])).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_request_under_a_used_key_is_refused_and_has_no_effect() {
    let shelf = shelf_of("keys_other", 9).await;
    assert_eq!(buy(&shelf.db, key("k")).await.unwrap(), 8);
    let other = buy(&shelf.db, KeyedRequest { fingerprint: vec![2], ..key("k") }).await.unwrap_err();
    assert!(matches!(other, Fault::Kept(Kept::OtherRequest)), "{other:?}");
    assert_eq!(Problem::from(Kept::OtherRequest).code, Code::KeyReused);
    assert_eq!(on_hand(&shelf.db, 1).await, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_belongs_to_its_caller_and_its_route() {
    let shelf = shelf_of("keys_scope", 9).await;
    assert_eq!(buy(&shelf.db, key("k")).await.unwrap(), 8);
    assert_eq!(buy(&shelf.db, KeyedRequest { principal: "account:ben".into(), ..key("k") }).await.unwrap(), 7);
    assert_eq!(buy(&shelf.db, KeyedRequest { route: "POST /gifts".into(), ..key("k") }).await.unwrap(), 6);
    assert_eq!(buy(&shelf.db, key("k")).await.unwrap(), 8, "his own answer, however often the others have bought");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_failed_leaves_its_key_free() {
    let shelf = shelf_of("keys_failed", 9).await;
    let attempt = async |fail: fn() -> Fault| {
        let work = move |tx: &mut Tx<'_>| {
            sell(tx, 1)?;
            Err::<i64, Fault>(fail())
        };
        once(&shelf.db, Some(key("k")), NOW, work).await.unwrap_err()
    };
    assert!(matches!(attempt(|| Fault::Invalid).await, Fault::Invalid));
    assert!(matches!(attempt(|| DbError::Unavailable("down".into()).into()).await, Fault::Db(_)));
    let panicked = once::<i64, Fault, _>(&shelf.db, Some(key("k")), NOW, |_| panic!("this panic is part of the test"));
    assert!(matches!(panicked.await, Err(Fault::Db(DbError::Panicked))));
    assert_eq!(count(&shelf.db, "select count(*) as n from answered_request").await, 0);
    assert_eq!(on_hand(&shelf.db, 1).await, 9);
    assert_eq!(buy(&shelf.db, key("k")).await.unwrap(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_every_request_is_its_own() {
    let shelf = shelf_of("keys_none", 9).await;
    for left in [8, 7] {
        assert_eq!(once(&shelf.db, None, NOW, |tx| sell(tx, 1)).await.unwrap(), left);
    }
    assert_eq!(count(&shelf.db, "select count(*) as n from answered_request").await, 0);
}
