use std::borrow::Cow;

use shared_types::Isbn;

/// The ISBN in a cell. Spreadsheets take an ISBN-10 for a number and drop its leading zeros: they are put back, and
/// the check digit tells whether that was right.
pub(super) fn isbn(cell: &str) -> Result<Isbn, String> {
    let compact: String = cell.chars().filter(|c| !is_separator(*c)).collect();
    let (body, last) = compact.split_at(compact.char_indices().last().map_or(0, |(at, _)| at));
    let is_short_ten = compact.len() < 10
        && !compact.is_empty()
        && body.bytes().all(|byte| byte.is_ascii_digit())
        && last.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'X' | b'x'));
    let whole = if is_short_ten { format!("{compact:0>10}") } else { compact };
    whole.parse().map_err(|error: shared_types::IsbnError| error.to_string())
}

/// Spaces, and every kind of hyphen that a typesetter knows.
fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// `2008.0` as `2008`: a column of whole numbers with gaps comes out of data tools as decimals. Anything else stays as
/// it is, for the catalog to judge.
pub(super) fn whole_number(cell: &str) -> &str {
    match cell.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() && fraction.bytes().all(|byte| byte == b'0') => whole,
        _ => cell,
    }
}

/// A text on one line: a line break or a tab within a cell is a space like any other.
pub(super) fn text(cell: &str) -> Cow<'_, str> {
    if !cell.contains(['\r', '\n', '\t']) {
        return Cow::Borrowed(cell);
    }
    let words: Vec<&str> = cell.split_whitespace().collect();
    Cow::Owned(words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_isbn_gets_its_leading_zeros_back() {
        let read = |cell| isbn(cell).map(|isbn| isbn.to_string());
        assert_eq!(read("439023483"), Ok("9780439023481".into()));
        assert_eq!(read("61120081"), Ok("9780061120084".into()));
        assert_eq!(read("978\u{2011}0 439\u{a0}02348-1"), Ok("9780439023481".into()));
        assert_eq!(read("80442957x"), read("080442957X"));
        for wrong in ["", "439023484", "9.78043902348e+12", "é", "X", "4390X3483", "12345678901"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_decimal_without_a_fraction_is_a_whole_number() {
        assert_eq!(whole_number("2008.0"), "2008");
        assert_eq!(whole_number("-750.00"), "-750");
        for kept in ["2008", "2008.5", "2008.", "1e3", ""] {
            assert_eq!(whole_number(kept), kept);
        }
    }

    #[test]
    fn a_text_that_spans_lines_is_put_on_one() {
        assert_eq!(text("The  Odyssey"), "The  Odyssey");
        assert_eq!(text("The\r\n  Odyssey,\tHomer"), "The Odyssey, Homer");
        assert_eq!(text("a\u{0}b"), "a\u{0}b");
    }
}
