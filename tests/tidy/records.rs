//! What a later reader relies on: the lock file, the story of the schema, the decisions.

use crate::{Finding, Source};

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

pub fn lock_file_is_kept(tree: &[Source]) -> Vec<Finding> {
    let Some(lock) = tree.iter().find(|source| source.path == "Cargo.lock") else {
        return vec![Source { path: "Cargo.lock".to_owned(), text: String::new() }.finding(1, "is not committed")];
    };
    let mut found = Vec::new();
    for (at, line) in lock.text.lines().enumerate() {
        if let Some(source) = line.strip_prefix("source = ")
            && source.trim_matches('"') != REGISTRY
        {
            found.push(lock.finding(at + 1, "a source that a new machine may not have"));
        }
    }
    found
}

/// `V<number>__<idea>.sql`, one after the other, each beginning with the reason why it is there.
pub fn migrations_are_prose(tree: &[Source]) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut numbers: Vec<(&str, u32, &Source)> = Vec::new();
    for source in tree.iter().filter(|source| source.path.contains("migrations/") && source.is(&[".sql"])) {
        let (folder, name) = source.path.rsplit_once('/').unwrap_or(("", &source.path));
        match number(name.strip_prefix('V').unwrap_or(name), "__") {
            Some(number) => numbers.push((folder, number, source)),
            None => found.push(source.finding(1, "is not named `V<number>__<idea>.sql`")),
        }
        let first = source.text.lines().next().unwrap_or_default();
        if !first.starts_with("-- ") || first.len() < 20 {
            found.push(source.finding(1, "does not begin with a sentence that says why it is there"));
        }
    }
    found.extend(gaps(numbers));
    found
}

/// `NNNN-<decision>.md`, one after the other, each with a title.
pub fn decisions_are_numbered(tree: &[Source]) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut numbers: Vec<(&str, u32, &Source)> = Vec::new();
    for source in tree {
        let Some(name) = source.path.strip_prefix("docs/decisions/").filter(|name| *name != "README.md") else {
            continue;
        };
        match number(name, "-").filter(|_| name.find('-') == Some(4) && name.ends_with(".md")) {
            Some(number) => numbers.push(("docs/decisions", number, source)),
            None => found.push(source.finding(1, "is not named `NNNN-<decision>.md`")),
        }
        if !source.text.starts_with("# ") {
            found.push(source.finding(1, "has no title"));
        }
    }
    found.extend(gaps(numbers));
    found
}

/// A test that `docs/SECURITY.md` names, as `path::name` between backticks, is there.
pub fn controls_name_their_tests(tree: &[Source]) -> Vec<Finding> {
    let mut found = Vec::new();
    for source in tree.iter().filter(|source| source.path == "docs/SECURITY.md") {
        for (at, line) in source.text.lines().enumerate() {
            for (path, name) in line.split('`').filter_map(|text| text.split_once("::")) {
                let is_there = |test: &Source| {
                    test.path == path
                        && ["fn ", "def "].iter().any(|word| test.text.contains(&format!("{word}{name}(")))
                };
                if !tree.iter().any(is_there) {
                    found.push(source.finding(at + 1, format!("there is no test {name} in {path}")));
                }
            }
        }
    }
    found
}

fn number(name: &str, separator: &str) -> Option<u32> {
    name.split_once(separator)?.0.parse().ok()
}

/// Numbers count up from 1 in each folder. Two files of one number are a pair, one for each engine.
fn gaps(mut numbers: Vec<(&str, u32, &Source)>) -> Vec<Finding> {
    numbers.sort_by_key(|(folder, number, _)| (folder.to_string(), *number));
    let mut found = Vec::new();
    let (mut folder, mut before) = ("", 0);
    for (of, number, source) in numbers {
        if of != folder {
            (folder, before) = (of, 0);
        }
        let pair = number == before && source.is(&[".sqlite.sql", ".postgres.sql"]);
        if number != before + 1 && !pair {
            found.push(source.finding(1, format!("number {number} does not follow {before}")));
        }
        before = number;
    }
    found
}

#[test]
fn a_lock_file_that_is_missing_or_points_elsewhere_is_found() {
    assert_eq!(lock_file_is_kept(&[]).len(), 1);
    let lock = format!("source = \"{REGISTRY}\"\nsource = \"registry+https://mirror.example/index\"\n");
    assert_eq!(lock_file_is_kept(&[Source::sample("Cargo.lock", &lock)])[0].line, 2);
}

#[test]
fn bare_or_misnumbered_migrations_are_found() {
    let why = "-- Books, their prices and their stock.\n";
    let good = [
        Source::sample("a/migrations/V1__book.sql", why),
        Source::sample("a/migrations/V2__search.sqlite.sql", why),
        Source::sample("a/migrations/V2__search.postgres.sql", why),
        Source::sample("b/migrations/V1__order.sql", why),
    ];
    assert_eq!(migrations_are_prose(&good), []);
    let bad = [
        Source::sample("a/migrations/V1__book.sql", "create table book ();\n"),
        Source::sample("a/migrations/V3__gap.sql", why),
        Source::sample("a/migrations/notes.sql", why),
    ];
    assert_eq!(migrations_are_prose(&bad).len(), 3);
}

#[test]
fn decisions_without_number_or_title_are_found() {
    let good = [Source::sample("docs/decisions/0001-http.md", "# HTTP\n"), Source::sample("docs/x.md", "")];
    assert_eq!(decisions_are_numbered(&good), []);
    let bad = [
        Source::sample("docs/decisions/0001-http.md", "# HTTP\n"),
        Source::sample("docs/decisions/0001-again.md", "# Again\n"),
        Source::sample("docs/decisions/http.md", "# HTTP\n"),
        Source::sample("docs/decisions/0002-x.md", "HTTP\n"),
    ];
    assert_eq!(decisions_are_numbered(&bad).len(), 3);
}

#[test]
fn a_control_without_its_test_is_found() {
    let test = Source::sample("a/tests/x.rs", "async fn nobody_gets_in() {}");
    let controls = "| locked | `a/tests/x.rs::nobody_gets_in` | `a/tests/x.rs::nobody_gets` | `b.rs::nobody_gets_in` |";
    let controls = Source::sample("docs/SECURITY.md", controls);
    assert_eq!(controls_name_their_tests(&[test, controls]).len(), 2);
}
