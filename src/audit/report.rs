use std::fmt;

use serde::Serialize;

/// Findings of one check that are shown; the others are counted.
const SHOWN: usize = 100;

/// The invariants that a shop can be checked for, by their numbers in the list of invariants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum Id {
    I1,
    I2,
    I3,
    I4,
    I5,
    I6,
    I7,
}

impl Id {
    const ALL: [Id; 7] = [Id::I1, Id::I2, Id::I3, Id::I4, Id::I5, Id::I6, Id::I7];

    /// Its number, as a label.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Id::I1 => "I1",
            Id::I2 => "I2",
            Id::I3 => "I3",
            Id::I4 => "I4",
            Id::I5 => "I5",
            Id::I6 => "I6",
            Id::I7 => "I7",
        }
    }

    const fn promise(self) -> &'static str {
        match self {
            Id::I1 => "per book: received + adjusted = on hand + taken, by its row, its ledger and its takings",
            Id::I2 => "an order that has its copies has exactly one taking with exactly its lines; no other has one",
            Id::I3 => {
                "captured less refunded is the total of a paid order and nothing of every other, by the provider's ledger"
            }
            Id::I4 => "every order comes to rest",
            Id::I5 => "every move has one entry in the history, every event is taken, and parcels and orders agree",
            Id::I6 => "one idempotency key, one order, one answer that fits it",
            Id::I7 => "an approved order with an address has exactly one live delivery; no other order has one",
        }
    }
}

/// What is wrong with one book, order, taking, delivery, key or event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub subject: String,
    pub detail: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Check {
    pub id: Id,
    promise: &'static str,
    /// Books for I1, keys for I6, orders (and, from the other side, takings, payments and deliveries) for the others.
    pub checked: u64,
    pub found: u64,
    /// The first hundred.
    pub findings: Vec<Finding>,
}

/// What was checked and what was found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub checks: Vec<Check>,
    /// Orders with work outstanding, or moving while they were looked at: their rest cannot be judged yet.
    pub in_motion: u64,
    pub ok: bool,
}

impl Report {
    pub(super) fn new() -> Report {
        let check = |id: Id| Check { id, promise: id.promise(), checked: 0, found: 0, findings: Vec::new() };
        Report { checks: Id::ALL.map(check).into(), in_motion: 0, ok: false }
    }

    pub(super) fn checked(&mut self, id: Id, number: usize) {
        let number = u64::try_from(number).unwrap_or(u64::MAX);
        self.checks.iter_mut().filter(|check| check.id == id).for_each(|check| check.checked += number);
    }

    pub(super) fn found(&mut self, id: Id, finding: Finding) {
        for check in self.checks.iter_mut().filter(|check| check.id == id) {
            check.found += 1;
            if check.findings.len() < SHOWN {
                check.findings.push(finding.clone());
            }
        }
    }

    pub(super) fn finished(mut self) -> Report {
        self.ok = self.checks.iter().all(|check| check.found == 0);
        self
    }

    pub(super) fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("BUG: plain data serialises")
    }
}

/// For a person's eyes.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            let verdict = if check.found == 0 { "ok".to_owned() } else { format!("{} FOUND", check.found) };
            writeln!(f, "{:?}  {:>9} checked  {verdict:<9}  {}", check.id, check.checked, check.promise)?;
            for finding in &check.findings {
                writeln!(f, "      {}: {}", finding.subject, finding.detail)?;
            }
        }
        let verdict = if self.ok { "every invariant holds" } else { "an invariant is broken" };
        write!(f, "{verdict}; {} orders in motion", self.in_motion)
    }
}
