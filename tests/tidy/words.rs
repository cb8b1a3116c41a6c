//! Names that say nothing, work left open, and what means something on one machine only.

use crate::{
    Finding, Source,
    rust::{Keep, blank, words},
};

/// This folder names what it forbids.
const OURSELVES: &str = "tests/tidy/";

/// Parts of names that could stand for anything.
const EMPTY_NAMES: &[&str] = &["manager", "helper", "helpers", "util", "utils", "common"];

pub fn names_say_something(tree: &[Source]) -> Vec<Finding> {
    let mut found = Vec::new();
    for source in tree {
        let folders = source.path.split(['/', '.', '_', '-']);
        for part in folders.filter(|part| EMPTY_NAMES.contains(&part.to_ascii_lowercase().as_str())) {
            found.push(source.finding(1, format!("a file named after `{part}`: say what it does")));
        }
        if source.is(&[".rs"]) {
            found.extend(empty_definitions(source));
        }
    }
    found
}

/// Definitions of ours only: other people's types are called what they are called.
fn empty_definitions(source: &Source) -> Vec<Finding> {
    let code = blank(&source.text, Keep::Code);
    let all: Vec<(usize, &str)> = words(&code).collect();
    let defined = all
        .windows(2)
        .filter(|pair| ["struct", "enum", "trait", "type", "mod", "union", "macro_rules"].contains(&pair[0].1));
    let empty = defined.filter(|pair| {
        let name = pair[1].1.to_ascii_lowercase();
        EMPTY_NAMES
            .iter()
            .any(|part| name == *part || ["manager", "helper", "utils"].iter().any(|end| name.ends_with(end)))
    });
    empty
        .map(|pair| source.finding(pair[1].0, format!("`{}` could do anything: say what it does", pair[1].1)))
        .collect()
}

pub fn nothing_is_left_open(tree: &[Source]) -> Vec<Finding> {
    lines(tree, |line, _| {
        let open = has_word(line, "todo") || has_word(line, "fixme");
        if open && line.trim() != "todo = \"deny\"" {
            return Some("work left open");
        }
        // A program that a test starts and kills is a test of the same binary, and no run of it is wanted. What needs a
        // tool of the system is left to the script that installs it, and complains where it cannot.
        let allowed = [
            "\"runs until it is killed\"",
            "\"needs strace; `scripts/test` runs it\"",
            "\"needs redis-server; `scripts/test` runs it\"",
            "\"needs replicas; `scripts/test` runs it\"",
            "\"needs libfaketime; `scripts/test` runs it\"",
            "\"needs leave to mount a disk; `scripts/test` runs it\"",
        ];
        let skipped = line.trim_start().starts_with("#[ignore") && !allowed.iter().any(|reason| line.contains(reason));
        skipped.then_some("a test that does not run")
    })
}

pub fn nothing_belongs_to_one_machine(tree: &[Source]) -> Vec<Finding> {
    let mut found = lines(tree, |line, before| {
        let paths =
            ["/home/", "/root/", "/Users/", "/work/", "../shared/", "shared/design", "shared/proto", "shared/style"];
        if paths.iter().any(|path| line.contains(path)) {
            return Some("a path of one machine");
        }
        let known = ["browser", "cookie", "Postgres", "postgres"];
        let session = has_word(line, "session") || has_word(line, "sessions");
        let explained = known.iter().any(|word| line.contains(word) || before.contains(word));
        (session && !explained).then_some("`session` is a browser's here")
    });
    for source in tree.iter().filter(|source| source.path.ends_with(".cargo/config.toml")) {
        // How C is built is the project's business; where crates come from and what links them is not.
        let tables = source.text.lines().enumerate().filter(|(_, line)| line.starts_with('['));
        let foreign = tables.filter(|(_, line)| line.trim() != "[env]");
        found.extend(foreign.map(|(at, _)| source.finding(at + 1, "Cargo's configuration belongs to the machine")));
    }
    found
}

/// Looks at every line of everybody's text, together with the line before.
fn lines(tree: &[Source], look: impl Fn(&str, &str) -> Option<&'static str>) -> Vec<Finding> {
    let mut found = Vec::new();
    // What somebody else wrote is kept to the letter.
    let not_ours = |path: &str| {
        path.starts_with(OURSELVES) || path == "Cargo.lock" || path.ends_with(".csv") || path.contains("/vendored/")
    };
    for source in tree.iter().filter(|source| !not_ours(&source.path)) {
        let mut before = "";
        for (at, line) in source.text.lines().enumerate() {
            found.extend(look(line, before).map(|what| source.finding(at + 1, what)));
            before = line;
        }
    }
    found
}

fn has_word(line: &str, word: &str) -> bool {
    line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|part| part.eq_ignore_ascii_case(word))
}

#[test]
fn names_that_say_nothing_are_found() {
    let bad = [
        Source::sample("a/src/stock_manager.rs", ""),
        Source::sample("a/src/utils/mod.rs", ""),
        Source::sample("a/src/x.rs", "pub struct OrderManager;\nmod helpers {}\ntype HttpUtils = u8;\n"),
    ];
    assert_eq!(names_say_something(&bad).len(), 5);
    let good = "use r2d2_sqlite::SqliteConnectionManager; // the Manager of others\nstruct Commons;\n";
    assert_eq!(names_say_something(&[Source::sample("a/src/x.rs", good)]), []);
}

#[test]
fn work_left_open_is_found() {
    let bad = "// TODO: think\n//fixme\n    #[ignore]\n#[ignore = \"flaky\"]\n";
    assert_eq!(nothing_is_left_open(&[Source::sample("a/src/x.rs", bad)]).len(), 4);
    let good = "todo = \"deny\"\n#[ignore = \"runs until it is killed\"]\nlet todos = 1;\n";
    assert_eq!(nothing_is_left_open(&[Source::sample("a/src/x.rs", good)]), []);
}

#[test]
fn what_belongs_to_one_machine_is_found() {
    let bad = "see /work/main\n../shared/design.md\nas agreed in the last session\n";
    let config = Source::sample(".cargo/config.toml", "[env]\nA = \"b\"\n[registries.ours]\n");
    assert_eq!(nothing_belongs_to_one_machine(&[Source::sample("docs/x.md", bad), config]).len(), 4);
    let good = "the cookie of a browser\nsession ends\ncd the/work\n";
    let config = Source::sample(".cargo/config.toml", "[env]\nA = \"b\"\n");
    assert_eq!(nothing_belongs_to_one_machine(&[Source::sample("docs/x.md", good), config]), []);
}
