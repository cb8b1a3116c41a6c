use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpSocket;

/// A free port of this machine. It is bound and nobody listens, so that nobody else is given it while this value lives,
/// and a service that names it gets it: services that trust one another's keys know their addresses before they start.
pub struct FreePort {
    address: SocketAddr,
    _held: TcpSocket,
}

impl FreePort {
    /// One that nobody has.
    pub fn reserve() -> FreePort {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_reuseaddr(true).expect("a shared address");
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a free port");
        FreePort { address: socket.local_addr().expect("its number"), _held: socket }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base address of the service that will listen here.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}
