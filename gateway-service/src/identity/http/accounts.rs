use actix_web::HttpRequest;
use paperclip::actix::{
    api_v2_operation,
    web::{self, ServiceConfig},
};
use service_kit::{
    auth::{AccountHolder, Administrator, Public},
    http::{Body, Fail, IfMatch, PageQuery, Reply, S200, S201, S401, S403, S404, S409, S412, S429},
};
use shared_types::{
    AccountId,
    identity::{AccountPage, AccountView, CreateAccountRequest, RegisterRequest, UpdateAccountRequest},
};

use crate::identity::{Identity, audit::Actor, domain::Origin};

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/api/v1/auth/register").route(web::post().to(register)))
        .service(web::resource("/api/v1/auth/me").route(web::get().to(me)).route(web::patch().to(update_me)))
        .service(web::resource("/api/v1/accounts").route(web::get().to(list)).route(web::post().to(create)))
        .service(web::resource("/api/v1/accounts/{id}").route(web::get().to(show)))
        .service(web::resource("/api/v1/accounts/{id}/disable").route(web::post().to(disable)))
        .service(web::resource("/api/v1/accounts/{id}/enable").route(web::post().to(enable)));
}

/// What the entity tag of an account is made of.
const VERSION: fn(&AccountView) -> i64 = |account| account.version;

/// Opens a customer's account for whoever asks.
#[api_v2_operation(tags(identity))]
async fn register(
    _: Public,
    identity: web::Data<Identity>,
    origin: Origin,
    request: Body<RegisterRequest>,
) -> Result<Reply<AccountView, (S201,)>, Fail<(S409, S429)>> {
    let account = identity.register(request.0, origin).await?;
    Ok(Reply::created("/api/v1/auth/me", account).tagged(VERSION))
}

/// Shows one's own account.
#[api_v2_operation(tags(identity))]
async fn me(who: AccountHolder, identity: web::Data<Identity>) -> Result<Reply<AccountView>, Fail> {
    let account = identity.account(who.account).await?;
    Ok(Reply::ok(account).tagged(VERSION))
}

/// Changes one's own account. A new e-mail address needs the current password.
#[api_v2_operation(tags(identity))]
async fn update_me(
    who: AccountHolder,
    identity: web::Data<Identity>,
    origin: Origin,
    version: IfMatch,
    request: Body<UpdateAccountRequest>,
) -> Result<Reply<AccountView>, Fail<(S409, S412, S429)>> {
    let account = identity.update_account(who.account, request.0, version.0, origin).await?;
    Ok(Reply::ok(account).tagged(VERSION))
}

/// Lists the accounts, latest first.
#[api_v2_operation(tags(identity))]
async fn list(
    _: Administrator,
    identity: web::Data<Identity>,
    page: web::Query<PageQuery>,
    request: HttpRequest,
) -> Result<Reply<AccountPage>, Fail> {
    let found = identity.accounts(&page).await?;
    let next = found.next_cursor.clone();
    Ok(Reply::ok(found).next_page(&request, next.as_deref()))
}

/// Opens an account of any role for somebody.
#[api_v2_operation(tags(identity))]
async fn create(
    who: Administrator,
    identity: web::Data<Identity>,
    origin: Origin,
    request: Body<CreateAccountRequest>,
) -> Result<Reply<AccountView, (S201,)>, Fail<(S409,)>> {
    let account = identity.create_account(request.0, &Actor::account(who.account, origin), "account.create").await?;
    Ok(Reply::created(format!("/api/v1/accounts/{}", account.id), account).tagged(VERSION))
}

/// Shows an account.
#[api_v2_operation(tags(identity))]
async fn show(
    _: Administrator,
    identity: web::Data<Identity>,
    id: web::Path<AccountId>,
) -> Result<Reply<AccountView>, Fail<(S404,)>> {
    Ok(Reply::ok(identity.account(id.into_inner()).await?).tagged(VERSION))
}

/// Shuts an account: it cannot sign in, and its tokens and keys are refused. Nobody shuts his own.
#[api_v2_operation(tags(identity))]
async fn disable(
    who: Administrator,
    identity: web::Data<Identity>,
    origin: Origin,
    id: web::Path<AccountId>,
) -> Result<Reply<AccountView, (S200,)>, Fail<(S401, S403, S404)>> {
    Ok(Reply::ok(identity.set_disabled(id.into_inner(), true, who.account, origin).await?).tagged(VERSION))
}

/// Opens a disabled account again. Its old sign-ins stay ended.
#[api_v2_operation(tags(identity))]
async fn enable(
    who: Administrator,
    identity: web::Data<Identity>,
    origin: Origin,
    id: web::Path<AccountId>,
) -> Result<Reply<AccountView, (S200,)>, Fail<(S401, S403, S404)>> {
    Ok(Reply::ok(identity.set_disabled(id.into_inner(), false, who.account, origin).await?).tagged(VERSION))
}
