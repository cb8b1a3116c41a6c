use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    vec::IntoIter,
};

use hyper_util::client::legacy::connect::dns::Name;
use rand::seq::SliceRandom;
use tower_service::Service;

/// Finds the addresses of a name as the system does, and takes them in any order: each replica of a service gets its share
/// of connections. The system sorts them, by nearness among others, so that one replica would be everybody's first. An
/// address that does not answer is followed by the next.
#[derive(Debug, Clone)]
pub(super) struct Replicas;

impl Service<Name> for Replicas {
    type Response = IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(in_any_order(found.collect()).into_iter())
        })
    }
}

fn in_any_order(mut found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    found.shuffle(&mut rand::rng());
    found
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_of_this_machine_is_found() {
        let mut found = Replicas.call("localhost".parse().unwrap()).await.unwrap();
        assert!(found.all(|address| address.ip().is_loopback() && address.port() == 0));
    }

    #[test]
    fn every_replica_is_somebodys_first_and_the_others_follow() {
        let replicas: Vec<SocketAddr> = ["10.0.0.2:0", "10.0.0.3:0"].map(|address| address.parse().unwrap()).into();
        let orders: Vec<Vec<SocketAddr>> = (0..100).map(|_| in_any_order(replicas.clone())).collect();
        for replica in &replicas {
            assert!(orders.iter().any(|order| order.first() == Some(replica)), "nobody begins with {replica}");
            assert!(orders.iter().all(|order| order.contains(replica)), "somebody never comes to {replica}");
        }
    }
}
