//! The only incoming HTTP.

/// Bookings of deliveries.
mod bookings;
/// Couriers.
mod couriers;
/// Deliveries.
mod deliveries;

use paperclip::actix::web::{self, ServiceConfig};

use service_kit::auth::{Gate, Issuer, publish_keys};

use crate::store::Store;

/// Every route of this service. Each handler's first argument says who may call it.
pub fn routes(store: Store, gate: Gate, issuer: Issuer) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    move |config| {
        publish_keys(config, &issuer);
        config
            .app_data(gate.clone())
            .app_data(web::Data::new(store.clone()))
            .service(
                web::resource("/deliveries")
                    .route(web::get().to(deliveries::list))
                    .route(web::post().to(bookings::book_many)),
            )
            .service(
                web::resource("/deliveries/{delivery_id}")
                    .route(web::get().to(deliveries::show))
                    .route(web::put().to(bookings::book)),
            )
            .service(web::resource("/deliveries/{delivery_id}/cancel").route(web::post().to(deliveries::cancel)))
            .service(web::resource("/deliveries/{delivery_id}/tracking").route(web::get().to(deliveries::tracking)))
            .service(web::resource("/deliveries/{delivery_id}/moves").route(web::post().to(deliveries::advance)))
            .service(web::resource("/deliveries/{delivery_id}/courier").route(web::put().to(deliveries::assign)))
            .service(
                web::resource("/couriers").route(web::post().to(couriers::create)).route(web::get().to(couriers::list)),
            )
            .service(
                web::resource("/couriers/{courier_id}")
                    .route(web::get().to(couriers::show))
                    .route(web::patch().to(couriers::update)),
            );
    }
}
