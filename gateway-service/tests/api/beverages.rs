//! The beverage shop, where customers order and employees review, row by row.

use reqwest::Method;
use serde_json::{Value, json};
use service_kit::testing::eventually;
use shared_types::identity::Role;

use crate::{
    person::{PHONE, Person},
    shop::{Answer, Shop},
};

fn lines(books: &[(i64, i64)]) -> Value {
    let lines: Vec<Value> = books.iter().map(|(book, copies)| json!({"book_id": book, "quantity": copies})).collect();
    json!({"lines": lines})
}

/// A new order of these books; its path.
async fn write(who: &Person<'_>, books: &[(i64, i64)]) -> String {
    let order = who.post("/api/v1/orders", lines(books)).await;
    assert_eq!((order.status, &order.json["state"]), (201, &json!("created")), "{order:?}");
    format!("/api/v1/orders/{}", order.json["id"].as_str().unwrap())
}

async fn act(who: &Person<'_>, order: &str, act: &str) -> Answer {
    let body = if act == "reject" { json!({"reason": "a test"}) } else { Value::Null };
    who.post(&format!("{order}/{act}"), body).await
}

/// Does this, and answers the state that the order is in then.
async fn done(who: &Person<'_>, order: &str, what: &str) -> String {
    let answer = act(who, order, what).await;
    assert_eq!(answer.status, 200, "{what}: {answer:?}");
    answer.json["state"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn shop_states() {
    let shop = Shop::open("shop_states").await;
    let (ana, eva) =
        (Person::enters(&shop, "ana", Role::Customer).await, Person::enters(&shop, "eva", Role::Employee).await);
    let book = shop.book("s-1", "tea", 5).await;

    let empty = write(&ana, &[]).await;
    assert_eq!(act(&ana, &empty, "submit").await.status, 409, "submitting needs a line");
    assert_eq!(done(&ana, &empty, "cancel").await, "canceled");

    let emptied = write(&ana, &[(book, 1)]).await;
    assert_eq!(done(&eva, &emptied, "submit").await, "pending");
    assert_eq!(ana.send(Method::DELETE, &format!("{emptied}/lines/1"), None).await.status, 200);
    assert_eq!(act(&eva, &emptied, "approve").await.status, 409, "approving needs a line, too");
    assert_eq!(done(&eva, &emptied, "cancel").await, "canceled");

    let approved = write(&ana, &[(book, 1)]).await;
    for early in ["approve", "reject"] {
        assert_eq!(act(&eva, &approved, early).await.status, 409, "{early} before it is submitted");
    }
    assert_eq!(done(&ana, &approved, "submit").await, "pending");
    for review in ["approve", "reject"] {
        assert_eq!(act(&ana, &approved, review).await.status, 403, "{review} is for employees");
    }
    assert_eq!(done(&eva, &approved, "approve").await, "approved");
    let rejected = write(&ana, &[(book, 1)]).await;
    done(&ana, &rejected, "submit").await;
    assert_eq!(done(&eva, &rejected, "reject").await, "rejected");

    for (order, state) in [(&approved, "approved"), (&rejected, "rejected"), (&empty, "canceled")] {
        for again in ["submit", "approve", "reject", "cancel"] {
            let answer = act(&eva, order, again).await;
            assert_eq!((answer.status, answer.code()), (409, "invalid_transition"), "{again} once it is {state}");
        }
        assert_eq!(ana.get(order).await.json["state"], state);
    }
    let history = eva.get(&format!("{rejected}/history")).await.json;
    let last = history["items"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["actor"], &last["reason"]), (&json!(format!("account:{}", eva.account)), &json!("a test")));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shop_stock() {
    let shop = Shop::open("shop_stock").await;
    let (ana, eva) =
        (Person::enters(&shop, "ana", Role::Customer).await, Person::enters(&shop, "eva", Role::Employee).await);
    let [plenty, few, none] =
        [shop.book("p-1", "tea", 9).await, shop.book("f-1", "tea", 1).await, shop.book("n-1", "tea", 0).await];
    let order = write(&ana, &[(plenty, 2), (few, 2), (none, 1)]).await;
    done(&ana, &order, "submit").await;
    let short = act(&eva, &order, "approve").await;
    assert_eq!((short.status, short.code()), (409, "sold_out"), "{short:?}");
    let named: Vec<&Value> = short.json["errors"].as_array().unwrap().iter().map(|error| &error["field"]).collect();
    assert_eq!(named, ["lines[1].quantity", "lines[2].quantity"]);
    assert_eq!(ana.get(&order).await.json["state"], "pending");
    assert_eq!((shop.on_hand(plenty).await, shop.on_hand(few).await), (9, 1), "all or nothing");

    for book in [few, none] {
        let arrived = json!({"delta": 1, "reason": "a copy arrived"});
        let adjusted = shop.post(&format!("/api/v1/books/{book}/stock-adjustments"), arrived).await;
        assert_eq!(adjusted.status, 201, "{adjusted:?}");
    }
    assert_eq!(done(&eva, &order, "approve").await, "approved");
    assert_eq!((shop.on_hand(plenty).await, shop.on_hand(few).await, shop.on_hand(none).await), (7, 0, 0));
    shop.close().await;
}

/// Employees keep the inventory, everybody else looks at it; how many there are is the shop's own business.
#[tokio::test(flavor = "multi_thread")]
async fn shop_inventory() {
    let shop = Shop::open("shop_inventory").await;
    let (ana, eva) =
        (Person::enters(&shop, "ana", Role::Customer).await, Person::enters(&shop, "eva", Role::Employee).await);
    let tea = json!({"sku": "t-1", "title": "Green tea", "topic": "tea", "price": 4.5, "stock": 3, "warn_limit": 2});
    assert_eq!(ana.post("/api/v1/books", tea.clone()).await.status, 403);
    let made = eva.post("/api/v1/books", tea).await;
    assert_eq!((made.status, &made.json["on_hand"], &made.json["warn_limit"]), (201, &json!(3), &json!(2)), "{made:?}");
    let path = format!("/api/v1/books/{}", made.json["id"]);
    let adjustments = format!("{path}/stock-adjustments");
    let forbidden = [
        (Method::PATCH, path.clone(), Some(json!({"warn_limit": 0}))),
        (Method::POST, adjustments.clone(), Some(json!({"delta": 100, "reason": "a gift"}))),
        (Method::DELETE, path.clone(), None),
    ];
    for (method, path, body) in forbidden {
        assert_eq!(ana.send(method, &path, body).await.status, 403, "{path}");
        assert_eq!(eva.get(&path).await.json.get("on_hand").unwrap_or(&json!(3)), &json!(3), "nothing has changed");
    }
    // Down to its last copies, to none, and up again.
    for (delta, on_hand, state) in
        [(0, 3, "AVAILABLE"), (-1, 2, "FEW REMAINING"), (-2, 0, "OUT OF STOCK"), (9, 9, "AVAILABLE")]
    {
        if delta != 0 {
            let adjusted = eva.post(&adjustments, json!({"delta": delta, "reason": "counted"})).await;
            assert_eq!((adjusted.status, &adjusted.json["on_hand"]), (201, &json!(on_hand)), "{adjusted:?}");
        }
        let (seen, known) = (ana.get(&path).await.json, eva.get(&path).await.json);
        assert_eq!((&seen["state"], &known["state"]), (&json!(state), &json!(state)));
        assert_eq!((seen.get("on_hand"), seen.get("warn_limit")), (None, None), "{seen}");
        assert_eq!((&known["on_hand"], &known["warn_limit"]), (&json!(on_hand), &json!(2)));
    }
    for read_only in [json!({"state": "AVAILABLE"}), json!({"on_hand": 50})] {
        let refused = eva.send(Method::PATCH, &path, Some(read_only)).await;
        assert_eq!(refused.status, 422, "{refused:?}");
    }
    assert_eq!(eva.send(Method::PATCH, &path, Some(json!({"warn_limit": 9}))).await.status, 200);
    assert_eq!(ana.get(&path).await.json["state"], "FEW REMAINING");
    assert_eq!(eva.send(Method::DELETE, &path, None).await.status, 204);
    assert_eq!(ana.get(&path).await.status, 404);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shop_lines() {
    let shop = Shop::open("shop_lines").await;
    let (ana, eva) =
        (Person::enters(&shop, "ana", Role::Customer).await, Person::enters(&shop, "eva", Role::Employee).await);
    let (tea, mate) = (shop.book("t-1", "tea", 9).await, shop.book("m-1", "tea", 9).await);
    let order = write(&ana, &[(tea, 1)]).await;
    let dearer = Some(json!({"price": 20}));
    assert_eq!(shop.send(Method::PATCH, &format!("/api/v1/books/{tea}"), &[], dearer).await.status, 200);
    let (added, first) = (format!("{order}/lines"), format!("{order}/lines/1"));
    let line = ana.post(&added, json!({"book_id": mate, "quantity": 2})).await;
    assert_eq!((line.status, &line.json["total"]), (201, &json!(38.97)), "each line at the price of its ordering");
    done(&ana, &order, "submit").await;
    let changed = ana.send(Method::PATCH, &first, Some(json!({"quantity": 3}))).await;
    assert_eq!((changed.status, &changed.json["lines"][0]["price"]), (200, &json!(12.99)), "{changed:?}");
    assert_eq!(ana.send(Method::DELETE, &format!("{order}/lines/2"), None).await.status, 200);
    assert_eq!(ana.get(&added).await.json["total"], json!(38.97));
    done(&eva, &order, "approve").await;
    for (method, path, body) in [
        (Method::POST, &added, Some(json!({"book_id": mate, "quantity": 1}))),
        (Method::PATCH, &first, Some(json!({"quantity": 1}))),
        (Method::DELETE, &first, None),
    ] {
        let late = ana.send(method.clone(), path, body).await;
        assert_eq!((late.status, late.code()), (409, "invalid_transition"), "{method} {path}");
    }
    assert_eq!(ana.get(&order).await.json["total"], json!(38.97));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shop_roles_in_orders() {
    let shop = Shop::open("shop_roles").await;
    let ana = Person::enters(&shop, "ana", Role::Customer).await;
    let (ben, eva) =
        (Person::enters(&shop, "ben", Role::Customer).await, Person::enters(&shop, "eva", Role::Employee).await);
    let book = shop.book("r-1", "tea", 5).await;
    let for_ana = json!({"lines": [{"book_id": book, "quantity": 1}], "on_behalf_of": ana.account});
    assert_eq!(ben.post("/api/v1/orders", for_ana.clone()).await.status, 403);
    let placed = eva.post("/api/v1/orders", for_ana).await;
    let order = format!("/api/v1/orders/{}", placed.json["id"].as_str().unwrap());
    let named = eva.get(&order).await.json;
    let names = [&named["customer"], &named["placed_by"]];
    assert_eq!(names, [&json!(format!("account:{}", ana.account)), &json!(format!("account:{}", eva.account))]);
    assert_eq!(ben.get(&order).await.status, 404);
    assert_eq!(act(&ben, &order, "cancel").await.status, 404);
    assert_eq!(ben.get("/api/v1/orders").await.json["items"], json!([]));
    assert_eq!(ana.get("/api/v1/orders").await.json["items"][0]["id"], placed.json["id"]);
    assert_eq!(done(&ana, &order, "cancel").await, "canceled");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shop_sms() {
    let shop = Shop::open("shop_sms").await;
    let (ana, eva) =
        (Person::enters(&shop, "ana", Role::Customer).await, Person::enters(&shop, "eva", Role::Employee).await);
    let wrong = json!({"username": "eve", "email": "eve@example.com", "password": "correct horse battery staple",
                       "name": "Eve", "phone": "call me"});
    let refused = shop.send_as_is(Method::POST, "/api/v1/auth/register", &[], Some(wrong)).await;
    assert_eq!((refused.status, &refused.json["errors"][0]["field"]), (422, &json!("phone")), "{refused:?}");

    let book = shop.book("n-1", "tea", 5).await;
    let order = write(&ana, &[(book, 1)]).await;
    done(&ana, &order, "submit").await;
    done(&eva, &order, "approve").await;
    let path = format!("/api/v1/notifications?order_id={}", order.rsplit('/').next().unwrap());
    assert_eq!(ana.get(&path).await.status, 403, "the list is the back office's");
    let told = async || {
        let mut told = eva.get(&path).await.json["items"].as_array().unwrap().clone();
        told.reverse();
        told
    };
    eventually("three messages are sent", async || {
        let told = told().await;
        told.len() == 3 && told.iter().all(|message| message["status"] == "sent")
    })
    .await;
    let told = told().await;
    let states: Vec<&Value> = told.iter().map(|message| &message["state"]).collect();
    assert_eq!(states, ["created", "pending", "approved"]);
    assert!(told.iter().all(|message| message["attempts"] == 1 && message["phone"] == PHONE), "{told:?}");
    let again = eva.post(&format!("/api/v1/notifications/{}/resend", told[0]["id"]), Value::Null).await;
    assert_eq!((again.status, again.code()), (409, "invalid_transition"), "what was sent is not sent again");
    shop.close().await;
}

/// What a reviewed or invoiced order may come to afterwards, by the public door.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_extended_paid_refunded_and_handed_over_by_those_who_may() {
    let shop = Shop::open("shop_rest").await;
    let (ana, eva) =
        (Person::enters(&shop, "ana", Role::Customer).await, Person::enters(&shop, "eva", Role::Employee).await);
    let book = shop.book("e-1", "tea", 5).await;
    let mut by_invoice = lines(&[(book, 1)]);
    by_invoice["payment_method"] = json!("invoice");
    let placed = ana.post("/api/v1/checkout", by_invoice.clone()).await;
    let open = format!("/api/v1/orders/{}", placed.json["id"].as_str().unwrap());

    let until = json!({"until": "2020-01-01T00:00:00Z"});
    assert_eq!(ana.post(&format!("{open}/extend"), until.clone()).await.status, 403);
    let past = eva.post(&format!("{open}/extend"), until).await;
    assert_eq!((past.status, &past.json["errors"][0]["field"]), (422, &json!("until")), "{past:?}");
    let no_card = ana.post(&format!("{open}/payments"), json!({"card": {"number": "1", "expiry": "12/30"}})).await;
    assert_eq!(no_card.status, 422, "{no_card:?}");
    let card = json!({"card": {"number": "4242424242424242", "expiry": "12/30"}});
    let no_bank = ana.post(&format!("{open}/payments"), card).await;
    assert_eq!((no_bank.status, no_bank.code()), (503, "unavailable"), "{no_bank:?}");
    assert_eq!(ana.get(&open).await.json["version"], placed.json["version"], "nothing has changed");

    for _ in 1..3 {
        assert_eq!(ana.post("/api/v1/checkout", by_invoice.clone()).await.status, 201);
    }
    let hoarding = ana.post("/api/v1/checkout", by_invoice).await;
    assert_eq!((hoarding.status, hoarding.code()), (429, "too_many_unpaid_orders"), "{hoarding:?}");
    assert!(hoarding.header("retry-after").parse::<i64>().is_ok_and(|seconds| seconds > 0), "{hoarding:?}");

    let collected = write(&ana, &[(book, 1)]).await;
    for step in ["submit", "approve"] {
        done(&eva, &collected, step).await;
    }
    for ends in ["hand-over", "refund"] {
        assert_eq!(act(&ana, &collected, ends).await.status, 403, "{ends} is for employees");
    }
    let handed = act(&eva, &collected, "hand-over").await;
    assert_eq!((handed.status, &handed.json["fulfillment"]), (200, &json!("shipped")), "{handed:?}");
    assert_eq!(act(&eva, &collected, "refund").await.status, 409, "too late");
    let undone = write(&ana, &[(book, 1)]).await;
    for step in ["submit", "approve"] {
        done(&eva, &undone, step).await;
    }
    let refunded = act(&eva, &undone, "refund").await;
    assert_eq!((refunded.status, &refunded.json["payment"]), (200, &json!("refunded")), "{refunded:?}");
    assert_eq!(shop.on_hand(book).await, 1, "three wait for their money, one is sold");
    shop.close().await;
}
