//! An order's payment: its row, and what is asked of the provider.

use actix_web::web::Bytes;
use hyper::{Method, StatusCode};
use rusqlite::{Connection, Result};

use super::{
    order::{CURRENCY, Order},
    payments::wire::{Card, OpenPayment, PaymentView, TokenView},
    stand::{CHARGING, Stand},
};
use crate::{client::Client, wire::amount};

/// Exchanges a card for the token that stands for it. `None`: the provider does not take it.
pub async fn exchange(provider: &Client, card: &Card, request_id: &str) -> Option<String> {
    let body = Bytes::from(serde_json::to_vec(card).ok()?);
    let answer = provider.send(Method::POST, "/tokens", &[("x-request-id", request_id)], body).await;
    let token: TokenView = serde_json::from_slice(answer.body()).ok()?;
    (answer.status() == StatusCode::CREATED).then_some(token.token)
}

/// Charges the card, and says whether exactly that money was captured.
pub async fn ask_to_charge(provider: &Client, order: &Order, token: &str, minor: i64, request_id: &str) -> bool {
    let (id, asked) = (order.payment_id(), amount(minor));
    let open = OpenPayment {
        amount: asked.clone(),
        currency: CURRENCY.to_owned(),
        method: "card".to_owned(),
        token: token.to_owned(),
    };
    let body = Bytes::from(serde_json::to_vec(&open).unwrap_or_default());
    let path = format!("/payments/{id}");
    let answer = provider.send(Method::PUT, &path, &[("x-request-id", request_id)], body).await;
    serde_json::from_slice(answer.body()).is_ok_and(|view: PaymentView| {
        view.payment_id == id && view.status == "succeeded" && view.captured.get() == asked.get()
    })
}

/// Written with its order, before anybody knows what the copies cost.
pub fn plan(connection: &Connection, order_id: &str, token: &str) -> Result<()> {
    connection
        .prepare_cached(
            "insert into payment (order_id, n, method, amount_minor, token, state, provider) \
             values (?, 1, 'card', 0, ?, 'planned', 'sandbox')",
        )?
        .execute((order_id, token))?;
    Ok(())
}

/// From now on money may have left the card.
pub fn charge(connection: &Connection, order_id: &str, minor: i64) -> Result<()> {
    connection
        .prepare_cached("update payment set amount_minor = ?2, state = ?3 where order_id = ?1 and n = 1")?
        .execute((order_id, minor, state(CHARGING)))?;
    Ok(())
}

/// How it ended. The token is not kept for longer.
pub fn close(connection: &Connection, order_id: &str, stand: Stand) -> Result<()> {
    connection
        .prepare_cached("update payment set token = null, state = ?2 where order_id = ?1 and n = 1")?
        .execute((order_id, state(stand)))?;
    Ok(())
}

/// The payment's own state while its order stands like this.
pub fn state(stand: Stand) -> &'static str {
    match stand.payment {
        "paid" => "succeeded",
        "charging" => "charging",
        _ => "canceled",
    }
}
