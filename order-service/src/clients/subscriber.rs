use service_kit::outside::{Outside, OutsideOptions, Reach};
use shared_types::{Problem, Secret};
use standardwebhooks::Webhook;
use url::Url;

/// Tells subscribers, at addresses of their own choosing.
#[derive(Clone)]
pub struct Subscribers(Outside);

/// What a subscriber said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The status of the answer, where there was one.
    pub status: Option<u16>,
    /// How the answer begins, or why there was none.
    pub detail: Option<String>,
}

impl Said {
    /// Any 2xx is an acknowledgement. Anything else is none: a redirect leads nowhere.
    pub fn is_acknowledged(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

/// Characters of a subscriber's answer that are kept.
const MAX_DETAIL_CHARS: usize = 200;
/// Bytes of a subscriber's answer that are read.
const MAX_ANSWER_BYTES: usize = 4 * 1024;

impl Subscribers {
    pub fn new(reach: Reach, call_ms: u64) -> Subscribers {
        Subscribers(Outside::new(reach, OutsideOptions { call_ms, max_answer_bytes: MAX_ANSWER_BYTES }))
    }

    /// An address that may be called, as far as can be seen from its text; a name is looked at when it is called.
    pub fn address(&self, text: &str) -> Result<Url, Problem> {
        let url: Url =
            text.parse().map_err(|_| Problem::invalid("url", "is no address such as https://example.com/"))?;
        self.0.check(&url).map_err(|trouble| Problem::invalid("url", trouble.to_string()))?;
        Ok(url)
    }

    /// Sends a message, signed as Standard Webhooks has it.
    pub async fn tell(&self, url: &str, secret: &Secret, message_id: &str, at_s: i64, body: &str) -> Said {
        let nothing = |detail: String| Said { status: None, detail: Some(detail) };
        let Ok(url) = url.parse::<Url>() else { return nothing("the address cannot be read".to_owned()) };
        let signature = Webhook::new(secret.expose()).and_then(|key| key.sign(message_id, at_s, body.as_bytes()));
        let signature = match signature {
            Ok(signature) => signature,
            Err(error) => return nothing(format!("not signed: {error}")),
        };
        let timestamp = at_s.to_string();
        let headers = [
            ("webhook-id", message_id),
            ("webhook-timestamp", timestamp.as_str()),
            ("webhook-signature", signature.as_str()),
        ];
        match self.0.post(&url, "application/json", &headers, body.as_bytes().to_vec()).await {
            Ok(answer) => {
                let beginning: String = String::from_utf8_lossy(&answer.body).chars().take(MAX_DETAIL_CHARS).collect();
                // A text of Postgres holds no zero.
                let beginning = beginning.replace('\0', "");
                let detail = Some(beginning).filter(|text| !text.is_empty());
                Said { status: Some(answer.status.as_u16()), detail }
            }
            Err(trouble) => nothing(trouble.to_string()),
        }
    }
}
