use shared_types::Secret;
use url::Url;

use super::Pace;
use crate::clients::{AfricasTalking, Sms};

/// Who sends messages to customers. Without a key of Africa's Talking they go to the log.
#[derive(Debug, Clone, clap::Args)]
pub struct NotificationConfig {
    #[arg(long, env = "AFRICASTALKING_API_KEY", hide_env_values = true, value_parser = secret)]
    pub africastalking_api_key: Option<Secret>,
    #[arg(long, env = "AFRICASTALKING_USERNAME")]
    pub africastalking_username: Option<String>,
    /// An alphanumeric sender; it goes before the short code.
    #[arg(long, env = "AFRICASTALKING_SENDER_ID")]
    pub africastalking_sender_id: Option<String>,
    #[arg(long, env = "AFRICASTALKING_SHORT_CODE")]
    pub africastalking_short_code: Option<String>,
    #[arg(long, env = "AFRICASTALKING_BASE_URL", default_value = "https://api.africastalking.com")]
    pub africastalking_base_url: Url,
    /// How the sender paces itself. Not a flag: tests shorten it.
    #[arg(skip)]
    pub pace: Pace,
}

impl Default for NotificationConfig {
    /// Messages go to the log.
    fn default() -> Self {
        NotificationConfig {
            africastalking_api_key: None,
            africastalking_username: None,
            africastalking_sender_id: None,
            africastalking_short_code: None,
            africastalking_base_url: "https://api.africastalking.com".parse().expect("BUG: this is an address"),
            pace: Pace::default(),
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "clap's parsers may refuse")]
fn secret(text: &str) -> Result<Secret, String> {
    Ok(Secret::new(text))
}

/// A variable that is set to nothing is not set.
fn given(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.is_empty()).cloned()
}

impl NotificationConfig {
    /// Who sends. Half a configuration starts nothing.
    pub(super) fn sender(&self) -> Result<Sms, String> {
        let api_key = self.africastalking_api_key.as_ref().filter(|key| !key.expose().is_empty());
        let Some(api_key) = api_key.cloned() else { return Ok(Sms::Log) };
        let Some(username) = given(self.africastalking_username.as_ref()) else {
            return Err("AFRICASTALKING_API_KEY is set and AFRICASTALKING_USERNAME is not".to_owned());
        };
        let from =
            given(self.africastalking_sender_id.as_ref()).or_else(|| given(self.africastalking_short_code.as_ref()));
        let base = &self.africastalking_base_url;
        let provider = AfricasTalking::new(base, username, api_key, from, self.pace.call_ms);
        let provider = provider.ok_or_else(|| format!("AFRICASTALKING_BASE_URL {base} is not an address to call"))?;
        Ok(Sms::AfricasTalking(Box::new(provider)))
    }
}
