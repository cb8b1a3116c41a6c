use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use paperclip::{actix::OperationModifier, v2::schema::Apiv2Schema};
use service_kit::http::Fail;

use crate::identity::{Identity, domain::Origin};

impl FromRequest for Origin {
    type Error = Fail;
    type Future = Ready<Result<Self, Fail>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let proxies = request.app_data::<web::Data<Identity>>().map(|identity| &identity.trusted_proxies);
        let forwarded = request.headers().get_all("x-forwarded-for").filter_map(|value| value.to_str().ok());
        let origin = match (request.peer_addr(), proxies) {
            (Some(peer), Some(proxies)) => proxies.origin(peer.ip(), forwarded),
            _ => Origin::default(),
        };
        ready(Ok(origin))
    }
}

impl Apiv2Schema for Origin {}
impl OperationModifier for Origin {}
