use actix_web::HttpRequest;
use paperclip::actix::{
    api_v2_operation,
    web::{self, ServiceConfig},
};
use service_kit::{
    auth::{Employee, Who},
    http::{Body, Fail, PageQuery, Reply, S201, S204, S404},
};
use shared_types::{
    AccountId,
    identity::{ApiKeyPage, CreateApiKeyRequest, NewApiKeyView, Role},
};

use uuid::Uuid;

use crate::identity::{Identity, domain::Origin};

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/api/v1/api-keys").route(web::get().to(list)).route(web::post().to(create)))
        .service(web::resource("/api/v1/api-keys/{id}").route(web::delete().to(revoke)));
}

/// Makes an API key with some of one's own scopes. The key is in this answer and nowhere else.
#[api_v2_operation(tags(identity))]
async fn create(
    who: Employee,
    identity: web::Data<Identity>,
    origin: Origin,
    request: Body<CreateApiKeyRequest>,
) -> Result<Reply<NewApiKeyView, (S201,)>, Fail> {
    let made = identity.create_key(who.account, role(&who), request.0, origin).await?;
    let location = format!("/api/v1/api-keys/{}", made.api_key.id);
    Ok(Reply::created(location, made).header("cache-control", "no-store"))
}

/// Lists one's own API keys; everybody's for an administrator.
#[api_v2_operation(tags(identity))]
async fn list(
    who: Employee,
    identity: web::Data<Identity>,
    page: web::Query<PageQuery>,
    request: HttpRequest,
) -> Result<Reply<ApiKeyPage>, Fail> {
    let found = identity.keys(whose(&who), &page).await?;
    let next = found.next_cursor.clone();
    Ok(Reply::ok(found).next_page(&request, next.as_deref()))
}

/// Revokes one's own API key; anybody's for an administrator. It is refused from now on.
#[api_v2_operation(tags(identity))]
async fn revoke(
    who: Employee,
    identity: web::Data<Identity>,
    origin: Origin,
    id: web::Path<Uuid>,
) -> Result<Reply<(), (S204,)>, Fail<(S404,)>> {
    identity.revoke_key(id.to_string(), whose(&who), who.account, origin).await?;
    Ok(Reply::empty(204))
}

fn role(who: &Employee) -> Role {
    if matches!(who.caller.who, Who::Administrator(_)) { Role::Administrator } else { Role::Employee }
}

/// Whose keys he may see and revoke: his own, or all.
fn whose(who: &Employee) -> Option<AccountId> {
    (role(who) != Role::Administrator).then_some(who.account)
}
