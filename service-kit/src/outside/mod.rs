//! The HTTP client for the world outside: addresses that are somebody else's, often chosen by somebody else.
//!
//! A name is resolved once, its addresses are filtered, and the connection goes to one of those that are left: a name that
//! answers otherwise the next time leads nowhere else. Redirects are answers, not instructions. Every call has one deadline
//! and reads so many bytes at most. Each has a connection of its own, so that no call meets another's leavings.

/// Which addresses may be called.
mod address;
/// Plain or encrypted, to one address.
mod connection;
/// From a name to its addresses.
mod names;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use http_body_util::{BodyExt, Full};
use hyper::{
    Request, StatusCode,
    body::{Body, Bytes},
    header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, USER_AGENT},
};
use tokio::time::{Instant, timeout_at};
use url::{Host, Url};

pub use address::{BadBlock, Block, Reach, is_public};
pub use names::{Names, Resolving, SystemNames};

/// What a call may take.
#[derive(Debug, Clone, Copy)]
pub struct OutsideOptions {
    /// From the name's lookup to the last byte read.
    pub call_ms: u64,
    /// Bytes of an answer's body that are read; the rest is left.
    pub max_answer_bytes: usize,
}

impl Default for OutsideOptions {
    fn default() -> Self {
        OutsideOptions { call_ms: 10_000, max_answer_bytes: 16 * 1024 }
    }
}

/// The client.
#[derive(Clone)]
pub struct Outside {
    reach: Reach,
    names: Arc<dyn Names>,
    options: OutsideOptions,
    tls: connection::Tls,
}

/// What the other side answered.
#[derive(Debug)]
pub struct OutsideAnswer {
    pub status: StatusCode,
    /// The beginning of the body.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The address is not one that may be called. Nothing was sent.
    #[error("{0}")]
    NotAllowed(String),
    /// No connection came about. Nothing was sent.
    #[error("{0}")]
    NotSent(String),
    /// Nobody knows whether the other side acted.
    #[error("{0}")]
    NoAnswer(String),
}

/// What tells our calls from others'.
const AGENT: &str = concat!("Lastcopy/", env!("CARGO_PKG_VERSION"));

impl Outside {
    /// A client that calls what `reach` admits.
    pub fn new(reach: Reach, options: OutsideOptions) -> Outside {
        Outside { reach, names: Arc::new(SystemNames), options, tls: connection::Tls::default() }
    }

    /// This client with another source of addresses, for tests.
    #[must_use]
    pub fn with_names(self, names: impl Names) -> Outside {
        Outside { names: Arc::new(names), ..self }
    }

    /// Whether `url` can be called at all: its scheme, and its address where it is written as one. What a name stands for
    /// is looked at when it is called.
    pub fn check(&self, url: &Url) -> Result<(), Trouble> {
        let refused = |why: &str| Err(Trouble::NotAllowed(why.to_owned()));
        if !matches!(url.scheme(), "http" | "https") {
            return refused("only http and https addresses are called");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refused("an address with a user name or password is not called");
        }
        match literal(url) {
            Some(address) if !self.reach.admits(address) => refused("the address is not a public one"),
            _ => Ok(()),
        }
    }

    /// Posts `body` to `url`.
    pub async fn post(
        &self,
        url: &Url,
        content_type: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<OutsideAnswer, Trouble> {
        self.check(url)?;
        let request = request(url, content_type, headers, body)?;
        let deadline = Instant::now() + Duration::from_millis(self.options.call_ms);
        let late = |_| Trouble::NotSent(format!("no connection within {} ms", self.options.call_ms));
        let addresses = timeout_at(deadline, self.addresses(url)).await.map_err(late)??;
        let mut connection =
            timeout_at(deadline, connection::open(&self.tls, url, &addresses)).await.map_err(late)??;
        let silent = |_| Trouble::NoAnswer(format!("no answer within {} ms", self.options.call_ms));
        let response = timeout_at(deadline, connection.send(request)).await.map_err(silent)??;
        let (status, mut body) = (response.status(), Vec::new());
        // The status is the answer: a body that drips or breaks off changes nothing about it.
        timeout_at(deadline, self.beginning(response.into_body(), &mut body)).await.ok();
        Ok(OutsideAnswer { status, body })
    }

    /// The addresses of the host that may be called, each with the port.
    async fn addresses(&self, url: &Url) -> Result<Vec<SocketAddr>, Trouble> {
        let port = url.port_or_known_default().unwrap_or(443);
        let found = match (literal(url), url.host_str()) {
            (Some(address), _) => vec![address],
            (None, Some(name)) => {
                let looked_up = self.names.addresses(name.to_owned()).await;
                looked_up.map_err(|error| Trouble::NotSent(format!("{name} is not found: {error}")))?
            }
            (None, None) => Vec::new(),
        };
        let admitted: Vec<SocketAddr> = found
            .iter()
            .filter(|address| self.reach.admits(**address))
            .map(|address| SocketAddr::new(*address, port))
            .collect();
        if admitted.is_empty() && !found.is_empty() {
            return Err(Trouble::NotAllowed("the name stands for no public address".to_owned()));
        }
        Ok(admitted)
    }

    /// Reads as much of a body as is wanted.
    async fn beginning<B: Body<Data = Bytes> + Unpin>(&self, mut body: B, read: &mut Vec<u8>) {
        while let Some(Ok(frame)) = body.frame().await {
            let Some(data) = frame.data_ref() else { continue };
            let room = self.options.max_answer_bytes - read.len();
            read.extend_from_slice(&data[..data.len().min(room)]);
            if read.len() == self.options.max_answer_bytes {
                return;
            }
        }
    }
}

/// The address where the host is written as one. The parser has made `0x7f.1` and `2130706433` into what they mean.
fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(IpAddr::V4(address)),
        Host::Ipv6(address) => Some(IpAddr::V6(address)),
        Host::Domain(_) => None,
    }
}

fn request(
    url: &Url,
    content_type: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> Result<Request<Full<Bytes>>, Trouble> {
    let host = match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => return Err(Trouble::NotAllowed("an address without a host is not called".to_owned())),
    };
    let target = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let mut request = Request::post(target)
        .header(HOST, host)
        .header(USER_AGENT, AGENT)
        .header(CONTENT_TYPE, content_type)
        .header(CONTENT_LENGTH, body.len());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::new(Bytes::from(body))).map_err(|error| Trouble::NotSent(format!("no request: {error}")))
}
