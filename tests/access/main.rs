//! Who may do what: every route of every service, every kind of caller, and what he gets.
//!
//! The routes come from the services' own documents, the callers from [`callers::Kind`], and the answers from requests
//! that are really sent. `matrix.txt` says what each of them should be; a route or a caller that it does not name fails
//! the test, as does one that it names and that is not there.
#![expect(clippy::unwrap_used, reason = "tests")]

/// Heads of answers, held against the API document.
mod answers;
/// Bad requests to the gateway.
mod bad;
/// A person's browser, as the gateway's own tests have it.
#[path = "../../gateway-service/tests/identity/browser.rs"]
#[expect(dead_code, reason = "the gateway's tests use more of it")]
mod browser;
/// Every kind of caller.
mod callers;
/// Whether anything at all was changed.
mod digest;
/// A subscriber to webhooks.
mod listener;
/// The whole shop in this process.
mod shop;
/// Bodies, spoiled.
mod spoiled;
/// A shop with somebody of every kind in it, and a thing of every kind.
mod stage;
/// The matrix as it is written.
mod table;
/// A thing of every kind.
mod things;
/// Sending every request.
mod walk;

use shop::Part;

#[tokio::test(flavor = "multi_thread")]
async fn everybody_gets_at_the_gateway_what_the_matrix_says() {
    walk::walk(Part::Gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_gets_at_the_catalog_what_the_matrix_says() {
    walk::walk(Part::Catalog).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_gets_at_the_order_service_what_the_matrix_says() {
    walk::walk(Part::Order).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_gets_at_the_delivery_service_what_the_matrix_says() {
    walk::walk(Part::Delivery).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_gets_at_the_sandbox_provider_what_the_matrix_says() {
    walk::walk(Part::Payments).await;
}

/// A clear problem, nothing changed, and never a fault of ours.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_with_a_request_to_any_route_of_the_gateway_is_a_clear_problem_and_changes_nothing() {
    let mut stage = stage::Stage::set().await;
    let (sent, findings) = bad::whatever_is_wrong(&mut stage).await;
    stage.close().await;
    assert!(findings.is_empty(), "of {sent} bad requests:\n{}\n{} findings", findings.join("\n"), findings.len());
    assert!(sent > 2_000, "{sent}");
}
