//! The shop as a customer finds it: five processes, or so many replicas of each behind balancing links as
//! `LASTCOPY_TEST_REPLICAS` says, and the network between them, in the hands of a test. Replicas need PostgreSQL, and share
//! a Redis.
//!
//! A test ends with [`Cluster::finish`], which waits for rest, counts every copy and every promise, and runs the audit
//! over the databases. A test that forgets it fails.

/// The bank's ledger, and its word.
mod bank;
/// Whoever calls the gateway.
mod caller;
/// Lines to PostgreSQL that break in the middle of a COMMIT.
mod cutter;
/// What a network can do to a message.
mod fault;
/// What must hold when nothing moves any more.
mod finish;
/// The network between two parts.
mod link;
/// Where a message ends.
mod message;
/// Whom the shop sends messages to.
mod outsider;
/// Waiting on conditions, between threads.
mod patience;
/// One service as a process.
mod process;
/// Several of each, one after the other.
mod replicas;
/// Services that are asleep or watched, and what is known of them from outside.
mod sleep;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use reqwest::Method;
use service_kit::{
    auth::Service,
    testing::{FreePort, RedisServer, ReplicaIssuer, TestDatabase, eventually},
};
use shared_types::BookId;

pub use bank::Bank;
pub use caller::{Basket, Bought, Caller, PATIENCE};
use caller::{Credential, Memory};
pub use cutter::Cutter;
pub use fault::Fault;
pub use link::Link;
use outsider::Outsider;
pub use patience::patiently;
use process::Process;
pub use replicas::DRAIN_MS;
use replicas::replicas;

/// Who can be killed, cut off, or asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// All callers from outside; no process of ours.
    Buyers,
    Gateway,
    Order,
    Catalog,
    Delivery,
    /// The provider: a bank of our own, with a ledger of its own.
    Payments,
    /// Whom the shop sends messages to; no process of ours.
    Outside,
}

pub use Part::{Buyers, Catalog, Delivery, Gateway, Order, Outside, Payments};

/// The services, each before whoever asks it as its first deed.
pub const SERVICES: [Part; 5] = [Payments, Catalog, Delivery, Order, Gateway];

/// Who asks whom.
pub const LINKS: [(Part, Part); 10] = [
    (Buyers, Gateway),
    (Gateway, Catalog),
    (Gateway, Order),
    (Gateway, Delivery),
    (Order, Catalog),
    (Order, Delivery),
    (Order, Payments),
    (Payments, Order),
    (Delivery, Order),
    (Order, Outside),
];

/// Who asks whom for nothing but his keys.
pub const KEY_LINKS: [(Part, Part); 4] = [(Catalog, Gateway), (Catalog, Order), (Order, Gateway), (Delivery, Gateway)];

/// With it the bank signs what it tells the shop.
pub const BANK_SECRET: &str = "between the bank and the shop";

/// With it the tests do what whoever runs the shop may do.
pub const OPERATOR_KEY: &str = "operator-of-the-shop-under-test-01";

/// A whole shop, gone with this value.
pub struct Cluster {
    links: BTreeMap<(Part, Part), Arc<Link>>,
    databases: BTreeMap<Part, TestDatabase>,
    issuers: BTreeMap<Part, Arc<ReplicaIssuer>>,
    processes: BTreeMap<(Part, usize), Process>,
    /// Of each part.
    replicas: usize,
    /// By which services tell each gateway of its own, where there are several.
    to_each_gateway: BTreeMap<(Part, usize), Link>,
    /// What several gateways share.
    redis: Option<RedisServer>,
    /// Where gateways show their numbers: their own address is public.
    gateway_numbers: Vec<FreePort>,
    /// Every service is started with these, too.
    flags: Vec<String>,
    logs: tempfile::TempDir,
    memory: Arc<Memory>,
    outsider: Outsider,
    /// Whether the outsider subscribed to webhooks.
    is_heard: bool,
    finished: bool,
}

impl Cluster {
    /// A shop that is ready to sell, without a book in it.
    pub async fn start() -> Cluster {
        Cluster::start_with(&[]).await
    }

    /// The same, with more flags for every service.
    pub async fn start_with(flags: &[String]) -> Cluster {
        Cluster::start_on(async |name| TestDatabase::create(name).await, flags).await
    }

    /// The same, on databases of the test's choice.
    pub async fn start_on(database: impl AsyncFn(&str) -> TestDatabase, flags: &[String]) -> Cluster {
        Cluster::start_telling(database, flags, true).await
    }

    async fn start_telling(database: impl AsyncFn(&str) -> TestDatabase, flags: &[String], is_heard: bool) -> Cluster {
        let mut links = BTreeMap::new();
        for link in Cluster::links() {
            links.insert(link, Arc::new(Link::open().await));
        }
        let mut databases = BTreeMap::new();
        for (part, name) in [
            (Payments, "payments"),
            (Catalog, "catalog"),
            (Order, "orders"),
            (Delivery, "deliveries"),
            (Gateway, "gateway"),
        ] {
            databases.insert(part, database(name).await);
        }
        let logs = tempfile::Builder::new().prefix("lastcopy-shop-").tempdir().unwrap();
        let outsider = Outsider::start().await;
        let outside: &Link = &links[&(Order, Outside)];
        outside.lead_to(vec![outsider.address()]);
        if is_heard {
            outsider.subscribe(databases[&Order].url(), outside).await;
        }
        let replicas = replicas();
        let mut to_each_gateway = BTreeMap::new();
        for (from, replica) in [Catalog, Order].into_iter().flat_map(|from| (0..replicas).map(move |n| (from, n))) {
            to_each_gateway.insert((from, replica), Link::open().await);
        }
        let mut shop = Cluster {
            replicas,
            to_each_gateway,
            redis: (replicas > 1).then(RedisServer::start),
            links,
            databases,
            issuers: BTreeMap::new(),
            processes: BTreeMap::new(),
            gateway_numbers: (0..replicas).map(|_| FreePort::reserve()).collect(),
            flags: flags.to_vec(),
            logs,
            memory: Arc::default(),
            outsider,
            is_heard,
            finished: false,
        };
        for part in SERVICES {
            shop.restart(part).await;
        }
        for part in [Order, Delivery, Gateway] {
            let issuer = ReplicaIssuer::of(service(part), shop.databases[&part].url()).await;
            shop.issuers.insert(part, Arc::new(issuer));
        }
        shop.until_ready().await;
        shop
    }

    /// Whoever runs the shop: with his key he buys, changes the stock and moves parcels.
    pub fn operator(&self) -> Caller {
        self.caller("/api/v1", Credential::ApiKey(OPERATOR_KEY))
    }

    /// A caller without any name, at the gateway's door.
    pub fn anonymous(&self) -> Caller {
        self.caller("", Credential::None)
    }

    /// The shop's bank.
    pub fn bank(&self) -> Bank {
        let ledger = format!("http://{}", self.processes[&(Payments, 0)].address());
        Bank { ledger: Caller::new(ledger, Credential::None, self.memory.clone()), door: self.anonymous() }
    }

    fn caller(&self, base: &str, credential: Credential) -> Caller {
        Caller::new(format!("{}{base}", self.link(Buyers, Gateway).url()), credential, self.memory.clone())
    }

    /// A service that asks another, with the keys that it has.
    pub fn service(&self, from: Part, to: Part) -> Caller {
        let credential = Credential::Service(self.issuers[&from].clone(), service(from), service(to));
        Caller::new(self.link(from, to).url(), credential, self.memory.clone())
    }

    /// An employee for whom one service asks another.
    pub fn employee(&self, from: Part, to: Part) -> Caller {
        let credential = Credential::Employee(self.issuers[&from].clone(), service(from), service(to));
        Caller::new(self.link(from, to).url(), credential, self.memory.clone())
    }

    /// Whoever has this `Authorization`, past the gateway and all links.
    pub fn holder(&self, bearer: String, at: Part) -> Caller {
        let base = format!("http://{}", self.processes[&(at, 0)].address());
        Caller::new(base, Credential::Bearer(bearer), self.memory.clone())
    }

    /// What can be said in the name of a service, by its own keys.
    pub fn issuer(&self, part: Part) -> &ReplicaIssuer {
        &self.issuers[&part]
    }

    /// All of the network, each direction of asking for itself.
    pub fn links() -> Vec<(Part, Part)> {
        LINKS.into_iter().chain(KEY_LINKS).collect()
    }

    /// The network from one part to another.
    pub fn link(&self, from: Part, to: Part) -> Arc<Link> {
        self.links[&(from, to)].clone()
    }

    /// The longest that anybody waited for an answer, and for which, since this was last asked.
    pub fn longest_wait(&self) -> (Duration, String) {
        std::mem::take(&mut self.memory.longest_wait.lock().unwrap())
    }

    /// SIGKILL to every replica. The part is gone at once, and so are its connections.
    pub fn kill(&mut self, part: Part) {
        for replica in 0..self.replicas {
            if let Some(mut process) = self.processes.remove(&(part, replica)) {
                process.kill();
            }
        }
        self.lead_to(part);
    }

    /// Kills the part if it lives, and starts it again.
    pub async fn restart(&mut self, part: Part) {
        if let Err(why) = self.start_part(part, None).await {
            panic!("{why}");
        }
    }

    /// Kills the part and starts it with a fault, such as `order.take.after_call=kill`.
    pub async fn with_fault(&mut self, part: Part, fault: &str) {
        if let Err(why) = self.start_part(part, Some(fault)).await {
            panic!("{fault} before anything was asked: {why}");
        }
    }

    /// A place for what a test writes down, gone with the shop.
    pub fn notes(&self, name: &str) -> PathBuf {
        self.logs.path().join(name)
    }

    /// Whether the part, or a replica of it, has ended without being told to.
    pub fn is_dead(&mut self, part: Part) -> bool {
        (0..self.replicas).any(|replica| self.processes.get_mut(&(part, replica)).is_none_or(Process::is_dead))
    }

    /// SIGTERM: the part finishes what is in flight. The time that took.
    pub async fn stop(&mut self, part: Part) -> Duration {
        let mut took = Duration::ZERO;
        for replica in 0..self.replicas {
            match self.processes.get_mut(&(part, replica)) {
                Some(process) => took = took.max(process.stop().await),
                None => panic!("{part:?} does not run"),
            }
            self.processes.remove(&(part, replica));
        }
        self.lead_to(part);
        took
    }

    /// A new book with so many copies, for 12.50.
    pub async fn book(&self, title: &str, copies: i64) -> BookId {
        self.operator().add_book(title, copies).await
    }

    /// Every part reaches every other that it needs.
    pub async fn until_ready(&self) {
        eventually("the shop is ready", async || self.is_ready().await).await;
    }

    /// Whether the gateway says that it and everybody behind it is there.
    pub async fn is_ready(&self) -> bool {
        let answer = self.anonymous().call(Method::GET, "/health/ready", None, None).await;
        answer.is_some_and(|answer| answer.status == 200)
    }

    async fn start_part(&mut self, part: Part, fault: Option<&str>) -> Result<(), String> {
        self.kill(part);
        for replica in 0..self.replicas {
            self.start_replica(part, replica, fault).await?;
        }
        Ok(())
    }

    /// The lines of the part's logs that have this in them.
    pub fn logged(&self, part: Part, what: &str) -> Vec<String> {
        let logs = (0..self.replicas).map(|replica| std::fs::read_to_string(self.log_of(part, replica)).unwrap());
        let found = |log: String| log.lines().filter(|line| line.contains(what)).map(str::to_owned).collect::<Vec<_>>();
        logs.flat_map(found).collect()
    }

    fn log_of(&self, part: Part, replica: usize) -> PathBuf {
        self.notes(&format!("{}-{replica}.log", name(part)))
    }

    fn arguments(&self, part: Part, replica: usize) -> Vec<String> {
        let mut arguments = vec![name(part).to_owned(), "--listen=127.0.0.1:0".to_owned()];
        arguments.extend(self.databases.get(&part).map(|database| self.database_flag(database)));
        if matches!(part, Order | Payments) {
            arguments.push(format!("--sandbox-webhook-secret={BANK_SECRET}"));
        }
        let asked = self.links.iter().filter(|((from, _), _)| *from == part);
        if part == Order {
            arguments.extend(Outsider::arguments(&self.link(Order, Outside)));
        }
        arguments.extend(
            asked
                .filter(|((_, to), _)| *to != Outside)
                .map(|((_, to), link)| format!("--{}-url={}", name(*to), link.url())),
        );
        if matches!(part, Catalog | Order) {
            arguments.push(self.tell_flag(part));
        }
        if part == Gateway {
            arguments.push(format!("--metrics-listen={}", self.gateway_numbers[replica].address()));
            arguments.extend(self.shared_flags());
        }
        arguments.extend_from_slice(&self.flags);
        arguments
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        assert!(
            self.finished || std::thread::panicking(),
            "a test of the shop ends with `finish`, and this one did not"
        );
    }
}

/// The part as it calls itself.
pub fn service(part: Part) -> Service {
    match part {
        Gateway => Service::Gateway,
        Order => Service::Order,
        Catalog => Service::Catalog,
        Delivery => Service::Delivery,
        Buyers | Payments | Outside => panic!("{part:?} is no service of the shop's own"),
    }
}

fn name(part: Part) -> &'static str {
    match part {
        Buyers => "buyers",
        Gateway => "gateway",
        Order => "order",
        Catalog => "catalog",
        Delivery => "delivery",
        Payments => "payments",
        Outside => "outside",
    }
}
