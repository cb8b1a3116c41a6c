//! The other services, and how they are asked: once, or again where the same request is the same effect.

/// Asking again, within limits.
mod again;
/// Looks at books, which share requests.
mod looks;

use std::sync::Arc;

use reqwest::Method;
use service_kit::{
    Client, ClientOptions, NoAnswer, RawAnswer, RequestContext,
    auth::{Caller, CallerTokens, Issuer, Service},
    client::ClientError,
    faults,
};
use shared_types::{BookId, Code, Problem};

use crate::cache::{self, AtHand, Cache, Key, stale_after};
use again::Unanswered;
use looks::Looks;

/// Deadline of one call, in milliseconds. Longer than the order service waits before it answers 202.
const CALL_MS: u64 = 5_000;

/// One service behind the gateway.
#[derive(Clone)]
pub struct Upstream {
    /// Its name in problems and in readiness.
    pub part: &'static str,
    client: Client,
    tokens: CallerTokens,
    service: Service,
    /// What the catalog's answers are kept in, and what the others' writes make stale.
    cache: Arc<Cache>,
    /// The catalog's alone.
    looks: Option<Arc<Looks>>,
}

/// All services behind the gateway.
pub struct Upstreams {
    pub catalog: Upstream,
    pub order: Upstream,
    pub delivery: Upstream,
}

impl Upstreams {
    pub fn all(&self) -> [&Upstream; 3] {
        [&self.catalog, &self.order, &self.delivery]
    }
}

/// A request to pass on.
#[derive(Debug)]
pub struct Ask<'a> {
    pub method: Method,
    /// Percent-encoded, with its query.
    pub path: String,
    pub headers: Vec<(&'static str, &'a str)>,
    pub body: Option<Vec<u8>>,
    /// Whether sending it twice has one effect.
    pub repeatable: bool,
}

impl<'a> Ask<'a> {
    /// A request that only looks.
    pub fn get(path: impl Into<String>) -> Ask<'a> {
        Ask { method: Method::GET, path: path.into(), headers: Vec::new(), body: None, repeatable: true }
    }

    /// A request that changes something and must not be sent again on its own.
    pub fn once(method: Method, path: impl Into<String>) -> Ask<'a> {
        Ask { method, path: path.into(), headers: Vec::new(), body: None, repeatable: false }
    }

    /// A request that changes something and names it by an id or a key, so that a repetition is the same request.
    pub fn repeatable(method: Method, path: impl Into<String>) -> Ask<'a> {
        Ask { repeatable: true, ..Ask::once(method, path) }
    }

    #[must_use]
    pub fn header(mut self, name: &'static str, value: Option<&'a str>) -> Ask<'a> {
        self.headers.extend(value.map(|value| (name, value)));
        self
    }

    /// Adds a JSON body.
    #[must_use]
    pub fn json(mut self, body: &impl serde::Serialize) -> Ask<'a> {
        self.body = Some(serde_json::to_vec(body).expect("BUG: wire types serialise"));
        self
    }
}

impl Upstream {
    /// The service at `url`, which is asked with the gateway's own tokens.
    pub fn new(service: Service, url: &str, issuer: &Issuer, cache: &Arc<Cache>) -> Result<Upstream, ClientError> {
        let options = ClientOptions { call_ms: CALL_MS, ..ClientOptions::default() };
        let tokens = CallerTokens::new(issuer.clone(), service);
        let client = Client::new(url, options)?.guarded(service.text());
        let single = Upstream { part: service.text(), client, tokens, service, cache: Arc::clone(cache), looks: None };
        let looks = (service == Service::Catalog).then(|| Arc::new(Looks::at(single.clone())));
        Ok(Upstream { looks, ..single })
    }

    /// Asks on behalf of a caller: what the catalog said a moment ago is not asked again, and what a write makes stale is
    /// dropped before its writer has the answer.
    pub async fn ask(&self, caller: &Caller, ask: Ask<'_>) -> Result<RawAnswer, Problem> {
        let is_kept = self.service == Service::Catalog || faults::sabotaged("keeps_personal");
        let key = is_kept.then(|| Key::of(caller, &ask)).flatten();
        if let Some(key) = key {
            return match key.book().filter(|_| ask.headers.is_empty()) {
                Some(book) => self.look_at(caller, book).await,
                None => self.cache.look(key, || self.send_for(caller, &ask)).await,
            };
        }
        if ask.method == Method::GET {
            cache::say_nothing();
        }
        self.send_for(caller, &ask).await
    }

    /// The catalog's answer to somebody who looks at this book: the one that is kept, or one that is asked for now.
    pub async fn look_at(&self, caller: &Caller, book: BookId) -> Result<RawAnswer, Problem> {
        let fetch = async || match &self.looks {
            Some(looks) => looks.look(caller, book).await,
            None => self.send_for(caller, &Ask::get(format!("/books/{book}"))).await,
        };
        self.cache.look(Key::of_book(caller, book), fetch).await
    }

    /// The catalog's answer to somebody who looks at this book, where it is kept here and nobody else has a say in it.
    pub fn book_at_hand(&self, caller: &Caller, book: BookId) -> Option<AtHand> {
        self.cache.at_hand(&Key::of_book(caller, book))
    }

    /// Sends a request, again where that is safe and there was no answer. A 5xx of the other side is none.
    async fn send_for(&self, caller: &Caller, ask: &Ask<'_>) -> Result<RawAnswer, Problem> {
        let client = self.client.with_tokens(self.tokens.on_behalf_of(caller));
        self.send_with(&client, ask).await
    }

    /// Passes on a request that brings its own proof of who sends it, such as a signature. It gets no token of ours: what
    /// is refused is the sender's proof, and he is told so.
    pub async fn pass_on(&self, ask: Ask<'_>) -> Result<RawAnswer, Problem> {
        self.send_with(&self.client, &ask).await
    }

    async fn send_with(&self, client: &Client, ask: &Ask<'_>) -> Result<RawAnswer, Problem> {
        let (context, is_change) = (RequestContext::current(), ask.method != Method::GET);
        if is_change {
            context.change_is_sent();
        }
        let answered = again::until_answered(client, self.part, ask).await;
        if is_change && matches!(answered, Err(Unanswered::Refused(_))) {
            context.change_was_not_sent();
        }
        let may_be_done = matches!(answered, Ok(_) | Err(Unanswered::Silent { .. }));
        // Sabotage: a writer's own write is left to the events.
        if may_be_done && !faults::sabotaged("no_own_drop") {
            self.cache.forget(&stale_after(self.service, ask, answered.as_ref().ok())).await;
        }
        answered.map_err(|unanswered| match unanswered {
            Unanswered::Refused(problem) => problem,
            Unanswered::Silent { reason, retry_after_s } => {
                let problem = self.silent(ask, &reason);
                match retry_after_s {
                    Some(seconds) => problem.retry_after_s(seconds),
                    None => problem,
                }
            }
        })
    }

    /// Whether one more call would be sent or could wait for its turn; else what its caller is told.
    pub fn has_room(&self) -> Result<(), Problem> {
        self.client.has_room().map_err(|why| why.problem(self.part))
    }

    /// Whoever asks: its numbers are shown.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Whether it is of use, its database included, whatever its breaker thinks of it.
    pub async fn ready(&self) -> Result<(), String> {
        let answer = self.client.unguarded().send(Method::GET, "/health/ready", &[], None).await;
        match answer {
            Ok(answer) if answer.status.is_success() => Ok(()),
            Ok(answer) => Err(match serde_json::from_slice::<Problem>(&answer.body) {
                Ok(problem) => problem.detail,
                Err(_) => format!("answers {}", answer.status),
            }),
            Err(no_answer) => Err(no_answer.to_string()),
        }
    }

    /// The reason goes to the log only: it names addresses.
    fn silent(&self, ask: &Ask<'_>, reason: &NoAnswer) -> Problem {
        tracing::warn!(part = self.part, method = %ask.method, path = ask.path, %reason, "no answer");
        let part = self.part;
        let detail = if ask.method == Method::GET {
            format!("the {part} service does not answer")
        } else {
            format!("the {part} service does not answer; the request may have been carried out")
        };
        Problem::new(Code::Unavailable, detail)
    }
}
