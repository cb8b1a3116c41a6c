use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use service_kit::{Client, ClientOptions, Outcome};
use tempfile::TempDir;

/// The binary under test, deaf to this machine's own settings.
pub fn lastcopy(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lastcopy"));
    command.args(args).current_dir(folder).env_clear().stdin(Stdio::null());
    command
}

/// How a command that ends by itself ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// Runs a command to its end, in `folder`.
pub fn run(folder: &Path, args: &[&str]) -> Ended {
    ended(&mut lastcopy(folder, args))
}

pub fn ended(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// A place of a test's own: the current directory of its commands, the data directory within it.
pub struct Place {
    folder: TempDir,
}

impl Place {
    pub fn new() -> Place {
        Place { folder: tempfile::Builder::new().prefix("lastcopy-command-line-").tempdir().unwrap() }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Where commands keep the data unless they are told otherwise.
    pub fn data_dir(&self) -> PathBuf {
        self.path().join("lastcopy-data")
    }

    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }
}

/// Any free port for each service.
pub const ANY_PORTS: [&str; 8] = ["--port", "0", "--catalog-port", "0", "--order-port", "0", "--delivery-port", "0"];

/// A process that serves until it is told to stop. Dropping it kills it.
pub struct Shop {
    process: Child,
    /// What it said on standard output, up to the ready line.
    pub lines: Vec<String>,
    pub url: String,
    client: Client,
}

impl Shop {
    /// `lastcopy up` on free ports.
    pub fn up(place: &Place, more: &[&str]) -> Shop {
        let mut args = ANY_PORTS.to_vec();
        args.extend(more);
        Shop::start(place, &args)
    }

    pub fn start(place: &Place, args: &[&str]) -> Shop {
        Shop::spawn(place, lastcopy(place.path(), args))
    }

    /// A shop by a command that may have an environment of its own.
    pub fn spawn(place: &Place, mut command: Command) -> Shop {
        let log = place.path().join("log");
        let mut process = command.stdout(Stdio::piped()).stderr(File::create(&log).unwrap()).spawn().unwrap();
        let mut lines = Vec::new();
        let out = BufReader::new(process.stdout.take().unwrap());
        for line in out.lines() {
            let line = line.unwrap();
            lines.push(line.clone());
            if let Some(url) = line.strip_prefix("ready ") {
                let client = Client::new(url, ClientOptions { connect_ms: 2_000, call_ms: 20_000 }).unwrap();
                return Shop { process, lines, url: url.to_owned(), client };
            }
        }
        process.wait().unwrap();
        panic!("{command:?} was never ready: {lines:?}\n{}", fs::read_to_string(log).unwrap());
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(mut self) -> ExitStatus {
        let pid = Pid::from_child(&self.process);
        kill_process(pid, Signal::TERM).unwrap();
        self.process.wait().unwrap()
    }

    /// Kills it on the spot.
    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// The body of a success or of a 409; anything else is a panic.
    pub async fn get(&self, path: &str) -> Value {
        Shop::call(&self.client, Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        Shop::call(&self.client, Method::POST, path, Some(body)).await
    }

    /// Asks a service itself, past the gateway, by the address that the shop printed.
    pub async fn post_to(&self, service: &str, path: &str, body: Value) -> Value {
        let url = self.lines.iter().find_map(|line| line.strip_prefix(&format!("{service} "))).unwrap();
        let service = Client::new(url, ClientOptions::default()).unwrap();
        Shop::call(&service, Method::POST, path, Some(body)).await
    }

    async fn call(client: &Client, method: Method, path: &str, body: Option<Value>) -> Value {
        match client.call(method, path, body.as_ref(), &[200, 201, 409]).await {
            Outcome::Done(answer) => answer,
            Outcome::Refused(problem) => panic!("{path}: {problem}"),
            Outcome::Unknown(reason) => panic!("{path}: {reason}"),
        }
    }

    pub async fn on_hand(&self, book_id: i64) -> i64 {
        self.get(&format!("/api/v1/books/{book_id}")).await["on_hand"].as_i64().unwrap()
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        // Stopped already, or stopped now: either way it is gone.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
