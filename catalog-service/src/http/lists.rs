use paperclip::actix::{Apiv2Schema, api_v2_operation, web};
use serde::Deserialize;
use service_kit::{
    auth::AnyCaller,
    http::{Cursor, Fail, PageQuery, Reply},
};
use shared_types::{
    Code, Isbn, Problem,
    books::{BookPage, BookState, TopicPage},
    limits::{MAX_OFFSET_ROWS, MAX_QUERY_CHARS, MAX_TEXT_CHARS},
};

use super::{
    Shop,
    paging::{RequestTarget, cut},
    sight,
};
use crate::domain::{
    listing::{Filter, Key, Listing, Order, Position, Search},
    search::words,
    text::{TextError, key, line},
};

/// Which books, and in which order. Every condition that is given must hold.
#[derive(Debug, Clone, Default, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
pub struct BookQuery {
    /// Books under exactly this topic, in any case.
    topic: Option<String>,
    /// Books that have all these words in title, author and topic; the last one may be the beginning of a word.
    q: Option<String>,
    /// Books by exactly this author, in any case.
    author: Option<String>,
    /// ISBN-10 or ISBN-13, hyphens allowed.
    isbn: Option<String>,
    sku: Option<String>,
    /// `AVAILABLE`, `FEW REMAINING` or `OUT OF STOCK`.
    state: Option<String>,
    /// `id`, `title` or `price`, with a `-` in front from the end on; `rank` with `q` only. Where absent: `rank` with `q`,
    /// else `id`.
    sort: Option<String>,
    /// Where to read on: the `next_cursor` of the page before, with everything else the same.
    cursor: Option<String>,
    /// Books in the page, 1 to 200; 50 where absent.
    limit: Option<i64>,
    /// Leave out so many books, up to 1,000,000, and count them all in `X-Total-Count`: for clients that know no cursors.
    offset: Option<i64>,
}

/// Lists books.
///
/// A page that is not the last one has a `next_cursor`, and the same in a `Link` header with `rel="next"`.
#[api_v2_operation(tags(books))]
pub async fn books(
    AnyCaller(caller): AnyCaller,
    shop: Shop,
    query: web::Query<BookQuery>,
    target: RequestTarget,
) -> Result<Reply<BookPage>, Fail> {
    let listing = query.into_inner().parse()?;
    let order = listing.order;
    let (items, last, total) = shop.list(listing).await?;
    let items = items.into_iter().map(|book| sight::of(&caller, book)).collect();
    let next_cursor = last.map(|position| cursor(order, position).encode());
    let link = next_cursor.clone();
    let reply = Reply::ok(BookPage { items, next_cursor });
    let reply = total.into_iter().fold(reply, |reply, total| reply.header("x-total-count", total.to_string()));
    Ok(target.link_next(reply, link.as_deref()))
}

/// Lists topics.
///
/// Every topic of the books that are sold, with how many books it has, in alphabetical order; topics that differ in case
/// only are one.
#[api_v2_operation(tags(books))]
pub async fn topics(
    _: AnyCaller,
    shop: Shop,
    query: web::Query<PageQuery>,
    target: RequestTarget,
) -> Result<Reply<TopicPage>, Fail> {
    let rows = query.rows()?;
    let after = query.cursor.as_deref().map(|text| Cursor::decode(text, 1)).transpose()?;
    let after = after.and_then(|cursor| cursor.0.into_iter().next());
    let (items, last) = cut(shop.topics(plain("cursor", after, MAX_TEXT_CHARS)?, rows + 1).await?, rows);
    let next_cursor = last.map(|topic| Cursor(vec![key(&topic.topic)]).encode());
    let link = next_cursor.clone();
    Ok(target.link_next(Reply::ok(TopicPage { items, next_cursor }), link.as_deref()))
}

impl BookQuery {
    fn parse(self) -> Result<Listing, Problem> {
        let rows = PageQuery { cursor: None, limit: self.limit }.rows()?;
        let q = plain("q", self.q, MAX_QUERY_CHARS)?;
        let order = order(self.sort.as_deref(), q.is_some())?;
        let filter = Filter {
            topic_key: plain("topic", self.topic, MAX_TEXT_CHARS)?.as_deref().map(key),
            author_key: plain("author", self.author, MAX_TEXT_CHARS)?.as_deref().map(key),
            // A text that is no ISBN is asked for as it is, and no book has it.
            isbn: plain("isbn", self.isbn, MAX_TEXT_CHARS)?
                .map(|text| text.parse().map_or(text, |isbn: Isbn| isbn.to_string())),
            sku: plain("sku", self.sku, MAX_TEXT_CHARS)?,
            state: self.state.as_deref().map(state).transpose()?,
            search: q.map(|q| Search { words: words(&q), title_key: key(&q) }),
        };
        let after = self.cursor.as_deref().map(|text| position(text, order)).transpose()?;
        if self.offset.is_some_and(|offset| !(0..=MAX_OFFSET_ROWS).contains(&offset)) {
            return Err(malformed(format!("offset is not 0 to {MAX_OFFSET_ROWS}")));
        }
        Ok(Listing { filter, order, after, rows, offset: self.offset })
    }
}

fn malformed(detail: impl Into<String>) -> Problem {
    Problem::new(Code::MalformedQuery, detail)
}

/// A text that a column can be compared with. An empty one is a text that no book has.
fn plain(name: &str, text: Option<String>, max_chars: usize) -> Result<Option<String>, Problem> {
    match text.as_deref().map(|text| line(text, max_chars)).transpose() {
        Ok(text) => Ok(text.map(str::to_owned)),
        Err(TextError::Empty) => Ok(Some(String::new())),
        Err(error) => Err(malformed(format!("{name} {error}"))),
    }
}

fn order(sort: Option<&str>, has_q: bool) -> Result<Order, Problem> {
    let Some(sort) = sort else { return Ok(if has_q { Order::Rank } else { Order::Id }) };
    let known = Order::ALL.into_iter().find(|order| order.name() == sort && (has_q || *order != Order::Rank));
    known.ok_or_else(|| malformed("sort is none of id, -id, title, -title, price, -price and, with q, rank"))
}

fn state(text: &str) -> Result<BookState, Problem> {
    match text {
        "AVAILABLE" => Ok(BookState::Available),
        "FEW REMAINING" => Ok(BookState::FewRemaining),
        "OUT OF STOCK" => Ok(BookState::OutOfStock),
        _ => Err(malformed("state is none of AVAILABLE, FEW REMAINING and OUT OF STOCK")),
    }
}

/// The order goes into the cursor, so that one of another order is refused and not misread.
fn cursor(order: Order, position: Position) -> Cursor {
    let key = match position.key {
        Key::Number(number) => number.to_string(),
        Key::Text(text) => text,
    };
    Cursor(vec![order.name().to_owned(), key, position.book_id.to_string()])
}

fn position(text: &str, order: Order) -> Result<Position, Problem> {
    let cursor = Cursor::decode(text, 3)?;
    let book_id = cursor.number(2)?;
    let key = match order {
        Order::Title | Order::TitleDown => {
            Key::Text(plain("cursor", cursor.0.get(1).cloned(), MAX_TEXT_CHARS)?.unwrap_or_default())
        }
        // Ranks are few and small, and Postgres counts them in four bytes.
        Order::Rank => Key::Number(cursor.number(1)?.clamp(0, 9)),
        Order::Id | Order::IdDown | Order::Price | Order::PriceDown => Key::Number(cursor.number(1)?),
    };
    if cursor.0.first().is_some_and(|name| name == order.name()) {
        Ok(Position { key, book_id })
    } else {
        Err(Cursor::malformed())
    }
}
