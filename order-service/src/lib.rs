//! The order service: it writes an order before anything is asked for it, and drives it until it is at rest.

/// The final answers to the calls that move an order, given and kept.
pub mod answer;
/// The only outgoing HTTP: the catalog, the delivery service and payment providers.
pub mod clients;
/// Flags, environment, and the driver's pace.
mod config;
/// What an order may do: `apply` and `next`, pure.
pub mod domain;
/// Load, `next`, act, record: retry, failover and crash recovery in one loop.
mod driver;
/// The only incoming HTTP.
mod http;
/// What the order service counts.
mod metrics;
/// Messages to customers.
mod notifications;
/// Who takes the money, and who is believed.
mod payments_config;
/// Where a test may kill this process.
mod points;
/// Opening what the service needs, and serving.
mod start;
/// The only SQL.
pub mod store;
/// Webhooks to subscribers.
mod subscribers;
/// Orders as the wire shows them.
mod view;
/// What comes in by webhook: who sent it, and what it says.
pub mod webhooks;

pub use config::{Config, Pace};
pub use driver::{judge, money};
pub use notifications::{NotificationConfig, Pace as NotificationPace};
pub use payments_config::{CardProvider, InvoiceProvider, PaymentsConfig};
pub use points::fault_points;
pub use start::start;
pub use subscribers::{Pace as WebhookPace, WebhookConfig};
