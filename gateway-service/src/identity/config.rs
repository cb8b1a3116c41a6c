use std::{path::PathBuf, str::FromStr};

use clap::{ArgAction, builder::FalseyValueParser};
use service_kit::db::DatabaseUrl;
use shared_types::Secret;

use super::{
    access::{MAX_REVOCATION_LAG_S, REVOCATION_LAG_S},
    domain::TrustedProxies,
    opaque::{Opaque, OpaqueKind},
};
use crate::layers::RateConfig;

/// What identity is told at the start. Every flag is an environment variable too.
#[derive(Debug, Clone, clap::Args)]
pub struct IdentityConfig {
    /// Accounts, keys, sign-ins and the audit log: `sqlite:PATH` or `postgres://…`.
    #[arg(long, env = "DATABASE_URL", default_value = "sqlite:lastcopy-data/gateway.db")]
    pub database_url: DatabaseUrl,
    /// Adds demo accounts, whose passwords are made up and printed once, and the demo key. Never for a shop that sells.
    #[arg(
        long,
        env = "LASTCOPY_DEMO",
        action = ArgAction::Set,
        value_parser = FalseyValueParser::new(),
        num_args = 0..=1,
        require_equals = true,
        default_value = "false",
        default_missing_value = "true"
    )]
    pub demo: bool,
    /// Whether visitors without an account may buy; where nothing is said, in a demo only.
    #[arg(
        long,
        env = "LASTCOPY_GUEST_CHECKOUT",
        action = ArgAction::Set,
        value_parser = FalseyValueParser::new(),
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub guest_checkout: Option<bool>,
    /// Where the shop is for its visitors, such as `https://shop.example`; taken from each request where absent.
    #[arg(long, env = "LASTCOPY_PUBLIC_URL")]
    pub public_url: Option<PublicUrl>,
    /// Addresses of the proxies before the gateway, separated by commas: only their `X-Forwarded-For` is believed.
    #[arg(long, env = "LASTCOPY_TRUSTED_PROXIES", default_value = "")]
    pub trusted_proxies: TrustedProxies,
    /// An API key with every items, stock, orders and deliveries scope, kept from start to start.
    #[arg(long = "bookstore-api-key", env = "BOOKSTORE_API_KEY", value_parser = read_secret, hide_env_values = true)]
    pub api_key: Option<Secret>,
    /// The key of whoever runs the shop, who may do everything about goods and orders: at least 32 characters. It is not
    /// kept: the next start may name another.
    #[arg(long, env = "LASTCOPY_OPERATOR_KEY", value_parser = read_operator_key, hide_env_values = true)]
    pub operator_key: Option<Secret>,
    /// Messages to the owners of accounts are written into this folder; without it none are sent.
    #[arg(long, env = "LASTCOPY_MAIL_FOLDER")]
    pub mail_folder: Option<PathBuf>,
    /// What another replica revoked is believed here for so many seconds at most.
    #[arg(long, env = "LASTCOPY_REVOCATION_LAG_S", default_value_t = REVOCATION_LAG_S,
          value_parser = clap::value_parser!(u64).range(..=MAX_REVOCATION_LAG_S))]
    pub revocation_lag_s: u64,
    #[command(flatten)]
    pub rates: RateConfig,
}

impl IdentityConfig {
    /// On this database, and otherwise as where nothing is said.
    pub fn on(database_url: DatabaseUrl) -> IdentityConfig {
        IdentityConfig {
            database_url,
            demo: false,
            guest_checkout: None,
            public_url: None,
            trusted_proxies: TrustedProxies::default(),
            api_key: None,
            operator_key: None,
            mail_folder: None,
            revocation_lag_s: REVOCATION_LAG_S,
            rates: RateConfig::default(),
        }
    }
}

fn read_secret(text: &str) -> Result<Secret, String> {
    Ok(Secret::new(text))
}

/// Characters that a guesser of the operator's key must get right at least.
const MIN_OPERATOR_KEY_CHARS: usize = 32;

/// A random key for whoever runs the shop.
pub fn fresh_operator_key() -> Secret {
    Opaque::fresh(OpaqueKind::OperatorKey).secret
}

/// An empty key is none: so says an environment in which it is not set.
fn read_operator_key(text: &str) -> Result<Secret, String> {
    match text.chars().count() {
        0 | MIN_OPERATOR_KEY_CHARS.. => Ok(Secret::new(text)),
        _ => Err(format!("has fewer than {MIN_OPERATOR_KEY_CHARS} characters")),
    }
}

/// Where the shop is for its visitors: a scheme and a host, without a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(String);

impl PublicUrl {
    /// As browsers write it in `Origin`.
    pub fn origin(&self) -> String {
        self.0.clone()
    }
}

impl FromStr for PublicUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = url::Url::parse(text).map_err(|error| error.to_string())?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        if !matches!(url.scheme(), "http" | "https") || !bare {
            return Err("is not like https://shop.example".to_owned());
        }
        Ok(PublicUrl(url.origin().ascii_serialization()))
    }
}
