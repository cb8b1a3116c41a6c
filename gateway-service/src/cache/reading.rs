//! Which answers may be kept, and what they depend on. It is a list of what may, not of what may not.

use reqwest::Method;
use serde::Deserialize;
use service_kit::{
    RawAnswer,
    auth::{Caller, Role, Scopes},
    faults,
};
use sha2::{Digest, Sha256};
use shared_types::BookId;

use super::marks::{Choice, Depends};
use crate::clients::Ask;

/// Headers that belong to a kept answer.
pub(super) const KEPT_HEADERS: [&str; 3] = ["etag", "link", "x-total-count"];

/// Under what an answer is kept: method, path, query, and what its caller may see.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    target: Target,
    sight: Sight,
}

/// What is asked for; it is only read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Target {
    /// One book by its number, by far the most often: its key takes no memory of its own.
    Book(BookId),
    /// A path with its query.
    Path(String),
}

/// What a caller may see: all that the catalog looks at. Who he is it does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Sight {
    role: Role,
    scopes: Scopes,
}

impl Key {
    /// The key of a request to the catalog; none where its answer is not one that everybody with the same permissions
    /// gets, or is asked for too seldom to be kept.
    pub fn of(caller: &Caller, ask: &Ask<'_>) -> Option<Key> {
        if ask.method != Method::GET {
            return None;
        }
        let path = ask.path.split('?').next().unwrap_or_default();
        let mut parts = path.split('/').skip(1);
        let may = match [parts.next(), parts.next(), parts.next(), parts.next()] {
            [Some("books"), Some(id), None, _] if path.len() == ask.path.len() => {
                return id.parse().ok().map(|book| Key::of_book(caller, book));
            }
            [Some("books" | "topics"), None, ..] => true,
            // Withdrawn books are asked for by who repeats a purchase, and nothing tells when another takes the ISBN.
            [Some("books"), Some("by-isbn"), Some(_), None] => !ask.path.contains('?'),
            [Some("books"), Some(id), None, _] => id.parse::<BookId>().is_ok(),
            // Sabotage: what is one caller's is kept as what is everybody's.
            [Some("orders"), ..] => faults::sabotaged("keeps_personal"),
            _ => false,
        };
        may.then(|| Key { target: Target::Path(ask.path.clone()), sight: sight(caller) })
    }

    /// The key of one book, looked at by its number.
    pub fn of_book(caller: &Caller, book: BookId) -> Key {
        Key { target: Target::Book(book), sight: sight(caller) }
    }

    /// The book, where it is the key of one, looked at by its number.
    pub fn book(&self) -> Option<BookId> {
        match self.target {
            Target::Book(book) => Some(book),
            Target::Path(_) => None,
        }
    }

    /// Under what all gateways keep it.
    pub(super) fn digest(&self) -> String {
        let sight = format!("{} {}", self.sight.role, self.sight.scopes);
        let digest = Sha256::new().chain_update(sight).chain_update([0]).chain_update(self.asked()).finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Method, path and query.
    fn asked(&self) -> String {
        match &self.target {
            Target::Book(book) => format!("GET /books/{book}"),
            Target::Path(path) => format!("GET {path}"),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        let path = match &self.target {
            Target::Book(_) => 0,
            Target::Path(path) => path.len(),
        };
        path + size_of::<Key>()
    }

    /// What an answer to it depends on; none where the answer is not to be kept.
    pub(super) fn depends(&self, answer: &RawAnswer) -> Option<Depends> {
        if answer.status.as_u16() != 200 {
            return None;
        }
        let target = match &self.target {
            Target::Book(_) => "",
            Target::Path(path) => path,
        };
        if faults::sabotaged("keeps_personal") && target.contains("/orders") {
            return Some(Depends { books: Vec::new(), chosen_by: Choice::Name });
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let books = match serde_json::from_slice(&answer.body).ok()? {
            Shown::Page { items } => items.into_iter().filter_map(|item| item.id).collect(),
            Shown::One { id } => vec![id],
        };
        // However the parameter is spelt: a percent sign may hide it.
        let by_stock = query.contains("state") || query.contains('%');
        let chosen_by = match path {
            "/books" if by_stock => Choice::Stock,
            "/books" | "/topics" => Choice::Content,
            _ => Choice::Name,
        };
        Some(Depends { books, chosen_by })
    }
}

/// Whether the catalog gives both the same answers.
pub fn see_the_same(one: &Caller, other: &Caller) -> bool {
    sight(one) == sight(other)
}

fn sight(caller: &Caller) -> Sight {
    // Sabotage: everybody may see what anybody may.
    if faults::sabotaged("one_sight") {
        return Sight { role: Role::Anonymous, scopes: Scopes::NONE };
    }
    Sight { role: caller.role(), scopes: caller.scopes }
}

/// As much of an answer as tells which books are in it. Topics have no number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Shown {
    Page { items: Vec<Item> },
    One { id: BookId },
}

#[derive(Deserialize)]
struct Item {
    id: Option<BookId>,
}

/// An answer with the headers that are as true the next time.
pub(super) fn kept(answer: &RawAnswer) -> RawAnswer {
    answer.with_headers_only(&KEPT_HEADERS)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use service_kit::auth::{Caller, Who};

    use super::*;

    fn key(path: &str) -> Option<Key> {
        Key::of(&Caller::anonymous(), &Ask::get(path))
    }

    fn answer(status: u16, body: &str) -> RawAnswer {
        RawAnswer::made(status.try_into().unwrap(), &[("etag", "\"3\""), ("set-cookie", "ana")], body)
    }

    #[test]
    fn only_what_everybody_with_the_same_permissions_sees_is_kept() {
        for path in ["/books", "/books?topic=x", "/books/7", "/books/by-isbn/9780143127550", "/topics?limit=3"] {
            assert!(key(path).is_some(), "{path}");
        }
        for path in [
            "/books/by-isbn/9780143127550?gone=true",
            "/books/7/ledger",
            "/orders",
            "/takings/x",
            "/books/7/stock-adjustments",
            "/",
            "/books/x",
            "books",
        ] {
            assert!(key(path).is_none(), "{path}");
        }
        assert!(Key::of(&Caller::anonymous(), &Ask::repeatable(Method::PUT, "/books/7")).is_none());
    }

    #[test]
    fn callers_with_other_permissions_have_other_answers() {
        let employee = Caller::first_hand(Who::Employee("01936f2e-7b1c-7cc3-98c4-dc0c0c07398f".parse().unwrap()));
        let guests = ["g1", "g2"].map(|guest| Caller::first_hand(Who::Guest(guest.to_owned())));
        let [one, other] = guests.map(|guest| Key::of(&guest, &Ask::get("/books/7")));
        assert_eq!(one, other);
        let staff = Key::of(&employee, &Ask::get("/books/7"));
        assert_ne!(one, staff);
        assert_ne!(one.as_ref().map(Key::digest), staff.as_ref().map(Key::digest));
        assert_ne!(one, Key::of(&Caller::anonymous(), &Ask::get("/books/7")));
    }

    #[test]
    fn an_answer_depends_on_the_books_in_it_and_on_what_chose_them() {
        let page = r#"{"items": [{"id": 3, "title": "x"}, {"id": 4}], "next_cursor": "5b"}"#;
        let on = |path: &str, body: &str| {
            let on = key(path).unwrap().depends(&answer(200, body)).unwrap();
            (on.books.iter().map(|id| id.number()).collect::<Vec<_>>(), on.chosen_by)
        };
        assert_eq!(on("/books?topic=x", page), (vec![3, 4], Choice::Content));
        assert_eq!(on("/books?limit=2&state=AVAILABLE", page), (vec![3, 4], Choice::Stock));
        assert_eq!(on("/books?s%74ate=AVAILABLE", page), (vec![3, 4], Choice::Stock));
        assert_eq!(on("/books/by-isbn/x", r#"{"id": 3}"#), (vec![3], Choice::Name));
        assert_eq!(on("/topics", r#"{"items": [{"topic": "x", "books": 1}]}"#), (vec![], Choice::Content));
        let missing = key("/books/3").unwrap();
        assert_eq!(missing.depends(&answer(404, r#"{"id": 3}"#)), None);
        assert_eq!(missing.depends(&answer(200, "<html>")), None);
    }

    #[test]
    fn nothing_of_one_caller_is_kept_for_the_next() {
        let kept = kept(&answer(200, "{}"));
        assert_eq!(kept.headers.keys().collect::<Vec<_>>(), ["etag"]);
    }
}
