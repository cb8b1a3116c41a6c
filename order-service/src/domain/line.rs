use shared_types::{BookId, Currency, Isbn, Money, books::BookView, takings::TakenLine};

/// Copies of one book in an order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Line {
    /// By which it is called; a line that is removed leaves a gap.
    pub number: u32,
    pub book_id: BookId,
    pub quantity: i64,
    /// What the buyer was shown; the catalog compares it in the statement that takes.
    pub expected: Option<Money>,
    /// Known once the copies are taken; of a reviewed order, from the moment of ordering.
    pub terms: Option<Terms>,
}

/// What the buyer gets, and at what price. Of a checkout it is what was in force in the instant in which the copies were
/// taken, of a reviewed order in that in which the line was ordered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Terms {
    pub title: String,
    pub isbn: Option<Isbn>,
    /// Price of one copy.
    pub price: Money,
}

impl Terms {
    /// What the catalog shows of a book, in the currency of the order.
    pub fn of_book(book: &BookView, currency: Currency) -> Result<Terms, String> {
        if book.currency != currency {
            return Err(format!("book {} is priced in {}, the shop sells in {currency}", book.id, book.currency));
        }
        let price = Money::price(book.price, currency).map_err(|error| format!("a price {error}"))?;
        Ok(Terms { title: book.title.clone(), isbn: book.isbn, price })
    }

    /// What the catalog answered for a book, in the currency of the order.
    pub fn read(line: &TakenLine, currency: Currency) -> Result<Terms, String> {
        if line.currency != currency {
            return Err(format!("book {} is priced in {}, the order in {currency}", line.book_id, line.currency));
        }
        let price = Money::price(line.price, currency).map_err(|error| format!("a price {error}"))?;
        Ok(Terms { title: line.title.clone(), isbn: line.isbn, price })
    }
}
