use super::{MAX_PARAMETERS, PAGE_ROWS, TransferError};
use crate::{
    db::{Db, DbError, Row, Tx, Value},
    params,
};

/// Written by the migrations themselves.
const HISTORIES: &str = "'kit_schema_history', 'schema_history'";

/// A table that is copied.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    /// Columns of the primary key, in its order.
    pub(super) key: Vec<String>,
    /// The tables that it refers to.
    parents: Vec<String>,
}

/// The tables of an SQLite database, each after those that it refers to.
pub(super) async fn of(db: &Db) -> Result<Vec<Table>, TransferError> {
    let tables = db.read(|tx| {
        let sql = format!(
            "select name from pragma_table_list where schema = 'main' and type = 'table' \
             and name not like 'sqlite\\_%' escape '\\' and name not in ({HISTORIES}) order by name"
        );
        let names = tx.query(&sql, &[])?;
        names.iter().map(|row| Table::read(tx, row.get("name")?)).collect::<Result<Vec<Table>, DbError>>()
    });
    let tables = tables.await?;
    match tables.iter().find(|table| table.key.is_empty()) {
        Some(table) => Err(TransferError::NoKey(table.name.clone())),
        None => parents_first(tables),
    }
}

fn parents_first(mut waiting: Vec<Table>) -> Result<Vec<Table>, TransferError> {
    let mut sorted: Vec<Table> = Vec::new();
    while !waiting.is_empty() {
        let is_waiting = |name: &String, own: &String| name != own && waiting.iter().any(|table| table.name == *name);
        let free = waiting.iter().position(|table| !table.parents.iter().any(|name| is_waiting(name, &table.name)));
        let Some(free) = free else {
            let names: Vec<String> = waiting.into_iter().map(|table| table.name).collect();
            return Err(TransferError::Circle(names.join(", ")));
        };
        sorted.push(waiting.remove(free));
    }
    Ok(sorted)
}

impl Table {
    fn read(tx: &mut Tx<'_>, name: String) -> Result<Table, DbError> {
        let names = |rows: Vec<Row>| rows.iter().map(|row| row.get("name")).collect::<Result<Vec<String>, DbError>>();
        // Hidden columns are made by the database itself.
        let columns = "select name from pragma_table_xinfo($1) where hidden = 0 order by cid";
        let columns = names(tx.query(columns, &params![&name])?)?;
        let key = "select name from pragma_table_xinfo($1) where pk > 0 order by pk";
        let key = names(tx.query(key, &params![&name])?)?;
        let parents = "select distinct \"table\" as name from pragma_foreign_key_list($1)";
        let parents = names(tx.query(parents, &params![&name])?)?;
        Ok(Table { name, columns, key, parents })
    }

    /// As many rows as fit into one statement.
    pub(super) fn page_rows(&self) -> usize {
        PAGE_ROWS.min(MAX_PARAMETERS / self.columns.len().max(1))
    }

    pub(super) fn select(&self, from_key: bool, rows: usize) -> String {
        let (columns, key) = (self.columns.join(", "), self.key.join(", "));
        let after =
            if from_key { format!(" where ({key}) > ({})", placeholders(1, self.key.len())) } else { String::new() };
        format!("select {columns} from {}{after} order by {key} limit {rows}", self.name)
    }

    /// A row that is there is left alone: what it holds is compared in the end.
    pub(super) fn insert(&self, rows: usize) -> String {
        let width = self.columns.len();
        let values: Vec<String> = (0..rows).map(|row| format!("({})", placeholders(row * width + 1, width))).collect();
        format!(
            "insert into {} ({}) values {} on conflict do nothing",
            self.name,
            self.columns.join(", "),
            values.join(", ")
        )
    }

    pub(super) fn key_of(&self, row: &Row) -> Result<Vec<Value>, DbError> {
        self.key.iter().map(|column| row.get(column)).collect()
    }

    pub(super) fn values_of(&self, row: &Row) -> Result<Vec<Value>, DbError> {
        self.columns.iter().map(|column| row.get(column)).collect()
    }
}

/// `$3, $4, $5`.
fn placeholders(first: usize, count: usize) -> String {
    let numbers: Vec<String> = (first..first + count).map(|number| format!("${number}")).collect();
    numbers.join(", ")
}
