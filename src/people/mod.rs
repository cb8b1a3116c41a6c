//! Accounts and API keys, by whoever has the machine: how a shop gets its first administrator.
//!
//! Works on the gateway's database itself, whether or not the shop is running on it, so it needs no credential and there
//! is none that everybody knows. What it did is in the audit log as `command-line`.

/// `lastcopy key`.
mod key;
/// Where a new account's password comes from.
mod password;
/// `lastcopy user`.
mod user;

use std::{io::Write, path::PathBuf, process::ExitCode};

use gateway_service::identity::admin;
use service_kit::db::{DatabaseUrl, Db};
use shared_types::Problem;

use crate::{CommandError, databases::gateway_in_folder};

pub use key::KeyCommand;
pub use user::UserCommand;

/// Where the gateway keeps who is who.
#[derive(Debug, Clone, clap::Args)]
struct PeopleArgs {
    /// Where the shop keeps its databases.
    #[arg(long, env = "LASTCOPY_DATA_DIR", default_value = "lastcopy-data")]
    data_dir: PathBuf,
    /// The gateway's database, where it is not in the data directory: `sqlite:PATH` or `postgres://…`.
    #[arg(long, env = "LASTCOPY_GATEWAY_DB", hide_env_values = true)]
    database_url: Option<DatabaseUrl>,
}

impl PeopleArgs {
    /// A mistyped folder is no new shop.
    async fn open(&self) -> Result<Db, CommandError> {
        let url = match &self.database_url {
            Some(url) => url.clone(),
            None if self.data_dir.is_dir() => gateway_in_folder(&self.data_dir),
            None => {
                let place = self.data_dir.display();
                return Err(CommandError::Usage(format!(
                    "{place}: there is no shop here; `lastcopy migrate` makes one"
                )));
            }
        };
        admin::open(&url).await.map_err(|error| CommandError::Shop(format!("{url}: {error}")))
    }
}

/// `lastcopy user …`
pub async fn user(command: UserCommand) -> Result<ExitCode, CommandError> {
    command.run().await.and_then(say)
}

/// `lastcopy key …`
pub async fn key(command: KeyCommand) -> Result<ExitCode, CommandError> {
    command.run().await.and_then(say)
}

/// What the person at the terminal asked for, one thing a line. Secrets among it are shown this once.
fn say(lines: Vec<String>) -> Result<ExitCode, CommandError> {
    let text = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    std::io::stdout().write_all(text.as_bytes()).map_err(CommandError::Output)?;
    Ok(ExitCode::SUCCESS)
}

fn refused(problem: &Problem) -> CommandError {
    let fields = problem.errors.iter().map(|error| format!("\n  {} {}", error.field, error.detail));
    CommandError::Shop(format!("{}{}", problem.detail, fields.collect::<String>()))
}
