use std::{fmt::Display, str::FromStr};

use shared_types::{Cell, FieldError, limits::MAX_BOOK_COPIES};

/// Everything that is wrong with a request, so that its sender can mend it in one go.
#[derive(Debug, Default)]
pub struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    pub fn refuse(&mut self, field: &str, detail: impl Display) {
        self.0.push(FieldError { field: field.to_owned(), detail: detail.to_string() });
    }

    /// The parsed value, or none and a note of what was wrong.
    pub fn check<T, E: Display>(&mut self, field: &str, parsed: Result<T, E>) -> Option<T> {
        parsed.map_err(|error| self.refuse(field, error)).ok()
    }

    /// As [`check`](Self::check), for a field that may be absent.
    pub fn check_given<I, T, E: Display>(
        &mut self,
        field: &str,
        given: Option<I>,
        parse: impl FnOnce(I) -> Result<T, E>,
    ) -> Option<T> {
        given.and_then(|given| self.check(field, parse(given)))
    }

    /// The value in a cell, where there is something in it.
    pub fn check_cell<T: FromStr<Err: Display>>(&mut self, field: &str, cell: Option<&Cell>) -> Option<T> {
        self.check_given(field, cell.and_then(Cell::text), str::parse)
    }

    /// The whole number in a cell.
    pub fn check_whole(&mut self, field: &str, cell: Option<&Cell>) -> Option<i64> {
        let whole = |text: &str| text.parse().map_err(|_| "is not a whole number");
        self.check_given(field, cell.and_then(Cell::text), whole)
    }

    /// Notes that a field is absent, unless it is there and something else is wrong with it.
    pub fn missing(&mut self, field: &str, detail: &str) {
        if !self.0.iter().any(|error| error.field == field) {
            self.refuse(field, detail);
        }
    }

    /// The result, where nothing was wrong.
    pub fn finish<T>(self, result: Option<T>) -> Result<T, Vec<FieldError>> {
        match result {
            Some(result) if self.0.is_empty() => Ok(result),
            _ => Err(self.0),
        }
    }
}

/// A whole number of copies that a book can have.
pub fn copies(number: i64) -> Result<i64, String> {
    within(number, 0, MAX_BOOK_COPIES)
}

/// A whole number within bounds, both included.
pub fn within(number: i64, least: i64, most: i64) -> Result<i64, String> {
    if (least..=most).contains(&number) { Ok(number) } else { Err(format!("is not {least} to {most}")) }
}
