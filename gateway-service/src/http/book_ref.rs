use std::str::FromStr;

use paperclip::v2::{models::DataType, schema::TypedData};
use serde::{Deserialize, Deserializer, de};
use service_kit::auth::Caller;
use shared_types::{BookId, Isbn, Problem, books::BookView};

use super::relay;
use crate::clients::{Ask, Upstreams};

/// Bytes of the shortest text that is an ISBN.
const SHORTEST_ISBN_BYTES: usize = 10;

/// A book by its number or its ISBN. Ten or thirteen digits with a right check digit are an ISBN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BookRef {
    Number(BookId),
    Isbn(Isbn),
}

impl<'de> Deserialize<'de> for BookRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl FromStr for BookRef {
    type Err = String;

    fn from_str(text: &str) -> Result<BookRef, String> {
        let number = || text.parse().map(BookRef::Number);
        let isbn = || text.parse().map(BookRef::Isbn);
        let named = if text.len() < SHORTEST_ISBN_BYTES { number() } else { isbn().or_else(|_| number()) };
        named.map_err(|_| format!("{text:?} is neither a book's number nor an ISBN"))
    }
}

impl TypedData for BookRef {
    fn data_type() -> DataType {
        DataType::String
    }
}

impl BookRef {
    /// The catalog's path of the book, for looking at it.
    pub fn path(self) -> String {
        match self {
            BookRef::Number(id) => format!("/books/{id}"),
            BookRef::Isbn(isbn) => format!("/books/by-isbn/{isbn}"),
        }
    }

    /// The book's number, for changing it; an ISBN is looked up.
    pub async fn id(self, upstreams: &Upstreams, caller: &Caller) -> Result<BookId, Problem> {
        match self {
            BookRef::Number(id) => Ok(id),
            BookRef::Isbn(_) => {
                let answer = upstreams.catalog.ask(caller, Ask::get(self.path())).await?;
                Ok(relay::read::<BookView>(&answer)?.id)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<BookRef> {
        serde_json::from_value(serde_json::Value::from(text)).ok()
    }

    #[test]
    fn a_book_is_named_by_its_number_or_its_isbn() {
        assert_eq!(read("8"), BookId::new(8).map(BookRef::Number));
        assert_eq!(read("9780143127550").map(BookRef::path), Some("/books/by-isbn/9780143127550".to_owned()));
        assert_eq!(read("0143127551").map(BookRef::path), Some("/books/by-isbn/9780143127550".to_owned()));
        for text in ["0", "-1", "eight", "", "8.0", "99999999999999999999"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
