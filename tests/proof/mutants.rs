//! The mechanisms that the promise rests on, each taken away to show that the check misses it.

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

use Mutant as M;

impl Mutant {
    pub const ALL: [Mutant; 24] = [
        M::RefusalNotSticky,
        M::NoTombstoneOnGiveBack,
        M::ChargeBeforeTake,
        M::NoTombstoneOnCanceledPayment,
        M::GiveBackOnChargeTimeOut,
        M::CancelWithoutCancelingThePayment,
        M::OlderReplyBelieved,
        M::ChargeNotIdempotent,
        M::NoCompareInTheDecrement,
        M::PartialTake,
        M::GiveBackNotIdempotent,
        M::PriceUnchecked,
        M::DeletionUnchecked,
        M::RefundNotIdempotent,
        M::QueryResolvesDoubt,
        M::LostUpdate,
        M::DeliveryBeforeApproval,
        M::RefundBeforeDeliveryCanceled,
        M::NoLateRefund,
        M::GiveBackBeforeRefund,
        M::NoTombstoneOnCanceledDelivery,
        M::OlderEventBelieved,
        M::NobodyLooks,
        M::DeadlineDecides,
    ];
}
