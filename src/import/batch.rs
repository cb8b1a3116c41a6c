use std::{collections::HashSet, sync::Arc};

use reqwest::Method;
use shared_types::{
    Cell, FieldError, Isbn,
    books::{ImportAnswer, ImportOutcome, ImportRequest, ImportResult, ImportRow},
    limits::MAX_IMPORT_BYTES,
};

use super::{Plan, Record, Tally, rejects::Rejects};
use crate::{CommandError, door::Door};

/// Rows in one request. Few enough for one short transaction, many enough that the round trip does not show.
const BATCH_ROWS: usize = 1_000;
/// Bytes of rows after which a batch is sent. Another row of any size still fits into a request.
const BATCH_BYTES: usize = MAX_IMPORT_BYTES / 2;

/// Rows in the order of the file: those to be sent, and those that were found bad before.
#[derive(Default)]
pub(super) struct Batch {
    entries: Vec<Entry>,
    bytes: usize,
}

struct Entry {
    line: u64,
    cells: Vec<String>,
    fate: Result<ImportRow, Vec<FieldError>>,
}

impl Batch {
    pub(super) fn add(&mut self, record: Record, plan: &Plan) {
        let entry = match record {
            Record::Row { line, cells } => Entry { line, fate: plan.row(line, &cells), cells },
            Record::Bad { line, cells, reason } => {
                Entry { line, cells, fate: Err(vec![FieldError { field: String::new(), detail: reason }]) }
            }
        };
        self.bytes += match &entry.fate {
            Ok(row) => serde_json::to_vec(row).map_or(0, |json| json.len()),
            Err(_) => entry.cells.iter().map(String::len).sum(),
        };
        self.entries.push(entry);
    }

    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= BATCH_ROWS || self.bytes >= BATCH_BYTES
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The books that it is about, by every name that it has for them.
    pub(super) fn books(&self) -> HashSet<String> {
        let rows = self.entries.iter().filter_map(|entry| entry.fate.as_ref().ok());
        let names = |row: &ImportRow| {
            // In one spelling, of the many that an ISBN has.
            let isbn = row.isbn.as_ref().and_then(Cell::text);
            let isbn = isbn.map(|text| text.parse::<Isbn>().map_or_else(|_| text.to_owned(), |isbn| isbn.to_string()));
            [isbn, row.sku.as_ref().and_then(Cell::text).map(|sku| format!("sku {sku}"))]
        };
        rows.flat_map(names).flatten().collect()
    }

    /// Sends what is good.
    ///
    /// A batch whose answer is lost is sent again: the rows that went in are then reported as unchanged.
    pub(super) async fn send(self, door: Arc<Door>) -> Result<Answered, CommandError> {
        let rows: Vec<ImportRow> = self.entries.iter().filter_map(|entry| entry.fate.as_ref().ok().cloned()).collect();
        let sent = rows.len();
        let results = if sent == 0 { Vec::new() } else { ask(&door, rows).await? };
        if results.len() != sent {
            return Err(CommandError::Shop(format!("{} rows were sent, {} answered", sent, results.len())));
        }
        Ok(Answered { entries: self.entries, results })
    }
}

/// A batch with what became of its rows.
pub(super) struct Answered {
    entries: Vec<Entry>,
    results: Vec<ImportResult>,
}

impl Answered {
    /// Records what became of every row, in the order of the file.
    pub(super) fn record(self, rejects: &mut Rejects, tally: &mut Tally) -> Result<(), CommandError> {
        let mut results = self.results.into_iter();
        for entry in self.entries {
            let (outcome, errors) = match entry.fate {
                Err(errors) => (ImportOutcome::Rejected, errors),
                Ok(_) => {
                    let result = results.next().expect("BUG: there are as many results as rows");
                    (result.outcome, result.errors)
                }
            };
            tally.count(outcome);
            if outcome == ImportOutcome::Rejected {
                rejects.add(entry.line, &errors, &entry.cells)?;
            }
        }
        Ok(())
    }
}

async fn ask(door: &Door, rows: Vec<ImportRow>) -> Result<Vec<ImportResult>, CommandError> {
    let answer: ImportAnswer = door.ask(Method::POST, "/api/v1/imports", Some(&ImportRequest { rows })).await?;
    Ok(answer.results)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(isbn: Option<&str>, sku: Option<&str>) -> Batch {
        let row = ImportRow { isbn: isbn.map(Cell::new), sku: sku.map(Cell::new), ..ImportRow::default() };
        Batch { entries: vec![Entry { line: 2, cells: Vec::new(), fate: Ok(row) }], bytes: 0 }
    }

    #[test]
    fn one_book_is_known_in_two_batches_however_they_spell_it() {
        let book = batch(Some("978-0-14-312755-0"), Some("A-1")).books();
        for same in [(Some("0143127551"), None), (Some(" 9780143127550"), Some("B-2")), (None, Some("A-1 "))] {
            assert!(!batch(same.0, same.1).books().is_disjoint(&book), "{same:?}");
        }
        for other in [(Some("9780306406157"), Some("B-2")), (None, Some("A-2")), (Some("A-1"), None), (None, None)] {
            assert!(batch(other.0, other.1).books().is_disjoint(&book), "{other:?}");
        }
    }
}
