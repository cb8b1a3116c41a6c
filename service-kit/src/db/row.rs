//! A row, independent of the engine and of the connection it came from.

use std::sync::Arc;

use super::error::DbError;
use super::value::{FromValue, Value};

/// The names of an answer's columns, shared by its rows: one text, and where each name ends in it.
#[derive(Debug, Clone)]
pub(super) struct Columns(Arc<Names>);

#[derive(Debug, Default)]
struct Names {
    text: String,
    ends: Vec<usize>,
}

impl Columns {
    pub(super) fn of<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let mut all = Names::default();
        for name in names {
            all.text.push_str(name);
            all.ends.push(all.text.len());
        }
        Self(Arc::new(all))
    }

    pub(super) fn len(&self) -> usize {
        self.0.ends.len()
    }

    /// In their order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let Names { text, ends } = &*self.0;
        let begins = std::iter::once(0).chain(ends.iter().copied());
        begins.zip(ends).map(|(begin, end)| &text[begin..*end])
    }
}

/// One row of an answer. It owns its values: nothing of a connection leaves a closure with it.
#[derive(Debug, Clone)]
pub struct Row {
    columns: Columns,
    values: Vec<Value>,
}

impl Row {
    pub(super) fn new(columns: Columns, values: Vec<Value>) -> Self {
        Self { columns, values }
    }

    /// The column of that name, as a `T`. Errors are bugs: a column that is not there, or of another type.
    pub fn get<T: FromValue>(&self, column: &str) -> Result<T, DbError> {
        let failed = |problem| DbError::Decode { column: column.to_owned(), problem };
        let place = self.columns.names().position(|name| name == column);
        let value = place.and_then(|place| self.values.get(place));
        T::from_value(value.ok_or_else(|| failed("not in the answer".to_owned()))?).map_err(failed)
    }
}
