//! One service as a process of its own, killed by its number when the test is over.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use service_kit::testing::eventually_some;
use tokio::sync::oneshot;

use super::OPERATOR_KEY;

/// Any service.
pub const BINARY: &str = env!("CARGO_BIN_EXE_lastcopy");

/// A debug build on a busy machine opens its database and listens within this time.
const START_DEADLINE: Duration = Duration::from_secs(60);
/// Lines of its log that a service leaves when its test fails.
const LAST_WORDS: usize = 30;

pub struct Process {
    child: Child,
    address: SocketAddr,
    log: PathBuf,
    ended: bool,
}

impl Process {
    /// Starts `lastcopy serve …` and waits until it listens. `Err`: it ended before, as one with a fault may.
    pub async fn start(arguments: &[String], fault: Option<&str>, log: &Path) -> Result<Process, String> {
        let mut command = Command::new(BINARY);
        match fault {
            Some(fault) => command.env("LASTCOPY_FAULT", fault),
            None => command.env_remove("LASTCOPY_FAULT"),
        };
        Process::run(command, arguments, log).await
    }

    /// The same with a command of the caller's choice, which ends in the binary.
    pub async fn run(mut command: Command, arguments: &[String], log: &Path) -> Result<Process, String> {
        let log_file = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        // An audit that goes on listens as a service does, and is none.
        let serve = (arguments[0] != "audit").then_some("serve");
        command.args(serve).args(arguments).args(["--log", "pretty", "--log-filter", "info"]);
        command.env("LASTCOPY_OPERATOR_KEY", OPERATOR_KEY);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log_file).spawn().unwrap();
        let ready = ready_line(child.stdout.take().unwrap());
        match tokio::time::timeout(START_DEADLINE, ready).await {
            Ok(Ok(address)) => Ok(Process { child, address, log: log.to_path_buf(), ended: false }),
            outcome => {
                kill(&mut child);
                let why = if outcome.is_err() { "does not listen" } else { "ended at once" };
                Err(format!("{} {why}\n{}", arguments[0], last_words(log)))
            }
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has in memory now.
    #[allow(dead_code, reason = "not everybody who starts one weighs it")]
    pub fn memory_kb(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// SIGKILL: it cannot finish anything.
    pub fn kill(&mut self) {
        kill(&mut self.child);
        self.ended = true;
    }

    /// SIGSTOP: it does nothing, and knows nothing of it, until it is woken.
    pub fn pause(&self) {
        kill_process(Pid::from_child(&self.child), Signal::STOP).unwrap();
    }

    pub fn wake(&self) {
        kill_process(Pid::from_child(&self.child), Signal::CONT).unwrap();
    }

    /// The memory that it has at the moment, in bytes.
    pub fn memory_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
        resident.unwrap().trim().parse::<u64>().unwrap() * 1_024
    }

    /// Whether it has ended by itself, or by a fault of its own.
    pub fn is_dead(&mut self) -> bool {
        self.ended = self.ended || self.child.try_wait().unwrap().is_some();
        self.ended
    }

    /// SIGTERM.
    pub fn tell_to_stop(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    /// SIGTERM, and the time it took to end well.
    pub async fn stop(&mut self) -> Duration {
        self.tell_to_stop();
        self.ended_well().await
    }

    /// Waits for the end of one that was told to stop; the time it took.
    pub async fn ended_well(&mut self) -> Duration {
        let began = Instant::now();
        let status = eventually_some("the service stops", async || self.child.try_wait().unwrap()).await;
        self.ended = true;
        assert!(status.success(), "{status}\n{}", last_words(&self.log));
        began.elapsed()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.ended {
            kill(&mut self.child);
        }
        if std::thread::panicking() {
            eprintln!("--- {}\n{}", self.log.display(), last_words(&self.log));
        }
    }
}

/// A child is ours until it is waited for, so its number cannot mean another process.
fn kill(child: &mut Child) {
    let killed = child.kill().and_then(|()| child.wait());
    assert!(killed.is_ok(), "{killed:?}");
}

/// The address in the line `ready http://…`. The thread reads on, so that the service never writes into a broken pipe.
fn ready_line(stdout: ChildStdout) -> oneshot::Receiver<SocketAddr> {
    let (sender, receiver) = oneshot::channel();
    let mut sender = Some(sender);
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let address = line.strip_prefix("ready http://").and_then(|address| address.parse().ok());
            if let (Some(address), Some(sender)) = (address, sender.take_if(|_| address.is_some())) {
                // Nobody listens where the test has given up.
                sender.send(address).ok();
            }
        }
    });
    receiver
}

fn last_words(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LAST_WORDS)..].join("\n")
}
