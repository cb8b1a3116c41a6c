//! Services that are asleep, and what is known of a service from outside.

use service_kit::db::DatabaseUrl;

use super::{Cluster, Part, process::Process};

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
}
