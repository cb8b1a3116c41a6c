/// How an order stands after one of its moves.
#[derive(Clone, Copy)]
pub struct Stand {
    pub version: i64,
    pub command: &'static str,
    pub state: &'static str,
    pub stock: &'static str,
    pub payment: &'static str,
    /// None: its customer.
    pub actor: Option<&'static str>,
    /// What its customer is told, where that is news to him.
    pub told: Option<&'static str>,
}

pub const PLACED: Stand = Stand {
    version: 1,
    command: "place",
    state: "pending",
    stock: "taking",
    payment: "unpaid",
    actor: None,
    told: Some("placed"),
};

/// To be paid on delivery.
pub const APPROVED: Stand = Stand {
    version: 2,
    command: "copies_taken",
    state: "approved",
    stock: "taken",
    payment: "unpaid",
    actor: Some("driver"),
    told: Some("approved"),
};

pub const REJECTED: Stand = Stand {
    version: 2,
    command: "copies_refused",
    state: "rejected",
    stock: "none",
    payment: "unpaid",
    actor: Some("driver"),
    told: Some("rejected"),
};

/// The copies are there, and the card may be charged from now on.
pub const CHARGING: Stand = Stand {
    version: 2,
    command: "copies_taken",
    state: "pending",
    stock: "taken",
    payment: "charging",
    actor: Some("driver"),
    told: None,
};

/// By card.
pub const PAID: Stand = Stand {
    version: 3,
    command: "payment_answered",
    state: "approved",
    stock: "taken",
    payment: "paid",
    actor: Some("driver"),
    told: Some("approved"),
};
