use std::io::{IsTerminal, Read};

use gateway_service::identity::opaque::fresh_password;
use shared_types::{Secret, identity::NewPassword};

use crate::CommandError;

/// A longer line is no password.
const MAX_LINE_BYTES: u64 = 1_024;

/// Where the password of a new account comes from. It is never an argument: those are seen by everybody on the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum PasswordFrom {
    /// Asked for twice at the terminal, without showing it.
    Prompt,
    /// The first line of standard input.
    Stdin,
    /// Made up, and printed once.
    Generate,
}

impl PasswordFrom {
    /// The password, and whether nobody has seen it yet.
    pub fn get(self) -> Result<(NewPassword, Option<Secret>), CommandError> {
        match self {
            PasswordFrom::Prompt => Ok((judged(&ask()?)?, None)),
            PasswordFrom::Stdin => Ok((judged(&first_line()?)?, None)),
            PasswordFrom::Generate => {
                let made_up = fresh_password();
                Ok((judged(&made_up)?, Some(made_up)))
            }
        }
    }
}

fn judged(password: &Secret) -> Result<NewPassword, CommandError> {
    password.expose().parse().map_err(|rule| CommandError::Usage(format!("the password {rule}")))
}

fn ask() -> Result<Secret, CommandError> {
    if !std::io::stdin().is_terminal() {
        let why = "there is no terminal to ask at: use `--password stdin` or `--password generate`";
        return Err(CommandError::Usage(why.to_owned()));
    }
    let ask = |prompt: &str| {
        let answer = rpassword::prompt_password(prompt);
        answer.map(Secret::new).map_err(|error| CommandError::Usage(format!("the terminal: {error}")))
    };
    let (once, again) = (ask("Password: ")?, ask("The same again: ")?);
    if once == again { Ok(once) } else { Err(CommandError::Usage("the two are not the same".to_owned())) }
}

fn first_line() -> Result<Secret, CommandError> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(MAX_LINE_BYTES).read_to_string(&mut text);
    read.map_err(|error| CommandError::Usage(format!("standard input: {error}")))?;
    Ok(Secret::new(text.lines().next().unwrap_or("")))
}
