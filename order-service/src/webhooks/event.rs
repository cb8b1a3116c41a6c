//! What a webhook says. A sender may say more than is asked for, so fields that mean nothing here are passed over.

use serde::Deserialize;
use serde_json::Value;
use shared_types::{Amount, Currency, OrderId, PaymentId, Problem, payments::PaymentStatus};

use super::signature::Sender;

/// Characters in an event's id at most.
const MAX_EVENT_ID_CHARS: usize = 255;

/// A webhook, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its sender's own: the same one is handled once.
    pub id: String,
    pub report: Report,
}

/// What it reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// Money arrived for an order.
    Received(Received),
    /// Something happened to a payment: its provider knows what.
    Changed { payment: PaymentId, status: PaymentStatus },
    /// Money arrived for something that is no order's id.
    Stranger,
    /// Nothing that matters here.
    Nothing,
}

/// Money that arrived, as its reporter has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    pub order: OrderId,
    /// Absent: what the order costs.
    pub amount: Option<Amount>,
    /// Absent: the order's own.
    pub currency: Option<Currency>,
}

#[derive(Deserialize)]
struct Envelope {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    data: Value,
}

/// What the reference contract and the sandbox put into `data`.
#[derive(Deserialize)]
struct OrderData {
    order_id: Value,
    #[serde(default)]
    payment_id: Option<PaymentId>,
    #[serde(default)]
    amount: Option<Amount>,
    #[serde(default)]
    currency: Option<Currency>,
}

/// Whether an event may have this id. No database keeps a text with a zero in it, and no log shows one.
pub fn is_event_id(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= MAX_EVENT_ID_CHARS && !text.chars().any(char::is_control)
}

impl Event {
    /// Reads what is known to come from this sender.
    pub fn read(sender: Sender, body: &[u8]) -> Result<Event, Problem> {
        let envelope: Envelope = parse(body)?;
        let id = envelope.id;
        if !is_event_id(&id) {
            return Err(Problem::invalid("id", format!("must be 1 to {MAX_EVENT_ID_CHARS} printable characters")));
        }
        let report = match sender {
            Sender::Receipts if envelope.kind == "payment.succeeded" => received(body)?,
            Sender::Sandbox => match status(&envelope.kind) {
                Some(status) => changed(body, status)?,
                None => Report::Nothing,
            },
            Sender::Stripe => stripe(&envelope.kind, &envelope.data),
            Sender::Receipts => Report::Nothing,
        };
        Ok(Event { id, report })
    }
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let field = error.path().to_string();
        Problem::invalid(field, error.into_inner().to_string())
    })
}

/// The envelope again, with its data: amounts are read from the digits of the text, which a `Value` no longer has.
#[derive(Deserialize)]
struct WithOrder {
    data: OrderData,
}

fn received(body: &[u8]) -> Result<Report, Problem> {
    let WithOrder { data } = parse(body)?;
    // An id of another form is the id of no order: it is not found, as any other that is not there.
    let order = data.order_id.as_str().and_then(|id| id.parse().ok());
    Ok(order.map_or(Report::Stranger, |order| {
        Report::Received(Received { order, amount: data.amount, currency: data.currency })
    }))
}

fn changed(body: &[u8], status: PaymentStatus) -> Result<Report, Problem> {
    let WithOrder { data } = parse(body)?;
    let payment = data.payment_id.ok_or_else(|| Problem::invalid("data.payment_id", "is missing"))?;
    Ok(Report::Changed { payment, status })
}

fn status(kind: &str) -> Option<PaymentStatus> {
    let name = kind.strip_prefix("payment.")?;
    PaymentStatus::ALL.into_iter().find(|status| status.name() == name)
}

/// Stripe's events about a PaymentIntent of ours, which carries our id for it in its metadata.
fn stripe(kind: &str, data: &Value) -> Report {
    let status = match kind {
        "payment_intent.succeeded" => PaymentStatus::Succeeded,
        "payment_intent.processing" => PaymentStatus::Processing,
        "payment_intent.payment_failed" => PaymentStatus::Declined,
        "payment_intent.canceled" => PaymentStatus::Canceled,
        _ => return Report::Nothing,
    };
    let ours = data["object"]["metadata"]["payment_id"].as_str().and_then(|id| id.parse().ok());
    ours.map_or(Report::Nothing, |payment| Report::Changed { payment, status })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const ORDER: &str = "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f";

    fn read(sender: Sender, kind: &str, data: &str) -> Result<Report, Problem> {
        let body = format!(r#"{{"id": "evt_1", "type": "{kind}", "created": 1, "data": {data}, "more": []}}"#);
        Event::read(sender, body.as_bytes()).map(|event| event.report)
    }

    #[test]
    fn money_is_read_to_the_cent() {
        let data = format!(r#"{{"order_id": "{ORDER}", "amount": 0.10, "currency": "USD", "note": 1}}"#);
        let Ok(Report::Received(received)) = read(Sender::Receipts, "payment.succeeded", &data) else {
            panic!("{data} reports money");
        };
        assert_eq!(received.order.to_string(), ORDER);
        assert_eq!(received.amount.unwrap().to_string(), "0.10");
        assert_eq!(received.currency, Some(Currency::USD));
    }

    #[test]
    fn only_money_is_reported_by_who_reports_receipts() {
        for kind in ["payment.failed", "payment.processing", "customer.created", ""] {
            assert_eq!(read(Sender::Receipts, kind, "{}"), Ok(Report::Nothing), "{kind}");
        }
        for id in ["7", "\"7\"", "null", "\"\"", "[]"] {
            let data = format!(r#"{{"order_id": {id}}}"#);
            assert_eq!(read(Sender::Receipts, "payment.succeeded", &data), Ok(Report::Stranger), "{id}");
        }
    }

    #[test]
    fn what_cannot_be_understood_is_refused_with_its_field() {
        for (data, field) in [
            ("{}", "data"),
            (r#"{"order_id": "x", "amount": "12.99"}"#, "data.amount"),
            (r#"{"order_id": "x", "amount": 1e3}"#, "data.amount"),
            (r#"{"order_id": "x", "currency": "usd"}"#, "data.currency"),
        ] {
            let problem = read(Sender::Receipts, "payment.succeeded", data).unwrap_err();
            assert_eq!((problem.status, problem.errors[0].field.as_str()), (422, field), "{data}");
        }
        for body in ["", "{", "[]", r#"{"type": "x"}"#, r#"{"id": "", "type": "x"}"#, r#"{"id": 7, "type": "x"}"#] {
            assert_eq!(Event::read(Sender::Receipts, body.as_bytes()).unwrap_err().status, 422, "{body}");
        }
    }

    #[test]
    fn a_provider_names_the_payment_and_is_asked_about_it() {
        let data = format!(r#"{{"order_id": "{ORDER}", "payment_id": "{ORDER}:2", "amount": 1}}"#);
        for status in PaymentStatus::ALL {
            let report = read(Sender::Sandbox, &format!("payment.{}", status.name()), &data);
            assert_eq!(report, Ok(Report::Changed { payment: format!("{ORDER}:2").parse().unwrap(), status }));
        }
        assert_eq!(read(Sender::Sandbox, "payment.thought_about", &data), Ok(Report::Nothing));
        let intent = format!(r#"{{"object": {{"id": "pi_1", "metadata": {{"payment_id": "{ORDER}:1"}}}}}}"#);
        let expected =
            Report::Changed { payment: format!("{ORDER}:1").parse().unwrap(), status: PaymentStatus::Succeeded };
        assert_eq!(read(Sender::Stripe, "payment_intent.succeeded", &intent), Ok(expected));
        assert_eq!(read(Sender::Stripe, "charge.succeeded", &intent), Ok(Report::Nothing));
        // Somebody else's PaymentIntent at the same account is none of our business.
        assert_eq!(read(Sender::Stripe, "payment_intent.succeeded", "{}"), Ok(Report::Nothing));
    }
}
