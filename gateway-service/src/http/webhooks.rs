use actix_web::HttpRequest;
use paperclip::actix::{api_v2_operation, web};
use reqwest::Method;
use service_kit::{
    auth::Public,
    http::{Fail, RawBody, S200, S401, S404, S409, S422},
};
use shared_types::payments::WebhookAnswer;

use super::relay::Relayed;
use crate::clients::{Ask, Upstreams};

/// What says who sent a webhook, in each of the schemes that the order service knows.
const SIGNATURES: [&str; 5] =
    ["x-signature", "stripe-signature", "webhook-id", "webhook-timestamp", "webhook-signature"];

/// Takes webhooks of payment providers, and reports of money that arrived.
///
/// The body is passed on to the byte: its signature was made over it. Signed within the last five minutes, as
/// `X-Signature: t=<unix s>,v1=<hex HMAC-SHA256 of "<t>." + body>`, as Stripe has it, or as Standard Webhooks has it. The
/// same event again is a `duplicate`. 401: it is not signed by one who holds the secret. 404: there is no such order. 409:
/// the order costs another amount.
#[api_v2_operation(tags(webhooks))]
pub(super) async fn payment(
    _: Public,
    request: HttpRequest,
    upstreams: web::Data<Upstreams>,
    body: RawBody,
) -> Result<Relayed<WebhookAnswer, (S200,)>, Fail<(S401, S404, S409, S422)>> {
    // The event's id makes a repetition the same event.
    let mut ask = Ask::repeatable(Method::POST, "/webhooks/payment");
    for name in SIGNATURES {
        ask = ask.header(name, request.headers().get(name).and_then(|value| value.to_str().ok()));
    }
    ask.body = Some(body.0.to_vec());
    Ok(Relayed::new(upstreams.order.pass_on(ask).await?)?)
}
