use std::process::ExitCode;

use reqwest::Method;
use service_kit::{Client, ClientOptions, Outcome};

use crate::CommandError;

/// Whoever asks this asks again soon.
const OPTIONS: ClientOptions = ClientOptions { connect_ms: 1_000, call_ms: 4_000 };

/// Which service to ask.
#[derive(Debug, Clone, clap::Args)]
pub struct HealthArgs {
    /// Its base address.
    #[arg(default_value = "http://127.0.0.1:8080")]
    pub url: String,
}

/// `lastcopy health`. Exit code 0: the service is ready, and so is everybody that it needs; 1: it is not.
pub async fn run(args: HealthArgs) -> Result<ExitCode, CommandError> {
    let client = Client::new(&args.url, OPTIONS).map_err(|error| CommandError::Usage(error.to_string()))?;
    match client.call::<(), serde_json::Value>(Method::GET, "/health/ready", None, &[200]).await {
        Outcome::Done(_) => Ok(ExitCode::SUCCESS),
        Outcome::Refused(problem) => Err(CommandError::Shop(problem.to_string())),
        Outcome::Unknown(reason) => Err(CommandError::Shop(reason.to_string())),
    }
}
