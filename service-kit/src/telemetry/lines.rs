//! Lines of the log. The request's id is taken from what travels with the request: a span for each request would cost more
//! than its line. No line has fields of spans.

use std::{
    cell::Cell,
    fmt::{Debug, Result as FmtResult},
};

use serde::ser::{SerializeMap, Serializer as _};
use serde_json::Serializer;
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
        // What cannot be written as JSON (a map with keys that are no text) is no line.
        if write_event(&mut line, event).is_ok() {
            line.push(b'\n');
            self.0.add_line(event.metadata(), &line);
        }
        if line.capacity() <= MAX_KEPT_LINE_BYTES {
            ROOM.set(line);
        }
    }
}

fn write_event(line: &mut Vec<u8>, event: &Event<'_>) -> Result<(), serde_json::Error> {
    let metadata = event.metadata();
    let mut serializer = Serializer::new(line);
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("timestamp", &Clock::system().now())?;
    map.serialize_entry("level", metadata.level().as_str())?;
    let mut fields = Fields { map, failed: None };
    event.record(&mut fields);
    let Fields { mut map, failed } = fields;
    if let Some(error) = failed {
        return Err(error);
    }
    map.serialize_entry("target", metadata.target())?;
    RequestContext::with_id(|request_id| map.serialize_entry("request_id", request_id)).unwrap_or(Ok(()))?;
    map.end()
}

/// Writes an event's fields into the object.
struct Fields<M: SerializeMap> {
    map: M,
    failed: Option<M::Error>,
}

impl<M: SerializeMap> Fields<M> {
    fn entry<T: serde::Serialize + ?Sized>(&mut self, field: &Field, value: &T) {
        if self.failed.is_none() {
            self.failed = self.map.serialize_entry(field.name(), value).err();
        }
    }
}

impl<M: SerializeMap> Visit for Fields<M> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.entry(field, &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.entry(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.entry(field, &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.entry(field, &value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.entry(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.entry(field, &format_args!("{value:?}"));
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
