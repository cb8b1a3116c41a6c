use actix_web::{App, HttpRequest, HttpResponse, HttpServer, http::StatusCode, web};
use hyper::Method;

use crate::{client::Client, say_ready};

/// Asks `to` for every path that it is asked for.
pub async fn serve(to: String) -> std::io::Result<()> {
    let server = HttpServer::new(move || {
        App::new().app_data(web::Data::new(Client::new(&to))).default_service(web::to(pass_on))
    });
    let server = server.bind(("127.0.0.1", 0))?;
    say_ready(server.addrs()[0]);
    server.run().await
}

async fn pass_on(request: HttpRequest, client: web::Data<Client>) -> HttpResponse {
    relayed(client.call(Method::GET, request.path(), web::Bytes::new()).await)
}

/// The same answer, in actix' words.
pub fn relayed((status, body): (hyper::StatusCode, web::Bytes)) -> HttpResponse {
    let status = StatusCode::from_u16(status.as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
    HttpResponse::build(status).content_type("application/json").body(body)
}
