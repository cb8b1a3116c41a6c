use shared_types::{
    FieldErrors, Problem,
    webhooks::{CreateWebhookRequest, UpdateWebhookRequest, WebhookEvent},
};
use uuid::Uuid;

use super::secret;
use crate::{
    clients::Subscribers,
    store::subscribers::{Change, NewWebhook},
};

/// Characters in the address of a subscriber at most.
const MAX_URL_CHARS: usize = 2_000;
/// Characters in what somebody says about a subscriber at most.
const MAX_DESCRIPTION_CHARS: usize = 500;

/// A subscriber as it may be entered, with a fresh secret.
pub(crate) fn read_new(
    request: CreateWebhookRequest,
    created_by: String,
    subscribers: &Subscribers,
) -> Result<NewWebhook, Problem> {
    let CreateWebhookRequest { url, events, description } = request;
    let mut errors = FieldErrors::default();
    check_description(&mut errors, description.as_deref());
    let events = distinct(&mut errors, events);
    errors.none().map_err(Problem::invalid_fields)?;
    let url = address(&url, subscribers)?;
    let (id, secret) = (Uuid::now_v7(), secret::fresh());
    Ok(NewWebhook { id, url, events, description, secret, created_by })
}

/// A change as it may be made.
pub(crate) fn read_change(request: UpdateWebhookRequest, subscribers: &Subscribers) -> Result<Change, Problem> {
    let UpdateWebhookRequest { url, events, description, active } = request;
    let mut errors = FieldErrors::default();
    check_description(&mut errors, description.as_deref());
    let events = events.map(|events| distinct(&mut errors, events));
    errors.none().map_err(Problem::invalid_fields)?;
    let url = url.map(|url| address(&url, subscribers)).transpose()?;
    Ok(Change { url, events, description, active })
}

fn check_description(errors: &mut FieldErrors, description: Option<&str>) {
    if let Some(description) = description {
        errors.check_text("description", description, MAX_DESCRIPTION_CHARS);
    }
}

fn distinct(errors: &mut FieldErrors, mut events: Vec<WebhookEvent>) -> Vec<WebhookEvent> {
    events.sort_unstable();
    events.dedup();
    if events.is_empty() {
        errors.add("events", "must be one at least");
    }
    events
}

fn address(text: &str, subscribers: &Subscribers) -> Result<String, Problem> {
    if text.chars().count() > MAX_URL_CHARS {
        return Err(Problem::invalid("url", format!("has at most {MAX_URL_CHARS} characters")));
    }
    subscribers.address(text).map(String::from)
}
