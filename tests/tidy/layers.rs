//! Who may know whom. Services speak HTTP with one another; inside each, SQL, calls and decisions have their own places.

use crate::{
    Finding, Source,
    rust::{Keep, blank, line_of, words},
};

const SERVICES: &[&str] = &["catalog-service", "order-service", "delivery-service", "gateway-service"];

/// All that the types on the wire may lean on: none of these opens a file, a socket or a clock.
const PURE_CRATES: &[&str] = &["jiff", "paperclip", "serde", "serde_json", "thiserror", "uuid"];

pub fn services_stand_alone(tree: &[Source]) -> Vec<Finding> {
    let mut found = Vec::new();
    for source in
        tree.iter().filter(|source| source.is(&["-service/Cargo.toml", "-kit/Cargo.toml", "-types/Cargo.toml"]))
    {
        for (line, name, section) in dependencies(&source.text) {
            // A test may start a neighbour, by the same door as the launcher.
            if SERVICES.contains(&name) && !section.starts_with("dev-") {
                found.push(source.finding(line, format!("depends on {name}: services speak HTTP")));
            }
        }
    }
    found
}

pub fn shared_types_do_no_io(tree: &[Source]) -> Vec<Finding> {
    let mut found = Vec::new();
    for source in tree.iter().filter(|source| source.path.starts_with("shared-types/")) {
        if source.is(&["/Cargo.toml"]) {
            let shipped = dependencies(&source.text).filter(|(_, _, section)| *section == "dependencies");
            for (line, name, _) in shipped.filter(|(_, name, _)| !PURE_CRATES.contains(name)) {
                found.push(source.finding(line, format!("depends on {name}, which is not known to be free of I/O")));
            }
        }
        if source.is_shipped_rust() {
            found.extend(mentions(source, &["std::fs", "std::net", "std::env", "std::time", "std::process"]));
        }
    }
    found
}

/// The dependencies of a manifest: line, name, and the section they stand in.
fn dependencies(manifest: &str) -> impl Iterator<Item = (usize, &str, &str)> {
    let mut section = "";
    manifest.lines().enumerate().filter_map(move |(at, line)| {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
            // `[dependencies.order-service]`
            return section.split_once("dependencies.").map(|(_, name)| (at + 1, name, section));
        }
        let name = line.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '_').next()?;
        (section.ends_with("dependencies") && !name.is_empty()).then_some((at + 1, name, section))
    })
}

pub fn sql_lives_in_stores(tree: &[Source]) -> Vec<Finding> {
    let kit = ["db/", "outbox/", "inbox", "relay", "auth/store", "idempotency/store", "testing/"]
        .map(|place| format!("service-kit/src/{place}"));
    let mut found = Vec::new();
    for source in tree.iter().filter(|source| source.is_shipped_rust()) {
        let allowed = (source.path.contains("/src/") && source.path.contains("/store/"))
            || source.path.starts_with("src/audit")
            || source.path.starts_with("src/payments/store/")
            || kit.iter().any(|place| source.path.starts_with(place));
        if !allowed {
            found.extend(statements(source).map(|line| source.finding(line, "SQL outside `store/`")));
        }
    }
    found
}

/// The lines on which a string begins like an SQL statement.
fn statements(source: &Source) -> impl Iterator<Item = usize> {
    let strings = blank(&source.text, Keep::Strings);
    let begins = |text: &str| {
        let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\\');
        let mut words = text.split_whitespace();
        // SQL is written in one case throughout; prose begins with a capital and goes on without.
        let shouted = |word: &&str| !word.chars().any(char::is_lowercase);
        let mut next =
            || words.next().map(|word| if shouted(&word) { word.to_ascii_lowercase() } else { word.to_owned() });
        let (first, second, third) = (next(), next(), next());
        match [first, second, third].each_ref().map(|word| word.as_deref().unwrap_or_default()) {
            ["select", what, _] => !what.is_empty(),
            ["with", _, "as"] | ["insert", "into", _] | ["delete", "from", _] | ["update", _, "set"] => true,
            ["create" | "drop" | "alter", what, _] => matches!(what, "table" | "index" | "unique" | "view"),
            _ => false,
        }
    };
    let found: Vec<usize> = strings
        .match_indices('"')
        .filter(|(at, _)| begins(strings[at + 1..].split('"').next().unwrap_or_default()))
        .map(|(at, _)| line_of(&strings, at))
        .collect();
    found.into_iter()
}

pub fn calls_live_in_clients(tree: &[Source]) -> Vec<Finding> {
    let services = tree.iter().filter(|source| source.is_shipped_rust());
    let inside = services.filter(|source| SERVICES.iter().any(|service| source.path.starts_with(service)));
    let elsewhere = inside.filter(|source| !source.path.contains("/src/clients/"));
    let mut found = Vec::new();
    for source in elsewhere {
        // The name of a method calls nobody.
        let text = source.text.replace("use reqwest::Method;", "");
        let source = Source { path: source.path.clone(), text };
        found.extend(mentions(
            &source,
            &["hyper", "hyper_util", "reqwest", "service_kit::Client", "service_kit::client"],
        ));
    }
    found
}

pub fn domains_are_pure(tree: &[Source]) -> Vec<Finding> {
    let impure = [
        "actix_web",
        "paperclip",
        "hyper",
        "reqwest",
        "tokio",
        "rusqlite",
        "postgres",
        "service_kit::db",
        "service_kit::http",
        "crate::store",
        "crate::clients",
        "crate::http",
        "std::time",
        "std::env",
    ];
    let domains = tree.iter().filter(|source| source.path.contains("/domain/") && source.is(&[".rs"]));
    domains.flat_map(|source| mentions(source, &impure)).collect()
}

/// Paths such as `a::b` that the code names, written out or as `use a::{b}`.
fn mentions(source: &Source, paths: &[&str]) -> Vec<Finding> {
    let code = blank(&source.text, Keep::Code);
    let mut found = Vec::new();
    for path in paths {
        let (parent, child) = path.split_once("::").unwrap_or((path, ""));
        for (line, _) in words(&code).filter(|(_, word)| *word == parent) {
            let named = child.is_empty() || names_child(&code, line, parent, child);
            if named {
                found.push(source.finding(line, format!("`{path}` has no place here")));
            }
        }
    }
    found
}

/// Whether `parent::child` or `parent::{…, child, …}` begins on this line.
fn names_child(code: &str, line: usize, parent: &str, child: &str) -> bool {
    let from: String = code.lines().skip(line - 1).collect::<Vec<_>>().join("\n");
    let Some(after) = from.split_once(&format!("{parent}::")).map(|(_, after)| after) else { return false };
    // A path ends with the word, a list with its closing brace; `use` statements end with a semicolon.
    let reach = if after.starts_with('{') {
        after.split(';').next()
    } else {
        after.split(|c: char| !c.is_alphanumeric() && c != '_').next()
    };
    words(reach.unwrap_or_default()).any(|(_, word)| word == child)
}

#[test]
fn a_service_that_names_another_is_found() {
    let bad = "[dependencies]\nserde.workspace = true\ncatalog-service.workspace = true\n[dependencies.order-service]\npath = \"x\"\n[dev-dependencies]\ngateway-service = { path = \"x\" }\n";
    let found = services_stand_alone(&[Source::sample("order-service/Cargo.toml", bad)]);
    assert_eq!(found.iter().map(|finding| finding.line).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(services_stand_alone(&[Source::sample("Cargo.toml", bad)]), []);
}

#[test]
fn io_in_shared_types_is_found() {
    let bad = [
        Source::sample("shared-types/Cargo.toml", "[dependencies]\nserde.workspace = true\ntokio.workspace = true\n"),
        Source::sample("shared-types/src/a.rs", "use std::{fmt, fs};\nlet now = std::time::Instant::now();\n"),
    ];
    assert_eq!(shared_types_do_no_io(&bad).len(), 3);
    let good = [Source::sample("shared-types/src/a.rs", "use std::{fmt, str::FromStr}; // std::fs\n")];
    assert_eq!(shared_types_do_no_io(&good), []);
}

#[test]
fn sql_outside_a_store_is_found() {
    let bad = "fn f() { query(\"select 1\"); query(\n\"\\\n   update book set x = 1\"); q(r#\"INSERT INTO t\"#) }\n// \"select 1\"\n";
    assert_eq!(sql_lives_in_stores(&[Source::sample("order-service/src/http/a.rs", bad)]).len(), 3);
    assert_eq!(sql_lives_in_stores(&[Source::sample("order-service/src/store/a.rs", bad)]), []);
    let good = "title(\"update the book\"); title(\"Select a book\"); title(\"with the same key\");";
    assert_eq!(sql_lives_in_stores(&[Source::sample("order-service/src/http/a.rs", good)]), []);
}

#[test]
fn a_call_outside_clients_is_found() {
    let bad =
        "use service_kit::{\n    Clock, Client,\n};\nfn f(m: reqwest::Method) {}\nlet c = service_kit::client::x();\n";
    assert_eq!(calls_live_in_clients(&[Source::sample("order-service/src/driver/a.rs", bad)]).len(), 3);
    assert_eq!(calls_live_in_clients(&[Source::sample("order-service/src/clients/a.rs", bad)]), []);
    let good = "use reqwest::Method;\nuse service_kit::{Clock, Outcome};\nuse crate::clients::CatalogClient;\n";
    assert_eq!(calls_live_in_clients(&[Source::sample("order-service/src/driver/a.rs", good)]), []);
}

#[test]
fn a_domain_that_does_io_is_found() {
    let bad = "use actix_web::web;\nuse service_kit::{db::Tx, Clock};\nuse crate::store;\n";
    assert_eq!(domains_are_pure(&[Source::sample("order-service/src/domain/a.rs", bad)]).len(), 3);
    let good = "use shared_types::OrderId; // tokio\nuse crate::domain::order;\n";
    assert_eq!(domains_are_pure(&[Source::sample("order-service/src/domain/a.rs", good)]), []);
}
