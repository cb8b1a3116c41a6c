use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use opentelemetry::trace::SpanContext;
use uuid::Uuid;

/// What belongs to the request being served and travels with every call made for it.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// The id under which the request is found in every service's log.
    pub request_id: String,
    /// Where in a trace it is, if anybody traces it.
    pub(crate) trace: Option<SpanContext>,
    /// When nobody waits for the answer any more; `None` for work that nobody waits for.
    pub deadline: Option<Instant>,
    /// Headers that the answer gets besides those of its handler.
    headers: Arc<Mutex<Vec<(&'static str, String)>>>,
}

tokio::task_local! {
    static CURRENT: RequestContext;
}

/// Characters in a request id at most; a longer one from outside is replaced.
const MAX_REQUEST_ID_CHARS: usize = 128;

/// The milliseconds that whoever asks will still wait. Each hop passes on what is left.
pub const DEADLINE_HEADER: &str = "x-deadline-ms";

impl RequestContext {
    /// A context with an id of our own.
    pub fn fresh() -> Self {
        RequestContext { request_id: Uuid::now_v7().to_string(), trace: None, deadline: None, headers: Arc::default() }
    }

    /// The caller's id where it is short and plain, so that it cannot forge log lines; else one of our own.
    pub fn taken_or_given(header: Option<&str>) -> Self {
        let plain = |id: &str| id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte));
        match header {
            Some(id) if !id.is_empty() && id.len() <= MAX_REQUEST_ID_CHARS && plain(id) => {
                RequestContext { request_id: id.to_owned(), trace: None, deadline: None, headers: Arc::default() }
            }
            _ => RequestContext::fresh(),
        }
    }

    /// The same, awaited until then.
    #[must_use]
    pub fn until(self, deadline: Instant) -> Self {
        RequestContext { deadline: Some(deadline), ..self }
    }

    /// The same for work that goes on when the request has been answered.
    #[must_use]
    pub fn without_deadline(self) -> Self {
        RequestContext { deadline: None, ..self }
    }

    /// Whether it is part of a trace.
    pub fn is_traced(&self) -> bool {
        self.trace.is_some()
    }

    /// How long the answer is still awaited, where anybody waits for it.
    pub fn time_left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Adds a header to the answer, or replaces the one that was added before.
    pub fn set_header(&self, name: &'static str, value: impl Into<String>) {
        let mut headers = self.headers.lock().unwrap_or_else(PoisonError::into_inner);
        headers.retain(|(known, _)| *known != name);
        headers.push((name, value.into()));
    }

    /// The value of a header that was added to the answer.
    pub fn header(&self, name: &str) -> Option<String> {
        let headers = self.headers.lock().unwrap_or_else(PoisonError::into_inner);
        headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
    }

    pub(crate) fn take_headers(&self) -> Vec<(&'static str, String)> {
        std::mem::take(&mut self.headers.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The context of the request that this task serves; a fresh one outside of any.
    pub fn current() -> Self {
        CURRENT.try_with(Clone::clone).unwrap_or_else(|_| RequestContext::fresh())
    }

    /// Looks at the id of the request that this task serves; nothing outside of any.
    pub(crate) fn with_id<T>(look: impl FnOnce(&str) -> T) -> Option<T> {
        CURRENT.try_with(|context| look(&context.request_id)).ok()
    }

    /// Runs `work`, which does not wait for anything, for this request.
    pub(crate) fn sync_scope<T>(self, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self, work)
    }

    /// Runs `work` for this request: its calls carry the request's id and what is left of its time.
    pub async fn scope<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }
}
