//! The ways in which a call can end.

use std::{fmt, sync::Arc, time::Duration};

use actix_web::web::Bytes;
use reqwest::{
    StatusCode,
    header::{HeaderMap, HeaderName},
};
use shared_types::{Code, Problem};

/// How a call to another service ended. Only `Refused` may lead to an undo; `Unknown` is asked again with the same ids.
#[derive(Debug)]
pub enum Outcome<T> {
    /// The other side answered, and its answer is what was expected.
    Done(T),
    /// The other side definitely refused: a 4xx with a problem document of ours.
    Refused(Box<Problem>),
    /// No answer: a time-out, a broken connection, a 5xx, a 429, a stranger's page, a route that is not there.
    Unknown(NoAnswer),
}

impl<T> Outcome<T> {
    /// The same outcome, with what was answered turned into something else.
    pub fn map<U>(self, turn: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Outcome::Done(answer) => Outcome::Done(turn(answer)),
            Outcome::Refused(problem) => Outcome::Refused(problem),
            Outcome::Unknown(no_answer) => Outcome::Unknown(no_answer),
        }
    }
}

/// Why there was no answer, for the log.
#[derive(Debug)]
pub struct NoAnswer(pub String);

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a call has no answer, where it matters whether it was sent at all.
#[derive(Debug)]
pub enum Silence {
    /// It never left: nothing was carried out.
    NotSent(NotSent),
    /// It left, and may have been carried out.
    Lost(NoAnswer),
}

/// Why a call was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// Too many calls to the service are under way already.
    #[error("too many calls to it are under way")]
    Busy(Duration),
    /// The service has not answered for a while, and is left alone.
    #[error("it has not answered for a while and is asked again in a moment")]
    Broken(Duration),
    /// Whoever wants the answer does not wait any longer.
    #[error("no time is left for the call")]
    NoTime,
    /// The call cannot be made as it is.
    #[error("{0}")]
    Impossible(String),
}

impl NotSent {
    /// What the one who wanted the answer is told.
    pub fn problem(&self, service: &str) -> Problem {
        let after = |code, pause: &Duration| {
            let seconds = i64::try_from(pause.as_secs()).unwrap_or(i64::MAX).saturating_add(1);
            Problem::new(code, format!("the {service} service was not asked: {self}")).retry_after_s(seconds)
        };
        match self {
            NotSent::Busy(pause) => after(Code::Overloaded, pause),
            NotSent::Broken(pause) => after(Code::Unavailable, pause),
            NotSent::NoTime => Problem::new(Code::DeadlineExceeded, "the time for the request is over"),
            // The reason names addresses: it is for the log.
            NotSent::Impossible(_) => Problem::new(Code::Unavailable, format!("the {service} service was not asked")),
        }
    }
}

impl From<Silence> for NoAnswer {
    fn from(silence: Silence) -> NoAnswer {
        match silence {
            Silence::NotSent(why) => NoAnswer(format!("not asked: {why}")),
            Silence::Lost(no_answer) => no_answer,
        }
    }
}

/// An answer that nobody has looked into.
#[derive(Debug, Clone)]
pub struct RawAnswer {
    pub status: StatusCode,
    pub headers: Arc<HeaderMap>,
    pub body: Bytes,
}

impl RawAnswer {
    /// An answer as if it had come.
    pub fn made(status: StatusCode, headers: &[(&'static str, &str)], body: &str) -> RawAnswer {
        let read = |text: &str| text.parse().expect("BUG: a header made here is one");
        let headers = headers.iter().map(|(name, text)| (HeaderName::from_static(name), read(text)));
        RawAnswer { status, headers: Arc::new(headers.collect()), body: Bytes::copy_from_slice(body.as_bytes()) }
    }

    /// The text of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The same answer with these headers and no others, to be kept: its body is a copy, since what was read may be a part of
    /// a buffer that is much larger.
    pub fn with_headers_only(&self, names: &[&'static str]) -> RawAnswer {
        let kept =
            names.iter().filter_map(|name| Some((HeaderName::from_static(name), self.headers.get(*name)?.clone())));
        RawAnswer { status: self.status, headers: Arc::new(kept.collect()), body: Bytes::copy_from_slice(&self.body) }
    }

    /// The seconds in `Retry-After`; a date there says nothing.
    pub fn retry_after_s(&self) -> Option<i64> {
        self.headers.get("retry-after")?.to_str().ok()?.parse().ok().filter(|seconds| *seconds >= 0)
    }
}
