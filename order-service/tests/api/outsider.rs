use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// How somebody outside answers.
#[derive(Debug, Clone)]
pub enum Mood {
    /// This status, with this body.
    Answers(u16, String),
    /// He heard it, and the connection breaks.
    LosesAnswers,
    /// He heard it and says nothing, until his mood changes.
    Hangs,
}

/// A call that arrived.
#[derive(Debug, Clone)]
pub struct Call {
    /// `POST /version1/messaging`.
    pub line: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

/// Somebody outside the shop, who writes down every call.
pub struct Outsider {
    pub address: String,
    mood: Arc<watch::Sender<Mood>>,
    calls: Arc<Mutex<Vec<Call>>>,
    listening: JoinHandle<()>,
}

impl Drop for Outsider {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Outsider {
    pub async fn start(mood: Mood) -> Outsider {
        Outsider::start_at("127.0.0.1:0", mood).await
    }

    pub async fn start_at(address: &str, mood: Mood) -> Outsider {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (mood, calls) = (Arc::new(watch::Sender::new(mood)), Arc::<Mutex<Vec<Call>>>::default());
        let (moods, heard) = (Arc::clone(&mood), Arc::clone(&calls));
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&moods), Arc::clone(&heard)));
            }
        });
        Outsider { address, mood, calls, listening }
    }

    pub fn is(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }

    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }
}

async fn answer(mut stream: TcpStream, mood: Arc<watch::Sender<Mood>>, calls: Arc<Mutex<Vec<Call>>>) {
    let Some(call) = read(&mut stream).await else { return };
    calls.lock().unwrap().push(call);
    let mut mood = mood.subscribe();
    let Ok(mood) = mood.wait_for(|mood| !matches!(mood, Mood::Hangs)).await.map(|mood| mood.clone()) else { return };
    if let Mood::Answers(status, body) = mood {
        let answer =
            format!("HTTP/1.1 {status} X\r\nlocation: /elsewhere\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.ok();
    }
}

/// Reads one request with its whole body.
async fn read(stream: &mut TcpStream) -> Option<Call> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let mut lines = head.lines();
        let line = lines.next()?.trim_end_matches(" HTTP/1.1").to_owned();
        let headers: BTreeMap<String, String> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        if body.len() >= headers.get("content-length")?.parse::<usize>().ok()? {
            return Some(Call { line, headers, body: body.to_owned() });
        }
    }
}
