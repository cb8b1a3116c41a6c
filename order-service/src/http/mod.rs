//! The only incoming HTTP of the service: parse, one call, view.

/// `POST /orders/{id}/cancel`.
mod cancel;
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
/// Listing, showing, history.
mod orders;
/// Database errors as problems.
mod trouble;

use paperclip::actix::web;
use service_kit::{
    auth::{Gate, Issuer, publish_keys},
    db::Db,
};
use shared_types::Currency;

use crate::driver::Driver;

/// What every handler works with.
#[derive(Clone)]
pub struct Shop {
    pub db: Db,
    pub driver: Driver,
    pub currency: Currency,
}

/// The routes of the service. Each handler's first argument says who may call it.
pub fn routes(shop: Shop, gate: Gate, issuer: Issuer) -> impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static {
    move |config| {
        publish_keys(config, &issuer);
        config
            .app_data(gate.clone())
            .app_data(web::Data::new(shop.clone()))
            .service(web::resource("/checkout").route(web::post().to(checkout::checkout)))
            .service(web::resource("/orders").route(web::get().to(orders::list)))
            .service(web::resource("/orders/{id}").route(web::get().to(orders::show)))
            .service(web::resource("/orders/{id}/history").route(web::get().to(orders::history)))
            .service(web::resource("/orders/{id}/cancel").route(web::post().to(cancel::cancel)))
            .service(web::resource("/events").route(web::post().to(events::receive)));
    }
}
