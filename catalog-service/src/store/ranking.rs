//! The best matches of a search first, on SQLite, without reading all that there are: the matches of a rank come out of the
//! full-text index in the order of their numbers, and no more of them than the page has rows. A word that stands in every third
//! title costs little more than a rare one.

use service_kit::{
    db::{DbError, Row, Tx, Value},
    params,
};

use super::{books::COLUMNS, listing::conditions, search};
use crate::domain::{
    listing::{Filter, Key, Position, Search},
    search::words,
    text::key,
};

/// Ranks, best first: the very title, all words in the title, in the author, in the topic, across them.
const THE_TITLE: i64 = 0;
const IN_TITLE: i64 = 1;
const IN_AUTHOR: i64 = 2;
const IN_TOPIC: i64 = 3;
const ACROSS: i64 = 4;

/// So many matches are read and ranked at once; where there are more, each rank is asked for by itself. FTS5 gathers all
/// that begin with the last word before it gives out the first of them, so asking once is cheaper while it can be done.
const FEW_ROWS: i64 = 200;

/// So many rows at most behind `after`, best first, each with its rank.
pub(super) fn rows(
    tx: &mut Tx<'_>,
    search: &Search,
    filter: &Filter,
    after: Option<&Position>,
    rows: i64,
) -> Result<Vec<(i64, Row)>, DbError> {
    let after = match after {
        Some(Position { key: Key::Number(rank), book_id }) => (*rank, *book_id),
        Some(Position { key: Key::Text(_), .. }) | None => (THE_TITLE, 0),
    };
    if let Some(all) = few_by_whole_words(tx, search, filter)? {
        return page(all, after, rows);
    }
    let mut found = Vec::new();
    for rank in after.0..=ACROSS {
        let wanted = rows - i64::try_from(found.len()).unwrap_or(rows);
        if wanted <= 0 {
            break;
        }
        // Most pages are full of titles. Behind them a few matches may be all.
        if rank > IN_TITLE
            && rank == after.0.max(IN_AUTHOR)
            && let Some(all) = few(tx, search, filter)?
        {
            found.extend(page(all, after.max((rank, 0)), wanted)?);
            break;
        }
        let after_id = if rank == after.0 { after.1 } else { 0 };
        let (sql, params) = select(search, filter, rank, after_id, wanted);
        found.extend(tx.query(&sql, &params)?.into_iter().map(|row| (rank, row)));
    }
    Ok(found)
}

/// So many of all matches, those behind `after`, best first.
fn page(all: Vec<(i64, Row)>, after: (i64, i64), rows: i64) -> Result<Vec<(i64, Row)>, DbError> {
    let mut behind = Vec::new();
    for (rank, row) in all {
        let place = (rank, row.get::<i64>("book_id")?);
        if place > after {
            behind.push((place, (rank, row)));
        }
    }
    behind.sort_unstable_by_key(|(place, _)| *place);
    let fitting = usize::try_from(rows).unwrap_or(usize::MAX);
    Ok(behind.into_iter().take(fitting).map(|(_, one)| one).collect())
}

/// The statement of one rank.
pub(super) fn select(search: &Search, filter: &Filter, rank: i64, after_id: i64, rows: i64) -> (String, Vec<Value>) {
    if rank == THE_TITLE {
        let mut params = params![&search.title_key, after_id, rows].to_vec();
        let conditions = conditions(filter, &mut params);
        let those = "from book where title_key = $1 and book_id > $2";
        return (format!("select {COLUMNS} {those} and {conditions} order by book_id limit $3"), params);
    }
    let mut params = params![search::matches(&search.words, rank), after_id, rows, &search.title_key].to_vec();
    let conditions = conditions(filter, &mut params);
    let sql = format!(
        "{} and book_search.rowid > $2 and title_key <> $4 and {conditions} order by book_search.rowid limit $3",
        hits()
    );
    (sql, params)
}

/// All that match, with their ranks; nothing where they are more than a few.
fn few(tx: &mut Tx<'_>, search: &Search, filter: &Filter) -> Result<Option<Vec<(i64, Row)>>, DbError> {
    let mut params = params![search::fts5_query(&search.words), FEW_ROWS + 1].to_vec();
    let conditions = conditions(filter, &mut params);
    let all = tx.query(&format!("{} and {conditions} limit $2", hits()), &params)?;
    if is_more_than_few(&all) {
        return Ok(None);
    }
    all.into_iter().map(|row| Ok((rank(&row, search)?, row))).collect::<Result<_, DbError>>().map(Some)
}

/// The same where already the words before the last one are in a few books only: those are read, and looked through for a word
/// that begins with the last one. FTS5 would gather everything that begins with it, however rare the others are.
fn few_by_whole_words(tx: &mut Tx<'_>, search: &Search, filter: &Filter) -> Result<Option<Vec<(i64, Row)>>, DbError> {
    let (last, whole) = search.words.split_last().expect("BUG: a search without words is answered before");
    if whole.is_empty() {
        return Ok(None);
    }
    let query = search::fts5_words(whole);
    let have_them = "select rowid from book_search where book_search match $1 limit $2";
    if is_more_than_few(&tx.query(have_them, &params![&query, FEW_ROWS + 1])?) {
        return Ok(None);
    }
    let mut params = params![query, FEW_ROWS + 1].to_vec();
    let conditions = conditions(filter, &mut params);
    let mut found = Vec::new();
    for row in tx.query(&format!("{} and {conditions} limit $2", hits()), &params)? {
        if fields(&row)?.iter().flatten().any(|word| word.starts_with(last)) {
            found.push((rank(&row, search)?, row));
        }
    }
    Ok(Some(found))
}

fn is_more_than_few(rows: &[Row]) -> bool {
    i64::try_from(rows.len()).unwrap_or(i64::MAX) > FEW_ROWS
}

/// `cross`: the full-text index comes first, in its own order, and a book is looked up for each of its rows.
fn hits() -> String {
    let columns: Vec<String> = COLUMNS.split(", ").map(|column| format!("book.{column}")).collect();
    format!(
        "select {} from book_search cross join book on book.book_id = book_search.rowid where book_search match $1",
        columns.join(", ")
    )
}

/// What [`matches`](search::matches) says in FTS5's words: its index is given words with spaces between them and cuts nowhere
/// else, so these are its tokens.
fn rank(row: &Row, search: &Search) -> Result<i64, DbError> {
    let title: String = row.get("title")?;
    if key(&title) == search.title_key {
        return Ok(THE_TITLE);
    }
    let (last, whole) = search.words.split_last().expect("BUG: a search without words is answered before");
    let has_all = |there: &Vec<String>| {
        whole.iter().all(|word| there.contains(word)) && there.iter().any(|word| word.starts_with(last))
    };
    Ok(match fields(row)?.each_ref().map(has_all) {
        [true, ..] => IN_TITLE,
        [_, true, _] => IN_AUTHOR,
        [.., true] => IN_TOPIC,
        [..] => ACROSS,
    })
}

/// The words by which a book is found: of its title, its author, its topic.
fn fields(row: &Row) -> Result<[Vec<String>; 3], DbError> {
    let (title, author, topic): (String, Option<String>, String) =
        (row.get("title")?, row.get("author")?, row.get("topic")?);
    Ok([&title, author.as_deref().unwrap_or_default(), &topic].map(words))
}
