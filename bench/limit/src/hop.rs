use actix_web::{App, HttpRequest, HttpResponse, HttpServer, http::StatusCode, web};
use hyper::Method;

use crate::{
    client::Client,
    duty::{self, BUYER, Callers, Duty},
    say_ready,
};

/// Asks `to` for every path that it is asked for.
pub async fn serve(to: String) -> std::io::Result<()> {
    let server = HttpServer::new(move || {
        App::new().app_data(web::Data::new(Client::new(&to))).default_service(web::to(pass_on))
    });
    let server = server.bind(("127.0.0.1", 0))?;
    say_ready(server.addrs()[0]);
    server.run().await
}

/// The same with everything that the shop owes for it, to whoever has the key.
pub async fn serve_dutifully(to: String, key: &str) -> std::io::Result<()> {
    let callers = Callers::with_key(key);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(Client::with_token(&to, &duty::token_of(BUYER))))
            .app_data(web::Data::new(callers.clone()))
            .default_service(web::to(pass_on_dutifully))
    });
    let server = server.bind(("127.0.0.1", 0))?;
    say_ready(server.addrs()[0]);
    server.run().await
}

async fn pass_on(request: HttpRequest, client: web::Data<Client>) -> HttpResponse {
    relayed(client.call(Method::GET, request.path(), web::Bytes::new()).await)
}

async fn pass_on_dutifully(
    request: HttpRequest,
    client: web::Data<Client>,
    callers: web::Data<Callers>,
) -> HttpResponse {
    let duty = Duty::of(&request);
    if callers.by_key(&request).is_none() {
        return duty.done_in_public(HttpResponse::Unauthorized().finish());
    }
    let path = request.path().strip_prefix("/api/v1").unwrap_or(request.path());
    let answer = client.send(Method::GET, path, &[("x-request-id", &duty.request_id)], web::Bytes::new()).await;
    let (head, body) = answer.into_parts();
    let mut answer = relayed((head.status, body));
    if let Some(etag) = head.headers.get("etag").and_then(|etag| etag.to_str().ok()) {
        duty::set(answer.headers_mut(), "etag", etag);
    }
    duty::set(answer.headers_mut(), "x-cache", "MISS");
    duty.done_in_public(answer)
}

/// The same answer, in actix' words.
pub fn relayed((status, body): (hyper::StatusCode, web::Bytes)) -> HttpResponse {
    let status = StatusCode::from_u16(status.as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
    HttpResponse::build(status).content_type("application/json").body(body)
}
