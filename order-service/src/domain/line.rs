use shared_types::{BookId, Currency, Isbn, Money, takings::TakenLine};

/// Copies of one book in an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub book_id: BookId,
    pub quantity: i64,
    /// What the buyer was shown; the catalog compares it in the statement that takes.
    pub expected: Option<Money>,
    /// Known once the copies are taken.
    pub taken: Option<TakenCopies>,
}

/// What was in force in the instant in which the copies were taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenCopies {
    pub title: String,
    pub isbn: Option<Isbn>,
    /// Price of one copy.
    pub price: Money,
}

impl TakenCopies {
    /// What the catalog answered for a book, in the currency of the order.
    pub fn read(line: &TakenLine, currency: Currency) -> Result<TakenCopies, String> {
        if line.currency != currency {
            return Err(format!("book {} is priced in {}, the order in {currency}", line.book_id, line.currency));
        }
        let price = Money::price(line.price, currency).map_err(|error| format!("a price {error}"))?;
        Ok(TakenCopies { title: line.title.clone(), isbn: line.isbn, price })
    }
}
