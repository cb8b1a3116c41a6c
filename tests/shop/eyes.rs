use std::{collections::BTreeSet, fs, net::SocketAddr, path::Path};

use serde_json::Value;
use service_kit::testing::eventually;
use shared_types::{BookId, Code};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::cluster::{Basket, Bought, Catalog, Cluster, Delivery, Gateway, Order, Part};

const PARTS: [Part; 4] = [Gateway, Catalog, Order, Delivery];

/// What Prometheus reads there.
async fn numbers(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}

/// What all replicas of the part have counted together.
async fn counted(shop: &Cluster, part: Part, series: &str) -> i64 {
    let mut sum = 0;
    for address in shop.numbers_of(part) {
        sum += value(&numbers(address).await, series);
    }
    sum
}

/// What is the same at every replica of the part.
async fn measured(shop: &Cluster, part: Part, series: &str) -> i64 {
    value(&numbers(shop.numbers_of(part)[0]).await, series)
}

/// The value of a series, by its whole name.
fn value(text: &str, series: &str) -> i64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in\n{text}")).parse().unwrap()
}

/// One delivered purchase, and one that is refused for want of copies, of which there are too few to sell two.
async fn a_little_trade(shop: &Cluster) -> BookId {
    let (plenty, scarce) = (shop.book("Plenty", 10).await, shop.book("Scarce", 1).await);
    shop.operator().buy(&Basket::of(&[(plenty, 3)]).delivered()).await.order();
    ask_for_two(shop, scarce).await;
    scarce
}

async fn ask_for_two(shop: &Cluster, scarce: BookId) {
    let refused = shop.operator().buy(&Basket::of(&[(scarce, 2)])).await;
    assert!(matches!(refused, Bought::No(Code::SoldOut)), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_copy_that_moves_is_counted_once() {
    let shop = Cluster::start().await;
    let scarce = a_little_trade(&shop).await;
    assert_eq!(counted(&shop, Catalog, "lastcopy_copies_taken_total").await, 3);
    assert_eq!(counted(&shop, Catalog, "lastcopy_copies_given_back_total").await, 0);
    assert_eq!(counted(&shop, Catalog, "lastcopy_refused_lines_total{reason=\"sold_out\"}").await, 1);
    for (command, state) in [("copies_taken", "approved"), ("copies_refused", "canceled")] {
        let moves = format!("lastcopy_order_moves_total{{command=\"{command}\",state=\"{state}\"}}");
        assert_eq!(counted(&shop, Order, &moves).await, 1);
    }
    for state in ["approved", "canceled"] {
        assert_eq!(measured(&shop, Order, &format!("lastcopy_orders{{state=\"{state}\"}}")).await, 1);
    }
    // Refused on a look, for which no order is written, he is counted as well.
    ask_for_two(&shop, scarce).await;
    assert_eq!(counted(&shop, Catalog, "lastcopy_refused_lines_total{reason=\"sold_out\"}").await, 2);
    eventually("no order is unfinished", async || {
        measured(&shop, Order, "lastcopy_unfinished_orders{seconds=\"0\"}").await == 0
    })
    .await;
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_without_an_answer_shows_as_unfinished_and_as_retries() {
    let mut shop = Cluster::start().await;
    let book = shop.book("Waiting", 1).await;
    shop.kill(Catalog);
    let caller = shop.operator();
    let buying = tokio::spawn(async move { caller.buy(&Basket::of(&[(book, 1)])).await.order().id });
    eventually("the order shows", async || {
        measured(&shop, Order, "lastcopy_unfinished_orders{seconds=\"0\"}").await == 1
            && counted(&shop, Order, "lastcopy_driver_calls_total{action=\"take\",outcome=\"no_answer\"}").await > 1
    })
    .await;
    let open = "lastcopy_breaker_open{part=\"catalog\"}";
    eventually("the silent part is let be", async || counted(&shop, Order, open).await > 0).await;
    shop.restart(Catalog).await;
    buying.await.unwrap();
    let (again, caller) = (shop.book("Again", 1_000).await, shop.operator());
    eventually("every replica asks it again", async || {
        caller.buy(&Basket::of(&[(again, 1)])).await.order();
        counted(&shop, Order, open).await == 0
    })
    .await;
    assert_eq!(counted(&shop, Order, "lastcopy_breaker_open{part=\"delivery\"}").await, 0);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn how_many_reads_are_answered_from_what_is_kept_is_counted() {
    let shop = Cluster::start().await;
    let (book, caller) = (shop.book("Read Again", 1).await, shop.operator());
    let answers = async || {
        let hits = counted(&shop, Gateway, "lastcopy_cache_answers_total{outcome=\"hit\"}").await;
        [hits, counted(&shop, Gateway, "lastcopy_cache_answers_total{outcome=\"miss\"}").await]
    };
    // The event of the book's creation may still be on its way, and drops what is kept of it.
    eventually("the book is kept", async || {
        let [hits, _] = answers().await;
        caller.book(book).await;
        answers().await[0] == hits + 1
    })
    .await;
    let [hits, misses] = answers().await;
    for _ in 0..9 {
        caller.book(book).await;
    }
    caller.get("/books?q=asked+for+the+first+time").await;
    assert_eq!(answers().await, [hits + 9, misses + 1]);
    shop.finish().await;
}

/// The names of our metrics in a text.
fn names(text: &str) -> BTreeSet<&str> {
    let word = |c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':');
    text.split(word).filter(|word| word.starts_with("lastcopy_")).collect()
}

fn in_deploy(file: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(file);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_number_that_rules_and_dashboard_name_is_there() {
    let (rules, dashboard) = (in_deploy("prometheus/rules.yml"), in_deploy("grafana/lastcopy.json"));
    let board: Value = serde_json::from_str(&dashboard).unwrap();
    let ids: BTreeSet<i64> =
        board["panels"].as_array().unwrap().iter().map(|panel| panel["id"].as_i64().unwrap()).collect();
    assert_eq!(ids.len(), board["panels"].as_array().unwrap().len(), "two panels have one id");

    let shop = Cluster::start().await;
    a_little_trade(&shop).await;
    let mut shown = String::new();
    for part in PARTS {
        shown += &numbers(shop.numbers_of(part)[0]).await;
    }
    let auditor = shop.auditor().await;
    shown += &numbers(auditor.address()).await;
    drop(auditor);
    let shown = names(&shown);
    let missing: Vec<&str> =
        names(&rules).union(&names(&dashboard)).filter(|name| !shown.contains(*name)).copied().collect();
    assert!(missing.is_empty(), "nobody shows {missing:?}");
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_runbook_that_an_alert_names_is_written() {
    let handbook = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/OPERATIONS.md")).unwrap();
    let headings: BTreeSet<String> = handbook
        .lines()
        .filter_map(|line| line.strip_prefix("## ").or_else(|| line.strip_prefix("### ")))
        .map(|heading| heading.to_lowercase().replace(' ', "-"))
        .collect();
    let rules = in_deploy("prometheus/rules.yml");
    let named: Vec<&str> =
        rules.lines().filter_map(|line| line.trim().strip_prefix("runbook: docs/OPERATIONS.md#")).collect();
    assert!(!named.is_empty());
    for anchor in named {
        assert!(headings.contains(anchor), "no heading for #{anchor}");
    }
}
