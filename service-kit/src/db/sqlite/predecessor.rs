//! What a process that was killed, or whose sync failed, left in the log.
//!
//! Its last commits can be read, and may not be on the disk. Whoever speaks of them and then loses power has lied. After
//! a failed sync it is worse: Linux takes the pages for written, no later sync brings them back, and all commits that
//! follow stand behind a hole. So the log is written once more, byte for byte, and synced, before anybody reads it. A
//! checkpoint would not do: until the emptied log is on the disk as well, the frames before the hole would hide newer
//! pages of the database.

use std::{
    fs::File,
    io::{Error, ErrorKind},
    os::unix::fs::FileExt,
    path::Path,
};

use super::log_of;

/// Bytes that are written at once.
const PIECE_BYTES: usize = 64 * 1024;

/// Only for whoever holds the database's lock: nobody else may write meanwhile. Readers find the same bytes all along.
pub(super) fn put_log_on_disk(database: &Path) -> Result<(), Error> {
    let log = match File::options().read(true).write(true).open(log_of(database)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let mut piece = vec![0; PIECE_BYTES];
    let mut offset = 0;
    loop {
        let length = log.read_at(&mut piece, offset)?;
        if length == 0 {
            return log.sync_all();
        }
        log.write_all_at(&piece[..length], offset)?;
        offset += length as u64;
    }
}

/// The names of the database and of its log. SQLite syncs the folder after it has created a file, and takes no notice
/// should that fail: then a commit could be synced in a log that is not there after a power cut.
pub(super) fn put_names_on_disk(database: &Path) -> Result<(), Error> {
    let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
