use std::{fmt, str::FromStr};

use super::{caller::Service, scope::Scope};

/// What a route asks of its caller. Every operation of an API document carries at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Nothing, and nobody looks who calls.
    Public,
    /// Nothing, but whoever says who he is must be right.
    Anyone,
    /// A token of anybody, were it a nobody for whom the gateway asks.
    AnyCaller,
    Scope(Scope),
    /// A token with this scope, or nobody where guests are welcome: he becomes one.
    ScopeOrGuest(Scope),
    /// Whoever has an account, himself.
    Account,
    /// A customer himself.
    Customer,
    /// An employee or administrator himself.
    Employee,
    /// An administrator himself.
    Administrator,
    /// This service, for itself.
    Service(Service),
}

impl Permission {
    /// Every permission there is.
    pub fn all() -> Vec<Permission> {
        let plain = [
            Permission::Public,
            Permission::Anyone,
            Permission::AnyCaller,
            Permission::Account,
            Permission::Customer,
            Permission::Employee,
            Permission::Administrator,
        ];
        let scopes = Scope::ALL.iter().map(|scope| Permission::Scope(*scope));
        let guests = Scope::ALL.iter().map(|scope| Permission::ScopeOrGuest(*scope));
        let services = Service::ALL.iter().map(|service| Permission::Service(*service));
        plain.into_iter().chain(scopes).chain(guests).chain(services).collect()
    }

    /// Whether a call without any credential can be answered.
    pub const fn is_open(self) -> bool {
        match self {
            Permission::Public | Permission::Anyone | Permission::ScopeOrGuest(_) => true,
            Permission::AnyCaller
            | Permission::Scope(_)
            | Permission::Account
            | Permission::Customer
            | Permission::Employee
            | Permission::Administrator
            | Permission::Service(_) => false,
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Permission::Public => f.write_str("public"),
            Permission::Anyone => f.write_str("anyone"),
            Permission::AnyCaller => f.write_str("any-caller"),
            Permission::Scope(scope) => write!(f, "scope:{scope}"),
            Permission::ScopeOrGuest(scope) => write!(f, "scope-or-guest:{scope}"),
            Permission::Account => f.write_str("role:account"),
            Permission::Customer => f.write_str("role:customer"),
            Permission::Employee => f.write_str("role:employee"),
            Permission::Administrator => f.write_str("role:administrator"),
            Permission::Service(service) => write!(f, "service:{service}"),
        }
    }
}

/// A text that is no permission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no permission")]
pub struct UnknownPermission(pub String);

impl FromStr for Permission {
    type Err = UnknownPermission;

    fn from_str(text: &str) -> Result<Self, UnknownPermission> {
        let found = Permission::all().into_iter().find(|permission| permission.to_string() == text);
        found.ok_or_else(|| UnknownPermission(text.to_owned()))
    }
}
