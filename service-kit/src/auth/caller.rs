use std::fmt;

use shared_types::AccountId;

use super::scope::{Scope, Scopes};

macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The name as it travels.
            pub const fn text(self) -> &'static str {
                match self { $($name::$variant => $text,)+ }
            }

            /// What has this name.
            pub fn named(text: &str) -> Option<$name> {
                $name::ALL.iter().copied().find(|known| known.text() == text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.text())
            }
        }
    };
}

names! {
    /// The shop's services: who may issue tokens, and for whom tokens are.
    Service {
        /// The only public door, and the only issuer that speaks for others than itself.
        Gateway = "gateway";
        Catalog = "catalog";
        Order = "order";
        Delivery = "delivery";
    }
}

names! {
    /// The kind of caller, as it travels in a token.
    Role {
        Anonymous = "anonymous";
        Guest = "guest";
        Customer = "customer";
        Employee = "employee";
        Administrator = "administrator";
        Client = "client";
        ApiKey = "api_key";
        Service = "service";
    }
}

impl Role {
    /// What a caller of this role may do where nothing narrows it. A key or a client has what it was given, a service
    /// what its token names.
    pub const fn scopes(self) -> Scopes {
        match self {
            Role::Anonymous => Scopes::of(&[Scope::ItemsRead]),
            Role::Guest | Role::Customer => {
                Scopes::of(&[Scope::ItemsRead, Scope::OrdersRead, Scope::OrdersWrite, Scope::DeliveriesRead])
            }
            Role::Employee => Scopes::of(&[
                Scope::ItemsRead,
                Scope::ItemsWrite,
                Scope::StockRead,
                Scope::StockWrite,
                Scope::OrdersRead,
                Scope::OrdersWrite,
                Scope::OrdersReview,
                Scope::DeliveriesRead,
                Scope::DeliveriesWrite,
            ]),
            Role::Administrator => Scopes::all(),
            Role::Client | Role::ApiKey | Role::Service => Scopes::NONE,
        }
    }
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Who {
    /// Nobody said.
    Anonymous,
    /// A visitor without an account, recognised by the token that he got with his first order.
    Guest(String),
    Customer(AccountId),
    Employee(AccountId),
    /// An employee who may also manage accounts.
    Administrator(AccountId),
    /// An OAuth2 client that acts for itself (client credentials), by its id.
    Client(String),
    /// An API key, by its id.
    ApiKey(String),
    /// One of our services that acts for itself.
    Service(Service),
}

impl Who {
    pub const fn role(&self) -> Role {
        match self {
            Who::Anonymous => Role::Anonymous,
            Who::Guest(_) => Role::Guest,
            Who::Customer(_) => Role::Customer,
            Who::Employee(_) => Role::Employee,
            Who::Administrator(_) => Role::Administrator,
            Who::Client(_) => Role::Client,
            Who::ApiKey(_) => Role::ApiKey,
            Who::Service(_) => Role::Service,
        }
    }

    /// The subject of a token about him.
    pub fn subject(&self) -> String {
        match self {
            Who::Anonymous => Role::Anonymous.text().to_owned(),
            Who::Guest(id) | Who::Client(id) | Who::ApiKey(id) => id.clone(),
            Who::Customer(account) | Who::Employee(account) | Who::Administrator(account) => account.to_string(),
            Who::Service(service) => service.text().to_owned(),
        }
    }

    /// Who is meant by the role and subject of a token; nobody where they do not fit together.
    pub fn read(role: &str, subject: &str) -> Option<Who> {
        let id = || {
            let plain = subject.bytes().all(|byte| byte.is_ascii_graphic());
            (plain && (1..=MAX_SUBJECT_BYTES).contains(&subject.len())).then(|| subject.to_owned())
        };
        match Role::named(role)? {
            Role::Anonymous => (subject == Role::Anonymous.text()).then_some(Who::Anonymous),
            Role::Guest => id().map(Who::Guest),
            Role::Customer => subject.parse().ok().map(Who::Customer),
            Role::Employee => subject.parse().ok().map(Who::Employee),
            Role::Administrator => subject.parse().ok().map(Who::Administrator),
            Role::Client => id().map(Who::Client),
            Role::ApiKey => id().map(Who::ApiKey),
            Role::Service => Service::named(subject).map(Who::Service),
        }
    }

    /// The account, where there is one.
    pub const fn account(&self) -> Option<AccountId> {
        match self {
            Who::Customer(account) | Who::Employee(account) | Who::Administrator(account) => Some(*account),
            Who::Anonymous | Who::Guest(_) | Who::Client(_) | Who::ApiKey(_) | Who::Service(_) => None,
        }
    }
}

/// Bytes in the id of a guest, client or key at most.
const MAX_SUBJECT_BYTES: usize = 128;

/// A caller whose word was checked: who, what he may do, and through whom.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Caller {
    pub who: Who,
    pub scopes: Scopes,
    /// The service that passes the caller's wish on (RFC 8693 `act`).
    pub act: Option<Service>,
    /// The OAuth2 client that a person let act for him. Such a caller has the scopes that were granted and no role.
    pub client_id: Option<String>,
}

impl Caller {
    /// Nobody in particular.
    pub const fn anonymous() -> Caller {
        Caller::first_hand(Who::Anonymous)
    }

    /// A caller who acts himself, with all that his role allows.
    pub const fn first_hand(who: Who) -> Caller {
        Caller { scopes: who.role().scopes(), who, act: None, client_id: None }
    }

    pub const fn role(&self) -> Role {
        self.who.role()
    }

    pub const fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(scope)
    }

    /// Whether he works for the shop: an employee or an administrator, himself or through a client.
    pub const fn is_staff(&self) -> bool {
        matches!(self.who, Who::Employee(_) | Who::Administrator(_))
    }

    /// The one name under which what he did is filed: idempotency keys, audit lines, ownership of orders.
    pub fn principal(&self) -> String {
        match self.who.account() {
            // A promotion does not change who somebody is.
            Some(account) => format!("account:{account}"),
            None => [self.role().text(), ":", &self.who.subject()].concat(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_caller_survives_the_wire() {
        let account: AccountId = "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f".parse().expect("an id");
        let callers = [
            Who::Anonymous,
            Who::Guest("g1".into()),
            Who::Customer(account),
            Who::Employee(account),
            Who::Administrator(account),
            Who::Client("app".into()),
            Who::ApiKey("k1".into()),
            Who::Service(Service::Order),
        ];
        assert_eq!(callers.len(), Role::ALL.len());
        for who in callers {
            assert_eq!(Who::read(who.role().text(), &who.subject()), Some(who));
        }
    }

    #[test]
    fn a_subject_that_does_not_fit_its_role_is_nobody() {
        for (role, subject) in [
            ("anonymous", "ana"),
            ("guest", ""),
            ("guest", "two words"),
            ("customer", "order"),
            ("employee", ""),
            ("service", "bank"),
            ("root", "root"),
            ("Customer", "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f"),
        ] {
            assert_eq!(Who::read(role, subject), None, "{role} {subject}");
        }
    }
}
