//! What the catalog counts: once it is committed, and once for a taking that is asked for again and again.

use service_kit::{
    db::Tx,
    metrics::{Counters, Family},
};
use shared_types::takings::{RefusalReason, RefusedLine, TakenLine};

static COPIES_TAKEN: Counters<0> = Counters::new("lastcopy_copies_taken_total", "Copies taken for orders", [], &[[]]);
static COPIES_GIVEN_BACK: Counters<0> =
    Counters::new("lastcopy_copies_given_back_total", "Copies that came back from orders", [], &[[]]);
static REFUSED_LINES: Counters<1> = Counters::new(
    "lastcopy_refused_lines_total",
    "Lines of orders whose copies could not be taken",
    ["reason"],
    &[["sold_out"], ["gone"], ["price_changed"]],
);

/// All of it, for `/metrics`.
pub static FAMILIES: &[&dyn Family] = &[&COPIES_TAKEN, &COPIES_GIVEN_BACK, &REFUSED_LINES];

pub fn taken(tx: &mut Tx<'_>, lines: &[TakenLine]) {
    tx.count(COPIES_TAKEN.with([]), copies(lines));
}

pub fn given_back(tx: &mut Tx<'_>, lines: &[TakenLine]) {
    tx.count(COPIES_GIVEN_BACK.with([]), copies(lines));
}

pub fn refused(tx: &mut Tx<'_>, lines: &[RefusedLine]) {
    for line in lines {
        tx.count(REFUSED_LINES.with([reason(line)]), 1);
    }
}

/// Lines that were refused on a look, before there was an order.
pub fn refused_on_a_look(lines: &[RefusedLine]) {
    for line in lines {
        REFUSED_LINES.with([reason(line)]).inc();
    }
}

fn reason(line: &RefusedLine) -> &'static str {
    match line.reason {
        RefusalReason::SoldOut => "sold_out",
        RefusalReason::Gone => "gone",
        RefusalReason::PriceChanged => "price_changed",
    }
}

fn copies(lines: &[TakenLine]) -> u64 {
    lines.iter().map(|line| u64::try_from(line.quantity).unwrap_or(0)).sum()
}
