use clap::{Args, Subcommand};
use gateway_service::identity::admin;
use service_kit::Clock;
use shared_types::identity::{CreateApiKeyRequest, Label};

use super::{PeopleArgs, refused};
use crate::CommandError;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// What can be done about API keys.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make an API key for an account. Prints its id and, this once, the key.
    Add(AddArgs),
}

#[derive(Debug, Args)]
pub struct AddArgs {
    /// Username or e-mail address of its owner: the key allows no more than he may do.
    #[arg(long)]
    owner: String,
    /// What it is for, for telling keys apart.
    #[arg(long)]
    name: Label,
    /// What it allows, such as items:read; separated by commas, or given again.
    #[arg(long, required = true, value_delimiter = ',')]
    scope: Vec<String>,
    /// It is refused after so many days. Default: until it is revoked.
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..=36_500))]
    expires_in_days: Option<i64>,
    #[command(flatten)]
    people: PeopleArgs,
}

impl KeyCommand {
    pub(super) async fn run(self) -> Result<Vec<String>, CommandError> {
        let KeyCommand::Add(AddArgs { owner, name, scope, expires_in_days, people }) = self;
        let expires_at = expires_in_days.map(|days| Clock::system().now().plus_ms(days * DAY_MS));
        let db = people.open().await?;
        let made = admin::add_key(&db, &owner, CreateApiKeyRequest { name, scopes: scope, expires_at }).await;
        db.close().await;
        let made = made.map_err(|problem| refused(&problem))?;
        Ok(vec![format!("api-key {} {}", made.api_key.name.as_str(), made.api_key.id), format!("key {}", made.key)])
    }
}
