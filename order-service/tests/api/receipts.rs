//! Money that is reported: in every order with other reports and a cancellation, each report once and three times at once.

use futures_util::future::join_all;
use order_service::Pace;
use reqwest::Method;
use serde_json::Value;

use crate::{
    neighbours::Book,
    shop::{Shop, patient},
    webhooks::{Said, event},
};

/// What arrives for an order that waits for its invoice to be paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arrival {
    /// The right amount, under an event of this name.
    Money(&'static str),
    OtherAmount,
    Cancellation,
}

/// All orders of these.
fn permutations(of: &[Arrival]) -> Vec<Vec<Arrival>> {
    if of.is_empty() {
        return vec![Vec::new()];
    }
    let first = |at: usize| {
        let rest: Vec<Arrival> = of.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, one)| *one).collect();
        permutations(&rest).into_iter().map(move |rest| [&[of[at]], rest.as_slice()].concat())
    };
    (0..of.len()).flat_map(first).collect()
}

/// Reports money so often at once; all of the answers.
async fn report(shop: &Shop, order: &str, name: &str, amount: &str, times: usize) -> Vec<Said> {
    let body = event(&format!("evt_{order}_{name}"), order, &format!(r#", "amount": {amount}"#));
    join_all((0..times).map(|_| shop.report(&body))).await
}

/// Lets everything arrive in this order, each report so often; whether money came before the cancellation.
async fn arrives(shop: &Shop, order: &str, arrivals: &[Arrival], times: usize) -> bool {
    let is_at = |of: fn(&Arrival) -> bool| arrivals.iter().position(of).unwrap();
    let paid = is_at(|one| matches!(one, Arrival::Money(_))) < is_at(|one| *one == Arrival::Cancellation);
    for arrival in arrivals {
        match arrival {
            Arrival::Money(name) => {
                let said = report(shop, order, name, "12.99", times).await;
                assert_eq!(said.iter().filter(|said| said.is(200, "processed")).count(), 1, "{said:?}");
                if paid {
                    assert_eq!(shop.axes(order).await, ["approved", "taken", "paid"], "{arrivals:?}");
                }
            }
            Arrival::OtherAmount => {
                let said = report(shop, order, "other", "12.98", times).await;
                assert!(said.iter().all(|said| !said.is(200, "processed")), "{said:?}");
            }
            Arrival::Cancellation => {
                let status = shop.cancel(order).await.status;
                assert_eq!(status == 409, paid, "{status}: {arrivals:?}");
            }
        }
    }
    paid
}

#[tokio::test(flavor = "multi_thread")]
async fn in_whatever_order_and_number_money_is_reported_it_pays_once_or_is_to_be_given_back() {
    let shop = Shop::open_with("enumerated_receipts", Pace { answer_ms: 150, ..patient() }).await;
    shop.neighbours.put_book(1, Book { title: "The Martian", price: "12.99", on_hand: 1_000 });
    let what = [Arrival::Money("one"), Arrival::Money("two"), Arrival::OtherAmount, Arrival::Cancellation];
    let ways = permutations(&what);
    assert_eq!(ways.len(), 24);
    for (arrivals, times) in ways.iter().flat_map(|way| [1, 3].map(|times| (way, times))) {
        let order = shop.invoice().await;
        let paid = arrives(&shop, &order, arrivals, times).await;
        let ours = async || -> Vec<Value> {
            let all = shop.get("/receipts?kept=true&limit=200").await.json["items"].as_array().unwrap().clone();
            all.into_iter().filter(|receipt| receipt["order_id"] == order).collect()
        };
        let receipts = ours().await;
        assert_eq!(receipts.len(), 3, "{receipts:?}");
        // An employee gives back whatever does not pay.
        for receipt in receipts.iter().filter(|receipt| !paid || receipt["payment_id"].is_null()) {
            let path = format!("/receipts/{}/returned", receipt["event_id"].as_str().unwrap());
            assert_eq!(shop.send(Method::POST, &path, None, None).await.status, 200);
        }
        let end = if paid { ["approved", "taken", "paid"] } else { ["canceled", "none", "refunded"] };
        assert_eq!(shop.axes(&order).await, end, "{arrivals:?}, each {times} times");
        assert_eq!(ours().await.len(), usize::from(paid), "{arrivals:?}, each {times} times");
    }
    shop.close().await;
}
