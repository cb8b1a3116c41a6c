use reqwest::Method;
use serde_json::{Value, json};

use crate::shop::{Answer, Shop};

fn one_copy(book: i64) -> Value {
    json!({"lines": [{"book_id": book, "quantity": 1}], "payment_method": "on_delivery",
           "address": {"recipient": "Ana", "street": "12 Quay Street", "city": "Porto"}})
}

async fn buy(shop: &Shop, headers: &[(&str, &str)], book: i64) -> Answer {
    shop.send_as_is(Method::POST, "/api/v1/checkout", headers, Some(one_copy(book))).await
}

async fn get(shop: &Shop, headers: &[(&str, &str)], path: &str) -> Answer {
    shop.send_as_is(Method::GET, path, headers, None).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_buys_and_sees_his_order_by_the_token_of_his_first_answer() {
    let shop = Shop::open("guests").await;
    let book = shop.book("g-1", "cooking", 5).await;
    let bought = buy(&shop, &[], book).await;
    assert_eq!(bought.status, 201, "{bought:?}");
    let token = bought.header("x-guest-token").to_owned();
    let cookie = bought.header("set-cookie").to_owned();
    assert!(cookie.starts_with("lastcopy-guest=lcg_") && cookie.contains("HttpOnly; SameSite=Lax"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let order = bought.header("location").to_owned();
    for (number, credential) in [[("x-guest-token", token.as_str())], [("cookie", cookie.as_str())]].iter().enumerate()
    {
        assert_eq!(get(&shop, credential, &order).await.status, 200);
        let listed = get(&shop, credential, "/api/v1/orders").await.json;
        assert_eq!(listed["items"].as_array().unwrap().len(), number + 1);
        let again = buy(&shop, credential, book).await;
        assert_eq!((again.status, again.header("x-guest-token")), (201, ""), "he is a guest already");
        assert_eq!(get(&shop, credential, again.header("location")).await.status, 200);
        let canceled = shop.send_as_is(Method::POST, &format!("{order}/cancel"), credential, None).await;
        assert_eq!(canceled.status, 409, "his to ask, and too late: {canceled:?}");
    }
    let other = buy(&shop, &[], book).await;
    let others = other.header("x-guest-token");
    assert_ne!(others, token);
    let hidden = get(&shop, &[("x-guest-token", others)], &order).await;
    assert_eq!((hidden.status, hidden.code()), (404, "order_not_found"));
    assert_eq!(get(&shop, &[], &order).await.status, 401);
    let forged = get(&shop, &[("x-guest-token", "lcg_00_AAAA")], &order).await;
    assert_eq!((forged.status, forged.code()), (401, "unauthorized"));
    let stale = get(&shop, &[("cookie", "lastcopy-guest=lcg_00_AAAA")], "/api/v1/books").await;
    assert_eq!(stale.status, 200, "a browser with a cookie of another shop still looks at books");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_https_a_guest_is_known_by_a_cookie_that_no_neighbour_can_set() {
    let shop = Shop::open_on_https("guests_https").await;
    let book = shop.book("g-1", "cooking", 5).await;
    let bought = buy(&shop, &[], book).await;
    let (order, cookie) = (bought.header("location"), bought.header("set-cookie"));
    assert!(cookie.starts_with("__Host-lastcopy-guest=lcg_") && cookie.contains("; Secure"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    assert_eq!(get(&shop, &[("cookie", cookie)], order).await.status, 200);
    let neighbours = cookie.replace("__Host-", "");
    assert_eq!(get(&shop, &[("cookie", &neighbours)], order).await.status, 401);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_who_never_heard_asks_again_with_his_key_and_owns_one_order() {
    let shop = Shop::open("guest_again").await;
    let book = shop.book("g-1", "cooking", 5).await;
    let key = [("idempotency-key", "0b6f1d9e-3c55-4f0e-9d0c-5d2d9a3c7b11")];
    let (first, second) = (buy(&shop, &key, book).await, buy(&shop, &key, book).await);
    assert_eq!((first.status, &first.json), (201, &second.json));
    assert_eq!(first.header("x-guest-token"), second.header("x-guest-token"));
    assert_eq!(shop.on_hand(book).await, 4);
    // A key that two guests may think of is each one's own.
    let key = [("idempotency-key", "my-first-basket")];
    let (ana, ben) = (buy(&shop, &key, book).await, buy(&shop, &key, book).await);
    assert_ne!(ana.json["id"], ben.json["id"]);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_guests_may_not_buy_nobody_buys_without_an_account() {
    let shop = Shop::open_without_guests("no_guests").await;
    let book = shop.book("g-1", "cooking", 5).await;
    let refused = buy(&shop, &[], book).await;
    assert_eq!((refused.status, refused.header("set-cookie")), (401, ""), "{refused:?}");
    let bazar = shop.send_as_is(Method::POST, &format!("/purchase/{book}"), &[], None).await;
    assert_eq!(bazar.status, 401);
    assert_eq!(shop.on_hand(book).await, 5);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_request_says_of_its_sender_beside_a_credential_is_not_listened_to() {
    let shop = Shop::open("smuggled").await;
    let book = shop.book("g-1", "cooking", 5).await;
    let order = buy(&shop, &[], book).await.header("location").to_owned();
    let smuggled = [
        ("x-forwarded-user", "employee"),
        ("x-user-id", "00000000-0000-0000-0000-000000000000"),
        ("x-role", "administrator"),
        ("x-principal", "api_key:operator"),
        ("x-original-url", "/takings/1"),
        ("forwarded", "for=127.0.0.1;by=gateway"),
    ];
    for header in smuggled {
        assert_eq!(get(&shop, &[header], &order).await.status, 401, "{header:?}");
        assert!(get(&shop, &[header], &format!("/api/v1/books/{book}")).await.json["on_hand"].is_null(), "{header:?}");
    }
    let mut body = one_copy(book);
    for member in ["customer", "customer_id", "placed_by", "state", "principal"] {
        body[member] = json!("account:00000000-0000-0000-0000-000000000000");
        let refused = shop.send_as_is(Method::POST, "/api/v1/checkout", &[], Some(body.clone())).await;
        assert_eq!(refused.status, 422, "{member}");
        body.as_object_mut().unwrap().remove(member);
    }
    body["on_behalf_of"] = json!("01936f2e-0000-7000-8000-000000000001");
    let refused = shop.send_as_is(Method::POST, "/api/v1/checkout", &[], Some(body)).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    shop.close().await;
}
