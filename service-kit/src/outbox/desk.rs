//! Parked events for those who review orders: seen, and sent on once their cause was mended.

use paperclip::actix::{
    api_v2_operation,
    web::{self, ServiceConfig},
};
use shared_types::{
    Code, Problem,
    events::{ParkedEvent, ParkedEvents, ReplayRequest},
};

use super::{Parked, parked, release};
use crate::{
    auth::{OrdersReview, Scoped},
    db::{Db, DbError},
    http::{Body, Fail, Reply, S404, S422},
};

/// Parked events that are shown at once.
const MAX_SHOWN: usize = 200;

/// The outbox that the routes are about.
struct Outbox(Db);

/// Registers the routes of parked events. Every service with an outbox has them.
pub fn desk(config: &mut ServiceConfig, db: &Db) {
    config
        .app_data(web::Data::new(Outbox(db.clone())))
        .service(web::resource("/parked-events").route(web::get().to(list)))
        .service(web::resource("/parked-events/replay").route(web::post().to(replay)));
}

/// Lists events that a subscriber refused for good, oldest first: the first 200 of them.
///
/// Later events of the same subject wait behind each of them.
#[api_v2_operation(tags(events))]
async fn list(_: Scoped<OrdersReview>, outbox: web::Data<Outbox>) -> Result<Reply<ParkedEvents>, Fail> {
    Ok(Reply::ok(view(outbox.0.read(parked).await?)))
}

/// Sends a parked event again, after its cause was mended; its subject follows in order. Answers what is parked still.
///
/// 404 where this subscriber has no such event parked: it may have been sent on already.
#[api_v2_operation(tags(events))]
async fn replay(
    _: Scoped<OrdersReview>,
    outbox: web::Data<Outbox>,
    body: Body<ReplayRequest>,
) -> Result<Reply<ParkedEvents>, Fail<(S404, S422)>> {
    let ReplayRequest { subscriber, event_id } = body.0;
    let nothing = || Problem::new(Code::EventNotFound, "this subscriber has no such event parked");
    // No subscriber and no event has one, and not every database takes it for a text.
    if subscriber.contains('\0') || event_id.contains('\0') {
        return Err(nothing().into());
    }
    let replayed = outbox.0.write(move |tx| {
        let released = release(tx, &subscriber, &event_id)?;
        Ok::<_, DbError>(if released { Some(parked(tx)?) } else { None })
    });
    Ok(Reply::ok(view(replayed.await?.ok_or_else(nothing)?)))
}

fn view(mut found: Vec<Parked>) -> ParkedEvents {
    found.truncate(MAX_SHOWN);
    let view = |Parked { subscriber, event_id, subject, detail }| ParkedEvent { subscriber, event_id, subject, detail };
    ParkedEvents { items: found.into_iter().map(view).collect() }
}
