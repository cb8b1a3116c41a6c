use std::future::Future;

use opentelemetry::trace::SpanContext;
use uuid::Uuid;

/// What belongs to the request being served and travels with every call made for it.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// The id under which the request is found in every service's log.
    pub request_id: String,
    /// Where in a trace it is, if anybody traces it.
    pub(crate) trace: Option<SpanContext>,
}

tokio::task_local! {
    static CURRENT: RequestContext;
}

/// Characters in a request id at most; a longer one from outside is replaced.
const MAX_REQUEST_ID_CHARS: usize = 128;

impl RequestContext {
    /// A context with an id of our own.
    pub fn fresh() -> Self {
        RequestContext { request_id: Uuid::now_v7().to_string(), trace: None }
    }

    /// The caller's id where it is short and plain, so that it cannot forge log lines; else one of our own.
    pub fn taken_or_given(header: Option<&str>) -> Self {
        let plain = |id: &str| id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte));
        match header {
            Some(id) if !id.is_empty() && id.len() <= MAX_REQUEST_ID_CHARS && plain(id) => {
                RequestContext { request_id: id.to_owned(), trace: None }
            }
            _ => RequestContext::fresh(),
        }
    }

    /// The context of the request that this task serves; a fresh one outside of any.
    pub fn current() -> Self {
        CURRENT.try_with(Clone::clone).unwrap_or_else(|_| RequestContext::fresh())
    }

    /// Runs `work` for this request: its calls carry the request's id.
    pub async fn scope<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }
}
