use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, Responder, body::BoxBody};
use paperclip::{
    actix::{
        OperationModifier, api_v2_operation,
        web::{self, ServiceConfig},
    },
    v2::{models::DefaultOperationRaw, schema::Apiv2Schema},
};
use service_kit::{
    auth::Administrator,
    http::{Fail, Reply, document::answers_with},
};
use shared_types::identity::{AuditPage, AuditQuery};

use crate::identity::Identity;

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/api/v1/audit-log").route(web::get().to(list)))
        .service(web::resource("/api/v1/audit-log.csv").route(web::get().to(export)));
}

/// Lists who did what, latest first.
#[api_v2_operation(tags(identity))]
async fn list(
    _: Administrator,
    identity: web::Data<Identity>,
    query: web::Query<AuditQuery>,
    request: HttpRequest,
) -> Result<Reply<AuditPage>, Fail> {
    let found = identity.audit_log(query.into_inner()).await?;
    let next = found.next_cursor.clone();
    Ok(Reply::ok(found).next_page(&request, next.as_deref()).header("cache-control", "no-store"))
}

/// A file to be kept.
struct Csv(HttpResponse);

impl Responder for Csv {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        self.0
    }
}

impl Apiv2Schema for Csv {}
impl OperationModifier for Csv {
    fn update_response(operation: &mut DefaultOperationRaw) {
        answers_with(operation, 200, "One line for each entry, the first with the names of the columns.", "text/csv");
    }
}

/// Gives all that the query wants as CSV. A cell that looks like a formula gets an apostrophe before it.
#[api_v2_operation(tags(identity))]
async fn export(_: Administrator, identity: web::Data<Identity>, query: web::Query<AuditQuery>) -> Result<Csv, Fail> {
    let lines = Arc::clone(&identity).audit_export(query.into_inner())?;
    let mut response = HttpResponse::Ok();
    response
        .insert_header(("content-type", "text/csv; charset=utf-8"))
        .insert_header(("content-disposition", "attachment; filename=\"audit-log.csv\""))
        .insert_header(("cache-control", "no-store"));
    Ok(Csv(response.streaming(lines)))
}
