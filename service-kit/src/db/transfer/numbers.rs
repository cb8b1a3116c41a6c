use super::{TransferError, tables::Table};
use crate::{
    db::{Db, Engine},
    params,
};

/// Lets a column that counts up by itself go on after the highest number that was ever given, also to a row that is gone
/// since: such numbers are known outside.
pub(super) async fn go_on(from: &Db, to: &Db, table: &Table) -> Result<(), TransferError> {
    let name = table.name.clone();
    let highest = from.read(move |tx| {
        let there = tx.query("select 1 as one from sqlite_schema where name = 'sqlite_sequence'", &[])?;
        if there.is_empty() {
            return Ok(None);
        }
        let row = tx.query_opt("select seq from sqlite_sequence where name = $1", &params![&name])?;
        row.map(|row| row.get::<i64>("seq")).transpose()
    });
    let Some(highest) = highest.await?.filter(|highest| *highest > 0) else { return Ok(()) };
    let (name, column) = (table.name.clone(), table.key.first().cloned().unwrap_or_default());
    to.write(move |tx| match tx.engine() {
        Engine::Sqlite => {
            tx.execute("delete from sqlite_sequence where name = $1", &params![&name])?;
            tx.execute("insert into sqlite_sequence (name, seq) values ($1, $2)", &params![&name, highest])
        }
        Engine::Postgres => {
            let set = "select setval(pg_get_serial_sequence(cast($1 as text), cast($2 as text)), $3) as number";
            tx.query(set, &params![&name, &column, highest]).map(|_| 0)
        }
    })
    .await?;
    Ok(())
}
