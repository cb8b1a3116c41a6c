//! The gateway: the only public door. It knows who calls, translates and passes on; it holds no business rule.

/// What the catalog said a moment ago.
mod cache;
/// The other services, and how they are asked.
mod clients;
/// Where the gateway listens and whom it asks.
mod config;
/// Contracts of other shop back ends, one file each.
mod dialects;
/// What only the public door adds to the API document.
mod document;
/// The public API, `/api/v1`.
mod http;
/// Who is who: accounts, sign-ins, keys, OAuth2, the audit log.
pub mod identity;
/// What every request goes through before its route, and every answer after it.
pub mod layers;
/// What happens in the shop, as it happens.
mod live;
/// What several gateways share, while it answers.
mod shared;
/// What the gateway keeps beside identity.
mod store;

pub use config::{Config, start};
pub use dialects::{Dialect, Dialects};
pub use http::UNDOCUMENTED;
pub use shared::SharedConfig;
