//! What was worked out once is not worked out again: the checker walks over numbers, and the project's own functions are
//! called once for every question there is.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hash, Hasher},
    sync::{Arc, PoisonError, RwLock},
};

type Map<K, V> = HashMap<K, V, BuildHasherDefault<Mix>>;

/// A hasher for keys of our own making, much faster than the standard one in builds without optimisation.
#[derive(Default)]
struct Mix(u64);

impl Mix {
    fn mix(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, word: u8) {
        self.mix(word.into());
    }

    fn write_u32(&mut self, word: u32) {
        self.mix(word.into());
    }

    fn write_u64(&mut self, word: u64) {
        self.mix(word);
    }

    fn write_usize(&mut self, word: usize) {
        self.mix(u64::try_from(word).unwrap_or_default());
    }

    fn finish(&self) -> u64 {
        // The map looks at the upper bits and at the lower ones.
        self.0 ^ self.0.rotate_left(32)
    }
}

/// Numbers by value, and values by number.
type Both<T> = (Map<Arc<T>, u32>, Vec<Arc<T>>);

/// Values by number. A value has one number, so that comparing numbers is comparing values.
pub struct Table<T>(RwLock<Both<T>>);

impl<T> Default for Table<T> {
    fn default() -> Table<T> {
        Table(RwLock::new((Map::default(), Vec::new())))
    }
}

impl<T: Eq + Hash> Table<T> {
    pub fn number(&self, value: T) -> u32 {
        if let Some(known) = self.0.read().unwrap_or_else(PoisonError::into_inner).0.get(&value) {
            return *known;
        }
        let mut table = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = table.0.get(&value) {
            return *known;
        }
        let number = u32::try_from(table.1.len()).expect("fewer than 2^32 values");
        let value = Arc::new(value);
        table.1.push(Arc::clone(&value));
        table.0.insert(value, number);
        number
    }

    pub fn value(&self, number: u32) -> Arc<T> {
        let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&table.1[usize::try_from(number).expect("a small number")])
    }

    pub fn len(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).1.len()
    }
}

/// Answers to questions that have one answer each.
pub struct Memo<K, V>(RwLock<Map<K, V>>);

impl<K, V> Default for Memo<K, V> {
    fn default() -> Memo<K, V> {
        Memo(RwLock::default())
    }
}

impl<K: Eq + Hash, V: Clone> Memo<K, V> {
    pub fn get(&self, key: K, answer: impl FnOnce(&K) -> V) -> V {
        if let Some(known) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return known.clone();
        }
        let value = answer(&key);
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(key, value.clone());
        value
    }
}

/// A set whose order says nothing: two of the same members are equal and have one hash.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pile<T>(Vec<T>);

impl<T> Default for Pile<T> {
    fn default() -> Pile<T> {
        Pile(Vec::new())
    }
}

impl<T: Eq + Hash> Pile<T> {
    pub fn add(&mut self, member: T) {
        if !self.0.contains(&member) {
            self.0.push(member);
            self.0.sort_by_cached_key(hash);
        }
    }

    pub fn retain(&mut self, keep: impl FnMut(&T) -> bool) {
        self.0.retain(keep);
    }

    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = Mix::default();
    value.hash(&mut hasher);
    hasher.finish()
}
