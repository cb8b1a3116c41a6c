//! What a network can do to a message, one enumerable fault at a time.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::AsyncWriteExt,
    net::{TcpStream, tcp::OwnedWriteHalf},
    sync::watch,
};

/// A request arrives so late that whoever asked has given up: nobody waits longer for a service than 5 s.
const LATE: Duration = Duration::from_secs(6);
/// An answer takes longer than a purchase waits for a decision, and less than a call waits for its answer.
const SLOW: Duration = Duration::from_millis(2_500);
const BYTE_EVERY: Duration = Duration::from_secs(1);

/// Declares the faults and the list of all of them in one: none can be left out of the matrix.
macro_rules! faults {
    ($($(#[$why:meta])* $name:ident hits $side:ident,)+) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Fault {
            $($(#[$why])* $name,)+
        }

        impl Fault {
            pub const ALL: &[Fault] = &[$(Fault::$name),+];

            /// What it is that meets the fault.
            pub(super) fn side(self) -> Side {
                match self {
                    $(Fault::$name => Side::$side,)+
                }
            }
        }
    };
}

faults! {
    /// Connections break, and new ones are reset at once.
    Refuse hits Connection,
    /// A request disappears, and whoever asked hears nothing at all.
    DropRequest hits Request,
    /// What was asked for is done, and whoever asked hears nothing at all.
    DropReply hits Reply,
    /// A request arrives when whoever asked has given up waiting.
    LateRequest hits Request,
    SlowReply hits Reply,
    /// A request arrives twice; the second answer goes nowhere.
    Duplicate hits Request,
    ResetInRequest hits Request,
    ResetInReply hits Reply,
    /// A byte a second.
    TrickleRequest hits Request,
    TrickleReply hits Reply,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Connection,
    Request,
    Reply,
}

impl Fault {
    /// The asker is left without a word until he gives up by himself.
    pub fn is_silent(self) -> bool {
        match self {
            Fault::DropRequest
            | Fault::DropReply
            | Fault::LateRequest
            | Fault::TrickleRequest
            | Fault::TrickleReply => true,
            Fault::Refuse | Fault::SlowReply | Fault::Duplicate | Fault::ResetInRequest | Fault::ResetInReply => false,
        }
    }
}

/// What a link is to suffer yet.
struct Plan {
    fault: Fault,
    /// So many messages pass before the first that meets it.
    spared: u64,
    left: u64,
}

/// The trouble of one link.
pub(super) struct Trouble {
    plan: Mutex<Option<Plan>>,
    bites: AtomicU64,
    doubled: AtomicU64,
    /// Askers who are being left without a word.
    hanging: AtomicU64,
    /// Counts how often all was well again: what hangs until then sees it change.
    healed: watch::Sender<u64>,
}

impl Trouble {
    pub(super) fn none() -> Trouble {
        Trouble {
            plan: Mutex::default(),
            bites: AtomicU64::new(0),
            doubled: AtomicU64::new(0),
            hanging: AtomicU64::new(0),
            healed: watch::Sender::new(0),
        }
    }

    pub(super) fn begin(&self, fault: Fault, spared: u64, times: u64) {
        *self.plan.lock().unwrap() = Some(Plan { fault, spared, left: times });
    }

    pub(super) fn heal(&self) {
        *self.plan.lock().unwrap() = None;
        self.healed.send_modify(|times| *times += 1);
    }

    pub(super) fn bites(&self) -> u64 {
        self.bites.load(Ordering::SeqCst)
    }

    pub(super) fn hanging(&self) -> u64 {
        self.hanging.load(Ordering::SeqCst)
    }

    /// Messages that were carried twice.
    pub(super) fn doubled(&self) -> u64 {
        self.doubled.load(Ordering::SeqCst)
    }

    /// Whether trouble has been planned and is over.
    pub(super) fn is_spent(&self) -> bool {
        self.plan.lock().unwrap().as_ref().is_some_and(|plan| plan.left == 0)
    }

    /// The fault that this message meets, or this connection.
    pub(super) fn meets(&self, side: Side) -> Option<Fault> {
        let mut plan = self.plan.lock().unwrap();
        let plan = plan.as_mut().filter(|plan| plan.fault.side() == side && plan.left > 0)?;
        if plan.spared > 0 {
            plan.spared -= 1;
            return None;
        }
        plan.left -= 1;
        self.bites.fetch_add(1, Ordering::SeqCst);
        self.doubled.fetch_add(u64::from(plan.fault == Fault::Duplicate), Ordering::SeqCst);
        Some(plan.fault)
    }

    /// Nothing more happens here before the network is well.
    pub(super) async fn until_healed(&self) {
        let _hanging = Hanging::on(self);
        // An error means that the link is gone.
        self.healed.subscribe().changed().await.ok();
    }

    /// Byte by byte; all that is left at once when the network is well. `Err`: nobody reads it any more.
    pub(super) async fn trickle(&self, to: &mut OwnedWriteHalf, bytes: &[u8]) -> std::io::Result<()> {
        let _hanging = Hanging::on(self);
        let mut healed = self.healed.subscribe();
        for (sent, byte) in bytes.iter().enumerate() {
            to.write_all(&[*byte]).await?;
            tokio::select! {
                _ = healed.changed() => return to.write_all(&bytes[sent + 1..]).await,
                () = pass(BYTE_EVERY) => {}
            }
        }
        Ok(())
    }

    pub(super) async fn slow(&self) {
        let mut healed = self.healed.subscribe();
        tokio::select! {
            _ = healed.changed() => {}
            () = pass(SLOW) => {}
        }
    }
}

/// One who hears nothing, until he gives up or the network is well.
struct Hanging<'a>(&'a AtomicU64);

impl Hanging<'_> {
    fn on(trouble: &Trouble) -> Hanging<'_> {
        trouble.hanging.fetch_add(1, Ordering::SeqCst);
        Hanging(&trouble.hanging)
    }
}

impl Drop for Hanging<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Carries a request to where it was sent, by a way of its own; its answer goes nowhere. Late, if so: however well the
/// network is by then.
pub(super) async fn carry_aside(target: std::net::SocketAddr, request: Vec<u8>, is_late: bool) {
    if is_late {
        pass(LATE).await;
    }
    // Whoever was asked may be dead by now.
    let Ok(mut asked) = TcpStream::connect(target).await else { return };
    if asked.write_all(&request).await.is_ok() {
        // One answer, or the end of the connection.
        let mut answer = [0; 4_096];
        tokio::io::AsyncReadExt::read(&mut asked, &mut answer).await.ok();
    }
}

#[expect(clippy::disallowed_methods, reason = "the network is slow on purpose; nobody waits for this to be right")]
async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}
