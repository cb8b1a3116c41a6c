use paperclip::actix::{api_v2_operation, web};

use super::{extract::Public, issuer::Issuer, key_source::JWKS_PATH, keys::Jwks};
use crate::http::Reply;

/// Seconds for which a key set may be kept by whoever fetched it; less than a key is published before it signs.
const MAX_AGE_S: u32 = 300;

/// Serves the issuer's public keys at [`JWKS_PATH`].
pub fn publish_keys(config: &mut web::ServiceConfig, issuer: &Issuer) {
    config.app_data(web::Data::new(issuer.clone())).service(web::resource(JWKS_PATH).route(web::get().to(keys)));
}

/// The public keys with which this service's tokens are verified (RFC 7517).
#[api_v2_operation(tags(identity))]
async fn keys(_: Public, issuer: web::Data<Issuer>) -> Reply<Jwks> {
    Reply::ok(issuer.jwks()).header("cache-control", format!("public, max-age={MAX_AGE_S}"))
}
