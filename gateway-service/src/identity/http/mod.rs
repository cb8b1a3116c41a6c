//! The only incoming HTTP of identity: parse, one call, view.

/// Accounts, by their owners and by administrators.
mod accounts;
/// OAuth2 applications, by their owners.
mod applications;
/// The audit log, for administrators.
mod audit_log;
/// The pages on which a person lets an application act for him.
mod authorize;
/// What protects a person's browser.
mod browser;
/// Forms, as OAuth2 sends them.
mod form;
/// API keys.
mod keys;
/// OAuth2 between programs: tokens, revocation, introspection, metadata.
mod oauth;
/// Refusals in OAuth2's own words.
mod oauth_reply;
/// Where a request comes from.
mod origin;
/// Signing in and passwords.
mod sign_in;
/// The sign-in behind a request's token.
mod this_sign_in;

use std::sync::Arc;

use paperclip::actix::web::{self, ServiceConfig};
use service_kit::auth::{Gate, publish_keys};

use super::{Identity, access::Door};

pub use browser::{Cookie, Visit};
pub use this_sign_in::ThisSignIn;

impl Identity {
    /// Registers the routes of identity, and the gate that all routes of the service ask who calls.
    pub fn routes(self: &Arc<Self>, config: &mut ServiceConfig) {
        publish_keys(config, &self.issuer);
        config.app_data(Gate::new(Door(Arc::clone(self)))).app_data(web::Data::from(Arc::clone(self)));
        sign_in::routes(config);
        accounts::routes(config);
        keys::routes(config);
        audit_log::routes(config);
        oauth::routes(config);
        applications::routes(config);
        authorize::routes(config);
    }
}
