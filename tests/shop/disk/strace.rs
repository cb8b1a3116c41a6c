//! What a process did to its files and said to others, in the order in which it did so, as strace saw it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
};

use service_kit::testing::eventually;

use super::image;

/// Everything that changes a file or leaves by a socket.
const CALLS: &str =
    "openat,unlink,rename,write,writev,sendto,sendmsg,pwrite64,pwritev,pwritev2,ftruncate,fallocate,fsync,fdatasync";
/// Bytes of one call that are written down: more than a page of a database, or one answer.
const LONGEST_BYTES: usize = 256 * 1024;

/// How a process is watched, and hindered.
#[derive(Debug, Clone)]
pub struct Strace {
    log: PathBuf,
    /// In strace's words, such as `fsync:error=EIO:when=3`. Each thread counts its calls for itself.
    hindrance: Option<String>,
    /// What is done to other files is neither hindered nor written down. None: everything is.
    files: Vec<PathBuf>,
}

/// One thing that a process did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Opened with leave to create it.
    Created(PathBuf),
    Removed(PathBuf),
    Wrote {
        path: PathBuf,
        offset: usize,
        bytes: Vec<u8>,
    },
    Truncated {
        path: PathBuf,
        length: usize,
    },
    /// Of a file, or of a folder: of the names in it.
    Synced(PathBuf),
    /// Was told that syncing failed.
    NotSynced(PathBuf),
    /// Began to leave by a socket.
    Said(Vec<u8>),
}

impl Strace {
    /// Writes down all deeds.
    pub fn to(log: PathBuf) -> Strace {
        Strace { log, hindrance: None, files: Vec::new() }
    }

    /// Lets calls fail, or wait.
    pub fn hindering(self, calls: &str) -> Strace {
        Strace { hindrance: Some(calls.to_owned()), ..self }
    }

    /// Sees what is done to this database, and nothing else.
    pub fn only(self, database: &Path) -> Strace {
        let mut files = image::files_of(database).to_vec();
        files.extend(database.parent().map(Path::to_path_buf));
        Strace { files, ..self }
    }

    /// Sees what is done to this file or folder, and nothing else.
    pub fn only_this(self, file: &Path) -> Strace {
        Strace { files: vec![file.to_path_buf()], ..self }
    }

    /// Runs what is appended to it. strace is a grandchild (`-D`), so that whoever kills the child kills the watched
    /// process itself.
    pub fn command(&self) -> Command {
        let mut command = Command::new("strace");
        command.args(["-D", "-f", "-yy", "-x", "-s", &LONGEST_BYTES.to_string()]);
        command.arg("-e").arg(format!("trace={CALLS}")).arg("-o").arg(&self.log);
        match &self.hindrance {
            // Stopped at nothing but these calls, it is several times as fast, but no signal is injected.
            None => command.arg("--seccomp-bpf"),
            Some(hindrance) => command.arg("-e").arg(format!("inject={hindrance}")),
        };
        for file in &self.files {
            command.arg("-P").arg(file);
        }
        command.arg("--");
        command
    }

    /// Whether the hindrance was met.
    pub fn has_hindered(&self) -> bool {
        std::fs::read_to_string(&self.log).is_ok_and(|log| log.contains("(INJECTED)"))
    }

    /// All deeds of the process, which is dead by now.
    pub async fn deeds(&self) -> Vec<Deed> {
        let read = || std::fs::read_to_string(&self.log).unwrap();
        eventually("the log is complete", async || is_complete(&read())).await;
        deeds(&read())
    }
}

/// Whether every thread in it has ended.
fn is_complete(log: &str) -> bool {
    let mut alive = BTreeSet::new();
    for (thread, what) in log.lines().filter_map(|line| line.split_once(' ')) {
        if what.trim_start().starts_with("+++ ") {
            alive.remove(thread)
        } else {
            alive.insert(thread)
        };
    }
    alive.is_empty() && !log.is_empty()
}

/// What is said counts from when it began, everything else from when it was done.
fn deeds(log: &str) -> Vec<Deed> {
    let mut begun: BTreeMap<&str, &str> = BTreeMap::new();
    let mut deeds = Vec::new();
    for line in log.lines() {
        let (thread, call) = line.split_once(' ').unwrap();
        let call = call.trim_start();
        if let Some(beginning) = call.strip_suffix(" <unfinished ...>") {
            deeds.extend(said(beginning));
            begun.insert(thread, beginning);
        } else if call.starts_with("<... ") {
            let (_, end) = call.split_once(" resumed>").unwrap();
            // A call that was under way when the log began.
            let Some(beginning) = begun.remove(thread) else { continue };
            deeds.extend(done(&format!("{beginning}{end}")));
        } else {
            deeds.extend(said(call).or_else(|| done(call)));
        }
    }
    deeds
}

fn said(call: &str) -> Option<Deed> {
    let (name, arguments) = call.split_once('(')?;
    let by_socket = matches!(name, "write" | "writev" | "sendto" | "sendmsg") && arguments.contains("<TCP");
    by_socket.then(|| Deed::Said(texts(arguments).concat()))
}

/// `None` for what failed, and for what changes no file.
fn done(call: &str) -> Option<Deed> {
    let (name, arguments) = call.split_once('(')?;
    let (arguments, result) = arguments.rsplit_once(" = ")?;
    let arguments = arguments.trim_end().strip_suffix(')')?;
    if result.starts_with('-') || result.starts_with('?') {
        let synced = matches!(name, "fsync" | "fdatasync") && result.starts_with('-');
        return synced.then(|| open_file(arguments).map(Deed::NotSynced))?;
    }
    let number = |text: &str| text.trim().parse::<usize>().unwrap();
    match name {
        "openat" => {
            let created = arguments.contains("O_CREAT").then(|| open_file(result))??;
            Some(Deed::Created(created))
        }
        "unlink" => Some(Deed::Removed(path_of(&texts(arguments)[0]))),
        "fsync" | "fdatasync" => Some(Deed::Synced(open_file(arguments)?)),
        "ftruncate" => {
            let length = number(arguments.rsplit_once(',')?.1);
            Some(Deed::Truncated { path: open_file(arguments)?, length })
        }
        "pwrite64" => {
            let path = open_file(arguments)?;
            let mut bytes = texts(arguments).concat();
            assert!(bytes.len() >= number(result), "more was written than the log says");
            bytes.truncate(number(result));
            Some(Deed::Wrote { path, offset: number(arguments.rsplit_once(',')?.1), bytes })
        }
        // SQLite uses none of these on a database, and the log would have to be read in another way if it did.
        "rename" | "pwritev" | "pwritev2" | "fallocate" => panic!("unknown deed: {call}"),
        "write" | "writev" if arguments.contains(".db") => panic!("unknown deed: {call}"),
        _ => None,
    }
}

/// The path in `17</the/path>…`.
fn open_file(text: &str) -> Option<PathBuf> {
    let (_, rest) = text.split_once('<')?;
    let (path, _) = rest.split_once('>')?;
    path.starts_with('/').then(|| PathBuf::from(path))
}

fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(std::str::from_utf8(bytes).unwrap())
}

/// All quoted texts, as the bytes that they stand for.
fn texts(arguments: &str) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut rest = arguments.bytes();
    while rest.by_ref().any(|byte| byte == b'"') {
        let mut bytes = Vec::new();
        while let Some(byte) = rest.next().filter(|byte| *byte != b'"') {
            bytes.push(if byte == b'\\' { unescaped(&mut rest) } else { byte });
        }
        found.push(bytes);
    }
    found
}

/// What follows a backslash, as strace writes it with `-x`.
fn unescaped(rest: &mut std::str::Bytes) -> u8 {
    let hex = |byte: u8| u8::try_from(char::from(byte).to_digit(16).unwrap()).unwrap();
    match rest.next().unwrap() {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        b'f' => 12,
        b'x' => hex(rest.next().unwrap()) * 16 + hex(rest.next().unwrap()),
        byte @ (b'"' | b'\\') => byte,
        byte => panic!("unknown escape: {}", char::from(byte)),
    }
}

#[test]
fn deeds_are_read_in_their_order_although_threads_interrupt_each_other() {
    let log = r#"7 openat(AT_FDCWD</>, "/d/a.db-wal", O_RDWR|O_CREAT, 0644) = 17</d/a.db-wal>
7 pwrite64(17</d/a.db-wal>, "\x00\x41", 2, 32 <unfinished ...>
8 sendto(9<TCP:[127.0.0.1:1->127.0.0.1:2]>, "HTTP\r\n\"", 7, MSG_NOSIGNAL, NULL, 0 <unfinished ...>
7 <... pwrite64 resumed>)                 = 2
7 fsync(17</d/a.db-wal> <unfinished ...>
8 <... sendto resumed>)             = 7
7 <... fsync resumed>)         = -1 EIO (Input/output error) (INJECTED)
7 fsync(17</d/a.db-wal>) = 0
7 unlink("/d/a.db-wal") = 0
7 +++ exited with 0 +++"#;
    let wal = || PathBuf::from("/d/a.db-wal");
    let wanted = [
        Deed::Created(wal()),
        Deed::Said(b"HTTP\r\n\"".to_vec()),
        Deed::Wrote { path: wal(), offset: 32, bytes: vec![0, 65] },
        Deed::NotSynced(wal()),
        Deed::Synced(wal()),
        Deed::Removed(wal()),
    ];
    assert_eq!(deeds(log), wanted);
}
