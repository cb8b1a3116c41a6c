use paperclip::actix::{
    api_v2_operation,
    web::{self, ServiceConfig},
};
use service_kit::{
    auth::{JWKS_PATH, Public, Scope},
    http::Reply,
};
use shared_types::identity::{IntrospectionView, ServerMetadataView, TokensView};

use super::{browser::Visit, form::Form, oauth_reply::OAuthFail};
use crate::identity::{Identity, domain::Origin, oauth::Credentials};

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/.well-known/oauth-authorization-server").route(web::get().to(metadata)))
        .service(web::resource("/o/token/").route(web::post().to(token)))
        .service(web::resource("/o/revoke_token/").route(web::post().to(revoke)))
        .service(web::resource("/o/introspect/").route(web::post().to(introspect)));
}

/// Says where everything of OAuth2 is and what is supported (RFC 8414).
#[api_v2_operation(tags(oauth))]
async fn metadata(_: Public, visit: Visit) -> Reply<ServerMetadataView> {
    let at = |path: &str| format!("{}{path}", visit.base);
    let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let (secret, or_none) = (["client_secret_basic", "client_secret_post"], "none");
    Reply::ok(ServerMetadataView {
        issuer: visit.base.clone(),
        authorization_endpoint: at("/o/authorize/"),
        token_endpoint: at("/o/token/"),
        revocation_endpoint: at("/o/revoke_token/"),
        introspection_endpoint: at("/o/introspect/"),
        jwks_uri: at(JWKS_PATH),
        scopes_supported: Scope::ALL.iter().map(|scope| scope.to_string()).collect(),
        response_types_supported: list(&["code"]),
        response_modes_supported: list(&["query"]),
        grant_types_supported: list(&["authorization_code", "refresh_token", "client_credentials"]),
        code_challenge_methods_supported: list(&["S256"]),
        token_endpoint_auth_methods_supported: list(&[secret[0], secret[1], or_none]),
        revocation_endpoint_auth_methods_supported: list(&[secret[0], secret[1], or_none]),
        introspection_endpoint_auth_methods_supported: list(&secret),
        authorization_response_iss_parameter_supported: true,
    })
}

/// Gives tokens for a code, a refresh token, or the application's own credentials (RFC 6749 §3.2).
///
/// A form with `grant_type`; the client says who it is by HTTP Basic or in the form.
#[api_v2_operation(tags(oauth))]
async fn token(
    _: Public,
    identity: web::Data<Identity>,
    origin: Origin,
    form: Form,
) -> Result<Reply<TokensView>, OAuthFail> {
    let credentials = Credentials::read(form.authorization.as_deref(), &form.fields)?;
    let tokens = identity.grant(credentials, &form.fields, origin).await?;
    Ok(Reply::ok(tokens).header("cache-control", "no-store").header("pragma", "no-cache"))
}

/// Revokes a token and everything of the same consent (RFC 7009). A form with `token`.
#[api_v2_operation(tags(oauth))]
async fn revoke(_: Public, identity: web::Data<Identity>, origin: Origin, form: Form) -> Result<Reply<()>, OAuthFail> {
    let credentials = Credentials::read(form.authorization.as_deref(), &form.fields)?;
    identity.revoke(credentials, &form.fields, origin).await?;
    Ok(Reply::empty(200))
}

/// Tells what a token is (RFC 7662). A form with `token`; for clients that keep a secret.
#[api_v2_operation(tags(oauth))]
async fn introspect(
    _: Public,
    identity: web::Data<Identity>,
    form: Form,
) -> Result<Reply<IntrospectionView>, OAuthFail> {
    let credentials = Credentials::read(form.authorization.as_deref(), &form.fields)?;
    let view = identity.introspect(credentials, &form.fields).await?;
    Ok(Reply::ok(view).header("cache-control", "no-store"))
}
