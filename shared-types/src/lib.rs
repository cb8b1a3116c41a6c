//! What crosses a wire between Lastcopy's services: identifiers, money, ISBNs, requests, views, events and problems.
//!
//! There is no I/O here and no clock. A value that cannot be right cannot be built: parsing happens at the door, and
//! nothing behind the door checks again.

/// Books, stock adjustments and the stock ledger.
pub mod books;
/// Cells of imported tables, not parsed yet.
mod cell;
/// Deliveries, couriers and tracking.
pub mod deliveries;
/// What the types check and their API document would not know by itself.
pub mod document;
/// CloudEvents between services, and what each of ours carries.
pub mod events;
/// What is wrong with a request, field by field.
mod fields;
/// Who is who: accounts, and what they are asked and shown.
pub mod identity;
/// Identifiers of books, orders, takings, payments, deliveries and couriers.
mod ids;
/// ISBN-10 and ISBN-13, check digits verified, kept as thirteen digits.
mod isbn;
/// Every limit that more than one service must agree on, with its unit.
pub mod limits;
/// Exact decimal numbers on the wire and money inside: minor units of an ISO 4217 currency.
mod money;
/// Messages to customers.
pub mod notifications;
/// Orders on their four axes, their lines and their history.
pub mod orders;
/// Payments as a provider shows them, cards, and the tokens that stand for cards.
pub mod payments;
/// RFC 9457 problems and the one catalogue of their codes.
pub mod problem;
/// What an audit found, set right.
pub mod repairs;
/// One redacting type for passwords, tokens and keys.
mod secret;
/// Takings: which order took which copies.
pub mod takings;
/// Instants: microseconds since 1970 UTC inside, RFC 3339 on the wire.
mod timestamp;
/// Webhooks to subscribers.
pub mod webhooks;

pub use cell::Cell;
pub use fields::FieldErrors;
pub use ids::{AccountId, BookId, CourierId, DeliveryId, IdError, OrderId, PaymentId, TakingId};
pub use isbn::{Isbn, IsbnError};
pub use money::{Amount, AmountError, Currency, Money};
pub use problem::{Code, FieldError, Problem};
pub use secret::Secret;
pub use timestamp::Timestamp;
