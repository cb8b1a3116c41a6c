use std::{fmt, str::FromStr};

use tracing_subscriber::{EnvFilter, fmt::format::FmtSpan};

/// How log lines look. They go to standard error; standard output belongs to the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// One JSON object a line: `timestamp`, `level`, `message`, the fields, and those of the request.
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

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let filter = DISCREET.into_iter().fold(filter, |filter, directive| {
        filter.add_directive(directive.parse().expect("BUG: the directives of discretion are directives"))
    });
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_span_events(FmtSpan::NONE);
    let outcome = match format {
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init(),
        LogFormat::Pretty => builder.compact().try_init(),
    };
    if outcome.is_err() {
        tracing::debug!("logging was set up before");
    }
}
