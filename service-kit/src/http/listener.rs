use std::{
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use actix_web::{
    App, HttpServer,
    dev::{Server, ServerHandle},
    web,
};
use tokio::task::JoinHandle;

use super::{limits, server::StartError};
use crate::metrics::{Metrics, page};

/// A server that listens, and how to stop it.
pub(super) struct Listener {
    address: SocketAddr,
    handle: ServerHandle,
    server: JoinHandle<std::io::Result<()>>,
}

impl Listener {
    /// Binds `address` (port 0: any free one) and runs what `begin` makes of it.
    pub(super) fn start<B>(address: SocketAddr, begin: B) -> Result<Listener, StartError>
    where
        B: FnOnce(TcpListener) -> std::io::Result<Server>,
    {
        let refused = |reason| StartError::Listen { address, reason };
        let listener = TcpListener::bind(address).map_err(refused)?;
        let bound = listener.local_addr().map_err(refused)?;
        let server = begin(listener).map_err(refused)?;
        Ok(Listener { address: bound, handle: server.handle(), server: tokio::spawn(server) })
    }

    /// `/metrics` and nothing else.
    pub(super) fn of_metrics(address: SocketAddr, metrics: web::Data<Metrics>) -> Result<Listener, StartError> {
        Listener::start(address, |listener| {
            let app = move || App::new().app_data(metrics.clone()).route("/metrics", web::get().to(page));
            let server = HttpServer::new(app)
                .workers(1)
                .disable_signals()
                .client_request_timeout(Duration::from_millis(limits::HEAD_DEADLINE_MS))
                .shutdown_timeout(limits::STOP_DEADLINE_S);
            Ok(server.listen(listener)?.run())
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes nothing new and finishes what is in flight.
    pub(super) async fn stop(self, service: &'static str) {
        self.handle.stop(true).await;
        if let Err(error) = self.server.await {
            tracing::error!(service, %error, "the server did not end well");
        }
    }
}
