use std::path::{Path, PathBuf};

use service_kit::http::StartError;

/// Why a command ended before its end. The text is for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error("{path}: {reason}")]
    File { path: PathBuf, reason: std::io::Error },
    #[error("standard output: {0}")]
    Output(std::io::Error),
    /// A flag or a file asks for something that there is not.
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Start(#[from] StartError),
    /// The shop said no, or nothing at all.
    #[error("{0}")]
    Shop(String),
}

impl CommandError {
    pub(crate) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> CommandError {
        let path = path.to_path_buf();
        move |reason| CommandError::File { path, reason }
    }
}
