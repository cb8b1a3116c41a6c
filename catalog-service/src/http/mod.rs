//! The only incoming HTTP: a handler parses, makes one call, and shows the answer.

/// Books one by one.
mod books;
/// Imports of tables.
mod imports;
/// Lists of books and of topics.
mod lists;
/// Pages and the way to the next one.
mod paging;
/// What of a book's stock a caller may see and set.
mod sight;
/// Stock adjustments and the ledger.
mod stock;
/// Takings, for the order service only.
mod takings;

use std::sync::Arc;

use paperclip::actix::web::{self, ServiceConfig};

use service_kit::auth::Gate;

use crate::catalog::Catalog;

/// The catalog as handlers get it.
pub type Shop = web::Data<Catalog>;

/// Every route of the service. Each handler's first argument says who may call it.
pub fn routes(config: &mut ServiceConfig, catalog: &Arc<Catalog>, gate: &Gate) {
    config
        .app_data(gate.clone())
        .app_data(Shop::from(Arc::clone(catalog)))
        .service(web::resource("/books").route(web::post().to(books::create)).route(web::get().to(lists::books)))
        .service(web::resource("/books/by-id/{ids}").route(web::get().to(books::show_all)))
        .service(web::resource("/books/by-isbn/{isbn}").route(web::get().to(books::show_by_isbn)))
        .service(
            web::resource("/books/{book_id}")
                .route(web::get().to(books::show))
                .route(web::patch().to(books::change))
                .route(web::delete().to(books::withdraw)),
        )
        .service(web::resource("/books/{book_id}/stock-adjustments").route(web::post().to(stock::adjust)))
        .service(web::resource("/books/{book_id}/ledger").route(web::get().to(stock::ledger)))
        .service(web::resource("/topics").route(web::get().to(lists::topics)))
        .service(web::resource("/imports").route(web::post().to(imports::import)))
        .service(web::resource("/takings").route(web::post().to(takings::take_many)))
        .service(web::resource("/takings/check").route(web::post().to(takings::check)))
        .service(web::resource("/takings/checks").route(web::post().to(takings::check_many)))
        .service(
            web::resource("/takings/{taking_id}")
                .route(web::put().to(takings::take))
                .route(web::get().to(takings::show)),
        )
        .service(web::resource("/takings/{taking_id}/give-back").route(web::post().to(takings::give_back)));
}
