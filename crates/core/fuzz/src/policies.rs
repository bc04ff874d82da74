//! Input: the entries of a policy, addresses to ask it about, and edits of its bytes.
//!
//! SPEC.md section 10, Policy, entry by entry over the lists as given; section 5.4 for the bytes.

use crate::addresses::{after, before, holds, std_of};
use crate::oracle::policy::{self, Rules};
use arbitrary::{Result, Unstructured};
use edgelatch_core::cidr::Cidr;
use edgelatch_core::ip::Ip;
use edgelatch_core::policy::{AllowMode, IpPolicy, IpVerdict, Order, PolicyView};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Few distinct values, so that they meet, and any.
fn address(input: &mut Unstructured<'_>) -> Result<IpAddr> {
    Ok(match input.int_in_range(0..=4)? {
        0 => Ipv4Addr::from_bits(input.arbitrary::<u32>()? & 0x8300_0103).into(),
        1 => Ipv4Addr::from_bits(input.arbitrary()?).into(),
        2 => Ipv6Addr::from_bits(input.arbitrary()?).into(),
        3 => Ipv6Addr::from_bits(0xffff_0000_0000 | u128::from(input.arbitrary::<u32>()?)).to_canonical(),
        _ => {
            let (high, low) = (u128::from(input.arbitrary::<u8>()?), u128::from(input.arbitrary::<u8>()?));
            Ipv6Addr::from_bits(high << 120 | (low & 0xf0) << 60 | low & 0xf).to_canonical()
        }
    })
}

fn network(input: &mut Unstructured<'_>) -> Result<IpNet> {
    let ip = address(input)?;
    let longest = if ip.is_ipv4() { 32 } else { 128 };
    let net = IpNet::new(ip, input.int_in_range(0..=longest)?).expect("a prefix within the family").trunc();
    // Such a network is an IPv4 one, or holds addresses that are.
    let mapped = matches!(net, IpNet::V6(net) if net.addr().to_ipv4_mapped().is_some());
    Ok(if mapped { IpNet::from(Ipv6Addr::LOCALHOST.to_canonical()) } else { net })
}

/// A policy and the rules that it stands for.
pub fn policy(input: &mut Unstructured<'_>) -> Result<(IpPolicy, Rules)> {
    let (list, deny_first): (bool, bool) = (input.arbitrary()?, input.arbitrary()?);
    let mut lists = [Vec::new(), Vec::new()];
    for (at, entries) in lists.iter_mut().enumerate() {
        let most = if at == 0 && !list { 0 } else { 12 };
        for _ in 0..input.int_in_range(0..=most)? {
            entries.push(network(input)?);
        }
    }
    let cidrs = |entries: &[IpNet]| entries.iter().map(|net| cidr(*net)).collect();
    let policy = IpPolicy {
        allow_mode: if list { AllowMode::List } else { AllowMode::Any },
        order: if deny_first { Order::DenyFirst } else { Order::AllowFirst },
        allow: cidrs(&lists[0]),
        deny: cidrs(&lists[1]),
    };
    let [allow, deny] = lists;
    Ok((policy, Rules { list, deny_first, allow, deny }))
}

fn cidr(net: IpNet) -> Cidr {
    Cidr::new(Ip::from(net.addr()), net.prefix_len()).expect("a network")
}

fn says(view: PolicyView<'_>, ip: Option<IpAddr>) -> Option<bool> {
    match view.decide(ip.map(Ip::from)) {
        IpVerdict::Allowed => Some(true),
        IpVerdict::Denied => Some(false),
        IpVerdict::Unknown => None,
    }
}

fn probe(view: PolicyView<'_>, rules: &Rules, more: &[IpAddr]) {
    let ends = rules.allow.iter().chain(&rules.deny).flat_map(|net| {
        [Some(net.network()), Some(net.broadcast()), before(net.network()), after(net.broadcast())].into_iter().flatten()
    });
    for ip in ends.chain(more.iter().copied()) {
        let ip = ip.to_canonical();
        assert_eq!(says(view, Some(ip)), Some(rules.allow(ip)), "{rules:?} {ip}");
    }
    if !rules.restricts_nobody() {
        assert_eq!(says(view, None), None, "an unknown address");
    }
}

/// Checks everything of one input.
pub fn attack(data: &[u8]) {
    // Where the input ends too early there is nothing more to check.
    let _ = try_attack(&mut Unstructured::new(data));
}

fn try_attack(input: &mut Unstructured<'_>) -> Result<()> {
    let (mut built, rules) = policy(input)?;
    let probes = (0..4).map(|_| address(input)).collect::<Result<Vec<_>>>()?;
    let bytes = built.encode().expect("few entries");
    let view = PolicyView::validate(&bytes).expect("what was encoded");
    probe(view, &rules, &probes);
    assert_eq!(built.is_unrestricted(), rules.restricts_nobody());
    // The bytes are the one form of what they say.
    let read = policy::read(&bytes).expect("section 5.4");
    assert_eq!((read.list, read.deny_first), (rules.list, rules.deny_first));
    probe(view, &read, &probes);
    built.allow.reverse();
    let half = built.deny.len() / 2;
    built.deny.rotate_left(half);
    assert_eq!(built.encode().expect("few entries"), bytes);
    let nets = |entries: &mut dyn Iterator<Item = Cidr>| -> Vec<(IpAddr, u8)> {
        entries.map(|entry| (std_of(entry.net()), entry.prefix())).collect()
    };
    let listed = |list: &[IpNet]| -> Vec<(IpAddr, u8)> { list.iter().map(|net| (net.addr(), net.prefix_len())).collect() };
    assert_eq!((nets(&mut view.allow()), nets(&mut view.deny())), (listed(&read.allow), listed(&read.deny)));
    assert!(read.allow.iter().all(|net| rules.allow.iter().any(|given| holds(*given, net.addr()))));
    // Any other bytes are a policy for both or for neither.
    let mut damaged = bytes;
    for _ in 0..input.int_in_range(1..=3)? {
        match input.int_in_range(0..=3)? {
            0 => damaged.push(input.arbitrary()?),
            1 => drop(damaged.pop()),
            _ => {
                let at = input.choose_index(damaged.len().max(1))?;
                if let Some(byte) = damaged.get_mut(at) {
                    *byte = input.arbitrary()?;
                }
            }
        }
    }
    let unproven = PolicyView::new_unchecked_len(&damaged);
    for ip in &probes {
        says(unproven, Some(*ip));
    }
    match (PolicyView::validate(&damaged), policy::read(&damaged)) {
        (Ok(view), Some(rules)) => probe(view, &rules, &probes),
        (Err(error), None) => assert!(!error.to_string().is_empty()),
        (core, oracle) => panic!("{damaged:02x?}: the core {}, section 5.4 {oracle:?}", core.is_ok()),
    }
    Ok(())
}
