//! Named fault points and sabotage, in test builds only (feature `faults`). In any other build every function here is
//! empty and the compiler removes the calls.
//!
//! A test chooses by environment: `LASTCOPY_FAULT=order.take.before_call=kill` kills the process with SIGKILL when it
//! reaches the point for the first time, `…=kill@3` the third time. `LASTCOPY_SABOTAGE=no_tombstone` switches one
//! mechanism off, so that the tests can show that they notice.

/// A place at which a test may kill the process. Names are `<service>.<action>.<side>`.
#[cfg(not(feature = "faults"))]
#[inline(always)]
pub fn point(_name: &str) {}

/// Whether a test has switched this mechanism off. Never in a release build.
#[cfg(not(feature = "faults"))]
#[inline(always)]
pub const fn sabotaged(_mechanism: &str) -> bool {
    false
}

/// A moment in which a lie is heard. Only after a [`sabotaged`] deed.
#[cfg(not(feature = "faults"))]
#[inline(always)]
pub fn let_it_be_heard() {}

#[cfg(feature = "faults")]
pub use armed::{let_it_be_heard, point, sabotaged};

#[cfg(feature = "faults")]
mod armed {
    use std::sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    };

    struct Fault {
        point: String,
        at_hit: u64,
        hits: AtomicU64,
    }

    #[expect(clippy::disallowed_methods, reason = "fault points are chosen by environment, in test builds only")]
    static FAULT: LazyLock<Option<Fault>> = LazyLock::new(|| {
        let text = std::env::var("LASTCOPY_FAULT").ok()?;
        let (point, action) = text.split_once('=').expect("LASTCOPY_FAULT is <point>=kill[@n]");
        let (verb, at_hit) = action.split_once('@').unwrap_or((action, "1"));
        assert_eq!(verb, "kill", "LASTCOPY_FAULT knows the action kill only");
        let at_hit = at_hit.parse().expect("LASTCOPY_FAULT: the hit is a number");
        Some(Fault { point: point.to_owned(), at_hit, hits: AtomicU64::new(0) })
    });

    #[expect(clippy::disallowed_methods, reason = "sabotage is chosen by environment, in test builds only")]
    static SABOTAGE: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("LASTCOPY_SABOTAGE").ok());

    /// A place at which a test may kill the process. Names are `<service>.<action>.<side>`.
    pub fn point(name: &str) {
        let Some(fault) = &*FAULT else { return };
        if fault.point != name {
            return;
        }
        if fault.hits.fetch_add(1, Ordering::SeqCst) + 1 == fault.at_hit {
            tracing::warn!(point = name, "fault point reached: killing this process");
            kill_now();
        }
    }

    fn kill_now() -> ! {
        use rustix::process::{Signal, getpid, kill_process};
        kill_process(getpid(), Signal::KILL).expect("a process may kill itself");
        loop {
            std::thread::park();
        }
    }

    /// A moment in which a lie is heard: on a busy machine the liar would most often die before anybody has listened.
    #[expect(clippy::disallowed_methods, reason = "nobody can be waited for: who lies does not know who listens")]
    pub fn let_it_be_heard() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }

    /// Whether a test has switched this mechanism off. Never in a release build.
    pub fn sabotaged(mechanism: &str) -> bool {
        SABOTAGE.as_deref() == Some(mechanism)
    }
}
