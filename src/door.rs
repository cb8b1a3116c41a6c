use std::{path::PathBuf, time::Duration};

use reqwest::Method;
use serde::{Serialize, de::DeserializeOwned};
use service_kit::{Client, ClientOptions, Outcome, http::Running, process::stop_all};
use shared_types::Secret;

use crate::{
    CommandError,
    address::ShopAddress,
    shop::{self, Places},
};

/// Deadlines of a tool's call: a batch of rows takes longer than a purchase.
const OPTIONS: ClientOptions = ClientOptions { connect_ms: 2_000, call_ms: 30_000 };
/// How long a call is repeated that gets no answer.
const PATIENCE_MS: u64 = 60_000;
const PAUSE_MS: u64 = 500;

/// Which shop a tool works on.
#[derive(Debug, Clone, clap::Args)]
pub struct DoorArgs {
    /// Address of the shop's gateway, such as http://127.0.0.1:8080. Without it: the shop that runs on the data
    /// directory; where none runs, the data directory itself.
    #[arg(long, env = "LASTCOPY_URL")]
    pub url: Option<String>,
    /// The key that lets in at `--url`. Whoever has the data directory needs none.
    #[arg(long, env = "LASTCOPY_API_KEY", value_parser = read_secret, hide_env_values = true)]
    pub api_key: Option<Secret>,
    /// Where the shop keeps its databases.
    #[arg(long, env = "LASTCOPY_DATA_DIR", default_value = "lastcopy-data")]
    pub data_dir: PathBuf,
}

pub(crate) fn read_secret(text: &str) -> Result<Secret, String> {
    Ok(Secret::new(text))
}

/// A way into a shop: one that runs, or one that is started for the duration of a command.
pub struct Door {
    client: Client,
    api_key: Secret,
    own: Vec<Running>,
}

impl Door {
    /// Finds the shop. A data directory that another process holds without answering is refused.
    pub async fn open(args: &DoorArgs) -> Result<Door, CommandError> {
        if let Some(url) = &args.url {
            let api_key = args.api_key.clone().unwrap_or_else(|| Secret::new(""));
            let door = Door::to(url, api_key, Vec::new())?;
            door.is_answered().await?;
            return door.lets_in().await.map(|()| door);
        }
        if let Some(shop) = ShopAddress::find(&args.data_dir).await {
            return Door::at(&shop);
        }
        let places = Places::anywhere(args.data_dir.clone());
        let own = shop::start(&places).await?;
        let url = own.last().map(Running::url).unwrap_or_default();
        Door::to(&url, places.operator_key, own)
    }

    /// The operator's door of the shop at this address.
    pub(crate) fn at(shop: &ShopAddress) -> Result<Door, CommandError> {
        Door::to(&shop.gateway, shop.operator_key.clone(), Vec::new())
    }

    fn to(url: &str, api_key: Secret, own: Vec<Running>) -> Result<Door, CommandError> {
        let client = Client::new(url, OPTIONS).map_err(|error| CommandError::Usage(error.to_string()))?;
        Ok(Door { client, api_key, own })
    }

    /// Whether the key is one: without a good one every further call would be in vain.
    async fn lets_in(&self) -> Result<(), CommandError> {
        let shop = self.client.base();
        if self.api_key.expose().is_empty() {
            return Err(CommandError::Usage(format!("the shop at {shop} lets in with a key: --api-key KEY")));
        }
        match self.client.send(Method::GET, "/api/v1/topics?limit=1", &self.headers(), None).await {
            Ok(answer) if answer.status == 401 => {
                Err(CommandError::Shop(format!("the shop at {shop} does not know this API key")))
            }
            // What else there is to say is said about the work itself.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn headers(&self) -> [(&str, &str); 1] {
        [("x-api-key", self.api_key.expose())]
    }

    /// An address that nobody answers at all is more likely a mistake than a shop that is about to come back.
    async fn is_answered(&self) -> Result<(), CommandError> {
        match self.client.call::<(), serde_json::Value>(Method::GET, "/health/live", None, &[200]).await {
            Outcome::Done(_) => Ok(()),
            Outcome::Refused(problem) => Err(CommandError::Shop(problem.to_string())),
            Outcome::Unknown(reason) => {
                Err(CommandError::Shop(format!("no shop answers at {}: {reason}", self.client.base())))
            }
        }
    }

    /// Calls the shop until it answers, for a minute at most. Only for calls that may be repeated.
    pub async fn ask<B, T>(&self, method: Method, path: &str, body: Option<&B>) -> Result<T, CommandError>
    where
        B: Serialize + ?Sized,
        T: DeserializeOwned,
    {
        let mut pauses = tokio::time::interval(Duration::from_millis(PAUSE_MS));
        let mut last = String::from("it takes longer");
        let asking = async {
            loop {
                pauses.tick().await;
                match self.client.call_with(method.clone(), path, &self.headers(), body, &[200]).await {
                    Outcome::Done(answer) => return Ok(answer),
                    Outcome::Refused(problem) => return Err(CommandError::Shop(problem.to_string())),
                    Outcome::Unknown(reason) => last = reason.to_string(),
                }
            }
        };
        let answer = tokio::time::timeout(Duration::from_millis(PATIENCE_MS), asking).await;
        answer.unwrap_or_else(|_| {
            let shop = self.client.base();
            Err(CommandError::Shop(format!("no answer from {shop} within {PATIENCE_MS} ms: {last}")))
        })
    }

    /// Stops what was started for the duration.
    pub async fn close(self) {
        stop_all(self.own).await;
    }
}
