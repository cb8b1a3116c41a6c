//! The mechanisms that the promise rests on, each taken away to show that the check misses it.

use crate::promise::Broken;

/// A fault that is put into a wrapper around the pure functions, and never into them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mutant {
    /// The catalog decides a refused taking anew when it is asked again.
    RefusalNotSticky,
    /// Giving back an unknown taking leaves no record.
    NoTombstoneOnGiveBack,
    /// The driver asks for the money together with the copies.
    ChargeBeforeTake,
    /// Canceling an unknown payment leaves no record.
    NoTombstoneOnCanceledPayment,
    /// A charge without an answer is taken for one that failed, and the copies are given back.
    GiveBackOnChargeTimeOut,
    /// A canceled order forgets a payment that is under way.
    CancelWithoutCancelingThePayment,
    /// The answer to an earlier attempt is recorded as one to the attempt in force.
    OlderReplyBelieved,
    /// The provider charges once for every call.
    ChargeNotIdempotent,
    /// The catalog decrements without looking.
    NoCompareInTheDecrement,
    /// What can be taken of a refused taking is taken.
    PartialTake,
    /// Copies come back with every call that gives them back.
    GiveBackNotIdempotent,
    /// The catalog takes at any price.
    PriceUnchecked,
    /// The catalog takes from a book that was deleted.
    DeletionUnchecked,
    /// The provider refunds once for every call.
    RefundNotIdempotent,
    /// Whether a payment is under way is asked, and "unknown" is believed.
    QueryResolvesDoubt,
    /// A driver writes what it made of the order that it read, without comparing versions.
    LostUpdate,
    /// The parcel is booked as soon as the copies are taken.
    DeliveryBeforeApproval,
    /// An order that is undone gives the money back beside canceling its parcel.
    RefundBeforeDeliveryCanceled,
    /// Money that nobody wants any more is kept.
    NoLateRefund,
    /// Copies go back while the money is still there.
    GiveBackBeforeRefund,
    /// Canceling an unknown delivery leaves no record.
    NoTombstoneOnCanceledDelivery,
    /// An event that was overtaken is believed.
    OlderEventBelieved,
    /// A payment that waits for a bank is never looked at again.
    NobodyLooks,
    /// The deadline of an order cancels it whatever its payment is doing.
    DeadlineDecides,
}

use Broken::{G2, G5, I1, I2, I3, I4, I7};
use Mutant as M;

/// Every fault, and what the check says of it.
pub const MUTANTS: [(Mutant, Broken); 24] = [
    (M::RefusalNotSticky, I2),
    (M::NoTombstoneOnGiveBack, I2),
    (M::ChargeBeforeTake, G2),
    (M::NoTombstoneOnCanceledPayment, G2),
    (M::GiveBackOnChargeTimeOut, G2),
    (M::CancelWithoutCancelingThePayment, G2),
    (M::OlderReplyBelieved, I3),
    (M::ChargeNotIdempotent, I3),
    (M::NoCompareInTheDecrement, I1),
    (M::PartialTake, I1),
    (M::GiveBackNotIdempotent, I1),
    (M::PriceUnchecked, G5),
    (M::DeletionUnchecked, G5),
    (M::RefundNotIdempotent, I3),
    (M::QueryResolvesDoubt, G2),
    (M::LostUpdate, I2),
    (M::DeliveryBeforeApproval, I7),
    (M::RefundBeforeDeliveryCanceled, I7),
    (M::NoLateRefund, G2),
    (M::GiveBackBeforeRefund, G2),
    (M::NoTombstoneOnCanceledDelivery, I7),
    (M::OlderEventBelieved, I4),
    (M::NobodyLooks, I3),
    (M::DeadlineDecides, G2),
];
