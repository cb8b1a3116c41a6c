use serde::Deserialize;
use service_kit::outside::{Outside, OutsideAnswer, OutsideOptions, Reach, Trouble};
use shared_types::{Secret, identity::Phone};
use url::{Url, form_urlencoded};

/// How a message to a telephone ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// The provider took it, under this id.
    Accepted(Option<String>),
    /// The provider definitely will not send it.
    Refused(String),
    /// It has not left: it may be tried again.
    NotSent(String),
    /// Nobody knows.
    Unknown(String),
}

/// Who sends messages to telephones.
#[derive(Clone)]
pub enum Sms {
    /// Nobody: what would be sent is a line in the log, without the number.
    Log,
    AfricasTalking(Box<AfricasTalking>),
}

impl Sms {
    pub async fn send(&self, to: &Phone, message: &str) -> Sent {
        match self {
            Sms::Log => {
                tracing::info!(message, "a message that no provider is configured for");
                Sent::Accepted(None)
            }
            Sms::AfricasTalking(provider) => provider.send(to, message).await,
        }
    }
}

/// Africa's Talking, `POST /version1/messaging`
/// (<https://developers.africastalking.com/docs/sms/sending/bulk>).
#[derive(Clone)]
pub struct AfricasTalking {
    outside: Outside,
    endpoint: Url,
    username: String,
    api_key: Secret,
    /// An alphanumeric sender or a short code; the provider chooses where there is none.
    from: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(rename = "SMSMessageData")]
    data: MessageData,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MessageData {
    #[serde(default)]
    message: String,
    #[serde(default)]
    recipients: Vec<Recipient>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recipient {
    status_code: i64,
    #[serde(default)]
    status: String,
    #[serde(default)]
    message_id: Option<String>,
}

impl AfricasTalking {
    /// `base` is the provider's address, which the operator chose: it may be anywhere.
    pub fn new(base: &Url, username: String, api_key: Secret, from: Option<String>, call_ms: u64) -> Option<Self> {
        let outside = Outside::new(Reach::Anywhere, OutsideOptions { call_ms, ..OutsideOptions::default() });
        let endpoint = base.join("/version1/messaging").ok()?;
        outside.check(&endpoint).ok()?;
        Some(AfricasTalking { outside, endpoint, username, api_key, from })
    }

    fn form(&self, to: &Phone, message: &str) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("username", &self.username).append_pair("to", to.as_str()).append_pair("message", message);
        if let Some(from) = &self.from {
            form.append_pair("from", from);
        }
        form.finish()
    }

    async fn send(&self, to: &Phone, message: &str) -> Sent {
        let headers = [("apiKey", self.api_key.expose()), ("accept", "application/json")];
        let body = self.form(to, message).into_bytes();
        match self.outside.post(&self.endpoint, "application/x-www-form-urlencoded", &headers, body).await {
            Ok(answer) => judge(&answer),
            Err(Trouble::NotAllowed(why) | Trouble::NotSent(why)) => Sent::NotSent(why),
            Err(Trouble::NoAnswer(why)) => Sent::Unknown(why),
        }
    }
}

/// What the provider's answer says about our one recipient.
fn judge(answer: &OutsideAnswer) -> Sent {
    let status = answer.status.as_u16();
    match status {
        200 | 201 => {}
        429 => return Sent::NotSent("the provider has too much to do".to_owned()),
        408 | 500.. => return Sent::Unknown(format!("the provider answered {status}")),
        400..500 => return Sent::Refused(format!("the provider answered {status}: {}", beginning(&answer.body))),
        _ => return Sent::Unknown(format!("the provider answered {status}")),
    }
    match serde_json::from_slice::<Answer>(&answer.body) {
        Ok(Answer { data }) => match data.recipients.into_iter().next() {
            Some(recipient) => about(recipient),
            // An unknown sender, for one: the provider names no recipient, and says why.
            None => Sent::Refused(data.message),
        },
        Err(error) => Sent::Unknown(format!("the provider's answer cannot be read: {error}")),
    }
}

/// 100 to 102: processed, sent, queued. 500 and 501: something failed there, and nobody knows how far it had come.
fn about(recipient: Recipient) -> Sent {
    match recipient.status_code {
        100..=102 => Sent::Accepted(recipient.message_id.filter(|id| id != "None")),
        500 | 501 => Sent::Unknown(format!("{} {}", recipient.status_code, recipient.status)),
        _ => Sent::Refused(format!("{} {}", recipient.status_code, recipient.status)),
    }
}

/// Characters of a stranger's answer that are kept.
const MAX_DETAIL_CHARS: usize = 200;

fn beginning(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().take(MAX_DETAIL_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, body: &str) -> Sent {
        let status = status.try_into().expect("a status");
        judge(&OutsideAnswer { status, body: body.as_bytes().to_vec() })
    }

    fn recipient(code: i64) -> String {
        format!(
            r#"{{"SMSMessageData": {{"Message": "Sent to 1/1 Total Cost: KES 0.8000", "Recipients": [
               {{"statusCode": {code}, "number": "+254711223344", "status": "S", "cost": "KES 0.8000", "messageId": "ATPid_1"}}]}}}}"#
        )
    }

    #[test]
    fn the_providers_word_is_taken_and_anything_else_is_unknown() {
        for code in [100, 101, 102] {
            assert_eq!(judged(201, &recipient(code)), Sent::Accepted(Some("ATPid_1".to_owned())));
        }
        for code in [401, 402, 403, 404, 405, 406, 407, 409, 502] {
            assert_eq!(judged(201, &recipient(code)), Sent::Refused(format!("{code} S")));
        }
        for code in [500, 501] {
            assert!(matches!(judged(201, &recipient(code)), Sent::Unknown(_)), "{code}");
        }
        let nobody = r#"{"SMSMessageData": {"Message": "InvalidSenderId", "Recipients": []}}"#;
        assert_eq!(judged(201, nobody), Sent::Refused("InvalidSenderId".to_owned()));
        assert!(matches!(judged(401, "The supplied authentication is invalid"), Sent::Refused(_)));
        assert!(matches!(judged(429, ""), Sent::NotSent(_)));
        for (status, body) in [(201, "<html>"), (200, ""), (204, ""), (302, ""), (408, ""), (500, "{}"), (503, "")] {
            assert!(matches!(judged(status, body), Sent::Unknown(_)), "{status} {body}");
        }
    }
}
