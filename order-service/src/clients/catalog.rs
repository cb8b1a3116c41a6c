use std::sync::Arc;

use reqwest::Method;
use service_kit::{
    Client, Outcome, RequestContext,
    auth::{Issuer, Service},
    client::ClientError,
};
use shared_types::{
    BookId, Money, TakingId,
    books::BookView,
    takings::{CheckOne, TakeLine, TakeOne, TakeRequest, TakingCheck, TakingView},
};

use super::{
    alive,
    looks::Looks,
    signed_client,
    takings::Takings,
    together::{Together, together},
};
use crate::domain::Order;

/// The catalog, as the order service knows it.
#[derive(Clone)]
pub struct Catalog {
    client: Client,
    looks: Arc<Together<Looks>>,
    takings: Arc<Together<Takings>>,
}

impl Catalog {
    /// To be called on the runtime that carries the calls.
    pub fn new(base: &str, call_ms: u64, issuer: &Issuer) -> Result<Catalog, ClientError> {
        let client = signed_client(base, call_ms, issuer, Service::Catalog)?;
        Ok(Catalog { looks: together(&client), takings: together(&client), client })
    }

    /// Takes the copies of an order, all or none. Repeated under the same id it is the same call.
    pub async fn take(&self, order: &Order) -> Outcome<TakingView> {
        let request_id = Some(RequestContext::current().request_id.to_string());
        let lines = take_request(order).lines;
        self.takings.ask(TakeOne { taking_id: order.taking_id(), lines, request_id }).await
    }

    /// Gives copies back; of an attempt that the catalog never saw it leaves a tombstone.
    pub async fn give_back(&self, id: TakingId) -> Outcome<TakingView> {
        let path = format!("/takings/{id}/give-back");
        self.client.call(Method::POST, &path, None::<&()>, &[200, 201]).await
    }

    /// The lines of an order that could not be taken now. It is a look, and decides nothing.
    pub async fn check(&self, order: &Order) -> Outcome<TakingCheck> {
        self.looks.ask(CheckOne { order_id: order.id, lines: take_request(order).lines }).await
    }

    /// A book as it is sold now.
    pub async fn book(&self, id: BookId) -> Outcome<BookView> {
        self.client.call(Method::GET, &format!("/books/{id}"), None::<&()>, &[200]).await
    }

    /// Whoever asks: its numbers are shown.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Whether it answers.
    pub async fn alive(&self) -> Result<(), String> {
        alive(&self.client).await
    }
}

/// One line per book, in book order: every repetition is the same request to the letter.
pub fn take_request(order: &Order) -> TakeRequest {
    let line = |(book_id, quantity)| {
        let expected = order.lines.iter().find(|line| line.book_id == book_id).and_then(|line| line.expected);
        TakeLine { book_id, quantity, expected_price: expected.map(Money::amount) }
    };
    TakeRequest { lines: order.copies().into_iter().map(line).collect() }
}
