//! A disk as the power cut leaves it.
//!
//! What was synced is there. What was not may be there or not, whole or in parts, in any order: the kernel and the disk
//! write back what they like. A name is there for certain once its folder was synced.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};

use super::strace::Deed;

/// What a disk writes whole or not at all.
const SECTOR_BYTES: usize = 512;

/// How much of what was not synced is on the disk after the cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsynced {
    /// Nothing.
    Lost,
    /// A part that this seed chooses, sector by sector.
    Torn(u64),
    /// All of it.
    Kept,
}

/// The files of one database.
#[derive(Debug, Default)]
pub struct Disk {
    database: PathBuf,
    files: Vec<File>,
    /// As the process sees them. The number is that of the file, whose content outlives its name.
    names: BTreeMap<PathBuf, usize>,
    synced_names: BTreeMap<PathBuf, usize>,
    /// Since the folder was synced: this name means this file, or none.
    renamed: Vec<(PathBuf, Option<usize>)>,
}

#[derive(Debug, Default)]
struct File {
    synced: Vec<u8>,
    /// Since then, in their order.
    changes: Vec<Change>,
}

#[derive(Debug)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Truncate(usize),
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Change::Truncate(length) => content.resize(*length, 0),
            Change::Write { offset, bytes } => write(content, *offset, bytes),
        }
    }

    /// A truncation happens or does not; of a write, any of its sectors.
    fn apply_torn(&self, content: &mut Vec<u8>, chance: &mut impl Rng) {
        match self {
            Change::Truncate(_) if chance.random() => self.apply(content),
            Change::Truncate(_) => {}
            Change::Write { offset, bytes } => {
                let whole: bool = chance.random();
                for (number, sector) in bytes.chunks(SECTOR_BYTES).enumerate() {
                    if whole || chance.random() {
                        write(content, offset + number * SECTOR_BYTES, sector);
                    }
                }
            }
        }
    }
}

fn write(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(bytes);
}

/// The files of a database. The index of its log (`-shm`) is no part of it: whoever opens it after a crash makes it anew.
pub fn files_of(database: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-journal"].map(|suffix| with_suffix(database, suffix))
}

fn with_suffix(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

impl Disk {
    /// The database's files as they are now, as if they had all been synced.
    pub fn holding(database: &Path) -> Disk {
        let mut disk = Disk { database: database.to_path_buf(), ..Disk::default() };
        for path in files_of(database) {
            if let Ok(synced) = std::fs::read(&path) {
                disk.names.insert(path, disk.files.len());
                disk.files.push(File { synced, changes: Vec::new() });
            }
        }
        disk.synced_names = disk.names.clone();
        disk
    }

    fn is_ours(&self, path: &Path) -> bool {
        files_of(&self.database).iter().any(|ours| ours == path)
    }

    /// Goes the way of the real disk.
    pub fn follow(&mut self, deed: &Deed) {
        match deed {
            Deed::Created(path) if self.is_ours(path) && !self.names.contains_key(path) => {
                self.files.push(File::default());
                self.rename(path, Some(self.files.len() - 1));
            }
            Deed::Removed(path) if self.is_ours(path) => self.rename(path, None),
            Deed::Wrote { path, offset, bytes } => self.change(path, || {
                let bytes = bytes.clone();
                Change::Write { offset: *offset, bytes }
            }),
            Deed::Truncated { path, length } => self.change(path, || Change::Truncate(*length)),
            Deed::Synced(path) if self.database.parent() == Some(path) => {
                self.renamed.clear();
                self.synced_names = self.names.clone();
            }
            Deed::Synced(path) => {
                if let Some(number) = self.names.get(path) {
                    let File { synced, changes } = &mut self.files[*number];
                    changes.drain(..).for_each(|change| change.apply(synced));
                }
            }
            // As Linux has it: what was written can still be read, and nobody will try again to put it on the disk.
            Deed::NotSynced(path) => {
                if let Some(number) = self.names.get(path) {
                    self.files[*number].changes.clear();
                }
            }
            Deed::Created(_) | Deed::Removed(_) | Deed::Said(_) => {}
        }
    }

    fn rename(&mut self, path: &Path, file: Option<usize>) {
        match file {
            Some(number) => drop(self.names.insert(path.to_path_buf(), number)),
            None => drop(self.names.remove(path)),
        }
        self.renamed.push((path.to_path_buf(), file));
    }

    fn change(&mut self, path: &Path, change: impl FnOnce() -> Change) {
        if let Some(number) = self.names.get(path) {
            self.files[*number].changes.push(change());
        }
    }

    /// Whether a cut might cost something now.
    pub fn has_unsynced(&self) -> bool {
        !self.renamed.is_empty() || self.files.iter().any(|file| !file.changes.is_empty())
    }

    /// The content of the files after a cut at this moment.
    pub fn after_cut(&self, unsynced: Unsynced) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut chance = StdRng::seed_from_u64(if let Unsynced::Torn(seed) = unsynced { seed } else { 0 });
        let mut names = self.synced_names.clone();
        for (path, file) in &self.renamed {
            let happened = match unsynced {
                Unsynced::Lost => false,
                Unsynced::Kept => true,
                Unsynced::Torn(_) => chance.random(),
            };
            match file.filter(|_| happened) {
                Some(number) => drop(names.insert(path.clone(), number)),
                None if happened => drop(names.remove(path)),
                None => {}
            }
        }
        let content = |(path, number): (PathBuf, usize)| (path, self.files[number].after_cut(unsynced, &mut chance));
        names.into_iter().map(content).collect()
    }

    /// Puts the files as a cut leaves them into the place of a database's own.
    pub fn leave(&self, unsynced: Unsynced, database: &Path) {
        let after = self.after_cut(unsynced);
        for (ours, theirs) in files_of(&self.database).iter().zip(files_of(database)) {
            match after.get(ours) {
                Some(content) => std::fs::write(theirs, content).unwrap(),
                None => remove(&theirs),
            }
        }
        remove(&with_suffix(database, "-shm"));
    }
}

fn remove(file: &Path) {
    let removed = std::fs::remove_file(file);
    assert!(removed.is_ok() || !file.exists(), "{removed:?}");
}

impl File {
    fn after_cut(&self, unsynced: Unsynced, chance: &mut impl Rng) -> Vec<u8> {
        let mut content = self.synced.clone();
        for change in &self.changes {
            match unsynced {
                Unsynced::Lost => {}
                Unsynced::Torn(_) => change.apply_torn(&mut content, chance),
                Unsynced::Kept => change.apply(&mut content),
            }
        }
        content
    }
}

#[test]
fn a_cut_costs_what_was_not_synced_and_nothing_else() {
    let (database, wal) = (PathBuf::from("/nowhere/a.db"), PathBuf::from("/nowhere/a.db-wal"));
    let mut disk = Disk::holding(&database);
    let write = |offset, byte| Deed::Wrote { path: wal.clone(), offset, bytes: vec![byte; 2] };
    for deed in [Deed::Created(wal.clone()), write(0, 1), Deed::Synced(wal.clone())] {
        disk.follow(&deed);
    }
    assert!(disk.after_cut(Unsynced::Lost).is_empty(), "its name was not synced");
    disk.follow(&Deed::Synced(PathBuf::from("/nowhere")));
    disk.follow(&write(4, 2));
    assert_eq!(disk.after_cut(Unsynced::Lost)[&wal], [1, 1]);
    assert_eq!(disk.after_cut(Unsynced::Kept)[&wal], [1, 1, 0, 0, 2, 2]);
    disk.follow(&Deed::Removed(wal.clone()));
    assert_eq!(disk.after_cut(Unsynced::Lost)[&wal], [1, 1], "a name that was removed may come back");
    assert!(disk.has_unsynced());
}
