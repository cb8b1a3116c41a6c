use shared_types::{
    Currency, FieldError, Isbn, Money,
    books::{BookState, CreateBookRequest, UpdateBookRequest},
};

use super::{
    fields::{FieldErrors, copies, within},
    text::{Author, Sku, Title, Topic},
};

/// Years of a first publication: nothing is older than writing.
const FIRST_YEARS: (i64, i64) = (-4_000, 9_999);

/// A book that can be put into the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBook {
    pub sku: Sku,
    pub isbn: Option<Isbn>,
    pub title: Title,
    pub author: Option<Author>,
    pub topic: Topic,
    pub first_year: Option<i64>,
    pub price: Money,
    pub stock: i64,
    pub warn_limit: i64,
}

/// The fields of a book to change; none: it stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BookChange {
    pub sku: Option<Sku>,
    pub isbn: Option<Isbn>,
    pub title: Option<Title>,
    pub author: Option<Author>,
    pub topic: Option<Topic>,
    pub first_year: Option<i64>,
    pub price: Option<Money>,
    pub warn_limit: Option<i64>,
}

impl BookChange {
    pub fn parse(request: UpdateBookRequest, currency: Currency) -> Result<BookChange, Vec<FieldError>> {
        let mut errors = FieldErrors::default();
        let change = BookChange::read(request, currency, &mut errors);
        errors.finish(Some(change))
    }

    /// Reads every field; one that is wrong is noted and left out.
    pub(super) fn read(request: UpdateBookRequest, currency: Currency, errors: &mut FieldErrors) -> BookChange {
        BookChange {
            sku: errors.check_given("sku", request.sku, |text| Sku::parse(&text)),
            isbn: request.isbn,
            title: errors.check_given("title", request.title, |text| Title::parse(&text)),
            author: errors.check_given("author", request.author, |text| Author::parse(&text)),
            topic: errors.check_given("topic", request.topic, |text| Topic::parse(&text)),
            first_year: errors
                .check_given("first_year", request.first_year, |year| within(year, FIRST_YEARS.0, FIRST_YEARS.1)),
            price: errors.check_given("price", request.price, |amount| Money::price(amount, currency)),
            warn_limit: errors.check_given("warn_limit", request.warn_limit, copies),
        }
    }

    /// Whether nothing is to change.
    pub fn is_empty(&self) -> bool {
        *self == BookChange::default()
    }
}

impl NewBook {
    pub fn parse(request: CreateBookRequest, currency: Currency) -> Result<NewBook, Vec<FieldError>> {
        let mut errors = FieldErrors::default();
        let stock = errors.check("stock", copies(request.stock));
        let fields = UpdateBookRequest {
            sku: request.sku,
            isbn: request.isbn,
            title: Some(request.title),
            author: request.author,
            topic: Some(request.topic),
            first_year: request.first_year,
            price: Some(request.price),
            warn_limit: Some(request.warn_limit),
        };
        let fields = BookChange::read(fields, currency, &mut errors);
        let book = NewBook::complete(fields, stock.unwrap_or_default(), &mut errors);
        errors.finish(book)
    }

    /// A book of these fields. The SKU is the ISBN where none is given; what else is missing is noted.
    pub(super) fn complete(fields: BookChange, stock: i64, errors: &mut FieldErrors) -> Option<NewBook> {
        let isbn_as_sku = || fields.isbn.and_then(|isbn| Sku::parse(&isbn.to_string()).ok());
        let sku = fields.sku.clone().or_else(isbn_as_sku);
        if sku.is_none() {
            errors.missing("sku", "is missing: a book without an ISBN needs one");
        }
        let required = [("title", fields.title.is_none()), ("topic", fields.topic.is_none())];
        for (field, absent) in required.into_iter().chain([("price", fields.price.is_none())]) {
            if absent {
                errors.missing(field, "is missing");
            }
        }
        Some(NewBook {
            sku: sku?,
            isbn: fields.isbn,
            title: fields.title?,
            author: fields.author,
            topic: fields.topic?,
            first_year: fields.first_year,
            price: fields.price?,
            stock,
            warn_limit: fields.warn_limit.unwrap_or_default(),
        })
    }
}

/// What everybody may know of a book's stock.
pub fn state(on_hand: i64, warn_limit: i64) -> BookState {
    match on_hand {
        ..=0 => BookState::OutOfStock,
        few if few <= warn_limit => BookState::FewRemaining,
        _ => BookState::Available,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let request = CreateBookRequest {
            sku: None,
            isbn: None,
            title: " ".into(),
            author: Some("\u{7}".into()),
            topic: "t".repeat(201),
            first_year: Some(10_000),
            price: "12.999".parse().expect("a number"),
            stock: -1,
            warn_limit: -1,
        };
        let errors = NewBook::parse(request, Currency::USD).expect_err("all of it is wrong");
        let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["stock", "title", "author", "topic", "first_year", "price", "warn_limit", "sku"]);
    }

    #[test]
    fn the_state_follows_from_stock_and_limit() {
        assert_eq!(state(0, 0), BookState::OutOfStock);
        assert_eq!(state(0, 5), BookState::OutOfStock);
        assert_eq!(state(5, 5), BookState::FewRemaining);
        assert_eq!(state(6, 5), BookState::Available);
        assert_eq!(state(1, 0), BookState::Available);
    }
}
