use std::error::Error;

/// An error with the whole chain of its causes on one line: "client error (Connect)" alone tells nobody anything.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
