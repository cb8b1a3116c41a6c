use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use shared_types::{Code, Problem};

/// Streams of one caller, or of one address that says nothing, at a time.
pub const MAX_PER_CALLER: usize = 16;
/// Streams of all callers at a time.
const MAX_STREAMS: usize = 4_096;
/// Who has too many is told to come again after this long.
const RETRY_AFTER_S: i64 = 10;

/// Who listens how often.
#[derive(Debug, Default)]
pub struct Seats(Mutex<HashMap<String, usize>>);

/// One stream's place, for as long as it lives.
#[derive(Debug)]
pub struct Seat {
    seats: Arc<Seats>,
    whose: String,
}

impl Seats {
    pub fn take(self: &Arc<Seats>, whose: String) -> Result<Seat, Problem> {
        let mut taken = self.taken();
        if taken.values().sum::<usize>() >= MAX_STREAMS {
            return Err(Problem::new(Code::Overloaded, "too many listen already").retry_after_s(RETRY_AFTER_S));
        }
        let count = taken.entry(whose.clone()).or_default();
        if *count >= MAX_PER_CALLER {
            let detail = format!("one caller listens to at most {MAX_PER_CALLER} streams at a time");
            return Err(Problem::new(Code::TooManyRequests, detail).retry_after_s(RETRY_AFTER_S));
        }
        *count += 1;
        Ok(Seat { seats: Arc::clone(self), whose })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken();
        if let Some(count) = taken.get_mut(&self.whose) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.whose);
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn one_caller_leaves_room_for_others_and_gets_his_own_back() {
        let seats: Arc<Seats> = Arc::default();
        let mut taken: Vec<Seat> = (0..MAX_PER_CALLER).map(|_| seats.take("ana".into()).unwrap()).collect();
        assert_eq!(seats.take("ana".into()).unwrap_err().code, Code::TooManyRequests);
        assert!(seats.take("ben".into()).is_ok());
        taken.pop();
        assert!(seats.take("ana".into()).is_ok());
        taken.clear();
        assert!(seats.taken().is_empty(), "nobody who has left is remembered");
    }
}
