//! Throw-away Postgres servers from the installed binaries: one per test process, started when first asked for, and
//! others for tests that stop them.
//!
//! Statics are never dropped, and a killed process drops nothing. So the server is the charge of a small
//! shell that waits for its standard input to close: the other end of that pipe is in the test process,
//! and the operating system closes it however the process ends. The shell then stops the server and
//! removes its folder.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock};

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
start() { "$BIN/pg_ctl" start -w -t 60 -D "$DIR/data" -l "$DIR/log" -o "$SETTINGS" </dev/null >/dev/null 2>&1 || fail; }
"$BIN/initdb" -D "$DIR/data" -U test -A trust -E UTF8 --locale=C --no-sync >>"$DIR/log" 2>&1 || fail
start
echo ready
while read -r order; do
  case $order in
    kill) "$BIN/pg_ctl" stop -D "$DIR/data" -m immediate >/dev/null 2>&1 || fail ;;
    start) start ;;
  esac
  echo done
done
finish 0
"#;

/// A server of its own, gone with this value. All of it blocks.
pub struct PostgresServer {
    port: u16,
    /// Owns the pipe whose closing ends the server.
    _keeper: Child,
    orders: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
}

/// Blocking: creates a database and answers its address.
pub(super) fn create_database(name: &str) -> DatabaseUrl {
    static SERVER: OnceLock<PostgresServer> = OnceLock::new();
    SERVER.get_or_init(|| PostgresServer::start("", &[])).create(name)
}

impl PostgresServer {
    /// Starts a server with more settings (`-c name=value …`), and with these files in the folder above its data.
    pub fn start(settings: &str, files: &[(&str, &str)]) -> Self {
        let binaries = binaries();
        let start = |_| Self::try_start(&binaries, settings, files);
        (0..START_ATTEMPTS).find_map(start).expect("a Postgres server (its log is above)")
    }

    /// A fresh database.
    pub fn create(&self, name: &str) -> DatabaseUrl {
        let mut client = postgres::Client::connect(&self.address("postgres"), NoTls).expect("the test server");
        client.batch_execute(&format!("create database {name}")).expect("a fresh database");
        self.address(name).parse().expect("an address")
    }

    /// The address of a database there, whether it exists or not.
    pub fn address(&self, database: &str) -> String {
        format!("postgres://test@127.0.0.1:{}/{database}", self.port)
    }

    /// All its processes end at once, and every connection with them. What was committed is recovered at the next start.
    pub fn kill(&self) {
        self.order("kill");
    }

    /// Starts it again, at the same address with the same data.
    pub fn start_again(&self) {
        self.order("start");
    }

    fn order(&self, order: &str) {
        let mut pipes = self.orders.lock().expect("BUG: an order panicked");
        writeln!(pipes.0, "{order}").expect("the keeper listens");
        let mut line = String::new();
        pipes.1.read_line(&mut line).expect("the keeper's answer");
        assert_eq!(line, "done\n", "{order}");
    }

    fn try_start(binaries: &Path, settings: &str, files: &[(&str, &str)]) -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("lastcopy-postgres-").tempdir();
        // Removed by the keeper, which outlives this process.
        let folder = folder.expect("a temporary folder").keep();
        let port = free_port();
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER]).env("BIN", binaries).env("DIR", &folder);
        command.env("SETTINGS", format!("{SETTINGS} -c port={port} {settings}"));
        // A group of its own, so that an interrupt from the keyboard does not reach it.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        for (name, text) in files {
            let file = folder.join(name);
            std::fs::write(&file, text).expect("a file for the server");
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("its permissions");
        }
        if std::fs::metadata(&folder).expect("the folder").uid() == 0 {
            let (uid, gid) = unprivileged();
            let names = std::iter::once(folder.clone()).chain(files.iter().map(|(name, _)| folder.join(name)));
            names.for_each(|name| chown(name, Some(uid), Some(gid)).expect("given to the server"));
            command.uid(uid).gid(gid);
        }
        let mut keeper = command.spawn().expect("a shell");
        let mut line = String::new();
        let orders = keeper.stdin.take().expect("BUG: its input is piped");
        let mut answers = BufReader::new(keeper.stdout.take().expect("BUG: its output is piped"));
        answers.read_line(&mut line).expect("the keeper's answer");
        (line == "ready\n").then_some(Self { port, _keeper: keeper, orders: Mutex::new((orders, answers)) })
    }
}

pub(super) fn free_port() -> u16 {
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
