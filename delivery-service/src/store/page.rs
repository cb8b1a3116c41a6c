/// One page of a list, and whether more rows follow.
#[derive(Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub more: bool,
}

impl<T> Page<T> {
    pub fn map<U>(self, view: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(view).collect(), more: self.more }
    }

    /// The last row, where another page follows it.
    pub fn last(&self) -> Option<&T> {
        self.items.last().filter(|_| self.more)
    }
}

/// The page out of one row more than it has.
pub(super) fn cut<T>(mut items: Vec<T>, rows: i64) -> Page<T> {
    let rows = usize::try_from(rows).unwrap_or(0);
    let more = items.len() > rows;
    items.truncate(rows);
    Page { items, more }
}
