//! Bytes that nobody chose: every parser of the request path survives them, and what it accepts reads back the same.

use edgelatch_core::cidr::Cidr;
use edgelatch_core::client_ip::{ClientIpRule, PLATFORMS};
use edgelatch_core::http::{
    Block, CredentialHeaders, KeyLocation, Lines, Places, extract, host_ok, is_preflight, normalize_path,
};
use edgelatch_core::ip::Ip;
use edgelatch_core::policy::{AllowMode, IpPolicy, IpVerdict, Order, PolicyView};
use edgelatch_testkit::random::Random;

fn ip(random: &mut Random) -> Ip {
    // Few distinct values, so that they meet.
    match random.below(3) {
        0 => Ip::V4(random.number() as u32 & 0x0300_0103),
        1 => Ip::V4(random.number() as u32),
        _ => Ip::from_v6(
            u128::from(random.number() & 0x8000_0000_0000_0001) << 64 | u128::from(random.number() & 0xffff_8000_0000_0003),
        ),
    }
}

fn cidr(random: &mut Random) -> Cidr {
    let (ip, prefix) = (ip(random), random.below(129) as u8);
    match ip {
        Ip::V4(bits) => {
            let prefix = prefix % 33;
            Cidr::new(Ip::V4(bits & !u32::MAX.checked_shr(prefix.into()).unwrap_or(0)), prefix)
        }
        Ip::V6(bits) => Cidr::new(Ip::V6(bits & !u128::MAX.checked_shr(prefix.into()).unwrap_or(0)), prefix),
    }
    .unwrap_or(Cidr::host(ip))
}

const ADDRESSES: &[&str] = &[
    "0.0.0.0",
    "255.255.255.255",
    "10.0.0.1/24",
    "192.168.0.0/16",
    "::",
    "::1",
    "2001:db8::1",
    "1:2:3:4:5:6:7:8",
    "::ffff:1.2.3.4",
    "64:ff9b::1.2.3.4",
    "::/0",
    "fe80::/10",
    "1:2:3:4:5:6:1.2.3.4",
    "::ffff:0:0/96",
    "1::8",
    "0:0:1:0:0:0:1:0",
];

#[test]
fn addresses_and_networks() {
    let mut random = Random(0x5eed);
    let (mut ips, mut nets) = (0, 0);
    for _ in 0..300_000 {
        let bytes = random.mutate(ADDRESSES);
        if let Ok(ip) = Ip::parse(&bytes) {
            ips += 1;
            assert_eq!(Ip::parse(ip.to_string().as_bytes()), Ok(ip), "{bytes:?}");
            // The standard library reads the same text the same way; zones and all else it knows are refused here.
            let std: std::net::IpAddr = std::str::from_utf8(&bytes).unwrap().parse().unwrap();
            assert_eq!(ip.to_string(), std.to_canonical().to_string());
        } else if let Ok(text) = std::str::from_utf8(&bytes) {
            assert!(text.parse::<std::net::IpAddr>().is_err(), "{text}");
        }
        match Cidr::parse(&bytes) {
            Ok(net) => {
                nets += 1;
                assert_eq!(Cidr::parse(net.to_string().as_bytes()), Ok(net), "{bytes:?}");
                assert!(net.contains(net.net()));
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    assert!(ips > 10_000 && nets > 20_000, "{ips} {nets}: the mutations still hit valid texts");
}

#[test]
fn display_is_canonical_for_every_pattern_of_zeros() {
    for pattern in 0..=255u32 {
        let bits = (0..8).fold(0u128, |bits, group| bits << 16 | if pattern >> group & 1 == 1 { 0xa0b } else { 0 });
        let ip = Ip::from_v6(bits);
        assert_eq!(ip.to_string(), std::net::Ipv6Addr::from_bits(bits).to_string());
        assert_eq!(Ip::parse(ip.to_string().as_bytes()), Ok(ip));
    }
}

/// The rule of the specification, word for word, over the entries as given.
fn naive(policy: &IpPolicy, ip: Option<Ip>) -> IpVerdict {
    if policy.is_unrestricted() {
        return IpVerdict::Allowed;
    }
    let Some(ip) = ip else { return IpVerdict::Unknown };
    let holds = |list: &[Cidr]| list.iter().any(|entry| entry.contains(ip));
    let (listed, denied) = (holds(&policy.allow), holds(&policy.deny));
    let allowed = match (policy.allow_mode, policy.order) {
        (AllowMode::Any, _) => !denied,
        (AllowMode::List, Order::AllowFirst) => listed,
        (AllowMode::List, Order::DenyFirst) => listed && !denied,
    };
    if allowed { IpVerdict::Allowed } else { IpVerdict::Denied }
}

#[test]
fn policies() {
    let mut random = Random(0xbead);
    for round in 0..3_000 {
        let list = |random: &mut Random| {
            (0..random.below(if round % 10 == 0 { 60 } else { 5 })).map(|_| cidr(random)).collect::<Vec<_>>()
        };
        let allow_mode = if random.below(3) == 0 { AllowMode::Any } else { AllowMode::List };
        let order = if random.below(2) == 0 { Order::AllowFirst } else { Order::DenyFirst };
        let allow = if allow_mode == AllowMode::Any { Vec::new() } else { list(&mut random) };
        let mut policy = IpPolicy { allow_mode, order, allow, deny: list(&mut random) };
        let bytes = policy.encode().unwrap();
        let view = PolicyView::validate(&bytes).unwrap();
        assert_eq!(view.decide(None), naive(&policy, None));
        for _ in 0..40 {
            let ip = ip(&mut random);
            assert_eq!(view.decide(Some(ip)), naive(&policy, Some(ip)), "{policy:?} {ip}");
        }
        for entry in policy.allow.iter().chain(&policy.deny) {
            assert_eq!(view.decide(Some(entry.net())), naive(&policy, Some(entry.net())), "{policy:?} {entry}");
        }
        let again = IpPolicy { allow: view.allow().collect(), deny: view.deny().collect(), ..policy.clone() };
        assert_eq!(again.encode().unwrap(), bytes, "what is read encodes to the same bytes");
        policy.allow.reverse();
        policy.deny.reverse();
        assert_eq!(policy.encode().unwrap(), bytes, "the order of entries does not matter");
        // Damaged bytes are refused or are another canonical policy, and never panic.
        let mut damaged = bytes;
        for _ in 0..1 + random.below(3) {
            let at = random.below(damaged.len());
            damaged[at] ^= 1 << random.below(8);
        }
        PolicyView::new_unchecked_len(&damaged).decide(Some(ip(&mut random)));
        if let Ok(view) = PolicyView::validate(&damaged) {
            let read = IpPolicy {
                allow_mode: view.allow_mode(),
                order: view.order(),
                allow: view.allow().collect(),
                deny: view.deny().collect(),
            };
            assert_eq!(read.encode().unwrap(), damaged);
        }
    }
}

const BLOCKS: &[&str] = &[
    "10.0.0.2\nGET /a/../b?api_key=K1&x=%41#f\nHost: api.example.com:8443\nAuthorization: Bearer K1==\n",
    "::1\tPROXY TCP6 ::ffff:198.51.100.9 ::1 5555 443\nOPTIONS /\nOrigin: https://a.example\nAccess-Control-Request-Method: PUT\n",
    "\nPOST http://u@[::1]:80/x?y\nAuthorization: Digest username=\"a\\\"b\", realm=c , q = \"d\"\nX-API-Key: \t K1\n",
    "10.0.0.1\nGET *\nX-Forwarded-For: 1.1.1.1, [::1]:80 ,10.0.0.3:1\nX-Forwarded-For: ::1\nhost:[::1]:80\n",
    "10.0.0.1\tPROXY TCP4 10.0.0.9 10.0.0.2 5555 443\nGET /\nForwarded: for=\"[2001:db8::1]:_a\";by=\"a,\\\"b\";proto=https, For=1.1.1.1\n",
    "\nGET /\nCF-Connecting-IP: 240.1.2.3\nCF-Connecting-IPv6: 2001:db8::1\nCloudFront-Viewer-Address: 2001:db8::1:80\n",
];

fn rules() -> Vec<ClientIpRule> {
    let mut texts: Vec<String> = PLATFORMS.iter().map(|p| format!("platform={}", p.name)).collect();
    for text in [
        "trust=none",
        "trust=10.0.0.0/8,::1",
        "trust=10.0.0.0/8,::1;header=forwarded",
        "hops=1;header=x-api-key",
        "hops=2",
        "hops=3;header=forwarded",
        "proxy_protocol=trust:10.0.0.0/8,::1;trust=10.0.0.0/8",
        "trust=0.0.0.0/0,::/0;header=x-real-ip",
    ] {
        texts.push(text.into());
    }
    texts.iter().map(|text| ClientIpRule::parse(text).unwrap()).collect()
}

#[test]
fn request_blocks() {
    let mut random = Random(0xb10c);
    let rules = rules();
    let location = |text| Some(KeyLocation::parse(text).unwrap());
    let locations = [
        None,
        location("header x-own"),
        location("header authorization Token"),
        location("header authorization"),
        location("basic username"),
        location("basic password"),
    ];
    let mut read = 0;
    for _ in 0..60_000 {
        let bytes = random.mutate(BLOCKS);
        // Raw lines too: hosts may call `derive` without a block.
        let rule = &rules[random.below(rules.len())];
        rule.derive(Some(&bytes), Some(&bytes), Lines::new(&bytes));
        assert!(Lines::new(&bytes).count() <= bytes.len());
        let Ok(block) = Block::parse(&bytes) else { continue };
        read += 1;
        for rule in &rules {
            rule.derive(block.peer(), block.proxy_line(), block.lines());
        }
        let location = &locations[random.below(locations.len())];
        for query in [None, Some("api_key")] {
            let places = Places { credentials: CredentialHeaders::all(), query, location: location.as_ref() };
            if let Ok(key) = extract(&block, places) {
                assert!(!key.is_empty() && key.is_ascii() && !key.contains(&b' '));
            }
        }
        host_ok(&block);
        is_preflight(&block);
        normalize_path(block.path());
    }
    assert!(read > 20_000, "{read}: the mutations still hit valid blocks");
}

/// How a router or file server reads a path: as names, after it decoded it so many times, taking so much for structure.
fn names(path: &[u8], decodings: usize, structure: &[u8]) -> Vec<Vec<u8>> {
    let mut bytes = path.to_vec();
    for _ in 0..decodings {
        let mut decoded = Vec::new();
        let mut rest = &bytes[..];
        while let Some((&first, after)) = rest.split_first() {
            let digits = rest.get(1..3).and_then(|d| std::str::from_utf8(d).ok()).filter(|_| first == b'%');
            let byte = digits.filter(|d| !d.starts_with('+')).and_then(|d| u8::from_str_radix(d, 16).ok());
            decoded.push(byte.unwrap_or(first));
            rest = if byte.is_some() { &rest[3..] } else { after };
        }
        bytes = decoded;
    }
    if structure.contains(&b'?') {
        bytes.truncate(bytes.iter().position(|b| b"?#\0".contains(b)).unwrap_or(bytes.len()));
    }
    let mut names: Vec<Vec<u8>> = Vec::new();
    for name in bytes.split(|b| *b == b'/' || *b == b'\\' && structure.contains(b)) {
        let end = name.iter().position(|b| *b == b';' && structure.contains(b)).unwrap_or(name.len());
        match &name[..end] {
            b"" | b"." => {}
            b".." => drop(names.pop()),
            name => names.push(name.to_vec()),
        }
    }
    names
}

const PATHS: &[&str] = &[
    "/",
    "/public/..%2fadmin/secret.txt",
    "/public/%2e%2e/%61dmin;x=1/./b/",
    "/a%252f%252E%252e%5cb//c",
    "/%25%32%66/%25%36%31/100%25/%40b:c",
    "/%C3%A9/%c0%af/%e2%82%ac{|}",
    "/v1/zones/a%20b/%3f%23%00",
    "/users/ada%40example.com/%7Edata/%2Bx",
];

#[test]
fn every_reader_reads_a_normal_path_alike() {
    let mut random = Random(0x9a7);
    let (mut normal, mut respelt) = (0, 0);
    for _ in 0..100_000 {
        let path = random.mutate(PATHS);
        let Some(found) = normalize_path(&path) else { continue };
        normal += 1;
        respelt += u32::from(found.as_bytes() != path);
        let meant: Vec<Vec<u8>> =
            found.split('/').filter(|name| !name.is_empty()).map(|name| names(name.as_bytes(), 1, b"").concat()).collect();
        let cut = path.split(|b| b"?#".contains(b)).next().unwrap();
        for text in [cut, found.as_bytes()] {
            for decodings in 1..4 {
                for structure in [&b""[..], b"\\", b";", b"?", b"\\;?"] {
                    assert_eq!(names(text, decodings, structure), meant, "{path:?} {decodings} {structure:?}");
                }
            }
        }
        assert_eq!(found.ends_with('/'), cut.ends_with(b"/"));
        assert!(found.len() <= 3 * path.len());
        assert_eq!(normalize_path(found.as_bytes()), Some(found.clone()), "once is enough");
    }
    assert!(normal > 10_000 && respelt > 2_000, "{normal} {respelt}: the mutations still hit paths of either kind");
}

#[test]
fn rules_and_pure_noise() {
    let mut random = Random(0xf00d);
    let seeds =
        ["trust=10.0.0.0/8,::1;header=forwarded", "hops=2", "platform=cloudflare", "proxy_protocol=trust:10.0.0.0/8;hops=1"];
    for _ in 0..60_000 {
        let text = String::from_utf8_lossy(&random.mutate(&seeds)).into_owned();
        match ClientIpRule::parse(&text) {
            Ok(rule) => assert!(rule.header_names().all(|name| name == name.to_ascii_lowercase())),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
        let noise: Vec<u8> = (0..random.below(40)).map(|_| random.number() as u8).collect();
        assert!(Ip::parse(&noise).is_err() || noise.is_ascii());
        let _ =
            (Cidr::parse(&noise), Block::parse(&noise).is_ok(), PolicyView::validate(&noise).is_ok(), normalize_path(&noise));
    }
}
