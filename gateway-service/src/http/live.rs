use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};
use paperclip::actix::{
    api_v2_operation,
    web::{self, ServiceConfig},
};
use service_kit::{
    auth::{Anyone, Caller},
    http::{Fail, S429},
};

use crate::{identity::Identity, live::Live};

/// Where whoever wants to know listens.
pub(crate) const PATH: &str = "/api/v1/events";

pub(crate) fn routes(config: &mut ServiceConfig, live: &Arc<Live>) {
    config.app_data(web::Data::from(Arc::clone(live))).service(web::resource(PATH).route(web::get().to(listen)));
}

/// Streams what happens to books, as server-sent events.
///
/// `book.changed` names a book, its version and what changed: `content`, `stock` or `gone`. `order.changed` says where an
/// order of the caller's is now on each of its axes; whoever reviews orders is told of all of them. After a break, `Last-Event-ID`
/// brings what was missed; where that is no longer known, a `reset` comes first: read anew what you show.
#[api_v2_operation(skip)]
async fn listen(
    Anyone(caller): Anyone,
    identity: web::Data<Identity>,
    live: web::Data<Live>,
    request: HttpRequest,
) -> Result<HttpResponse, Fail<(S429,)>> {
    let whose = if caller == Caller::anonymous() {
        format!("{:?}", identity.origin(&request).network())
    } else {
        caller.principal()
    };
    Ok(live.stream(&request, identity.into_inner(), (caller, whose))?)
}
