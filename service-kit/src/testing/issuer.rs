//! Callers as values: an issuer with keys of its own, published over HTTP, that says whatever a test wants said.

use std::{sync::Arc, time::Duration};

use super::TestDatabase;
use crate::{
    Client, ClientOptions, Clock,
    auth::{Caller, Claims, Issuer, MintError, Service, Token, TokenSource, publish_keys},
    db::{Db, DbOptions},
    http::{Background, Running, ServiceInfo, serve},
};

const INFO: ServiceInfo = ServiceInfo { name: "issuer", title: "Test issuer", description: "Publishes keys." };
const LIFETIME_S: u64 = 300;

/// Stands in for one of our services as far as its tokens go. A service under test is given its [`url`](Self::url) as
/// the address of that service's keys.
pub struct TestIssuer {
    issuer: Issuer,
    running: Running,
    _database: TestDatabase,
}

impl TestIssuer {
    /// Starts issuing in the name of `service`.
    pub async fn start(service: Service) -> TestIssuer {
        let database = TestDatabase::create("issuer").await;
        let db = Db::open(database.url(), DbOptions::default(), &[]).await.expect("a database");
        let issuer = Issuer::open(service, db.clone(), Clock::system()).await.expect("signing keys");
        let mut background = Background::default();
        background.close_last(db);
        let published = issuer.clone();
        let routes = move |config: &mut paperclip::actix::web::ServiceConfig| publish_keys(config, &published);
        let address = "127.0.0.1:0".parse().expect("an address");
        let running = serve(INFO, address, 1, Vec::new(), background, routes).await.expect("a server");
        TestIssuer { issuer, running, _database: database }
    }

    /// Where its keys are published.
    pub fn url(&self) -> String {
        self.running.url()
    }

    /// A token that says that this caller calls `aud`.
    pub fn token(&self, caller: &Caller, aud: Service) -> Token {
        mint(&self.issuer, caller, aud).expect("a token")
    }

    /// A client for the service `aud` at `base`, whose every call is this caller's.
    pub fn client(&self, caller: &Caller, aud: Service, base: &str) -> Client {
        let source = OneCaller { issuer: self.issuer.clone(), caller: caller.clone(), aud };
        Client::new(base, ClientOptions::default()).expect("an address").with_tokens(Arc::new(source))
    }

    /// Stops publishing.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}

struct OneCaller {
    issuer: Issuer,
    caller: Caller,
    aud: Service,
}

impl TokenSource for OneCaller {
    fn token(&self) -> Result<Token, MintError> {
        mint(&self.issuer, &self.caller, self.aud)
    }

    fn refused(&self, _: &Token) {}
}

pub(super) fn mint(issuer: &Issuer, caller: &Caller, aud: Service) -> Result<Token, MintError> {
    issuer.mint(&Claims { caller: caller.clone(), aud, lifetime: Duration::from_secs(LIFETIME_S) })
}
