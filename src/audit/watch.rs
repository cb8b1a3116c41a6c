//! The audit again and again, beside a shop that sells: what it finds is shown where Prometheus reads it, and logged.

use std::{net::SocketAddr, time::Duration};

use service_kit::{
    Clock,
    http::{Background, Check, Running, ServiceInfo, StartError, serve},
    metrics::{Counters, Family, Gauges},
};
use tokio::sync::watch::{Receiver, Sender, channel};

use super::{AuditArgs, report, report::Report};

const INFO: ServiceInfo = ServiceInfo {
    name: "audit",
    title: "Lastcopy audit",
    description: "Holds the shop's promises against its databases, again and again.",
};

const INVARIANTS: &[[&str; 1]] = &[["I1"], ["I2"], ["I3"], ["I4"], ["I5"], ["I6"], ["I7"]];

static FINDINGS: Gauges<1> = Gauges::new(
    "lastcopy_audit_findings",
    "What the last audit found to break an invariant",
    ["invariant"],
    INVARIANTS,
);
static CHECKED: Gauges<1> =
    Gauges::new("lastcopy_audit_checked", "What the last audit held against an invariant", ["invariant"], INVARIANTS);
static COMPLETED: Gauges<0> =
    Gauges::new("lastcopy_audit_completed_timestamp_seconds", "When the last audit ended", [], &[[]]);
static AUDITS: Counters<1> = Counters::new(
    "lastcopy_audits_total",
    "Audits, by how they ended: nothing found, something found, databases that could not be read",
    ["outcome"],
    &[["clean"], ["found"], ["unread"]],
);
static FAMILIES: &[&dyn Family] = &[&FINDINGS, &CHECKED, &COMPLETED, &AUDITS];

/// How often, and where its numbers are.
#[derive(Debug, Clone, clap::Args)]
pub struct WatchArgs {
    /// Audit again and again, with a pause of so many seconds, until told to stop.
    #[arg(long, conflicts_with = "json", value_parser = clap::value_parser!(u32).range(1..))]
    pub every: Option<u32>,
    /// Where Prometheus reads what an audit that goes on has found.
    #[arg(long, env = "LASTCOPY_LISTEN", default_value = "127.0.0.1:8085")]
    pub listen: SocketAddr,
}

/// `lastcopy audit --every SECONDS`. Ready once an audit has ended, and for as long as the databases can be read.
pub async fn watch(args: AuditArgs, pause_s: u32, listen: SocketAddr) -> Result<Running, StartError> {
    let (told, state) = channel(Err("no audit has ended yet".to_owned()));
    let mut background = Background::default();
    background.show(FAMILIES);
    let stopping = background.stopping();
    background.spawn(async move {
        let pause = Duration::from_secs(pause_s.into());
        let auditing = async {
            let mut due = tokio::time::interval(pause);
            due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                due.tick().await;
                audit(&args, &told).await;
            }
        };
        tokio::select! {
            () = stopping.cancelled() => {}
            () = auditing => {}
        }
    });
    let checks = vec![Check::new("databases", move || read(state.clone()))];
    serve(INFO, listen, 1, checks, background, |_| {}).await
}

type State = Result<(), String>;

async fn read(state: Receiver<State>) -> State {
    state.borrow().clone()
}

async fn audit(args: &AuditArgs, told: &Sender<State>) {
    match report(args).await {
        Ok(report) => {
            show(&report);
            told.send_modify(|state| *state = Ok(()));
        }
        Err(error) => {
            tracing::warn!(%error, "no audit");
            AUDITS.with(["unread"]).inc();
            told.send_modify(|state| *state = Err(error.to_string()));
        }
    }
}

fn show(report: &Report) {
    for check in &report.checks {
        let (label, found) = ([check.id.text()], signed(check.found));
        // Said once, and again when it becomes more or less.
        if FINDINGS.with(label).get() != found {
            for finding in &check.findings {
                tracing::error!(invariant = label[0], subject = finding.subject, detail = finding.detail, "found");
            }
        }
        FINDINGS.with(label).set(found);
        CHECKED.with(label).set(signed(check.checked));
    }
    COMPLETED.with([]).set(Clock::system().now().micros() / 1_000_000);
    AUDITS.with([if report.ok { "clean" } else { "found" }]).inc();
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
