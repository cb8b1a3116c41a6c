use std::{future::Future, net::SocketAddr, pin::pin, time::Duration};

use actix_web::{App, HttpServer, web};
use shared_types::{Code, Problem};

use super::{
    draining::Draining,
    health::{self, Check},
    limits,
    listener::Listener,
    reply::problem_response,
};

/// A database that opens within this time is not worth an answer.
const MOMENT_MS: u64 = 500;

/// Opens what a service cannot do without. Should that take longer than a moment (a server that is not there yet, a
/// migration), the service's address answers meanwhile: it is alive, it is not ready because of its `database`, and
/// whatever else is asked may be asked again.
pub async fn while_opening<T>(service: &'static str, address: SocketAddr, opening: impl Future<Output = T>) -> T {
    let mut opening = pin!(opening);
    if let Ok(opened) = tokio::time::timeout(Duration::from_millis(MOMENT_MS), &mut opening).await {
        return opened;
    }
    let meanwhile = waiting_room(address);
    let opened = opening.await;
    match meanwhile {
        Ok(listener) => listener.stop(service).await,
        Err(error) => tracing::debug!(service, %error, "nobody is told that the service is opening"),
    }
    opened
}

fn waiting_room(address: SocketAddr) -> Result<Listener, super::StartError> {
    Listener::start(address, |listener| {
        let closed = || async { Err("it is not open yet: the log says why".to_owned()) };
        let checks = web::Data::new(vec![Check::new("database", closed)]);
        let app = move || {
            App::new()
                .app_data(checks.clone())
                .app_data(web::Data::new(Draining::default()))
                .route("/health/live", web::get().to(health::live))
                .route("/health/ready", web::get().to(health::ready))
                .default_service(web::to(|| async {
                    problem_response(Problem::new(Code::Unavailable, "the service is waiting for its database"))
                }))
        };
        let server = HttpServer::new(app).workers(1).disable_signals().shutdown_timeout(limits::STOP_DEADLINE_S);
        Ok(server.listen(listener)?.run())
    })
}
