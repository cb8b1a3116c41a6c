//! The network between two parts, in the hands of the test.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
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

use super::{
    fault::{Fault, Side, Trouble, carry_aside},
    message::{Requests, broken_off},
};

/// One direction of asking: the asker connects to this link, the link to whoever is asked. Its address is known before
/// either of them runs, and stays when they are started again.
pub struct Link {
    address: SocketAddr,
    wire: Arc<Wire>,
    accepting: AbortHandle,
}

struct Wire {
    /// Where the replicas of the asked part listen; nobody while it is dead. Each connection goes to the next of them.
    targets: Mutex<Vec<SocketAddr>>,
    next: AtomicUsize,
    cut: watch::Sender<bool>,
    /// So many answers more are read to their first byte and thrown away, with their connection.
    replies_to_lose: AtomicU64,
    replies_lost: AtomicU64,
    replies_passed: AtomicU64,
    /// The next request stops on its way until this is false again.
    holds: watch::Sender<bool>,
    requests_held: AtomicU64,
    delay_ms: AtomicU64,
    trouble: Trouble,
    /// Counts how often all connections were broken.
    broken: watch::Sender<u64>,
}

impl Link {
    pub async fn open() -> Link {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let wire = Arc::new(Wire {
            targets: Mutex::default(),
            next: AtomicUsize::new(0),
            cut: watch::Sender::new(false),
            replies_to_lose: AtomicU64::new(0),
            replies_lost: AtomicU64::new(0),
            replies_passed: AtomicU64::new(0),
            holds: watch::Sender::new(false),
            requests_held: AtomicU64::new(0),
            delay_ms: AtomicU64::new(0),
            trouble: Trouble::none(),
            broken: watch::Sender::new(0),
        });
        let accepting = tokio::spawn(accept(listener, wire.clone())).abort_handle();
        Link { address, wire, accepting }
    }

    /// What the asker is told.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Whoever asks from now on reaches one of these addresses, or nobody.
    pub fn lead_to(&self, targets: Vec<SocketAddr>) {
        *self.wire.targets.lock().unwrap() = targets;
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

    /// So many messages meet the fault (for [`Fault::Refuse`] connections), after so many that are spared.
    pub fn suffer(&self, fault: Fault, spared: u64, times: u64) {
        self.wire.trouble.begin(fault, spared, times);
        if fault == Fault::Refuse {
            self.wire.broken.send_modify(|times| *times += 1);
        }
    }

    /// Messages and connections that have met a fault since the link was opened.
    pub fn bites(&self) -> u64 {
        self.wire.trouble.bites()
    }

    /// Requests that arrived twice.
    pub fn doubled(&self) -> u64 {
        self.wire.trouble.doubled()
    }

    /// Whether all has happened that the link was to suffer.
    pub fn has_suffered(&self) -> bool {
        self.wire.trouble.is_spent()
    }

    /// Askers who hear nothing and have not given up yet.
    pub fn hanging(&self) -> u64 {
        self.wire.trouble.hanging()
    }

    /// The link suffers no fault any more, and what hangs in it breaks or goes on.
    pub fn recover(&self) {
        self.wire.trouble.heal();
    }

    /// As it was at the beginning, but for a fault that it suffers.
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
    let (mut cut, mut broken) = (wire.cut.subscribe(), wire.broken.subscribe());
    if *cut.borrow() || wire.targets.lock().unwrap().is_empty() {
        return;
    }
    if wire.trouble.meets(Side::Connection).is_some() {
        return reset(&asker);
    }
    let Some((asked, target)) = wire.connect().await else { return };
    // Small pieces go out at once, as they would without a link in between.
    if asker.set_nodelay(true).is_err() || asked.set_nodelay(true).is_err() {
        return;
    }
    let (from_asker, to_asker) = asker.into_split();
    let (from_asked, to_asked) = asked.into_split();
    tokio::select! {
        () = carry_requests(from_asker, to_asked, target, &wire) => {}
        () = carry_replies(from_asked, to_asker, &wire) => {}
        _ = cut.wait_for(|cut| *cut) => {}
        _ = broken.changed() => {}
    }
}

/// The other side learns at once that the connection is no more, and not that it is over.
fn reset(stream: &TcpStream) {
    stream.set_zero_linger().unwrap();
}

async fn carry_requests(from: OwnedReadHalf, mut to: OwnedWriteHalf, target: SocketAddr, wire: &Wire) {
    let mut requests = Requests::of(from);
    while let Some(request) = requests.next().await {
        wire.wait_for_release().await;
        let sent = match wire.trouble.meets(Side::Request) {
            None => to.write_all(&request).await,
            Some(fault) => tokio::select! {
                sent = suffer_request(fault, &request, &mut to, target, wire) => sent,
                // Whoever asked asks for nothing more before he is answered: he has given up.
                _ = requests.next() => return,
            },
        };
        if sent.is_err() {
            return;
        }
    }
}

/// `Err`: that was the connection's last.
async fn suffer_request(
    fault: Fault,
    request: &[u8],
    to: &mut OwnedWriteHalf,
    target: SocketAddr,
    wire: &Wire,
) -> std::io::Result<()> {
    let is_late = fault == Fault::LateRequest;
    if is_late || fault == Fault::Duplicate {
        tokio::spawn(carry_aside(target, request.to_vec(), is_late));
    }
    match fault {
        Fault::TrickleRequest => wire.trouble.trickle(to, request).await,
        Fault::ResetInRequest => {
            to.write_all(broken_off(request)).await?;
            reset(to.as_ref());
            Err(std::io::ErrorKind::ConnectionReset.into())
        }
        Fault::Duplicate => to.write_all(request).await,
        Fault::DropRequest | Fault::LateRequest => hang(wire).await,
        Fault::Refuse | Fault::DropReply | Fault::SlowReply | Fault::ResetInReply | Fault::TrickleReply => {
            panic!("{fault:?} does not meet requests")
        }
    }
}

/// Nothing passes here until the network is well, and then the connection breaks.
async fn hang(wire: &Wire) -> std::io::Result<()> {
    wire.trouble.until_healed().await;
    Err(std::io::ErrorKind::ConnectionReset.into())
}

async fn carry_replies(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, wire: &Wire) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if wire.loses_this_reply() {
            return;
        }
        wire.wait_for_delay().await;
        let sent = match wire.trouble.meets(Side::Reply) {
            None => to.write_all(&buffer[..length]).await,
            Some(fault) => suffer_reply(fault, &buffer[..length], &mut to, wire).await,
        };
        if sent.is_err() {
            return;
        }
        wire.replies_passed.fetch_add(1, Ordering::SeqCst);
    }
}

/// `Err`: that was the connection's last.
async fn suffer_reply(fault: Fault, reply: &[u8], to: &mut OwnedWriteHalf, wire: &Wire) -> std::io::Result<()> {
    match fault {
        Fault::SlowReply => {
            wire.trouble.slow().await;
            to.write_all(reply).await
        }
        Fault::TrickleReply => wire.trouble.trickle(to, reply).await,
        Fault::ResetInReply => {
            to.write_all(broken_off(reply)).await?;
            reset(to.as_ref());
            Err(std::io::ErrorKind::ConnectionReset.into())
        }
        Fault::DropReply => hang(wire).await,
        Fault::Refuse
        | Fault::DropRequest
        | Fault::LateRequest
        | Fault::Duplicate
        | Fault::ResetInRequest
        | Fault::TrickleRequest => panic!("{fault:?} does not meet replies"),
    }
}

impl Wire {
    /// A connection to the next replica in turn, or to one after it where that one refuses.
    async fn connect(&self) -> Option<(TcpStream, SocketAddr)> {
        let mut targets = self.targets.lock().unwrap().clone();
        let turn = self.next.fetch_add(1, Ordering::SeqCst).checked_rem(targets.len())?;
        targets.rotate_left(turn);
        for target in targets {
            if let Ok(asked) = TcpStream::connect(target).await {
                return Some((asked, target));
            }
        }
        None
    }

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
