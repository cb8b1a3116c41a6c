//! The only incoming HTTP of the service: parse, one call, view.

/// Cards: exchanged for tokens at the door.
mod cards;
/// `POST /checkout`.
mod checkout;
/// Messages to customers, webhooks to subscribers.
pub mod desk;
/// How a request about an order ends: decided, or not yet.
mod ending;
/// `POST /events`.
mod events;
/// Idempotency keys: read from the request, told apart by what was asked.
mod keys;
/// `/orders/{id}/lines`.
mod lines;
/// Moving an order and waiting for what becomes of it.
mod moving;
/// Listing, showing, history.
mod orders;
/// In whose name a request works on orders.
mod party;
/// `POST /orders/{id}/payments`.
mod payments;
/// Prices and titles, frozen when a line is ordered.
mod prices;
/// `/receipts`.
mod receipts;
/// `/repairs`.
mod repairs;
/// Orders that people write and decide about: submit, approve, reject, cancel, extend, refund, hand over.
mod review;
/// Books that were short a moment ago.
mod shortages;
/// Database errors as problems.
mod trouble;
/// `POST /webhooks/payment`.
mod webhooks;

use std::sync::Arc;

use paperclip::actix::web;
use service_kit::{
    auth::{Gate, Issuer, publish_keys},
    db::Db,
};
use shared_types::{Currency, OrderId, Secret, Timestamp};
use uuid::Uuid;

pub use shortages::Shortages;

use crate::{
    clients::{Catalog, payments::Providers},
    domain::checkout::Opening,
    driver::Driver,
    webhooks::Senders,
};

/// What every handler works with.
#[derive(Clone)]
pub struct Shop {
    pub db: Db,
    pub driver: Driver,
    pub catalog: Catalog,
    pub providers: Providers,
    /// Whose webhooks are believed.
    pub senders: Arc<Senders>,
    pub currency: Currency,
    /// Milliseconds within which an order has to be paid.
    pub unpaid_ms: i64,
    /// Keys the code by which the card enters a fingerprint.
    pub card_key: Secret,
    pub shortages: Shortages,
}

impl Shop {
    /// What an order that is about to be written is given.
    fn opening(&self) -> Opening {
        let id = OrderId::from_uuid(Uuid::now_v7());
        let Providers { cards_by, invoices_by, .. } = self.providers;
        Opening { id, currency: self.currency, cards_by, invoices_by, pay_by: self.pay_by() }
    }

    /// Until when an order has to be paid whose payment begins now.
    fn pay_by(&self) -> Timestamp {
        self.driver.now().plus_ms(self.unpaid_ms)
    }
}

/// The routes of the service. Each handler's first argument says who may call it.
pub fn routes(shop: Shop, gate: Gate, issuer: Issuer) -> impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static {
    move |config| {
        publish_keys(config, &issuer);
        config
            .app_data(gate.clone())
            .app_data(web::Data::new(shop.clone()))
            .service(web::resource("/checkout").route(web::post().to(checkout::checkout)))
            .service(web::resource("/orders").route(web::get().to(orders::list)).route(web::post().to(review::create)))
            .service(web::resource("/orders/{id}").route(web::get().to(orders::show)))
            .service(web::resource("/orders/{id}/history").route(web::get().to(orders::history)))
            .service(
                web::resource("/orders/{id}/lines").route(web::get().to(lines::list)).route(web::post().to(lines::add)),
            )
            .service(
                web::resource("/orders/{id}/lines/{line}")
                    .route(web::patch().to(lines::change))
                    .route(web::delete().to(lines::remove)),
            )
            .service(web::resource("/orders/{id}/submit").route(web::post().to(review::submit)))
            .service(web::resource("/orders/{id}/approve").route(web::post().to(review::approve)))
            .service(web::resource("/orders/{id}/reject").route(web::post().to(review::reject)))
            .service(web::resource("/orders/{id}/cancel").route(web::post().to(review::cancel)))
            .service(web::resource("/orders/{id}/extend").route(web::post().to(review::extend)))
            .service(web::resource("/orders/{id}/refund").route(web::post().to(review::refund)))
            .service(web::resource("/orders/{id}/hand-over").route(web::post().to(review::hand_over)))
            .service(web::resource("/orders/{id}/deliver").route(web::post().to(review::deliver)))
            .service(web::resource("/orders/{id}/payments").route(web::post().to(payments::pay)))
            .service(web::resource("/receipts").route(web::get().to(receipts::list)))
            .service(web::resource("/receipts/{event_id}/returned").route(web::post().to(receipts::returned)))
            .service(web::resource("/repairs/{repair}/{subject}").route(web::post().to(repairs::repair)))
            .service(web::resource("/webhooks/payment").route(web::post().to(webhooks::receive)))
            .service(web::resource("/events").route(web::post().to(events::receive)));
    }
}
