//! A batch on its way to another service.

use reqwest::Method;
use serde_json::value::RawValue;
use shared_types::events::BatchAnswer;

use crate::outbox::deliveries::Delivery;
use crate::telemetry::spans::telling;
use crate::{Client, NoAnswer, Outcome};

/// CloudEvents' JSON batch format (CloudEvents 1.0, HTTP protocol binding, section 3.3).
const BATCH_TYPE: &str = "application/cloudevents-batch+json";

/// Sends a batch to `/events`; answers what became of each event.
pub(super) async fn post(client: &Client, batch: &[Delivery]) -> Outcome<BatchAnswer> {
    let bodies: Result<Vec<&RawValue>, _> = batch.iter().map(|delivery| serde_json::from_str(&delivery.body)).collect();
    match bodies {
        Ok(bodies) => {
            let headers = [("content-type", BATCH_TYPE)];
            let call = client.call_with(Method::POST, "/events", &headers, Some(&bodies), &[200]);
            telling(batch.iter().map(|delivery| delivery.subject.as_str()), call).await
        }
        Err(error) => Outcome::Unknown(NoAnswer(format!("the outbox holds no JSON: {error}"))),
    }
}
