use paperclip::actix::Apiv2Schema;
use serde::Deserialize;
use shared_types::{
    Code, Problem,
    limits::{DEFAULT_PAGE_ROWS, MAX_PAGE_ROWS},
};

/// The query of a plain list.
#[derive(Debug, Clone, Default, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// Where to read on: the `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Rows in the page, 1 to 200; 50 where absent.
    pub limit: Option<i64>,
}

impl PageQuery {
    /// The rows asked for, within bounds.
    pub fn rows(&self) -> Result<i64, Problem> {
        rows(self.limit)
    }
}

fn rows(limit: Option<i64>) -> Result<i64, Problem> {
    match limit {
        None => Ok(DEFAULT_PAGE_ROWS),
        Some(rows) if (1..=MAX_PAGE_ROWS).contains(&rows) => Ok(rows),
        Some(_) => Err(Problem::new(Code::MalformedQuery, format!("limit is not 1 to {MAX_PAGE_ROWS}"))),
    }
}

/// A keyset position: the sort values of the last row of a page. Opaque to callers, who pass it back as it is.
///
/// It holds nothing secret and decides nothing but where to read on; a forged one reads on elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub Vec<String>);

impl Cursor {
    /// The text that travels: hexadecimal, so that it needs no escaping anywhere.
    pub fn encode(&self) -> String {
        let json = serde_json::to_vec(&self.0).expect("BUG: a list of texts serialises");
        json.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Reads a cursor with so many sort values.
    pub fn decode(text: &str, values: usize) -> Result<Cursor, Problem> {
        let read = || {
            if !text.is_ascii() || !text.len().is_multiple_of(2) {
                return None;
            }
            let bytes: Option<Vec<u8>> =
                (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect();
            let parts: Vec<String> = serde_json::from_slice(&bytes?).ok()?;
            (parts.len() == values).then_some(Cursor(parts))
        };
        read().ok_or_else(Cursor::malformed)
    }

    /// The problem of a cursor that is none of ours.
    pub fn malformed() -> Problem {
        Problem::new(Code::MalformedQuery, "cursor is none that this list gave out")
    }

    /// The sort value at `position` as a number.
    pub fn number(&self, position: usize) -> Result<i64, Problem> {
        self.0.get(position).and_then(|text| text.parse().ok()).ok_or_else(Cursor::malformed)
    }
}

/// The `Link` to the next page (RFC 8288): the address of this one, read on from `cursor`.
pub(super) fn next_link(path: &str, query: &str, cursor: &str) -> String {
    let kept = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
    let pairs: Vec<&str> = kept.collect();
    let between = if pairs.is_empty() { "" } else { "&" };
    format!("<{path}?{}{between}cursor={cursor}>; rel=\"next\"", pairs.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_keeps_the_question_and_reads_on() {
        assert_eq!(next_link("/books", "", "5b"), "</books?cursor=5b>; rel=\"next\"");
        let asked = "topic=new%20arrivals&cursor=00&limit=2";
        assert_eq!(next_link("/books", asked, "5b"), "</books?topic=new%20arrivals&limit=2&cursor=5b>; rel=\"next\"");
    }

    #[test]
    fn a_cursor_comes_back_as_it_went() {
        let cursor = Cursor(vec!["Ünïcode \"title\"".into(), "17".into()]);
        assert_eq!(Cursor::decode(&cursor.encode(), 2), Ok(cursor));
        for forged in ["", "zz", "5", "5b5d", "é", "7b7d"] {
            assert!(Cursor::decode(forged, 2).is_err(), "{forged}");
        }
    }
}
