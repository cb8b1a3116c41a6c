//! One question at a time: whoever asks what somebody else is asking already waits for that answer.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use service_kit::faults;
use tokio::sync::OnceCell;

use super::{Entry, Key};

/// What a question came to: something that others may use, or not.
type Found = OnceCell<Option<Arc<Entry>>>;

/// Questions under way.
#[derive(Debug, Default)]
pub struct Flights(Mutex<HashMap<Key, Arc<Found>>>);

/// A place with others who ask the same. The last to leave takes the question with him.
pub struct Seat<'a> {
    flights: &'a Flights,
    key: &'a Key,
    pub found: Arc<Found>,
}

impl Flights {
    pub fn board<'a>(&'a self, key: &'a Key) -> Seat<'a> {
        // Sabotage: each asks for himself.
        let alone = faults::sabotaged("no_single_flight");
        let found = if alone { Arc::default() } else { Arc::clone(self.lock().entry(key.clone()).or_default()) };
        Seat { flights: self, key, found }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Arc<Found>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub fn count(&self) -> usize {
        self.lock().len()
    }
}

impl Seat<'_> {
    /// The question is answered: whoever comes from now on asks anew.
    pub fn land(&self) {
        let mut flights = self.flights.lock();
        if flights.get(self.key).is_some_and(|found| Arc::ptr_eq(found, &self.found)) {
            flights.remove(self.key);
        }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut flights = self.flights.lock();
        let ours = flights.get(self.key).is_some_and(|found| Arc::ptr_eq(found, &self.found));
        // Those of the map and of this seat are the last two hands on it: the others have gone away.
        if ours && Arc::strong_count(&self.found) == 2 {
            flights.remove(self.key);
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use service_kit::auth::Caller;

    use super::*;
    use crate::clients::Ask;

    #[test]
    fn a_question_whose_askers_went_away_leaves_nothing_behind() {
        let flights = Flights::default();
        let key = Key::of(&Caller::anonymous(), &Ask::get("/books/7")).unwrap();
        let (first, second) = (flights.board(&key), flights.board(&key));
        drop(first);
        assert_eq!(flights.count(), 1);
        drop(second);
        assert_eq!(flights.count(), 0);
    }

    #[test]
    fn whoever_comes_after_the_answer_asks_anew() {
        let flights = Flights::default();
        let key = Key::of(&Caller::anonymous(), &Ask::get("/books/7")).unwrap();
        let early = flights.board(&key);
        early.land();
        let late = flights.board(&key);
        assert!(!Arc::ptr_eq(&early.found, &late.found));
        early.land();
        drop(early);
        assert_eq!(flights.count(), 1, "the later question is still under way");
    }
}
