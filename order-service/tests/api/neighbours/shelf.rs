use std::collections::BTreeMap;

use shared_types::{
    Currency, OrderId, TakingId,
    takings::{RefusalReason, RefusedLine, TakeLine, TakenLine, TakingState, TakingView},
};

use super::{State, held};

#[derive(Debug, Clone)]
pub struct Book {
    pub title: &'static str,
    pub price: &'static str,
    pub on_hand: i64,
}

/// The catalog's rules in small: all lines or none, the first answer stays.
pub(super) fn decide(state: &State, id: TakingId, lines: &[TakeLine]) -> TakingView {
    let (mut takings, mut books) = (held(&state.takings), held(&state.books));
    if let Some(known) = takings.get(&id.to_string()) {
        return known.clone();
    }
    let refused: Vec<RefusedLine> = lines.iter().filter_map(|line| refusal(&books, line)).collect();
    let mut view = TakingView { taking_id: id, state: TakingState::Refused, lines: Vec::new(), refused };
    if view.refused.is_empty() {
        view.state = TakingState::Taken;
        view.lines = lines.iter().map(|line| taken(&mut books, line)).collect();
    }
    takings.insert(id.to_string(), view.clone());
    view
}

pub(super) fn of_somebody_else(state: &State, id: TakingId, lines: &[TakeLine]) -> TakingView {
    let mut books = held(&state.books).clone();
    let lines = lines.iter().map(|line| taken(&mut books, line)).collect();
    let taking_id = OrderId::from_uuid(uuid::Uuid::nil()).taking(id.n);
    TakingView { taking_id, state: TakingState::Taken, lines, refused: Vec::new() }
}

pub(super) fn refusal(books: &BTreeMap<i64, Book>, line: &TakeLine) -> Option<RefusedLine> {
    let refused = |reason| RefusedLine { book_id: line.book_id, reason, available: None, price: None, title: None };
    let Some(book) = books.get(&line.book_id.number()) else { return Some(refused(RefusalReason::Gone)) };
    let titled = |reason| RefusedLine { title: Some(book.title.to_owned()), ..refused(reason) };
    let price = book.price.parse().unwrap();
    if line.expected_price.is_some_and(|expected| expected != price) {
        return Some(RefusedLine { price: Some(price), ..titled(RefusalReason::PriceChanged) });
    }
    let short = book.on_hand < line.quantity;
    short.then(|| RefusedLine { available: Some(book.on_hand), ..titled(RefusalReason::SoldOut) })
}

fn taken(books: &mut BTreeMap<i64, Book>, line: &TakeLine) -> TakenLine {
    let book = books.get_mut(&line.book_id.number()).unwrap();
    book.on_hand -= line.quantity;
    TakenLine {
        book_id: line.book_id,
        quantity: line.quantity,
        title: book.title.to_owned(),
        isbn: None,
        price: book.price.parse().unwrap(),
        currency: Currency::USD,
    }
}

pub(super) fn undo(state: &State, id: TakingId) -> TakingView {
    let (mut takings, mut books) = (held(&state.takings), held(&state.books));
    let tombstone =
        || TakingView { taking_id: id, state: TakingState::GivenBack, lines: Vec::new(), refused: Vec::new() };
    let view = takings.entry(id.to_string()).or_insert_with(tombstone);
    if view.state == TakingState::Taken {
        view.state = TakingState::GivenBack;
        for line in &view.lines {
            books.get_mut(&line.book_id.number()).unwrap().on_hand += line.quantity;
        }
    }
    view.clone()
}
