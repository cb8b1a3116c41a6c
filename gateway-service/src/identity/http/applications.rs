use actix_web::HttpRequest;
use paperclip::actix::{
    api_v2_operation,
    web::{self, ServiceConfig},
};
use service_kit::{
    auth::{AccountHolder, Who},
    http::{Body, Fail, PageQuery, Reply, S200, S201, S204, S404},
};
use shared_types::{
    AccountId,
    identity::{ApplicationPage, ApplicationView, RegisterApplicationRequest, Role, UpdateApplicationRequest},
};

use uuid::Uuid;

use crate::identity::{Identity, domain::Origin};

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/o/applications/").route(web::get().to(list)).route(web::post().to(register)))
        .service(
            web::resource("/o/applications/{id}/")
                .route(web::get().to(show))
                .route(web::patch().to(update))
                .route(web::delete().to(remove)),
        )
        .service(web::resource("/o/applications/{id}/secret/").route(web::post().to(renew_secret)));
}

/// Lists one's own OAuth2 applications; everybody's for an administrator.
#[api_v2_operation(tags(oauth))]
async fn list(
    who: AccountHolder,
    identity: web::Data<Identity>,
    page: web::Query<PageQuery>,
    request: HttpRequest,
) -> Result<Reply<ApplicationPage>, Fail> {
    let found = identity.applications(whose(&who), &page).await?;
    let next = found.next_cursor.clone();
    Ok(Reply::ok(found).next_page(&request, next.as_deref()))
}

/// Registers an OAuth2 application. Its secret is in this answer and nowhere else.
#[api_v2_operation(tags(oauth))]
async fn register(
    who: AccountHolder,
    identity: web::Data<Identity>,
    origin: Origin,
    request: Body<RegisterApplicationRequest>,
) -> Result<Reply<ApplicationView, (S201,)>, Fail> {
    let made = identity.register_application(who.account, role(&who), request.0, origin).await?;
    let location = format!("/o/applications/{}/", made.client_id);
    Ok(Reply::created(location, made).header("cache-control", "no-store"))
}

/// Shows an application.
#[api_v2_operation(tags(oauth))]
async fn show(
    who: AccountHolder,
    identity: web::Data<Identity>,
    id: web::Path<Uuid>,
) -> Result<Reply<ApplicationView>, Fail<(S404,)>> {
    Ok(Reply::ok(identity.own_application(id.to_string(), whose(&who)).await?))
}

/// Changes an application.
#[api_v2_operation(tags(oauth))]
async fn update(
    who: AccountHolder,
    identity: web::Data<Identity>,
    origin: Origin,
    id: web::Path<Uuid>,
    request: Body<UpdateApplicationRequest>,
) -> Result<Reply<ApplicationView>, Fail<(S404,)>> {
    let by = (who.account, role(&who));
    Ok(Reply::ok(identity.update_application(id.to_string(), whose(&who), by, request.0, origin).await?))
}

/// Gives an application a new secret; the old one is no longer good.
#[api_v2_operation(tags(oauth))]
async fn renew_secret(
    who: AccountHolder,
    identity: web::Data<Identity>,
    origin: Origin,
    id: web::Path<Uuid>,
) -> Result<Reply<ApplicationView, (S200,)>, Fail<(S404,)>> {
    let made = identity.renew_secret(id.to_string(), whose(&who), who.account, origin).await?;
    Ok(Reply::ok(made).header("cache-control", "no-store"))
}

/// Removes an application: its tokens and the consents given to it are no longer good.
#[api_v2_operation(tags(oauth))]
async fn remove(
    who: AccountHolder,
    identity: web::Data<Identity>,
    origin: Origin,
    id: web::Path<Uuid>,
) -> Result<Reply<(), (S204,)>, Fail<(S404,)>> {
    identity.remove_application(id.to_string(), whose(&who), who.account, origin).await?;
    Ok(Reply::empty(204))
}

fn role(who: &AccountHolder) -> Role {
    match who.caller.who {
        Who::Administrator(_) => Role::Administrator,
        Who::Employee(_) => Role::Employee,
        Who::Customer(_) | Who::Anonymous | Who::Guest(_) | Who::Client(_) | Who::ApiKey(_) | Who::Service(_) => {
            Role::Customer
        }
    }
}

/// Whose applications he may see and change: his own, or all.
fn whose(who: &AccountHolder) -> Option<AccountId> {
    (role(who) != Role::Administrator).then_some(who.account)
}
