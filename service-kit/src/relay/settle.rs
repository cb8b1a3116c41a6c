//! What a subscriber's answer means for each event of its batch. No I/O: a batch and an answer in, changes of rows out.

use std::collections::{HashMap, HashSet};

use shared_types::Timestamp;
use shared_types::events::{EventOutcome, EventResult};

use super::RelayOptions;
use super::pause;
use crate::outbox::deliveries::{Delivery, Setback};

/// What to write after an answer.
#[derive(Debug, Default)]
pub(super) struct Settlement {
    /// Positions that are answered for.
    pub acknowledged: Vec<i64>,
    /// The first event of each subject that was not, with what holds it.
    pub setbacks: Vec<Setback>,
}

/// Sorts a batch by its answer. An event that the answer does not mention was not handled. Only the first such event of
/// a subject is at fault: the later ones were held because of it.
pub(super) fn settle(
    batch: &[Delivery],
    results: Vec<EventResult>,
    now: Timestamp,
    options: &RelayOptions,
) -> Settlement {
    let mut answers: HashMap<String, EventResult> =
        results.into_iter().map(|result| (result.id.clone(), result)).collect();
    let mut stuck = HashSet::new();
    let mut settlement = Settlement::default();
    for delivery in batch {
        let (outcome, detail) = match answers.remove(&delivery.event_id) {
            Some(result) => (result.outcome, result.detail),
            None => (EventOutcome::Held, Some("not in the answer".to_owned())),
        };
        match outcome {
            EventOutcome::Handled | EventOutcome::Duplicate => settlement.acknowledged.push(delivery.position),
            EventOutcome::Rejected | EventOutcome::Held => {
                if stuck.insert(&delivery.subject) {
                    let definite = outcome == EventOutcome::Rejected;
                    settlement.setbacks.push(setback(delivery, definite, detail, now, options));
                }
            }
        }
    }
    settlement
}

/// A refusal that is definite counts towards parking; anything else only lengthens the pause.
pub(super) fn setback(
    delivery: &Delivery,
    definite: bool,
    detail: Option<String>,
    now: Timestamp,
    options: &RelayOptions,
) -> Setback {
    let tries = delivery.tries.saturating_add(1);
    let rejections = delivery.rejections.saturating_add(i64::from(definite));
    let parked = definite && rejections >= options.park_after;
    let held_until = (!parked).then(|| now.plus_ms(pause::after(tries, options)));
    Setback { position: delivery.position, held_until, tries, rejections, detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000);

    fn delivery(position: i64, subject: &str, rejections: i64) -> Delivery {
        Delivery {
            position,
            event_id: position.to_string(),
            subject: subject.to_owned(),
            body: String::new(),
            tries: rejections,
            rejections,
        }
    }

    fn answered(outcomes: &[(i64, EventOutcome)]) -> Vec<EventResult> {
        outcomes
            .iter()
            .map(|(id, outcome)| EventResult { id: id.to_string(), outcome: *outcome, detail: None })
            .collect()
    }

    #[test]
    fn only_the_first_of_a_subject_is_at_fault() {
        let batch = [delivery(1, "a", 0), delivery(2, "b", 0), delivery(3, "a", 0), delivery(4, "b", 0)];
        let answer = answered(&[
            (1, EventOutcome::Rejected),
            (2, EventOutcome::Handled),
            (3, EventOutcome::Held),
            (4, EventOutcome::Duplicate),
        ]);
        let settlement = settle(&batch, answer, NOW, &RelayOptions::default());
        assert_eq!(settlement.acknowledged, [2, 4]);
        assert_eq!(settlement.setbacks.iter().map(|held| held.position).collect::<Vec<_>>(), [1]);
        assert!(settlement.setbacks[0].held_until.is_some_and(|until| until > NOW));
    }

    #[test]
    fn an_event_that_the_answer_forgets_is_not_acknowledged() {
        let batch = [delivery(1, "a", 0), delivery(2, "b", 0)];
        let answer = answered(&[(2, EventOutcome::Handled), (99, EventOutcome::Handled)]);
        let settlement = settle(&batch, answer, NOW, &RelayOptions::default());
        assert_eq!(settlement.acknowledged, [2]);
        assert_eq!(settlement.setbacks[0].rejections, 0);
    }

    #[test]
    fn only_definite_refusals_park_and_only_enough_of_them() {
        let options = RelayOptions { park_after: 3, ..RelayOptions::default() };
        let parks = |rejections, outcome| {
            let answer = answered(&[(1, outcome)]);
            let settlement = settle(&[delivery(1, "a", rejections)], answer, NOW, &options);
            settlement.setbacks[0].held_until.is_none()
        };
        assert!(!parks(1, EventOutcome::Rejected));
        assert!(parks(2, EventOutcome::Rejected));
        assert!(!parks(1_000_000, EventOutcome::Held));
    }
}
