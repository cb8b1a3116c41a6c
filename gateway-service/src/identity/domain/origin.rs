use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// Who asks, as far as the connection tells: for the throttle and for the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Origin(pub IpAddr);

/// What counts as one caller when tries are counted: an IPv4 address, or the /64 of an IPv6 address, which is what one
/// customer of a provider is given at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl Origin {
    pub fn network(self) -> Network {
        match self.0 {
            IpAddr::V4(_) => Network(self.0),
            IpAddr::V6(address) => Network(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into()),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The proxies whose `X-Forwarded-For` is believed. None by default: anybody can write that header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpAddr>);

impl TrustedProxies {
    /// Whether there are none, so that nobody has to read what a request says of where it comes from.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The origin of a request that came from `peer` with these `X-Forwarded-For` values, in their order.
    ///
    /// Each proxy appends the address it was asked from, so the list is read from its end, for as long as the one who
    /// wrote an entry is trusted.
    pub fn origin<'a>(&self, peer: IpAddr, forwarded_for: impl Iterator<Item = &'a str>) -> Origin {
        let mut entries: Vec<&str> = forwarded_for.flat_map(|value| value.split(',')).map(str::trim).collect();
        let mut address = peer.to_canonical();
        while self.0.contains(&address) {
            match entries.pop().map(str::parse::<IpAddr>) {
                Some(Ok(before)) => address = before.to_canonical(),
                Some(Err(_)) | None => break,
            }
        }
        Origin(address)
    }
}

/// Addresses separated by commas.
impl FromStr for TrustedProxies {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let addresses = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let parsed = addresses.map(|part| part.parse().map_err(|_| format!("{part:?} is not an IP address")));
        parsed.collect::<Result<_, _>>().map(TrustedProxies)
    }
}

impl Default for Origin {
    /// Where the connection has no address, as in a unit test.
    fn default() -> Self {
        Origin(Ipv4Addr::UNSPECIFIED.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forwarding_header_is_believed_only_from_a_trusted_proxy_and_only_its_own_entry() {
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        let nobody = TrustedProxies::default();
        assert_eq!(nobody.origin(address("10.0.0.9"), ["1.2.3.4"].into_iter()).0, address("10.0.0.9"));
        let proxies: TrustedProxies = "10.0.0.9, 10.0.0.8".parse().expect("addresses");
        let origin = |values: &[&str]| proxies.origin(address("::ffff:10.0.0.9"), values.iter().copied()).0;
        assert_eq!(origin(&["1.2.3.4"]), address("1.2.3.4"));
        // What the client wrote itself stands before what the proxy appended.
        assert_eq!(origin(&["6.6.6.6, 1.2.3.4", "10.0.0.8"]), address("1.2.3.4"));
        assert_eq!(origin(&["garbage"]), address("10.0.0.9"));
        assert_eq!(origin(&[]), address("10.0.0.9"));
    }

    #[test]
    fn one_customers_ipv6_addresses_count_as_one() {
        let network = |text: &str| Origin(text.parse().expect("an address")).network();
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }
}
