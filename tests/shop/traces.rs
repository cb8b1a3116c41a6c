use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::KeyValue, common::v1::any_value::Value,
};
use prost::Message;
use service_kit::testing::eventually;
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
}

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

    let of_the_purchase = || {
        let seen = collector.seen();
        let trace = seen.iter().find(|span| span.order_id.as_ref() == Some(&order))?.trace.clone();
        Some(seen.into_iter().filter(|span| span.trace == trace).collect::<Vec<_>>())
    };
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
