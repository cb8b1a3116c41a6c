/// Where a service is.
mod address;
/// How much may be asked a second time.
mod again;
/// Whether asking a service is worth the wait.
mod breaker;
/// Connections, kept apart by thread.
mod connections;
/// A request on its way and the answer to it.
mod exchange;
/// What stands between a caller and one service.
mod guard;
/// What counts as an answer of ours.
mod judge;
/// What is counted of calls.
mod metrics;
/// The addresses of a service's name.
mod names;
/// The ways in which a call can end.
mod outcome;
/// How many calls one service may keep waiting.
mod seats;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use http_body_util::Full;
use hyper::{
    Method, Request, StatusCode,
    body::Bytes,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION},
};
use prometheus::core::Collector;
use serde::{Serialize, de::DeserializeOwned};
use url::Url;

use crate::{
    auth::{Token, TokenSource},
    context::{DEADLINE_HEADER, RequestContext},
    telemetry::spans,
};
use address::Address;
use breaker::Showed;
use connections::Connections;
use exchange::Broken;
use guard::Guard;
use judge::judge;
pub use outcome::{NoAnswer, NotSent, Outcome, RawAnswer, Silence};

/// Deadlines of calls to one other service, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct ClientOptions {
    pub connect_ms: u64,
    /// From the first byte sent to the last byte read.
    pub call_ms: u64,
}

impl Default for ClientOptions {
    fn default() -> Self {
        ClientOptions { connect_ms: 1_000, call_ms: 5_000 }
    }
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const DEADLINE: HeaderName = HeaderName::from_static(DEADLINE_HEADER);

/// A call is not begun with less time than this.
const LEAST_TIME: Duration = Duration::from_millis(5);
/// The other side is given so much less time than we have, so that its answer still finds us waiting.
const HOP: Duration = Duration::from_millis(20);

/// The outgoing HTTP client for one other service. Every call has a deadline and carries the request's id.
#[derive(Clone)]
pub struct Client {
    server: Arc<Address>,
    http: Arc<Connections>,
    /// How long one call may take.
    call: Duration,
    tokens: Option<Arc<dyn TokenSource>>,
    guard: Option<Arc<Guard>>,
}

/// A base address that no client can use.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not an http:// address of a service")]
pub struct ClientError(String);

impl Client {
    /// A client for the service at `base`, such as `http://127.0.0.1:8081`.
    pub fn new(base: &str, options: ClientOptions) -> Result<Client, ClientError> {
        let server = Address::parse(base).ok_or_else(|| ClientError(base.to_owned()))?;
        let http = Arc::new(Connections::new(Duration::from_millis(options.connect_ms)));
        let call = Duration::from_millis(options.call_ms);
        Ok(Client { server: Arc::new(server), http, call, tokens: None, guard: None })
    }

    /// This client, with a breaker, a bounded number of calls under way and a budget of repetitions: what is told to the
    /// copies of the one is known to all. `part` is the other service's name in the numbers.
    #[must_use]
    pub fn guarded(self, part: &'static str) -> Client {
        Client { guard: Some(Arc::new(Guard::new(part))), ..self }
    }

    /// What is counted of a guarded client's calls.
    pub(crate) fn collectors(&self) -> Vec<Box<dyn Collector>> {
        self.guard.as_ref().map(|guard| guard.collectors()).unwrap_or_default()
    }

    /// This client without its guard, for the question whether the service is there.
    #[must_use]
    pub fn unguarded(&self) -> Client {
        Client { guard: None, ..self.clone() }
    }

    /// This client, with a token on every call. Both share their connections.
    #[must_use]
    pub fn with_tokens(&self, tokens: Arc<dyn TokenSource>) -> Client {
        Client { tokens: Some(tokens), ..self.clone() }
    }

    /// The base address of the other service.
    pub fn base(&self) -> &Url {
        self.server.url()
    }

    /// Calls `path` (percent-encoded, with its query) and reads the answer as `T` where its status is one of `expected`.
    pub async fn call<B, T>(&self, method: Method, path: &str, body: Option<&B>, expected: &[u16]) -> Outcome<T>
    where
        B: Serialize + ?Sized,
        T: DeserializeOwned,
    {
        self.call_with(method, path, &[], body, expected).await
    }

    /// As [`call`](Self::call), with headers of the caller's.
    pub async fn call_with<B, T>(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&B>,
        expected: &[u16],
    ) -> Outcome<T>
    where
        B: Serialize + ?Sized,
        T: DeserializeOwned,
    {
        let body = match body.map(serde_json::to_vec).transpose() {
            Ok(body) => body,
            Err(error) => return Outcome::Unknown(NoAnswer(format!("the request has no JSON: {error}"))),
        };
        match self.send(method, path, headers, body).await {
            Ok(answer) => judge(answer.status, &answer.body, expected),
            Err(no_answer) => Outcome::Unknown(no_answer),
        }
    }

    /// Sends `body` as it is, JSON unless a header says otherwise, and gives the answer as it is.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Result<RawAnswer, NoAnswer> {
        self.attempt(method, path, headers, body).await.map_err(NoAnswer::from)
    }

    /// As [`send`](Self::send), telling a call that was never sent from one that has no answer.
    ///
    /// It takes no longer than whoever asked us still waits, and tells the other side how long that is.
    pub async fn attempt(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Result<RawAnswer, Silence> {
        let context = RequestContext::current();
        let time_left = context.time_left().unwrap_or(self.call);
        let admission = match &self.guard {
            Some(guard) => Some(guard.admit(time_left).await.map_err(Silence::NotSent)?),
            None => None,
        };
        // The wait for a seat is over by now.
        let time_left = context.time_left().unwrap_or(self.call).min(self.call);
        if time_left < LEAST_TIME {
            return Err(Silence::NotSent(NotSent::NoTime));
        }
        let span = spans::client(&context, method.as_str(), self.base(), path);
        let Call { mut request, token } = self.request(method, path, headers, body, &context, time_left)?;
        for (name, value) in span.headers() {
            set(request.headers_mut(), &name, &value)?;
        }
        let began = Instant::now();
        if let Some(guard) = &self.guard {
            guard.again.called();
        }
        let answered = exchange::exchange(self.http.of_this_thread(), request, time_left).await;
        span.called(path, answered.as_ref().ok().and_then(location), &context);
        span.ended(answered.as_ref().ok().map(|answer| answer.status.as_u16()));
        if let Some(admission) = admission {
            let well = answered.as_ref().is_ok_and(|answer| !answer.status.is_server_error());
            admission.seat.leave(began.elapsed(), well);
            admission.pass.showed(showed(&answered, time_left < self.call), Instant::now());
        }
        let answer = answered.map_err(|broken| Silence::Lost(broken.why))?;
        if let (StatusCode::UNAUTHORIZED, Some((tokens, token))) = (answer.status, token) {
            tokens.refused(&token);
            return Err(Silence::Lost(NoAnswer("our token is not believed there".to_owned())));
        }
        Ok(answer)
    }

    /// Whether one more call would be sent, or could wait for its turn. A client without a guard always has room.
    pub fn has_room(&self) -> Result<(), NotSent> {
        self.guard.as_ref().map_or(Ok(()), |guard| guard.has_room())
    }

    /// Pays for sending a request a second time; says whether that is affordable.
    pub fn may_repeat(&self) -> bool {
        self.guard.as_ref().is_none_or(|guard| guard.again.pay())
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
        context: &RequestContext,
        time_left: Duration,
    ) -> Result<Call<'_>, Silence> {
        let uri = self.server.uri(path).map_err(impossible)?;
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        let fields = request.headers_mut();
        fields.insert(HOST, self.server.host().clone());
        let request_id = HeaderValue::from_str(&context.request_id);
        fields.insert(REQUEST_ID, request_id.map_err(|error| impossible(format!("the request's id: {error}")))?);
        let theirs = u64::try_from(time_left.saturating_sub(HOP).as_millis()).unwrap_or(u64::MAX);
        fields.insert(DEADLINE, HeaderValue::from(theirs.max(1)));
        let token = self.token().map_err(impossible)?;
        if let Some((_, token)) = &token {
            fields.insert(AUTHORIZATION, token.authorization());
        }
        if body.is_some() {
            fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        for (name, value) in headers {
            set(fields, *name, value)?;
        }
        if let Some(body) = body {
            *request.body_mut() = Full::from(body);
        }
        Ok(Call { request, token })
    }

    fn token(&self) -> Result<Option<(&dyn TokenSource, Token)>, String> {
        let Some(tokens) = &self.tokens else { return Ok(None) };
        let token = tokens.token().map_err(|error| format!("no token for the call: {error}"))?;
        Ok(Some((tokens.as_ref(), token)))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.base())
    }
}

/// A request and the token that it carries.
struct Call<'a> {
    request: Request<Full<Bytes>>,
    token: Option<(&'a dyn TokenSource, Token)>,
}

/// What a call shows about the service. A time-out that is its caller's own haste shows nothing: else whoever names a
/// short deadline could have the service declared dead for everybody.
fn showed(answered: &Result<RawAnswer, Broken>, hurried: bool) -> Showed {
    let (silent, timed_out) = match answered {
        Ok(answer) if answer.status == StatusCode::GATEWAY_TIMEOUT => (true, true),
        Ok(answer) => (answer.status == StatusCode::BAD_GATEWAY, false),
        Err(broken) => (true, broken.timed_out),
    };
    match (silent, timed_out && hurried) {
        (false, _) => Showed::Answers,
        (true, false) => Showed::Silent,
        (true, true) => Showed::Nothing,
    }
}

/// Where the answer says that the thing is.
fn location(answer: &RawAnswer) -> Option<&str> {
    answer.headers.get(LOCATION)?.to_str().ok()
}

fn impossible(why: String) -> Silence {
    Silence::NotSent(NotSent::Impossible(why))
}

/// Sets a header; a name or a value that cannot be one is the caller's mistake, and nothing is sent.
fn set(headers: &mut HeaderMap, name: impl AsRef<str>, value: &str) -> Result<(), Silence> {
    let name = name.as_ref();
    let unfit = || impossible(format!("{name} cannot be sent as a header with this value"));
    let field = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unfit())?;
    headers.insert(field, HeaderValue::from_str(value).map_err(|_| unfit())?);
    Ok(())
}
