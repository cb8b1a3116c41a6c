//! Logging, and spans on their way to a collector.

/// Lines of the log.
mod lines;
/// Which order something is about.
pub(crate) mod orders;
/// Lines on their way to standard error.
mod output;
/// Spans, and the headers that carry a trace from service to service.
pub(crate) mod spans;
/// Spans on their way to a collector.
mod traces;

use std::{
    fmt::{Display, Formatter, Result as FmtResult},
    str::FromStr,
};

use opentelemetry::trace::TracerProvider;
use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::filter_fn,
    fmt::{self, format::FmtSpan},
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use lines::{JsonLines, PrettyLines};
pub(crate) use output::Together;
pub use spans::{about, traced};
pub use traces::{Traces, TracesError};

/// How log lines look. They go to standard error; standard output belongs to the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// One JSON object a line: `timestamp`, `level`, `message`, the fields, `target`, and the request's `request_id`.
    #[default]
    Json,
    /// For a person's eyes.
    Pretty,
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "json" => Ok(LogFormat::Json),
            "pretty" => Ok(LogFormat::Pretty),
            other => Err(format!("{other:?} is neither json nor pretty")),
        }
    }
}

impl Display for LogFormat {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        f.write_str(match self {
            LogFormat::Json => "json",
            LogFormat::Pretty => "pretty",
        })
    }
}

/// Libraries that write down what passes through them, addresses of people and hashes of passwords included, where they
/// are asked for everything.
const DISCREET: [&str; 1] = ["tokio_postgres=info"];

/// Sets up logging for the whole process. `filter` is a level or a list of directives as `tracing` has them
/// (`info`, `order_service=debug,warn`). A second call changes nothing: services share the launcher's log.
pub fn init(format: LogFormat, filter: &str) {
    init_with(format, filter, None);
}

/// As [`init`], and sends spans to a collector.
pub(crate) fn init_with(format: LogFormat, filter: &str, traces: Option<&Traces>) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    // What goes to a collector is no line.
    let no_lines = format!("{}=off", spans::EXPORTED);
    let filter = DISCREET.into_iter().chain([no_lines.as_str()]).fold(filter, |filter, directive| {
        filter.add_directive(directive.parse().expect("BUG: our own directives are directives"))
    });
    // One filter for everything lets each place in the code know once and for all whether it is heard: with filters of their
    // own for lines and spans each event, of the quietest library too, would ask anew.
    let outcome = match traces {
        None => tracing_subscriber::registry().with(filter).with(lines(format)).try_init(),
        Some(traces) => {
            spans::begin_export();
            let exported = tracing_opentelemetry::layer().with_tracer(traces.0.tracer("lastcopy")).with_location(false);
            let exported = exported.with_threads(false);
            let exported = exported.with_filter(filter_fn(|metadata| metadata.target() == spans::EXPORTED));
            tracing_subscriber::registry().with(lines(format).with_filter(filter)).with(exported).try_init()
        }
    };
    if outcome.is_err() {
        tracing::debug!("logging was set up before");
    }
}

/// The lines of the log, on standard error.
fn lines<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let output = output::standard_error();
    match format {
        LogFormat::Json => JsonLines(output).boxed(),
        LogFormat::Pretty => {
            let lines = fmt::layer().with_writer(output).with_span_events(FmtSpan::NONE);
            lines.event_format(PrettyLines(fmt::format().compact())).boxed()
        }
    }
}
