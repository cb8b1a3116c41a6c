//! The stream of what happens, as a browser's `EventSource` reads it.

use std::time::{Duration, Instant};

use service_kit::testing::eventually;

use crate::shelf::{Shelf, changed};

/// What came on a stream since it was opened.
struct Stream {
    response: reqwest::Response,
    text: String,
}

impl Stream {
    async fn open(shelf: &Shelf, last: Option<&str>) -> Result<Stream, u16> {
        let response = shelf.listen(last).await;
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
