//! Whichever way the best matches are found, they are those of the one statement that reads them all.
#![expect(clippy::unwrap_used, reason = "tests")]

use service_kit::{
    Clock,
    db::{Db, DbError, DbOptions, Tx},
    testing::TestDatabase,
};
use shared_types::{Currency, books::CreateBookRequest};

use super::{MIGRATIONS, books, listing};
use crate::domain::{
    book::NewBook,
    listing::{Filter, Listing, Order, Search},
    search::words,
    text::key,
};

/// More books than are ranked at once; the first words are in hundreds of them, the last in a few.
const BOOKS: usize = 1_500;
const WORDS: [&str; 9] = ["the", "Mars", "Weir", "story", "Andy", "Martian", "Émile", "marsh", "zenith"];

/// Three fields of one to three words, chosen so that the word of rank n is n times as rare as the first one.
fn book(number: usize) -> NewBook {
    let mut seed = number.wrapping_mul(2_654_435_761) % 4_294_967_296;
    let mut draw = |below: usize| {
        seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
        (seed >> 8) % below
    };
    let mut text = || {
        let chosen: Vec<&str> = (0..=draw(3)).map(|_| WORDS[draw(WORDS.len()).min(draw(WORDS.len()))]).collect();
        chosen.join(" ")
    };
    let request = CreateBookRequest {
        sku: Some(format!("S{number}")),
        isbn: None,
        title: text(),
        author: Some(text()),
        topic: text(),
        first_year: None,
        price: "1".parse().unwrap(),
        stock: i64::try_from(number % 3).unwrap(),
        warn_limit: 0,
    };
    NewBook::parse(request, Currency::USD).unwrap()
}

async fn library(name: &str) -> (TestDatabase, Db) {
    let database = TestDatabase::create(name).await;
    let db = Db::open(database.url(), DbOptions::default(), MIGRATIONS).await.unwrap();
    let fill = |tx: &mut Tx<'_>| {
        for number in 0..BOOKS {
            books::create(tx, &book(number), "test", Currency::USD, Clock::system().now()).unwrap();
        }
        Ok(())
    };
    db.write::<_, DbError, _>(fill).await.unwrap();
    (database, db)
}

fn filter(q: &str, topic: Option<&str>) -> Filter {
    let search = Some(Search { words: words(q), title_key: key(q) });
    Filter { search, topic_key: topic.map(key), ..Filter::default() }
}

/// The numbers of all that is found, read in pages of so many rows.
fn in_pages(tx: &mut Tx<'_>, filter: &Filter, rows: i64) -> Result<Vec<i64>, DbError> {
    let mut listing = Listing { filter: filter.clone(), order: Order::Rank, after: None, rows, offset: None };
    let mut found = Vec::new();
    loop {
        let (page, last) = listing::page(tx, &listing, Currency::USD)?;
        found.extend(page.iter().map(|book| book.id.number()));
        match last {
            Some(last) => listing.after = Some(last),
            None => return Ok(found),
        }
    }
}

/// The same by the one statement.
fn at_once(tx: &mut Tx<'_>, filter: &Filter) -> Result<Vec<i64>, DbError> {
    let rows = i64::try_from(BOOKS).unwrap();
    let listing = Listing { filter: filter.clone(), order: Order::Rank, after: None, rows, offset: None };
    let (sql, params) = listing::select(tx.engine(), &listing);
    tx.query(&sql, &params)?.iter().map(|row| row.get("book_id")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_the_best_matches_are_what_one_statement_finds() {
    let (_database, db) = library("ranking").await;
    let mut queries: Vec<String> = WORDS.iter().map(|word| (*word).to_owned()).collect();
    queries.extend(
        ["mar", "m", "EMILE", "mars the", "the mars", "weir andy the", "zenith zenith", "martian zen"]
            .into_iter()
            // Those before the last one are in a few books together, or in none.
            .chain(["zenith mar", "zenith the", "Émile marsh m", "zenith marsh nothing", "nothing the"])
            .map(str::to_owned),
    );
    let mut sizes = Vec::new();
    for (query, topic) in queries.iter().flat_map(|query| [(query, None), (query, Some("The"))]) {
        let filter = filter(query, topic);
        for rows in [3, 50, 1_000] {
            let asked = filter.clone();
            let both = move |tx: &mut Tx<'_>| Ok::<_, DbError>((in_pages(tx, &asked, rows)?, at_once(tx, &asked)?));
            let (pages, whole) = db.read(both).await.unwrap();
            assert_eq!(pages, whole, "{query:?} of {topic:?} in pages of {rows}");
            sizes.push(whole.len());
        }
    }
    assert!(sizes.iter().any(|size| *size > 500) && sizes.iter().any(|size| (1..100).contains(size)), "{sizes:?}");
    db.close().await;
}
