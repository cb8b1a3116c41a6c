use paperclip::actix::{
    api_v2_operation,
    web::{self, ServiceConfig},
};
use service_kit::{
    auth::{AccountHolder, Public},
    http::{Body, Fail, Reply, S200, S202, S204, S401, S429},
};
use shared_types::identity::{
    ChangePasswordRequest, ResetPasswordRequest, SetPasswordRequest, TokenRequest, TokenView,
};

use super::ThisSignIn;
use crate::identity::{Identity, audit::Actor, domain::Origin};

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/api/v1/auth/token").route(web::post().to(token)))
        .service(web::resource("/api/v1/auth/password").route(web::post().to(change_password)))
        .service(web::resource("/api/v1/auth/password-reset").route(web::post().to(ask_reset)))
        .service(web::resource("/api/v1/auth/password-reset/confirm").route(web::post().to(reset_password)))
        .service(web::resource("/api/v1/auth/sign-out").route(web::post().to(sign_out)))
        .service(web::resource("/api/v1/auth/sign-out-everywhere").route(web::post().to(sign_out_everywhere)));
}

/// Gives an access token for a username and a password.
///
/// Wrong ones pause the next try: longer and longer for one account from one network, and never for its owner elsewhere.
#[api_v2_operation(tags(identity))]
async fn token(
    _: Public,
    identity: web::Data<Identity>,
    origin: Origin,
    request: Body<TokenRequest>,
) -> Result<Reply<TokenView>, Fail<(S401, S429)>> {
    Ok(Reply::ok(identity.token(request.0, origin).await?).header("cache-control", "no-store"))
}

/// Changes one's own password. Every other sign-in ends; the answer is a token to go on with.
#[api_v2_operation(tags(identity))]
async fn change_password(
    who: AccountHolder,
    identity: web::Data<Identity>,
    origin: Origin,
    request: Body<ChangePasswordRequest>,
) -> Result<Reply<TokenView, (S200,)>, Fail<(S401, S429)>> {
    let token = identity.change_password(who.account, request.0, origin).await?;
    Ok(Reply::ok(token).header("cache-control", "no-store"))
}

/// Sends a reset token to the owner of an account. The answer is the same whether there is one or not.
#[api_v2_operation(tags(identity))]
async fn ask_reset(
    _: Public,
    identity: web::Data<Identity>,
    origin: Origin,
    request: Body<ResetPasswordRequest>,
) -> Result<Reply<(), (S202,)>, Fail<(S429,)>> {
    identity.ask_reset(&request.0.username, origin).await?;
    Ok(Reply::empty(202))
}

/// Sets a new password with a reset token, which is used up. Every sign-in of the account ends.
#[api_v2_operation(tags(identity))]
async fn reset_password(
    _: Public,
    identity: web::Data<Identity>,
    origin: Origin,
    request: Body<SetPasswordRequest>,
) -> Result<Reply<(), (S204,)>, Fail> {
    identity.reset_password(request.0, origin).await?;
    Ok(Reply::empty(204))
}

/// Ends the sign-in to which this token belongs.
#[api_v2_operation(tags(identity))]
async fn sign_out(
    who: AccountHolder,
    sign_in: ThisSignIn,
    identity: web::Data<Identity>,
    origin: Origin,
) -> Result<Reply<(), (S204,)>, Fail> {
    let entry = Actor::account(who.account, origin).done("account.sign_out", format_args!("/accounts/{}", who.account));
    identity.end_family(&sign_in.0.id, "signed out", entry).await?;
    Ok(Reply::empty(204))
}

/// Ends every sign-in and every consent of one's own account, this one included. API keys stay.
#[api_v2_operation(tags(identity))]
async fn sign_out_everywhere(
    who: AccountHolder,
    identity: web::Data<Identity>,
    origin: Origin,
) -> Result<Reply<(), (S204,)>, Fail> {
    identity.sign_out_everywhere(who.account, origin).await?;
    Ok(Reply::empty(204))
}
