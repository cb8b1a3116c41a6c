use std::{
    collections::VecDeque,
    io::{self, BufRead},
};

use csv_core::ReadRecordResult;

/// Bytes that one record may have. A quote that is never closed would otherwise swallow the rest of the file.
const MAX_RECORD_BYTES: usize = 256 * 1024;

const UTF8_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What stands at one place of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A record with as many cells as the header. `line` is the line of the file on which it begins, from 1.
    Row { line: u64, cells: Vec<String> },
    /// A record that cannot be read: its cells as far as they can be told apart.
    Bad { line: u64, cells: Vec<String>, reason: String },
}

/// The records of a CSV file (RFC 4180), read as a stream.
///
/// Where a record begins and ends is decided here, because reading has to go on behind a broken one: a record that spans
/// lines and has the wrong shape began with a stray quote, so its first line alone is bad and the next line begins anew.
pub struct Records<R> {
    lines: Lines<R>,
    splitter: Splitter,
    header: Vec<String>,
}

impl<R: BufRead> Records<R> {
    /// Reads the header.
    pub fn open(input: R) -> io::Result<Records<R>> {
        let lines = Lines { input, number: 0, waiting: VecDeque::new() };
        let mut records = Records { lines, splitter: Splitter::new(), header: Vec::new() };
        let invalid = |reason: String| io::Error::new(io::ErrorKind::InvalidData, reason);
        match records.read(None)? {
            Some(Record::Row { cells, .. }) => records.header = cells.iter().map(|cell| cell.trim().into()).collect(),
            Some(Record::Bad { line, reason, .. }) => {
                return Err(invalid(format!("the header, line {line}, {reason}")));
            }
            None => return Err(invalid("is empty: it needs a header".to_owned())),
        }
        Ok(records)
    }

    /// The names of the columns.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The next record. Errors are the file's own: a bad record is no error.
    #[expect(clippy::should_implement_trait, reason = "it can fail")]
    pub fn next(&mut self) -> io::Result<Option<Record>> {
        self.read(Some(self.header.len()))
    }

    fn read(&mut self, width: Option<usize>) -> io::Result<Option<Record>> {
        let Some(first) = self.lines.next_filled()? else { return Ok(None) };
        if first.cut {
            return Ok(Some(bad(first.number, raw(&first.bytes), too_long())));
        }
        let mut scan = Scan::default();
        let mut spans = Vec::new();
        let mut line = first;
        let mut bytes = 0;
        let shape = loop {
            scan.feed(&line.bytes);
            bytes += line.bytes.len();
            spans.push(line);
            match scan.shape() {
                Shape::Open => {}
                closed @ (Shape::Whole | Shape::StrayQuote) => break closed,
            }
            match self.lines.next()? {
                Some(next) if !next.cut && bytes + next.bytes.len() <= MAX_RECORD_BYTES => line = next,
                Some(next) => {
                    self.lines.give_back(vec![next]);
                    break Shape::Open;
                }
                None => break Shape::Open,
            }
        };
        Ok(Some(self.judge(spans, &shape, width)))
    }

    fn judge(&mut self, mut spans: Vec<Line>, shape: &Shape, width: Option<usize>) -> Record {
        let line = spans.first().map_or(0, |first| first.number);
        let bytes: Vec<u8> = spans.iter().flat_map(|line| line.bytes.iter().copied()).collect();
        let cells = self.splitter.split(&bytes);
        let reason = match (shape, width) {
            (Shape::Open, _) => "a quote is opened and not closed".to_owned(),
            (Shape::StrayQuote, _) => "a quote within a quoted cell is not doubled".to_owned(),
            (Shape::Whole, Some(width)) if cells.len() != width => {
                format!("has {} cells where the header has {width}", cells.len())
            }
            (Shape::Whole, _) => {
                return match cells.into_iter().map(String::from_utf8).collect::<Result<Vec<_>, _>>() {
                    Ok(cells) => Record::Row { line, cells },
                    Err(_) => bad(line, self.splitter.split(&bytes), "is not UTF-8".to_owned()),
                };
            }
        };
        if spans.len() == 1 {
            return bad(line, cells, reason);
        }
        let rest = spans.split_off(1);
        self.lines.give_back(rest);
        bad(line, raw(&spans[0].bytes), reason)
    }
}

fn too_long() -> String {
    format!("is longer than {MAX_RECORD_BYTES} bytes")
}

fn bad(line: u64, cells: Vec<Vec<u8>>, reason: String) -> Record {
    let cells = cells.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect();
    Record::Bad { line, cells, reason }
}

fn raw(line: &[u8]) -> Vec<Vec<u8>> {
    vec![line.trim_ascii_end().to_vec()]
}

/// Takes records apart, one by one. A reader of the `csv` crate would be a new one for each record, and making it takes many
/// times as long as reading with it.
struct Splitter {
    reader: csv_core::Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Splitter {
    fn new() -> Splitter {
        Splitter { reader: csv_core::Reader::new(), text: Vec::new(), ends: Vec::new() }
    }

    fn split(&mut self, record: &[u8]) -> Vec<Vec<u8>> {
        self.reader.reset();
        // A cell is no longer than it is written, and each has a comma or the end behind it.
        self.text.resize(record.len(), 0);
        self.ends.resize(record.len() + 1, 0);
        let (mut result, read, written, mut cells) = self.reader.read_record(record, &mut self.text, &mut self.ends);
        if let ReadRecordResult::InputEmpty = result {
            // The last line of a file may have no line end.
            let (text, ends) = (&mut self.text[written..], &mut self.ends[cells..]);
            let (last, _, _, more) = self.reader.read_record(&record[read..], text, ends);
            (result, cells) = (last, cells + more);
        }
        let ReadRecordResult::Record = result else { return raw(record) };
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).take(cells).map(|(start, end)| self.text[start..*end].to_vec()).collect()
    }
}

/// Whether lines are a whole record.
enum Shape {
    Whole,
    /// A quoted cell goes on behind the last line.
    Open,
    /// A quoted cell was closed in its middle.
    StrayQuote,
}

/// Follows the quotes of a record, line by line.
#[derive(Default)]
struct Scan {
    at: At,
    stray: bool,
}

#[derive(Default, Clone, Copy)]
enum At {
    #[default]
    CellStart,
    Bare,
    Quoted,
    /// Behind a quote in a quoted cell: its end, or the first half of a doubled quote.
    Quote,
}

impl Scan {
    fn feed(&mut self, line: &[u8]) {
        for byte in line {
            self.at = match (self.at, byte) {
                (At::Quoted, b'"') => At::Quote,
                (At::Quoted, _) | (At::Quote | At::CellStart, b'"') => At::Quoted,
                (At::CellStart | At::Bare | At::Quote, b',' | b'\r' | b'\n') => At::CellStart,
                (At::Quote, _) => {
                    self.stray = true;
                    At::Bare
                }
                (At::CellStart | At::Bare, _) => At::Bare,
            };
        }
    }

    fn shape(&self) -> Shape {
        match self.at {
            At::Quoted => Shape::Open,
            At::CellStart | At::Bare | At::Quote if self.stray => Shape::StrayQuote,
            At::CellStart | At::Bare | At::Quote => Shape::Whole,
        }
    }
}

struct Line {
    number: u64,
    /// With its line end.
    bytes: Vec<u8>,
    /// Whether it was longer than a record may be; the rest was skipped.
    cut: bool,
}

struct Lines<R> {
    input: R,
    number: u64,
    /// Lines that were read too far.
    waiting: VecDeque<Line>,
}

impl<R: BufRead> Lines<R> {
    fn give_back(&mut self, lines: Vec<Line>) {
        for line in lines.into_iter().rev() {
            self.waiting.push_front(line);
        }
    }

    /// The next line that is not empty.
    fn next_filled(&mut self) -> io::Result<Option<Line>> {
        while let Some(line) = self.next()? {
            if !line.bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
                return Ok(Some(line));
            }
        }
        Ok(None)
    }

    fn next(&mut self) -> io::Result<Option<Line>> {
        if let Some(line) = self.waiting.pop_front() {
            return Ok(Some(line));
        }
        self.number += 1;
        let mut line = Line { number: self.number, bytes: Vec::new(), cut: false };
        loop {
            let buffer = self.input.fill_buf()?;
            let (part, ended) = match buffer.iter().position(|byte| *byte == b'\n') {
                Some(end) => (&buffer[..=end], true),
                None => (buffer, buffer.is_empty()),
            };
            let room = MAX_RECORD_BYTES - line.bytes.len();
            line.bytes.extend_from_slice(&part[..part.len().min(room)]);
            line.cut |= part.len() > room;
            let consumed = part.len();
            self.input.consume(consumed);
            if ended {
                break;
            }
        }
        if line.number == 1 && line.bytes.starts_with(UTF8_MARK) {
            line.bytes.drain(..UTF8_MARK.len());
        }
        Ok((!line.bytes.is_empty()).then_some(line))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Vec<Record> {
        let mut records = Records::open(text).unwrap();
        let mut found = Vec::new();
        while let Some(record) = records.next().unwrap() {
            found.push(record);
        }
        found
    }

    fn row(line: u64, cells: &[&str]) -> Record {
        Record::Row { line, cells: cells.iter().map(|cell| (*cell).to_owned()).collect() }
    }

    /// Lines and whether each is a row.
    fn lines(text: &[u8]) -> Vec<(u64, bool)> {
        let line = |record: &Record| match record {
            Record::Row { line, .. } => (*line, true),
            Record::Bad { line, .. } => (*line, false),
        };
        read(text).iter().map(line).collect()
    }

    #[test]
    fn a_record_keeps_its_true_line_behind_records_that_span_lines_and_empty_lines() {
        let text = "\u{feff}a, b \r\n\r\n1,\"two\r\nlines, \"\"quoted\"\"\"\r\n\n3,4";
        assert_eq!(Records::open(text.as_bytes()).unwrap().header(), ["a", "b"]);
        assert_eq!(read(text.as_bytes()), [row(3, &["1", "two\r\nlines, \"quoted\""]), row(6, &["3", "4"])]);
    }

    #[test]
    fn a_record_is_read_whatever_was_read_before_it() {
        let long = "x".repeat(1_000);
        let text = format!("a,b\n,\n{long},2\n\",\",\"\"\n1,\n,\"\"\"\"\n3,4");
        let expected = [
            row(2, &["", ""]),
            row(3, &[&long, "2"]),
            row(4, &[",", ""]),
            row(5, &["1", ""]),
            row(6, &["", "\""]),
            row(7, &["3", "4"]),
        ];
        assert_eq!(read(text.as_bytes()), expected);
    }

    #[test]
    fn records_are_taken_apart_as_by_the_csv_crate() {
        let mut splitter = Splitter::new();
        let mut texts = vec![Vec::new()];
        for _ in 0..4 {
            texts = texts.iter().flat_map(|text| b"x,\"\r\n".map(|byte| [&text[..], &[byte]].concat())).collect();
            for text in &texts {
                let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(&text[..]);
                let expected = reader.byte_records().next().map(Result::unwrap);
                let expected = expected.map_or_else(|| raw(text), |cells| cells.iter().map(<[u8]>::to_vec).collect());
                assert_eq!(splitter.split(text), expected, "{:?}", String::from_utf8_lossy(text));
            }
        }
    }

    #[test]
    fn a_stray_quote_costs_its_own_line_only() {
        // Taken as one record the two broken lines would have the header's two cells.
        assert_eq!(lines(b"a,b\n\"x,1\ny\",2\nz,3\n"), [(2, true), (4, true)]);
        assert_eq!(lines(b"a,b\n\"x,1\n\"y\",2\nz,3\n"), [(2, false), (3, true), (4, true)]);
        assert_eq!(lines(b"a,b\nx,\"1\ny,2\nz,3"), [(2, false), (3, true), (4, true)]);
        assert_eq!(lines(b"a,b\n\"x\"x,1\ny,2\n"), [(2, false), (3, true)]);
        assert_eq!(lines(b"a,b\nx,say \"yes\"\n"), [(2, true)]);
    }

    #[test]
    fn a_row_that_is_not_utf8_or_has_the_wrong_shape_is_bad_and_the_next_is_read() {
        assert_eq!(lines(b"a,b\n\xff,1\nx,2\n"), [(2, false), (3, true)]);
        assert_eq!(lines(b"a,b\n1\n1,2,3\nx,2\n"), [(2, false), (3, false), (4, true)]);
        assert!(Records::open(&b""[..]).is_err() && Records::open(&b"\xff,b\n"[..]).is_err());
    }

    #[test]
    fn a_quote_that_is_never_closed_does_not_swallow_a_large_file() {
        let mut text = b"a,b\n\"x,1\n".to_vec();
        let rows = 2 * MAX_RECORD_BYTES / 4;
        text.extend(b"y,2\n".repeat(rows));
        let found = lines(&text);
        assert_eq!((found[0], found.len()), ((2, false), rows + 1));
        assert!(found[1..].iter().all(|(_, good)| *good));
        let long = format!("a,b\n{},1\nx,2\n", "y".repeat(3 * MAX_RECORD_BYTES));
        assert_eq!(lines(long.as_bytes()), [(2, false), (3, true)]);
    }
}
