//! The life of a process that runs one service or several: start, say so, wait for a signal, stop.

use std::{future::Future, process::ExitCode, time::Duration};

use crate::{
    http::{Running, StartError},
    telemetry::{self, LogFormat, Traces},
};

/// The log lines of a shop whose owner has not chosen any.
const DEFAULT_LOG_FILTER: &str = "info,refinery_core=warn,actix_server=warn";

/// What every service's command line has, beside its own flags. Every flag is an environment variable too.
#[derive(Debug, Clone, clap::Args)]
pub struct LogArgs {
    /// Log lines as `json` or `pretty`, on standard error.
    #[arg(long, env = "LASTCOPY_LOG", default_value = "json", global = true)]
    pub log: LogFormat,
    /// Which lines: a level, or directives such as `order_service=debug,warn`. Libraries speak when something is wrong.
    #[arg(long, env = "LASTCOPY_LOG_FILTER", default_value = DEFAULT_LOG_FILTER, global = true)]
    pub log_filter: String,
    /// Where spans go, by OTLP over HTTP: a collector such as `http://127.0.0.1:4318`. Without it there are none.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", global = true)]
    pub trace_endpoint: Option<String>,
    /// After SIGTERM it serves on for so many milliseconds and says at `/health/ready` that it is about to stop, for a load
    /// balancer to notice.
    #[arg(long, env = "LASTCOPY_DRAIN_MS", default_value_t = 0, global = true)]
    pub drain_ms: u64,
}

/// Threads that serve requests where nothing else is configured: one per core, four at most.
pub fn default_workers() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(4)
}

/// Runs services until SIGTERM or SIGINT, then stops them in the reverse order of their start.
///
/// In traces the process has this name. Prints one line per service, `<name> <url>`, on standard output, and `ready <url of the last one>` when all are up.
pub fn run<F>(name: &'static str, log: &LogArgs, start: F) -> ExitCode
where
    F: Future<Output = Result<Vec<Running>, StartError>>,
{
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&format!("the runtime cannot start: {error}")),
    };
    let traces = log.trace_endpoint.as_ref().map(|endpoint| Traces::to(endpoint, name, runtime.handle().clone()));
    let traces = match traces.transpose() {
        Ok(traces) => traces,
        Err(error) => return refuse(&error.to_string()),
    };
    telemetry::init_with(log.log, &log.log_filter, traces.as_ref());
    let together = telemetry::Together::begin();
    let code = runtime.block_on(async {
        match start.await {
            Ok(running) => {
                // Before anybody is told that it runs: who hears so may stop it at once.
                let stop = stop_signal();
                announce(&running);
                let outcome = match stop {
                    Ok(signal) => {
                        signal.await;
                        Ok(())
                    }
                    Err(error) => Err(error),
                };
                drain(&running, Duration::from_millis(log.drain_ms)).await;
                stop_all(running).await;
                outcome.map_or_else(|error| refuse(&error.to_string()), |()| ExitCode::SUCCESS)
            }
            Err(error) => refuse(&error.to_string()),
        }
    });
    if let Some(traces) = traces {
        traces.end();
    }
    drop(together);
    code
}

/// Serves on for a while, for whoever shares out requests to go elsewhere. A second signal ends it.
async fn drain(running: &[Running], time: Duration) {
    if !time.is_zero() {
        running.iter().for_each(Running::drain);
        // The time-out is the ordinary end.
        if let Ok(again) = stop_signal() {
            drop(tokio::time::timeout(time, again).await);
        }
    }
}

/// Stops services in the reverse order of their start: who is asked stays longer than who asks.
pub async fn stop_all(running: Vec<Running>) {
    for service in running.into_iter().rev() {
        service.stop().await;
    }
}

#[expect(clippy::print_stdout, reason = "the ready line is for whoever started the process")]
fn announce(running: &[Running]) {
    for service in running {
        println!("{} {}", service.name(), service.url());
    }
    if let Some(last) = running.last() {
        println!("ready {}", last.url());
    }
}

fn refuse(reason: &str) -> ExitCode {
    tracing::error!(reason, "not started");
    eprintln!("lastcopy: {reason}");
    ExitCode::FAILURE
}

/// From this call on a signal to stop is heard; the answer comes with it.
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
