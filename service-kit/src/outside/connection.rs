use std::{
    net::SocketAddr,
    sync::{Arc, LazyLock},
};

use http_body_util::Full;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    client::conn::http1::{SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinHandle,
};
use tokio_rustls::TlsConnector;
use url::Url;

use super::Trouble;
use crate::causes::with_causes;

/// Whose certificates are believed: the authorities that browsers believe.
#[derive(Clone)]
pub(super) struct Tls(Arc<ClientConfig>);

impl Default for Tls {
    fn default() -> Self {
        static CONFIG: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| {
            let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let config = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .expect("BUG: the provider knows TLS 1.2 and 1.3");
            Arc::new(config.with_root_certificates(roots).with_no_client_auth())
        });
        Tls(Arc::clone(&CONFIG))
    }
}

/// A connection for one request. Dropping it closes it.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
}

impl Connection {
    pub(super) async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Trouble> {
        self.sender.send_request(request).await.map_err(|error| Trouble::NoAnswer(with_causes(&error)))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Connects to the first of the addresses that takes the call.
pub(super) async fn open(tls: &Tls, url: &Url, addresses: &[SocketAddr]) -> Result<Connection, Trouble> {
    let not_sent = |error: &dyn std::error::Error| Trouble::NotSent(with_causes(error));
    let stream = TcpStream::connect(addresses).await.map_err(|error| not_sent(&error))?;
    if url.scheme() == "http" {
        return begin(stream).await;
    }
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(host.to_owned()).map_err(|error| not_sent(&error))?;
    let encrypted = TlsConnector::from(Arc::clone(&tls.0)).connect(name, stream).await;
    begin(encrypted.map_err(|error| not_sent(&error))?).await
}

async fn begin<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: S) -> Result<Connection, Trouble> {
    let begun = handshake(TokioIo::new(stream)).await;
    let (sender, connection) = begun.map_err(|error| Trouble::NotSent(with_causes(&error)))?;
    let driver = tokio::spawn(async move {
        // What went wrong is told to the one who waits for the answer.
        connection.await.ok();
    });
    Ok(Connection { sender, driver })
}
