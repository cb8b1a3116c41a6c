//! A service with moods, spoken to over a socket of its own.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use reqwest::Method;
use service_kit::{Client, ClientOptions, RawAnswer, Silence};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// How it treats whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Well,
    /// Breaks every connection when the request is there.
    Breaks,
    /// Takes requests and says nothing until its mood changes.
    Hangs,
    /// Says 503 at once.
    Busy,
    /// Says so many bytes.
    Says(usize),
}

pub struct Moody {
    address: SocketAddr,
    mood: watch::Sender<Mood>,
    asked: Arc<AtomicUsize>,
}

impl Moody {
    pub async fn start(mood: Mood) -> Moody {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (mood, asked) = (watch::Sender::new(mood), Arc::new(AtomicUsize::new(0)));
        tokio::spawn(serve(listener, mood.clone(), Arc::clone(&asked)));
        Moody { address, mood, asked }
    }

    pub fn is(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }

    /// Requests that arrived.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub fn client(&self) -> Client {
        Client::new(&format!("http://{}", self.address), ClientOptions::default()).unwrap().guarded("moody")
    }
}

pub async fn ask(client: &Client) -> Result<RawAnswer, Silence> {
    client.attempt(Method::GET, "/", &[], None).await
}

/// So many bytes, of which no two pieces are alike.
pub fn words(bytes: usize) -> Vec<u8> {
    (0_u32..).flat_map(u32::to_be_bytes).take(bytes).collect()
}

async fn serve(listener: TcpListener, mood: watch::Sender<Mood>, asked: Arc<AtomicUsize>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer(stream, mood.subscribe(), Arc::clone(&asked)));
    }
}

async fn answer(mut stream: TcpStream, mut mood: watch::Receiver<Mood>, asked: Arc<AtomicUsize>) {
    let mut request = [0; 4096];
    // An error means that the client is gone.
    while let Ok(1..) = stream.read(&mut request).await {
        asked.fetch_add(1, Ordering::SeqCst);
        let now = *mood.wait_for(|mood| *mood != Mood::Hangs).await.unwrap();
        let (status, body) = match now {
            Mood::Breaks => return,
            Mood::Busy => ("503 Busy", Vec::new()),
            Mood::Well | Mood::Hangs => ("200 OK", Vec::new()),
            Mood::Says(bytes) => ("200 OK", words(bytes)),
        };
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
        if stream.write_all(&[head.as_bytes(), &body].concat()).await.is_err() {
            return;
        }
    }
}
