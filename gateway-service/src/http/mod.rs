//! The public API. Every handler passes one request on to the service that owns the resource, in the name of whoever
//! its first argument lets in.

/// A book by its number or its ISBN.
mod book_ref;
/// Books, topics, stock, imports.
pub(crate) mod books;
/// Couriers.
mod couriers;
/// Deliveries and their tracking.
mod deliveries;
/// The back office's desk: messages to customers, webhooks to subscribers, parked events.
mod desk;
/// What the services tell the gateway.
pub(crate) mod events;
/// The stream of what happens.
pub(crate) mod live;
/// Purchases and orders.
pub(crate) mod orders;
/// Money that was reported to the shop.
mod receipts;
/// Answers on their way out: addresses rewritten, problems made ours.
pub(crate) mod relay;
/// What an audit found, set right.
mod repairs;
/// Orders that people write, decide about and pay for later.
mod reviews;
/// Webhooks of payment providers, to the byte.
mod webhooks;

use std::sync::Arc;

use paperclip::actix::web::{self, Scope, ServiceConfig};

use crate::clients::Upstreams;
pub(crate) use book_ref::BookRef;

/// Where the public API stands.
pub(crate) const BASE: &str = "/api/v1";

/// Routes that the public document does not show: what services tell the gateway, and a stream, which OpenAPI has no words
/// for. Whoever walks all routes adds them.
pub const UNDOCUMENTED: [(&str, &str); 2] = [("POST", events::PATH), ("GET", live::PATH)];

/// What is asked for most, before all other routes: the router tries one after the other.
pub(crate) fn busy_routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/api/v1/books").route(web::get().to(books::list)).route(web::post().to(books::create)))
        .service(
            web::resource(books::LOOK)
                .route(web::get().to(books::show))
                .route(web::patch().to(books::update))
                .route(web::delete().to(books::delete)),
        )
        .service(web::resource("/api/v1/books/{book}/stock-adjustments").route(web::post().to(books::adjust_stock)))
        .service(web::resource("/api/v1/books/{book}/ledger").route(web::get().to(books::ledger)))
        .service(web::resource("/api/v1/checkout").route(web::post().to(orders::checkout)));
}

pub(crate) fn routes(config: &mut ServiceConfig, upstreams: &Arc<Upstreams>) {
    config.app_data(actix_web::web::Data::from(Arc::clone(upstreams)));
    config.service(web::resource("/webhooks/payment").route(web::post().to(webhooks::payment)));
    let scope = web::scope(BASE);
    config.service(desk_routes(parcel_routes(order_routes(shelf_routes(scope)))));
}

/// Topics, imports.
fn shelf_routes(scope: Scope) -> Scope {
    scope
        .service(web::resource("/topics").route(web::get().to(books::topics)))
        .service(web::resource("/imports").route(web::post().to(books::import)))
}

/// Orders on their way to a decision.
fn order_routes(scope: Scope) -> Scope {
    scope
        .service(web::resource("/orders").route(web::get().to(orders::list)).route(web::post().to(reviews::create)))
        .service(web::resource("/orders/{order_id}").route(web::get().to(orders::show)))
        .service(web::resource("/orders/{order_id}/history").route(web::get().to(orders::history)))
        .service(web::resource("/orders/{order_id}/cancel").route(web::post().to(orders::cancel)))
        .service(
            web::resource("/orders/{order_id}/lines")
                .route(web::get().to(reviews::lines))
                .route(web::post().to(reviews::add_line)),
        )
        .service(
            web::resource("/orders/{order_id}/lines/{line}")
                .route(web::patch().to(reviews::change_line))
                .route(web::delete().to(reviews::remove_line)),
        )
        .service(web::resource("/orders/{order_id}/submit").route(web::post().to(reviews::submit)))
        .service(web::resource("/orders/{order_id}/approve").route(web::post().to(reviews::approve)))
        .service(web::resource("/orders/{order_id}/reject").route(web::post().to(reviews::reject)))
        .service(web::resource("/orders/{order_id}/extend").route(web::post().to(reviews::extend)))
        .service(web::resource("/orders/{order_id}/refund").route(web::post().to(reviews::refund)))
        .service(web::resource("/orders/{order_id}/hand-over").route(web::post().to(reviews::hand_over)))
        .service(web::resource("/orders/{order_id}/payments").route(web::post().to(reviews::pay)))
}

/// Deliveries and couriers.
fn parcel_routes(scope: Scope) -> Scope {
    scope
        .service(web::resource("/deliveries").route(web::get().to(deliveries::list)))
        .service(web::resource("/deliveries/{delivery_id}").route(web::get().to(deliveries::show)))
        .service(web::resource("/deliveries/{delivery_id}/tracking").route(web::get().to(deliveries::tracking)))
        .service(web::resource("/deliveries/{delivery_id}/moves").route(web::post().to(deliveries::advance)))
        .service(web::resource("/deliveries/{delivery_id}/courier").route(web::put().to(deliveries::assign)))
        .service(
            web::resource("/couriers").route(web::get().to(couriers::list)).route(web::post().to(couriers::create)),
        )
        .service(
            web::resource("/couriers/{courier_id}")
                .route(web::get().to(couriers::show))
                .route(web::patch().to(couriers::update)),
        )
}

/// The back office: reported money, messages to customers, other people's webhooks, events that were put aside, repairs.
fn desk_routes(scope: Scope) -> Scope {
    scope
        .service(web::resource("/receipts").route(web::get().to(receipts::list)))
        .service(web::resource("/receipts/{event_id}/returned").route(web::post().to(receipts::returned)))
        .service(web::resource("/notifications").route(web::get().to(desk::notifications)))
        .service(web::resource("/notifications/{id}").route(web::get().to(desk::notification)))
        .service(web::resource("/notifications/{id}/resend").route(web::post().to(desk::resend_notification)))
        .service(
            web::resource("/webhooks").route(web::get().to(desk::webhooks)).route(web::post().to(desk::create_webhook)),
        )
        .service(
            web::resource("/webhooks/{id}")
                .route(web::get().to(desk::webhook))
                .route(web::patch().to(desk::update_webhook))
                .route(web::delete().to(desk::delete_webhook)),
        )
        .service(web::resource("/webhooks/{id}/messages").route(web::get().to(desk::webhook_messages)))
        .service(web::resource("/webhooks/{id}/messages/{message_id}").route(web::get().to(desk::webhook_message)))
        .service(
            web::resource("/webhooks/{id}/messages/{message_id}/resend")
                .route(web::post().to(desk::resend_webhook_message)),
        )
        .service(web::resource("/parked-events/{service}").route(web::get().to(desk::parked_events)))
        .service(web::resource("/parked-events/{service}/replay").route(web::post().to(desk::replay_event)))
        .service(web::resource("/repairs/{repair}/{subject}").route(web::post().to(repairs::repair)))
}
