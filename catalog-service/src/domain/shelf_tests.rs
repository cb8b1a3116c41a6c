//! Every command × every shelf that a book and a taking can be in: what is left, and what is answered.

use std::collections::BTreeMap;

use shared_types::{
    BookId, Currency, Money, TakingId,
    limits::MAX_BOOK_COPIES,
    takings::{RefusalReason, RefusedLine, TakingState, TakingView},
};

use super::{
    model::{Answer, Command, Decided, Shelf, ShelvedBook, apply},
    stock::StockChange,
    taking::{Accepted, Asked, AskedLine, OnShelf, given_back, refused, taken, taken_line},
};

const PRICE: Money = Money { minor: 1299, currency: Currency::USD };

fn taking(attempt: u32) -> TakingId {
    format!("01936f2e-7b1c-7cc3-98c4-dc0c0c07398f:{attempt}").parse().expect("a taking's id")
}

fn book(number: i64) -> BookId {
    BookId::new(number).expect("a book's number")
}

/// So many copies of a book, of five that were received.
fn shelved(number: i64, on_hand: i64) -> (BookId, ShelvedBook) {
    let on_shelf = OnShelf { title: format!("Book {number}"), isbn: None, price: PRICE, on_hand, gone: false };
    (book(number), ShelvedBook { book: on_shelf, received: 5, adjusted: on_hand - 5, taken: 0 })
}

/// Two books, three copies of the first and one of the second.
fn shelf() -> Shelf {
    Shelf { books: BTreeMap::from([shelved(1, 3), shelved(2, 1)]), takings: BTreeMap::new() }
}

fn asked(lines: &[(i64, i64)]) -> Asked {
    let line = |&(number, quantity)| AskedLine { book_id: book(number), quantity, price: Accepted::ANY };
    Asked { lines: lines.iter().map(line).collect() }
}

fn take(shelf: &Shelf, attempt: u32, asked: Asked) -> (Shelf, Answer) {
    apply(shelf, &Command::Take { taking_id: taking(attempt), asked })
}

fn give_back(shelf: &Shelf, attempt: u32) -> (Shelf, Answer) {
    apply(shelf, &Command::GiveBack { taking_id: taking(attempt) })
}

fn adjust(shelf: &Shelf, change: StockChange) -> (Shelf, Answer) {
    apply(shelf, &Command::Adjust { book_id: book(1), change })
}

/// What a taking of these lines holds.
fn held(attempt: u32, asked: &Asked) -> TakingView {
    let line = |line: &AskedLine| taken_line(line, format!("Book {}", line.book_id), None, PRICE);
    taken(taking(attempt), asked.lines.iter().map(line).collect())
}

fn refusal(number: i64, reason: RefusalReason) -> RefusedLine {
    let title = Some(format!("Book {number}"));
    RefusedLine { book_id: book(number), reason, available: None, price: None, title }
}

/// Copies of the first book: on hand, received, adjusted, taken.
fn counts(shelf: &Shelf) -> (i64, i64, i64, i64) {
    let ShelvedBook { book, received, adjusted, taken } = &shelf.books[&book(1)];
    (book.on_hand, *received, *adjusted, *taken)
}

#[test]
fn a_taking_takes_all_of_its_lines_and_remembers_them() {
    let all = asked(&[(1, 3), (2, 1)]);
    let (after, answer) = take(&shelf(), 1, all.clone());
    assert_eq!(answer, Answer::Taking(held(1, &all)));
    assert_eq!(counts(&after), (0, 5, -2, 3));
    assert_eq!((after.books[&book(2)].book.on_hand, after.books[&book(2)].taken), (0, 1));
    let remembered = Decided { asked: Some(all.clone()), answer: held(1, &all) };
    assert_eq!(after.takings, BTreeMap::from([(taking(1), remembered)]));
    assert!(after.is_conserved());
}

#[test]
fn one_line_that_cannot_be_taken_refuses_them_all_for_ever() {
    let too_many = asked(&[(1, 4), (2, 1), (3, 1)]);
    let (after, answer) = take(&shelf(), 1, too_many.clone());
    let sold_out = RefusedLine { available: Some(3), ..refusal(1, RefusalReason::SoldOut) };
    let gone = RefusedLine { title: None, ..refusal(3, RefusalReason::Gone) };
    assert_eq!(answer, Answer::Taking(refused(taking(1), vec![sold_out, gone])));
    assert_eq!(after.books, shelf().books);
    let (restocked, _) = adjust(&after, StockChange::To(100));
    assert_eq!(take(&restocked, 1, too_many), (restocked, answer));
}

#[test]
fn a_book_is_taken_at_the_price_that_was_shown_or_not_at_all() {
    for (shown, fits) in [(1298, false), (1299, true), (1300, false)] {
        let price = Accepted::only(Money { minor: shown, currency: Currency::USD });
        let lines = vec![AskedLine { book_id: book(1), quantity: 1, price }];
        let (after, answer) = take(&shelf(), 1, Asked { lines });
        let changed = RefusedLine { price: Some(PRICE.amount()), ..refusal(1, RefusalReason::PriceChanged) };
        let expected = if fits { held(1, &asked(&[(1, 1)])) } else { refused(taking(1), vec![changed]) };
        assert_eq!((answer, counts(&after).0), (Answer::Taking(expected), if fits { 2 } else { 3 }), "{shown}");
    }
}

#[test]
fn a_taking_repeated_takes_nothing_and_its_id_stands_for_its_lines() {
    let one = asked(&[(1, 1)]);
    let (after, answer) = take(&shelf(), 1, one.clone());
    assert_eq!(take(&after, 1, one.clone()), (after.clone(), answer));
    assert_eq!(take(&after, 1, asked(&[(1, 2)])), (after.clone(), Answer::IdReused));
    assert_eq!(counts(&take(&after, 2, one).0), (1, 5, -2, 2));
}

#[test]
fn what_was_taken_is_given_back_once_and_never_taken_again() {
    let both = asked(&[(1, 2), (2, 1)]);
    let (after, _) = take(&shelf(), 1, both.clone());
    let (back, answer) = give_back(&after, 1);
    assert_eq!(answer, Answer::Taking(given_back(taking(1), held(1, &both).lines)));
    assert_eq!(back.books, shelf().books);
    assert_eq!(give_back(&back, 1), (back.clone(), answer.clone()));
    assert_eq!(take(&back, 1, both), (back, answer));
}

#[test]
fn what_was_given_back_before_it_was_taken_stays_on_the_shelf() {
    let (after, answer) = give_back(&shelf(), 1);
    assert_eq!(answer, Answer::Taking(given_back(taking(1), Vec::new())));
    assert_eq!(take(&after, 1, asked(&[(1, 1)])), (after.clone(), answer));
    assert_eq!(after.books, shelf().books);
}

#[test]
fn what_was_refused_is_not_given_back() {
    let (after, answer) = take(&shelf(), 1, asked(&[(1, 4)]));
    assert_eq!(give_back(&after, 1), (after, answer));
}

#[test]
fn a_stock_is_adjusted_within_its_bounds() {
    let most = MAX_BOOK_COPIES;
    for (change, on_hand) in [
        (StockChange::By(2), Some(5)),
        (StockChange::By(-3), Some(0)),
        (StockChange::By(-4), None),
        (StockChange::By(most - 3), Some(most)),
        (StockChange::By(most - 2), None),
        (StockChange::To(0), Some(0)),
        (StockChange::To(-1), None),
        (StockChange::To(most), Some(most)),
        (StockChange::To(most + 1), None),
    ] {
        let (after, answer) = adjust(&shelf(), change);
        match on_hand {
            Some(left) => assert_eq!((answer, counts(&after)), (Answer::Done, (left, 5, left - 5, 0)), "{change:?}"),
            None => assert_eq!((after, answer), (shelf(), Answer::OutOfBounds), "{change:?}"),
        }
    }
}

#[test]
fn copies_that_came_back_over_the_bound_may_only_become_fewer() {
    let (after, _) = take(&shelf(), 1, asked(&[(1, 3)]));
    let (full, _) = adjust(&after, StockChange::To(MAX_BOOK_COPIES));
    let (over, _) = give_back(&full, 1);
    assert_eq!(counts(&over).0, MAX_BOOK_COPIES + 3);
    for (delta, done) in [(1, false), (0, true), (-1, true)] {
        let expected = if done { Answer::Done } else { Answer::OutOfBounds };
        assert_eq!(adjust(&over, StockChange::By(delta)).1, expected, "{delta}");
    }
}

#[test]
fn a_new_price_and_a_withdrawal_reach_books_that_are_there() {
    let dearer = Money { minor: 1499, currency: Currency::USD };
    let (repriced, answer) = apply(&shelf(), &Command::Reprice { book_id: book(1), price: dearer });
    assert_eq!((answer, repriced.books[&book(1)].book.price), (Answer::Done, dearer));
    let (withdrawn, answer) = apply(&repriced, &Command::Withdraw { book_id: book(1) });
    assert_eq!((answer, withdrawn.books[&book(1)].book.gone), (Answer::Done, true));
    for command in [
        Command::Reprice { book_id: book(1), price: PRICE },
        Command::Withdraw { book_id: book(1) },
        Command::Withdraw { book_id: book(3) },
        Command::Adjust { book_id: book(1), change: StockChange::By(1) },
        Command::Adjust { book_id: book(3), change: StockChange::By(1) },
    ] {
        assert_eq!(apply(&withdrawn, &command), (withdrawn.clone(), Answer::Gone), "{command:?}");
    }
    let (after, answer) = take(&withdrawn, 1, asked(&[(1, 1)]));
    assert_eq!(answer, Answer::Taking(refused(taking(1), vec![refusal(1, RefusalReason::Gone)])));
    assert_eq!(after.books, withdrawn.books);
}

#[test]
fn copies_of_a_withdrawn_book_come_back_all_the_same() {
    let (after, _) = take(&shelf(), 1, asked(&[(1, 2)]));
    let (withdrawn, _) = apply(&after, &Command::Withdraw { book_id: book(1) });
    let (back, answer) = give_back(&withdrawn, 1);
    assert!(matches!(answer, Answer::Taking(TakingView { state: TakingState::GivenBack, .. })));
    assert_eq!(counts(&back), (3, 5, -2, 0));
}

#[test]
fn copies_are_conserved_only_where_the_counts_say_so() {
    let with = |on_hand, received, adjusted, taken| {
        let mut shelf = shelf();
        let (_, mut counted) = shelved(1, on_hand);
        (counted.received, counted.adjusted, counted.taken) = (received, adjusted, taken);
        shelf.books.insert(book(1), counted);
        shelf.is_conserved()
    };
    assert!(with(3, 5, -1, 1) && with(0, 5, -5, 0) && with(0, 1, 0, 1));
    assert!(!with(3, 5, -1, 2) && !with(2, 5, -1, 1) && !with(3, 5, 0, 1) && !with(3, 4, -1, 1));
    assert!(!with(-1, 5, -5, 1) && !with(1, 0, 0, -1));
}
