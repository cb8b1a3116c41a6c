use paperclip::{
    actix::{api_v2_operation, web},
    v2::schema::Apiv2Schema,
};
use serde::Deserialize;
use service_kit::{
    auth::{ServiceCaller, peer},
    db::Tx,
    faults,
    http::{Body, Fail, Reply, S422},
    inbox::{self, HandleError},
};
use shared_types::{
    Problem,
    events::{BatchAnswer, CloudEvent, DELIVERY_CHANGED, DeliveryChanged},
    limits::{MAX_EVENT_BATCH, MAX_EVENT_BATCH_BYTES},
};

use super::Shop;
use crate::{
    domain::Command,
    points::EVENT,
    store::{
        Actor,
        moves::{self, Hand, MoveError},
        orders,
    },
};

/// A batch as CloudEvents has it (JSON batch format). Documented as it is there, not here.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Batch(Vec<CloudEvent>);

impl Apiv2Schema for Batch {}

/// Takes events of other services.
///
/// A batch of at most 100 CloudEvents. Each is handled once, however often it is sent; the answer names what became of each.
#[api_v2_operation(tags(events))]
pub(super) async fn receive(
    _: ServiceCaller<peer::Delivery>,
    shop: web::Data<Shop>,
    batch: Body<Batch, MAX_EVENT_BATCH_BYTES>,
) -> Result<Reply<BatchAnswer>, Fail<(S422,)>> {
    let events = batch.0.0;
    if events.len() > MAX_EVENT_BATCH {
        return Err(Problem::invalid("", format!("a batch has at most {MAX_EVENT_BATCH} events")).into());
    }
    let hand = shop.driver.hand_over(Actor::Delivery);
    let answer = inbox::handle_batch(&shop.db, events, move |tx, event| handle(tx, event, &hand)).await;
    faults::point(EVENT.after_commit);
    shop.driver.wake();
    Ok(Reply::ok(answer))
}

/// Events of kinds that mean nothing here are acknowledged: their sender has other listeners.
fn handle(tx: &mut Tx<'_>, event: &CloudEvent, hand: &Hand) -> Result<(), HandleError> {
    if event.kind == DELIVERY_CHANGED {
        let rejected = |error: serde_json::Error| HandleError::Rejected(error.to_string());
        let changed: DeliveryChanged = serde_json::from_str(event.data.get()).map_err(rejected)?;
        follow(tx, &changed, hand)?;
    }
    faults::point(EVENT.before_commit);
    Ok(())
}

fn follow(tx: &mut Tx<'_>, changed: &DeliveryChanged, hand: &Hand) -> Result<(), HandleError> {
    let DeliveryChanged { delivery_id, order_id, version, status } = *changed;
    if delivery_id.order != order_id {
        return Err(HandleError::Rejected(format!("delivery {delivery_id} is none of order {order_id}")));
    }
    // Most of them say what the answer to a booking has said already.
    if orders::has_heard(tx, order_id, delivery_id.n, version)? {
        return Ok(());
    }
    let moved = Command::DeliveryMoved { n: delivery_id.n, status, version };
    moves::make(tx, order_id, &moved, hand).map(drop).map_err(|error| match error {
        MoveError::Db(error) => HandleError::Db(error),
        refused @ (MoveError::NoSuchOrder(_) | MoveError::TooManyUnpaid { .. } | MoveError::Refused(_)) => {
            HandleError::Rejected(refused.to_string())
        }
    })
}
