//! How many messages are on their way to whom. A subscriber who takes his time holds up his own messages and no others':
//! each has a share of the seats, and one who did not answer last time has a single one until he does.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use uuid::Uuid;

/// Messages on their way to one subscriber at once at most.
const SHARE: usize = 8;

/// The lines to all subscribers. Clones are the same lines.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines(Arc<Mutex<HashMap<Uuid, Line>>>);

#[derive(Debug, Clone, Copy, Default)]
struct Line {
    under_way: usize,
    /// The last call had no answer.
    is_silent: bool,
}

impl Line {
    fn room(self) -> usize {
        let share = if self.is_silent { 1 } else { SHARE };
        share.saturating_sub(self.under_way)
    }
}

impl Lines {
    /// How many messages may be sent to each of these, where any may: not more than `free` in all, and whoever has the
    /// fewest on their way comes first.
    pub(super) fn shares(&self, due: Vec<Uuid>, free: usize) -> Vec<(Uuid, usize)> {
        let lines = self.lock();
        let mut due: Vec<(Uuid, Line)> =
            due.into_iter().map(|id| (id, lines.get(&id).copied().unwrap_or_default())).collect();
        due.sort_by_key(|(_, line)| line.under_way);
        let mut left = free;
        let shares = due.into_iter().map(|(id, line)| {
            let room = line.room().min(left);
            left -= room;
            (id, room)
        });
        shares.filter(|(_, room)| *room > 0).collect()
    }

    pub(super) fn begins(&self, id: Uuid) {
        self.lock().entry(id).or_default().under_way += 1;
    }

    /// A call to him is over, with an answer or without.
    pub(super) fn ended(&self, id: Uuid, answered: bool) {
        let mut lines = self.lock();
        let line = lines.entry(id).or_default();
        line.under_way = line.under_way.saturating_sub(1);
        line.is_silent = !answered;
        if line.under_way == 0 && answered {
            // Nothing is to be remembered of him.
            lines.remove(&id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Line>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_has_more_than_his_share_and_who_is_silent_has_one_seat() {
        let lines = Lines::default();
        let [slow, other] = [Uuid::from_u128(1), Uuid::from_u128(2)];
        assert_eq!(lines.shares(vec![slow, other], 64), [(slow, SHARE), (other, SHARE)]);
        (0..SHARE).for_each(|_| lines.begins(slow));
        assert_eq!(lines.shares(vec![slow, other], 5), [(other, 5)]);
        (0..SHARE).for_each(|_| lines.ended(slow, false));
        assert_eq!(lines.shares(vec![slow, other], 64), [(slow, 1), (other, SHARE)]);
        lines.begins(slow);
        assert_eq!(lines.shares(vec![slow, other], 64), [(other, SHARE)]);
        lines.ended(slow, true);
        assert_eq!(lines.shares(vec![slow], 64), [(slow, SHARE)]);
    }
}
