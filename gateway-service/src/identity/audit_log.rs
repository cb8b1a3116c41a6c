use std::sync::Arc;

use actix_web::web::Bytes;
use futures_util::{Stream, stream};
use service_kit::{
    db::DbError,
    http::{Cursor, PageQuery},
};
use shared_types::{
    Code, Problem,
    identity::{AuditEntryView, AuditPage, AuditQuery},
};

use super::{
    Identity,
    store::{self, audit::Filter},
    trouble,
};

/// Lines that are read at once for an export.
const EXPORT_ROWS: i64 = 500;
/// The columns of an export.
const COLUMNS: [&str; 10] =
    ["entry", "at", "actor", "on_behalf_of", "action", "resource", "outcome", "detail", "address", "request_id"];

impl Identity {
    /// A page of the audit log, latest line first.
    pub async fn audit_log(&self, query: AuditQuery) -> Result<AuditPage, Problem> {
        let rows = PageQuery { cursor: None, limit: query.limit }.rows()?;
        let mut items = self.audit_lines(filter(query)?, rows + 1).await?;
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        let more = items.len() > rows;
        items.truncate(rows);
        let next_cursor = items.last().filter(|_| more).map(|last| Cursor(vec![last.entry.to_string()]).encode());
        Ok(AuditPage { items, next_cursor })
    }

    /// All lines that the query wants, as CSV (RFC 4180), read and sent piece by piece: an export of any length takes
    /// the memory of one piece.
    pub fn audit_export(
        self: Arc<Self>,
        query: AuditQuery,
    ) -> Result<impl Stream<Item = Result<Bytes, Problem>> + use<>, Problem> {
        // It has no pages, and still no page of minus one line.
        PageQuery { cursor: None, limit: query.limit }.rows()?;
        let begin = (self, Some(filter(query)?), true);
        Ok(stream::try_unfold(begin, |(identity, filter, first)| async move {
            let Some(filter) = filter else { return Ok(None) };
            let lines = identity.audit_lines(filter.clone(), EXPORT_ROWS).await?;
            let text = csv(&lines, first)?;
            let full = lines.len() == usize::try_from(EXPORT_ROWS).unwrap_or(usize::MAX);
            let before = lines.last().filter(|_| full).map(|last| last.entry);
            let next = before.map(|before| Filter { before: Some(before), ..filter });
            Ok(Some((Bytes::from(text), (identity, next, false))))
        }))
    }

    async fn audit_lines(&self, filter: Filter, rows: i64) -> Result<Vec<AuditEntryView>, Problem> {
        let read = self.db.read(move |tx| store::audit::page(tx, &filter, rows)).await;
        read.map_err(|error: DbError| trouble::database(&error))
    }
}

fn filter(query: AuditQuery) -> Result<Filter, Problem> {
    let AuditQuery { actor, action, resource, outcome, from, until, cursor, limit: _ } = query;
    let texts = [&actor, &action, &resource, &outcome];
    if texts.into_iter().flatten().any(|text| text.contains('\0')) {
        return Err(Problem::new(Code::MalformedQuery, "a filter has a character that no text has"));
    }
    let before = cursor.map(|text| Cursor::decode(&text, 1)?.number(0)).transpose()?;
    Ok(Filter { actor, action, resource, outcome, from, until, before })
}

fn csv(lines: &[AuditEntryView], with_columns: bool) -> Result<Vec<u8>, Problem> {
    let failed = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "the audit log was not written as CSV");
        Problem::new(Code::Internal, "the fault is in our log under the request's id")
    };
    let mut writer = csv::Writer::from_writer(Vec::new());
    if with_columns {
        writer.write_record(COLUMNS).map_err(|error| failed(&error))?;
    }
    for line in lines {
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        let cells = [
            line.entry.to_string(),
            line.at.to_string(),
            line.actor.clone(),
            text(&line.on_behalf_of),
            line.action.clone(),
            line.resource.clone(),
            line.outcome.clone(),
            text(&line.detail),
            text(&line.address),
            text(&line.request_id),
        ];
        writer.write_record(cells.map(harmless)).map_err(|error| failed(&error))?;
    }
    writer.into_inner().map_err(|error| failed(&error.error()))
}

/// A cell that a spreadsheet does not take for a formula: request ids are chosen by callers.
fn harmless(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_text_and_never_a_formula() {
        let line = AuditEntryView {
            entry: 1,
            at: shared_types::Timestamp::from_micros(0),
            actor: "anonymous".into(),
            on_behalf_of: None,
            action: "account.sign_in".into(),
            resource: "/accounts".into(),
            outcome: "refused".into(),
            detail: Some("a \"quote\", and\na line".into()),
            address: None,
            request_id: Some("-2+3+cmd".into()),
        };
        let text = String::from_utf8(csv(&[line], false).expect("CSV")).expect("text");
        let expected = "1,1970-01-01T00:00:00.000000Z,anonymous,,account.sign_in,/accounts,refused,\
                        \"a \"\"quote\"\", and\na line\",,'-2+3+cmd\n";
        assert_eq!(text, expected);
    }
}
