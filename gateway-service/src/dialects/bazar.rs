//! The three-tier book bazaar: search a topic, look at a book, buy one copy.

use paperclip::actix::{
    Apiv2Schema, api_v2_operation,
    web::{self, ServiceConfig},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use service_kit::{
    auth::{Anyone, OrdersWrite, ScopedOrGuest},
    http::{Fail, IdempotencyKey, Reply, S200, S202, S404, S409},
};
use shared_types::{
    Amount, BookId, Code, OrderId, Problem,
    books::{BookState, BookView},
    orders::{CheckoutLine, CheckoutRequest, OrderState, OrderView, PaymentMethod},
};

use super::phrases::every_book;
use crate::{
    clients::{Ask, Upstreams},
    http::{BASE, orders, relay},
};

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/search/{topic}").route(web::get().to(search)))
        .service(web::resource("/info/{book_id}").route(web::get().to(info)))
        .service(web::resource("/purchase/{book_id}").route(web::post().to(purchase)));
}

/// A book in a search.
#[derive(Debug, Serialize, Deserialize, Apiv2Schema)]
#[openapi(example = r#"{"id": 1, "title": "How to get a good grade in DOS in 40 minutes a day"}"#)]
struct Found {
    id: BookId,
    title: String,
}

/// A book by itself.
#[derive(Debug, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"id": 2, "title": "RPCs for Noobs", "topic": "distributed systems", "price": 24.99, "state": "AVAILABLE", "quantity": 20}"#
)]
struct Info {
    id: BookId,
    title: String,
    topic: String,
    price: Amount,
    state: BookState,
    /// Copies on hand, for whoever may see stock.
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<i64>,
}

/// A copy that was bought.
#[derive(Debug, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"message": "bought book RPCs for Noobs", "order_id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f", "book_id": 2}"#
)]
struct Bought {
    message: String,
    order_id: OrderId,
    book_id: BookId,
}

/// Lists every book of a topic.
///
/// Upper and lower case are the same. A topic without books is an empty list.
#[api_v2_operation(tags(bazar))]
async fn search(
    Anyone(caller): Anyone,
    upstreams: web::Data<Upstreams>,
    topic: web::Path<String>,
) -> Result<Reply<Vec<Found>>, Fail<()>> {
    let topic = utf8_percent_encode(&topic, NON_ALPHANUMERIC).to_string();
    let found = every_book(&upstreams, &caller, &format!("topic={topic}&")).await?;
    Ok(Reply::ok(found.into_iter().map(|book| Found { id: book.id, title: book.title }).collect()))
}

/// Shows a book.
#[api_v2_operation(tags(bazar))]
async fn info(
    Anyone(caller): Anyone,
    upstreams: web::Data<Upstreams>,
    book_id: web::Path<BookId>,
) -> Result<Reply<Info>, Fail<(S404,)>> {
    let answer = upstreams.catalog.ask(&caller, Ask::get(format!("/books/{book_id}"))).await?;
    let BookView { id, title, topic, price, state, on_hand, .. } = relay::read(&answer)?;
    Ok(Reply::ok(Info { id, title, topic, price, state, quantity: on_hand }))
}

/// Buys one copy of a book, paid on delivery.
///
/// 409 where it is sold out, 404 where there is no such book (any more). A request body is ignored.
#[api_v2_operation(tags(bazar))]
async fn purchase(
    ScopedOrGuest { caller, .. }: ScopedOrGuest<OrdersWrite>,
    upstreams: web::Data<Upstreams>,
    book_id: web::Path<BookId>,
    key: IdempotencyKey,
) -> Result<Reply<Bought, (S200, S202)>, Fail<(S404, S409)>> {
    let book_id = book_id.into_inner();
    let answer = orders::place(&upstreams, &caller, key, &one_copy(book_id)).await?;
    let order: OrderView = relay::read(&answer).map_err(|problem| missing_or(problem, book_id))?;
    let (order_id, title) = (order.id, order.lines.into_iter().find_map(|line| line.title));
    match (order.state, title) {
        (OrderState::Approved, Some(title)) => {
            Ok(Reply::ok(Bought { message: format!("bought book {title}"), order_id, book_id }))
        }
        _ => {
            let message = format!("the purchase of book {book_id} is not settled yet");
            Ok(Reply::accepted(format!("{BASE}/orders/{order_id}"), Bought { message, order_id, book_id }))
        }
    }
}

fn one_copy(book_id: BookId) -> CheckoutRequest {
    CheckoutRequest {
        lines: vec![CheckoutLine { book_id, quantity: 1, expected_price: None }],
        payment_method: PaymentMethod::OnDelivery,
        card: None,
        address: None,
        customer_ref: None,
        on_behalf_of: None,
        phone: None,
    }
}

/// This contract knows no withdrawn books: they are unknown ones.
fn missing_or(problem: Problem, book_id: BookId) -> Problem {
    if problem.code == Code::BookGone {
        return Problem::new(Code::BookNotFound, format!("there is no book {book_id}"));
    }
    problem
}
