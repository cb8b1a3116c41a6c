//! Whether asking a service is worth the wait. A breaker decides who works and when, never whether something is safe: a
//! call that it holds back is a call without an answer, like any other.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use prometheus::IntGauge;

/// Outcomes that are looked back at.
const WINDOW_CALLS: u32 = 20;
/// Calls without an answer among them that open the breaker: half of a whole window.
const MAX_SILENT_CALLS: u32 = 10;
/// The pause before the first probe; it doubles with every probe that fails, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What a call showed about the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Showed {
    /// It answers. A refusal, or "too busy", is an answer too: it came at once.
    Answers,
    /// It does not answer.
    Silent,
    /// Nothing: its time was cut short, or the caller went away.
    Nothing,
}

#[derive(Debug)]
pub(super) struct Breaker {
    circuit: Mutex<Circuit>,
    /// 1 unless everybody may ask.
    open: IntGauge,
}

/// The state of a breaker. Time comes in from outside.
#[derive(Debug)]
struct Circuit {
    state: State,
    /// The last calls, the latest in the lowest bit; 1 for one without an answer.
    recent: u32,
    /// Probes that failed in a row.
    failed_probes: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Everybody may ask.
    Closed,
    /// Nobody may ask until then; the first one afterwards is the probe.
    Open { until: Instant },
    /// One is asking, and the others wait for what he finds.
    Probing,
}

/// The permission to ask once. Dropped without a word, it has shown nothing.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    breaker: &'a Breaker,
    is_probe: bool,
    told: bool,
}

impl Breaker {
    /// A breaker that shows there whether it is open.
    pub(super) fn shown_by(open: IntGauge) -> Breaker {
        Breaker { circuit: Mutex::new(Circuit { state: State::Closed, recent: 0, failed_probes: 0 }), open }
    }

    /// Permission to ask now, or how long to wait before trying again.
    pub(super) fn pass(&self, now: Instant) -> Result<Pass<'_>, Duration> {
        let is_probe = self.circuit().admit(now)?;
        Ok(Pass { breaker: self, is_probe, told: false })
    }

    /// How long nobody is let through, if so. Asking changes nothing.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        match self.circuit().state {
            State::Open { until } if now < until => Some(until - now),
            State::Probing => Some(FIRST_PAUSE),
            State::Open { .. } | State::Closed => None,
        }
    }

    fn circuit(&self) -> MutexGuard<'_, Circuit> {
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, is_probe: bool, showed: Showed, now: Instant) {
        let mut circuit = self.circuit();
        circuit.note(is_probe, showed, now);
        // Under the lock: of two who note at once the later one's word stays.
        self.open.set(i64::from(circuit.state != State::Closed));
    }
}

impl Pass<'_> {
    pub(super) fn showed(mut self, showed: Showed, now: Instant) {
        self.told = true;
        self.breaker.note(self.is_probe, showed, now);
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if !self.told {
            self.breaker.note(self.is_probe, Showed::Nothing, Instant::now());
        }
    }
}

impl Circuit {
    /// Whether the one who is let in is the probe.
    fn admit(&mut self, now: Instant) -> Result<bool, Duration> {
        match self.state {
            State::Closed => Ok(false),
            State::Open { until } if now >= until => {
                self.state = State::Probing;
                Ok(true)
            }
            State::Open { until } => Err(until - now),
            State::Probing => Err(FIRST_PAUSE),
        }
    }

    fn note(&mut self, is_probe: bool, showed: Showed, now: Instant) {
        match (self.state, is_probe, showed) {
            (State::Probing, true, Showed::Answers) => {
                *self = Circuit { state: State::Closed, recent: 0, failed_probes: 0 };
            }
            (State::Probing, true, Showed::Silent) => {
                self.failed_probes = self.failed_probes.saturating_add(1);
                let pause = FIRST_PAUSE.saturating_mul(1 << self.failed_probes.min(8)).min(LONGEST_PAUSE);
                self.state = State::Open { until: now + pause };
            }
            // The next one is the probe.
            (State::Probing, true, Showed::Nothing) => self.state = State::Open { until: now },
            (State::Closed, _, Showed::Answers) => self.recent <<= 1,
            (State::Closed, _, Showed::Silent) => {
                self.recent = (self.recent << 1) | 1;
                let silent = (self.recent & ((1 << WINDOW_CALLS) - 1)).count_ones();
                if silent >= MAX_SILENT_CALLS {
                    self.state = State::Open { until: now + FIRST_PAUSE };
                }
            }
            // What was asked before it opened says nothing about now.
            (State::Closed, _, Showed::Nothing) | (State::Open { .. } | State::Probing, _, _) => {}
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn fresh() -> Breaker {
        Breaker::shown_by(IntGauge::new("open", "whether it is").unwrap())
    }

    fn opened(now: Instant) -> Breaker {
        let breaker = fresh();
        for _ in 0..MAX_SILENT_CALLS {
            breaker.pass(now).unwrap().showed(Showed::Silent, now);
        }
        breaker
    }

    #[test]
    fn a_service_that_is_silent_half_of_the_time_is_let_be() {
        let (breaker, now) = (fresh(), Instant::now());
        let mut asked = 0;
        while let Ok(pass) = breaker.pass(now) {
            asked += 1;
            pass.showed(if asked % 2 == 0 { Showed::Silent } else { Showed::Answers }, now);
        }
        assert_eq!(asked, WINDOW_CALLS);
    }

    #[test]
    fn a_service_that_is_seldom_silent_is_asked_for_ever() {
        let (breaker, now) = (fresh(), Instant::now());
        for n in 0..1_000 {
            breaker.pass(now).unwrap().showed(if n % 3 == 0 { Showed::Silent } else { Showed::Answers }, now);
        }
    }

    #[test]
    fn one_probe_at_a_time_finds_out_whether_it_is_back() {
        let now = Instant::now();
        let breaker = opened(now);
        assert_eq!((breaker.pass(now).unwrap_err(), breaker.open.get()), (FIRST_PAUSE, 1));
        let later = now + FIRST_PAUSE;
        let probe = breaker.pass(later).unwrap();
        assert!(breaker.pass(later).is_err(), "a second probe");
        assert_eq!(breaker.open.get(), 1, "nothing has been found out");
        probe.showed(Showed::Answers, later);
        assert_eq!(breaker.open.get(), 0);
        assert!(breaker.pass(later).is_ok() && breaker.pass(later).is_ok());
    }

    #[test]
    fn probes_that_fail_come_at_longer_and_longer_intervals() {
        let mut now = Instant::now();
        let breaker = opened(now);
        let mut pauses = Vec::new();
        for _ in 0..6 {
            let pause = breaker.pass(now).unwrap_err();
            pauses.push(pause.as_millis());
            now += pause;
            breaker.pass(now).unwrap().showed(Showed::Silent, now);
        }
        assert_eq!(pauses, [250, 500, 1_000, 2_000, 2_000, 2_000]);
    }

    #[test]
    fn a_probe_whose_caller_went_away_leaves_its_place_to_the_next() {
        let now = Instant::now();
        let breaker = opened(now);
        drop(breaker.pass(now + FIRST_PAUSE).unwrap());
        assert!(breaker.pass(Instant::now() + FIRST_PAUSE).is_ok());
    }

    #[test]
    fn calls_that_show_nothing_and_late_answers_change_nothing() {
        let now = Instant::now();
        let (early, breaker) = (now, fresh());
        for _ in 0..1_000 {
            breaker.pass(now).unwrap().showed(Showed::Nothing, now);
        }
        let late = breaker.pass(early).unwrap();
        for _ in 0..MAX_SILENT_CALLS {
            breaker.pass(now).unwrap().showed(Showed::Silent, now);
        }
        late.showed(Showed::Answers, now);
        assert!(breaker.pass(now + MS).is_err(), "an answer to a call from before closed it");
    }
}
