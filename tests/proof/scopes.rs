//! The worlds that are walked through.

use lastcopy::payments::domain::Behaviour;

use crate::scope::{Edit, Plan, Rules, Scope, Way};

const EVERY_CARD: &[Behaviour] = &[Behaviour::Approved, Behaviour::Declined, Behaviour::ConfirmedLater];
const ALL_EDITS: &[Edit] = &[Edit::Restock, Edit::Reprice, Edit::Delete];
const RULES: Rules = Rules { cards: EVERY_CARD, payments: 2, takings: 2, parcel_moves: 5, mutant: None };

const fn plan(way: Way, address: bool) -> Plan {
    Plan { way, address, copies: [0, 1] }
}

pub fn ordinary() -> Vec<Scope> {
    let ways = EVERY_CARD.iter().copied().map(Way::Card).chain([Way::Invoice, Way::OnDelivery, Way::Review]);
    let alone = ways.flat_map(|way| [false, true].map(|address| vec![plan(way, address)])).collect();
    vec![
        Scope { name: "one", beginnings: alone, stock: [1, 1], edits: ALL_EDITS, rules: RULES },
        Scope {
            name: "two cards",
            beginnings: vec![vec![
                Plan { way: Way::Card(Behaviour::ConfirmedLater), address: false, copies: [1, 1] },
                Plan { way: Way::Card(Behaviour::Approved), address: false, copies: [0, 1] },
            ]],
            stock: [1, 1],
            edits: ALL_EDITS,
            rules: RULES,
        },
    ]
}
