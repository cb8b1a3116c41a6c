use std::{
    fs::{self, DirBuilder, File},
    io,
    path::{Path, PathBuf},
};

use crate::CommandError;

/// A folder that is there whole or not at all: filled under a name of its own, which it leaves with everything on disk.
/// Dropped before that, nothing of it remains.
pub(crate) struct WholeFolder {
    path: PathBuf,
    unfinished: PathBuf,
}

impl WholeFolder {
    /// What is there already is left alone, unless it is an empty folder.
    pub(crate) fn begin(path: &Path) -> Result<WholeFolder, CommandError> {
        let there = match fs::read_dir(path) {
            Ok(entries) => entries.count(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(CommandError::file(path)(error)),
        };
        if there > 0 {
            return Err(CommandError::Usage(format!("{}: this folder is not empty", path.display())));
        }
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".unfinished-{}", std::process::id()));
        let unfinished = path.with_file_name(name);
        create_for_owner(&unfinished).map_err(CommandError::file(&unfinished))?;
        Ok(WholeFolder { path: path.to_path_buf(), unfinished })
    }

    /// Where it is filled.
    pub(crate) fn unfinished(&self) -> &Path {
        &self.unfinished
    }

    /// Puts everything on disk, then gives it its name.
    pub(crate) fn finish(self) -> Result<(), CommandError> {
        for entry in fs::read_dir(&self.unfinished).map_err(CommandError::file(&self.unfinished))? {
            let path = entry.map_err(CommandError::file(&self.unfinished))?.path();
            synced(&path)?;
        }
        synced(&self.unfinished)?;
        fs::rename(&self.unfinished, &self.path).map_err(CommandError::file(&self.path))?;
        match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => synced(parent),
            Some(_) | None => synced(Path::new(".")),
        }
    }
}

impl Drop for WholeFolder {
    fn drop(&mut self) {
        match fs::remove_dir_all(&self.unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, folder = %self.unfinished.display(), "was not removed");
            }
            Err(_) | Ok(()) => {}
        }
    }
}

fn synced(path: &Path) -> Result<(), CommandError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(CommandError::file(path))
}

/// The keys of the shop are in its databases: nobody else looks into the folder.
fn create_for_owner(path: &Path) -> io::Result<()> {
    let mut folder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.create(path)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_there_whole_or_not_at_all() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("backup");
        let given_up = WholeFolder::begin(&path).unwrap();
        fs::write(given_up.unfinished().join("part"), "half").unwrap();
        drop(given_up);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);

        fs::create_dir(&path).unwrap();
        let folder = WholeFolder::begin(&path).unwrap();
        fs::write(folder.unfinished().join("part"), "whole").unwrap();
        folder.finish().unwrap();
        assert_eq!(fs::read_to_string(path.join("part")).unwrap(), "whole");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
        assert!(matches!(WholeFolder::begin(&path), Err(CommandError::Usage(_))), "what is there is left alone");
    }
}
