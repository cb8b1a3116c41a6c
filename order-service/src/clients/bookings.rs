use reqwest::Method;
use service_kit::{Client, Outcome};
use shared_types::{
    DeliveryId,
    deliveries::{BookDeliveryRequest, BookManyAnswer, BookManyRequest, BookOne, BookOneAnswer, DeliveryView},
    limits::MAX_BOOKINGS_AT_ONCE,
};

use super::together::{Ended, Wire};

/// Bookings on their way to the delivery service. No buyer waits for them.
pub(super) struct Bookings;

impl Wire for Bookings {
    type Id = DeliveryId;
    type One = BookOne;
    type Many = BookManyRequest;
    type Answers = BookManyAnswer;
    type View = DeliveryView;

    const PATH: &'static str = "/deliveries";
    const AT_ONCE: usize = MAX_BOOKINGS_AT_ONCE;
    const REQUESTS: usize = 1;

    fn id(one: &BookOne) -> DeliveryId {
        one.delivery_id
    }

    async fn alone(client: &Client, one: &BookOne) -> Outcome<DeliveryView> {
        let BookOne { delivery_id, address, customer, request_id: _ } = one.clone();
        let request = BookDeliveryRequest { address, courier: None, customer };
        client.call(Method::PUT, &format!("/deliveries/{delivery_id}"), Some(&request), &[200, 201, 409]).await
    }

    fn each(answers: BookManyAnswer) -> Vec<Ended<Self>> {
        let ended = |one: BookOneAnswer| Ended { id: one.delivery_id, view: one.delivery, problem: one.problem };
        answers.results.into_iter().map(ended).collect()
    }
}
