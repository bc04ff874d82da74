//! A small MaxMind database (<https://maxmind.github.io/MaxMind-DB/>), made for a test: networks and their countries.

use std::net::IpAddr;

/// Where a node of the tree leads to, on one of its two sides.
#[derive(Clone, Copy)]
enum Side {
    Nothing,
    Node(usize),
    /// At this place of the data.
    Data(usize),
}

const MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";
/// Bytes of zeros between the tree and the data.
const GAP: usize = 16;

fn text(to: &mut Vec<u8>, text: &str) {
    assert!(text.len() < 29, "longer texts are written in another way");
    to.push(2 << 5 | u8::try_from(text.len()).unwrap());
    to.extend(text.as_bytes());
}

/// A number of 16 bits.
fn short(to: &mut Vec<u8>, value: u16) {
    to.push(5 << 5 | 2);
    to.extend(value.to_be_bytes());
}

/// The database of some networks: an address, the length of its prefix, and a country.
pub fn countries(all: &[(&str, u8, &str)]) -> Vec<u8> {
    let (mut nodes, mut data) = (vec![[Side::Nothing; 2]], Vec::new());
    for (address, prefix, country) in all {
        // IPv4 lies below ::/96.
        let (bits, length) = match address.parse().unwrap() {
            IpAddr::V4(ip) => (u128::from(u32::from(ip)), prefix + 96),
            IpAddr::V6(ip) => (u128::from(ip), *prefix),
        };
        let (place, mut at) = (data.len(), 0);
        data.push(7 << 5 | 1);
        text(&mut data, "country");
        data.push(7 << 5 | 1);
        text(&mut data, "iso_code");
        text(&mut data, country);
        for depth in 0..length {
            let side = usize::from((bits >> (127 - depth)) & 1 == 1);
            at = match nodes[at][side] {
                _ if depth + 1 == length => {
                    nodes[at][side] = Side::Data(place);
                    break;
                }
                Side::Node(next) => next,
                _ => {
                    nodes.push([Side::Nothing; 2]);
                    nodes[at][side] = Side::Node(nodes.len() - 1);
                    nodes.len() - 1
                }
            };
        }
    }
    let count = nodes.len();
    let mut bytes = Vec::new();
    for side in nodes.into_iter().flatten() {
        let value = match side {
            Side::Nothing => count,
            Side::Node(node) => node,
            Side::Data(place) => count + GAP + place,
        };
        bytes.extend(&u32::try_from(value).unwrap().to_be_bytes()[1..]);
    }
    bytes.extend([0; GAP]);
    bytes.extend(data);
    bytes.extend(MARKER);
    bytes.push(7 << 5 | 9);
    for (name, value) in
        [("binary_format_major_version", 2), ("binary_format_minor_version", 0), ("ip_version", 6), ("record_size", 24)]
    {
        text(&mut bytes, name);
        short(&mut bytes, value);
    }
    text(&mut bytes, "node_count");
    bytes.push(6 << 5 | 4);
    bytes.extend(u32::try_from(count).unwrap().to_be_bytes());
    text(&mut bytes, "build_epoch");
    bytes.extend([8, 2]);
    bytes.extend(1_769_817_600u64.to_be_bytes());
    text(&mut bytes, "database_type");
    text(&mut bytes, "Test-Country");
    text(&mut bytes, "description");
    bytes.push(7 << 5);
    text(&mut bytes, "languages");
    bytes.extend([0, 4]);
    bytes
}
