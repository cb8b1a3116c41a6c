use reqwest::Method;
use serde_json::json;
use service_kit::{
    db::{Db, DbError, DbOptions, Tx},
    outbox,
    testing::TestDatabase,
};

use crate::{
    neighbours::Book,
    shop::{Shop, collect, deliver, patient},
};

#[tokio::test]
async fn orders_are_listed_page_by_page_latest_first() {
    let shop = Shop::open("pages").await;
    // The first who comes too late for a book has an order to show for it.
    shop.neighbours.put_book(4, Book { title: "The Iliad", price: "9.50", on_hand: 0 });
    let mut placed = Vec::new();
    for book in [1, 1, 3, 1, 1, 4, 1] {
        placed.push(shop.checkout(&collect(&[(book, 1), (book, 1)])).await.order_id());
    }
    placed.reverse();
    let mut listed = Vec::new();
    let mut path = "/orders?limit=3".to_owned();
    loop {
        let page = shop.get(&path).await;
        let items = page.json["items"].as_array().unwrap();
        assert!(items.len() <= 3 && items.iter().all(|order| order["lines"].as_array().unwrap().len() == 2));
        listed.extend(items.iter().map(|order| order["id"].as_str().unwrap().to_owned()));
        let Some(link) = page.link else {
            assert_eq!(page.json.get("next_cursor"), None);
            break;
        };
        let (target, relation) = link.split_once(">; ").unwrap();
        assert_eq!(relation, "rel=\"next\"");
        assert!(target.contains(page.json["next_cursor"].as_str().unwrap()));
        path = target.trim_start_matches('<').to_owned();
    }
    assert_eq!(listed, placed);

    let canceled = shop.get("/orders?state=canceled&limit=1").await;
    assert_eq!(canceled.json["items"][0]["id"], placed[1]);
    let link = canceled.link.unwrap();
    assert!(link.contains("state=canceled"), "{link}");
    let next =
        shop.get(&format!("/orders?state=canceled&cursor={}", canceled.json["next_cursor"].as_str().unwrap())).await;
    assert_eq!((&next.json["items"][0]["id"], next.json["items"].as_array().unwrap().len()), (&json!(placed[4]), 1));
    assert_eq!(shop.get("/orders?state=rejected").await.json["items"], json!([]));
    shop.close().await;
}

#[tokio::test]
async fn the_history_tells_who_did_what_when_and_what_came_of_it() {
    let shop = Shop::open("history").await;
    let id = shop.checkout(&deliver(&[(1, 1)])).await.order_id();
    shop.settled(&id).await;
    let history = shop.get(&format!("/orders/{id}/history")).await;
    assert_eq!(history.json["order_id"], id);
    let rows: Vec<_> = history.json["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            let text = |field: &str| entry[field].as_str().unwrap().to_owned();
            (
                entry["version"].as_i64().unwrap(),
                text("command"),
                text("actor"),
                text("state"),
                text("stock"),
                text("fulfillment"),
            )
        })
        .collect();
    let row = |version, command: &str, actor: &str, state: &str, stock: &str, fulfillment: &str| {
        (version, command.to_owned(), actor.to_owned(), state.to_owned(), stock.to_owned(), fulfillment.to_owned())
    };
    assert_eq!(
        rows,
        [
            row(1, "place", "account:00000000-0000-0000-0000-000000000000", "pending", "taking", "none"),
            row(2, "copies_taken", "driver", "approved", "taken", "none"),
            row(3, "delivery_booked", "driver", "approved", "taken", "scheduled"),
        ]
    );
    assert!(history.json["items"][0]["at"].as_str().unwrap() <= history.json["items"][2]["at"].as_str().unwrap());
    shop.close().await;
}

#[tokio::test]
async fn each_change_of_an_order_has_exactly_one_event() {
    let database = TestDatabase::create("told").await;
    let listening = Db::open(database.url(), DbOptions::default(), &[]).await.unwrap();
    listening.write(|tx| outbox::subscribe(tx, "listener")).await.unwrap();
    listening.close().await;

    let shop = Shop::open_on(database, patient()).await;
    let bought = shop.checkout_with("k", &deliver(&[(1, 1)])).await.order_id();
    shop.checkout_with("k", &deliver(&[(1, 1)])).await;
    let refused = shop.checkout(&collect(&[(3, 1)])).await.order_id();
    shop.settled(&bought).await;
    assert_eq!(shop.cancel(&bought).await.status, 409);
    let told = told(&shop).await;
    for (order, versions) in [(&bought, 3), (&refused, 2)] {
        let of: Vec<_> = told.iter().filter(|event| event["subject"] == **order).collect();
        assert_eq!(of.len(), versions, "{of:?}");
        for (event, version) in of.iter().zip(1..) {
            assert_eq!(
                (&event["type"], &event["data"]["version"]),
                (&json!("lastcopy.order.changed"), &json!(version))
            );
            assert_eq!(event["data"]["order_id"], **order);
        }
        let last = &of[versions - 1]["data"];
        let order = shop.order(order).await;
        for axis in ["state", "stock", "payment", "fulfillment", "version"] {
            assert_eq!(last[axis], order[axis], "{axis}");
        }
    }
    shop.close().await;
}

async fn told(shop: &Shop) -> Vec<serde_json::Value> {
    let db = Db::open_read_only(shop.database.url()).await.unwrap();
    let bodies = |tx: &mut Tx<'_>| {
        let rows = tx.query("select body from outbox_event order by position", &[])?;
        rows.iter().map(|row| row.get::<String>("body")).collect::<Result<Vec<_>, DbError>>()
    };
    let bodies = db.read(bodies).await.unwrap();
    db.close().await;
    bodies.iter().map(|body| serde_json::from_str(body).unwrap()).collect()
}

#[tokio::test]
async fn the_api_document_shows_every_route() {
    let shop = Shop::open("document").await;
    let document = shop.send(Method::GET, "/openapi.json", None, None).await.json;
    for (path, method, statuses) in [
        ("/checkout", "post", &["201", "202", "409", "422"][..]),
        ("/orders", "get", &["200"]),
        ("/orders/{id}", "get", &["200", "404"]),
        ("/orders/{id}/history", "get", &["200", "404"]),
        ("/orders/{id}/cancel", "post", &["200", "202", "404", "409", "422"]),
        ("/events", "post", &["200", "422"]),
    ] {
        let responses = &document["paths"][path][method]["responses"];
        assert!(statuses.iter().all(|status| responses[status].is_object()), "{path}: {responses}");
    }
    // Fails where one route does not say who may call it.
    assert!(service_kit::auth::routes(&document).unwrap().len() >= 6);
    shop.close().await;
}
