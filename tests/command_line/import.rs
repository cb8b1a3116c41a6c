use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::shop::{Ended, Place, Shop, run};

/// Everything that goes wrong in tables from elsewhere, in one: a byte order mark, other line ends, an empty line, cells
/// that span lines, lost zeros, lost digits, decimals for years, rows cut short, a stray quote, another encoding.
const MESSY: &[u8] = b"\xEF\xBB\xBFbook_id,isbn,authors,original_publication_year,title,price,stock\r\n\
    1,439023483,Suzanne Collins,2008.0,\"The Hunger Games (The Hunger Games, #1)\",10.00,3\r\n\
    \r\n\
    2,080442957X,Anon,,\"Two\r\nlines, and \"\"quotes\"\"\",9.5,\r\n\
    3,9.78043902348e+12,Anon,2008.0,Lost digits,9.99,1\r\n\
    4,,Anon,2008.0,No number,9.99,1\r\n\
    5,61120081,Harper Lee,1960.5,To Kill a Mockingbird,9.99,1\r\n\
    6,61120082,Harper Lee,1960.0,Wrong check digit,9.99,1\r\n\
    7,978-0-14-044913-6,Homer,-750.0,The Odyssey,9.999,many\r\n\
    8,0140449132,Homer,-750.0,The Odyssey,9.50,25\r\n\
    9,0140449132,Homer,-725.0,The Odyssey,8.50,7\r\n\
    10,0262033844,Cormen,2009.0\r\n\
    11,\"0262033844,Cormen,2009.0,Stray quote,89.99,3\r\n\
    12,0262033844,Cormen,2009.0,Introduction to Algorithms,89.99,3\r\n\
    13,0143127551,Andy W\xEFr,2011.0,The Martian,12.99,10\r\n\
    14,0143127551,Andy Weir,2011.0,The Martian,12.99,10";

const ARGS: [&str; 8] = [
    "import",
    "messy.csv",
    "--map",
    "author=authors",
    "--map",
    "first_year=original_publication_year",
    "--default",
    "topic=imported",
];

/// Line, field and reason of every reject.
fn rejects(place: &Place) -> Vec<(u64, String, String)> {
    let text = place.read("messy.csv.rejects.csv");
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let header = reader.headers().unwrap();
    assert_eq!(header.iter().take(5).collect::<Vec<_>>(), ["line", "field", "reason", "book_id", "isbn"]);
    let read = |record: csv::Result<csv::StringRecord>| {
        let record = record.unwrap();
        (record[0].parse().unwrap(), record[1].to_owned(), record[2].to_owned())
    };
    reader.records().map(read).collect()
}

fn check_messy(place: &Place, first: &Ended) {
    assert_eq!(first.code, Some(2), "{first:?}");
    assert_eq!(first.out, "created 5, updated 1, unchanged 0, rejected 8 (see messy.csv.rejects.csv)\n");
    let rejects = rejects(place);
    let places: Vec<(u64, &str)> = rejects.iter().map(|(line, field, _)| (*line, field.as_str())).collect();
    let expected =
        [(6, "isbn"), (7, "isbn"), (8, "first_year"), (9, "isbn"), (10, "stock; price"), (13, ""), (14, ""), (16, "")];
    assert_eq!(places, expected, "{rejects:#?}");
    assert!(rejects.iter().all(|(_, _, reason)| !reason.is_empty()), "{rejects:#?}");
}

#[tokio::test]
async fn a_messy_table_comes_in_row_by_row_and_bad_rows_are_told_with_their_lines() {
    let place = Place::new();
    place.file("messy.csv", MESSY);
    let shop = Shop::up(&place, &["--no-demo"]);
    check_messy(&place, &run(place.path(), &ARGS));

    let games = shop.get("/api/v1/books/9780439023481").await;
    assert_eq!(games["title"], "The Hunger Games (The Hunger Games, #1)");
    assert_eq!((games["author"].as_str(), games["first_year"].as_i64()), (Some("Suzanne Collins"), Some(2008)));
    assert_eq!((games["price"].to_string().as_str(), games["on_hand"].as_i64()), ("10.0", Some(3)));
    let lines = shop.get("/api/v1/books/9780804429573").await;
    assert_eq!(lines["title"], "Two lines, and \"quotes\"");
    // The later row of the same book updates the earlier one, and leaves its copies alone.
    let odyssey = shop.get("/api/v1/books/9780140449136").await;
    assert_eq!((odyssey["first_year"].as_i64(), odyssey["on_hand"].as_i64()), (Some(-725), Some(25)));
    assert!(shop.get("/api/v1/books/9780262033848").await["id"].is_i64(), "the row behind the stray quote");

    let again = run(place.path(), &ARGS);
    assert_eq!(again.out, "created 0, updated 2, unchanged 4, rejected 8 (see messy.csv.rejects.csv)\n");
    assert_eq!(shop.get("/api/v1/books").await["items"].as_array().unwrap().len(), 5);
    assert!(shop.stop().success());
}

#[tokio::test]
async fn where_no_shop_runs_the_data_directory_itself_is_filled() {
    let place = Place::new();
    place.file("messy.csv", MESSY);
    check_messy(&place, &run(place.path(), &ARGS));
    assert!(!place.data_dir().join("shop.json").exists());
    place.file("good.csv", "sku,title,topic,price\nmug-1,A mug,gifts,4\n");
    let good = run(place.path(), &["import", "good.csv"]);
    assert_eq!(
        (good.code, good.out.as_str()),
        (Some(0), "created 1, updated 0, unchanged 0, rejected 0\n"),
        "{good:?}"
    );
    assert!(!place.path().join("good.csv.rejects.csv").exists());
    let shop = Shop::up(&place, &[]);
    assert_eq!(shop.get("/api/v1/books").await["items"].as_array().unwrap().len(), 6, "no demo beside one's own books");
    assert!(shop.stop().success());
}

#[test]
fn a_data_directory_that_another_process_holds_is_left_alone() {
    let place = Place::new();
    place.file("good.csv", "sku,title,topic,price\nmug-1,A mug,gifts,4\n");
    let catalog = Shop::start(&place, &["serve", "catalog", "--listen", "127.0.0.1:0"]);
    let refused = run(place.path(), &["import", "good.csv"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("catalog.db is in use by another process"), "{refused:?}");
    assert!(catalog.stop().success());
    let nobody = run(place.path(), &["import", "good.csv", "--url", "http://127.0.0.1:1"]);
    assert_eq!(nobody.code, Some(1), "{nobody:?}");
    assert!(nobody.err.contains("no shop answers at http://127.0.0.1:1/"), "{nobody:?}");
}

#[test]
fn what_would_go_wrong_for_every_row_is_said_before_the_first() {
    let place = Place::new();
    place.file("books.csv", "title,price\nA book,4\n");
    for (args, reason) in [
        (&["import", "nothing.csv"][..], "nothing.csv: No such file"),
        (&["import", "books.csv"], "--map isbn=COLUMN (title, price)"),
        (&["import", "books.csv", "--map", "isbn=isbn13"], "there is no such column; columns are title, price"),
        (&["import", "books.csv", "--map", "isbn=title", "--default", "stock=some"], "is not a whole number"),
        (&["import", "books.csv", "--map", "isbn=title", "--rejects", "books.csv"], "is the file to import"),
    ] {
        let refused = run(place.path(), args);
        assert_eq!((refused.code, refused.out.as_str()), (Some(1), ""), "{refused:?}");
        assert!(refused.err.contains(reason), "{refused:?}");
    }
    assert_eq!(place.read("books.csv"), "title,price\nA book,4\n");
    assert!(!place.data_dir().exists());
}

/// Rows in one request.
const BATCH_ROWS: usize = 1_000;

/// Rows enough for several batches, with copies that a second import must not receive again.
fn many_rows(rows: usize) -> String {
    let row = |number: usize| format!("sku-{number},Book {number},topic,1.{:02},{}\n", number % 100, number % 7);
    std::iter::once("sku,title,topic,price,stock\n".to_owned()).chain((0..rows).map(row)).collect()
}

#[tokio::test]
async fn a_batch_whose_answer_is_lost_is_sent_again_and_received_once() {
    let place = Place::new();
    let rows = 2 * BATCH_ROWS + 200;
    place.file("many.csv", many_rows(rows));
    let shop = Shop::up(&place, &["--no-demo"]);
    let link = Link::to(&shop.url).await;
    let (url, key) = (link.url.clone(), shop.credential.1.clone());
    let folder = place.path().to_owned();
    let import =
        tokio::task::spawn_blocking(move || run(&folder, &["import", "many.csv", "--url", &url, "--api-key", &key]));
    let ended = import.await.unwrap();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(link.imports.load(Ordering::SeqCst), 4, "three batches, one of them twice");
    let created = rows - BATCH_ROWS;
    assert_eq!(ended.out, format!("created {created}, updated 0, unchanged {BATCH_ROWS}, rejected 0\n"));

    let (mut path, mut books, mut copies) = ("/api/v1/books?limit=200".to_owned(), 0, 0);
    loop {
        let page = shop.get(&path).await;
        let items = page["items"].as_array().unwrap();
        books += items.len();
        copies += items.iter().map(|book| book["on_hand"].as_u64().unwrap()).sum::<u64>();
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/api/v1/books?limit=200&cursor={cursor}");
    }
    assert_eq!((books, copies), (rows, (0..rows as u64).map(|number| number % 7).sum()));
    assert!(shop.stop().success());
}

/// The first batch is sent twice. Were the second one under way meanwhile, what it says of the book would be undone.
#[tokio::test]
async fn what_the_file_says_of_a_book_counts_in_its_order_though_a_batch_is_sent_again() {
    let place = Place::new();
    let mut rows: Vec<String> = many_rows(2 * BATCH_ROWS).split_inclusive('\n').map(str::to_owned).collect();
    rows[BATCH_ROWS + 1] = "sku-0,Said again,topic,1.00,0\n".to_owned();
    place.file("twice.csv", rows.concat());
    let shop = Shop::up(&place, &["--no-demo"]);
    let link = Link::to(&shop.url).await;
    let (url, key) = (link.url.clone(), shop.credential.1.clone());
    let folder = place.path().to_owned();
    let import =
        tokio::task::spawn_blocking(move || run(&folder, &["import", "twice.csv", "--url", &url, "--api-key", &key]));
    let ended = import.await.unwrap();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(link.imports.load(Ordering::SeqCst), 3, "two batches, one of them twice");
    let found = shop.get("/api/v1/books?sku=sku-0").await;
    assert_eq!(found["items"][0]["title"], "Said again");
    assert!(shop.stop().success());
}

/// A way to the shop on which the answer to the first import is lost.
struct Link {
    url: String,
    imports: Arc<AtomicUsize>,
}

impl Link {
    async fn to(shop: &str) -> Link {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shop = shop.strip_prefix("http://").unwrap().to_owned();
        let imports = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&imports);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, TcpStream::connect(shop.clone()).await.unwrap(), Arc::clone(&counter)));
            }
        });
        Link { url, imports }
    }
}

async fn carry(client: TcpStream, shop: TcpStream, imports: Arc<AtomicUsize>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_shop, mut to_shop) = shop.into_split();
    let lose = Arc::new(AtomicBool::new(false));
    let losing = Arc::clone(&lose);
    tokio::spawn(async move {
        let mut bytes = [0; 16 * 1024];
        while let Ok(read @ 1..) = from_client.read(&mut bytes).await {
            let begins = bytes[..read].starts_with(b"POST /api/v1/imports");
            if begins && imports.fetch_add(1, Ordering::SeqCst) == 0 {
                losing.store(true, Ordering::SeqCst);
            }
            to_shop.write_all(&bytes[..read]).await.unwrap();
        }
    });
    let mut bytes = [0; 16 * 1024];
    while let Ok(read @ 1..) = from_shop.read(&mut bytes).await {
        // The shop has answered, so the rows are in; both ends are closed and nobody hears of it.
        if lose.load(Ordering::SeqCst) || to_client.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn a_mended_file_of_rejects_can_be_imported() {
    let place = Place::new();
    place.file("messy.csv", MESSY);
    run(place.path(), &ARGS);
    let rejects = place.read("messy.csv.rejects.csv");
    let mended = rejects.replace("61120082", "61120081").replace("9.999,many", "9.99,1").replace('\u{fffd}', "ei");
    place.file("mended.csv", mended);
    let mut args = ARGS;
    args[1] = "mended.csv";
    let ended = run(place.path(), &args);
    assert!(ended.out.starts_with("created 1, updated 1, unchanged 1, rejected 5 "), "{ended:?}");
    let report: Value = serde_json::from_str(&run(place.path(), &["audit", "--json"]).out).unwrap();
    assert_eq!(report["ok"], true, "{report}");
}
