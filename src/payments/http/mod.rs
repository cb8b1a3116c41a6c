//! The only incoming HTTP of the provider: parse, one call, view.

/// What some cards do to the answer itself.
mod manners;
/// Payments.
mod payments;
/// `POST /tokens`.
mod tokens;

use paperclip::actix::web::{self, ServiceConfig};

use super::{config::Pace, store::Store};

/// What every handler works with.
#[derive(Clone)]
pub(super) struct Bank {
    pub store: Store,
    pub pace: Pace,
}

/// Every route of the provider.
pub(super) fn routes(bank: Bank) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    move |config| {
        config
            .app_data(web::Data::new(bank.clone()))
            .service(web::resource("/tokens").route(web::post().to(tokens::create)))
            .service(web::resource("/payments").route(web::get().to(payments::list)))
            .service(
                web::resource("/payments/{payment_id}")
                    .route(web::get().to(payments::show))
                    .route(web::put().to(payments::open)),
            )
            .service(web::resource("/payments/{payment_id}/cancel").route(web::post().to(payments::cancel)))
            .service(web::resource("/payments/{payment_id}/refund").route(web::post().to(payments::refund)))
            .service(web::resource("/payments/{payment_id}/pay").route(web::post().to(payments::pay)));
    }
}
