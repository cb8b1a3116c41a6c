use std::net::SocketAddr;

use service_kit::{
    db::{Db, DbError, DbOptions, Tx},
    http::{Background, Running},
    metrics::{Counters, Gauges, Histograms, MetricsDoor, Probe, SECONDS},
    outbox,
    testing::TestDatabase,
};
use shared_types::{Timestamp, events::CloudEvent};

use super::{sample, sample_with, send};

static SOLD: Counters<1> = Counters::new("sample_sold_total", "Sold", ["how"], &[["at_once"], ["later"]]);
static OPEN: Gauges<0> = Gauges::new("sample_open", "Open", [], &[[]]);
static TOOK: Histograms<0> = Histograms::new("sample_took_seconds", "Took", [], &[[]], SECONDS);

async fn text_at(address: SocketAddr) -> String {
    let answer = get(address).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("text/plain; version=0.0.4"), "{answer}");
    answer
}

async fn get(address: SocketAddr) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn metrics_of(running: &Running) -> String {
    text_at(running.metrics_address().unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_counted_by_their_routes_pattern_and_never_by_their_path() {
    let running = sample().await;
    for path in ["/things/1", "/things/1", "/things/2", "/things/3", "/things/secret-7", "/elsewhere/secret-8"] {
        send(&running, &format!("GET {path}"), "", "");
    }
    send(&running, "BREW /things/1", "", "");
    let text = metrics_of(&running).await;
    for (labels, count) in [
        (r#"method="GET",route="/things/{id}",status="200""#, 2),
        (r#"method="GET",route="/things/{id}",status="500""#, 1), // It panics.
        (r#"method="GET",route="/things/{id}",status="404""#, 1),
        (r#"method="GET",route="/things/{id}",status="400""#, 1),
        (r#"method="GET",route="(none)",status="404""#, 1),
        (r#"method="other",route="/things/{id}",status="405""#, 1),
    ] {
        let line = format!("lastcopy_http_request_seconds_count{{{labels}}} {count}\n");
        assert!(text.contains(&line), "{line}{text}");
    }
    assert!(!text.contains("secret") && !text.contains("BREW"), "{text}");
    assert!(text.contains("lastcopy_http_requests_in_flight 1\n"), "the reading of the page itself:\n{text}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn families_of_a_service_are_there_before_their_first_event() {
    let mut background = Background::default();
    background.show(&[&SOLD, &OPEN, &TOOK]);
    let running = sample_with(background).await;
    let text = metrics_of(&running).await;
    for line in ["sample_sold_total{how=\"later\"} 0", "sample_open 0", "sample_took_seconds_count 0"] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    SOLD.with(["at_once"]).inc();
    OPEN.with([]).set(4);
    TOOK.with([]).observe(0.1);
    let text = metrics_of(&running).await;
    for line in ["sample_sold_total{how=\"at_once\"} 1", "sample_open 4", "sample_took_seconds_count 1"] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_that_fails_says_so_and_spoils_nothing() {
    let mut background = Background::default();
    background.probe(Probe::new("well", || async { Ok(()) }));
    background.probe(Probe::new("ill", || async { Err("on purpose".to_owned()) }));
    let running = sample_with(background).await;
    let text = metrics_of(&running).await;
    assert!(text.contains("lastcopy_probe_up{probe=\"well\"} 1\n"), "{text}");
    assert!(text.contains("lastcopy_probe_up{probe=\"ill\"} 0\n"), "{text}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_service_shows_its_numbers_at_an_address_of_their_own_or_nowhere() {
    let mut background = Background::default();
    background.metrics_at(MetricsDoor::Own("127.0.0.1:0".parse().unwrap()));
    let running = sample_with(background).await;
    assert_ne!(running.metrics_address().unwrap(), running.address());
    assert_eq!(send(&running, "GET /metrics", "", "").status, 404);
    let text = metrics_of(&running).await;
    let turned_away = "lastcopy_http_request_seconds_count{method=\"GET\",route=\"/metrics\",status=\"404\"} 1\n";
    assert!(text.contains(turned_away), "{text}");
    running.stop().await;

    let mut background = Background::default();
    background.metrics_at(MetricsDoor::Closed);
    let running = sample_with(background).await;
    assert_eq!(running.metrics_address(), None);
    assert_eq!(send(&running, "GET /metrics", "", "").status, 404);
    running.stop().await;
}

fn event(number: i64) -> CloudEvent {
    CloudEvent {
        specversion: "1.0".to_owned(),
        id: number.to_string(),
        source: "/sample".to_owned(),
        kind: "sample".to_owned(),
        subject: "one".to_owned(),
        time: Timestamp::from_micros(1),
        datacontenttype: "application/json".to_owned(),
        data: serde_json::value::to_raw_value(&number).unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_connections_and_the_outbox_are_shown() {
    let database = TestDatabase::create("numbers").await;
    let db = Db::open(database.url(), DbOptions::default(), &[]).await.unwrap();
    let mut background = Background::default();
    background.close_last(db.clone());
    let running = sample_with(background).await;
    db.write(|tx| outbox::subscribe(tx, "reader")).await.unwrap();
    db.write(|tx| outbox::append(tx, &event(1)).and_then(|()| outbox::append(tx, &event(2)))).await.unwrap();
    let text = metrics_of(&running).await;
    for line in [
        "lastcopy_db_commit_jobs_count 2",
        "lastcopy_db_commit_seconds_count 2",
        "lastcopy_db_waiting_writes 0",
        "lastcopy_db_connections_in_use 0",
        "lastcopy_outbox_waiting_events{subscriber=\"reader\"} 2",
        "lastcopy_outbox_parked_events{subscriber=\"reader\"} 0",
        "lastcopy_probe_up{probe=\"outbox\"} 1",
    ] {
        assert!(text.contains(&format!("{line}\n")), "{line}\n{text}");
    }
    let lag = text.split("lastcopy_outbox_lag_seconds{subscriber=\"reader\"} ").nth(1).unwrap();
    assert!(lag.lines().next().unwrap().parse::<i64>().unwrap() > 1_000_000_000, "since 1970: {lag}");
    running.stop().await;
}

static KEPT: Counters<0> = Counters::new("sample_kept_total", "Kept", [], &[[]]);

#[tokio::test(flavor = "multi_thread")]
async fn what_is_rolled_back_was_never_counted() {
    let database = TestDatabase::create("counted").await;
    let db = Db::open(database.url(), DbOptions::default(), &[]).await.unwrap();
    let count = |tx: &mut Tx<'_>| tx.count(KEPT.with([]), 3);
    let refused = db.write(move |tx| {
        count(tx);
        Err::<(), DbError>(DbError::NoRow)
    });
    assert!(refused.await.is_err());
    assert_eq!(KEPT.with([]).get(), 0);
    let kept = db.write(move |tx| {
        count(tx);
        Ok::<_, DbError>(())
    });
    kept.await.unwrap();
    assert_eq!(KEPT.with([]).get(), 3);
    db.close().await;
}
