//! What everybody did and saw during a storm, written down with its times: afterwards one order of all of it must explain
//! every answer, book by book and order by order.

/// Whether one order explains a history.
mod check;
/// Histories that were made up.
#[cfg(test)]
mod doctored;
/// Those who act and write down what they see.
mod witness;

use std::{collections::BTreeMap, sync::atomic::Ordering};

use shared_types::{BookId, OrderId};

use self::{
    check::{Op, Sight, in_one_order, never_backwards},
    witness::{Notes, Witness},
};
use crate::{cluster::Cluster, seed::Seed, storms};

const BOOKS: usize = 3;
/// Copies of each book at the beginning. The staff sees to it that there are always few.
const COPIES: i64 = 4;
const BUYERS: u64 = 6;
const READERS: u64 = 2;

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_seen_of_stock_and_orders_in_a_storm_happened_in_one_order() {
    let seed = Seed::of("histories::all_that_is_seen_of_stock_and_orders_in_a_storm_happened_in_one_order");
    let mut shop = Cluster::start().await;
    let mut books = Vec::new();
    for number in 0..BOOKS {
        books.push(shop.book(&format!("Witnessed {number}"), COPIES).await);
    }
    let notes = Notes::begin();
    let witness = |whose| Witness::new(&shop, &books, &notes, seed.dice(whose));
    let mut witnesses = tokio::task::JoinSet::new();
    (0..BUYERS).for_each(|buyer| drop(witnesses.spawn(witness(100 + buyer).buys())));
    (0..READERS).for_each(|reader| drop(witnesses.spawn(witness(200 + reader).reads())));
    witnesses.spawn(witness(300).adjusts());
    let mut dice = seed.dice(0);
    let enough = |kills| kills > 2 && notes.deeds() > 300 && notes.sights() > 100;
    let kills = storms::kill_while(&mut shop, &mut dice, storms::anyone, storms::until(enough)).await;
    notes.over.store(true, Ordering::SeqCst);
    witnesses.join_all().await;
    let (stock, orders) = notes.take();
    judge_stock(&books, stock, kills);
    judge_orders(orders);
    shop.finish().await;
}

fn judge_stock(books: &[BookId], stock: BTreeMap<BookId, Vec<Op>>, kills: usize) {
    let mut deeds = 0;
    let mut situations = 0;
    for book in books {
        let history = &stock[book];
        deeds += history.len();
        match in_one_order(COPIES, history) {
            Ok(looked_at) => situations += looked_at,
            Err(contradiction) => panic!("book {book}: no order explains {contradiction:#?}"),
        }
    }
    eprintln!("{kills} kills, {deeds} deeds with {BOOKS} books are in one order, found in {situations} situations");
}

fn judge_orders(orders: BTreeMap<OrderId, Vec<Sight>>) {
    let sights: usize = orders.values().map(Vec::len).sum();
    for (order, seen) in &orders {
        if let Err(two) = never_backwards(seen) {
            panic!("order {order} was seen as {two:#?}");
        }
    }
    eprintln!("{} orders were seen {sights} times, and never as they had been before", orders.len());
}

/// One writer and reader for each of these books, through the gateway and what it keeps.
#[tokio::test(flavor = "multi_thread")]
async fn everybody_sees_what_he_has_written_whoever_dies_meanwhile() {
    let seed = Seed::of("histories::everybody_sees_what_he_has_written_whoever_dies_meanwhile");
    let mut shop = Cluster::start().await;
    let notes = Notes::begin();
    let mut authors = tokio::task::JoinSet::new();
    for author in 0..BUYERS {
        let book = shop.book(&format!("Written by {author}"), 1_000).await;
        authors.spawn(Witness::new(&shop, &[book], &notes, seed.dice(100 + author)).reads_what_it_writes());
    }
    let mut dice = seed.dice(0);
    let enough = |kills| kills > 2 && notes.written.load(Ordering::SeqCst) > 50;
    let kills = storms::kill_while(&mut shop, &mut dice, storms::anyone, storms::until(enough)).await;
    notes.over.store(true, Ordering::SeqCst);
    authors.join_all().await;
    let written = notes.written.load(Ordering::SeqCst);
    eprintln!("{kills} kills, {written} writes were read by whoever had made them");
    shop.finish().await;
}
