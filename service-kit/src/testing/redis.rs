//! Throw-away Redis servers from the installed binary, in the charge of a small shell as the Postgres servers are: however
//! the test process ends, the shell sees its input close, kills the server and removes its folder.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::process::CommandExt,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::Mutex,
    time::{Duration, Instant},
};

use super::server::free_port;

/// Another process may take the free port between asking for it and using it.
const START_ATTEMPTS: u32 = 5;
/// A busy machine starts a server within this time.
const START_DEADLINE: Duration = Duration::from_secs(20);

const KEEPER: &str = r#"
trap '' HUP INT TERM
cd "$DIR" || exit 1
start() {
  redis-server --port "$PORT" --bind 127.0.0.1 --save '' --appendonly no --dir "$DIR" --logfile "$DIR/log" \
    $TLS </dev/null >/dev/null 2>&1 &
  server=$!
}
start
echo done
while read -r order; do
  case $order in
    kill) kill -KILL $server; wait $server 2>/dev/null ;;
    start) start ;;
    pause) kill -STOP $server ;;
    resume) kill -CONT $server ;;
  esac
  echo done
done
kill -KILL $server 2>/dev/null; wait $server 2>/dev/null; cd /; rm -rf "$DIR"
"#;

/// A server of its own that keeps nothing on a disk, gone with this value. All of it blocks.
pub struct RedisServer {
    port: u16,
    tls_port: Option<u16>,
    /// Owns the pipe whose closing ends the server.
    _keeper: Child,
    orders: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
}

impl RedisServer {
    /// Starts a server at a port that is free.
    pub fn start() -> Self {
        Self::start_as(None)
    }

    /// Starts a server that takes encrypted connections as well, with a certificate and its key in PEM.
    pub fn start_with_tls(certificate: &str, key: &str) -> Self {
        Self::start_as(Some((certificate, key)))
    }

    fn start_as(tls: Option<(&str, &str)>) -> Self {
        let found = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
        assert!(found.is_ok_and(|status| status.success()), "needs redis-server: install the package `redis-server`");
        (0..START_ATTEMPTS).find_map(|_| Self::try_start(tls)).expect("a Redis server")
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Where it takes encrypted connections: the name of this machine, for which its certificate has to be.
    pub fn tls_url(&self) -> String {
        format!("rediss://localhost:{}/", self.tls_port.expect("a server with TLS"))
    }

    /// Everything in it is gone.
    pub fn flush(&self) {
        assert_eq!(self.say("FLUSHALL").as_deref(), Some("+OK"));
    }

    /// SIGKILL: it is gone, and all that it had.
    pub fn kill(&self) {
        self.order("kill");
    }

    /// Starts it again, empty, at the same address.
    pub fn start_again(&self) {
        self.order("start");
        assert!(self.answers(), "Redis does not start again");
    }

    /// SIGSTOP: it is there, takes connections, and says nothing.
    pub fn pause(&self) {
        self.order("pause");
    }

    /// It goes on where it was.
    pub fn resume(&self) {
        self.order("resume");
    }

    fn try_start(tls: Option<(&str, &str)>) -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("lastcopy-redis-").tempdir();
        // Removed by the keeper, which outlives this process.
        let folder = folder.expect("a temporary folder").keep();
        let (port, tls_port) = (free_port(), tls.map(|_| free_port()));
        let mut flags = String::new();
        if let (Some((certificate, key)), Some(tls_port)) = (tls, tls_port) {
            for (name, text) in [("tls.crt", certificate), ("tls.key", key)] {
                fs::write(folder.join(name), text).expect("a file in a folder of ours");
            }
            flags =
                format!("--tls-port {tls_port} --tls-cert-file tls.crt --tls-key-file tls.key --tls-auth-clients no");
        }
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER]).env("DIR", &folder).env("PORT", port.to_string()).env("TLS", flags);
        // A group of its own, so that an interrupt from the keyboard does not reach it.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        let mut keeper = command.spawn().expect("a shell");
        let orders = keeper.stdin.take().expect("BUG: its input is piped");
        let answers = BufReader::new(keeper.stdout.take().expect("BUG: its output is piped"));
        let server = Self { port, tls_port, _keeper: keeper, orders: Mutex::new((orders, answers)) };
        server.heard();
        server.answers().then_some(server)
    }

    #[expect(clippy::disallowed_methods, reason = "a blocking wait for a condition")]
    fn answers(&self) -> bool {
        let began = Instant::now();
        while began.elapsed() < START_DEADLINE {
            if self.say("PING").as_deref() == Some("+PONG") {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }

    /// One command, inline, and the first line of its answer.
    fn say(&self, command: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(START_DEADLINE)).ok()?;
        stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).ok()?;
        let mut said = String::new();
        stream.read_to_string(&mut said).ok()?;
        said.lines().next().map(str::to_owned)
    }

    fn order(&self, order: &str) {
        writeln!(self.orders.lock().expect("BUG: an order panicked").0, "{order}").expect("the keeper listens");
        self.heard();
    }

    fn heard(&self) {
        let mut line = String::new();
        self.orders.lock().expect("BUG: an order panicked").1.read_line(&mut line).expect("the keeper's answer");
        assert_eq!(line, "done\n");
    }
}
