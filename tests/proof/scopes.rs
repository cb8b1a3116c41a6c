//! The worlds that are walked through.

use lastcopy::payments::domain::Behaviour;

use crate::{
    mutants::Mutant,
    scope::{Edit, Plan, Rules, Scope, Way},
};

const EVERY_CARD: &[Behaviour] = &[Behaviour::Approved, Behaviour::Declined, Behaviour::ConfirmedLater];
/// The card whose bank may still say yes, no or nothing.
const SLOW_CARD: &[Behaviour] = &[Behaviour::ConfirmedLater];
const SLOW: Way = Way::Card(Behaviour::ConfirmedLater);
const ALL_EDITS: &[Edit] = &[Edit::Restock, Edit::Reprice, Edit::Delete];
const RULES: Rules =
    Rules { cards: EVERY_CARD, payments: 2, takings: 2, parcel_moves: 5, addressed_later: false, mutant: None };

/// One copy of the second book.
const fn plan(way: Way, address: bool) -> Plan {
    Plan { way, address, copies: [0, 1] }
}

/// A copy of each book, and for a review a second one of the second book, which can be renounced.
const fn both(way: Way) -> Plan {
    let second = if matches!(way, Way::Review) { 2 } else { 1 };
    Plan { way, address: false, copies: [1, second] }
}

fn cards() -> impl Iterator<Item = Way> {
    EVERY_CARD.iter().copied().map(Way::Card)
}

/// One order and everything that can happen to it.
pub fn one_order() -> Vec<Scope> {
    let ways = || cards().chain([Way::Invoice, Way::OnDelivery, Way::Review]);
    let scope = |name, beginnings, rules| Scope { name, beginnings, stock: [1, 1], edits: ALL_EDITS, rules };
    let one_payment = Rules { payments: 1, cards: SLOW_CARD, ..RULES };
    let with_parcel = cards().chain([Way::Invoice]).map(|way| vec![plan(way, true)]).collect();
    let paid_at_the_door = [Way::OnDelivery, Way::Review].map(|way| vec![plan(way, true)]).to_vec();
    let addressed_later = [SLOW, Way::OnDelivery].map(|way| vec![plan(way, false)]).to_vec();
    vec![
        scope("one order, collected, two payments", ways().map(|way| vec![both(way)]).collect(), RULES),
        Scope { edits: &[], ..scope("one order with a parcel", with_parcel, Rules { cards: SLOW_CARD, ..RULES }) },
        Scope {
            edits: &[],
            ..scope("one order with a parcel, paid at the door or before", paid_at_the_door, one_payment)
        },
        Scope {
            edits: &[],
            rules: Rules { addressed_later: true, parcel_moves: 3, ..one_payment },
            ..scope("one order that gets its address later", addressed_later, RULES)
        },
    ]
}

/// Two orders, two payments each, two books, and the staff of the catalog.
pub fn two_orders() -> Vec<Scope> {
    vec![
        Scope { edits: ALL_EDITS, ..rivals("two orders by card", vec![both(SLOW), plan(SLOW, false)]) },
        Scope {
            edits: &[Edit::Delete],
            ..rivals("an invoice, a card and a deletion", vec![both(Way::Invoice), plan(SLOW, false)])
        },
        rivals("two invoices, two payments each", vec![both(Way::Invoice), plan(Way::Invoice, false)]),
        Scope {
            edits: &[Edit::Restock],
            rules: Rules { payments: 1, ..RIVALS },
            ..rivals("a review and a checkout", vec![both(Way::Review), plan(SLOW, false)])
        },
    ]
}

/// Three orders that pay at the door.
pub fn three_small() -> Vec<Scope> {
    let at_the_door = plan(Way::OnDelivery, false);
    let plans = vec![both(Way::OnDelivery), at_the_door, at_the_door];
    vec![Scope {
        edits: &[Edit::Restock, Edit::Delete],
        rules: Rules { payments: 0, ..RIVALS },
        ..rivals("three orders, paid at the door", plans)
    }]
}

/// Three orders that pay, and two with all that the staff does.
pub fn long() -> Vec<Scope> {
    let three = vec![both(SLOW), plan(SLOW, false), plan(Way::OnDelivery, false)];
    vec![
        Scope { rules: Rules { payments: 1, ..RIVALS }, ..rivals("three orders, two of them by card", three) },
        Scope {
            edits: ALL_EDITS,
            ..rivals("an invoice, a card and the staff", vec![both(Way::Invoice), plan(SLOW, false)])
        },
    ]
}

const RIVALS: Rules = Rules { cards: SLOW_CARD, ..RULES };

/// Orders that want the same copies.
fn rivals(name: &'static str, plans: Vec<Plan>) -> Scope {
    Scope { name, beginnings: vec![plans], stock: [1, 1], edits: &[], rules: RIVALS }
}

/// A small world in which the fault shows.
pub fn of(mutant: Mutant) -> Scope {
    use Mutant as M;
    let rules = Rules { cards: SLOW_CARD, parcel_moves: 3, mutant: Some(mutant), ..RULES };
    let scope = |plans, edits| Scope { name: "a fault", beginnings: vec![plans], stock: [1, 1], edits, rules };
    match mutant {
        M::RefusalNotSticky => Scope { stock: [1, 0], ..scope(vec![both(SLOW)], &[Edit::Restock]) },
        M::PriceUnchecked | M::DeletionUnchecked | M::PartialTake => scope(vec![both(SLOW)], ALL_EDITS),
        M::NoTombstoneOnGiveBack
        | M::ChargeBeforeTake
        | M::NoTombstoneOnCanceledPayment
        | M::GiveBackOnChargeTimeOut
        | M::CancelWithoutCancelingThePayment
        | M::ChargeNotIdempotent
        | M::GiveBackNotIdempotent
        | M::RefundNotIdempotent
        | M::QueryResolvesDoubt
        | M::NoLateRefund
        | M::GiveBackBeforeRefund
        | M::NobodyLooks
        | M::DeadlineDecides
        | M::LostUpdate => scope(vec![both(SLOW)], &[]),
        M::OlderReplyBelieved => scope(vec![both(Way::Review)], &[]),
        M::NoCompareInTheDecrement => scope(vec![plan(SLOW, false), plan(SLOW, false)], &[]),
        M::DeliveryBeforeApproval | M::RefundBeforeDeliveryCanceled | M::OlderEventBelieved => {
            scope(vec![plan(SLOW, true)], &[])
        }
        M::NoTombstoneOnCanceledDelivery => scope(vec![plan(Way::OnDelivery, true)], &[]),
    }
}
