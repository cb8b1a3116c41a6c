//! Lines of the log on their way to standard error. A service writes thousands a second, and a call to the system for each is
//! dearer than to make the line: ordinary lines wait a moment for others and go out together. What is a warning or worse goes
//! out at once, behind all that was said before it.
//!
//! A process that is killed loses the ordinary lines of its last moment; its databases tell what it did.

use std::{
    io::{Error, Write},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// An ordinary line waits so many milliseconds at most.
const LINE_WAITS_MS: u64 = 5;
/// So many bytes do not wait: whoever adds to more of them writes them out. No more memory is taken than about twice that.
const WAITING_BYTES: usize = 64 * 1024;

/// Standard error of this process.
static STANDARD_ERROR: Output<Stderr> = Output::new(Stderr);

/// The lines of the whole process.
pub(super) fn standard_error() -> &'static Output<Stderr> {
    &STANDARD_ERROR
}

/// For as long as it lives, ordinary lines go out together; then each at once again, those that wait first.
pub(crate) struct Together<T: Target = Stderr>(&'static Output<T>);

impl Together {
    pub(crate) fn begin() -> Together {
        Together::of(&STANDARD_ERROR)
    }
}

impl<T: Target> Together<T> {
    fn of(output: &'static Output<T>) -> Together<T> {
        let writing = thread::Builder::new().name("log".to_owned()).spawn(|| output.write_now_and_then());
        // Without the thread each line goes out at once.
        output.lines().together = writing.is_ok();
        Together(output)
    }
}

impl<T: Target> Drop for Together<T> {
    fn drop(&mut self) {
        self.0.lines().together = false;
        self.0.write_out();
    }
}

/// Where lines go to.
pub(crate) trait Target: Sync + 'static {
    fn write(&self, lines: &[u8]);
}

pub(crate) struct Stderr;

impl Target for Stderr {
    fn write(&self, lines: &[u8]) {
        // There is no other place in which to say that nothing can be said.
        drop(std::io::stderr().write_all(lines));
    }
}

/// Lines on their way to a target.
pub(crate) struct Output<T> {
    target: T,
    lines: Mutex<Lines>,
    there_are_some: Condvar,
    /// Held by whoever writes, with the lines that he writes: nobody who adds one waits for that.
    writing: Mutex<Vec<u8>>,
}

struct Lines {
    waiting: Vec<u8>,
    together: bool,
}

impl<T: Target> Output<T> {
    const fn new(target: T) -> Output<T> {
        let lines = Mutex::new(Lines { waiting: Vec::new(), together: false });
        Output { target, lines, there_are_some: Condvar::new(), writing: Mutex::new(Vec::new()) }
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds one line of an event with this metadata.
    pub(crate) fn add_line(&self, metadata: &Metadata<'_>, line: &[u8]) {
        self.add(line, goes_at_once(metadata));
    }

    fn add(&self, line: &[u8], at_once: bool) {
        let mut lines = self.lines();
        let is_first = lines.waiting.is_empty();
        lines.waiting.extend_from_slice(line);
        if at_once || !lines.together || lines.waiting.len() >= WAITING_BYTES {
            drop(lines);
            self.write_out();
        } else if is_first {
            self.there_are_some.notify_one();
        }
    }

    /// Writes all that was added so far. Who writes next takes what comes behind it, so lines stay in order.
    fn write_out(&self) {
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut *writing, &mut self.lines().waiting);
        if !writing.is_empty() {
            self.target.write(&writing);
            writing.clear();
        }
    }

    fn write_now_and_then(&self) {
        loop {
            let lines = self.there_are_some.wait_while(self.lines(), |lines| lines.waiting.is_empty());
            let lines = lines.unwrap_or_else(PoisonError::into_inner);
            // Until their time is over, or somebody who does not wait has taken them along.
            let time = Duration::from_millis(LINE_WAITS_MS);
            drop(self.there_are_some.wait_timeout_while(lines, time, |lines| !lines.waiting.is_empty()));
            self.write_out();
        }
    }
}

/// A warning, or worse.
fn goes_at_once(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::WARN
}

/// One line, by its level.
pub(crate) struct Line<T: 'static> {
    output: &'static Output<T>,
    at_once: bool,
}

impl<T: Target> Write for Line<T> {
    fn write(&mut self, line: &[u8]) -> Result<usize, Error> {
        self.output.add(line, self.at_once);
        Ok(line.len())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

impl<'a, T: Target> MakeWriter<'a> for &'static Output<T> {
    type Writer = Line<T>;

    fn make_writer(&'a self) -> Line<T> {
        Line { output: self, at_once: true }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Line<T> {
        Line { output: self, at_once: goes_at_once(metadata) }
    }
}

#[cfg(test)]
pub(super) mod testing {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Tells of each call.
    pub struct Calls(Mutex<Sender<String>>);

    impl Target for Calls {
        fn write(&self, lines: &[u8]) {
            let told = self.0.lock().expect("nobody panics").send(String::from_utf8_lossy(lines).into_owned());
            told.expect("the test listens");
        }
    }

    pub fn output() -> (&'static Output<Calls>, Receiver<String>) {
        let (tell, told) = channel();
        (Box::leak(Box::new(Output::new(Calls(Mutex::new(tell))))), told)
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::fmt;

    use super::{testing::output, *};

    #[test]
    fn ordinary_lines_wait_for_a_warning_which_does_not() {
        let (output, told) = output();
        output.lines().together = true;
        let log = fmt().with_writer(output).without_time().with_ansi(false).with_target(false).finish();
        tracing::subscriber::with_default(log, || {
            tracing::info!("one");
            tracing::info!("two");
            assert!(told.try_recv().is_err(), "they wait");
            tracing::warn!("trouble");
        });
        assert_eq!(told.try_recv().as_deref(), Ok(" INFO one\n INFO two\n WARN trouble\n"));
    }

    #[test]
    fn a_line_that_nobody_follows_goes_out_in_a_moment() {
        let (output, told) = output();
        let _together = Together::of(output);
        for line in ["one\n", "two\n"] {
            output.add(line.as_bytes(), false);
            assert_eq!(told.recv_timeout(Duration::from_secs(10)).as_deref(), Ok(line));
        }
    }

    #[test]
    fn many_lines_are_not_kept() {
        let (output, told) = output();
        output.lines().together = true;
        let line = vec![b'x'; 1_024];
        (0..WAITING_BYTES / line.len()).for_each(|_| output.add(&line, false));
        assert_eq!(told.try_recv().map(|lines| lines.len()), Ok(WAITING_BYTES));
        assert!(output.lines().waiting.capacity() <= 2 * WAITING_BYTES);
    }

    #[test]
    fn before_and_after_each_line_goes_out_at_once() {
        let (output, told) = output();
        output.add(b"before\n", false);
        assert_eq!(told.try_recv().as_deref(), Ok("before\n"));
        // As if the thread had no turn.
        output.lines().together = true;
        let together = Together(output);
        output.add(b"meanwhile\n", false);
        assert!(told.try_recv().is_err(), "it waits");
        drop(together);
        output.add(b"after\n", false);
        assert_eq!(told.try_iter().collect::<Vec<_>>(), ["meanwhile\n", "after\n"]);
    }
}
