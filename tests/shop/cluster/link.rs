//! The network between two parts, in the hands of the test.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::AbortHandle,
};

/// One direction of asking: the asker connects to this link, the link to whoever is asked. Its address is known before
/// either of them runs, and stays when they are started again.
pub struct Link {
    address: SocketAddr,
    wire: Arc<Wire>,
    accepting: AbortHandle,
}

struct Wire {
    /// Where the asked part listens; nobody while it is dead.
    target: Mutex<Option<SocketAddr>>,
    cut: watch::Sender<bool>,
    /// So many answers more are read to their first byte and thrown away, with their connection.
    replies_to_lose: AtomicU64,
    replies_lost: AtomicU64,
    replies_passed: AtomicU64,
    /// The next request stops on its way until this is false again.
    holds: watch::Sender<bool>,
    requests_held: AtomicU64,
    delay_ms: AtomicU64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Requests,
    Replies,
}

impl Link {
    pub async fn open() -> Link {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let wire = Arc::new(Wire {
            target: Mutex::default(),
            cut: watch::Sender::new(false),
            replies_to_lose: AtomicU64::new(0),
            replies_lost: AtomicU64::new(0),
            replies_passed: AtomicU64::new(0),
            holds: watch::Sender::new(false),
            requests_held: AtomicU64::new(0),
            delay_ms: AtomicU64::new(0),
        });
        let accepting = tokio::spawn(accept(listener, wire.clone())).abort_handle();
        Link { address, wire, accepting }
    }

    /// What the asker is told.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Whoever asks from now on reaches this address, or nobody.
    pub fn lead_to(&self, target: Option<SocketAddr>) {
        *self.wire.target.lock().unwrap() = target;
    }

    /// Nothing passes: connections break and new ones are closed at once.
    pub fn cut(&self) {
        self.wire.cut.send_replace(true);
    }

    /// The next answers are lost after their requests were carried out; then the link is well again.
    pub fn drop_replies(&self, count: u64) {
        self.wire.replies_to_lose.store(count, Ordering::SeqCst);
    }

    /// Answers lost since the link was opened.
    pub fn replies_lost(&self) -> u64 {
        self.wire.replies_lost.load(Ordering::SeqCst)
    }

    /// Pieces of answers that came through.
    pub fn replies_passed(&self) -> u64 {
        self.wire.replies_passed.load(Ordering::SeqCst)
    }

    /// The next request stops on its way, and others overtake it, until it is released.
    pub fn hold_next_request(&self) {
        self.wire.requests_held.store(0, Ordering::SeqCst);
        self.wire.holds.send_replace(true);
    }

    /// Whether a request is being held.
    pub fn holds_a_request(&self) -> bool {
        self.wire.requests_held.load(Ordering::SeqCst) > 0
    }

    /// What was held arrives now.
    pub fn release(&self) {
        self.wire.holds.send_replace(false);
    }

    /// Every piece of an answer comes so much later.
    pub fn slow_down(&self, delay_ms: u64) {
        self.wire.delay_ms.store(delay_ms, Ordering::SeqCst);
    }

    /// As it was at the beginning.
    pub fn heal(&self) {
        self.drop_replies(0);
        self.slow_down(0);
        self.release();
        self.wire.cut.send_replace(false);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, wire: Arc<Wire>) {
    while let Ok((asker, _)) = listener.accept().await {
        tokio::spawn(carry(asker, wire.clone()));
    }
}

/// Carries one connection until either side ends it or the link is cut.
async fn carry(asker: TcpStream, wire: Arc<Wire>) {
    let target = *wire.target.lock().unwrap();
    let mut cut = wire.cut.subscribe();
    let (Some(target), false) = (target, *cut.borrow()) else { return };
    let Ok(asked) = TcpStream::connect(target).await else { return };
    // Small pieces go out at once, as they would without a link in between.
    if asker.set_nodelay(true).is_err() || asked.set_nodelay(true).is_err() {
        return;
    }
    let (from_asker, to_asker) = asker.into_split();
    let (from_asked, to_asked) = asked.into_split();
    tokio::select! {
        () = pump(from_asker, to_asked, &wire, Direction::Requests) => {}
        () = pump(from_asked, to_asker, &wire, Direction::Replies) => {}
        _ = cut.wait_for(|cut| *cut) => {}
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, wire: &Wire, direction: Direction) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        match direction {
            Direction::Requests => wire.wait_for_release().await,
            Direction::Replies if wire.loses_this_reply() => return,
            Direction::Replies => wire.wait_for_delay().await,
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
        if direction == Direction::Replies {
            wire.replies_passed.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Wire {
    fn loses_this_reply(&self) -> bool {
        let one_less = |left: u64| left.checked_sub(1);
        let lost = self.replies_to_lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok();
        if lost {
            self.replies_lost.fetch_add(1, Ordering::SeqCst);
        }
        lost
    }

    /// Only the first request stops: those behind it find the way free.
    async fn wait_for_release(&self) {
        let mut holds = self.holds.subscribe();
        if *holds.borrow() && self.requests_held.fetch_add(1, Ordering::SeqCst) == 0 {
            // An error means that the link is gone, and the request with it.
            holds.wait_for(|holds| !holds).await.ok();
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the network is slow on purpose; nobody waits for this to be right")]
    async fn wait_for_delay(&self) {
        let delay_ms = self.delay_ms.load(Ordering::SeqCst);
        if delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        }
    }
}
