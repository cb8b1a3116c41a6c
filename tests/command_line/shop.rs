use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use service_kit::{
    Client, ClientOptions, Clock, Outcome,
    auth::{Caller, Service, Who},
    db::DatabaseUrl,
    testing::{Callers, ReplicaIssuer},
};
use sha2::Sha256;
use shared_types::AccountId;
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
pub const ANY_PORTS: [&str; 10] =
    ["--port", "0", "--catalog-port", "0", "--order-port", "0", "--delivery-port", "0", "--payments-port", "0"];

/// A process that serves until it is told to stop. Dropping it kills it.
pub struct Shop {
    process: Child,
    /// What it said on standard output, up to the ready line.
    pub lines: Vec<String>,
    pub url: String,
    /// Who calls: the operator, by his key from the data directory.
    pub credential: (&'static str, String),
    data_dir: PathBuf,
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
                let credential = ("x-api-key", operator_key(place));
                let (url, data_dir) = (url.to_owned(), place.data_dir());
                return Shop { process, lines, url, credential, data_dir, client };
            }
        }
        process.wait().unwrap();
        panic!("{command:?} was never ready: {lines:?}\n{}", fs::read_to_string(log).unwrap());
    }

    /// A service alone, called by an employee through a gateway of which there are only the keys.
    pub fn called_by_employee(mut self, service: Service) -> Shop {
        let employee = Caller::first_hand(Who::Employee(AccountId::from_uuid(uuid::Uuid::nil())));
        self.credential = ("authorization", Callers::of_this_process().bearer(&employee, service));
        self
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

    /// The body of a success, of a 402 or of a 409; anything else is a panic.
    pub async fn get(&self, path: &str) -> Value {
        call(&self.client, Method::GET, path, &self.credential, None).await
    }

    /// What is there, as it is.
    pub async fn text(&self, path: &str) -> String {
        let answer = self.client.send(Method::GET, path, &[], None).await.unwrap();
        assert_eq!(answer.status.as_u16(), 200, "{path}");
        String::from_utf8(answer.body.to_vec()).unwrap()
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        call(&self.client, Method::POST, path, &self.credential, Some(body)).await
    }

    /// Says under this secret that what an order costs has arrived.
    pub async fn report_money(&self, secret: &str, order_id: &str) {
        let now_s = Clock::system().now().micros() / 1_000_000;
        let event =
            json!({"id": order_id, "type": "payment.succeeded", "created": now_s, "data": {"order_id": order_id}});
        let mut code = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        code.update(format!("{now_s}.{event}").as_bytes());
        let digest: String = code.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let signature = ("x-signature", format!("t={now_s},v1={digest}"));
        let answer = call(&self.client, Method::POST, "/webhooks/payment", &signature, Some(event)).await;
        assert_eq!(answer["status"], "processed");
    }

    /// Asks the delivery service as the order service does, by the address that the shop printed.
    pub async fn post_as_order_service(&self, path: &str, body: Value) -> Value {
        let url = self.lines.iter().find_map(|line| line.strip_prefix("delivery ")).unwrap();
        let delivery = Client::new(url, ClientOptions::default()).unwrap();
        let database = DatabaseUrl::sqlite(self.data_dir.join("orders.db"));
        let issuer = ReplicaIssuer::of(Service::Order, &database).await;
        let bearer = issuer.bearer(&Caller::first_hand(Who::Service(Service::Order)), Service::Delivery);
        call(&delivery, Method::POST, path, &("authorization", bearer), Some(body)).await
    }

    pub async fn on_hand(&self, book_id: i64) -> i64 {
        self.get(&format!("/api/v1/books/{book_id}")).await["on_hand"].as_i64().unwrap()
    }
}

async fn call(
    client: &Client,
    method: Method,
    path: &str,
    credential: &(&'static str, String),
    body: Option<Value>,
) -> Value {
    let headers = [(credential.0, credential.1.as_str())];
    match client.call_with(method, path, &headers, body.as_ref(), &[200, 201, 202, 402, 409]).await {
        Outcome::Done(answer) => answer,
        Outcome::Refused(problem) => panic!("{path}: {problem}"),
        Outcome::Unknown(reason) => panic!("{path}: {reason}"),
    }
}

fn operator_key(place: &Place) -> String {
    let address = fs::read(place.data_dir().join("shop.json")).unwrap_or_default();
    let address: Value = serde_json::from_slice(&address).unwrap_or_default();
    address["operator_key"].as_str().unwrap_or_default().to_owned()
}

impl Drop for Shop {
    fn drop(&mut self) {
        // Stopped already, or stopped now: either way it is gone.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
