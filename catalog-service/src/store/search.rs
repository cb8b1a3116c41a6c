//! The full-text index: FTS5 on SQLite, a `tsvector` on Postgres. Both are given finished words, so both find the same;
//! and since a word has letters and digits only, no search is ever a syntax error.
//!
//! On SQLite another one has the books of each author: see its migration for why it is no sorted index.

use service_kit::{
    db::{DbError, Engine, Tx, Value},
    params,
};
use shared_types::{BookId, books::BookView};

use crate::domain::{search::words, text::key};

/// Makes a book found by the words that it has now, and by no others.
pub fn index(tx: &mut Tx<'_>, book: &BookView) -> Result<(), DbError> {
    if tx.engine() == Engine::Sqlite {
        remove(tx, book.id)?;
    }
    add(tx, book)
}

/// As [`index`], for a book that is found by nothing yet.
///
/// FTS5 gathers what is new in memory. A statement that SQLite must be able to undo, such as one that inserts several rows, writes all
/// of it to the disk before it begins: so words go in one by one.
pub fn add(tx: &mut Tx<'_>, book: &BookView) -> Result<(), DbError> {
    let fields = [words(&book.title), words(book.author.as_deref().unwrap_or_default()), words(&book.topic)];
    match tx.engine() {
        Engine::Sqlite => {
            let [title, author, topic] = fields.map(|words| words.join(" "));
            if let Some(author) = &book.author {
                let sql = "insert into book_author (rowid, author_hex) values ($1, hex($2))";
                tx.execute(sql, &params![book.id.number(), key(author)])?;
            }
            tx.execute(
                "insert into book_search (rowid, title, author, topic) values ($1, $2, $3, $4)",
                &params![book.id.number(), title, author, topic],
            )
        }
        Engine::Postgres => tx.execute(
            "insert into book_search (book_id, document) values ($1, cast(cast($2 as text) as tsvector)) \
             on conflict (book_id) do update set document = excluded.document",
            &params![book.id.number(), vector(&fields)],
        ),
    }
    .map(drop)
}

/// Makes a book found by nothing.
pub fn remove(tx: &mut Tx<'_>, id: BookId) -> Result<(), DbError> {
    let sql = match tx.engine() {
        Engine::Sqlite => {
            tx.execute("delete from book_author where rowid = $1", &params![id.number()])?;
            "delete from book_search where rowid = $1"
        }
        Engine::Postgres => "delete from book_search where book_id = $1",
    };
    tx.execute(sql, &params![id.number()]).map(drop)
}

/// Positions in a `tsvector` end here.
const MAX_POSITION: usize = 16_383;

/// `'the':1A 'martian':2A 'andy':3B …`
fn vector(fields: &[Vec<String>; 3]) -> String {
    let weighted =
        fields.iter().zip(["A", "B", "C"]).flat_map(|(words, weight)| words.iter().map(move |w| (w, weight)));
    let lexemes =
        weighted.zip(1..).map(|((word, weight), at): (_, usize)| format!("'{word}':{}{weight}", at.min(MAX_POSITION)));
    lexemes.collect::<Vec<_>>().join(" ")
}

/// A table of the books that have all of these words, as SQL that binds `$1` to `$4`: `book_id`, and in which `field` all
/// of them are (1 title, 2 author, 3 topic, 4 across them).
pub fn hits(engine: Engine, words: &[String]) -> (&'static str, [Value; 4]) {
    match engine {
        Engine::Sqlite => {
            let all = fts5_query(words);
            let within = |field: &str| Value::from(format!("{{{field}}} : ({all})"));
            let params = [Value::from(&all), within("title"), within("author"), within("topic")];
            (SQLITE_HITS, params)
        }
        Engine::Postgres => {
            let query = |weight: &str| Value::from(tsquery(words, weight));
            (POSTGRES_HITS, [query(""), query("A"), query("B"), query("C")])
        }
    }
}

/// A table of the books of the author with this key, on SQLite, as SQL that binds `place`: `book_id`, in the order of it.
pub fn by_author(place: &str) -> String {
    // In quotes nothing is no word, where it would be a syntax error.
    format!("(select rowid as book_id from book_author where book_author match '\"' || hex({place}) || '\"')")
}

/// Those of one rank: all words in the title (1), in the author and not in the title (2), in the topic and in neither (3), or
/// across them (4).
pub fn matches(words: &[String], rank: i64) -> String {
    let all = fts5_query(words);
    let within = |field: &str| format!("({{{field}}} : ({all}))");
    let [title, author, topic] = ["title", "author", "topic"].map(within);
    match rank {
        1 => title,
        2 => format!("{author} NOT {title}"),
        3 => format!("{topic} NOT {title} NOT {author}"),
        _ => format!("({all}) NOT {title} NOT {author} NOT {topic}"),
    }
}

const SQLITE_HITS: &str = "(select rowid as book_id, case \
     when rowid in (select rowid from book_search where book_search match $2) then 1 \
     when rowid in (select rowid from book_search where book_search match $3) then 2 \
     when rowid in (select rowid from book_search where book_search match $4) then 3 else 4 end as field \
     from book_search where book_search match $1)";

const POSTGRES_HITS: &str = "(select book_id, case \
     when document @@ cast(cast($2 as text) as tsquery) then 1 \
     when document @@ cast(cast($3 as text) as tsquery) then 2 \
     when document @@ cast(cast($4 as text) as tsquery) then 3 else 4 end as field \
     from book_search where document @@ cast(cast($1 as text) as tsquery))";

/// All books that match, as FTS5 is asked for them: `"andy" AND "weir" *`, quoted, so that a word such as `or` is a word.
pub fn fts5_query(words: &[String]) -> String {
    format!("{} *", fts5_words(words))
}

/// The same where the last word is a whole one like the others.
pub fn fts5_words(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    quoted.join(" AND ")
}

/// `'andy':A & 'weir':*A`
fn tsquery(words: &[String], weight: &str) -> String {
    let (last, others) = words.split_last().expect("BUG: a search without words is answered before");
    let mut terms: Vec<String> = others
        .iter()
        .map(|word| if weight.is_empty() { format!("'{word}'") } else { format!("'{word}':{weight}") })
        .collect();
    terms.push(format!("'{last}':*{weight}"));
    terms.join(" & ")
}
