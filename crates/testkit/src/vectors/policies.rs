//! IP policies of the test keys: as an administrator states them, and as the snapshot holds them.

use edgelatch_core::{
    cidr::Cidr,
    policy::{AllowMode, IpPolicy, Order},
};
use serde_json::{Value, json};

/// `allow` of `None` is `allow_mode = any`. Entries are in their canonical order unless `stored` says otherwise.
#[derive(Clone, Copy)]
pub struct Policy {
    pub deny_first: bool,
    pub allow: Option<&'static [&'static str]>,
    pub deny: &'static [&'static str],
    /// What is left of `allow` in the snapshot, where that differs.
    pub stored: Option<&'static [&'static str]>,
}

pub const fn policy(deny_first: bool, allow: Option<&'static [&'static str]>, deny: &'static [&'static str]) -> Policy {
    Policy { deny_first, allow, deny, stored: None }
}

impl Policy {
    pub fn build(&self) -> IpPolicy {
        let list = |texts: &[&str]| texts.iter().map(|t| Cidr::parse(t.as_bytes()).expect("a network in a table")).collect();
        IpPolicy {
            allow_mode: if self.allow.is_some() { AllowMode::List } else { AllowMode::Any },
            order: if self.deny_first { Order::DenyFirst } else { Order::AllowFirst },
            allow: list(self.allow.unwrap_or(&[])),
            deny: list(self.deny),
        }
    }

    pub fn json(&self) -> Value {
        json!({
            "allow_mode": if self.allow.is_some() { "list" } else { "any" },
            "order": if self.deny_first { "deny_first" } else { "allow_first" },
            "allow": self.stored.or(self.allow).unwrap_or(&[]),
            "deny": self.deny,
        })
    }

    /// The bytes, as SPEC.md section 5.4 has them.
    pub fn bytes(&self) -> Vec<u8> {
        let flags = u8::from(self.allow.is_some()) | u8::from(self.deny_first) << 1;
        raw(flags, &[self.stored.or(self.allow).unwrap_or(&[]), self.deny])
    }
}

/// A policy of these flags and of allow and deny entries as they stand, `network/prefix` each.
pub fn raw(flags: u8, lists: &[&[&str]; 2]) -> Vec<u8> {
    let (mut out, mut body) = (vec![flags, 0], Vec::new());
    for texts in lists {
        for six in [false, true] {
            let entries: Vec<_> =
                texts.iter().filter(|text| text.contains(':') == six).map(|t| t.split_once('/').expect("/")).collect();
            out.extend((entries.len() as u16).to_le_bytes());
            entries.iter().for_each(|(net, _)| body.extend(network(net)));
            body.extend(entries.iter().map(|(_, prefix)| prefix.parse::<u8>().expect("a prefix")));
        }
    }
    out.extend(body);
    out
}

fn network(text: &str) -> Vec<u8> {
    match text.parse().expect("an address in a table") {
        std::net::IpAddr::V4(v4) => v4.to_bits().to_le_bytes().to_vec(),
        std::net::IpAddr::V6(v6) => {
            let (high, low) = ((v6.to_bits() >> 64) as u64, v6.to_bits() as u64);
            [high.to_le_bytes(), low.to_le_bytes()].concat()
        }
    }
}
