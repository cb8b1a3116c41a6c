//! Several of each service, behind links that share out their connections.

use std::net::SocketAddr;

use service_kit::{
    db::Engine,
    testing::{RedisServer, TestDatabase, eventually},
};

use super::{Buyers, Caller, Catalog, Cluster, Credential, Delivery, Gateway, Order, Outside, Part, Payments, Process};

/// Connections of one replica: so many replicas share one server.
const POOL_CONNECTIONS: u32 = 6;
/// Long enough for a link to hear that a replica is about to stop.
pub const DRAIN_MS: u64 = 500;

/// Replicas of each part in a whole run of the tests.
#[expect(clippy::disallowed_methods, reason = "chosen for a whole run of the tests")]
pub fn replicas() -> usize {
    let replicas =
        std::env::var("LASTCOPY_TEST_REPLICAS").map_or(1, |text| text.parse().expect("a number of replicas"));
    assert!(replicas == 1 || TestDatabase::engine() == Engine::Postgres, "an SQLite file has one process");
    replicas
}

impl Cluster {
    /// What the part has in memory now; of replicas the first.
    pub fn memory_kb(&self, part: Part) -> u64 {
        self.processes[&(part, 0)].memory_kb()
    }

    /// Where the replicas of the part show their numbers.
    pub fn numbers_of(&self, part: Part) -> Vec<SocketAddr> {
        let address = |replica: usize| match part {
            Gateway => self.gateway_numbers[replica].address(),
            Buyers | Order | Catalog | Delivery | Payments | Outside => self.processes[&(part, replica)].address(),
        };
        (0..self.replicas).map(address).collect()
    }

    /// What the gateways share. Only replicas have one.
    pub fn redis(&self) -> &RedisServer {
        self.redis.as_ref().expect("a shop with replicas")
    }

    /// SIGKILL to one replica of the part, which is started again. Where there is one, the part is gone meanwhile.
    pub async fn strike(&mut self, part: Part) {
        let replica = rand::random_range(0..self.replicas);
        if let Some(mut process) = self.processes.remove(&(part, replica)) {
            process.kill();
        }
        self.lead_to(part);
        if let Err(why) = self.start_replica(part, replica, None).await {
            panic!("{why}");
        }
    }

    /// Every replica of the part in turn is told to stop, left alone by whoever shares out requests as soon as it says so,
    /// and started again when it has ended.
    pub async fn roll(&mut self, part: Part) {
        for replica in 0..self.replicas {
            let address = self.processes[&(part, replica)].address();
            let direct = Caller::new(format!("http://{address}"), Credential::None, self.memory.clone());
            self.processes[&(part, replica)].tell_to_stop();
            eventually("it is not ready any more", async || {
                let answer = direct.call(reqwest::Method::GET, "/health/ready", None, None).await;
                answer.is_none_or(|answer| answer.status == 503)
            })
            .await;
            let others = self.processes.iter().filter(|((of, n), _)| *of == part && *n != replica);
            self.lead_to_these(part, others.map(|((_, n), process)| (*n, process.address())).collect());
            if let Some(mut process) = self.processes.remove(&(part, replica)) {
                process.ended_well().await;
            }
            if let Err(why) = self.start_replica(part, replica, None).await {
                panic!("{why}");
            }
        }
    }

    pub(super) async fn start_replica(
        &mut self,
        part: Part,
        replica: usize,
        fault: Option<&str>,
    ) -> Result<(), String> {
        let process = Process::start(&self.arguments(part, replica), fault, &self.log_of(part, replica)).await?;
        self.has_started(part, replica, process);
        Ok(())
    }

    pub(super) fn has_started(&mut self, part: Part, replica: usize, process: Process) {
        self.processes.insert((part, replica), process);
        self.lead_to(part);
    }

    /// All links to this part lead to where its replicas are now.
    pub(super) fn lead_to(&self, part: Part) {
        let of_part = self.processes.iter().filter(|((of, _), _)| *of == part);
        self.lead_to_these(part, of_part.map(|((_, replica), process)| (*replica, process.address())).collect());
    }

    fn lead_to_these(&self, part: Part, replicas: Vec<(usize, SocketAddr)>) {
        let addresses: Vec<SocketAddr> = replicas.iter().map(|(_, address)| *address).collect();
        for ((_, to), link) in &self.links {
            if *to == part {
                link.lead_to(addresses.clone());
            }
        }
        if part == Gateway {
            for ((_, own), link) in &self.to_each_gateway {
                link.lead_to(replicas.iter().filter(|(replica, _)| replica == own).map(|(_, at)| *at).collect());
            }
        }
    }

    pub(super) fn database_flag(&self, database: &TestDatabase) -> String {
        let url = database.url().expose();
        if self.replicas == 1 {
            return format!("--database-url={url}");
        }
        format!("--database-url={url}?pool_connections={POOL_CONNECTIONS}")
    }

    /// Every gateway is told for itself.
    pub(super) fn tell_flag(&self, from: Part) -> String {
        debug_assert!(matches!(from, Catalog | Order));
        if self.replicas == 1 {
            return format!("--tell-gateways={}", self.link(from, Gateway).url());
        }
        let urls: Vec<String> =
            (0..self.replicas).map(|replica| self.to_each_gateway[&(from, replica)].url()).collect();
        format!("--tell-gateways={}", urls.join(","))
    }

    /// A Redis that is late on a busy machine is no Redis that is gone: what is tested is what holds with it.
    pub(super) fn shared_flags(&self) -> Vec<String> {
        let Some(redis) = &self.redis else { return Vec::new() };
        vec![format!("--redis-url={}", redis.url()), "--redis-timeout-ms=5000".to_owned()]
    }
}
