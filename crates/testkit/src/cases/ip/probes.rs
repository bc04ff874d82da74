//! Address rows as questions to a verifier: keys whose IP policies tell the possible answers apart.
//!
//! The SDK has no call that parses an address; what a user of it sees is whether a key is accepted. So the snapshot gets
//! one key per policy in question, and a row holds if the verdicts are those that its answer implies.

use super::{parse_policy, request_block};
use crate::{cases::Row, snapshot};
use anyhow::{Context, Error, Result, bail};
use edgelatch_core::{
    build::KeyRecord,
    cidr::Cidr,
    ip::Ip,
    key::{self, KeyId},
    policy::{AllowMode, IpPolicy, Order},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A question and the verdict codes that are right.
pub struct Probe {
    /// Index of the row.
    pub row: usize,
    pub question: Value,
    pub right: &'static [&'static str],
}

const VALID: &[&str] = &["valid"];
const DENIED: &[&str] = &["ip_denied"];
const UNKNOWN: &[&str] = &["ip_unknown"];
const REFUSED: &[&str] = &["ip_denied", "ip_unknown"];
/// The verifier could not be created.
const NO_VERIFIER: &[&str] = &["bad_config"];

/// All probes, and the keys they need.
#[derive(Default)]
pub struct Probes {
    pub list: Vec<Probe>,
    pub records: Vec<KeyRecord>,
    keys: BTreeMap<Vec<u8>, String>,
}

impl Probes {
    /// Adds what the row asks.
    pub fn add(&mut self, index: usize, row: &Row) -> Result<()> {
        let cell = |column| row.get(column).map_err(Error::msg);
        let (input, rule, canonical) = (cell("input")?, cell("rule")?, cell("canonical")?);
        match (cell("kind")?, cell("expect")?) {
            ("addr", "ACCEPT") => {
                self.key(index, &everywhere()?, Some(input), VALID)?;
                self.key(index, &only(canonical)?, Some(input), VALID)
            }
            ("addr", "REJECT") => self.key(index, &everywhere()?, Some(input), UNKNOWN),
            ("cidr", "ACCEPT") => self.network(index, input, canonical),
            ("cidr", "REJECT") => self.trust(index, input, "192.0.2.1", "192.0.2.2", NO_VERIFIER),
            ("match", "MATCH") => self.key(index, &only(rule)?, Some(input), VALID),
            ("match", "NO_MATCH") if Cidr::parse(rule.as_bytes()).is_err() => {
                self.trust(index, rule, input, "192.0.2.2", NO_VERIFIER)
            }
            ("match", "NO_MATCH") => self.key(index, &only(rule)?, Some(input), REFUSED),
            ("policy", expect @ ("ALLOW" | "DENY")) => {
                let policy = parse_policy(rule).map_err(Error::msg)?;
                let right = if expect == "ALLOW" { VALID } else { REFUSED };
                self.key(index, &policy, (input != "UNKNOWN").then_some(input), right)
            }
            ("clientip", "DERIVED") => self.request(index, input, rule, &only(canonical)?, VALID),
            ("clientip", "UNKNOWN") => self.request(index, input, rule, &everywhere()?, UNKNOWN),
            (kind, expect) => bail!("cannot interpret the kind `{kind}` with `{expect}`"),
        }
    }

    /// A bare verification from an address.
    fn key(&mut self, row: usize, policy: &IpPolicy, ip: Option<&str>, right: &'static [&'static str]) -> Result<()> {
        let key = self.holder(policy)?;
        self.list.push(Probe { row, question: json!({ "key": key, "ip": ip }), right });
        Ok(())
    }

    /// A whole request under a client-address rule.
    fn request(
        &mut self,
        row: usize,
        input: &str,
        rule: &str,
        policy: &IpPolicy,
        right: &'static [&'static str],
    ) -> Result<()> {
        let block = request_block(input);
        let mut lines = block.lines();
        let (peer, proxy) =
            lines.next().map_or(("", None), |line| line.split_once('\t').map_or((line, None), |(p, l)| (p, Some(l))));
        let headers: Vec<Value> = lines
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| json!([name, value.trim_start_matches([' ', '\t'])]))
            .collect();
        let peer = (!peer.is_empty()).then_some(peer);
        let key = self.holder(policy)?;
        let question = json!({ "key": key, "clientIp": rule, "peer": peer, "proxyLine": proxy, "headers": headers });
        self.list.push(Probe { row, question, right });
        Ok(())
    }

    /// A network, tried as the network of a trusted proxy: from inside it the header counts, from outside it does not.
    fn network(&mut self, row: usize, input: &str, canonical: &str) -> Result<()> {
        let net = Cidr::parse(canonical.as_bytes()).map_err(|error| Error::msg(format!("`{canonical}`: {error}")))?;
        // The forwarded client is of the other family, so no network holds both.
        let (client, [first, last], outside) = match net.net() {
            Ip::V4(low) => {
                let high = low | u32::MAX.checked_shr(u32::from(net.prefix())).unwrap_or(0);
                let outside = [low.checked_sub(1), high.checked_add(1)].map(|ip| ip.map(Ip::V4));
                ("2001:db8::7", [Ip::V4(low), Ip::V4(high)], outside)
            }
            Ip::V6(low) => {
                let high = low | u128::MAX.checked_shr(u32::from(net.prefix())).unwrap_or(0);
                let outside = [low.checked_sub(1), high.checked_add(1)].map(|ip| ip.map(Ip::V6));
                ("192.0.2.7", [Ip::V6(low), Ip::V6(high)], outside)
            }
        };
        for peer in [first, last] {
            self.trust(row, input, &peer.to_string(), client, VALID)?;
        }
        for peer in outside.into_iter().flatten() {
            self.trust(row, input, &peer.to_string(), client, DENIED)?;
        }
        Ok(())
    }

    fn trust(&mut self, row: usize, entry: &str, peer: &str, client: &str, right: &'static [&'static str]) -> Result<()> {
        let key = self.holder(&only(client)?)?;
        let question = json!({
            "key": key, "clientIp": { "trust": [entry] }, "peer": peer, "headers": [["X-Forwarded-For", client]],
        });
        self.list.push(Probe { row, question, right });
        Ok(())
    }

    /// The key that has this policy.
    fn holder(&mut self, policy: &IpPolicy) -> Result<String> {
        let bytes = policy.encode().context("no such policy")?;
        if let Some(text) = self.keys.get(&bytes) {
            return Ok(text.clone());
        }
        let number = self.records.len() as u64 + 1;
        let text = snapshot::key_text(&format!("address case {number}"))?;
        let mut record = snapshot::record(key::digest(text.as_bytes()), KeyId(number));
        record.ip_policy = Some(policy.clone());
        self.records.push(record);
        self.keys.insert(bytes, text.clone());
        Ok(text)
    }
}

/// Every address, but not an unknown one.
fn everywhere() -> Result<IpPolicy> {
    list(&["0.0.0.0/0", "::/0"])
}

fn only(network: &str) -> Result<IpPolicy> {
    list(&[network])
}

fn list(networks: &[&str]) -> Result<IpPolicy> {
    let parse = |text: &&str| Cidr::parse(text.as_bytes()).map_err(|error| Error::msg(format!("`{text}`: {error}")));
    let allow = networks.iter().map(parse).collect::<Result<_>>()?;
    Ok(IpPolicy { allow_mode: AllowMode::List, order: Order::AllowFirst, allow, deny: vec![] })
}
