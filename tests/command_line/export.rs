use std::fs;

use crate::shop::{Place, Shop, run};

#[tokio::test]
async fn what_is_exported_is_imported_as_it_was() {
    let place = Place::new();
    let table = "sku,isbn,title,author,topic,first_year,price,stock,warn_limit\n\
        9780140449136,9780140449136,\"The Odyssey, \"\"new\"\"\",Homer,epics,-725,9.50,25,3\n\
        mug-1,,A mug,,gifts,,4.00,0,0\n\
        zh-1,9780262033848,算法导论,\"Cormen, Leiserson\",computing,2009,89.99,3,1\n";
    place.file("books.csv", table);
    assert_eq!(run(place.path(), &["import", "books.csv"]).code, Some(0));
    let exported = run(place.path(), &["export"]);
    assert_eq!((exported.code, exported.out.as_str()), (Some(0), table), "{exported:?}");

    let elsewhere = Place::new();
    elsewhere.file("books.csv", exported.out);
    assert_eq!(run(elsewhere.path(), &["import", "books.csv"]).code, Some(0));
    assert_eq!(run(elsewhere.path(), &["export"]).out, table);
}

#[tokio::test]
async fn every_book_is_exported_once_however_many_pages_it_takes() {
    let place = Place::new();
    let shop = Shop::up(&place, &[]);
    let exported = run(place.path(), &["export", "--out", "demo.csv"]);
    assert_eq!((exported.code, exported.out.as_str()), (Some(0), ""), "{exported:?}");
    let text = place.read("demo.csv");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let isbns: Vec<String> = reader.records().map(|record| record.unwrap()[1].to_owned()).collect();
    let demo = include_str!("../../data/demo-books.csv");
    let mut demo = csv::Reader::from_reader(demo.as_bytes());
    let expected: Vec<String> = demo.records().map(|record| record.unwrap()[0].to_owned()).collect();
    assert_eq!(isbns, expected);
    let again = run(place.path(), &["import", "demo.csv"]);
    assert_eq!(again.out, "created 0, updated 0, unchanged 1000, rejected 0\n", "{again:?}");
    assert!(shop.stop().success());
}

#[test]
fn a_file_is_written_whole_or_not_at_all() {
    let place = Place::new();
    place.file("books.csv", "what was there before");
    let refused = run(place.path(), &["export", "--out", "books.csv", "--url", "http://127.0.0.1:1"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert_eq!(place.read("books.csv"), "what was there before");
    let nowhere = run(place.path(), &["export"]);
    assert_eq!((nowhere.code, nowhere.out.as_str()), (Some(1), ""), "{nowhere:?}");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "no shop is founded to be exported");
}
