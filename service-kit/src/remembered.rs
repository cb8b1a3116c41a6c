use std::{
    hash::Hash,
    sync::Arc,
    time::{Duration, Instant},
};

use quick_cache::{Equivalent, sync::Cache};

/// What was found out a moment ago, and is believed for so long: a bounded number of things, the least asked for of which
/// are forgotten first. Clones share what they remember.
#[derive(Clone)]
pub struct Remembered<K, V> {
    entries: Arc<Cache<K, (Instant, V)>>,
    believed_for: Duration,
}

impl<K: Eq + Hash, V: Clone> Remembered<K, V> {
    /// Remembers `at_most` things, each for so long.
    pub fn new(at_most: usize, believed_for: Duration) -> Remembered<K, V> {
        Remembered { entries: Arc::new(Cache::new(at_most)), believed_for }
    }

    /// What is remembered under this key and is not too old.
    pub fn get<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<V> {
        let (since, value) = self.entries.get(key)?;
        (since.elapsed() < self.believed_for).then_some(value)
    }

    /// Remembers something from now on, in place of what was there.
    pub fn insert(&self, key: K, value: V) {
        self.entries.insert(key, (Instant::now(), value));
    }

    /// Forgets what is remembered under this key.
    pub fn forget<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) {
        self.entries.remove(key);
    }

    /// Forgets everything.
    pub fn forget_all(&self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_believed_until_it_is_forgotten() {
        let names = Remembered::new(100, Duration::from_secs(3_600));
        for (id, name) in [(1, "ana"), (2, "ben"), (3, "eva"), (1, "anna")] {
            names.insert(id, name);
        }
        assert_eq!((names.get(&1), names.get(&2), names.get(&4)), (Some("anna"), Some("ben"), None));
        names.forget(&2);
        assert_eq!((names.get(&1), names.get(&2)), (Some("anna"), None));
        names.forget_all();
        assert_eq!((names.get(&1), names.get(&3)), (None, None));
    }

    #[test]
    fn what_is_too_old_is_not_believed() {
        let long_ago = Remembered::new(100, Duration::ZERO);
        long_ago.insert(1, "ana");
        assert_eq!(long_ago.get(&1), None);
        let mut soon = Remembered::new(100, Duration::from_secs(3_600));
        soon.insert(1, "ana");
        assert_eq!(soon.get(&1), Some("ana"));
        soon.believed_for = Duration::from_nanos(1);
        assert_eq!(soon.get(&1), None);
    }

    #[test]
    fn no_more_is_remembered_than_was_said() {
        let many = Remembered::new(100, Duration::from_secs(3_600));
        (0..10_000).for_each(|id| many.insert(id, ()));
        let kept = (0..10_000).filter(|id| many.get(id).is_some()).count();
        assert!((1..=100).contains(&kept), "{kept}");
    }
}
