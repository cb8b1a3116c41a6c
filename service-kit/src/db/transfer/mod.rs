//! Everything that one database holds, into another one of another engine.
//!
//! Tables go one by one, those that others refer to first, in pages by their primary keys. A row that is there already
//! stays, so a copy that was cut short is taken up by running it again; and at the end every table is read on both sides
//! and has to be the same, whatever was there before.

/// What a table holds, in one number.
mod digest;
/// Numbers that are counted up go on where they were.
mod numbers;
/// Which tables there are, and in which order they can be filled.
mod tables;

use digest::Digest;
use tables::Table;

use super::{Db, DbError, Engine, Row, Value};

/// Rows that are read and written together.
const PAGE_ROWS: usize = 500;
/// SQLite knows no more parameters in one statement.
const MAX_PARAMETERS: usize = 32_766;

/// Why a database was not copied. What has been copied stays, for the next attempt.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    #[error(transparent)]
    Db(#[from] DbError),
    /// Only an embedded database tells its tables here.
    #[error("{0:?} cannot be copied from: its own tools can")]
    Source(Engine),
    #[error("table {0} has no primary key")]
    NoKey(String),
    #[error("tables refer to one another in a circle: {0}")]
    Circle(String),
    /// The target held other rows before, or somebody writes to one of the two.
    #[error("table {table} is not the same on both sides: {source_rows} rows here, {target_rows} there")]
    Differs { table: String, source_rows: u64, target_rows: u64 },
}

/// How far a copy is.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    pub table: &'a str,
    /// Rows of this table that are there.
    pub rows: u64,
}

/// Copies every row of an SQLite database into one that has the same schema, and compares. Neither may have a writer of
/// its own. Left out: the histories of migrations, and indexes that are tables (full-text search), which their owner
/// makes anew.
///
/// Returns the number of rows.
pub async fn copy(from: &Db, to: &Db, mut progress: impl FnMut(Progress<'_>)) -> Result<u64, TransferError> {
    if from.engine() != Engine::Sqlite {
        return Err(TransferError::Source(from.engine()));
    }
    let tables = tables::of(from).await?;
    let mut rows = 0;
    for table in &tables {
        copy_table(from, to, table, &mut progress).await?;
        numbers::go_on(from, to, table).await?;
    }
    for table in &tables {
        rows += compare(from, to, table).await?;
    }
    Ok(rows)
}

async fn copy_table(
    from: &Db,
    to: &Db,
    table: &Table,
    progress: &mut impl FnMut(Progress<'_>),
) -> Result<(), TransferError> {
    let (mut after, mut rows) = (None, 0);
    loop {
        let page = page(from, table, after).await?;
        let Some(last) = page.last() else { return Ok(()) };
        rows += u64::try_from(page.len()).unwrap_or_default();
        after = Some(table.key_of(last)?);
        write(to, table, page).await?;
        progress(Progress { table: &table.name, rows });
    }
}

/// The next rows in the order of their keys.
async fn page(db: &Db, table: &Table, after: Option<Vec<Value>>) -> Result<Vec<Row>, DbError> {
    let sql = table.select(after.is_some(), table.page_rows());
    db.read(move |tx| tx.query(&sql, after.as_deref().unwrap_or_default())).await
}

async fn write(db: &Db, table: &Table, rows: Vec<Row>) -> Result<(), DbError> {
    let table = table.clone();
    db.write(move |tx| {
        let mut values = Vec::with_capacity(rows.len() * table.columns.len());
        for row in &rows {
            values.extend(table.values_of(row)?);
        }
        tx.execute(&table.insert(rows.len()), &values).map(drop)
    })
    .await
}

/// Reads the table on both sides. Rows are counted where they are the same.
async fn compare(from: &Db, to: &Db, table: &Table) -> Result<u64, TransferError> {
    let (ours, theirs) = (digest(from, table).await?, digest(to, table).await?);
    if ours != theirs {
        let table = table.name.clone();
        return Err(TransferError::Differs { table, source_rows: ours.rows(), target_rows: theirs.rows() });
    }
    Ok(ours.rows())
}

async fn digest(db: &Db, table: &Table) -> Result<Digest, DbError> {
    let (mut after, mut digest) = (None, Digest::default());
    loop {
        let page = page(db, table, after).await?;
        let Some(last) = page.last() else { return Ok(digest) };
        after = Some(table.key_of(last)?);
        for row in &page {
            digest.add(&table.values_of(row)?);
        }
    }
}
