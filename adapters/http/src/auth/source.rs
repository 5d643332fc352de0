//! What counts as one place in the network.

use std::net::IpAddr;

/// Where a client is: an IPv4 address, or the /64 network of an IPv6 address, since who has one address of it
/// usually has them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Source(u64);

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self(u64::from(v4.to_bits())),
            // The upper half. No network in use begins with 32 zero bits, so none is taken for an IPv4 address.
            IpAddr::V6(v6) => {
                Self(v6.octets().iter().take(8).fold(0, |network, octet| network << 8 | u64::from(*octet)))
            }
        }
    }
}
