//! A row, independent of the engine and of the connection it came from.

use std::sync::Arc;

use super::error::DbError;
use super::value::{FromValue, Value};

/// One row of an answer. It owns its values: nothing of a connection leaves a closure with it.
#[derive(Debug, Clone)]
pub struct Row {
    columns: Arc<[String]>,
    values: Vec<Value>,
}

impl Row {
    pub(super) fn new(columns: Arc<[String]>, values: Vec<Value>) -> Self {
        Self { columns, values }
    }

    /// The column of that name, as a `T`. Errors are bugs: a column that is not there, or of another type.
    pub fn get<T: FromValue>(&self, column: &str) -> Result<T, DbError> {
        let failed = |problem| DbError::Decode { column: column.to_owned(), problem };
        let place = self.columns.iter().position(|name| name == column);
        let value = place.and_then(|place| self.values.get(place));
        T::from_value(value.ok_or_else(|| failed("not in the answer".to_owned()))?).map_err(failed)
    }
}
