use service_kit::auth::{Caller, Scope};
use shared_types::{
    BookId, Code, Problem,
    books::{BookPage, BookView},
    limits::{MAX_LINE_COPIES, MAX_OFFSET_ROWS, MAX_ORDER_LINES, MAX_PAGE_ROWS},
    orders::CheckoutLine,
};

use crate::{
    clients::{Ask, Upstreams},
    http::relay,
};

/// Rows of a page where the caller names no number.
const DEFAULT_ROWS: i64 = 50;
/// Copies that one order can ask of one book.
const MAX_COPIES: i64 = MAX_LINE_COPIES * MAX_ORDER_LINES as i64;

/// The caller, for reading what a contract shows to everybody: in some, the number of copies.
pub(super) fn seeing_stock(caller: &Caller) -> Caller {
    let scopes = caller.scopes.iter().chain([Scope::StockRead]).collect();
    Caller { scopes, ..caller.clone() }
}

/// Every book that the query lets through, page after page.
pub(super) async fn every_book(upstreams: &Upstreams, caller: &Caller, query: &str) -> Result<Vec<BookView>, Problem> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/books?{query}sort=id&limit={MAX_PAGE_ROWS}{cursor}");
        let page: BookPage = relay::read(&upstreams.catalog.ask(caller, Ask::get(path)).await?)?;
        found.extend(page.items);
        match page.next_cursor {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(found),
        }
    }
}

/// So many books after so many others, in the order of their numbers; and how many there are.
pub(super) async fn some_books(
    upstreams: &Upstreams,
    caller: &Caller,
    (limit, offset): (Option<i64>, Option<i64>),
) -> Result<(Vec<BookView>, String), Problem> {
    let (limit, offset) = (limit.unwrap_or(DEFAULT_ROWS), offset.unwrap_or(0));
    within("limit", limit, 1, MAX_PAGE_ROWS)?;
    within("offset", offset, 0, MAX_OFFSET_ROWS)?;
    let ask = Ask::get(format!("/books?sort=id&limit={limit}&offset={offset}"));
    let answer = upstreams.catalog.ask(caller, ask).await?;
    let page: BookPage = relay::read(&answer)?;
    let total = answer.header("x-total-count").unwrap_or_default().to_owned();
    Ok((page.items, total))
}

fn within(name: &str, number: i64, least: i64, most: i64) -> Result<(), Problem> {
    if (least..=most).contains(&number) {
        return Ok(());
    }
    Err(Problem::invalid(name, format!("must be {least} to {most}")))
}

/// So many copies of a book, in lines as long as a line may be: these contracts know no longest line. A number that no
/// order can have is more than there is.
pub(super) fn lines_of(book_id: BookId, copies: i64) -> Result<Vec<CheckoutLine>, Problem> {
    if copies > MAX_COPIES {
        return Err(Problem::new(Code::SoldOut, format!("no order has more than {MAX_COPIES} copies of a book")));
    }
    let line = |quantity| CheckoutLine { book_id, quantity, expected_price: None };
    let whole = usize::try_from(copies / MAX_LINE_COPIES).unwrap_or_default();
    let rest = copies % MAX_LINE_COPIES;
    Ok(std::iter::repeat_n(line(MAX_LINE_COPIES), whole).chain((rest != 0).then(|| line(rest))).collect())
}

/// A book's number as these contracts write it; whatever is none is the number of no book.
pub(super) fn book_number(text: &str) -> Result<BookId, Problem> {
    text.parse().map_err(|_| Problem::new(Code::BookNotFound, format!("there is no book {text:?}")))
}

/// The problem with another name for each of these fields.
pub(super) fn renamed(mut problem: Problem, names: &[(&str, &str)]) -> Problem {
    for error in &mut problem.errors {
        for (ours, theirs) in names {
            if let Some(rest) = error.field.strip_prefix(ours) {
                error.field = format!("{theirs}{rest}");
                break;
            }
        }
    }
    match problem.errors.first() {
        Some(first) if problem.code == Code::Invalid => {
            let detail = format!("{} {}", first.field, first.detail);
            Problem { detail, ..problem }
        }
        _ => problem,
    }
}

/// The problem in a contract's words where it has some, and with its names for fields.
pub(super) fn worded(problem: Problem, words: &[(Code, Code, &str)], names: &[(&str, &str)]) -> Problem {
    match words.iter().find(|(ours, ..)| *ours == problem.code) {
        Some((_, code, detail)) => saying(problem, *code, *detail),
        None => renamed(problem, names),
    }
}

/// The problem in the words of a contract.
pub(super) fn saying(problem: Problem, code: Code, detail: impl Into<String>) -> Problem {
    let words = Problem::new(code, detail);
    Problem { errors: problem.errors, resource: problem.resource, retry_after_s: problem.retry_after_s, ..words }
}
