use serde_json::{Map, Value, json};
use service_kit::http::document::add_schema;
use shared_types::webhooks::{WebhookEvent, WebhookPayload};

/// Describes every message that the shop sends to its subscribers, as OpenAPI 3.1 would under `webhooks`.
pub(super) fn describe(spec: &mut Value) {
    let schema = add_schema::<WebhookPayload>(spec);
    let described = WebhookEvent::ALL.iter().map(|event| (event.to_string(), message(*event, &schema)));
    spec["x-webhooks"] = described.collect::<Map<String, Value>>().into();
    if let Some(operation) = spec["paths"].get_mut("/webhooks/payment").and_then(|item| item.get_mut("post")) {
        describe_report(operation);
    }
}

/// What others send to the shop. The order service reads it, after its signature: here it is bytes.
fn describe_report(operation: &mut Value) {
    let text = |description: &str| json!({"type": "string", "description": description});
    let order_id = json!({"type": "string", "format": "uuid"});
    let data = json!({
        "type": "object", "required": ["order_id"], "properties": {
            "order_id": order_id,
            "amount": {"type": "number", "description": "The order's total."},
            "currency": text("ISO 4217."),
        },
    });
    let schema = json!({
        "type": "object", "required": ["id", "type", "created", "data"], "properties": {
            "id": text("The event's own, the same for every try."),
            "type": text("`payment.succeeded`; others are acknowledged and ignored."),
            "created": {"type": "integer", "description": "Seconds since 1970 UTC."},
            "data": data,
        },
    });
    let example = json!({
        "id": "evt_7f3a", "type": "payment.succeeded", "created": 1_795_000_000,
        "data": {"order_id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f", "amount": 12.99, "currency": "USD"},
    });
    let content = json!({"application/json": {"schema": schema, "example": example}});
    operation["requestBody"] = json!({"required": true, "content": content});
    let signature = json!({
        "name": "X-Signature", "in": "header", "required": false, "schema": {"type": "string"},
        "description": "`t=<unix s>,v1=<hex HMAC-SHA256 of \"<t>.\" + body>`; or Stripe's, or Standard Webhooks' headers.",
        "example": "t=1795000000,v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd",
    });
    operation["parameters"] = json!([signature]);
}

fn message(event: WebhookEvent, schema: &Value) -> Value {
    let header = |name: &str, description: &str, example: &str| {
        json!({
            "name": name, "in": "header", "required": true, "description": description,
            "schema": {"type": "string"}, "example": example,
        })
    };
    let operation = json!({
        "operationId": format!("told_{}", event.to_string().replace('.', "_")),
        "tags": ["webhooks"],
        // Who sends it is told by its signature.
        "security": [],
        "summary": event.meaning(),
        "description": "Sent to every subscriber of it, once at least and in no promised order; the larger `version` is the \
                        later news. Signed as Standard Webhooks has it, with the subscriber's own secret.",
        "parameters": [
            header("webhook-id", "The same for every try.", "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f"),
            header("webhook-timestamp", "When this try left, in seconds since 1970 UTC.", "1795000000"),
            header("webhook-signature", "`v1,` and the HMAC-SHA256 of `<id>.<timestamp>.<body>` in base64.", "v1,g0hM9SsE…"),
        ],
        "requestBody": {"required": true, "content": {"application/json": {"schema": schema, "example": {
            "type": event,
            "timestamp": "2026-11-18T11:06:40.123456Z",
            "data": {
                "order_id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f", "version": 4, "state": "approved",
                "stock": "taken", "payment": "unpaid", "fulfillment": "scheduled",
            },
        }}}},
        "responses": {"2XX": {"description": "It is acknowledged. Anything else is tried again for a day."}},
    });
    json!({"post": operation})
}
