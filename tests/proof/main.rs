//! The promise, walked through.
mod catalog;
mod deal;
mod hearing;
mod memory;
mod moves;
mod mutants;
mod promise;
mod scope;
mod scopes;
mod shop;
mod walk;

#[test]
fn trial() {
    let which = std::env::var("SCOPE").unwrap_or_default();
    for scope in scopes::ordinary() {
        if scope.name.contains(&which) {
            eprintln!("{:#?}", walk::walk(scope));
        }
    }
}
