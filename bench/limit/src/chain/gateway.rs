use std::net::SocketAddr;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::Server, web};
use hyper::Method;

use crate::{client::Client, hop::relayed};

pub fn server(orders: &str) -> std::io::Result<(SocketAddr, Server)> {
    let orders = orders.to_owned();
    let server = HttpServer::new(move || {
        App::new().app_data(web::Data::new(Client::new(&orders))).default_service(web::to(pass_on))
    });
    let server = server.bind(("127.0.0.1", 0))?;
    Ok((server.addrs()[0], server.run()))
}

async fn pass_on(request: HttpRequest, body: web::Bytes, orders: web::Data<Client>) -> HttpResponse {
    relayed(orders.call(Method::POST, request.path(), body).await)
}
