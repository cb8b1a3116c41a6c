use service_kit::{
    db::{DbError, Row, Tx},
    params,
};
use shared_types::{Timestamp, identity::AuditEntryView};

use crate::identity::audit::Entry;

/// Writes a line of the audit log, in the transaction of what it tells about.
pub fn append(tx: &mut Tx<'_>, entry: &Entry, now: Timestamp) -> Result<(), DbError> {
    tx.execute(
        "insert into audit_entry (at_us, actor, on_behalf_of, action, resource, outcome, detail, address, request_id) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &params![
            now.micros(),
            entry.actor.principal.as_str(),
            entry.on_behalf_of.as_deref(),
            entry.action.as_ref(),
            entry.resource.as_str(),
            entry.outcome.as_str(),
            entry.detail.as_deref(),
            entry.actor.origin.map(|origin| origin.to_string()),
            entry.actor.request_id.as_deref(),
        ],
    )?;
    Ok(())
}

/// Which lines are wanted; `None` does not matter.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub actor: Option<String>,
    pub action: Option<String>,
    pub resource: Option<String>,
    pub outcome: Option<String>,
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// Entries before this one only.
    pub before: Option<i64>,
}

/// A page of the log, latest line first.
pub fn page(tx: &mut Tx<'_>, filter: &Filter, rows: i64) -> Result<Vec<AuditEntryView>, DbError> {
    let rows = tx.query(
        "select * from audit_entry where entry_id < $1 and (cast($2 as text) is null or actor = $2) \
         and (cast($3 as text) is null or substr(action, 1, length($3)) = $3) \
         and (cast($4 as text) is null or resource = $4) and (cast($5 as text) is null or outcome = $5) \
         and at_us >= $6 and at_us < $7 order by entry_id desc limit $8",
        &params![
            filter.before.unwrap_or(i64::MAX),
            filter.actor.as_deref(),
            filter.action.as_deref(),
            filter.resource.as_deref(),
            filter.outcome.as_deref(),
            filter.from.map_or(i64::MIN, Timestamp::micros),
            filter.until.map_or(i64::MAX, Timestamp::micros),
            rows,
        ],
    )?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<AuditEntryView, DbError> {
    Ok(AuditEntryView {
        entry: row.get("entry_id")?,
        at: Timestamp::from_micros(row.get("at_us")?),
        actor: row.get("actor")?,
        on_behalf_of: row.get("on_behalf_of")?,
        action: row.get("action")?,
        resource: row.get::<Option<String>>("resource")?.unwrap_or_default(),
        outcome: row.get("outcome")?,
        detail: row.get("detail")?,
        address: row.get("address")?,
        request_id: row.get("request_id")?,
    })
}
