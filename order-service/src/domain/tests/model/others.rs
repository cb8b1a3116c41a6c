use std::collections::{BTreeMap, BTreeSet};

use shared_types::{deliveries::DeliveryStatus, payments::PaymentStatus};

use super::Fault;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Taking {
    Taken,
    Refused,
    GivenBack,
}

/// A call that was sent. It may arrive at any time, any number of times, or never.
pub(super) type Call = (Kind, u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    Take,
    GiveBack,
    Charge,
    CancelPayment,
    Refund,
    Book,
    Stop,
}

/// What a call was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Reply {
    Taking(Kind, u32, Taking),
    Payment(u32, usize),
    Parcel(Kind, u32, usize),
}

/// A payment at its provider: its status is an index into `PaymentStatus::ALL`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Payment {
    pub status: usize,
    pub captured: u8,
    pub refunded: u8,
}

pub(super) const WAY: [DeliveryStatus; 4] =
    [DeliveryStatus::Scheduled, DeliveryStatus::Shipped, DeliveryStatus::Returned, DeliveryStatus::Canceled];
const CANCELED_PARCEL: usize = 3;

pub(super) fn at(status: PaymentStatus) -> usize {
    PaymentStatus::ALL.iter().position(|known| *known == status).expect("a status")
}

/// The records of the other services.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Others {
    /// The catalog's, by attempt.
    pub takings: BTreeMap<u32, Taking>,
    pub payments: BTreeMap<u32, Payment>,
    /// The delivery service's parcels: where each is (an index into `WAY`).
    pub parcels: BTreeMap<u32, usize>,
    /// Every call that was ever sent.
    pub calls: BTreeSet<Call>,
    /// Money was captured while no copies were taken.
    pub captured_too_early: bool,
    /// Copies were given back that were not taken any more.
    pub gave_too_much: bool,
    /// A parcel left, or money went, in the wrong order.
    pub undone_in_disorder: bool,
}

impl Others {
    pub(super) fn hold_copies(&self) -> bool {
        self.takings.values().any(|taking| *taking == Taking::Taken)
    }

    /// Whether a parcel may leave, or has left and not come back.
    pub(super) fn parcel_is_out(&self) -> bool {
        self.parcels.values().any(|at| *at < 2)
    }

    /// What was captured and not refunded.
    pub(super) fn kept(&self) -> i32 {
        self.payments.values().map(|payment| i32::from(payment.captured) - i32::from(payment.refunded)).sum()
    }

    /// The other side does what it is asked, in every way it may, and answers.
    pub(super) fn arrive(&self, (kind, n): Call, fault: Option<Fault>) -> Vec<(Others, Reply)> {
        match kind {
            Kind::Take | Kind::GiveBack => self.catalog(kind, n, fault),
            Kind::Charge | Kind::CancelPayment | Kind::Refund => self.provider(kind, n, fault),
            Kind::Book | Kind::Stop => vec![self.delivery(kind, n, fault)],
        }
    }

    fn catalog(&self, kind: Kind, n: u32, fault: Option<Fault>) -> Vec<(Others, Reply)> {
        let known = self.takings.get(&n).copied();
        let answered = |taking: Taking| {
            let mut others = self.clone();
            others.takings.insert(n, taking);
            (others, Reply::Taking(kind, n, taking))
        };
        match (kind, known) {
            (Kind::GiveBack, None) if fault == Some(Fault::NoTombstoneOnGiveBack) => {
                vec![(self.clone(), Reply::Taking(kind, n, Taking::GivenBack))]
            }
            (Kind::GiveBack, Some(Taking::GivenBack)) if fault == Some(Fault::GiveBackNotIdempotent) => {
                let (others, reply) = answered(Taking::GivenBack);
                vec![(Others { gave_too_much: true, ..others }, reply)]
            }
            (Kind::GiveBack, Some(Taking::Refused)) => vec![answered(Taking::Refused)],
            (Kind::GiveBack, _) => vec![answered(Taking::GivenBack)],
            (_, Some(Taking::Refused)) if fault == Some(Fault::RefusalNotSticky) => {
                vec![answered(Taking::Refused), answered(Taking::Taken)]
            }
            (_, Some(taking)) => vec![answered(taking)],
            (_, None) => vec![answered(Taking::Taken), answered(Taking::Refused)],
        }
    }

    fn provider(&self, kind: Kind, n: u32, fault: Option<Fault>) -> Vec<(Others, Reply)> {
        use PaymentStatus as P;
        let known = self.payments.get(&n).copied();
        let nothing = Payment { status: at(P::Canceled), captured: 0, refunded: 0 };
        let status = known.map(|payment| PaymentStatus::ALL[payment.status]);
        let fresh = known.unwrap_or(nothing);
        match (kind, status) {
            (Kind::Charge, None) => {
                [P::Processing, P::Succeeded, P::Declined].map(|status| self.pay(n, status)).to_vec()
            }
            (Kind::Charge, Some(P::Succeeded)) if fault == Some(Fault::ChargeNotIdempotent) => {
                vec![self.put(n, Payment { captured: fresh.captured.min(1) + 1, ..fresh })]
            }
            (Kind::CancelPayment, None) if fault == Some(Fault::NoTombstoneOnCancelPayment) => {
                vec![(self.clone(), Reply::Payment(n, at(P::Canceled)))]
            }
            (Kind::CancelPayment, None | Some(P::Processing)) => vec![self.put(n, nothing)],
            (Kind::Refund, Some(P::Succeeded)) => {
                vec![self.put(n, Payment { status: at(P::Refunded), refunded: fresh.refunded + 1, ..fresh })]
            }
            (Kind::Refund, Some(P::Refunded)) if fault == Some(Fault::RefundNotIdempotent) => {
                vec![self.put(n, Payment { refunded: fresh.refunded.min(1) + 1, ..fresh })]
            }
            (_, _) => vec![self.put(n, fresh)],
        }
    }

    /// A buyer, or his bank, or the provider decides about a payment.
    pub(super) fn pay(&self, n: u32, status: PaymentStatus) -> (Others, Reply) {
        let captured = u8::from(status == PaymentStatus::Succeeded);
        let (mut others, reply) = self.put(n, Payment { status: at(status), captured, refunded: 0 });
        others.captured_too_early |= captured > 0 && !self.hold_copies();
        (others, reply)
    }

    fn put(&self, n: u32, payment: Payment) -> (Others, Reply) {
        let mut others = self.clone();
        let refunds = self.payments.get(&n).is_some_and(|before| before.refunded < payment.refunded);
        // Undoing goes from the parcel to the money to the copies.
        others.undone_in_disorder |= refunds && self.hold_copies() && self.parcel_is_out();
        others.payments.insert(n, payment);
        (others, Reply::Payment(n, payment.status))
    }

    fn delivery(&self, kind: Kind, n: u32, fault: Option<Fault>) -> (Others, Reply) {
        let mut others = self.clone();
        let now = match (kind, self.parcels.get(&n)) {
            (Kind::Stop, None) if fault == Some(Fault::NoTombstoneOnCancelDelivery) => {
                return (others, Reply::Parcel(kind, n, CANCELED_PARCEL));
            }
            (Kind::Stop, None | Some(0)) => CANCELED_PARCEL,
            (_, None) => 0,
            (_, Some(known)) => *known,
        };
        others.parcels.insert(n, now);
        (others, Reply::Parcel(kind, n, now))
    }
}
