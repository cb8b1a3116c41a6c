//! Looks at single books on their way to the catalog. Under load those that come while others are under way share a request.
//!
//! A look that waits goes with a request that is sent after it came, so what it is told was seen after its caller had asked.
//! Only callers who may see the same share one: it is made on behalf of the first of them.

use std::{fmt::Write, sync::Arc};

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use service_kit::{
    RawAnswer, RequestContext,
    auth::Caller,
    together::{Calls, Together, Told},
};
use shared_types::{BookId, Code, Problem, limits::MAX_LOOKS_AT_ONCE};
use thread_local::ThreadLocal;

use super::{Ask, Upstream};
use crate::cache;

/// The looks of a gateway. Each of its threads has a line of its own: what is answered on another thread costs a wake-up
/// that is dearer than the look.
pub(super) struct Looks {
    catalog: Upstream,
    of_threads: ThreadLocal<Arc<Together<AtCatalog>>>,
}

impl Looks {
    /// Looks at the books of this catalog, each of which it answers by itself as well.
    pub(super) fn at(catalog: Upstream) -> Looks {
        Looks { catalog, of_threads: ThreadLocal::new() }
    }

    /// What the catalog says of this book to this caller, as `GET /books/{book_id}` answers it.
    pub(super) async fn look(&self, caller: &Caller, book: BookId) -> Result<RawAnswer, Problem> {
        let line = self.of_threads.get_or(|| Together::new(AtCatalog(self.catalog.clone())));
        let request_id = RequestContext::current().request_id;
        line.ask(Arc::new(Look { caller: caller.clone(), book, request_id })).await
    }
}

#[derive(Debug)]
struct Look {
    caller: Caller,
    book: BookId,
    request_id: Arc<str>,
}

struct AtCatalog(Upstream);

impl Calls for AtCatalog {
    type One = Arc<Look>;
    type Answer = Result<RawAnswer, Problem>;

    const AT_ONCE: usize = MAX_LOOKS_AT_ONCE;
    const REQUESTS: usize = 1;

    fn may_share(first: &Arc<Look>, other: &Arc<Look>) -> bool {
        cache::see_the_same(&first.caller, &other.caller)
    }

    async fn alone(&self, look: &Arc<Look>) -> Result<RawAnswer, Problem> {
        self.0.send_for(&look.caller, &Ask::get(format!("/books/{}", look.book))).await
    }

    async fn several(&self, looks: Vec<Arc<Look>>) -> Vec<Told<Self::Answer>> {
        let answered = match looks.first() {
            Some(first) => self.0.send_for(&first.caller, &Ask::get(path(&looks))).await,
            None => return Vec::new(),
        };
        let each = match answered {
            Ok(answer) if answer.status == StatusCode::OK => results(&answer, &looks),
            // A catalog that does not know the route, or does not like one of them.
            Ok(_) => None,
            Err(problem) => Some(looks.iter().map(|_| Err(problem.clone())).collect()),
        };
        match each {
            Some(each) => each.into_iter().map(Told::Answer).collect(),
            None => looks.iter().map(|_| Told::GoAlone).collect(),
        }
    }

    fn abandoned() -> Self::Answer {
        Err(Problem::new(Code::Unavailable, "the catalog service was not asked"))
    }
}

fn path(looks: &[Arc<Look>]) -> String {
    let mut path = "/books/by-id/".to_owned();
    for (place, look) in looks.iter().enumerate() {
        write!(path, "{}{}", if place == 0 { "" } else { "," }, look.book).expect("BUG: a text takes what is written");
    }
    // Ids of requests are plain letters and signs that a query may have in it.
    path.push_str("?request_ids=");
    for (place, look) in looks.iter().enumerate() {
        path.push_str(if place == 0 { "" } else { "," });
        path.push_str(&look.request_id);
    }
    path
}

/// As much of the catalog's `LooksAnswer` as has to be read: books are passed on as they are.
#[derive(Deserialize)]
struct Results<'a> {
    #[serde(borrow)]
    results: Vec<One<'a>>,
}

#[derive(Deserialize)]
struct One<'a> {
    id: BookId,
    #[serde(borrow, default)]
    book: Option<&'a RawValue>,
    #[serde(borrow, default)]
    problem: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Version {
    version: i64,
}

/// What is said of each; none where the answer is not one about these.
fn results(answer: &RawAnswer, looks: &[Arc<Look>]) -> Option<Vec<Result<RawAnswer, Problem>>> {
    let Results { results } = serde_json::from_slice(&answer.body).ok()?;
    if !results.iter().map(|one| one.id).eq(looks.iter().map(|look| look.book)) {
        return None;
    }
    results.iter().map(|one| single(answer, one).map(Ok)).collect()
}

/// The answer that the catalog would have given to a look at this book alone.
fn single(answer: &RawAnswer, one: &One<'_>) -> Option<RawAnswer> {
    let part = |raw: &RawValue| answer.body.slice_ref(raw.get().as_bytes());
    match (one.book, one.problem) {
        (Some(book), None) => {
            let Version { version } = serde_json::from_str(book.get()).ok()?;
            let shown = RawAnswer::made(StatusCode::OK, &[("etag", &format!("\"{version}\""))], "");
            Some(RawAnswer { body: part(book), ..shown })
        }
        (None, Some(problem)) => {
            let Problem { status, .. } = serde_json::from_str(problem.get()).ok()?;
            let refused = RawAnswer::made(StatusCode::from_u16(status).ok()?, &[], "");
            Some(RawAnswer { body: part(problem), ..refused })
        }
        (_, _) => None,
    }
}
