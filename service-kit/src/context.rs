use std::{
    fmt::Display,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use opentelemetry::trace::SpanContext;
use uuid::{ContextV7, Timestamp, Uuid, timestamp::context::ThreadLocalContext};

/// What belongs to the request being served and travels with every call made for it.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// The id under which the request is found in every service's log.
    pub request_id: Arc<str>,
    /// Where in a trace it is, if anybody traces it.
    pub(crate) trace: Option<SpanContext>,
    /// When nobody waits for the answer any more; `None` for work that nobody waits for.
    pub deadline: Option<Instant>,
    found: Arc<Mutex<Found>>,
}

/// What shows while the request is served.
#[derive(Debug, Default)]
struct Found {
    /// Headers that the answer gets besides those of its handler.
    headers: Vec<(&'static str, &'static str)>,
    about: About,
    /// Changes that another service was asked for, and may have made.
    changes_sent: usize,
}

/// The orders that a request is about.
#[derive(Debug, Default)]
enum About {
    #[default]
    Nothing,
    Order(String),
    /// Then it is about no one order.
    Orders,
}

tokio::task_local! {
    static CURRENT: RequestContext;
}

thread_local! {
    /// The ids of a thread are in the order of their requests: that of all threads together is nobody's to wait for.
    static IDS: ContextV7 = const { ContextV7::new() };
}

fn fresh_id() -> Arc<str> {
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    let id = Uuid::new_v7(Timestamp::now(ThreadLocalContext::new(&IDS)));
    Arc::from(&*id.as_hyphenated().encode_lower(&mut text))
}

/// Characters in a request id at most; a longer one from outside is replaced.
const MAX_REQUEST_ID_CHARS: usize = 128;

/// The milliseconds that whoever asks will still wait. Each hop passes on what is left.
pub const DEADLINE_HEADER: &str = "x-deadline-ms";

impl RequestContext {
    /// A context with an id of our own.
    pub fn fresh() -> Self {
        RequestContext { request_id: fresh_id(), trace: None, deadline: None, found: Arc::default() }
    }

    /// The caller's id where it is short and plain, so that it cannot forge log lines; else one of our own.
    pub fn taken_or_given(header: Option<&str>) -> Self {
        let plain = |id: &str| id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte));
        match header {
            Some(id) if !id.is_empty() && id.len() <= MAX_REQUEST_ID_CHARS && plain(id) => {
                RequestContext { request_id: Arc::from(id), trace: None, deadline: None, found: Arc::default() }
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
    pub fn set_header(&self, name: &'static str, value: &'static str) {
        let headers = &mut self.found().headers;
        headers.retain(|(known, _)| *known != name);
        headers.push((name, value));
    }

    /// Adds a header to the answer, unless it was added before.
    pub fn set_header_once(&self, name: &'static str, value: &'static str) {
        let headers = &mut self.found().headers;
        if headers.iter().all(|(known, _)| *known != name) {
            headers.push((name, value));
        }
    }

    /// Takes a header back that was added to the answer.
    pub fn drop_header(&self, name: &str) {
        self.found().headers.retain(|(known, _)| *known != name);
    }

    /// Notes that another service is about to be asked for a change.
    pub fn change_is_sent(&self) {
        self.found().changes_sent += 1;
    }

    /// Notes that the change which was about to be asked for was not: nothing left, or nobody looked at it.
    pub fn change_was_not_sent(&self) {
        let sent = &mut self.found().changes_sent;
        *sent = sent.saturating_sub(1);
    }

    /// Whether another service may have changed something for this request.
    pub fn may_have_changed(&self) -> bool {
        self.found().changes_sent > 0
    }

    pub(crate) fn take_headers(&self) -> Vec<(&'static str, &'static str)> {
        std::mem::take(&mut self.found().headers)
    }

    /// The request is about this order, which is kept only where somebody follows the request.
    pub(crate) fn about(&self, order_id: &dyn Display) {
        if self.trace.is_none() {
            return;
        }
        let (told, about) = (order_id.to_string(), &mut self.found().about);
        *about = match std::mem::take(about) {
            About::Nothing => About::Order(told),
            About::Order(known) if known == told => About::Order(known),
            About::Order(_) | About::Orders => About::Orders,
        };
    }

    /// As [`about`](Self::about), of the request that this task serves.
    pub(crate) fn tell_current(order_id: &dyn Display) {
        // Outside of any request there is nobody to tell.
        let _told = CURRENT.try_with(|context| context.about(order_id));
    }

    /// The one order that the request is about, as far as is known.
    pub(crate) fn order_id(&self) -> Option<String> {
        match &self.found().about {
            About::Order(order_id) => Some(order_id.clone()),
            About::Nothing | About::Orders => None,
        }
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
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
    ///
    /// It is no `async fn`, which would have room for `work` twice.
    pub fn scope<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, work)
    }
}
