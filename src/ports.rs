use std::{
    io::ErrorKind,
    net::{IpAddr, SocketAddr},
};

use service_kit::http::StartError;
use tokio::net::TcpSocket;

/// A port that is ours. The services name one another at their start, so every port is known before any service listens.
///
/// The socket is bound and never listens: on Linux the system gives its port to nobody who asks for any free one, and
/// the service, which names it, still gets it. Elsewhere two sockets cannot share a port, so it is let go at once and
/// the service takes it a moment later.
pub(crate) struct Port {
    flag: &'static str,
    address: SocketAddr,
    _held: Option<TcpSocket>,
}

impl Port {
    /// The port asked for, or any free one for 0. `flag` is named when it is taken.
    pub(crate) fn reserve(host: IpAddr, port: u16, flag: &'static str) -> Result<Port, StartError> {
        let wanted = SocketAddr::new(host, port);
        let bound = || {
            let socket = if host.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
            socket.set_reuseaddr(true)?;
            socket.bind(wanted)?;
            Ok((socket.local_addr()?, socket))
        };
        let (address, socket) = bound().map_err(|reason| refused(wanted, flag, &reason))?;
        Ok(Port { flag, address, _held: cfg!(target_os = "linux").then_some(socket) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base address of the service that will listen here, for its neighbours on this machine.
    pub(crate) fn url(&self) -> String {
        match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => format!("http://127.0.0.1:{}", self.address.port()),
            IpAddr::V6(ip) if ip.is_unspecified() => format!("http://[::1]:{}", self.address.port()),
            IpAddr::V4(_) | IpAddr::V6(_) => format!("http://{}", self.address),
        }
    }

    /// The same failure, naming the flag that chooses another port.
    pub(crate) fn explain(&self, error: StartError) -> StartError {
        match error {
            StartError::Listen { address, reason } => refused(address, self.flag, &reason),
            StartError::Part(_) => error,
        }
    }
}

fn refused(address: SocketAddr, flag: &str, reason: &std::io::Error) -> StartError {
    let port = address.port();
    let host = address.ip();
    StartError::Part(if reason.kind() == ErrorKind::AddrInUse {
        format!("port {port} on {host} is in use: choose another with {flag} (0 for any free one)")
    } else {
        format!("cannot listen on {address} ({flag} {port}): {reason}")
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn a_reserved_port_is_still_there_for_its_service() {
        let port = Port::reserve(HOST, 0, "--port").unwrap();
        let others: Vec<Port> = (0..200).map(|_| Port::reserve(HOST, 0, "--port").unwrap()).collect();
        assert!(others.iter().all(|other| other.address() != port.address()));
        let listener = TcpListener::bind(port.address()).unwrap();
        assert_eq!(listener.local_addr().unwrap(), port.address());
    }

    #[test]
    fn a_port_in_use_is_named_with_its_flag() {
        let taken = TcpListener::bind((HOST, 0)).unwrap();
        let number = taken.local_addr().unwrap().port();
        let refused = Port::reserve(HOST, number, "--catalog-port").err().unwrap().to_string();
        assert!(refused.contains(&format!("port {number}")) && refused.contains("--catalog-port"), "{refused}");
    }
}
