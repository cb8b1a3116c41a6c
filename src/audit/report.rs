use std::fmt;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::repair::Remedy;

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

/// Everything that a check can find. A test breaks a shop in each of these ways, and demands that it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Unbalanced,
    NegativeStock,
    LedgerDiffers,
    TakingsDiffer,
    ApprovedWithoutCopies,
    CopiesHeldForNothing,
    EndedWithCopies,
    OtherCopies,
    CopiesMissing,
    TakenTwice,
    StrayTaking,
    MoneyDiffers,
    StrayMoney,
    Stuck,
    HistoryHasGap,
    HistoryDiffers,
    EventParked,
    ParcelUnheard,
    KeyOfNoOrder,
    KeyShared,
    KeyOfAnother,
    KeyUnanswered,
    AnswerUnreadable,
    AnswerOfAnother,
    ToldOtherwise,
    RequestUnreadable,
    ParcelMissing,
    TooManyParcels,
    StrayParcel,
}

impl Kind {
    pub(super) const ALL: [Kind; 29] = [
        Kind::Unbalanced,
        Kind::NegativeStock,
        Kind::LedgerDiffers,
        Kind::TakingsDiffer,
        Kind::ApprovedWithoutCopies,
        Kind::CopiesHeldForNothing,
        Kind::EndedWithCopies,
        Kind::OtherCopies,
        Kind::CopiesMissing,
        Kind::TakenTwice,
        Kind::StrayTaking,
        Kind::MoneyDiffers,
        Kind::StrayMoney,
        Kind::Stuck,
        Kind::HistoryHasGap,
        Kind::HistoryDiffers,
        Kind::EventParked,
        Kind::ParcelUnheard,
        Kind::KeyOfNoOrder,
        Kind::KeyShared,
        Kind::KeyOfAnother,
        Kind::KeyUnanswered,
        Kind::AnswerUnreadable,
        Kind::AnswerOfAnother,
        Kind::ToldOtherwise,
        Kind::RequestUnreadable,
        Kind::ParcelMissing,
        Kind::TooManyParcels,
        Kind::StrayParcel,
    ];

    /// The invariant that it breaks.
    pub(super) const fn breaks(self) -> Id {
        match self {
            Kind::Unbalanced | Kind::NegativeStock | Kind::LedgerDiffers | Kind::TakingsDiffer => Id::I1,
            Kind::ApprovedWithoutCopies
            | Kind::CopiesHeldForNothing
            | Kind::EndedWithCopies
            | Kind::OtherCopies
            | Kind::CopiesMissing
            | Kind::TakenTwice
            | Kind::StrayTaking => Id::I2,
            Kind::MoneyDiffers | Kind::StrayMoney => Id::I3,
            Kind::Stuck => Id::I4,
            Kind::HistoryHasGap | Kind::HistoryDiffers | Kind::EventParked | Kind::ParcelUnheard => Id::I5,
            Kind::KeyOfNoOrder
            | Kind::KeyShared
            | Kind::KeyOfAnother
            | Kind::KeyUnanswered
            | Kind::AnswerUnreadable
            | Kind::AnswerOfAnother
            | Kind::ToldOtherwise
            | Kind::RequestUnreadable => Id::I6,
            Kind::ParcelMissing | Kind::TooManyParcels | Kind::StrayParcel => Id::I7,
        }
    }
}

/// What is wrong with one book, order, taking, delivery, key or event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub kind: Kind,
    pub subject: String,
    pub detail: String,
    /// What sets it right, where that can be done safely.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair: Option<Remedy>,
}

impl Finding {
    pub(super) fn of(kind: Kind, subject: String, detail: String) -> Finding {
        Finding { kind, subject, detail, repair: None }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Check {
    pub id: Id,
    promise: &'static str,
    /// Books for I1, keys for I6, orders (and, from the other side, takings, payments and deliveries) for the others.
    pub checked: u64,
    pub found: u64,
    /// All that it can find.
    kinds: Vec<Kind>,
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
    /// Shows on a terminal how far it is.
    #[serde(skip)]
    progress: ProgressBar,
}

impl Report {
    pub(super) fn new() -> Report {
        let kinds = |id: Id| Kind::ALL.into_iter().filter(|kind| kind.breaks() == id).collect();
        let check = |id: Id| {
            let (promise, kinds) = (id.promise(), kinds(id));
            Check { id, promise, checked: 0, found: 0, kinds, findings: Vec::new() }
        };
        let style = ProgressStyle::with_template("{elapsed_precise}  {human_pos} checked, {per_sec}");
        let progress = ProgressBar::new_spinner().with_style(style.expect("BUG: the template is fixed"));
        Report { checks: Id::ALL.map(check).into(), in_motion: 0, ok: false, progress }
    }

    pub(super) fn checked(&mut self, id: Id, number: usize) {
        let number = u64::try_from(number).unwrap_or(u64::MAX);
        self.progress.inc(number);
        self.checks.iter_mut().filter(|check| check.id == id).for_each(|check| check.checked += number);
    }

    pub(super) fn found(&mut self, finding: Finding) {
        for check in self.checks.iter_mut().filter(|check| check.id == finding.kind.breaks()) {
            check.found += 1;
            if check.findings.len() < SHOWN {
                check.findings.push(finding.clone());
            }
        }
    }

    pub(super) fn finished(mut self) -> Report {
        self.progress.finish_and_clear();
        self.ok = self.checks.iter().all(|check| check.found == 0);
        self
    }

    /// What can be set right, of what is shown.
    pub(super) fn remedies(&self) -> Vec<(&Finding, &Remedy)> {
        let findings = self.checks.iter().flat_map(|check| &check.findings);
        findings.filter_map(|finding| Some((finding, finding.repair.as_ref()?))).collect()
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
