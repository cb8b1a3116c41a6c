use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use service_kit::{process::default_workers, testing::TestDatabase};

/// Memory of one hash.
const HASH_KB: u64 = 19 * 1024;

/// The gateway in a process of its own, whose memory is nobody else's.
struct Gateway {
    process: Child,
    url: String,
    /// The made-up password of the demo's customer.
    password: String,
    _database: TestDatabase,
}

impl Gateway {
    async fn start() -> Gateway {
        let database = TestDatabase::create("crowd").await;
        let mut process = Command::new(env!("CARGO_BIN_EXE_gateway-service"))
            .args(["--listen=127.0.0.1:0", "--demo", "--log-filter=error"])
            .arg(format!("--database-url={}", database.url().expose()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut line =
            |beginning: &str| lines.find_map(|line| line.unwrap().strip_prefix(beginning).map(str::to_owned));
        let password = line("account customer ").expect("a demo that says its passwords");
        let url = line("ready ").expect("a gateway that starts");
        Gateway { process, url, password, _database: database }
    }

    /// The most memory that it ever had, in kB.
    fn peak_memory_kb(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.process.kill().and_then(|()| self.process.wait()).expect("a process of ours");
    }
}

#[actix_web::test]
async fn a_crowd_at_the_door_is_served_or_asked_to_come_again_in_a_bounded_amount_of_memory() {
    let gateway = Gateway::start().await;
    #[expect(clippy::disallowed_methods, reason = "a client with a deadline, that keeps headers as they are")]
    let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
    let sign_in = || async {
        let body = json!({"username": "customer", "password": gateway.password});
        let answer = http.post(format!("{}/api/v1/auth/token", gateway.url)).json(&body).send().await.unwrap();
        let (status, retry) = (answer.status().as_u16(), answer.headers().get("retry-after").is_some());
        (status, retry, answer.json::<Value>().await.unwrap()["code"].as_str().unwrap_or("").to_owned())
    };
    let turns = default_workers();
    // All turns are had at once, so the memory of their hashes is there before the crowd comes.
    let first = futures_util::future::join_all((0..4 * turns).map(|_| sign_in())).await;
    assert!(first.iter().all(|(status, ..)| *status == 200), "{first:?}");
    let before = gateway.peak_memory_kb();
    let mut statuses = BTreeMap::new();
    for (status, retry, code) in futures_util::future::join_all((0..1_000).map(|_| sign_in())).await {
        *statuses.entry(status).or_insert(0) += 1;
        assert_eq!((status == 503, code == "overloaded"), (retry, retry), "{status} {code}");
    }
    let count = |status: u16| statuses.get(&status).copied().unwrap_or(0);
    assert_eq!(count(200) + count(503), 1_000, "{statuses:?}");
    assert!(count(200) >= 10, "{statuses:?}");
    assert_eq!(sign_in().await.0, 200);
    // The crowd took what a thousand connections need (20 kB each in a debug build), and no memory for a thousand hashes.
    let (grown, turns) = (gateway.peak_memory_kb() - before, u64::try_from(turns).unwrap());
    eprintln!("{statuses:?}, {grown} kB more, {turns} hashes of {HASH_KB} kB at once");
    assert!(grown < turns * HASH_KB, "{grown} kB more than before the crowd, for {turns} hashes at once");
}
