use service_kit::db::{DbError, Engine, Tx, Value};

/// Inserts rows into a table that counts them up in `column`; their numbers, row by row. Fewer: there were conflicts.
///
/// With `returning`, SQLite keeps what it returns in a table, and would have to be able to undo the statement: for that it writes to
/// the disk what words are gathered, behind each book that an import changes. Its one writer gives consecutive numbers.
pub fn insert_counted(tx: &mut Tx<'_>, sql: &str, params: &[Value], column: &str) -> Result<Vec<i64>, DbError> {
    if tx.engine() == Engine::Postgres {
        let rows = tx.query(&format!("{sql} returning {column}"), params)?;
        return rows.iter().map(|row| row.get(column)).collect();
    }
    let inserted = i64::try_from(tx.execute(sql, params)?).unwrap_or(i64::MAX);
    if inserted == 0 {
        return Ok(Vec::new());
    }
    let last: i64 = tx.query_one("select last_insert_rowid() as last", &[])?.get("last")?;
    Ok((last - inserted + 1..=last).collect())
}

/// An `insert` of several rows: `head` stands before them, and each is written as `row`, whose `#`s are parameters of its own. They
/// are numbered behind `shared` ones, which every row has.
pub fn insert(head: &str, row: &str, shared: usize, rows: usize) -> String {
    let mut sql = String::with_capacity(head.len() + rows * (row.len() + 8));
    sql.push_str(head);
    let mut place = shared;
    for number in 0..rows {
        sql.push_str(if number == 0 { " " } else { ", " });
        for (n, part) in row.split('#').enumerate() {
            if n > 0 {
                place += 1;
                sql.push('$');
                sql.push_str(&place.to_string());
            }
            sql.push_str(part);
        }
    }
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_has_the_shared_parameters_and_its_own() {
        assert_eq!(
            insert("insert into t (a, b, c) values", "($1, #, hex(#))", 1, 2),
            "insert into t (a, b, c) values ($1, $2, hex($3)), ($1, $4, hex($5))"
        );
        assert_eq!(insert("insert into t (a) values", "(#)", 0, 1), "insert into t (a) values ($1)");
    }
}
