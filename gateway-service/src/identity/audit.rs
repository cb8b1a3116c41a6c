use std::{borrow::Cow, fmt};

use service_kit::RequestContext;
use shared_types::AccountId;

use super::domain::Origin;

/// Who does something, from where, for which request: the part of an audit entry that is known before the deed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// `account:<id>`, `api_key:<id>`, `client:<id>`, `command-line`, `anonymous`.
    pub principal: String,
    pub origin: Option<Origin>,
    pub request_id: Option<String>,
}

impl Actor {
    /// Somebody who asks over HTTP, in the request being served.
    pub fn over_http(principal: impl Into<String>, origin: Origin) -> Actor {
        let request_id = Some(RequestContext::current().request_id.to_string());
        Actor { principal: principal.into(), origin: Some(origin), request_id }
    }

    pub fn anonymous(origin: Origin) -> Actor {
        Actor::over_http("anonymous", origin)
    }

    pub fn account(id: AccountId, origin: Origin) -> Actor {
        Actor::over_http(format!("account:{id}"), origin)
    }

    /// Whoever has the machine.
    pub fn command_line() -> Actor {
        Actor { principal: "command-line".to_owned(), origin: None, request_id: None }
    }

    pub fn done(&self, action: &'static str, resource: impl fmt::Display) -> Entry {
        self.entry(action, resource, Outcome::Done)
    }

    pub fn refused(&self, action: &'static str, resource: impl fmt::Display, why: impl Into<String>) -> Entry {
        Entry { detail: Some(why.into()), ..self.entry(action, resource, Outcome::Refused) }
    }

    fn entry(&self, action: &'static str, resource: impl fmt::Display, outcome: Outcome) -> Entry {
        let (actor, resource) = (self.clone(), resource.to_string());
        Entry { actor, on_behalf_of: None, action: action.into(), resource, outcome, detail: None }
    }
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Done,
    Refused,
    /// A service was asked for it, and nobody here knows what became of that.
    Unknown,
}

impl Outcome {
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Refused => "refused",
            Outcome::Unknown => "unknown",
        }
    }
}

/// One line of the audit log. It holds no secret, and nothing that was typed into a form: people type passwords into
/// the wrong field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub actor: Actor,
    /// For whom, where that is not the actor himself.
    pub on_behalf_of: Option<String>,
    /// `<noun>.<verb>`.
    pub action: Cow<'static, str>,
    /// Path of the thing.
    pub resource: String,
    pub outcome: Outcome,
    pub detail: Option<String>,
}

impl Entry {
    #[must_use]
    pub fn with_detail(self, detail: impl Into<String>) -> Entry {
        Entry { detail: Some(detail.into()), ..self }
    }

    #[must_use]
    pub fn on_behalf_of(self, account: AccountId) -> Entry {
        Entry { on_behalf_of: Some(format!("account:{account}")), ..self }
    }
}
