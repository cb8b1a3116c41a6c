use service_kit::db::{Db, DbError};
use shared_types::{BookId, Currency};

use super::{listing, search};
use crate::domain::listing::{Filter, Listing, Order, Position};

/// Books that are indexed in one transaction.
const PAGE_ROWS: i64 = 500;

/// Makes the full-text index anew from the books: the two engines keep it in forms of their own, so it is not copied from
/// one to the other. Can be run again.
///
/// Returns the number of books that are found.
pub async fn index_every_book(db: &Db) -> Result<u64, DbError> {
    let (mut after, mut count): (Option<Position>, u64) = (None, 0);
    loop {
        let from = after.clone();
        let (books, next) = db.write(move |tx| index_page(tx, from.clone())).await?;
        count += u64::try_from(books.len()).unwrap_or_default();
        match next {
            Some(position) => after = Some(position),
            None => return Ok(count),
        }
    }
}

fn index_page(
    tx: &mut service_kit::db::Tx<'_>,
    after: Option<Position>,
) -> Result<(Vec<BookId>, Option<Position>), DbError> {
    let listing = Listing { filter: Filter::default(), order: Order::Id, after, rows: PAGE_ROWS };
    // Words are indexed, not prices, so any currency will do.
    let (books, next) = listing::page(tx, &listing, Currency::USD)?;
    for book in &books {
        search::index(tx, book)?;
    }
    Ok((books.iter().map(|book| book.id).collect(), next))
}
