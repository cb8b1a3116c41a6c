//! The stream of what happens, as a browser's `EventSource` reads it.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use service_kit::testing::eventually;

use crate::{
    shelf::{Shelf, changed},
    shop::{OPERATOR_KEY, Shop},
};

/// What came on a stream since it was opened.
struct Stream {
    response: reqwest::Response,
    text: String,
}

impl Stream {
    async fn open(shelf: &Shelf, last: Option<&str>) -> Result<Stream, u16> {
        let headers: Vec<_> = last.into_iter().map(|last| ("last-event-id", last)).collect();
        Stream::at(&shelf.url(), &headers).await
    }

    #[expect(clippy::disallowed_methods, reason = "a stream has no deadline")]
    async fn at(gateway: &str, headers: &[(&str, &str)]) -> Result<Stream, u16> {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = http.get(format!("{gateway}/api/v1/events"));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let response = request.send().await.unwrap();
        if response.status().as_u16() != 200 {
            return Err(response.status().as_u16());
        }
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut stream = Stream { response, text: String::new() };
        stream.until("retry: ").await;
        Ok(stream)
    }

    /// Reads until this came.
    async fn until(&mut self, wanted: &str) {
        while !self.text.contains(wanted) {
            let piece = tokio::time::timeout(Duration::from_secs(60), self.response.chunk()).await;
            let piece = piece.unwrap().unwrap().expect("the stream goes on");
            self.text.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }

    fn last_id(&self) -> String {
        self.text.lines().filter_map(|line| line.strip_prefix("id: ")).next_back().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_listens_is_told_of_each_change_once() {
    let shelf = Shelf::open(0).await;
    let mut stream = Stream::open(&shelf, None).await.unwrap();
    for version in [2, 2, 3] {
        shelf.tell(&changed(1, version)).await;
    }
    stream.until("\"version\":3").await;
    assert_eq!(stream.text.matches("event: book.changed").count(), 2, "{}", stream.text);
    assert!(stream.text.contains("\"book_id\":1") && stream.text.contains("\"what\":\"stock\""), "{}", stream.text);
    drop(stream);
    shelf.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_is_told_what_he_missed_or_to_start_over() {
    let shelf = Shelf::open(0).await;
    let mut stream = Stream::open(&shelf, None).await.unwrap();
    shelf.tell(&changed(1, 2)).await;
    stream.until("\"version\":2").await;
    let last = stream.last_id();
    drop(stream);
    for version in [3, 4] {
        shelf.tell(&changed(1, version)).await;
    }
    let mut back = Stream::open(&shelf, Some(&last)).await.unwrap();
    back.until("\"version\":4").await;
    assert!(back.text.contains("\"version\":3") && !back.text.contains("\"version\":2"), "{}", back.text);
    let mut lost = Stream::open(&shelf, Some("another-gateways-17")).await.unwrap();
    lost.until("event: reset").await;
    drop((back, lost));
    shelf.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_listener_has_so_many_streams_and_gets_them_back() {
    let shelf = Shelf::open(0).await;
    let mut streams = Vec::new();
    let refused = loop {
        match Stream::open(&shelf, None).await {
            Ok(stream) => streams.push(stream),
            Err(status) => break status,
        }
    };
    assert_eq!((refused, streams.len()), (429, 16));
    streams.clear();
    eventually("a place is free again", async || {
        // Whoever is gone is noticed when the next piece is sent to him.
        let version = i64::try_from(Instant::now().elapsed().as_nanos()).unwrap();
        shelf.tell(&changed(1, version)).await;
        Stream::open(&shelf, None).await.is_ok()
    })
    .await;
    shelf.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_stops_ends_its_streams_at_once() {
    let shelf = Shelf::open(0).await;
    let mut stream = Stream::open(&shelf, None).await.unwrap();
    let began = Instant::now();
    shelf.close().await;
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    while let Ok(Some(_)) = stream.response.chunk().await {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_hears_of_his_own_orders_and_of_nobody_elses() {
    let shop = Shop::open("live_orders").await;
    let book = shop.book("l-1", "cooking", 20).await;
    let body = json!({"lines": [{"book_id": book, "quantity": 1}], "payment_method": "on_delivery"});
    let buy = async |headers: &[(&str, &str)]| {
        let bought = shop.send_as_is(Method::POST, "/api/v1/checkout", headers, Some(body.clone())).await;
        assert_eq!(bought.status, 201, "{bought:?}");
        (bought.json["id"].as_str().unwrap().to_owned(), bought.header("x-guest-token").to_owned())
    };
    let ((_, ana), (bens_first, ben)) = (buy(&[]).await, buy(&[]).await);
    let (ana, ben) = (("x-guest-token", ana.as_str()), ("x-guest-token", ben.as_str()));
    let url = shop.gateway.url();
    let open = async |headers: &[(&str, &str)]| Stream::at(&url, headers).await.unwrap();
    let mut of_ana = open(&[ana]).await;
    let (mut of_ben, mut of_nobody) = (open(&[ben]).await, open(&[]).await);
    let mut of_staff = open(&[("x-api-key", OPERATOR_KEY)]).await;
    // Whoever opened his stream before it happened hears it: the others' streams are read up to a later change.
    let (anas, _) = buy(&[ana]).await;
    of_ana.until(&anas).await;
    of_ana.until("\"state\":\"approved\"").await;
    of_staff.until(&anas).await;
    let last = of_ana.last_id();
    drop(of_ana);
    let (later, _) = buy(&[ana]).await;
    of_staff.until(&later).await;
    assert_eq!(
        shop.send(Method::PATCH, &format!("/api/v1/books/{book}"), &[], Some(json!({"price": 1}))).await.status,
        200
    );
    for stream in [&mut of_ben, &mut of_nobody] {
        stream.until("\"what\":\"content\"").await;
        for order in [&anas, &later] {
            assert!(!stream.text.contains(order.as_str()), "{}", stream.text);
        }
    }
    assert!(!of_nobody.text.contains("order.changed") && !of_nobody.text.contains(&bens_first), "{}", of_nobody.text);
    assert!(!of_staff.text.contains("guest:"), "names stay in the shop: {}", of_staff.text);

    // Who comes back hears what he missed of his own, and somebody else does not by the same number.
    let mut back = open(&[ana, ("last-event-id", &last)]).await;
    back.until(&later).await;
    assert!(!back.text.contains("event: reset"), "{}", back.text);
    let mut thief = open(&[ben, ("last-event-id", &last)]).await;
    thief.until("\"what\":\"content\"").await;
    assert!(!thief.text.contains(&later), "{}", thief.text);
    drop((back, thief, of_ben, of_nobody, of_staff));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_credential_no_longer_holds_hears_nothing_any_more() {
    let shop = Shop::open("live_revoked").await;
    let book = shop.book("l-1", "cooking", 20).await;
    let person = shop.customer("ana").await;
    let mut stream = Stream::at(&shop.gateway.url(), &[("authorization", &person)]).await.unwrap();
    let signed_out = shop.send_as_is(Method::POST, "/api/v1/auth/sign-out", &[("authorization", &person)], None).await;
    assert!(signed_out.status < 300, "{signed_out:?}");
    let (path, mut price) = (format!("/api/v1/books/{book}"), 0);
    eventually("the stream has ended", async || {
        price += 1;
        shop.send(Method::PATCH, &path, &[], Some(json!({"price": price}))).await;
        let piece = tokio::time::timeout(Duration::from_millis(200), stream.response.chunk()).await;
        matches!(piece, Ok(Ok(None) | Err(_)))
    })
    .await;
    shop.close().await;
}
