use shared_types::books::BookState;

/// Which books to list, in which order, from where on, and how many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    pub filter: Filter,
    pub order: Order,
    pub after: Option<Position>,
    /// Rows in the page at most.
    pub rows: i64,
    /// Rows to leave out, by somebody who wants to know how many there are.
    pub offset: Option<i64>,
}

/// Every condition that is there must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Keys of [`text::key`](super::text::key).
    pub topic_key: Option<String>,
    pub author_key: Option<String>,
    /// Thirteen digits, or a text that no book has.
    pub isbn: Option<String>,
    pub sku: Option<String>,
    pub state: Option<BookState>,
    pub search: Option<Search>,
}

/// What is searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// All of them must be there; the last one may be the beginning of a word.
    pub words: Vec<String>,
    /// The query as a title would be sorted: a book of that very title comes first.
    pub title_key: String,
}

/// The order of a list. Equal ones follow in the order of their numbers, so every order is total.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Best match first: the title itself, then all words in the title, in the author, in the topic, or across them.
    Rank,
    Id,
    IdDown,
    Title,
    TitleDown,
    Price,
    PriceDown,
}

/// The last row of the page before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    pub key: Key,
    pub book_id: i64,
}

/// The value by which rows are sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    Number(i64),
    Text(String),
}

impl Order {
    pub const ALL: [Order; 7] =
        [Order::Rank, Order::Id, Order::IdDown, Order::Title, Order::TitleDown, Order::Price, Order::PriceDown];

    /// As a caller writes it.
    pub fn name(self) -> &'static str {
        match self {
            Order::Rank => "rank",
            Order::Id => "id",
            Order::IdDown => "-id",
            Order::Title => "title",
            Order::TitleDown => "-title",
            Order::Price => "price",
            Order::PriceDown => "-price",
        }
    }

    pub fn is_down(self) -> bool {
        self.name().starts_with('-')
    }
}
