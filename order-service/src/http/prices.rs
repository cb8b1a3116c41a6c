use service_kit::Outcome;
use shared_types::{Code, FieldError, Problem, books::BookView};

use super::Shop;
use crate::domain::{Line, Order, Terms};

/// The order on the terms that are in force now: its lines keep them, whatever the catalog says later.
pub(super) async fn ordered(shop: &Shop, order: Order) -> Result<Order, Problem> {
    let mut lines = Vec::with_capacity(order.lines.len());
    for (at, line) in order.lines.into_iter().enumerate() {
        lines.push(line_ordered(shop, line, &format!("lines[{at}].")).await?);
    }
    Ok(Order { lines, ..order })
}

/// One line on the terms that are in force now. `at`: where its fields stand in the request.
pub(super) async fn line_ordered(shop: &Shop, line: Line, at: &str) -> Result<Line, Problem> {
    let refused = |code: Code, field: &str, detail: String| {
        let errors = vec![FieldError { field: format!("{at}{field}"), detail: detail.clone() }];
        Problem::new(code, detail).with_errors(errors)
    };
    let book: BookView = match shop.catalog.book(line.book_id).await {
        Outcome::Done(book) => book,
        Outcome::Refused(problem) if problem.code == Code::BookNotFound => {
            return Err(refused(Code::BookGone, "book_id", format!("book {} is not sold here", line.book_id)));
        }
        Outcome::Refused(problem) => {
            tracing::error!(%problem, "the catalog does not show a book");
            return Err(Problem::new(Code::Unavailable, "the catalog does not answer; nothing was ordered"));
        }
        Outcome::Unknown(no_answer) => {
            tracing::warn!(%no_answer, "the catalog does not show a book");
            return Err(Problem::new(Code::Unavailable, "the catalog does not answer; nothing was ordered"));
        }
    };
    let terms = Terms::of_book(&book, shop.currency).map_err(|problem| refused(Code::BookGone, "book_id", problem))?;
    match line.expected {
        Some(shown) if shown != terms.price => {
            let detail = format!("the price of {:?} is {}", terms.title, terms.price);
            Err(refused(Code::PriceChanged, "expected_price", detail))
        }
        // From now on the price is the line's own: approving compares it with nothing.
        Some(_) | None => Ok(Line { expected: None, terms: Some(terms), ..line }),
    }
}
