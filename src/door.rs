use std::{path::PathBuf, time::Duration};

use reqwest::Method;
use serde::{Serialize, de::DeserializeOwned};
use service_kit::{Client, ClientOptions, Outcome, http::Running, process::stop_all};

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
    /// Where the shop keeps its databases.
    #[arg(long, env = "LASTCOPY_DATA_DIR", default_value = "lastcopy-data")]
    pub data_dir: PathBuf,
}

/// A way into a shop: one that runs, or one that is started for the duration of a command.
pub struct Door {
    client: Client,
    own: Vec<Running>,
}

impl Door {
    /// Finds the shop. A data directory that another process holds without answering is refused.
    pub async fn open(args: &DoorArgs) -> Result<Door, CommandError> {
        if let Some(url) = &args.url {
            let door = Door::to(url, Vec::new())?;
            return door.is_answered().await.map(|()| door);
        }
        if let Some(shop) = ShopAddress::find(&args.data_dir).await {
            return Door::to(&shop.gateway, Vec::new());
        }
        let own = shop::start(&Places::anywhere(args.data_dir.clone())).await?;
        let url = own.last().map(Running::url).unwrap_or_default();
        Door::to(&url, own)
    }

    /// The door of the shop at this address.
    pub(crate) fn at(url: &str) -> Result<Door, CommandError> {
        Door::to(url, Vec::new())
    }

    fn to(url: &str, own: Vec<Running>) -> Result<Door, CommandError> {
        let client = Client::new(url, OPTIONS).map_err(|error| CommandError::Usage(error.to_string()))?;
        Ok(Door { client, own })
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
                match self.client.call(method.clone(), path, body, &[200]).await {
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
