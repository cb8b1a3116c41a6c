//! What a service told others, and whether its database bears it out.

use std::{collections::BTreeMap, path::Path};

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use crate::cluster::{Buyers, Catalog, Delivery, Gateway, Order, Outside, Part, Payments};

/// How far a thing had come: versions count up, and of two states one is later. Things of one rank are of one state.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stage {
    rank: i64,
    state: String,
}

/// What a thing is called: its kind and its id.
pub type Thing = (&'static str, String);

/// The latest that was told of everything.
#[derive(Debug, Default)]
pub struct Words {
    told: BTreeMap<Thing, Stage>,
}

impl Words {
    /// Listens to what leaves by a socket: answers with a 2xx, and the ids in requests that were written before.
    pub fn hear(&mut self, part: Part, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { return };
        if head.starts_with("HTTP/1.1 2") {
            if part == Gateway && head.starts_with("HTTP/1.1 201 ") {
                // A change that somebody was told of is in the audit log.
                let request = header(head, "x-request-id").expect("every answer says which request it answers");
                self.note(("audit line", request.to_owned()), Stage { rank: 0, state: String::new() });
            }
            // Where there is no body, or one in another format, nothing of ours is told.
            let body: Value = serde_json::from_str(body).unwrap_or_default();
            self.read(part, &body);
        } else if part == Order
            && let Some(order) = order_in(head)
        {
            self.note(("order", order.to_owned()), Stage { rank: 1, state: String::new() });
        }
    }

    fn read(&mut self, part: Part, body: &Value) {
        match body {
            Value::Array(items) => items.iter().for_each(|item| self.read(part, item)),
            Value::Object(fields) => {
                if let Some((thing, stage)) = view(part, body) {
                    self.note(thing, stage);
                }
                fields.values().for_each(|value| self.read(part, value));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn note(&mut self, thing: Thing, stage: Stage) {
        let latest = self.told.entry(thing).or_insert_with(|| stage.clone());
        if stage.rank > latest.rank {
            *latest = stage;
        }
    }

    /// Different things that were told of.
    pub fn len(&self) -> usize {
        self.told.len()
    }

    /// What was told and is not so in this database.
    pub fn broken(&self, part: Part, database: &Path) -> Vec<String> {
        let stored = stored(part, database);
        let kept = |thing: &Thing, told: &Stage| {
            stored.get(thing).is_some_and(|found| found.rank > told.rank || found == told)
        };
        let broken = self.told.iter().filter(|(thing, told)| !kept(thing, told));
        broken.map(|(thing, told)| format!("{thing:?} was {told:?} and is {:?}", stored.get(thing))).collect()
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.into_iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// The order that a request is about, which must have been written before it was sent. A look at the shelf is about none.
fn order_in(head: &str) -> Option<&str> {
    let path = head.split(' ').nth(1).filter(|path| *path != "/takings/check")?;
    let id = ["/takings/", "/payments/", "/deliveries/"].iter().find_map(|at| path.strip_prefix(at))?;
    id.split([':', '%', '/']).next()
}

fn view(part: Part, body: &Value) -> Option<(Thing, Stage)> {
    let text = |field: &str| body[field].as_str().map(str::to_owned);
    let version = || Some(Stage { rank: body["version"].as_i64()?, state: String::new() });
    match part {
        Order if body["fulfillment"].is_string() => Some((("order", text("id")?), version()?)),
        Catalog if body["sku"].is_string() => Some((("book", body["id"].as_i64()?.to_string()), version()?)),
        Catalog => {
            let (id, state) = (text("taking_id")?, text("state")?);
            Some((("taking", id), Stage { rank: i64::from(state == "given_back"), state }))
        }
        Delivery => Some((("delivery", text("delivery_id")?), version()?)),
        Payments if body["captured"].is_number() => {
            let (id, state) = (text("payment_id")?, text("status")?);
            let rank = match state.as_str() {
                "processing" => 0,
                "refunded" => 2,
                _ => 1,
            };
            Some((("payment", id), Stage { rank, state }))
        }
        Gateway if body["username"].is_string() => Some((("account", text("id")?), version()?)),
        Order | Payments | Gateway | Buyers | Outside => None,
    }
}

/// All things in a database that is opened as its service would open it, which must be whole.
fn stored(part: Part, database: &Path) -> BTreeMap<Thing, Stage> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags).unwrap();
    // Nothing is written back: whoever looks at a thousand of these has no time for that.
    connection.execute_batch("pragma synchronous = off").unwrap();
    let whole: String = connection.query_row("pragma integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(whole, "ok", "{part:?}");
    let mut things = BTreeMap::new();
    for (kind, sql) in tables(part) {
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| {
            let id: String = row.get(0)?;
            Ok(((*kind, id), Stage { rank: row.get(1)?, state: row.get(2)? }))
        });
        things.extend(rows.unwrap().map(Result::unwrap));
    }
    things
}

fn tables(part: Part) -> &'static [(&'static str, &'static str)] {
    match part {
        Order => &[("order", "select order_id, version, '' from orders")],
        Catalog => &[
            ("book", "select cast(book_id as text), version, '' from book"),
            ("taking", "select taking_id, state = 'given_back', state from taking"),
        ],
        Delivery => &[("delivery", "select delivery_id, version, '' from delivery")],
        Payments => &[(
            "payment",
            "select payment_id, case status when 'processing' then 0 when 'refunded' then 2 else 1 end, status
             from payment",
        )],
        Gateway => &[
            ("account", "select account_id, version, '' from account"),
            ("audit line", "select request_id, 0, '' from audit_entry where request_id is not null"),
        ],
        Buyers | Outside => &[],
    }
}
