use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use thread_local::ThreadLocal;

use super::names::Replicas;

/// How long a connection that nobody uses is kept.
const IDLE: Duration = Duration::from_secs(30);

/// What keeps connections and calls over them.
pub(super) type Http = legacy::Client<HttpConnector<Replicas>, Full<Bytes>>;

/// The connections to one service, each thread's for itself: a connection is served by the runtime that opened it, and an
/// answer that comes in on another thread costs a wake-up that is dearer than the rest of the call.
pub(super) struct Connections {
    /// How long a connection may take to open.
    connect: Duration,
    of_threads: ThreadLocal<Http>,
}

impl Connections {
    pub(super) fn new(connect: Duration) -> Connections {
        Connections { connect, of_threads: ThreadLocal::new() }
    }

    pub(super) fn of_this_thread(&self) -> &Http {
        self.of_threads.get_or(|| build(self.connect))
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that builds HTTP clients; every call has its deadline")]
fn build(connect: Duration) -> Http {
    let mut connector = HttpConnector::new_with_resolver(Replicas);
    connector.set_connect_timeout(Some(connect));
    connector.set_nodelay(true);
    legacy::Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE).build(connector)
}
