use serde_json::{Map, Value, json};
use service_kit::http::document::add_schema;
use shared_types::webhooks::{WebhookEvent, WebhookPayload};

/// Describes every message that the shop sends to its subscribers, as OpenAPI 3.1 would under `webhooks`.
pub(super) fn describe(spec: &mut Value) {
    let schema = add_schema::<WebhookPayload>(spec);
    let described = WebhookEvent::ALL.iter().map(|event| (event.to_string(), message(*event, &schema)));
    spec["x-webhooks"] = described.collect::<Map<String, Value>>().into();
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
