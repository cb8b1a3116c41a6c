//! One process per file. SQLite would let a second one in; its writer would then wait for ours at every commit, and a
//! restarted service would race with the one that is still going.

use std::fs::{File, TryLockError};
use std::path::Path;

use super::beside;
use crate::db::error::OpenError;

/// Held for as long as it lives; the operating system lets go when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct FileLock {
    _held: File,
}

impl FileLock {
    pub(super) fn hold(database: &Path) -> Result<Self, OpenError> {
        let path = beside(database, ".lock");
        let unavailable = |error: std::io::Error| OpenError::Unavailable(format!("{}: {error}", path.display()));
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(unavailable)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _held: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: database.display().to_string() }),
            Err(TryLockError::Error(error)) => Err(unavailable(error)),
        }
    }
}
