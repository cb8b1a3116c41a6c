use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};

use crate::{
    duty::{Callers, Duty},
    kept::{Kept, Sight},
    say_ready,
};

/// Where the shop has its books.
const BOOKS: &str = "/api/v1/books/";
/// What the one key may see.
const OPERATOR: Sight = 1;

/// Every path has the same answer: nothing is looked up.
pub async fn serve(body: Vec<u8>) -> std::io::Result<()> {
    let body = web::Bytes::from(body);
    let server = HttpServer::new(move || {
        let body = body.clone();
        App::new().default_service(web::to(move || {
            let body = body.clone();
            async move { HttpResponse::Ok().content_type("application/json").body(body) }
        }))
    });
    let server = server.bind(("127.0.0.1", 0))?;
    say_ready(server.addrs()[0]);
    server.run().await
}

/// The same answer with everything that the shop owes for it, to whoever has the key: a book that is kept, and no longer
/// than it is true.
pub async fn serve_dutifully(body: Vec<u8>, key: &str) -> std::io::Result<()> {
    let (body, callers) = (web::Bytes::from(body), Callers::with_key(key));
    let kept = web::Data::new(Kept::new());
    let server = HttpServer::new(move || {
        App::new()
            .app_data(kept.clone())
            .app_data(web::Data::new(body.clone()))
            .app_data(web::Data::new(callers.clone()))
            .default_service(web::to(answer))
    });
    let server = server.bind(("127.0.0.1", 0))?;
    say_ready(server.addrs()[0]);
    server.run().await
}

async fn answer(
    request: HttpRequest,
    body: web::Data<web::Bytes>,
    kept: web::Data<Kept>,
    callers: web::Data<Callers>,
) -> HttpResponse {
    let duty = Duty::of(&request);
    let book = request.path().strip_prefix(BOOKS).and_then(|book| book.parse().ok());
    let answer = match (callers.by_key(&request), book) {
        (Some(_), Some(book)) => {
            let entry = kept.look(book, OPERATOR, || web::Bytes::clone(&body));
            HttpResponse::Ok()
                .content_type("application/json")
                .insert_header(("etag", "\"1\""))
                .insert_header(("x-cache", "HIT"))
                .body(entry.body.clone())
        }
        (Some(_), None) => HttpResponse::NotFound().finish(),
        (None, _) => HttpResponse::Unauthorized().finish(),
    };
    duty.done_in_public(answer)
}
