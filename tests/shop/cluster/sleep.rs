//! Services that are asleep, watched or wrong about the time, and what is known of a service from outside.

use std::path::{Path, PathBuf};

use service_kit::db::DatabaseUrl;

use super::{
    Cluster, Part,
    process::{BINARY, Process},
};
use crate::{clocks::WrongClock, disk::Strace};

impl Cluster {
    /// SIGSTOP to the first replica of the part: it keeps its connections and its leases, and does nothing.
    pub fn pause(&self, part: Part) {
        self.processes[&(part, 0)].pause();
    }

    /// It goes on where it was.
    pub fn wake(&self, part: Part) {
        self.processes[&(part, 0)].wake();
    }

    /// One more replica of the part, beside those that links lead to, until it is dropped. Only PostgreSQL has room for it.
    pub async fn one_more(&self, part: Part) -> Process {
        let log = self.notes(&format!("one-more-{part:?}.log"));
        Process::start(&self.arguments(part, 0), None, &log).await.unwrap_or_else(|why| panic!("{why}"))
    }

    /// The memory that the first replica of the part has at the moment, in bytes.
    pub fn memory_bytes(&self, part: Part) -> u64 {
        self.processes[&(part, 0)].memory_bytes()
    }

    /// Where the part keeps everything.
    pub fn database(&self, part: Part) -> &DatabaseUrl {
        self.databases[&part].url()
    }

    /// The file in which the part keeps everything. Only SQLite has one.
    pub fn database_file(&self, part: Part) -> PathBuf {
        let url = self.databases[&part].url().expose();
        PathBuf::from(url.strip_prefix("sqlite:").expect("a database in a file"))
    }

    /// Kills the part and starts it where it is watched, or hindered. `Err`: it ended before it listened.
    pub async fn watch(&mut self, part: Part, strace: &Strace) -> Result<(), String> {
        self.kill(part);
        let mut command = strace.command();
        command.arg(BINARY).env_remove("LASTCOPY_FAULT");
        let process = Process::run(command, &self.arguments(part, 0), &self.log_of(part, 0)).await?;
        self.has_started(part, 0, process);
        Ok(())
    }

    /// Kills the part and starts all replicas of it by one clock that a test sets.
    pub async fn by_clock(&mut self, part: Part, clock: &WrongClock) {
        self.kill(part);
        for replica in 0..self.replicas {
            let mut command = clock.command(Path::new(BINARY));
            command.env_remove("LASTCOPY_FAULT");
            let process = Process::run(command, &self.arguments(part, replica), &self.log_of(part, replica)).await;
            self.has_started(part, replica, process.unwrap_or_else(|why| panic!("{why}")));
        }
    }
}
