use futures_util::future::join_all;
use paperclip::actix::{api_v2_operation, web};
use service_kit::{
    RequestContext,
    auth::{ServiceCaller, peer},
    http::{Body, Fail, Reply, S200, S201, S409, S422},
};
use shared_types::{
    DeliveryId, Problem,
    deliveries::{BookDeliveryRequest, BookManyAnswer, BookManyRequest, BookOne, BookOneAnswer, DeliveryView},
    limits::{MAX_BOOKINGS_AT_ONCE, MAX_BOOKINGS_BYTES},
};

use super::deliveries::VERSION;
use crate::{
    domain::{Booking, Command, Refusal},
    error::DeliveryError,
    store::{Asked, Store},
};

/// Books a delivery under the id that its order chose.
///
/// 201: booked. 200: this very booking was there. 409: it was canceled, also where the cancellation came first.
#[api_v2_operation(tags(deliveries))]
pub(super) async fn book(
    _: ServiceCaller<peer::Order>,
    store: web::Data<Store>,
    id: web::Path<DeliveryId>,
    body: Body<BookDeliveryRequest>,
) -> Result<Reply<DeliveryView, (S200, S201, S409)>, Fail<(S422,)>> {
    let id = id.into_inner();
    Ok(match booked(&store, id, body.0).await? {
        (201, delivery) => Reply::created(format!("/deliveries/{id}"), delivery).tagged(VERSION),
        (409, delivery) => Reply::with_status(409, delivery),
        (_, delivery) => Reply::ok(delivery).tagged(VERSION),
    })
}

/// Books deliveries of several orders in one request.
///
/// Each booking is decided for itself, as `PUT /deliveries/{delivery_id}` decides it, in a transaction of its own; one that is
/// refused or cannot be read stands in no other's way. The answer has one result for each, in their order. More than 32:
/// 422, and nothing is booked.
#[api_v2_operation(tags(deliveries))]
pub(super) async fn book_many(
    _: ServiceCaller<peer::Order>,
    store: web::Data<Store>,
    body: Body<BookManyRequest, MAX_BOOKINGS_BYTES>,
) -> Result<Reply<BookManyAnswer>, Fail<(S422,)>> {
    let bookings = body.0.bookings;
    if bookings.len() > MAX_BOOKINGS_AT_ONCE {
        let detail = format!("{MAX_BOOKINGS_AT_ONCE} deliveries are booked at once, at most");
        return Err(Problem::invalid("bookings", detail).into());
    }
    let results = join_all(bookings.into_iter().map(|one| book_one(&store, one))).await;
    Ok(Reply::ok(BookManyAnswer { results }))
}

async fn book_one(store: &Store, one: BookOne) -> BookOneAnswer {
    let BookOne { delivery_id, address, customer, request_id } = one;
    let booking = async {
        let booked = booked(store, delivery_id, BookDeliveryRequest { address, courier: None, customer }).await;
        let (status, delivery, problem) = match booked {
            Ok((status, delivery)) => (status, Some(delivery), None),
            Err(problem) => (problem.status, None, Some(problem)),
        };
        tracing::info!(%delivery_id, status, "booked among others");
        BookOneAnswer { delivery_id, delivery, problem }
    };
    RequestContext::taken_or_given(request_id.as_deref()).scope(booking).await
}

/// The delivery, and the status that says what became of its booking.
async fn booked(store: &Store, id: DeliveryId, request: BookDeliveryRequest) -> Result<(u16, DeliveryView), Problem> {
    let customer = request.customer.clone();
    let booking = Booking::read(request).map_err(Problem::invalid_fields)?;
    let asked = Asked { id, command: Command::Book(booking), based_on: None, note: None, customer, key: None };
    match store.carry_out(asked).await {
        Ok((delivery, is_new)) => Ok((if is_new { 201 } else { 200 }, delivery)),
        Err(DeliveryError::Refused(_, Refusal::Canceled)) => Ok((409, store.delivery(id).await?)),
        Err(error) => Err(error.into()),
    }
}
