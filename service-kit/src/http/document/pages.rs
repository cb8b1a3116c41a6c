use std::sync::OnceLock;

use actix_web::{HttpRequest, HttpResponse, dev::RequestHead, web};

use super::Document;

/// Where the document itself is. The address decides about its language; at the last two, who asks does.
const DOCUMENTS: [&str; 4] = ["/openapi.json", "/openapi.yaml", "/api/schema", "/api/schema/"];
/// Where Swagger UI shows it.
const SWAGGER_UI: [&str; 5] =
    ["/docs", "/docs/", "/docs/index.html", "/api/schema/swagger-ui", "/api/schema/swagger-ui/"];
/// Where Redoc shows it.
const REDOC: [&str; 4] = ["/redoc", "/redoc/", "/api/schema/redoc", "/api/schema/redoc/"];

/// The pages name scripts of ours and nothing else: no script stands in a page.
const SWAGGER_UI_PAGE: &str = include_str!("../../../pages/swagger_ui.html");
const SWAGGER_UI_START: &str = include_str!("../../../pages/swagger_ui.js");
const REDOC_PAGE: &str = include_str!("../../../pages/redoc.html");
/// npm's `redoc`; `vendored/redoc/README.md` says which.
const REDOC_SCRIPT: &str = include_str!("../../../vendored/redoc/redoc.standalone.js");

/// What of Swagger UI's own files our page asks for; paperclip has them.
const SWAGGER_UI_FILES: [&str; 4] =
    ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-16x16.png", "favicon-32x32.png"];

/// Seconds for which a browser keeps a script.
const KEPT_S: u32 = 3_600;

/// Whether a page or a script of the documentation is there, which may run its own scripts.
pub fn is_documentation(path: &str) -> bool {
    let below = ["/docs/", "/redoc/"].iter().any(|folder| path.starts_with(folder));
    below || SWAGGER_UI.contains(&path) || REDOC.contains(&path)
}

/// paperclip's handler panics on a file that it does not have, so those never reach it.
pub(in crate::http) fn is_unknown_file(head: &RequestHead) -> bool {
    let below = head.uri.path().strip_prefix("/docs/");
    below.is_some_and(|file| !SWAGGER_UI_FILES.contains(&file))
}

/// The document and its pages.
pub(in crate::http) fn routes(config: &mut web::ServiceConfig) {
    // A resource each, so that another method is told which one there is.
    for path in DOCUMENTS {
        config.service(web::resource(path).route(web::get().to(document)));
    }
    for path in SWAGGER_UI {
        config.service(web::resource(path).route(web::get().to(|| async { page(SWAGGER_UI_PAGE) })));
    }
    for path in REDOC {
        config.service(web::resource(path).route(web::get().to(|| async { page(REDOC_PAGE) })));
    }
    let swagger_ui = web::get().to(|| async { script(SWAGGER_UI_START) });
    let redoc = web::get().to(|| async { script(REDOC_SCRIPT) });
    config.service(web::resource("/docs/start.js").route(swagger_ui));
    config.service(web::resource("/redoc/redoc.standalone.js").route(redoc));
}

async fn document(request: HttpRequest, document: web::Data<OnceLock<Document>>) -> HttpResponse {
    let document = document.get().expect("BUG: the document is finished before the first request");
    match request.path() {
        "/openapi.json" => document.as_json(),
        "/openapi.yaml" => document.as_yaml(),
        _ => document.as_asked(&request),
    }
}

fn page(text: &'static str) -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(text)
}

fn script(text: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/javascript; charset=utf-8")
        .insert_header(("cache-control", format!("public, max-age={KEPT_S}")))
        .body(text)
}
