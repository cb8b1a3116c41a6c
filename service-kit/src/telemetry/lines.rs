//! Lines of the log. The request's id is taken from what travels with the request: a span for each request would cost more
//! than its line. No line has fields of spans.

use std::{
    cell::Cell,
    fmt::{Arguments, Debug, Result as FmtResult, Write},
};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{Compact, Format, Writer},
    },
    layer::{Context, Layer},
    registry::LookupSpan,
};

use super::output::{Output, Target};
use crate::{Clock, context::RequestContext};

/// Bytes of an ordinary line.
const LINE_BYTES: usize = 320;
/// A longer line's room is not kept for the next one.
const MAX_KEPT_LINE_BYTES: usize = 16 * 1024;

/// One JSON object a line: time, level, the event's fields, where it is from, the request's id.
pub(super) struct JsonLines<T: 'static>(pub(super) &'static Output<T>);

thread_local! {
    /// Room for the next line of this thread. Taken for as long as a line is made: what is written down may have something
    /// to say itself.
    static ROOM: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl<S: Subscriber, T: Target> Layer<S> for JsonLines<T> {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = ROOM.take();
        line.clear();
        line.reserve(LINE_BYTES);
        write_event(&mut line, event);
        self.0.add_line(event.metadata(), &line);
        if line.capacity() <= MAX_KEPT_LINE_BYTES {
            ROOM.set(line);
        }
    }
}

fn write_event(line: &mut Vec<u8>, event: &Event<'_>) {
    let metadata = event.metadata();
    // Nothing in a time or a level is escaped, nor in the id of a request, which is plain or one of ours.
    push(line, "{\"timestamp\":\"");
    let _fits = Raw(line).write_fmt(format_args!("{}", Clock::system().now()));
    push(line, "\",\"level\":\"");
    push(line, metadata.level().as_str());
    push(line, "\"");
    event.record(&mut Members(line));
    Members(line).next("target").text(metadata.target());
    RequestContext::with_id(|request_id| {
        push(line, ",\"request_id\":\"");
        push(line, request_id);
        push(line, "\"");
    });
    push(line, "}\n");
}

fn push(line: &mut Vec<u8>, text: &str) {
    line.extend_from_slice(text.as_bytes());
}

/// Text that is written as it is.
struct Raw<'a>(&'a mut Vec<u8>);

impl Write for Raw<'_> {
    fn write_str(&mut self, text: &str) -> FmtResult {
        push(self.0, text);
        Ok(())
    }
}

/// Further members of a JSON object. By hand, since nearly all of a line is text in which nothing has to be escaped:
/// `serde_json` looks at each byte of it by itself, which takes as long as all the rest.
struct Members<'a>(&'a mut Vec<u8>);

/// The value of a member, to be written next.
struct Value<'a>(&'a mut Vec<u8>);

impl Members<'_> {
    fn next(&mut self, name: &str) -> Value<'_> {
        self.0.push(b',');
        Value(self.0).text(name);
        self.0.push(b':');
        Value(self.0)
    }
}

impl Value<'_> {
    fn text(self, text: &str) {
        self.0.push(b'"');
        push_escaped(self.0, text);
        self.0.push(b'"');
    }

    /// What a value has written of itself, where it says that it cannot be written.
    fn formatted(self, value: Arguments<'_>) {
        self.0.push(b'"');
        let _written = Escaped(self.0).write_fmt(value);
        self.0.push(b'"');
    }

    /// A number, `true` or `false`; numbers that JSON has not are null.
    fn plain(self, value: impl serde::Serialize) {
        serde_json::to_writer(self.0, &value).expect("BUG: numbers serialise, and memory takes them");
    }
}

/// Escapes what is written, for the inside of a JSON string.
struct Escaped<'a>(&'a mut Vec<u8>);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> FmtResult {
        push_escaped(self.0, text);
        Ok(())
    }
}

fn push_escaped(line: &mut Vec<u8>, text: &str) {
    // Without an early end and in bytes, so that many of them are looked at in one step.
    let is_special = |byte: u8| u8::from(byte < b' ') | u8::from(byte == b'"') | u8::from(byte == b'\\');
    if text.bytes().fold(0, |found, byte| found | is_special(byte)) != 0 {
        let quoted = serde_json::to_string(text).expect("BUG: text serialises");
        line.extend_from_slice(&quoted.as_bytes()[1..quoted.len() - 1]);
    } else {
        push(line, text);
    }
}

impl Visit for Members<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.next(field.name()).plain(value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.next(field.name()).plain(value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.next(field.name()).plain(value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.next(field.name()).plain(value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.next(field.name()).text(value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.next(field.name()).formatted(format_args!("{value:?}"));
    }
}

/// For a person's eyes: the usual line, and the request's id at its end.
pub(super) struct PrettyLines(pub(super) Format<Compact>);

impl<S, N> FormatEvent<S, N> for PrettyLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, around: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> FmtResult {
        let mut line = String::with_capacity(LINE_BYTES);
        self.0.format_event(around, Writer::new(&mut line), event)?;
        writer.write_str(line.trim_end())?;
        RequestContext::with_id(|request_id| write!(writer, " request_id={request_id}")).unwrap_or(Ok(()))?;
        writer.write_char('\n')
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::{fmt::Formatter, sync::mpsc::Receiver};

    use serde_json::{Value as Json, json};
    use tracing_subscriber::{layer::SubscriberExt, registry};

    use super::{super::output::testing, *};

    /// The lines that `work` writes.
    fn lines(work: impl FnOnce()) -> Vec<Json> {
        let (output, told): (_, Receiver<String>) = testing::output();
        tracing::subscriber::with_default(registry().with(JsonLines(output)), work);
        told.try_iter().map(|line| serde_json::from_str(line.strip_suffix('\n').unwrap()).unwrap()).collect()
    }

    #[test]
    fn every_value_is_what_it_was_whatever_is_in_it() {
        let nasty = "a \"quoted\" \\ line\nwith\tsigns \u{1} \u{7f} and more: e\u{301} \u{1f4da}";
        let work =
            || tracing::info!(text = nasty, debug = ?nasty, shown = %nasty, n = -3, f = f64::NAN, is = true, "{nasty}");
        let [line] = lines(|| RequestContext::taken_or_given(Some("r-1")).sync_scope(work)).try_into().unwrap();
        for (name, value) in [
            ("text", json!(nasty)),
            ("debug", json!(format!("{nasty:?}"))),
            ("shown", json!(nasty)),
            ("message", json!(nasty)),
            ("n", json!(-3)),
            ("f", Json::Null),
            ("is", json!(true)),
            ("level", json!("INFO")),
            ("target", json!(module_path!())),
            ("request_id", json!("r-1")),
        ] {
            assert_eq!(line[name], value, "{name}");
        }
        let timestamp: shared_types::Timestamp = serde_json::from_value(line["timestamp"].clone()).unwrap();
        assert!(timestamp <= Clock::system().now());
    }

    /// Says half of what it is, and then that it cannot be written.
    struct Awkward;

    impl Debug for Awkward {
        fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
            f.write_str("half")?;
            Err(std::fmt::Error)
        }
    }

    #[test]
    fn a_value_that_cannot_be_written_breaks_no_line() {
        let [line] = lines(|| tracing::info!(awkward = ?Awkward, "whole")).try_into().unwrap();
        assert_eq!((&line["message"], &line["awkward"]), (&json!("whole"), &json!("half")));
    }
}
