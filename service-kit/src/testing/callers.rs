//! Every service under test needs somebody whose tokens it believes. All tests of a process share one set of keys,
//! published by a thread that ends with the process.

use std::{
    future::pending,
    sync::{OnceLock, mpsc},
    time::Duration,
};

use super::issuer::mint;
use crate::{
    Clock,
    auth::{Caller, Issuer, Jwks, Service, Who, publish_keys},
    db::{DatabaseUrl, Db, DbOptions},
    http::{Background, ServiceInfo, serve},
};

const INFO: ServiceInfo = ServiceInfo { name: "keys", title: "Test keys", description: "The keys of every service." };
const START_DEADLINE: Duration = Duration::from_secs(60);

/// The issuers of all services, as the tests of one service need them. They share one set of keys, so one address serves
/// for all of them; that each service has keys of its own is shown where real ones run.
pub struct Callers {
    url: String,
    issuers: Vec<Issuer>,
}

impl Callers {
    /// Those of this process.
    pub fn of_this_process() -> &'static Callers {
        static CALLERS: OnceLock<Callers> = OnceLock::new();
        CALLERS.get_or_init(|| {
            let (tell, told) = mpsc::channel();
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
                runtime.expect("a runtime").block_on(publish(tell));
            });
            told.recv_timeout(START_DEADLINE).expect("published keys")
        })
    }

    /// Where the keys of every service are: a service under test is given it as the address of each issuer that it
    /// trusts.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// The keys themselves, for a stand-in of a service that publishes them where it listens.
    pub fn keys(&self) -> Jwks {
        self.issuers[0].jwks()
    }

    /// The `Authorization` header of this caller's calls to `aud`. A service speaks for itself, the gateway for everybody
    /// else.
    pub fn bearer(&self, caller: &Caller, aud: Service) -> String {
        let (speaker, act) = match caller.who {
            Who::Service(service) => (service, None),
            Who::Anonymous
            | Who::Guest(_)
            | Who::Customer(_)
            | Who::Employee(_)
            | Who::Administrator(_)
            | Who::Client(_)
            | Who::ApiKey(_) => (Service::Gateway, Some(Service::Gateway)),
        };
        let caller = Caller { act, ..caller.clone() };
        let issuer =
            self.issuers.iter().find(|issuer| issuer.service() == speaker).expect("BUG: there is one for each");
        format!("Bearer {}", mint(issuer, &caller, aud).expect("a token").secret())
    }
}

async fn publish(tell: mpsc::Sender<Callers>) {
    let folder = tempfile::Builder::new().prefix("lastcopy-test-keys-").tempdir().expect("a temporary folder");
    let url = DatabaseUrl::sqlite(folder.path().join("keys.db"));
    let db = Db::open(&url, DbOptions::default(), &[]).await.expect("a database");
    let mut issuers = Vec::new();
    for service in Service::ALL {
        issuers.push(Issuer::open(*service, db.clone(), Clock::system()).await.expect("signing keys"));
    }
    // The keys are in memory now, and tests do not live long enough to rotate them.
    db.close().await;
    drop(folder);
    let published = issuers[0].clone();
    let routes = move |config: &mut paperclip::actix::web::ServiceConfig| publish_keys(config, &published);
    let address = "127.0.0.1:0".parse().expect("an address");
    let running = serve(INFO, address, 1, Vec::new(), Background::default(), routes).await.expect("a server");
    tell.send(Callers { url: running.url(), issuers }).expect("BUG: somebody waits for it");
    pending().await
}
