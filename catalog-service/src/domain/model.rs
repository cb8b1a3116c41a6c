//! The whole of stock and takings as a pure state machine.
//!
//! It answers what the SQL must answer, one command after another, and is small enough for a model checker to walk. The
//! tests hold the service against it.

use std::collections::BTreeMap;

use shared_types::{BookId, Money, TakingId, limits::MAX_BOOK_COPIES, takings::TakingView};

use super::{
    stock::StockChange,
    taking::{Asked, OnShelf, given_back, obstacle, refused, taken, taken_line},
};

/// All books and all takings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Shelf {
    pub books: BTreeMap<BookId, ShelvedBook>,
    pub takings: BTreeMap<TakingId, Decided>,
}

/// A book and the counts of where its copies came from and went to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ShelvedBook {
    pub book: OnShelf,
    pub received: i64,
    pub adjusted: i64,
    pub taken: i64,
}

/// A taking that was decided.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decided {
    /// None for a tombstone.
    pub asked: Option<Asked>,
    pub answer: TakingView,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Command {
    Take { taking_id: TakingId, asked: Asked },
    GiveBack { taking_id: TakingId },
    Adjust { book_id: BookId, change: StockChange },
    Reprice { book_id: BookId, price: Money },
    Withdraw { book_id: BookId },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Answer {
    /// What became of the taking.
    Taking(TakingView),
    /// The taking's id was used for other lines.
    IdReused,
    /// The book is not there.
    Gone,
    /// The stock would leave its bounds.
    OutOfBounds,
    Done,
}

/// The next shelf, and what is answered. The shelf is the same where nothing was done.
pub fn apply(shelf: &Shelf, command: &Command) -> (Shelf, Answer) {
    let mut next = shelf.clone();
    let answer = match command {
        Command::Take { taking_id, asked } => next.take(*taking_id, asked),
        Command::GiveBack { taking_id } => next.give_back(*taking_id),
        Command::Adjust { book_id, change } => next.adjust(*book_id, *change),
        Command::Reprice { book_id, price } => next.change(*book_id, |book| book.price = *price),
        Command::Withdraw { book_id } => next.change(*book_id, |book| book.gone = true),
    };
    (next, answer)
}

impl Shelf {
    fn take(&mut self, taking_id: TakingId, asked: &Asked) -> Answer {
        if let Some(decided) = self.takings.get(&taking_id) {
            let same = decided.asked.as_ref().is_none_or(|before| before == asked);
            return if same { Answer::Taking(decided.answer.clone()) } else { Answer::IdReused };
        }
        let book = |id| self.books.get(&id).map(|shelved| &shelved.book);
        let obstacles: Vec<_> = asked.lines.iter().filter_map(|line| obstacle(line, book(line.book_id))).collect();
        let answer = if obstacles.is_empty() {
            let mut lines = Vec::new();
            for line in &asked.lines {
                let Some(shelved) = self.books.get_mut(&line.book_id) else { continue };
                shelved.book.on_hand -= line.quantity;
                shelved.taken += line.quantity;
                lines.push(taken_line(line, shelved.book.title.clone(), shelved.book.isbn, shelved.book.price));
            }
            taken(taking_id, lines)
        } else {
            refused(taking_id, obstacles)
        };
        self.takings.insert(taking_id, Decided { asked: Some(asked.clone()), answer: answer.clone() });
        Answer::Taking(answer)
    }

    fn give_back(&mut self, taking_id: TakingId) -> Answer {
        let tombstone = || Decided { asked: None, answer: given_back(taking_id, Vec::new()) };
        let decided = self.takings.entry(taking_id).or_insert_with(tombstone);
        if decided.answer.state == shared_types::takings::TakingState::Taken {
            decided.answer = given_back(taking_id, std::mem::take(&mut decided.answer.lines));
            for line in &decided.answer.lines {
                let Some(shelved) = self.books.get_mut(&line.book_id) else { continue };
                shelved.book.on_hand += line.quantity;
                shelved.taken -= line.quantity;
            }
        }
        Answer::Taking(decided.answer.clone())
    }

    fn adjust(&mut self, book_id: BookId, change: StockChange) -> Answer {
        let Some(shelved) = self.books.get_mut(&book_id).filter(|shelved| !shelved.book.gone) else {
            return Answer::Gone;
        };
        let on_hand = match change {
            StockChange::By(delta) => shelved.book.on_hand + delta,
            StockChange::To(counted) => counted,
        };
        // Copies given back may have carried the stock over its bound; it may always go down again.
        if on_hand < 0 || (on_hand > MAX_BOOK_COPIES && on_hand > shelved.book.on_hand) {
            return Answer::OutOfBounds;
        }
        shelved.adjusted += on_hand - shelved.book.on_hand;
        shelved.book.on_hand = on_hand;
        Answer::Done
    }

    fn change(&mut self, book_id: BookId, change: impl FnOnce(&mut OnShelf)) -> Answer {
        match self.books.get_mut(&book_id).filter(|shelved| !shelved.book.gone) {
            None => Answer::Gone,
            Some(shelved) => {
                change(&mut shelved.book);
                Answer::Done
            }
        }
    }

    /// Whether every copy is accounted for, as the database's own checks have it.
    pub fn is_conserved(&self) -> bool {
        let accounted = |shelved: &ShelvedBook| {
            let ShelvedBook { book, received, adjusted, taken } = shelved;
            book.on_hand >= 0 && *taken >= 0 && received + adjusted == book.on_hand + taken
        };
        self.books.values().all(accounted)
    }
}
