//! A row, independent of the engine and of the connection it came from.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use super::error::DbError;
use super::value::{FromValue, Value};

/// The names of an answer's columns, shared by its rows: one text, and where each name ends in it.
#[derive(Debug, Clone)]
pub(super) struct Columns(Arc<Names>);

#[derive(Debug)]
struct Names {
    text: String,
    ends: Vec<usize>,
}

/// Bytes of an ordinary column's name.
const NAME_BYTES: usize = 14;

impl Columns {
    /// So many names.
    pub(super) fn of<'n>(count: usize, names: impl Iterator<Item = &'n str>) -> Self {
        let mut all = Names { text: String::with_capacity(count * NAME_BYTES), ends: Vec::with_capacity(count) };
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
        (0..self.len()).filter_map(|place| self.name(place))
    }

    fn name(&self, place: usize) -> Option<&str> {
        let Names { text, ends } = &*self.0;
        let end = *ends.get(place)?;
        let begin = if place == 0 { 0 } else { ends[place - 1] };
        Some(&text[begin..end])
    }

    /// Where the column of that name is. It is looked for at `likely` first: columns are mostly read in their order.
    fn place(&self, column: &str, likely: usize) -> Option<usize> {
        if self.name(likely) == Some(column) {
            return Some(likely);
        }
        self.names().position(|name| name == column)
    }
}

/// One row of an answer. It owns its values: nothing of a connection leaves a closure with it.
#[derive(Debug)]
pub struct Row {
    columns: Columns,
    values: Vec<Value>,
    /// Behind the column that was read last.
    next: AtomicUsize,
}

impl Row {
    pub(super) fn new(columns: Columns, values: Vec<Value>) -> Self {
        Self { columns, values, next: AtomicUsize::new(0) }
    }

    /// The column of that name, as a `T`. Errors are bugs: a column that is not there, or of another type.
    pub fn get<T: FromValue>(&self, column: &str) -> Result<T, DbError> {
        let failed = |problem| DbError::Decode { column: column.to_owned(), problem };
        let place = self.columns.place(column, self.next.load(Relaxed));
        self.next.store(place.map_or(0, |place| place + 1), Relaxed);
        let value = place.and_then(|place| self.values.get(place));
        T::from_value(value.ok_or_else(|| failed("not in the answer".to_owned()))?).map_err(failed)
    }
}
