use std::time::Duration;

use thread_local::ThreadLocal;

use super::ClientOptions;

/// How long a connection that nobody uses is kept.
const IDLE: Duration = Duration::from_secs(30);

/// The connections to one service, each thread's for itself: a connection is served by the runtime that opened it, and an
/// answer that comes in on another thread costs a wake-up that is dearer than the rest of the call.
pub(super) struct Connections {
    options: ClientOptions,
    of_threads: ThreadLocal<reqwest::Client>,
}

impl Connections {
    pub(super) fn new(options: ClientOptions) -> Result<Connections, reqwest::Error> {
        let connections = Connections { options, of_threads: ThreadLocal::new() };
        // What cannot be built is found at the start.
        connections.of_this_thread()?;
        Ok(connections)
    }

    pub(super) fn of_this_thread(&self) -> Result<&reqwest::Client, reqwest::Error> {
        self.of_threads.get_or_try(|| build(self.options))
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that builds HTTP clients, always with deadlines")]
fn build(options: ClientOptions) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .connect_timeout(Duration::from_millis(options.connect_ms))
        .timeout(Duration::from_millis(options.call_ms))
        .pool_idle_timeout(IDLE)
        .tcp_nodelay(true)
        .dns_resolver(super::names::Replicas)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
}
