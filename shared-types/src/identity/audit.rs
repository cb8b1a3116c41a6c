use paperclip::actix::Apiv2Schema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// One line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"entry": 4711, "at": "2026-11-18T11:06:40.123456Z", "actor": "account:01936f2e-7b1c-7cc3-98c4-dc0c0c07398f", "action": "account.disable", "resource": "/accounts/01936f2e-7b1c-7cc3-98c4-dc0c0c073990", "outcome": "done", "address": "192.0.2.7", "request_id": "01936f2e-7b1c-7cc3-98c4-dc0c0c0739aa"}"#
)]
pub struct AuditEntryView {
    /// Position in the log; later entries have larger ones.
    pub entry: i64,
    pub at: Timestamp,
    /// Who: `account:<id>`, `api_key:<id>`, `client:<id>`, `command-line`, `anonymous`.
    pub actor: String,
    /// For whom, where that is somebody else.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub on_behalf_of: Option<String>,
    /// What, such as `account.disable`.
    pub action: String,
    /// To which thing.
    pub resource: String,
    /// `done`, `refused`, or `unknown` where the answer of another part was lost.
    pub outcome: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<String>,
    /// From where.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub address: Option<String>,
    /// The id under which the request is in the logs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request_id: Option<String>,
}

/// A page of the audit log, latest entry first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct AuditPage {
    pub items: Vec<AuditEntryView>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_cursor: Option<String>,
}

/// Which entries of the audit log are wanted. What is absent does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
pub struct AuditQuery {
    /// Exactly this actor.
    pub actor: Option<String>,
    /// This action, or all of a noun: `account.`.
    pub action: Option<String>,
    /// Exactly this path.
    pub resource: Option<String>,
    /// `done`, `refused` or `unknown`.
    pub outcome: Option<String>,
    /// From this instant on.
    pub from: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
    /// Where to read on: the `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Entries in the page, 1 to 200; 50 where absent.
    pub limit: Option<i64>,
}
