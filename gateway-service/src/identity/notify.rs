//! Messages to the owners of accounts.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use shared_types::{
    AccountId, Secret,
    identity::{Email, PersonName},
};

/// A message with a reset token in it.
#[derive(Debug, Clone)]
pub struct ResetNotice {
    pub account: AccountId,
    pub email: Email,
    pub name: PersonName,
    pub token: Secret,
}

/// The made-up password of an account that a demo opened.
#[derive(Debug, Clone)]
pub struct FirstPassword {
    pub username: &'static str,
    pub password: Secret,
}

/// Sends messages. It is called beside the request that caused them, so a slow one keeps nobody waiting.
pub trait Notifier: Send + Sync + 'static {
    /// Why it was not sent, for the log; without the message.
    fn password_reset(&self, notice: &ResetNotice) -> Result<(), String>;

    /// Tells whoever started the process, this once: on standard output, one account a line. Never in the log.
    fn first_passwords(&self, made: &[FirstPassword]) {
        let lines = made.iter().map(|one| format!("account {} {}\n", one.username, one.password.expose()));
        if let Err(error) = std::io::stdout().write_all(lines.collect::<String>().as_bytes()) {
            tracing::error!(%error, "the demo's passwords were shown to nobody; `lastcopy user reset` makes new ones");
        }
    }
}

/// Sends nothing and says so. The token is not in the log: whoever reads logs would own every account.
pub struct LogOnly;

impl Notifier for LogOnly {
    fn password_reset(&self, notice: &ResetNotice) -> Result<(), String> {
        tracing::warn!(account = %notice.account, "a password reset was asked for, and no way to send messages is set up");
        Ok(())
    }
}

/// Writes each message into a file that only this user can read: for trying things out, and for whoever forwards them.
pub struct MailFolder(PathBuf);

impl MailFolder {
    /// Makes the folder where it is not there.
    pub fn open(folder: &Path) -> std::io::Result<MailFolder> {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        Ok(MailFolder(folder.to_owned()))
    }
}

impl Notifier for MailFolder {
    fn password_reset(&self, notice: &ResetNotice) -> Result<(), String> {
        use std::os::unix::fs::OpenOptionsExt;
        let path = self.0.join(format!("{}.eml", uuid::Uuid::now_v7()));
        let text = format!(
            "To: {}\r\nSubject: Your new password\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
             Hello {},\r\n\r\nsomebody, probably you, wants to set a new password for your account. Within half an hour \
             this token allows it, once:\r\n\r\n{}\r\n\r\nIf it was not you, there is nothing to do.\r\n",
            notice.email,
            notice.name,
            notice.token.expose()
        );
        let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| error.to_string())
    }
}
