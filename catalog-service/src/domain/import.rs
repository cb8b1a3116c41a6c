use shared_types::{
    Currency, FieldError,
    books::{ImportRow, UpdateBookRequest},
};

use super::{
    book::{BookChange, NewBook},
    fields::{FieldErrors, copies},
};

/// A row of a table whose cells can be read. Whether it is a new book, only the catalog knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub fields: BookChange,
    stock: i64,
}

impl Row {
    pub fn parse(row: &ImportRow, currency: Currency) -> Result<Row, Vec<FieldError>> {
        let mut errors = FieldErrors::default();
        let text = |cell: &Option<shared_types::Cell>| cell.as_ref()?.text().map(str::to_owned);
        let stock = errors.check_whole("stock", row.stock.as_ref());
        let stock = errors.check_given("stock", stock, copies).unwrap_or_default();
        let request = UpdateBookRequest {
            sku: text(&row.sku),
            isbn: errors.check_cell("isbn", row.isbn.as_ref()),
            title: text(&row.title),
            author: text(&row.author),
            topic: text(&row.topic),
            first_year: errors.check_whole("first_year", row.first_year.as_ref()),
            price: errors.check_cell("price", row.price.as_ref()),
            warn_limit: errors.check_whole("warn_limit", row.warn_limit.as_ref()),
        };
        let fields = BookChange::read(request, currency, &mut errors);
        if fields.sku.is_none() && fields.isbn.is_none() {
            errors.missing("isbn", "is missing, and so is a SKU: one of them names the book");
        }
        errors.finish(Some(Row { fields, stock }))
    }

    /// The row as a new book.
    pub fn new_book(&self) -> Result<NewBook, Vec<FieldError>> {
        let mut errors = FieldErrors::default();
        let book = NewBook::complete(self.fields.clone(), self.stock, &mut errors);
        errors.finish(book)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared_types::Cell;

    fn cell(text: &str) -> Option<Cell> {
        Some(Cell::new(text))
    }

    fn fields(row: &ImportRow) -> Vec<String> {
        let errors = Row::parse(row, Currency::USD).expect_err("a wrong row");
        errors.into_iter().map(|error| format!("{} {}", error.field, error.detail)).collect()
    }

    #[test]
    fn a_wrong_cell_is_named_and_says_why() {
        let row = ImportRow {
            isbn: cell("9780143127551"),
            price: cell("12,99"),
            stock: cell("ten"),
            first_year: cell("1e3"),
            title: cell("x"),
            ..ImportRow::default()
        };
        assert_eq!(
            fields(&row),
            [
                "stock is not a whole number",
                "isbn has a wrong check digit",
                "first_year is not a whole number",
                "price is not a decimal number",
            ]
        );
        assert_eq!(fields(&ImportRow::default()), ["isbn is missing, and so is a SKU: one of them names the book"]);
    }

    #[test]
    fn an_empty_cell_is_no_cell() {
        let row = ImportRow { sku: cell("A-1"), author: cell("  "), stock: cell(""), ..ImportRow::default() };
        let row = Row::parse(&row, Currency::USD).expect("a row");
        assert_eq!(row.fields.author, None);
        let missing = row.new_book().expect_err("not enough for a new book");
        let fields: Vec<&str> = missing.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["title", "topic", "price"]);
    }
}
