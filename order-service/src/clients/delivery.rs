use reqwest::Method;
use service_kit::{
    Client, Outcome,
    auth::{Issuer, Service},
    client::ClientError,
};
use shared_types::{
    DeliveryId,
    deliveries::{BookDeliveryRequest, DeliveryView},
    orders::Address,
};

use super::{alive, signed_client};

/// The delivery service, as the order service knows it.
#[derive(Debug, Clone)]
pub struct Delivery(Client);

impl Delivery {
    pub fn new(base: &str, call_ms: u64, issuer: &Issuer) -> Result<Delivery, ClientError> {
        signed_client(base, call_ms, issuer, Service::Delivery).map(Delivery)
    }

    /// Books a delivery under an id of ours. Repeated it is the same booking; canceled before, it stays canceled.
    pub async fn book(&self, id: DeliveryId, address: &Address, customer: &str) -> Outcome<DeliveryView> {
        let request =
            BookDeliveryRequest { address: address.clone(), courier: None, customer: Some(customer.to_owned()) };
        self.0.call(Method::PUT, &format!("/deliveries/{id}"), Some(&request), &[200, 201, 409]).await
    }

    /// Stops a parcel that has not left; of a delivery that was never booked it leaves a tombstone. Its status tells whether
    /// it was in time.
    pub async fn cancel(&self, id: DeliveryId) -> Outcome<DeliveryView> {
        self.0.call(Method::POST, &format!("/deliveries/{id}/cancel"), None::<&()>, &[200, 201, 409]).await
    }

    /// Whoever asks: its numbers are shown.
    pub fn client(&self) -> &Client {
        &self.0
    }

    /// Whether it answers.
    pub async fn alive(&self) -> Result<(), String> {
        alive(&self.0).await
    }
}
