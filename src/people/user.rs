use clap::{Args, Subcommand};
use gateway_service::identity::admin;
use shared_types::identity::{CreateAccountRequest, Email, PersonName, Phone, Role, Username};

use super::{PeopleArgs, password::PasswordFrom, refused};
use crate::CommandError;

/// What can be done about accounts.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Open an account of any role. Prints its id, and its password where that was made up.
    Add(AddArgs),
    /// Print a token with which the owner of an account sets a new password, once, within half an hour.
    Reset(ResetArgs),
}

#[derive(Debug, Args)]
pub struct AddArgs {
    /// 3 to 64 letters, digits, dots, hyphens and underscores.
    username: Username,
    /// customer, employee or administrator.
    #[arg(long)]
    role: Role,
    #[arg(long)]
    email: Email,
    /// Default: the username.
    #[arg(long)]
    name: Option<PersonName>,
    /// Such as +254711223344.
    #[arg(long)]
    phone: Option<Phone>,
    #[arg(long, value_enum, default_value = "prompt")]
    password: PasswordFrom,
    #[command(flatten)]
    people: PeopleArgs,
}

#[derive(Debug, Args)]
pub struct ResetArgs {
    /// Username or e-mail address.
    username: String,
    #[command(flatten)]
    people: PeopleArgs,
}

impl UserCommand {
    pub(super) async fn run(self) -> Result<Vec<String>, CommandError> {
        match self {
            UserCommand::Add(args) => add(args).await,
            UserCommand::Reset(args) => {
                let db = args.people.open().await?;
                let token = admin::reset_token(&db, &args.username).await;
                db.close().await;
                token.map(|token| vec![format!("token {}", token.expose())]).map_err(|problem| refused(&problem))
            }
        }
    }
}

async fn add(args: AddArgs) -> Result<Vec<String>, CommandError> {
    let name = match args.name {
        Some(name) => name,
        None => args.username.as_str().parse().map_err(|rule| CommandError::Usage(format!("the name {rule}")))?,
    };
    // Before the database is opened: whoever thinks about a password keeps nobody from it.
    let (password, made_up) = args.password.get()?;
    let AddArgs { username, role, email, phone, people, .. } = args;
    let db = people.open().await?;
    let added = admin::add_user(&db, CreateAccountRequest { username, email, password, name, phone, role }).await;
    db.close().await;
    let account = added.map_err(|problem| refused(&problem))?;
    let mut lines = vec![format!("account {} {} {}", account.username, account.role.as_str(), account.id)];
    lines.extend(made_up.map(|password| format!("password {}", password.expose())));
    Ok(lines)
}
