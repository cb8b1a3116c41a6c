//! Chance in a test comes from one number: who has it can have the same chances again. What the machine does meanwhile,
//! whose thread comes first and how long a call takes, is not in the number.

use std::process::Command;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use service_kit::testing::TestDatabase;

/// Rows of figures go before this line.
const TABLE_END: &str = "<!-- long runs end here -->";

/// Where a test's chances come from. A test that fails says how to run it again.
pub struct Seed {
    seed: u64,
    /// Its name, as the test binary lists it.
    test: &'static str,
}

impl Seed {
    /// The seed that `LASTCOPY_TEST_SEED` gives, or another one in each run.
    #[expect(clippy::disallowed_methods, reason = "whoever runs the tests chooses the seed")]
    pub fn of(test: &'static str) -> Seed {
        let given = std::env::var("LASTCOPY_TEST_SEED").ok().map(|seed| seed.parse().expect("a number"));
        Seed { seed: given.unwrap_or_else(|| rand::rng().random()), test }
    }

    /// Chances of their own for each of several who draw at the same time.
    pub fn dice(&self, whose: u64) -> StdRng {
        StdRng::seed_from_u64(self.seed.wrapping_add(whose.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
    }

    /// Says what a run has come to, and adds it to the table of long runs in the file that `LASTCOPY_PROOF_FILE` names.
    #[expect(clippy::disallowed_methods, reason = "whoever runs the tests chooses where their figures go")]
    pub fn has_shown(&self, what: &str, figures: &str) {
        eprintln!("{what}: {figures}");
        let Some(file) = std::env::var_os("LASTCOPY_PROOF_FILE") else { return };
        let page = std::fs::read_to_string(&file).unwrap();
        let row = format!("| {what} | {figures} | {} | `{}` |\n", commit(), self.command());
        assert!(page.contains(TABLE_END), "{file:?} has no table that ends with {TABLE_END}");
        std::fs::write(&file, page.replace(TABLE_END, &(row + TABLE_END))).unwrap();
    }

    /// The command that has these chances again.
    pub fn command(&self) -> String {
        let engine = format!("{:?}", TestDatabase::engine()).to_lowercase();
        let long = if crate::storms::is_long() { " LASTCOPY_TEST_LONG=1" } else { "" };
        let (seed, test) = (self.seed, self.test);
        format!("LASTCOPY_TEST_SEED={seed} LASTCOPY_TEST_DB={engine}{long} cargo test --test shop -- --exact {test}")
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {}, commit {}; to replay: {}", self.seed, commit(), self.command());
        }
    }
}

/// The commit that is checked out, if that can be known.
pub fn commit() -> String {
    let said = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output();
    let said = said.ok().filter(|said| said.status.success());
    said.map_or_else(|| "unknown".to_owned(), |said| String::from_utf8_lossy(&said.stdout).trim().to_owned())
}
