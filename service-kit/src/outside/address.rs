//! Which addresses may be called on behalf of somebody else.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// A block of addresses, such as `10.0.0.0/8` or `::1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    first: u128,
    mask: u128,
}

/// What is no block of addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no block of addresses such as 10.0.0.0/8")]
pub struct BadBlock(String);

impl Block {
    /// The `bits` first bits are the block's, counted in the family of the address.
    const fn new(address: IpAddr, bits: u32) -> Block {
        let (bits, wide) = match address {
            IpAddr::V4(v4) => (bits + 96, v4.to_ipv6_mapped()),
            IpAddr::V6(v6) => (bits, v6),
        };
        let mask = if bits == 0 { 0 } else { u128::MAX << (128 - bits) };
        Block { first: wide.to_bits() & mask, mask }
    }

    const fn v4(a: u8, b: u8, c: u8, bits: u32) -> Block {
        Block::new(IpAddr::V4(Ipv4Addr::new(a, b, c, 0)), bits)
    }

    const fn v6(a: u16, b: u16, bits: u32) -> Block {
        Block::new(IpAddr::V6(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0)), bits)
    }

    /// Whether the address is in the block. An IPv4 address that is written as an IPv6 one is the same address.
    pub const fn contains(self, address: IpAddr) -> bool {
        let wide = match address {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        };
        wide.to_bits() & self.mask == self.first
    }
}

impl FromStr for Block {
    type Err = BadBlock;

    fn from_str(text: &str) -> Result<Block, BadBlock> {
        let bad = || BadBlock(text.to_owned());
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.trim().parse().map_err(|_| bad())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), |bits| bits.trim().parse().map_err(|_| bad()))?;
        if bits <= most { Ok(Block::new(address, bits)) } else { Err(bad()) }
    }
}

/// IPv4 blocks that lead into our own network, to this machine, or to nobody (IANA's registry of special addresses).
const SPECIAL_V4: &[Block] = &[
    Block::v4(0, 0, 0, 8),
    Block::v4(10, 0, 0, 8),
    Block::v4(100, 64, 0, 10),
    Block::v4(127, 0, 0, 8),
    // Link-local; clouds answer with their machines' credentials at 169.254.169.254.
    Block::v4(169, 254, 0, 16),
    Block::v4(172, 16, 0, 12),
    Block::v4(192, 0, 0, 24),
    Block::v4(192, 0, 2, 24),
    Block::v4(192, 88, 99, 24),
    Block::v4(192, 168, 0, 16),
    Block::v4(198, 18, 0, 15),
    Block::v4(198, 51, 100, 24),
    Block::v4(203, 0, 113, 24),
    // Multicast and all that is above it.
    Block::v4(224, 0, 0, 3),
];

/// The only IPv6 block that is routed between networks, and what in it is not, or wraps an IPv4 address.
const GLOBAL_V6: Block = Block::v6(0x2000, 0, 3);
const SPECIAL_V6: &[Block] = &[
    // Protocol assignments, Teredo among them.
    Block::v6(0x2001, 0, 23),
    Block::v6(0x2001, 0xdb8, 32),
    // 6to4.
    Block::v6(0x2002, 0, 16),
    Block::v6(0x3fff, 0, 20),
];

/// Whether an address is anybody's on the Internet.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        v4 @ IpAddr::V4(_) => !SPECIAL_V4.iter().any(|block| block.contains(v4)),
        v6 @ IpAddr::V6(_) => GLOBAL_V6.contains(v6) && !SPECIAL_V6.iter().any(|block| block.contains(v6)),
    }
}

/// Where calls may lead.
#[derive(Debug, Clone)]
pub enum Reach {
    /// To public addresses, and to those of these blocks.
    Public(Vec<Block>),
    /// Anywhere: the operator chose the address, and nobody else.
    Anywhere,
}

impl Reach {
    /// Whether a call may lead to this address.
    pub fn admits(&self, address: IpAddr) -> bool {
        match self {
            Reach::Public(allowed) => is_public(address) || allowed.iter().any(|block| block.contains(address)),
            Reach::Anywhere => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn addresses_of_our_own_network_of_this_machine_and_of_nobody_are_not_public() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.8.8.8",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.170",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(ip(address)), "{address}");
        }
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.1",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "2606:4700::1111",
            "2a00:1450::1",
        ] {
            assert!(is_public(ip(address)), "{address}");
        }
    }

    #[test]
    fn what_the_operator_allows_is_reached_and_nothing_beside_it() {
        let reach = Reach::Public(vec!["10.1.0.0/16".parse().expect("a block"), "::1".parse().expect("a block")]);
        for (address, admitted) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("10.2.0.1", false),
            ("::1", true),
            ("::2", false),
            ("127.0.0.1", false),
            ("8.8.8.8", true),
        ] {
            assert_eq!(reach.admits(ip(address)), admitted, "{address}");
        }
        assert!(Reach::Anywhere.admits(ip("127.0.0.1")));
        for bad in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "example.org", "10.0.0.0/-1"] {
            assert!(bad.parse::<Block>().is_err(), "{bad}");
        }
    }
}
