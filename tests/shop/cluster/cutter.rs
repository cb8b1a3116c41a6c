//! Lines to PostgreSQL that break where it hurts most: at a COMMIT, before it is heard, or after it was carried out and
//! before anybody is told.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use service_kit::db::DatabaseUrl;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};

/// As it goes over the wire: the zero ends the text, which tells it from `READ COMMITTED`.
const COMMIT: &[u8] = b"COMMIT\0";
/// Of so many commits one is cut.
const CUT_EVERY: u64 = 25;

/// Passes everything on to a server, and cuts some commits while it is told to.
pub struct Cutter {
    address: SocketAddr,
    knife: Arc<Knife>,
    accepting: AbortHandle,
}

#[derive(Default)]
struct Knife {
    is_out: AtomicBool,
    commits: AtomicU64,
    unheard: AtomicU64,
    unanswered: AtomicU64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    None,
    /// The server never hears of it.
    Before,
    /// The server has done it.
    After,
}

impl Cutter {
    /// Lines to the server of this database.
    pub async fn before(server: &DatabaseUrl) -> Cutter {
        let url = server.expose();
        let server = url.split(['@', '/']).find(|part| part.starts_with("127.0.0.1:")).unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, knife) = (listener.local_addr().unwrap(), Arc::<Knife>::default());
        let used = knife.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((service, _)) = listener.accept().await {
                if let Ok(server) = TcpStream::connect(&server).await {
                    tokio::spawn(carry(service, server, used.clone()));
                }
            }
        });
        Cutter { address, knife, accepting: accepting.abort_handle() }
    }

    /// The address of this database by way of these lines.
    pub fn way_to(&self, database: &DatabaseUrl) -> DatabaseUrl {
        let url = database.expose();
        let server = url.split(['@', '/']).find(|part| part.starts_with("127.0.0.1:")).unwrap();
        url.replace(server, &self.address.to_string()).parse().unwrap()
    }

    /// From now on every so manyeth commit is cut, or none.
    pub fn cut(&self, is_out: bool) {
        self.knife.is_out.store(is_out, Ordering::SeqCst);
    }

    /// Commits that the server never heard of, and those that nobody was told of.
    pub fn cuts(&self) -> (u64, u64) {
        (self.knife.unheard.load(Ordering::SeqCst), self.knife.unanswered.load(Ordering::SeqCst))
    }
}

impl Drop for Cutter {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Knife {
    fn at(&self, said: &[u8]) -> Cut {
        if !said.windows(COMMIT.len()).any(|part| part == COMMIT) || !self.is_out.load(Ordering::SeqCst) {
            return Cut::None;
        }
        let nth = self.commits.fetch_add(1, Ordering::SeqCst);
        if !nth.is_multiple_of(CUT_EVERY) {
            return Cut::None;
        }
        if (nth / CUT_EVERY).is_multiple_of(2) { Cut::Before } else { Cut::After }
    }
}

async fn carry(mut service: TcpStream, mut server: TcpStream, knife: Arc<Knife>) {
    let (mut said, mut answered) = ([0_u8; 16 * 1024], [0_u8; 16 * 1024]);
    if service.set_nodelay(true).is_err() || server.set_nodelay(true).is_err() {
        return;
    }
    loop {
        tokio::select! {
            read = service.read(&mut said) => {
                let Ok(length @ 1..) = read else { return };
                let cut = knife.at(&said[..length]);
                if cut == Cut::Before {
                    knife.unheard.fetch_add(1, Ordering::SeqCst);
                    return;
                }
                if server.write_all(&said[..length]).await.is_err() {
                    return;
                }
                if cut == Cut::After {
                    // It answers, into the void.
                    if matches!(server.read(&mut answered).await, Ok(1..)) {
                        knife.unanswered.fetch_add(1, Ordering::SeqCst);
                    }
                    return;
                }
            }
            read = server.read(&mut answered) => {
                let Ok(length @ 1..) = read else { return };
                if service.write_all(&answered[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}
