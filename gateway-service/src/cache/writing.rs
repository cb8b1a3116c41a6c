//! What a write of a caller's makes stale. He must never see what was before it, so it is dropped before he has his
//! answer; everybody else is served by the catalog's events.

use reqwest::Method;
use serde::Deserialize;
use service_kit::{RawAnswer, auth::Service};
use shared_types::BookId;

use super::Stale;
use crate::clients::Ask;

/// What a request to this service has made stale, by its answer; none came where it is `None`, and the request may have
/// been carried out.
pub fn stale_after(service: Service, ask: &Ask<'_>, answer: Option<&RawAnswer>) -> Vec<Stale> {
    if ask.method == Method::GET || answer.is_some_and(|answer| answer.status.is_client_error() && !moved(answer)) {
        return Vec::new();
    }
    match service {
        Service::Catalog => vec![of_book(ask)],
        Service::Order => of_order(ask, answer),
        Service::Delivery | Service::Gateway => Vec::new(),
    }
}

/// A refusal with a conflict may come after something was moved: an order that is canceled gives its copies back.
fn moved(answer: &RawAnswer) -> bool {
    answer.status.as_u16() == 409
}

fn of_book(ask: &Ask<'_>) -> Stale {
    let parts: Vec<&str> = ask.path.split(['/', '?']).skip(1).collect();
    let book = parts.get(1).and_then(|id| id.parse::<BookId>().ok());
    match (parts.as_slice(), book) {
        (["books", _, "stock-adjustments", ..], Some(book)) => Stale::Stock(book),
        (["books", _, ..], Some(book)) => Stale::Book(book),
        _ => Stale::All,
    }
}

/// The copies of the books in the order, by the answer or, where there is none, by the request.
fn of_order(ask: &Ask<'_>, answer: Option<&RawAnswer>) -> Vec<Stale> {
    let said = answer.map(|answer| &*answer.body);
    let lines = [said, ask.body.as_deref()].into_iter().flatten().find_map(|body| serde_json::from_slice(body).ok());
    match lines {
        Some(Lines { lines }) => lines.into_iter().map(|line| Stale::Stock(line.book_id)).collect(),
        None => vec![Stale::All],
    }
}

/// As much of an order, or of a request for one, as tells its books.
#[derive(Deserialize)]
struct Lines {
    lines: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    book_id: BookId,
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(status: u16, body: &str) -> RawAnswer {
        RawAnswer::made(status.try_into().unwrap(), &[], body)
    }

    fn book(n: i64) -> BookId {
        BookId::new(n).unwrap()
    }

    #[test]
    fn a_write_to_the_catalog_makes_its_book_stale_whatever_became_of_it() {
        for (method, path, stale) in [
            (Method::PATCH, "/books/7", Stale::Book(book(7))),
            (Method::DELETE, "/books/7", Stale::Book(book(7))),
            (Method::POST, "/books/7/stock-adjustments", Stale::Stock(book(7))),
            (Method::POST, "/books", Stale::All),
            (Method::POST, "/imports", Stale::All),
        ] {
            let ask = Ask::once(method, path);
            assert_eq!(
                stale_after(Service::Catalog, &ask, Some(&answer(200, "{}"))),
                std::slice::from_ref(&stale),
                "{path}"
            );
            assert_eq!(stale_after(Service::Catalog, &ask, None), [stale], "{path}");
            assert_eq!(stale_after(Service::Catalog, &ask, Some(&answer(422, "{}"))), [], "{path}");
        }
        assert_eq!(stale_after(Service::Catalog, &Ask::get("/books/7"), None), []);
    }

    #[test]
    fn a_purchase_makes_the_stock_of_its_books_stale() {
        let order = r#"{"id": "x", "lines": [{"book_id": 3, "quantity": 1}, {"book_id": 4, "quantity": 1}]}"#;
        let stock = [Stale::Stock(book(3)), Stale::Stock(book(4))];
        let cancel = Ask::repeatable(Method::POST, "/orders/x/cancel");
        assert_eq!(stale_after(Service::Order, &cancel, Some(&answer(202, order))), stock);
        let checkout = Ask::once(Method::POST, "/checkout").json(&json!({"lines": [{"book_id": 3}, {"book_id": 4}]}));
        assert_eq!(stale_after(Service::Order, &checkout, None), stock);
        assert_eq!(stale_after(Service::Order, &checkout, Some(&answer(409, "{}"))), stock);
        assert_eq!(stale_after(Service::Order, &checkout, Some(&answer(404, "{}"))), []);
        assert_eq!(stale_after(Service::Order, &cancel, None), [Stale::All]);
        let move_parcel = Ask::once(Method::POST, "/deliveries/x/moves");
        assert_eq!(stale_after(Service::Delivery, &move_parcel, None), []);
    }
}
