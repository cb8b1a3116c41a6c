//! What a taking asks for, and why a line of it is refused.
//!
//! The decision itself is the `where` of one `update` in `store::takings`. What is here reads the request before it and
//! names the reasons after it.

use std::{collections::BTreeMap, fmt::Write};

use shared_types::{
    BookId, Currency, FieldError, Isbn, Money, TakingId,
    limits::{MAX_ORDER_LINES, MAX_TAKING_COPIES},
    takings::{RefusalReason, RefusedLine, TakeLine, TakenLine, TakingState, TakingView},
};

use super::fields::{FieldErrors, within};

/// The copies that a taking asks for: one line per book, in book order. Two takings that lock books in one order never
/// wait for each other in a circle.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Asked {
    pub lines: Vec<AskedLine>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AskedLine {
    pub book_id: BookId,
    pub quantity: i64,
    pub price: Accepted,
}

/// The prices in minor units at which a line may be taken, both included.
///
/// A line whose buyer was shown a price accepts that price only, any other line accepts all. Merging two lines keeps what
/// both accept, which is no price at all where they were shown different ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Accepted {
    pub from_minor: i64,
    pub to_minor: i64,
}

impl Accepted {
    pub const ANY: Accepted = Accepted { from_minor: 0, to_minor: i64::MAX };

    pub fn only(price: Money) -> Accepted {
        Accepted { from_minor: price.minor, to_minor: price.minor }
    }

    fn and(self, other: Accepted) -> Accepted {
        Accepted { from_minor: self.from_minor.max(other.from_minor), to_minor: self.to_minor.min(other.to_minor) }
    }

    pub fn contains(self, price: Money) -> bool {
        (self.from_minor..=self.to_minor).contains(&price.minor)
    }
}

impl Asked {
    pub fn parse(lines: &[TakeLine], currency: Currency) -> Result<Asked, Vec<FieldError>> {
        let mut errors = FieldErrors::default();
        if lines.is_empty() {
            errors.refuse("lines", "is empty");
        }
        if lines.len() > MAX_ORDER_LINES {
            errors.refuse("lines", format!("has more than {MAX_ORDER_LINES} entries"));
            return errors.finish(None);
        }
        let mut merged = BTreeMap::new();
        for (at, line) in lines.iter().enumerate() {
            let quantity = within(line.quantity, 1, MAX_TAKING_COPIES);
            let quantity = errors.check(&format!("lines[{at}].quantity"), quantity).unwrap_or_default();
            let shown = |amount| Money::price(amount, currency);
            let price = errors.check_given(&format!("lines[{at}].expected_price"), line.expected_price, shown);
            let price = price.map_or(Accepted::ANY, Accepted::only);
            // At most 100 lines of at most 1,000,000 copies: the sum fits.
            let of_book = merged.entry(line.book_id).or_insert((0, Accepted::ANY));
            *of_book = (of_book.0 + quantity, of_book.1.and(price));
        }
        let line = |(book_id, (quantity, price))| AskedLine { book_id, quantity, price };
        errors.finish(Some(Asked { lines: merged.into_iter().map(line).collect() }))
    }

    /// One text for one meaning: it tells whether a repeated id asks for the same.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for AskedLine { book_id, quantity, price } in &self.lines {
            let separator = if text.is_empty() { "" } else { " " };
            let written = match *price {
                Accepted::ANY => write!(text, "{separator}{book_id}:{quantity}"),
                Accepted { from_minor, to_minor } => {
                    write!(text, "{separator}{book_id}:{quantity}@{from_minor}-{to_minor}")
                }
            };
            written.expect("BUG: writing to a String cannot fail");
        }
        text
    }
}

/// A book as far as a taking looks at it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OnShelf {
    pub title: String,
    pub isbn: Option<Isbn>,
    pub price: Money,
    pub on_hand: i64,
    pub gone: bool,
}

/// Why this line cannot be taken from this book; none: it can.
pub fn obstacle(line: &AskedLine, book: Option<&OnShelf>) -> Option<RefusedLine> {
    let refused = |reason| RefusedLine {
        book_id: line.book_id,
        reason,
        available: None,
        price: None,
        title: book.map(|book| book.title.clone()),
    };
    match book {
        None => Some(refused(RefusalReason::Gone)),
        Some(book) if book.gone => Some(refused(RefusalReason::Gone)),
        Some(book) if book.on_hand < line.quantity => {
            Some(RefusedLine { available: Some(book.on_hand), ..refused(RefusalReason::SoldOut) })
        }
        Some(book) if !line.price.contains(book.price) => {
            Some(RefusedLine { price: Some(book.price.amount()), ..refused(RefusalReason::PriceChanged) })
        }
        Some(_) => None,
    }
}

/// A line that was taken, with what was in force in that instant.
pub fn taken_line(line: &AskedLine, title: String, isbn: Option<Isbn>, price: Money) -> TakenLine {
    let AskedLine { book_id, quantity, .. } = *line;
    TakenLine { book_id, quantity, title, isbn, price: price.amount(), currency: price.currency }
}

pub fn taken(taking_id: TakingId, lines: Vec<TakenLine>) -> TakingView {
    TakingView { taking_id, state: TakingState::Taken, lines, refused: Vec::new() }
}

pub fn refused(taking_id: TakingId, refused: Vec<RefusedLine>) -> TakingView {
    TakingView { taking_id, state: TakingState::Refused, lines: Vec::new(), refused }
}

/// With the lines that had been taken; without any it is a tombstone.
pub fn given_back(taking_id: TakingId, lines: Vec<TakenLine>) -> TakingView {
    TakingView { taking_id, state: TakingState::GivenBack, lines, refused: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(book: i64, quantity: i64, price: Option<&str>) -> TakeLine {
        let expected_price = price.map(|text| text.parse().expect("a number"));
        TakeLine { book_id: BookId::new(book).expect("a book's number"), quantity, expected_price }
    }

    fn text(lines: &[TakeLine]) -> String {
        Asked::parse(lines, Currency::USD).expect("lines").text()
    }

    #[test]
    fn lines_of_a_book_are_merged_and_books_are_in_order() {
        let lines = [line(9, 1, None), line(8, 2, Some("12.99")), line(9, 3, Some("1")), line(8, 1, Some("12.990"))];
        assert_eq!(text(&lines), "8:3@1299-1299 9:4@100-100");
        assert_eq!(text(&[line(1, 1, None), line(1, 1, None)]), text(&[line(1, 2, None)]));
    }

    #[test]
    fn two_shown_prices_for_one_book_accept_none() {
        let asked = Asked::parse(&[line(8, 1, Some("1")), line(8, 1, Some("2"))], Currency::USD).expect("lines");
        let price = asked.lines[0].price;
        assert!((0..300).all(|minor| !price.contains(Money { minor, currency: Currency::USD })));
    }

    #[test]
    fn every_wrong_line_is_named() {
        let lines = [line(1, 0, None), line(2, 1_000_001, None), line(3, 1, Some("-1")), line(4, 1, Some("1.999"))];
        let errors = Asked::parse(&lines, Currency::USD).expect_err("all of it is wrong");
        let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        let expected = ["lines[0].quantity", "lines[1].quantity", "lines[2].expected_price", "lines[3].expected_price"];
        assert_eq!(fields, expected);
        assert!(Asked::parse(&[], Currency::USD).is_err());
        assert!(Asked::parse(&vec![line(1, 1, None); 101], Currency::USD).is_err());
        assert_eq!(text(&vec![line(1, 1_000_000, None); 100]), "1:100000000");
    }
}
