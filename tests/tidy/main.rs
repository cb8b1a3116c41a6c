//! What the compiler and clippy cannot see: layers, sizes, words, and records that must be kept.
//!
//! Every rule is a function from the files of the tree to what it finds in them. Each is shown to fire on a bad sample;
//! one test then holds the whole tree against all of them.
#![expect(clippy::unwrap_used, reason = "tests")]

/// Who may know whom.
mod layers;
/// Lock file, migrations and decisions.
mod records;
/// Routes that no document names.
mod routes;
/// A Rust file with its comments and the insides of its strings blanked out.
mod rust;
/// Lengths of files and functions.
mod sizes;
/// Words that have no place here.
mod words;

use std::{fmt, path::Path, process::Command};

/// A file of the tree: its path from the root, and its text.
pub struct Source {
    pub path: String,
    pub text: String,
}

/// A place that breaks a rule, counted from line 1.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    pub path: String,
    pub line: usize,
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

impl Source {
    /// A sample for the tests of a rule.
    #[cfg(test)]
    pub fn sample(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    pub fn finding(&self, line: usize, what: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line, what: what.into() }
    }

    /// Whether the path ends in one of these, such as `.rs`.
    pub fn is(&self, endings: &[&str]) -> bool {
        endings.iter().any(|ending| self.path.ends_with(ending))
    }

    /// Rust that ships: neither a test nor what the shop is measured against.
    pub fn is_shipped_rust(&self) -> bool {
        self.is(&[".rs"])
            && !self.path.starts_with("bench/")
            && (self.path.starts_with("src/") || self.path.contains("/src/"))
    }
}

/// A rule looks at the whole tree.
type Rule = fn(&[Source]) -> Vec<Finding>;

const RULES: &[(&str, Rule)] = &[
    ("no service names another", layers::services_stand_alone),
    ("shared-types does no I/O", layers::shared_types_do_no_io),
    ("SQL lives in store/", layers::sql_lives_in_stores),
    ("outgoing HTTP lives in clients/", layers::calls_live_in_clients),
    ("domain/ is pure", layers::domains_are_pure),
    ("routes are documented", routes::routes_are_documented),
    ("files are short", sizes::files_are_short),
    ("functions are short", sizes::functions_are_short),
    ("names say something", words::names_say_something),
    ("nothing is left open", words::nothing_is_left_open),
    ("nothing belongs to one machine", words::nothing_belongs_to_one_machine),
    ("the lock file is kept", records::lock_file_is_kept),
    ("migrations are prose", records::migrations_are_prose),
    ("decisions are numbered", records::decisions_are_numbered),
    ("controls name their tests", records::controls_name_their_tests),
];

#[test]
fn the_tree_is_tidy() {
    let tree = tree();
    assert!(tree.len() > 50, "the listing of the tree is broken: {} files", tree.len());
    let mut found = String::new();
    for (name, rule) in RULES {
        for finding in rule(&tree) {
            found.push_str(&format!("\n{name}: {finding}"));
        }
    }
    assert!(found.is_empty(), "{found}\n");
}

/// Every text file that git would show to somebody who clones: tracked, or new and not ignored.
fn tree() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listing = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let git = Command::new("git").args(listing).current_dir(root).output().expect("git lists the tree");
    assert!(git.status.success(), "{}", String::from_utf8_lossy(&git.stderr));
    let paths = String::from_utf8(git.stdout).unwrap();
    let read = |path: &str| {
        // What is no text, or was deleted and not yet committed, is nobody's business here.
        let text = std::fs::read_to_string(root.join(path)).ok()?;
        Some(Source { path: path.to_owned(), text })
    };
    paths.split('\0').filter(|path| !path.is_empty()).filter_map(read).collect()
}
