//! Whether anything at all was changed: every row of every table, before and after.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use service_kit::{
    db::{Db, DbError, Engine, Tx},
    testing::{TestDatabase, eventually},
};

use crate::shop::{Part, Shop};

/// Tables that change although nobody asks for it, or because somebody was refused.
const APART: [&str; 6] = [
    // Renewed by time.
    "relay_lease",
    // A refusal has its line.
    "audit_entry",
    // Numbers that were given out, those of the audit log among them.
    "sqlite_sequence",
    // An event that nobody waits for any more goes when there is time; the deliveries of all others are looked at.
    "outbox_event",
    // What a search looks in is made from the books themselves.
    "book_search",
    "book_author",
];
/// When a key was used last is noted whatever became of the call.
const COLUMN_APART: &str = "last_used_at_us";

/// How many rows are waiting for a worker of the service, in the order in which one leads to the next: an order to a parcel,
/// a parcel to an order's event, an event to messages. So what has left one place unseen is seen at the next.
const DUE: [(Part, &str); 6] = [
    (Part::Order, "select count(*) as due from orders where due_at_us is not null"),
    (Part::Delivery, UNTOLD),
    (Part::Catalog, UNTOLD),
    (Part::Order, UNTOLD),
    (Part::Order, "select count(*) as due from notification where due_at_us is not null"),
    (Part::Order, "select count(*) as due from webhook_message where due_at_us is not null"),
];
/// Events that are neither acknowledged nor parked, for subscribers who listen.
const UNTOLD: &str =
    "select count(*) as due from outbox_delivery d join outbox_subscriber s on s.subscriber_id = d.subscriber_id
                      where d.held_until_us < 9223372036854775807 and s.name <> 'nobody'";

/// All databases of a shop, for reading.
pub struct Books(BTreeMap<Part, Db>);

/// A number for each table's rows.
pub type Digest = BTreeMap<(Part, String), u64>;

impl Books {
    pub async fn of(shop: &Shop) -> Books {
        let mut books = BTreeMap::new();
        for (part, database) in shop.databases() {
            books.insert(*part, Db::open_read_only(database.url()).await.unwrap());
        }
        Books(books)
    }

    pub async fn close(self) {
        for db in self.0.into_values() {
            db.close().await;
        }
    }

    /// Waits until nobody has anything left to do.
    pub async fn at_rest(&self) {
        eventually("nobody has anything left to do", async || {
            let mut due = 0;
            for (part, sql) in DUE {
                due += self.0[&part].read(|tx| tx.query_one(sql, &[])?.get::<i64>("due")).await.unwrap();
            }
            due == 0
        })
        .await;
    }

    pub async fn digest(&self) -> Digest {
        let mut digest = Digest::new();
        for (part, db) in &self.0 {
            for (table, rows) in db.read(tables).await.unwrap() {
                digest.insert((*part, table), rows);
            }
        }
        digest
    }
}

/// Tables that are not the same in both.
pub fn changed(before: &Digest, after: &Digest) -> Vec<String> {
    let names = before.keys().filter(|name| before.get(name) != after.get(name));
    names.map(|(part, table)| format!("{}.{table}", part.name())).collect()
}

fn tables(tx: &mut Tx<'_>) -> Result<Vec<(String, u64)>, DbError> {
    let list = match TestDatabase::engine() {
        Engine::Sqlite => {
            "select m.name as table_name, c.name as column_name from sqlite_master m, pragma_table_info(m.name) c
             where m.type = 'table' order by 1, 2"
        }
        Engine::Postgres => {
            "select table_name, column_name from information_schema.columns where table_schema = 'public' order by 1, 2"
        }
    };
    let mut columns: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in tx.query(list, &[])? {
        let (table, column) = (row.get::<String>("table_name")?, row.get::<String>("column_name")?);
        if !APART.iter().any(|apart| table.starts_with(apart)) && column != COLUMN_APART {
            columns.entry(table).or_default().push(column);
        }
    }
    assert!(!columns.is_empty(), "the listing of the tables is broken");
    columns.into_iter().map(|(table, columns)| Ok((table.clone(), rows(tx, &table, &columns)?))).collect()
}

fn rows(tx: &mut Tx<'_>, table: &str, columns: &[String]) -> Result<u64, DbError> {
    let written = |column: &String| match TestDatabase::engine() {
        Engine::Sqlite => format!("quote(\"{column}\")"),
        Engine::Postgres => format!("coalesce(\"{column}\"::text, 'null')"),
    };
    let line: Vec<String> = columns.iter().map(written).collect();
    let sql = format!("select {} as line from \"{table}\" order by 1", line.join(" || ',' || "));
    let mut hasher = DefaultHasher::new();
    for row in tx.query(&sql, &[])? {
        row.get::<String>("line")?.hash(&mut hasher);
    }
    Ok(hasher.finish())
}
