//! The back office's desk: what customers were told, and who else is told of what. For employees only.

/// Messages to customers.
mod notifications;
/// Why something was not done.
mod trouble;
/// Webhooks to subscribers.
mod webhooks;

use paperclip::actix::web;
use service_kit::{Clock, db::Db, http::Cursor, outbox};
use shared_types::Timestamp;

use crate::clients::Subscribers;
use trouble::DeskError;

/// What the handlers of the desk work with.
#[derive(Clone)]
pub struct Desk {
    pub db: Db,
    pub clock: Clock,
    pub subscribers: Subscribers,
}

impl Desk {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// The routes of the desk.
pub fn routes(desk: Desk) -> impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static {
    move |config| {
        outbox::desk(config, &desk.db);
        config
            .app_data(web::Data::new(desk.clone()))
            .service(web::resource("/notifications").route(web::get().to(notifications::list)))
            .service(web::resource("/notifications/{id}").route(web::get().to(notifications::show)))
            .service(web::resource("/notifications/{id}/resend").route(web::post().to(notifications::resend)))
            .service(
                web::resource("/webhooks").route(web::get().to(webhooks::list)).route(web::post().to(webhooks::create)),
            )
            .service(
                web::resource("/webhooks/{id}")
                    .route(web::get().to(webhooks::show))
                    .route(web::patch().to(webhooks::update))
                    .route(web::delete().to(webhooks::delete)),
            )
            .service(web::resource("/webhooks/{id}/messages").route(web::get().to(webhooks::messages)))
            .service(web::resource("/webhooks/{id}/messages/{message_id}").route(web::get().to(webhooks::log)))
            .service(
                web::resource("/webhooks/{id}/messages/{message_id}/resend").route(web::post().to(webhooks::resend)),
            );
    }
}

/// Cuts a page that was read with one row more than it shows; answers where to read on.
fn cut<T>(items: &mut Vec<T>, rows: i64, position: impl Fn(&T) -> String) -> Option<String> {
    let shown = usize::try_from(rows).unwrap_or(usize::MAX);
    let more = items.len() > shown;
    items.truncate(shown);
    items.last().filter(|_| more).map(|last| Cursor(vec![position(last)]).encode())
}
