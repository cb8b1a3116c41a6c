//! Histories that were made up: what must be believed is, and what must not be is not.

use super::check::{Deed, Op, Sight, in_one_order, never_backwards};
use Deed::{Adjusted, Bought, Returned, Saw, SoldOut, TooLow};

/// Deeds with the times at which they began and ended.
fn history<const N: usize>(deeds: [(Deed, u64, u64); N]) -> [Op; N] {
    deeds.map(|(deed, began, ended)| Op { deed, began, ended })
}

const ONE: Deed = Bought { copies: 1 };

#[test]
fn what_happened_at_the_same_time_may_have_happened_in_any_order() {
    let both = [(ONE, 0, 9), (SoldOut { copies: 1 }, 1, 8), (Saw { on_hand: 1 }, 2, 3), (Saw { on_hand: 0 }, 4, 5)];
    assert!(in_one_order(1, &history(both)).is_ok());
    let exchanged = [(ONE, 0, 9), (ONE, 0, 9), (Returned { copies: 1 }, 5, 6), (Saw { on_hand: 0 }, 7, 8)];
    assert!(in_one_order(1, &history(exchanged)).is_ok());
    let by_hand = [(TooLow { delta: -2 }, 0, 3), (Adjusted { delta: 2, on_hand: 3 }, 1, 4), (Saw { on_hand: 3 }, 5, 6)];
    assert!(in_one_order(1, &history(by_hand)).is_ok());
}

#[test]
fn the_last_copy_that_is_sold_twice_is_noticed() {
    assert!(in_one_order(1, &history([(ONE, 0, 9), (ONE, 0, 9)])).is_err());
}

#[test]
fn a_number_that_nobody_made_is_noticed() {
    assert!(in_one_order(3, &history([(ONE, 0, 1), (Saw { on_hand: 1 }, 2, 3)])).is_err());
    assert!(in_one_order(3, &history([(Adjusted { delta: 1, on_hand: 5 }, 0, 1)])).is_err());
}

#[test]
fn a_number_of_the_past_is_noticed() {
    let stale = [(ONE, 0, 1), (Saw { on_hand: 2 }, 2, 3), (Saw { on_hand: 3 }, 4, 5)];
    let found = in_one_order(3, &history(stale)).unwrap_err();
    assert_eq!(found.around, history([(Saw { on_hand: 3 }, 4, 5)]));
}

#[test]
fn a_refusal_while_there_were_copies_is_noticed() {
    assert!(in_one_order(1, &history([(SoldOut { copies: 1 }, 0, 1), (Saw { on_hand: 1 }, 0, 9)])).is_err());
    assert!(in_one_order(1, &history([(TooLow { delta: -1 }, 0, 1)])).is_err());
}

/// A thousand deeds, ten at a time, are decided at once; and a single false one among them is found.
#[test]
fn long_histories_are_decided() {
    let mut ops = Vec::new();
    for round in 0..1_000 {
        ops.push(Op { deed: ONE, began: 10 * round, ended: 10 * round + 95 });
        ops.push(Op { deed: Saw { on_hand: 5 }, began: 10 * round + 1, ended: 10 * round + 9 });
        ops.push(Op { deed: Adjusted { delta: 1, on_hand: 6 }, began: 10 * round + 4, ended: 10 * round + 9 });
    }
    assert!(in_one_order(6, &ops).is_ok());
    ops[1_501].deed = Saw { on_hand: 7 };
    assert!(in_one_order(6, &ops).is_err());
}

#[test]
fn an_order_that_goes_back_in_time_is_noticed() {
    let sight = |version, content: &str, began, ended| Sight { version, content: content.to_owned(), began, ended };
    let forth = [sight(1, "a", 0, 2), sight(2, "b", 1, 5), sight(1, "a", 1, 6), sight(2, "b", 7, 8)];
    assert!(never_backwards(&forth).is_ok());
    assert!(never_backwards(&[sight(2, "b", 0, 2), sight(1, "a", 3, 4)]).is_err());
    assert!(never_backwards(&[sight(2, "b", 0, 2), sight(2, "c", 3, 4)]).is_err());
}
