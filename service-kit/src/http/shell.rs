use std::{
    future::poll_fn,
    mem,
    panic::AssertUnwindSafe,
    pin::{Pin, pin},
    rc::Rc,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use actix_web::{
    Error, HttpResponse,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        ConnectionType, StatusCode, Uri,
        header::{
            CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS,
        },
    },
    middleware::Next,
};
use futures_util::{FutureExt, poll};
use percent_encoding::percent_decode_str;
use shared_types::{Code, Problem};

use super::{
    conditional::Known,
    draining::Draining,
    layer::Layer,
    limits::{MAX_HEAD_BYTES, MAX_URI_BYTES, REQUEST_DEADLINE_MS},
    load::Load,
    reply::problem_response,
    routes::route_of,
};
use crate::{
    context::{DEADLINE_HEADER, RequestContext},
    metrics::HttpMetrics,
    telemetry::spans,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const DEADLINE: HeaderName = HeaderName::from_static(DEADLINE_HEADER);
const PROCESS_TIME: HeaderName = HeaderName::from_static("x-process-time");
/// No browser guesses that JSON is a page.
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");

/// What a worker has around every request.
pub(super) struct Shell<L> {
    pub(super) layer: Arc<L>,
    pub(super) load: Load,
    pub(super) metrics: HttpMetrics,
    pub(super) draining: Draining,
}

impl<L: Layer> Shell<L> {
    /// Its id, its limits and deadline, its log line, and a problem document for every failure.
    pub(super) async fn around(
        self: Rc<Self>,
        request: ServiceRequest,
        next: Next<BoxBody>,
    ) -> Result<ServiceResponse<BoxBody>, Error> {
        let started = Instant::now();
        let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
        let context = RequestContext::taken_or_given(given).until(started + patience(request.headers()));
        let method = request.method().clone();
        let path = request.path().to_owned();
        let known_route = self.layer.route_of(request.request());
        let found_route = if known_route.is_none() { route_of(request.request()) } else { None };
        let route = known_route.or(found_route.as_deref());
        let exported = spans::server(&request, route);
        let context = exported.context(context);

        let mut answered = context.clone().scope(self.answer(request, next)).await;

        let elapsed = started.elapsed();
        let (status, headers) = match &mut answered {
            Ok(response) => (response.status(), response.headers_mut()),
            Err(failure) => (failure.status(), failure.headers_mut()),
        };
        exported.served(&path, headers, &context);
        exported.ended(Some(status.as_u16()));
        for (name, value) in context.take_headers() {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        self.metrics.answered(&method, route, status, elapsed);
        headers.insert(REQUEST_ID, plain(&context.request_id));
        headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
        headers.insert(PROCESS_TIME, seconds(elapsed));
        let elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        let line = || tracing::info!(method = method.as_str(), path, status = status.as_u16(), elapsed_us, "answered");
        context.sync_scope(line);
        if self.draining.has_begun() {
            // The next request of this connection goes to another replica.
            match &mut answered {
                Ok(response) => response.response_mut().head_mut().set_connection_type(ConnectionType::Close),
                Err(failure) => failure.head_mut().set_connection_type(ConnectionType::Close),
            }
        }
        answered.map_err(|failure| InternalError::from_response("answered with a problem", failure).into())
    }

    /// The answer of the layer and its routes, or a problem where there is none of theirs. The request is not kept beside
    /// the routes' own hold of it: actix takes it apart while it finds the route.
    async fn answer(
        &self,
        request: ServiceRequest,
        next: Next<BoxBody>,
    ) -> Result<ServiceResponse<BoxBody>, HttpResponse> {
        let _share = self.load.share(request.path()).map_err(problem_response)?;
        check_head(&request).map_err(problem_response)?;
        check_query(&request).map_err(problem_response)?;
        let known = Known::of(&request);
        // A handler that panics answers 500 like any other fault; its database work was rolled back where it panicked.
        let mut work = pin!(AssertUnwindSafe(self.layer.around(request, next)).catch_unwind());
        // What is there at once needs no timer.
        let done = match poll!(work.as_mut()) {
            Poll::Ready(done) => done,
            Poll::Pending => in_time(work).await.map_err(problem_response)?,
        };
        match done {
            Ok(Ok(response)) => Ok(known.applied_to(as_problem_if_failed(response))),
            Ok(Err(error)) => Err(error.error_response()),
            Err(_) => {
                tracing::error!("a handler panicked");
                let detail = "the fault is in our log under the request's id";
                Err(problem_response(Problem::new(Code::Internal, detail)))
            }
        }
    }
}

/// How long whoever asks waits for the answer: our own deadline, or less where he says so.
fn patience(headers: &HeaderMap) -> Duration {
    let given = headers.get(DEADLINE).and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_millis(given.unwrap_or(REQUEST_DEADLINE_MS).min(REQUEST_DEADLINE_MS))
}

/// Seconds with six decimals.
fn seconds(elapsed: Duration) -> HeaderValue {
    // As many digits as any number of seconds has, the point, and six more.
    let mut text = *b"00000000000000000000.000000";
    let point = text.len() - ".000000".len();
    put_decimal(&mut text[point + 1..], elapsed.subsec_micros().into());
    let digits = put_decimal(&mut text[..point], elapsed.as_secs());
    HeaderValue::from_bytes(&text[point - digits.max(1)..]).expect("BUG: digits and a point are plain ASCII")
}

/// Writes a number's digits at the end of what is zeros so far, and says how many there are.
fn put_decimal(places: &mut [u8], mut number: u64) -> usize {
    let mut digits = 0;
    let mut free = places.iter_mut().rev();
    while let Some(place) = free.next().filter(|_| number > 0) {
        *place += u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
        digits += 1;
    }
    digits
}

fn plain(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).expect("BUG: request ids and numbers are plain ASCII")
}

/// What comes of work that was polled just now and is not done, before nobody waits for it any more.
async fn in_time<F: Future>(mut work: Pin<&mut F>) -> Result<F::Output, Problem> {
    let deadline = RequestContext::current().time_left().unwrap_or_default();
    let mut just_polled = true;
    let rest = poll_fn(|context| match mem::take(&mut just_polled) {
        true => Poll::Pending,
        false => work.as_mut().poll(context),
    });
    tokio::time::timeout(deadline, rest).await.map_err(|_| {
        let detail = format!("the request was not done within {} ms", deadline.as_millis());
        Problem::new(Code::DeadlineExceeded, detail)
    })
}

fn check_head(request: &ServiceRequest) -> Result<(), Problem> {
    let uri_bytes = bytes_of(request.uri());
    if uri_bytes > MAX_URI_BYTES {
        return Err(Problem::new(Code::UriTooLong, format!("an address has at most {MAX_URI_BYTES} bytes")));
    }
    let header_bytes: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if uri_bytes + header_bytes > MAX_HEAD_BYTES {
        return Err(Problem::new(Code::HeaderTooLarge, format!("a request's head has at most {MAX_HEAD_BYTES} bytes")));
    }
    Ok(())
}

/// As many as its text has.
fn bytes_of(uri: &Uri) -> usize {
    let scheme = uri.scheme_str().map_or(0, |scheme| scheme.len() + "://".len());
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    scheme + authority + uri.path().len() + uri.query().map_or(0, |query| "?".len() + query.len())
}

/// Bytes that are no text are nobody's question: read as well as can be, they would be another one.
fn check_query(request: &ServiceRequest) -> Result<(), Problem> {
    let text = percent_decode_str(request.query_string()).decode_utf8();
    text.map(|_| ()).map_err(|_| Problem::new(Code::MalformedQuery, "the query is not UTF-8"))
}

/// What belongs to the body that the problem takes the place of.
const DESCRIBES_BODY: [HeaderName; 3] = [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING];

/// Whatever fails without a problem document of ours (a route that is not there, a wrong method) gets one.
fn as_problem_if_failed(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let status = response.status();
    if status.is_success() || status.is_informational() || status.is_redirection() || is_ours(response.headers()) {
        return response;
    }
    let request = response.request().clone();
    let mut answer: HttpResponse = problem_response(problem_for(status, request.method().as_str(), request.path()));
    for (name, value) in response.headers().iter().filter(|(name, _)| !DESCRIBES_BODY.contains(name)) {
        answer.headers_mut().append(name.clone(), value.clone());
    }
    ServiceResponse::new(request, answer)
}

/// A problem document, or the state that a handler answers with a 409. The framework's own errors are never JSON.
fn is_ours(headers: &HeaderMap) -> bool {
    let media_type = headers.get("content-type").map(|value| value.as_bytes());
    matches!(media_type, Some(b"application/problem+json" | b"application/json" | b"text/html; charset=utf-8"))
}

fn problem_for(status: StatusCode, method: &str, path: &str) -> Problem {
    match status.as_u16() {
        404 => Problem::new(Code::RouteNotFound, format!("there is nothing at {path}")),
        405 => Problem::new(Code::MethodNotAllowed, format!("{method} is not allowed at {path}")),
        408 => Problem::new(Code::RequestTimeout, "the request took too long to arrive"),
        413 => Problem::new(Code::BodyTooLarge, "the request body is too large"),
        415 => Problem::new(Code::UnsupportedMediaType, "the media type is not supported"),
        431 => Problem::new(Code::HeaderTooLarge, "the headers are too large"),
        400..=499 => Problem::new(Code::MalformedBody, "the request cannot be read"),
        _ => Problem::new(Code::Internal, "the fault is in our log under the request's id"),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn seconds_have_six_decimals() {
        for (micros, text) in [
            (0, "0.000000"),
            (7, "0.000007"),
            (999_999, "0.999999"),
            (1_000_000, "1.000000"),
            (12_345_678_901, "12345.678901"),
        ] {
            assert_eq!(seconds(Duration::from_micros(micros)), text);
        }
    }

    #[test]
    fn an_address_has_as_many_bytes_as_its_text() {
        for text in
            ["/", "/books/1", "/books?q=a%2Fb", "/books?", "http://127.0.0.1:8080/books?q=1", "127.0.0.1:8080", "*"]
        {
            let uri: Uri = text.parse().unwrap();
            assert_eq!(bytes_of(&uri), uri.to_string().len(), "{text}");
        }
    }
}
