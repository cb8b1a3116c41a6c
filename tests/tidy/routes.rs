//! Every route stands in its service's document, where the matrix of callers (`tests/access`) finds it.

use crate::{
    Finding, Source,
    rust::{Keep, blank, line_of},
};

/// The server shell and the metrics' own door; what they add is in `SHELL_PATHS`.
const SHELLS: &str = "service-kit/src/http/";

/// Ways to a route that no document names.
const PAST_THE_DOCUMENT: [&str; 10] = [
    "HttpServer::new",
    "App::new",
    "external_resource",
    "default_service",
    "actix_web::web::resource",
    "actix_web::web::scope",
    "actix_web::web::ServiceConfig",
    "actix_web::Resource",
    "actix_web::Scope",
    "actix_web::route",
];

/// Where a route may be left out of the document: each is in `gateway_service::UNDOCUMENTED`, where the matrix finds it.
const LEFT_OUT: [&str; 2] = ["gateway-service/src/http/events.rs", "gateway-service/src/http/live.rs"];

/// The attribute that takes a handler into the document.
const OPERATION: &str = "#[api_v2_operation";

pub fn routes_are_documented(tree: &[Source]) -> Vec<Finding> {
    let mut found = Vec::new();
    let is_served = |source: &&Source| {
        source.is_shipped_rust() && !source.path.starts_with(SHELLS) && !source.path.ends_with("/tests.rs")
    };
    for source in tree.iter().filter(is_served) {
        let code = blank(&source.text, Keep::Code);
        for way in PAST_THE_DOCUMENT {
            let lines = code.match_indices(way).map(|(at, _)| line_of(&code, at));
            found.extend(lines.map(|line| source.finding(line, format!("`{way}` leads past the API document"))));
        }
        let mut known = usize::from(LEFT_OUT.contains(&source.path.as_str()));
        for (at, _) in code.match_indices(OPERATION) {
            let attribute = code[at..].split(']').next().unwrap_or_default();
            if attribute.split(|c: char| !c.is_alphanumeric()).any(|word| word == "skip") {
                if known > 0 {
                    known -= 1;
                    continue;
                }
                found.push(source.finding(line_of(&code, at), "a route that is left out of the API document"));
            }
        }
    }
    found
}

#[test]
fn a_route_that_no_document_names_is_found() {
    let bad = "#[api_v2_operation(skip)]\n#[api_v2_operation(tags(books), skip)]\n#[api_v2_operation(\n  skip\n)]\n\
               config.default_service(x);\nlet app = App::new();\nactix_web::web::resource(\"/x\");\n";
    assert_eq!(routes_are_documented(&[Source::sample("a-service/src/http/mod.rs", bad)]).len(), 6);
    let two = "#[api_v2_operation(skip)]\n#[api_v2_operation(skip)]\n";
    assert_eq!(routes_are_documented(&[Source::sample(LEFT_OUT[0], two)]).len(), 1, "one is known, the other is not");
    let good = "#[api_v2_operation(tags(books))]\nasync fn skip() {}\n// App::new\nlet text = \"#[api_v2_operation(skip)]\";\n";
    assert_eq!(routes_are_documented(&[Source::sample("a-service/src/http/mod.rs", good)]), []);
}
