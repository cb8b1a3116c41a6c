//! One Postgres server per test process, from the installed binaries, started when first asked for.
//!
//! Statics are never dropped, and a killed process drops nothing. So the server is the charge of a small
//! shell that waits for its standard input to close: the other end of that pipe is in the test process,
//! and the operating system closes it however the process ends. The shell then stops the server and
//! removes its folder.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use postgres::NoTls;

use crate::db::DatabaseUrl;

/// Another process may take the free port between asking for it and using it.
const START_ATTEMPTS: u32 = 5;

/// Speed over safety: nothing here outlives the process. Many tests in parallel share the server.
const SETTINGS: &str = "-c fsync=off -c full_page_writes=off -c max_connections=400 \
    -c shared_buffers=32MB -c listen_addresses=127.0.0.1 -c unix_socket_directories=";

const KEEPER: &str = r#"
trap '' HUP INT TERM
finish() { "$BIN/pg_ctl" stop -D "$DIR/data" -m immediate >/dev/null 2>&1; cd /; rm -rf "$DIR"; exit "$1"; }
cd "$DIR" || exit 1
fail() { cat "$DIR/log" >&2; finish 1; }
"$BIN/initdb" -D "$DIR/data" -U test -A trust -E UTF8 --locale=C --no-sync >>"$DIR/log" 2>&1 || fail
"$BIN/pg_ctl" start -w -t 60 -D "$DIR/data" -l "$DIR/log" -o "$SETTINGS" </dev/null >/dev/null 2>&1 || fail
echo ready
cat >/dev/null
finish 0
"#;

struct Server {
    port: u16,
    /// Owns the pipe whose closing ends the server.
    _keeper: Child,
}

/// Blocking: creates a database and answers its address.
pub(super) fn create_database(name: &str) -> DatabaseUrl {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let port = SERVER.get_or_init(Server::start).port;
    let address = |database: &str| format!("postgres://test@127.0.0.1:{port}/{database}");
    let mut client = postgres::Client::connect(&address("postgres"), NoTls).expect("the test server");
    client.batch_execute(&format!("create database {name}")).expect("a fresh database");
    address(name).parse().expect("an address")
}

impl Server {
    fn start() -> Self {
        let binaries = binaries();
        let start = |_| Self::try_start(&binaries);
        (0..START_ATTEMPTS).find_map(start).expect("a Postgres server (its log is above)")
    }

    fn try_start(binaries: &Path) -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("lastcopy-postgres-").tempdir();
        // Removed by the keeper, which outlives this process.
        let folder = folder.expect("a temporary folder").keep();
        let port = free_port();
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER]).env("BIN", binaries).env("DIR", &folder);
        command.env("SETTINGS", format!("{SETTINGS} -c port={port}"));
        // A group of its own, so that an interrupt from the keyboard does not reach it.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        if std::fs::metadata(&folder).expect("the folder").uid() == 0 {
            let (uid, gid) = unprivileged();
            chown(&folder, Some(uid), Some(gid)).expect("the folder given away");
            command.uid(uid).gid(gid);
        }
        let mut keeper = command.spawn().expect("a shell");
        let mut line = String::new();
        let out = keeper.stdout.take().expect("BUG: its output is piped");
        BufReader::new(out).read_line(&mut line).expect("the keeper's answer");
        (line == "ready\n").then_some(Self { port, _keeper: keeper })
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("its number").port()
}

/// The folder of `initdb` and `pg_ctl`: on the path, or where Debian puts each version.
#[expect(clippy::disallowed_methods, reason = "the search path is no configuration of ours")]
fn binaries() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    folders.extend(versions.map(|version| version.path().join("bin")));
    let complete = |folder: &PathBuf| folder.join("initdb").exists() && folder.join("pg_ctl").exists();
    folders.into_iter().find(complete).expect(
        "LASTCOPY_TEST_DB=postgres needs initdb and pg_ctl on the PATH or in /usr/lib/postgresql/*/bin: \
         install the package `postgresql`",
    )
}

/// Postgres refuses to run as root.
fn unprivileged() -> (u32, u32) {
    let users = std::fs::read_to_string("/etc/passwd").expect("the users of this machine");
    let ids = |wanted: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(wanted))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    ids("postgres").or_else(|| ids("nobody")).expect("a user `postgres` or `nobody` to run Postgres as")
}
