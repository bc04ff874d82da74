//! SPEC.md sections 5.4 and 10: the bytes of an IP policy, and what it says.

use super::wire::{Bytes, ascends};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What a policy says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Whether `allow_mode` is list.
    pub list: bool,
    /// Whether the order is `deny_first`.
    pub deny_first: bool,
    /// Who may.
    pub allow: Vec<IpNet>,
    /// Who may not.
    pub deny: Vec<IpNet>,
}

impl Rules {
    /// Section 10, Policy.
    pub fn allow(&self, ip: IpAddr) -> bool {
        let holds = |list: &[IpNet]| list.iter().any(|net| net.contains(&ip));
        match (self.list, self.deny_first) {
            (false, _) => !holds(&self.deny),
            (true, false) => holds(&self.allow),
            (true, true) => holds(&self.allow) && !holds(&self.deny),
        }
    }

    /// Such a policy is not stored.
    pub fn restricts_nobody(&self) -> bool {
        !self.list && self.deny.is_empty()
    }
}

/// Section 5.4.
pub fn read(bytes: &[u8]) -> Option<Rules> {
    let mut bytes = Bytes(bytes);
    let flags = bytes.number(1)?;
    bytes.is(&[0])?;
    let mut counts = [0; 4];
    for count in &mut counts {
        *count = bytes.number(2)?;
    }
    if flags > 3 || flags & 1 == 0 && counts[0] + counts[1] > 0 {
        return None;
    }
    let mut lists = [Vec::new(), Vec::new()];
    for (at, count) in counts.into_iter().enumerate() {
        lists[at / 2].extend(list(&mut bytes, count, at % 2 == 1)?);
    }
    bytes.end()?;
    let [allow, deny] = lists;
    Some(Rules { list: flags & 1 == 1, deny_first: flags & 2 == 2, allow, deny })
}

fn list(bytes: &mut Bytes<'_>, count: u64, six: bool) -> Option<Vec<IpNet>> {
    let mut networks: Vec<IpAddr> = Vec::new();
    for _ in 0..count {
        networks.push(if six {
            let (high, low) = (bytes.number(8)?, bytes.number(8)?);
            Ipv6Addr::from_bits(u128::from(high) << 64 | u128::from(low)).into()
        } else {
            Ipv4Addr::from_bits(u32::try_from(bytes.number(4)?).ok()?).into()
        });
    }
    let mut nets = Vec::new();
    for network in &networks {
        let net = IpNet::new(*network, u8::try_from(bytes.number(1)?).ok()?).ok()?;
        if net.trunc() != net || network.to_canonical() != *network {
            return None;
        }
        nets.push(net);
    }
    let disjoint = nets.windows(2).all(|pair| !pair[0].contains(&pair[1].addr()));
    (ascends(&networks) && disjoint).then_some(nets)
}
