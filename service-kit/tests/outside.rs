//! Calls to addresses that others chose: where they lead, and where they do not.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    io,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use service_kit::outside::{Names, Outside, OutsideOptions, Reach, Resolving, Trouble};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::mpsc,
};

const QUICK: OutsideOptions = OutsideOptions { call_ms: 2_000, max_answer_bytes: 64 };

/// Somebody who answers every call with the same bytes, and tells what he was sent.
struct Stranger {
    port: u16,
    calls: mpsc::UnboundedReceiver<String>,
}

impl Stranger {
    async fn answering(answer: &'static str) -> Stranger {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, calls) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let sender = sender.clone();
                tokio::spawn(async move {
                    let mut read = vec![0; 4096];
                    let length = stream.read(&mut read).await.unwrap_or(0);
                    sender.send(String::from_utf8_lossy(&read[..length]).into_owned()).ok();
                    if answer == "silence" {
                        std::future::pending::<()>().await;
                    }
                    stream.write_all(answer.as_bytes()).await.ok();
                    if answer.contains("chunked") {
                        // The end of this answer never comes.
                        std::future::pending::<()>().await;
                    }
                });
            }
        });
        Stranger { port, calls }
    }

    fn url(&self, host: &str) -> url::Url {
        format!("http://{host}:{}/hook?a=1", self.port).parse().unwrap()
    }

    fn heard_nothing(&mut self) -> bool {
        self.calls.try_recv().is_err()
    }
}

/// Every name stands for these addresses; counts how often it was asked.
#[derive(Clone)]
struct Book {
    addresses: Vec<IpAddr>,
    lookups: Arc<AtomicUsize>,
}

impl Book {
    fn of(addresses: &[&str]) -> Book {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        Book { addresses, lookups: Arc::default() }
    }
}

impl Names for Book {
    fn addresses(&self, _: String) -> Resolving {
        self.lookups.fetch_add(1, Ordering::SeqCst);
        let addresses = self.addresses.clone();
        Box::pin(
            async move { if addresses.is_empty() { Err(io::Error::other("no such name")) } else { Ok(addresses) } },
        )
    }
}

fn public() -> Outside {
    Outside::new(Reach::Public(Vec::new()), QUICK)
}

fn with_loopback() -> Outside {
    Outside::new(Reach::Public(vec!["127.0.0.1".parse().unwrap()]), QUICK)
}

async fn post(outside: &Outside, url: &url::Url) -> Result<u16, Trouble> {
    let answer = outside.post(url, "application/json", &[("webhook-id", "msg_1")], b"{}".to_vec()).await?;
    Ok(answer.status.as_u16())
}

#[tokio::test]
async fn no_spelling_of_an_address_of_ours_is_called() {
    let mut stranger = Stranger::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let port = stranger.port;
    for host in [
        "127.0.0.1",
        "127.1",
        "127.0.0.1.",
        "0",
        "0.0.0.0",
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "0177.1",
        "localhost",
        "LOCALHOST.",
        "①②⑦.⓪.⓪.①",
        "127。0。0。1",
        "%31%32%37.0.0.1",
        "[::1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "10.0.0.1",
        "192.168.0.1",
        "172.16.0.1",
        "169.254.169.254",
        "[fe80::1]",
        "[fd00::1]",
        "[::ffff:169.254.169.254]",
    ] {
        let url: url::Url = format!("http://{host}:{port}/").parse().unwrap();
        let refused = post(&public(), &url).await;
        assert!(matches!(refused, Err(Trouble::NotAllowed(_) | Trouble::NotSent(_))), "{host}: {refused:?}");
        // A name that this machine's resolver does not know leads nowhere; everything else is refused by its address.
        let named = matches!(url.host(), Some(url::Host::Domain(_)));
        assert!(named || matches!(refused, Err(Trouble::NotAllowed(_))), "{host}: {refused:?}");
    }
    for url in ["ftp://example.org/", "file:///etc/passwd", "gopher://example.org/", "http://ana:pw@example.org/"] {
        let refused = post(&public(), &url.parse().unwrap()).await;
        assert!(matches!(refused, Err(Trouble::NotAllowed(_))), "{url}: {refused:?}");
    }
    assert!(stranger.heard_nothing());
}

#[tokio::test]
async fn a_name_that_stands_for_an_address_of_ours_is_not_called() {
    let mut stranger = Stranger::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    for addresses in
        [&["127.0.0.1"][..], &["10.0.0.1", "127.0.0.1"], &["::ffff:127.0.0.1"], &["::1", "169.254.169.254"]]
    {
        let refused = post(&public().with_names(Book::of(addresses)), &stranger.url("shop.example")).await;
        assert!(matches!(refused, Err(Trouble::NotAllowed(_))), "{addresses:?}: {refused:?}");
    }
    let unknown = post(&public().with_names(Book::of(&[])), &stranger.url("shop.example")).await;
    assert!(matches!(unknown, Err(Trouble::NotSent(_))), "{unknown:?}");
    assert!(stranger.heard_nothing());
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_the_call_goes_to_the_address_that_was_checked() {
    let mut stranger = Stranger::answering("HTTP/1.1 204 No Content\r\n\r\n").await;
    // Of the two addresses one is admitted; the other, where nobody may go, is left out.
    let book = Book::of(&["127.0.0.2", "127.0.0.1"]);
    let outside = with_loopback().with_names(book.clone());
    assert_eq!(post(&outside, &stranger.url("shop.example")).await, Ok(204));
    assert_eq!(book.lookups.load(Ordering::SeqCst), 1);
    let heard = stranger.calls.recv().await.unwrap().to_ascii_lowercase();
    assert!(heard.starts_with("post /hook?a=1 http/1.1\r\n"), "{heard}");
    assert!(heard.contains(&format!("host: shop.example:{}\r\n", stranger.port)), "{heard}");
    assert!(heard.contains("webhook-id: msg_1\r\n") && heard.contains("content-length: 2\r\n"), "{heard}");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let mut inside = Stranger::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let answer: &'static str = Box::leak(
        format!(
            "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:{}/\r\ncontent-length: 0\r\n\r\n",
            inside.port
        )
        .into_boxed_str(),
    );
    let stranger = Stranger::answering(answer).await;
    assert_eq!(post(&with_loopback(), &stranger.url("127.0.0.1")).await, Ok(307));
    assert!(inside.heard_nothing());
}

#[tokio::test]
async fn of_a_long_answer_the_beginning_is_read_and_an_endless_one_holds_nobody() {
    let endless = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n";
    let stranger = Stranger::answering(endless).await;
    let outside = with_loopback();
    let answer = outside.post(&stranger.url("127.0.0.1"), "text/plain", &[], Vec::new()).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.as_slice()), (200, &b"hello"[..]));
    let long: &'static str =
        Box::leak(format!("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{}", "x".repeat(1000)).into_boxed_str());
    let stranger = Stranger::answering(long).await;
    let answer = outside.post(&stranger.url("127.0.0.1"), "text/plain", &[], Vec::new()).await.unwrap();
    assert_eq!(answer.body, vec![b'x'; 64]);
}

#[tokio::test]
async fn what_was_never_sent_is_told_from_what_nobody_answered() {
    let outside = with_loopback();
    let vacant = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let nobody = post(&outside, &format!("http://{vacant}/").parse().unwrap()).await;
    assert!(matches!(nobody, Err(Trouble::NotSent(_))), "{nobody:?}");
    let plain = Stranger::answering("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let url = format!("https://127.0.0.1:{}/", plain.port).parse().unwrap();
    let unencrypted = post(&outside, &url).await;
    assert!(matches!(unencrypted, Err(Trouble::NotSent(_))), "{unencrypted:?}");
    for answer in ["", "silence", "what?\r\n\r\n"] {
        let stranger = Stranger::answering(answer).await;
        let none = post(&outside, &stranger.url("127.0.0.1")).await;
        assert!(matches!(none, Err(Trouble::NoAnswer(_))), "{answer}: {none:?}");
    }
}
