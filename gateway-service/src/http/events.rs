//! What the services tell the gateway. No public caller gets in here: the gate of this route knows the keys of the
//! services that tell, and lets in nobody but them.

use std::sync::Arc;

use paperclip::actix::{
    api_v2_operation,
    web::{self, ServiceConfig},
};
use paperclip::v2::schema::Apiv2Schema;
use serde::{Deserialize, Serialize};
use service_kit::{
    auth::{AnyCaller, Caller, Gate, Permission, Refusal, Service, Who},
    faults,
    http::{Body, Fail, Reply, S403, S422},
    telemetry::about,
};
use shared_types::{
    Problem,
    events::{
        BOOK_CHANGED, BatchAnswer, BooksChanged, CloudEvent, EventOutcome, EventResult, ORDER_CHANGED, OrderChanged,
    },
    limits::{MAX_EVENT_BATCH, MAX_EVENT_BATCH_BYTES},
};

use crate::{
    cache::{Cache, Stale},
    live::{Audience, Live},
};

/// Where services tell. It is no public route: its callers are not counted, and what they tell is nobody's wish.
pub(crate) const PATH: &str = "/events";

/// `gate` believes the services that tell, and nobody who speaks for others.
pub(crate) fn routes(config: &mut ServiceConfig, gate: &Gate, cache: &Arc<Cache>) {
    let cache = web::Data::from(Arc::clone(cache));
    config.app_data(cache).service(web::resource(PATH).app_data(gate.clone()).route(web::post().to(receive)));
}

/// A batch as CloudEvents has it (JSON batch format).
#[derive(Debug, Deserialize)]
#[serde(transparent)]
struct Batch(Vec<CloudEvent>);

impl Apiv2Schema for Batch {}

/// Takes events of the services behind the gateway.
///
/// There is no inbox: forgetting a second time has no effect, and whoever listens is told once.
#[api_v2_operation(skip)]
async fn receive(
    AnyCaller(caller): AnyCaller,
    cache: web::Data<Cache>,
    live: web::Data<Live>,
    batch: Body<Batch, MAX_EVENT_BATCH_BYTES>,
) -> Result<Reply<BatchAnswer>, Fail<(S403, S422)>> {
    let kind = told_by(&caller)?;
    let events = batch.0.0;
    if events.len() > MAX_EVENT_BATCH {
        return Err(Problem::invalid("", format!("a batch has at most {MAX_EVENT_BATCH} events")).into());
    }
    // What is kept is forgotten first: whoever looks because he was told sees what he was told of.
    let own = || events.iter().filter(|event| event.kind == kind);
    // Sabotage: what the services tell of is heard and nothing is dropped.
    if !faults::sabotaged("deaf_cache") {
        cache.forget(&own().flat_map(stale).collect::<Vec<_>>()).await;
    }
    own().for_each(|event| tell(&live, event));
    let handled = |event: CloudEvent| EventResult { id: event.id, outcome: EventOutcome::Handled, detail: None };
    Ok(Reply::ok(BatchAnswer { results: events.into_iter().map(handled).collect() }))
}

/// What a service tells of: its own things, and nobody else's. Its other events are acknowledged and mean nothing here.
fn told_by(caller: &Caller) -> Result<&'static str, Refusal> {
    let tellers = [(Service::Catalog, BOOK_CHANGED), (Service::Order, ORDER_CHANGED)];
    let own = tellers.into_iter().find(|(service, _)| caller.who == Who::Service(*service));
    own.map(|(_, kind)| kind).ok_or(Refusal::Forbidden(Permission::Service(Service::Catalog)))
}

/// What an event makes stale. One that cannot be read is no reason to hold up those behind it: everything is dropped,
/// which is right whatever it says.
fn stale(event: &CloudEvent) -> Vec<Stale> {
    if event.kind != BOOK_CHANGED {
        return Vec::new();
    }
    match serde_json::from_str::<BooksChanged>(event.data.get()) {
        Ok(changed) => changed.books.iter().map(Stale::from).collect(),
        Err(error) => {
            tracing::error!(event_id = event.id, %error, "an event that cannot be read: nothing is kept");
            vec![Stale::All]
        }
    }
}

/// Tells whoever listens: everybody of books, and of an order its owner and the staff.
fn tell(live: &Live, event: &CloudEvent) {
    if let Ok(changed) = serde_json::from_str::<BooksChanged>(event.data.get()) {
        for book in changed.books {
            let key = format!("{} {}.{}", event.source, book.book_id, book.version);
            live.hub.tell(key, Audience::Everybody, "book.changed", &line(&book));
        }
    } else if let Ok(changed) = serde_json::from_str::<OrderChanged>(event.data.get()) {
        about(&event.subject);
        let owner = changed.customer.clone().unwrap_or_default();
        let shown = OrderChanged { customer: None, ..changed };
        live.hub.tell(format!("{} {}", event.source, event.id), Audience::Owner(owner), "order.changed", &line(&shown));
    }
}

fn line(data: &impl Serialize) -> String {
    serde_json::to_string(data).expect("BUG: plain data serialises")
}
