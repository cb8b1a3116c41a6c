//! What the services tell the gateway. No public caller gets in here: the gate of this route knows the keys of the
//! services that tell, and lets in nobody but them.

use std::sync::Arc;

use paperclip::actix::{
    api_v2_operation,
    web::{self, ServiceConfig},
};
use paperclip::v2::schema::Apiv2Schema;
use serde::Deserialize;
use service_kit::{
    auth::{Gate, ServiceCaller, peer},
    http::{Body, Fail, Reply, S422},
};
use shared_types::{
    Problem,
    events::{BOOK_CHANGED, BatchAnswer, BooksChanged, CloudEvent, EventOutcome, EventResult},
    limits::{MAX_EVENT_BATCH, MAX_EVENT_BATCH_BYTES},
};

use crate::{
    cache::{Cache, Stale},
    live::Live,
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
    _: ServiceCaller<peer::Catalog>,
    cache: web::Data<Cache>,
    live: web::Data<Live>,
    batch: Body<Batch, MAX_EVENT_BATCH_BYTES>,
) -> Result<Reply<BatchAnswer>, Fail<(S422,)>> {
    let events = batch.0.0;
    if events.len() > MAX_EVENT_BATCH {
        return Err(Problem::invalid("", format!("a batch has at most {MAX_EVENT_BATCH} events")).into());
    }
    // What is kept is forgotten first: whoever looks because he was told sees what he was told of.
    events.iter().flat_map(stale).for_each(|stale| cache.forget(&stale));
    events.iter().for_each(|event| tell(&live, event));
    let handled = |event: CloudEvent| EventResult { id: event.id, outcome: EventOutcome::Handled, detail: None };
    Ok(Reply::ok(BatchAnswer { results: events.into_iter().map(handled).collect() }))
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

/// Tells whoever listens of each book.
fn tell(live: &Live, event: &CloudEvent) {
    let changed = (event.kind == BOOK_CHANGED).then(|| serde_json::from_str::<BooksChanged>(event.data.get()).ok());
    for book in changed.flatten().map(|changed| changed.books).unwrap_or_default() {
        let data = serde_json::to_string(&book).expect("BUG: plain data serialises");
        live.hub.tell(format!("{} {}.{}", event.source, book.book_id, book.version), "book.changed", &data);
    }
}
