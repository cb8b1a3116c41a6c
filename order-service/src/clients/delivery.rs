use std::sync::Arc;

use reqwest::Method;
use service_kit::{
    Client, Outcome, RequestContext,
    auth::{Issuer, Service},
    client::ClientError,
};
use shared_types::{
    DeliveryId,
    deliveries::{BookOne, DeliveryView},
    orders::Address,
};

use super::{
    alive,
    bookings::Bookings,
    signed_client,
    together::{Together, together},
};

/// The delivery service, as the order service knows it.
#[derive(Clone)]
pub struct Delivery {
    client: Client,
    bookings: Arc<Together<Bookings>>,
}

impl Delivery {
    /// To be called on the runtime that carries the calls.
    pub fn new(base: &str, call_ms: u64, issuer: &Issuer) -> Result<Delivery, ClientError> {
        let client = signed_client(base, call_ms, issuer, Service::Delivery)?;
        Ok(Delivery { bookings: together(&client), client })
    }

    /// Books a delivery under an id of ours. Repeated it is the same booking; canceled before, it stays canceled.
    pub async fn book(&self, id: DeliveryId, address: &Address, customer: &str) -> Outcome<DeliveryView> {
        let request_id = Some(RequestContext::current().request_id.to_string());
        let (address, customer) = (address.clone(), Some(customer.to_owned()));
        self.bookings.ask(BookOne { delivery_id: id, address, customer, request_id }).await
    }

    /// Stops a parcel that has not left; of a delivery that was never booked it leaves a tombstone. Its status tells whether
    /// it was in time.
    pub async fn cancel(&self, id: DeliveryId) -> Outcome<DeliveryView> {
        self.client.call(Method::POST, &format!("/deliveries/{id}/cancel"), None::<&()>, &[200, 201, 409]).await
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
