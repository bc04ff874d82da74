//! Input: the text of an address or a network, and after a line feed that of an address to look for in it.
//!
//! SPEC.md section 10, Text and CIDR: the standard library reads RFC 4291 section 2.2 and writes RFC 5952; `ipnet` holds networks.

use edgelatch_core::cidr::Cidr;
use edgelatch_core::ip::Ip;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The same address as the standard library has it.
pub fn std_of(ip: Ip) -> IpAddr {
    match ip {
        Ip::V4(bits) => Ipv4Addr::from_bits(bits).into(),
        Ip::V6(bits) => Ipv6Addr::from_bits(bits).into(),
    }
}

/// What the text of an address means: an IPv4-mapped one is the IPv4 address.
pub fn address(text: &[u8]) -> Option<IpAddr> {
    Some(std::str::from_utf8(text).ok()?.parse::<IpAddr>().ok()?.to_canonical())
}

/// What the text of a network means.
pub fn network(text: &[u8]) -> Option<IpNet> {
    let text = std::str::from_utf8(text).ok()?;
    let Some((address, digits)) = text.split_once('/') else { return address(text.as_bytes()).map(IpNet::from) };
    let written: IpAddr = address.parse().ok()?;
    let prefix: u8 = digits.parse().ok().filter(|prefix: &u8| prefix.to_string() == digits)?;
    let net = match (written, written.to_canonical()) {
        // Counted in 128 bits, as it is written.
        (IpAddr::V6(_), IpAddr::V4(mapped)) => IpNet::new(mapped.into(), prefix.checked_sub(96)?).ok()?,
        _ => IpNet::new(written, prefix).ok()?,
    };
    (net.trunc() == net).then_some(net)
}

/// Checks everything of one input.
pub fn attack(data: &[u8]) {
    let (text, other) = crate::line(data);
    let read = Ip::parse(text).ok();
    assert_eq!(read.map(std_of), address(text));
    if let Some(ip) = read {
        assert_eq!(ip.to_string(), std_of(ip).to_string());
        assert_eq!(Ip::from(std_of(ip)), ip);
    } else {
        assert!(!Ip::parse(text).unwrap_err().to_string().is_empty());
    }
    let wanted = network(text);
    let Ok(cidr) = Cidr::parse(text) else {
        assert_eq!(wanted, None);
        return assert!(!Cidr::parse(text).unwrap_err().to_string().is_empty());
    };
    let net = wanted.expect("a network, by the core");
    assert_eq!((std_of(cidr.net()), cidr.prefix()), (net.network(), net.prefix_len()));
    assert_eq!(cidr.to_string(), net.to_string());
    assert_eq!(Cidr::parse(cidr.to_string().as_bytes()), Ok(cidr));
    assert_eq!(Cidr::new(cidr.net(), cidr.prefix()), Some(cidr));
    for ip in [Some(net.network()), Some(net.broadcast()), before(net.network()), after(net.broadcast()), address(other)] {
        let Some(ip) = ip else { continue };
        assert_eq!(cidr.contains(Ip::from(ip)), holds(net, ip), "{net} {ip}");
    }
}

/// A mapped address is in no IPv6 network, since it is an IPv4 one.
pub fn holds(net: IpNet, ip: IpAddr) -> bool {
    net.contains(&ip.to_canonical())
}

/// The address before it, if there is one.
pub fn before(ip: IpAddr) -> Option<IpAddr> {
    Some(match ip {
        IpAddr::V4(ip) => Ipv4Addr::from_bits(ip.to_bits().checked_sub(1)?).into(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits().checked_sub(1)?).into(),
    })
}

/// The address after it, if there is one.
pub fn after(ip: IpAddr) -> Option<IpAddr> {
    Some(match ip {
        IpAddr::V4(ip) => Ipv4Addr::from_bits(ip.to_bits().checked_add(1)?).into(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits().checked_add(1)?).into(),
    })
}
