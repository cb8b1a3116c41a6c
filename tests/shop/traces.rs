use std::{
    collections::BTreeSet,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::KeyValue, common::v1::any_value::Value,
};
use prost::Message;
use service_kit::testing::eventually;
use shared_types::Code;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use crate::cluster::{Basket, Cluster, Order};

/// What a span says.
#[derive(Debug, Clone)]
struct Seen {
    service: String,
    name: String,
    trace: Vec<u8>,
    id: Vec<u8>,
    parent: Vec<u8>,
    order_id: Option<String>,
    /// Nanoseconds.
    began: u64,
    ended: u64,
}

impl Seen {
    /// What was done, without where: addresses are new with every start.
    fn deed(&self) -> &str {
        if self.name.contains("127.0.0.1") { "call" } else { &self.name }
    }

    fn is_about(&self, order: &str) -> bool {
        self.order_id.as_deref() == Some(order)
    }
}

/// A span by who did what for whom, and whether it names its order, as the page of a recorded trace has it.
type Deed = (String, String, bool, Option<(String, String)>);

/// A stand-in for a collector: OTLP, protobuf over HTTP.
struct Collector {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Collector {
    async fn listen() -> Collector {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let kept = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(take_batch(stream, Arc::clone(&kept)));
            }
        });
        Collector { address, seen }
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The trace that this order was bought in, as far as it has arrived.
    fn of_order(&self, order: &str) -> Option<Vec<Seen>> {
        let seen = self.seen();
        let trace = seen.iter().find(|span| span.is_about(order) && span.name == "take")?.trace.clone();
        Some(seen.into_iter().filter(|span| span.trace == trace).collect())
    }
}

/// A service that is killed leaves half a request behind: that is no batch.
async fn take_batch(stream: TcpStream, seen: Arc<Mutex<Vec<Seen>>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let (mut length, mut line) = (0, String::new());
    while line != "\r\n" {
        line.clear();
        stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let batch = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
    for resource in batch.resource_spans {
        let attributes = resource.resource.unwrap().attributes;
        let service = text(&attributes, "service.name").unwrap();
        let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
        seen.lock().unwrap().extend(spans.map(|span| Seen {
            service: service.clone(),
            order_id: text(&span.attributes, "order_id"),
            name: span.name,
            trace: span.trace_id,
            id: span.span_id,
            parent: span.parent_span_id,
            began: span.start_time_unix_nano,
            ended: span.end_time_unix_nano,
        }));
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await.ok()
}

fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let value = &attributes.iter().find(|attribute| attribute.key == key)?.value;
    let Value::StringValue(text) = value.as_ref()?.value.as_ref()? else { panic!("{key} is {value:?}") };
    Some(text.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivered_purchase_is_one_trace_over_four_services() {
    let collector = Collector::listen().await;
    let shop = Cluster::start_with(&[format!("--trace-endpoint=http://{}", collector.address)]).await;
    let book = shop.book("Followed", 1).await;
    let order = shop.operator().buy(&Basket::of(&[(book, 1)]).delivered()).await.order().id.to_string();

    let of_the_purchase = || collector.of_order(&order);
    let served = |spans: &[Seen], service: &str, name: &str| {
        spans.iter().any(|span| span.service == service && span.name.starts_with(name))
    };
    eventually("the whole purchase has arrived", async || {
        of_the_purchase().is_some_and(|spans| {
            served(&spans, "gateway", "POST /api/v1/checkout")
                && served(&spans, "order", "POST /checkout")
                && served(&spans, "order", "take")
                && served(&spans, "catalog", "PUT /takings/{taking_id}")
                && served(&spans, "delivery", "PUT /deliveries/{delivery_id}")
        })
    })
    .await;
    let spans = of_the_purchase().unwrap();
    let services: BTreeSet<&str> = spans.iter().map(|span| span.service.as_str()).collect();
    assert_eq!(services, BTreeSet::from(["catalog", "delivery", "gateway", "order"]));
    let ids: BTreeSet<&[u8]> = spans.iter().map(|span| span.id.as_slice()).collect();
    let roots: Vec<&Seen> = spans.iter().filter(|span| !ids.contains(span.parent.as_slice())).collect();
    assert_eq!(roots.len(), 1, "all hang together: {roots:?}");
    assert_eq!(roots[0].name, "POST /api/v1/checkout");
    // Keys are fetched for the first call, and are of no order.
    let keys = |span: &Seen| span.name == "GET /.well-known/jwks.json";
    let above_keys = |span: &Seen| spans.iter().any(|below| keys(below) && below.parent == span.id);
    let nameless: Vec<&Seen> = spans.iter().filter(|span| !span.is_about(&order)).collect();
    let of_keys = nameless.iter().all(|span| keys(span) || above_keys(span));
    assert!(of_keys, "every other span names the order: {nameless:?}");
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_told_of_an_order_afterwards_names_it_too() {
    let collector = Collector::listen().await;
    let shop = Cluster::start_with(&[format!("--trace-endpoint=http://{}", collector.address)]).await;
    let book = shop.book("Told", 2).await;
    let basket = Basket::of(&[(book, 1)]).delivered().by_card("4242424242424242");
    let order = shop.operator().buy(&basket).await.order().id.to_string();
    // Of events, of the bank's news, and of what their hearers do with them.
    let told = [
        ("catalog", "tell"),
        ("order", "tell"),
        ("delivery", "tell"),
        ("payments", "tell"),
        ("order", "handle"),
        ("order", "POST /webhooks/payment"),
        ("gateway", "POST /events"),
    ];
    for (service, name) in told {
        eventually(&format!("{service}: {name}"), async || {
            collector.seen().iter().any(|span| span.service == service && span.name == name && span.is_about(&order))
        })
        .await;
    }
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_that_is_refused_names_its_order_as_well() {
    let collector = Collector::listen().await;
    let shop = Cluster::start_with(&[format!("--trace-endpoint=http://{}", collector.address)]).await;
    let book = shop.book("Scarce", 1).await;
    let refused = shop.operator().try_to_buy(&Basket::of(&[(book, 2)])).await.unwrap();
    assert_eq!(refused.code(), Some(Code::SoldOut));
    for (service, name) in [("gateway", "POST /api/v1/checkout"), ("order", "POST /checkout"), ("order", "take")] {
        eventually(&format!("{service}: {name}"), async || {
            let named = |span: &Seen| span.service == service && span.name == name && span.order_id.is_some();
            collector.seen().iter().any(named)
        })
        .await;
    }
    let named: BTreeSet<String> = collector.seen().into_iter().filter_map(|span| span.order_id).collect();
    assert_eq!(named.len(), 1, "all of them the same");
    shop.finish().await;
}

/// One line for each span, beneath its parent's: when it began and how long it took in microseconds, who, and what.
fn drawn(spans: &[Seen], beneath: &[u8], depth: usize, from: u64) -> String {
    let mut below: Vec<&Seen> = spans.iter().filter(|span| span.parent == beneath).collect();
    below.sort_by_key(|span| span.began);
    let mut text = String::new();
    for span in below {
        let (at, took) = ((span.began - from) / 1_000, (span.ended - span.began) / 1_000);
        let whose = span.order_id.as_ref().map(|_| "  order_id").unwrap_or_default();
        let (indent, deed) = ("  ".repeat(depth), span.deed());
        text += &format!("{at:>8} {took:>8}  {:<9} {indent}{deed}{whose}\n", span.service);
        text += &drawn(spans, &span.id, depth + 1, from);
    }
    text
}

fn deeds(spans: &[Seen]) -> BTreeSet<Deed> {
    let name = |span: &Seen| (span.service.clone(), span.deed().to_owned());
    let parent = |span: &Seen| spans.iter().find(|other| other.id == span.parent).map(name);
    let deed = |span: &Seen| (span.service.clone(), span.deed().to_owned(), span.order_id.is_some(), parent(span));
    spans.iter().map(deed).collect()
}

/// What the page of a recorded trace tells.
fn deeds_on(page: &str) -> BTreeSet<Deed> {
    let mut above: Vec<(String, String)> = Vec::new();
    let lines = page.split("```").nth(1).unwrap().lines().filter(|line| line.contains(char::is_numeric));
    let deeds = lines.map(|line| {
        let (service, named) = (line[19..28].trim().to_owned(), line.ends_with("  order_id"));
        let what = line[29..].trim_end_matches("  order_id");
        let depth = what.find(|c| c != ' ').unwrap() / 2;
        above.truncate(depth);
        let parent = above.last().cloned();
        above.push((service.clone(), what.trim().to_owned()));
        (service, what.trim().to_owned(), named, parent)
    });
    deeds.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_by_card_has_the_trace_that_is_shown_in_the_documents() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/TRACE.md");
    let shown = deeds_on(&std::fs::read_to_string(page).unwrap());
    assert!(shown.len() >= 12, "{shown:?}");
    let collector = Collector::listen().await;
    let shop = Cluster::start_with(&[format!("--trace-endpoint=http://{}", collector.address)]).await;
    let book = shop.book("Followed", 2).await;
    // The first purchase of all has more to do: connections are made and keys are fetched.
    let mut order = String::new();
    for _ in 0..2 {
        let basket = Basket::of(&[(book, 1)]).delivered().by_card("4242424242424242");
        order = shop.operator().buy(&basket).await.order().id.to_string();
    }
    eventually("all that is shown has arrived", async || {
        collector.of_order(&order).is_some_and(|spans| shown.is_subset(&deeds(&spans)))
    })
    .await;
    let spans = collector.of_order(&order).unwrap();
    let root = spans.iter().find(|span| span.deed() == "POST /api/v1/checkout").unwrap();
    eprintln!("{}", drawn(&spans, &root.parent, 0, root.began));
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_not_there_costs_no_purchase_and_no_orderly_stop() {
    let nowhere = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut shop = Cluster::start_with(&[format!("--trace-endpoint=http://{nowhere}")]).await;
    let book = shop.book("Unseen", 1).await;
    shop.operator().buy(&Basket::of(&[(book, 1)])).await.order();
    shop.stop(Order).await;
    shop.restart(Order).await;
    shop.until_ready().await;
    shop.finish().await;
}
