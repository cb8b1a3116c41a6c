use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use paperclip::{actix::OperationModifier, v2::schema::Apiv2Schema};
use service_kit::http::{Fail, Reply};

/// The path and query that were asked for, to say where the next page is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestTarget {
    path: String,
    query: String,
}

impl RequestTarget {
    /// The answer, with a `Link` to the page that begins at this cursor.
    pub fn link_next<T>(&self, reply: Reply<T>, cursor: Option<&str>) -> Reply<T> {
        match cursor {
            Some(cursor) => reply.header("link", self.next_page(cursor)),
            None => reply,
        }
    }

    /// The same request with another cursor, as RFC 8288 writes it.
    fn next_page(&self, cursor: &str) -> String {
        let kept = self.query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
        let mut pairs: Vec<&str> = kept.collect();
        let cursor = format!("cursor={cursor}");
        pairs.push(&cursor);
        format!("<{}?{}>; rel=\"next\"", self.path, pairs.join("&"))
    }
}

impl FromRequest for RequestTarget {
    type Error = Fail;
    type Future = Ready<Result<Self, Fail>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let (path, query) = (request.path().to_owned(), request.query_string().to_owned());
        ready(Ok(RequestTarget { path, query }))
    }
}

impl Apiv2Schema for RequestTarget {}
impl OperationModifier for RequestTarget {}

/// The rows of a page out of one row more than it has; and the last of them, where there is more to read.
pub fn cut<T: Clone>(mut items: Vec<T>, rows: i64) -> (Vec<T>, Option<T>) {
    let rows = usize::try_from(rows).unwrap_or(usize::MAX);
    let more = items.len() > rows;
    items.truncate(rows);
    let last = items.last().filter(|_| more).cloned();
    (items, last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_the_same_request_with_another_cursor() {
        let target = |query: &str| RequestTarget { path: "/books".into(), query: query.into() };
        assert_eq!(target("").next_page("5b"), "</books?cursor=5b>; rel=\"next\"");
        let read_on = target("topic=new%20arrivals&cursor=5a&limit=2").next_page("5b");
        assert_eq!(read_on, "</books?topic=new%20arrivals&limit=2&cursor=5b>; rel=\"next\"");
    }
}
