//! Spans of a trace. They are carried by the request's context, not by the thread: a span that a task has left open
//! is nobody's parent by accident.

use std::{
    collections::{BTreeSet, HashMap},
    fmt::Display,
    sync::atomic::{AtomicBool, Ordering},
};

use actix_web::{
    dev::ServiceRequest,
    http::header::{HeaderMap, HeaderName, LOCATION},
};
use opentelemetry::{
    Context,
    propagation::{Extractor, Injector, TextMapPropagator},
    trace::{SpanContext, TraceContextExt},
};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use reqwest::Url;
use tracing::{Span, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::orders;
use crate::context::RequestContext;

/// The target of spans that are exported. They are no log lines, and spans of the log are not exported.
pub(super) const EXPORTED: &str = "lastcopy_trace";

/// Whether this process sends spans to a collector. Without one nothing is made for them: only what a caller's headers say
/// of his trace is passed on.
static EXPORTS: AtomicBool = AtomicBool::new(false);

/// To be called before the first request.
pub(super) fn begin_export() {
    EXPORTS.store(true, Ordering::Relaxed);
}

fn exports() -> bool {
    EXPORTS.load(Ordering::Relaxed)
}

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Reads the W3C headers `traceparent` and `tracestate` of a request.
fn parent_in(headers: &HeaderMap) -> Option<SpanContext> {
    headers.get(TRACEPARENT)?;
    let found = TraceContextPropagator::new().extract_with_context(&Context::new(), &Headers(headers));
    valid(found.span().span_context())
}

/// A request that is being served.
pub(crate) fn server(request: &ServiceRequest, route: Option<&str>) -> Exported {
    let parent = parent_in(request.headers());
    if !exports() {
        return Exported::nothing(parent);
    }
    let (method, path) = (request.method().as_str(), request.path());
    let name = route.map_or_else(|| method.to_owned(), |route| format!("{method} {route}"));
    let span = tracing::info_span!(
        target: EXPORTED, parent: None, "server", otel.name = name, otel.kind = "server", otel.status_code = Empty,
        order_id = Empty,
        http.request.method = method, http.route = route, url.path = path, http.response.status_code = Empty,
    );
    Exported::beneath(span, parent)
}

/// A call to another service, for the request that is there in `context`.
pub(crate) fn client(context: &RequestContext, method: &str, server: &Url, path: &str) -> Exported {
    if !exports() {
        return Exported::nothing(context.trace.clone());
    }
    let server = place(server);
    let name = format!("{method} {server}");
    let path = path.split('?').next().unwrap_or_default();
    let span = tracing::info_span!(
        target: EXPORTED, parent: None, "client", otel.name = name, otel.kind = "client", otel.status_code = Empty,
        order_id = Empty,
        http.request.method = method, server.address = server, url.path = path, http.response.status_code = Empty,
    );
    Exported::beneath(span, context.trace.clone())
}

/// Runs work as a span of its own, beneath the request it belongs to or as the beginning of a trace. The order is found
/// by its id wherever spans are kept.
pub async fn traced<F: Future>(name: &'static str, order_id: &(dyn Display + Sync), work: F) -> F::Output {
    if !exports() {
        return work.await;
    }
    let context = RequestContext::current();
    context.about(order_id);
    let span = tracing::info_span!(target: EXPORTED, parent: None, "work", otel.name = name, order_id = %order_id);
    let span = Exported::beneath(span, context.trace.clone());
    span.context(context).scope(work).await
}

/// Runs the sending of events about these subjects: each order among them gets a span of its own, since a span is of one
/// order. The call itself is beneath the first of them.
pub(crate) async fn telling<'a, F, S>(subjects: S, work: F) -> F::Output
where
    F: Future,
    S: IntoIterator<Item = &'a str>,
{
    if !exports() {
        return work.await;
    }
    let context = RequestContext::current();
    let told: BTreeSet<&str> = subjects.into_iter().filter_map(orders::in_subject).collect();
    let span =
        |order_id| tracing::info_span!(target: EXPORTED, parent: None, "work", otel.name = "tell", order_id = order_id);
    let spans: Vec<Exported> = told.into_iter().map(|order_id| Exported::beneath(span(order_id), None)).collect();
    match spans.first() {
        Some(first) => first.context(context).scope(work).await,
        None => work.await,
    }
}

/// What is being served or done here is about this order. Nothing at all where nobody follows it.
pub fn about(order_id: impl Display) {
    RequestContext::tell_current(&order_id);
}

/// Host and port: an address may have more in front of them, which is nobody's business.
fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// A span that ends with this value. Nothing at all where no collector is configured.
pub(crate) struct Exported {
    span: Span,
    own: Option<SpanContext>,
    parent: Option<SpanContext>,
}

impl Exported {
    fn nothing(parent: Option<SpanContext>) -> Exported {
        Exported { span: Span::none(), own: None, parent }
    }

    fn beneath(span: Span, parent: Option<SpanContext>) -> Exported {
        if let Some(parent) = &parent {
            let above = Context::new().with_remote_span_context(parent.clone());
            if span.set_parent(above).is_err() {
                tracing::debug!("a span begins a trace of its own");
            }
        }
        let own = valid(span.context().span().span_context());
        Exported { span, own, parent }
    }

    /// The same request; what is called for it is beneath this span.
    pub(crate) fn context(&self, mut context: RequestContext) -> RequestContext {
        context.trace = self.here().cloned();
        context
    }

    /// The headers by which the other side continues the trace, ours or the one that was handed to us.
    pub(crate) fn headers(&self) -> HashMap<String, String> {
        let mut headers = HashMap::new();
        if let Some(here) = self.here() {
            let context = Context::new().with_remote_span_context(here.clone());
            TraceContextPropagator::new().inject_context(&context, &mut Plain(&mut headers));
        }
        headers
    }

    /// Ends a call: its path names the order, or else the answer's `Location` does.
    pub(crate) fn called(&self, path: &str, location: Option<&str>, context: &RequestContext) {
        let named = || orders::in_path(path).or_else(|| location.and_then(orders::in_path));
        if !self.span.is_disabled()
            && let Some(order_id) = named()
        {
            context.about(&order_id);
            self.span.record("order_id", order_id);
        }
    }

    /// Ends a request: its path names the order, or else what was done for it has told.
    pub(crate) fn served(&self, path: &str, answer: &HeaderMap, context: &RequestContext) {
        if self.span.is_disabled() {
            return;
        }
        let location = answer.get(LOCATION).and_then(|location| location.to_str().ok());
        let named = orders::in_path(path).or_else(|| location.and_then(orders::in_path)).map(str::to_owned);
        if let Some(order_id) = named.or_else(|| context.order_id()) {
            self.span.record("order_id", order_id);
        }
    }

    /// With this status, or without an answer.
    pub(crate) fn ended(&self, status: Option<u16>) {
        if let Some(status) = status {
            self.span.record("http.response.status_code", status);
        }
        if status.is_none_or(|status| status >= 500) {
            self.span.record("otel.status_code", "ERROR");
        }
    }

    fn here(&self) -> Option<&SpanContext> {
        self.own.as_ref().or(self.parent.as_ref())
    }
}

fn valid(context: &SpanContext) -> Option<SpanContext> {
    context.is_valid().then(|| context.clone())
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(|name| name.as_str()).collect()
    }
}

/// An empty `tracestate` is left out.
struct Plain<'a>(&'a mut HashMap<String, String>);

impl Injector for Plain<'_> {
    fn set(&mut self, key: &str, value: String) {
        if !value.is_empty() {
            self.0.insert(key.to_owned(), value);
        }
    }
}
