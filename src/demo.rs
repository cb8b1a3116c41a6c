use std::{fs, io::Cursor, path::Path};

use reqwest::Method;
use service_kit::http::StartError;
use shared_types::books::{BookPage, ImportAnswer, ImportOutcome, ImportRequest, ImportRow};

use crate::{
    CommandError,
    address::ShopAddress,
    door::Door,
    import::{Plan, Record, Records},
};

const BOOKS: &str = include_str!("../data/demo-books.csv");
/// Left in the data directory once the books are in: a shop that sold off or deleted them all does not get them again.
pub(crate) const MARK: &str = "demo-books-loaded";

/// Puts the demo books into a catalog that is empty and never had them.
///
/// They go in as one import, which is one transaction: a start that is cut short leaves all of them or none, and the
/// ids are the rows' numbers.
pub(crate) async fn stock(shop: &ShopAddress, data_dir: &Path) -> Result<(), StartError> {
    let mark = data_dir.join(MARK);
    let loaded = async {
        if mark.exists() {
            return Ok(());
        }
        let door = Door::at(shop)?;
        let page: BookPage = door.ask(Method::GET, "/api/v1/books?limit=1", None::<&()>).await?;
        if page.items.is_empty() {
            load(&door).await?;
        }
        fs::write(&mark, "").map_err(CommandError::file(&mark))
    };
    loaded.await.map_err(|error: CommandError| StartError::Part(format!("the demo books: {error}")))
}

async fn load(door: &Door) -> Result<(), CommandError> {
    let request = ImportRequest { rows: rows()? };
    let answer: ImportAnswer = door.ask(Method::POST, "/api/v1/imports", Some(&request)).await?;
    let rejected = answer.results.iter().find(|result| result.outcome == ImportOutcome::Rejected);
    match rejected {
        None => Ok(()),
        Some(row) => Err(CommandError::Shop(format!("line {} was rejected: {:?}", row.line, row.errors))),
    }
}

fn rows() -> Result<Vec<ImportRow>, CommandError> {
    let broken = |line: u64, reason: &str| CommandError::Usage(format!("line {line}: {reason}"));
    let mut records = Records::open(Cursor::new(BOOKS)).map_err(|error| broken(1, &error.to_string()))?;
    let plan = Plan::new(records.header(), &[], &[])?;
    let mut rows = Vec::new();
    while let Some(record) = records.next().map_err(|error| broken(0, &error.to_string()))? {
        match record {
            Record::Row { line, cells } => {
                rows.push(plan.row(line, &cells).map_err(|errors| broken(line, &format!("{errors:?}")))?);
            }
            Record::Bad { line, reason, .. } => return Err(broken(line, &reason)),
        }
    }
    Ok(rows)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use shared_types::limits::MAX_IMPORT_ROWS;

    use super::*;

    #[test]
    fn the_demo_books_fit_into_one_import() {
        let rows = rows().unwrap();
        assert_eq!(rows.len(), 1_000);
        assert!(rows.len() <= MAX_IMPORT_ROWS);
        assert!(rows.iter().zip(2..).all(|(row, line)| row.line == line));
    }
}
