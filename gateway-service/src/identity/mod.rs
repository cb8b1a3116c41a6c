//! Who is who: accounts, sign-ins, keys, OAuth2 applications, and the log of what was done with them.
//!
//! Everything ends in a short-lived token that every service can verify (`service_kit::auth`). What is revoked here is
//! refused here within seconds (`access::REVOCATION_LAG_S`), although the token itself is good for minutes.

/// From a credential to its caller, and from a caller to a token.
pub mod access;
/// What people do with their accounts, and administrators with those of others.
mod accounts;
/// What whoever has the machine may do: the command line's entrance.
pub mod admin;
/// Argon2id, in memory that is used again.
mod argon;
/// Who did what: the lines of the audit log.
pub mod audit;
/// Reading the audit log.
mod audit_log;
/// People at our own pages.
mod browsers;
/// What is over goes.
mod cleanup;
/// Flags and environment.
mod config;
/// The accounts of a demo.
mod demo;
/// What identity decides, without a database, a clock or a network.
pub mod domain;
/// Visitors without an account.
mod guests;
/// The routes.
mod http;
/// API keys: for programs.
mod keys;
/// Messages to the owners of accounts.
pub mod notify;
/// OAuth2: other people's programs.
mod oauth;
/// Secrets of our own making: random, recognisable, stored as a hash.
pub mod opaque;
/// Hashing in turns, so that a crowd at the door costs a bounded amount of memory.
mod passwords;
/// Passwords that were forgotten.
mod resets;
/// A name and a password for a token.
mod sign_in;
/// The only SQL.
mod store;
/// What a caller is told when the database cannot do what he asked.
mod trouble;

use std::sync::{Arc, Mutex, PoisonError};

use service_kit::{
    Clock, Remembered,
    auth::{Issuer, KeySource, Service, Verifier},
    db::{Db, DbOptions},
    http::{Background, Check, StartError},
    process::default_workers,
};
use shared_types::{Code, Problem};

pub(crate) use access::Door;
use audit::Entry;
pub use config::{IdentityConfig, PublicUrl, fresh_operator_key};
use domain::{
    Origin, TrustedProxies,
    throttle::{MAX_REGISTRATIONS, MAX_RESETS, Quota, Throttle, WINDOW_MS},
};
use guests::Guests;
pub(crate) use guests::{FreshGuest, GUEST_TOKEN};
pub(crate) use http::{Cookie, Visit};
use notify::{LogOnly, MailFolder, Notifier};
use passwords::Passwords;
pub use store::MIGRATIONS;
use store::{families::Family, keys::ApiKey};

/// The gateway's identity: one value, shared by all its routes.
pub struct Identity {
    db: Db,
    clock: Clock,
    issuer: Issuer,
    verifier: Verifier,
    passwords: Passwords,
    notifier: Arc<dyn Notifier>,
    trusted_proxies: TrustedProxies,
    /// Where the shop is for everybody, such as `https://shop.example`; none: as each visitor asks for it.
    public_url: Option<String>,
    demo: bool,
    throttle: Mutex<Throttle>,
    registrations: Mutex<Quota>,
    resets: Mutex<Quota>,
    /// Which families hold; `None`: it does not.
    families: Remembered<String, Option<Arc<Family>>>,
    /// SHA-256 of the operator's key.
    operator: Option<Vec<u8>>,
    guests: Guests,
    /// API keys that are good, by their hash.
    known_keys: Remembered<Vec<u8>, Arc<ApiKey>>,
}

impl Identity {
    /// Opens the database and the signing keys, and starts what runs beside the requests.
    pub async fn open(config: &IdentityConfig, background: &mut Background) -> Result<Arc<Identity>, StartError> {
        Identity::open_with(config, Clock::system(), notifier(config)?, background).await
    }

    /// As [`open`](Self::open), with another clock and another way to send messages.
    pub async fn open_with(
        config: &IdentityConfig,
        clock: Clock,
        notifier: Arc<dyn Notifier>,
        background: &mut Background,
    ) -> Result<Arc<Identity>, StartError> {
        let db = Db::open(&config.database_url, DbOptions::default(), store::MIGRATIONS).await.map_err(part)?;
        let issuer = Issuer::open(Service::Gateway, db.clone(), clock).await.map_err(part)?;
        background.spawn(issuer.clone().keep_rotating(background.stopping()));
        background.close_last(db.clone());
        let passwords = Passwords::with_turns(default_workers());
        let welcome = config.guest_checkout.unwrap_or(config.demo);
        let guests = Guests::open(&db, welcome).await.map_err(part)?;
        let lag = std::time::Duration::from_secs(config.revocation_lag_s);
        let identity = Arc::new(Identity {
            db,
            clock,
            verifier: Verifier::new(clock).trust(Service::Gateway, KeySource::of(&issuer)),
            issuer,
            passwords,
            notifier,
            trusted_proxies: config.trusted_proxies.clone(),
            public_url: config.public_url.as_ref().map(PublicUrl::origin),
            demo: config.demo,
            throttle: Mutex::default(),
            registrations: Mutex::new(Quota::new(MAX_REGISTRATIONS)),
            resets: Mutex::new(Quota::new(MAX_RESETS)),
            guests,
            operator: keys::operator(config.operator_key.as_ref()),
            families: Remembered::new(access::MAX_REMEMBERED, lag),
            known_keys: Remembered::new(access::MAX_REMEMBERED, lag),
        });
        identity.allow_configured_keys(config.demo, config.api_key.as_ref()).await.map_err(part)?;
        identity.settle_demo_accounts(config.demo).await.map_err(part)?;
        background.spawn(Arc::clone(&identity).keep_clean(background.stopping()));
        Ok(identity)
    }

    /// Whether the database answers, for readiness.
    pub fn check(&self) -> Check {
        let db = self.db.clone();
        Check::new("database", move || {
            let db = db.clone();
            async move { db.ping().await.map_err(|error| error.to_string()) }
        })
    }

    /// The signing side, for calls to other services on somebody's behalf.
    /// The gateway's database, for what else it keeps.
    pub fn db(&self) -> &Db {
        &self.db
    }

    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Whether the shop's visitors come by https.
    pub(crate) fn is_on_https(&self) -> bool {
        self.public_url.as_ref().is_some_and(|url| url.starts_with("https://"))
    }

    /// Writes a line of the audit log that belongs to no other change.
    pub async fn record(&self, entry: Entry) -> Result<(), Problem> {
        let now = self.clock.now();
        let written = self.db.write(move |tx| store::audit::append(tx, &entry, now)).await;
        written.map_err(|error| trouble::database(&error))
    }

    fn ask_registrations(&self, origin: Origin) -> Result<(), Problem> {
        ask(&self.registrations, origin, self.clock)
    }

    fn ask_resets(&self, origin: Origin) -> Result<(), Problem> {
        ask(&self.resets, origin, self.clock)
    }
}

fn ask(quota: &Mutex<Quota>, origin: Origin, clock: Clock) -> Result<(), Problem> {
    let mut quota = quota.lock().unwrap_or_else(PoisonError::into_inner);
    if quota.take(origin.network(), clock.now()) {
        return Ok(());
    }
    let problem = Problem::new(Code::TooManyRequests, "too many requests of this kind from your network");
    Err(problem.retry_after_s(WINDOW_MS / 4_000))
}

fn notifier(config: &IdentityConfig) -> Result<Arc<dyn Notifier>, StartError> {
    match &config.mail_folder {
        Some(folder) => Ok(Arc::new(MailFolder::open(folder).map_err(part)?)),
        None => Ok(Arc::new(LogOnly)),
    }
}

fn part(error: impl std::fmt::Display) -> StartError {
    StartError::Part(format!("identity: {error}"))
}
