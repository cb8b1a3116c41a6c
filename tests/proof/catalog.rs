//! The catalog: its own model, which the SQL is tested against, and what becomes of it without its mechanisms.

use catalog_service::domain::{
    model::{Answer, Command, Shelf, apply},
    taking::{Accepted, Asked, AskedLine, obstacle},
};
use shared_types::{TakingId, takings::TakingState};

use crate::{mutants::Mutant, promise::Broken, scope::Rules};

/// The shelf after a command, the answer, and what that broke.
pub fn asked(rules: Rules, before: &Shelf, command: &Command) -> (Shelf, Answer, Option<Broken>) {
    let (after, answer) = match command {
        Command::Take { taking_id, asked } => take(rules, before, *taking_id, asked),
        Command::GiveBack { taking_id } => give_back(rules, before, *taking_id),
        Command::Adjust { .. } | Command::Reprice { .. } | Command::Withdraw { .. } => apply(before, command),
    };
    let broken = match command {
        Command::Take { taking_id, asked } => broken_by_take(before, &after, *taking_id, asked),
        Command::GiveBack { .. } | Command::Adjust { .. } | Command::Reprice { .. } | Command::Withdraw { .. } => None,
    };
    (after, answer, broken)
}

/// In the instant in which copies are taken, their book is for sale at the price that was shown.
fn broken_by_take(before: &Shelf, after: &Shelf, id: TakingId, asked: &Asked) -> Option<Broken> {
    let is_taken = |shelf: &Shelf| shelf.takings.get(&id).is_some_and(|d| d.answer.state == TakingState::Taken);
    let for_sale = |line: &AskedLine| {
        let book = before.books.get(&line.book_id).map(|shelved| &shelved.book);
        book.is_some_and(|book| !book.gone && line.price.contains(book.price))
    };
    let sold_now = is_taken(after) && !is_taken(before);
    (sold_now && !asked.lines.iter().all(for_sale)).then_some(Broken::G5)
}

fn take(rules: Rules, before: &Shelf, taking_id: TakingId, asked: &Asked) -> (Shelf, Answer) {
    let command = Command::Take { taking_id, asked: asked.clone() };
    let known = before.takings.get(&taking_id).map(|decided| decided.answer.state);
    let mut shelf = before.clone();
    match rules.mutant {
        Some(Mutant::RefusalNotSticky) if known == Some(TakingState::Refused) => {
            shelf.takings.remove(&taking_id);
            apply(&shelf, &command)
        }
        Some(Mutant::NoCompareInTheDecrement) => {
            change_copies(&mut shelf, asked, 1, 0);
            let (mut after, answer) = apply(&shelf, &command);
            change_copies(&mut after, asked, -1, 0);
            (after, answer)
        }
        Some(Mutant::PartialTake) if known.is_none() => {
            let (mut after, answer) = apply(&shelf, &command);
            if after.takings[&taking_id].answer.state == TakingState::Refused {
                let book = |line: &AskedLine| before.books.get(&line.book_id).map(|shelved| &shelved.book);
                let free = asked.lines.iter().copied().filter(|line| obstacle(line, book(line)).is_none());
                change_copies(&mut after, &Asked { lines: free.collect() }, -1, 1);
            }
            (after, answer)
        }
        Some(Mutant::PriceUnchecked) => {
            let any = |line: &AskedLine| AskedLine { price: Accepted::ANY, ..*line };
            let asked = Asked { lines: asked.lines.iter().map(any).collect() };
            apply(&shelf, &Command::Take { taking_id, asked })
        }
        Some(Mutant::DeletionUnchecked) => {
            shelf.books.values_mut().for_each(|shelved| shelved.book.gone = false);
            let (mut after, answer) = apply(&shelf, &command);
            for (id, shelved) in &mut after.books {
                shelved.book.gone = before.books[id].book.gone;
            }
            (after, answer)
        }
        Some(_) | None => apply(&shelf, &command),
    }
}

fn give_back(rules: Rules, before: &Shelf, taking_id: TakingId) -> (Shelf, Answer) {
    let known = before.takings.get(&taking_id);
    let (mut after, answer) = apply(before, &Command::GiveBack { taking_id });
    if rules.has(Mutant::NoTombstoneOnGiveBack) && known.is_none() {
        after.takings.remove(&taking_id);
    }
    if rules.has(Mutant::GiveBackNotIdempotent)
        && let Some(decided) = known.filter(|decided| decided.answer.state == TakingState::GivenBack)
        && let Some(asked) = &decided.asked
        && after.books.values().all(|shelved| shelved.taken >= 0)
    {
        change_copies(&mut after, asked, 1, -1);
    }
    (after, answer)
}

fn change_copies(shelf: &mut Shelf, asked: &Asked, on_hand: i64, taken: i64) {
    for line in &asked.lines {
        if let Some(shelved) = shelf.books.get_mut(&line.book_id) {
            shelved.book.on_hand += on_hand * line.quantity;
            shelved.taken += taken * line.quantity;
        }
    }
}
