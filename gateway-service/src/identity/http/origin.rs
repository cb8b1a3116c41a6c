use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use paperclip::{actix::OperationModifier, v2::schema::Apiv2Schema};
use service_kit::http::Fail;

use crate::identity::{Identity, domain::Origin};

impl Identity {
    /// Where a request comes from, as far as it can be believed.
    pub(crate) fn origin(&self, request: &HttpRequest) -> Origin {
        let Some(peer) = request.peer_addr() else { return Origin::default() };
        if self.trusted_proxies.is_empty() {
            return Origin(peer.ip().to_canonical());
        }
        let forwarded = request.headers().get_all("x-forwarded-for").filter_map(|value| value.to_str().ok());
        self.trusted_proxies.origin(peer.ip(), forwarded)
    }
}

impl FromRequest for Origin {
    type Error = Fail;
    type Future = Ready<Result<Self, Fail>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let identity = request.app_data::<web::Data<Identity>>();
        let origin = identity.map_or_else(Origin::default, |identity| identity.origin(request));
        ready(Ok(origin))
    }
}

impl Apiv2Schema for Origin {}
impl OperationModifier for Origin {}
