use std::{fmt, sync::Arc, time::Duration};

use reqwest::{Method, StatusCode, Url, header::HeaderMap};
use serde::{Serialize, de::DeserializeOwned};
use shared_types::{Code, Problem};

use crate::{
    auth::{Token, TokenSource},
    context::RequestContext,
    telemetry::spans::{self, Exported},
};

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

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.base)
    }
}

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

/// Bytes of an answer that are read at most; a longer one is no answer.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// The outgoing HTTP client for one other service. Every call has a deadline and carries the request's id.
#[derive(Clone)]
pub struct Client {
    base: Url,
    http: reqwest::Client,
    tokens: Option<Arc<dyn TokenSource>>,
}

/// A base address that no client can use.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("{0:?} is not an http:// address of a service")]
    Address(String),
    #[error("the HTTP client cannot be built: {0}")]
    Build(#[from] reqwest::Error),
}

impl Client {
    /// A client for the service at `base`, such as `http://127.0.0.1:8081`.
    #[expect(clippy::disallowed_methods, reason = "the one place that builds HTTP clients, always with deadlines")]
    pub fn new(base: &str, options: ClientOptions) -> Result<Client, ClientError> {
        let base: Url = base.parse().map_err(|_| ClientError::Address(base.to_owned()))?;
        if base.scheme() != "http" || base.host_str().is_none() {
            return Err(ClientError::Address(base.to_string()));
        }
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_millis(options.connect_ms))
            .timeout(Duration::from_millis(options.call_ms))
            .pool_idle_timeout(Duration::from_secs(30))
            .tcp_nodelay(true)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Client { base, http, tokens: None })
    }

    /// This client, with a token on every call. Both share their connections.
    #[must_use]
    pub fn with_tokens(&self, tokens: Arc<dyn TokenSource>) -> Client {
        Client { tokens: Some(tokens), ..self.clone() }
    }

    /// The base address of the other service.
    pub fn base(&self) -> &Url {
        &self.base
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

    /// Sends JSON `body` as it is and gives the answer as it is, for those who pass answers on.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Result<RawAnswer, NoAnswer> {
        let url = self.url(path)?;
        let span = spans::client(method.as_str(), &place(&url), url.path());
        let sent = self.send_to(url, method, headers, body, &span).await;
        match &sent {
            Ok(answer) => span.answered(answer.status.as_u16()),
            Err(_) => span.failed(),
        }
        sent
    }

    async fn send_to(
        &self,
        url: Url,
        method: Method,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
        span: &Exported,
    ) -> Result<RawAnswer, NoAnswer> {
        let mut request = self.http.request(method, url).header("x-request-id", RequestContext::current().request_id);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        for (name, value) in span.headers() {
            request = request.header(name, value);
        }
        let token = self.token()?;
        if let Some((_, token)) = &token {
            request = request.bearer_auth(token.secret());
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let mut response = request.send().await.map_err(no_answer)?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        if let (StatusCode::UNAUTHORIZED, Some((tokens, token))) = (status, token) {
            tokens.refused(&token);
            return Err(NoAnswer("our token is not believed there".to_owned()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(no_answer)? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(NoAnswer(format!("the answer is longer than {MAX_ANSWER_BYTES} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(RawAnswer { status, headers, body })
    }

    /// The address of `path` at this service and no other: our token goes nowhere else.
    fn url(&self, path: &str) -> Result<Url, NoAnswer> {
        let url = self.base.join(path).map_err(|error| NoAnswer(format!("{path} is no path: {error}")))?;
        if url.origin() == self.base.origin() { Ok(url) } else { Err(NoAnswer(format!("{path} leads elsewhere"))) }
    }

    fn token(&self) -> Result<Option<(&dyn TokenSource, Token)>, NoAnswer> {
        let Some(tokens) = &self.tokens else { return Ok(None) };
        let token = tokens.token().map_err(|error| NoAnswer(format!("no token for the call: {error}")))?;
        Ok(Some((tokens.as_ref(), token)))
    }
}

/// An answer that nobody has looked into.
#[derive(Debug)]
pub struct RawAnswer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// Host and port: an address may have more in front of them, which is nobody's business.
fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The whole chain of causes on one line: "error sending request" alone tells nobody anything.
fn no_answer(error: reqwest::Error) -> NoAnswer {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    NoAnswer(text)
}

fn judge<T: DeserializeOwned>(status: StatusCode, bytes: &[u8], expected: &[u16]) -> Outcome<T> {
    if expected.contains(&status.as_u16())
        && let Ok(answer) = serde_json::from_slice(if bytes.is_empty() { b"null" } else { bytes })
    {
        return Outcome::Done(answer);
    }
    match serde_json::from_slice::<Problem>(bytes) {
        Ok(problem) if is_definite(status, &problem) => Outcome::Refused(Box::new(problem)),
        Ok(problem) => Outcome::Unknown(NoAnswer(problem.to_string())),
        Err(_) => Outcome::Unknown(NoAnswer(format!("an answer {status} that is none of ours"))),
    }
}

/// A 4xx is definite unless it speaks of the moment, shows that we never reached the handler we meant, or is about our
/// token and not about the call: keys come and go.
fn is_definite(status: StatusCode, problem: &Problem) -> bool {
    let momentary =
        [StatusCode::UNAUTHORIZED, StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS];
    status.is_client_error()
        && status.as_u16() == problem.status
        && !momentary.contains(&status)
        && !matches!(problem.code, Code::RouteNotFound | Code::MethodNotAllowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(status: u16, body: &str) -> &'static str {
        match judge::<serde_json::Value>(StatusCode::from_u16(status).expect("a status"), body.as_bytes(), &[200, 409])
        {
            Outcome::Done(_) => "done",
            Outcome::Refused(_) => "refused",
            Outcome::Unknown(_) => "unknown",
        }
    }

    #[test]
    fn no_path_leads_to_another_host() {
        let client = Client::new("http://127.0.0.1:8081", ClientOptions::default()).expect("an address");
        assert_eq!(client.url("/books?q=a%2Fb").expect("a path").as_str(), "http://127.0.0.1:8081/books?q=a%2Fb");
        for elsewhere in ["//evil.example/books", "http://evil.example/", "\\\\evil.example/", "http://127.0.0.1:8082/"]
        {
            assert!(client.url(elsewhere).is_err(), "{elsewhere}");
        }
    }

    #[test]
    fn only_an_answer_of_ours_is_an_answer() {
        let problem = |code| serde_json::to_string(&Problem::new(code, "")).expect("a problem serialises");
        assert_eq!(kind(200, "{}"), "done");
        assert_eq!(kind(409, r#"{"state": "refused"}"#), "done");
        assert_eq!(kind(422, &problem(Code::Invalid)), "refused");
        assert_eq!(kind(404, &problem(Code::BookNotFound)), "refused");
        assert_eq!(kind(404, &problem(Code::RouteNotFound)), "unknown");
        assert_eq!(kind(404, "<html>not here</html>"), "unknown");
        assert_eq!(kind(200, "<html>welcome to the hotel's network</html>"), "unknown");
        assert_eq!(kind(503, &problem(Code::Unavailable)), "unknown");
        assert_eq!(kind(500, &problem(Code::Internal)), "unknown");
        assert_eq!(kind(429, "{}"), "unknown");
        assert_eq!(kind(401, &problem(Code::Unauthorized)), "unknown");
        assert_eq!(kind(403, &problem(Code::Forbidden)), "refused");
        // A proxy that rewrites the status is not believed either.
        assert_eq!(kind(404, &problem(Code::Invalid)), "unknown");
    }
}
