use actix_web::HttpRequest;
use paperclip::actix::{api_v2_operation, web};
use service_kit::{
    auth::Public,
    db::Tx,
    faults,
    http::{Fail, RawBody, Reply, S401, S404, S409, S422},
    telemetry::about,
};
use shared_types::{
    Code, Problem,
    payments::{WebhookAnswer, WebhookStatus},
};

use super::{Shop, trouble};
use crate::{
    domain::Refusal,
    points::WEBHOOK,
    store::{
        Actor,
        moves::{Hand, MoveError},
        webhooks::{self, Taken},
    },
    webhooks::{Event, Headers, Report, Sender, verify},
};

/// Takes webhooks of payment providers, and reports of money that arrived.
///
/// Signed over the raw body within the last five minutes: `X-Signature: t=<unix s>,v1=<hex HMAC-SHA256 of "<t>." + body>`,
/// Stripe's `Stripe-Signature`, or the headers of Standard Webhooks. 401: it is not. The same event again is a
/// `duplicate`. 404: there is no such order. 409: the order costs another amount.
#[api_v2_operation(tags(webhooks))]
pub(super) async fn receive(
    _: Public,
    shop: web::Data<Shop>,
    request: HttpRequest,
    body: RawBody,
) -> Result<Reply<WebhookAnswer>, Fail<(S401, S404, S409, S422)>> {
    let sender = sender(&shop, &request, &body.0)?;
    let event = Event::read(sender, &body.0)?;
    let status = take(&shop, sender, event).await?;
    shop.driver.wake();
    Ok(Reply::ok(WebhookAnswer { status }))
}

/// Its sender is told that he is not believed, and not why.
fn sender(shop: &Shop, request: &HttpRequest, body: &[u8]) -> Result<Sender, Problem> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let headers = Headers {
        x_signature: header("x-signature"),
        stripe_signature: header("stripe-signature"),
        webhook_id: header("webhook-id"),
        webhook_timestamp: header("webhook-timestamp"),
        webhook_signature: header("webhook-signature"),
    };
    verify(&headers, body, &shop.senders, shop.driver.now()).map_err(|distrust| {
        tracing::warn!(%distrust, "a webhook is not believed");
        Problem::new(Code::InvalidSignature, "Invalid signature")
    })
}

async fn take(shop: &Shop, sender: Sender, Event { id, report }: Event) -> Result<WebhookStatus, Problem> {
    let source = match sender {
        Sender::Receipts => webhooks::RECEIPTS,
        Sender::Sandbox => webhooks::SANDBOX,
        Sender::Stripe => webhooks::STRIPE,
    };
    match report {
        Report::Nothing => Ok(WebhookStatus::Ignored),
        Report::Stranger => Err(not_found()),
        Report::Received(money) => {
            about(money.order);
            write(shop, move |tx, hand| webhooks::received(tx, &id, &money, hand)).await
        }
        Report::Changed { payment, status } => {
            about(payment.order);
            write(shop, move |tx, hand| webhooks::reported(tx, source, &id, (payment, status), hand)).await
        }
    }
}

/// The event and its effect, in one transaction.
async fn write<F>(shop: &Shop, effect: F) -> Result<WebhookStatus, Problem>
where
    F: Fn(&mut Tx<'_>, &Hand) -> Result<Taken, MoveError> + Send + Sync + 'static,
{
    let hand = shop.driver.hand_over(Actor::Webhook);
    let taken = shop.db.write(move |tx| {
        let taken = effect(tx, &hand)?;
        faults::point(WEBHOOK.before_commit);
        Ok::<_, MoveError>(taken)
    });
    let taken = taken.await.map_err(refused)?;
    faults::point(WEBHOOK.after_commit);
    match taken {
        Taken::Processed => Ok(WebhookStatus::Processed),
        Taken::Duplicate => Ok(WebhookStatus::Duplicate),
        Taken::OtherAmount => Err(Problem::new(Code::AmountMismatch, "the order costs another amount")),
    }
}

/// A payment that its order never made is as little known as an order that is not there.
fn refused(error: MoveError) -> Problem {
    match error {
        MoveError::NoSuchOrder(_) | MoveError::Refused(Refusal::NoSuchPayment(_)) => not_found(),
        MoveError::Refused(Refusal::DoesNotFit(detail)) => Problem::invalid("data.amount", detail),
        error @ MoveError::TooManyUnpaid { .. } => trouble::not_moved(error),
        MoveError::Refused(refusal) => Problem::new(Code::InvalidTransition, refusal.to_string()),
        MoveError::Db(error) => error.into(),
    }
}

fn not_found() -> Problem {
    Problem::new(Code::OrderNotFound, "Order not found")
}
