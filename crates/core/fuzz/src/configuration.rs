//! Input: the text of a host's configuration.
//!
//! The table at the head of `edge/config.rs`; locations, rules and peppers by SPEC.md sections 9, 10 and 2.

use crate::oracle::credentials::Location;
use crate::oracle::rule::Rule;
use edgelatch_core::edge::HostConfig;
use std::collections::{BTreeSet, HashMap};

const DAYS_30: u64 = 30 * 24 * 3600;
const LAST: u64 = (1 << 53) - 1;

fn number(text: &str, from: u64, to: u64) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && (from..=to).contains(number))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let sound = text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    sound.then(|| (0..text.len()).step_by(2).filter_map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect())
}

fn peppers(text: &str) -> Option<BTreeSet<u32>> {
    let secrets = text.split(',').map(unhex).collect::<Option<Vec<_>>>()?;
    let sound = secrets.len() <= 4 && secrets.iter().all(|secret| (16..=64).contains(&secret.len()));
    let ids: BTreeSet<u32> = sound.then(|| secrets.iter().map(|secret| crate::keys::pepper_id(secret)).collect())?;
    (ids.len() == secrets.len()).then_some(ids)
}

/// Whether a setting may have this value.
fn is_sound(key: &str, value: &str) -> bool {
    match key {
        "credentials" => value.is_empty() || value.split(',').all(|name| name == "bearer" || name == "x-api-key"),
        "query" => (1..=64).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)),
        "location" => Location::read(value).is_some(),
        "service" => crate::permissions::permission(value.as_bytes()).is_some(),
        "client_ip" => Rule::read(value).is_some(),
        "mask_ip" | "allow_preflight" => value == "on" || value == "off",
        "grace" => number(value, 0, DAYS_30).is_some(),
        "min_epoch" => number(value, 0, LAST).is_some(),
        "floor" => value
            .split_once(':')
            .is_some_and(|(version, epoch)| number(version, 1, u32::MAX.into()).is_some() && number(epoch, 1, LAST).is_some()),
        "lazy" => number(value, 262_144, 3_221_225_472).is_some(),
        "fetches" => number(value, 1, 10_000).is_some(),
        "pepper" => peppers(value).is_some(),
        _ => false,
    }
}

fn read(text: &str) -> Option<HashMap<&str, &str>> {
    let mut settings = HashMap::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let (key, value) = line.split_once('=')?;
        if !is_sound(key, value) || settings.insert(key, value).is_some() {
            return None;
        }
    }
    let nowhere =
        settings.get("credentials") == Some(&"") && !settings.contains_key("query") && !settings.contains_key("location");
    let idle = settings.contains_key("fetches") && !settings.contains_key("lazy");
    (!nowhere && !idle).then_some(settings)
}

/// Checks everything of one input.
pub fn attack(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (core, settings) = (HostConfig::parse(text), read(text));
    let (core, settings) = match (core, settings) {
        (Ok(core), Some(settings)) => (core, settings),
        (Err(error), None) => return no_secret(text, &error.to_string()),
        (core, settings) => panic!("the core {core:?}, its table {settings:?}"),
    };
    assert_eq!(core.is_lazy(), settings.contains_key("lazy"));
    let location = settings.get("location").and_then(|text| Location::read(text));
    let challenge = match &location {
        None | Some(Location::Header(_, None)) => "Bearer".into(),
        Some(Location::Header(_, Some(scheme))) => scheme.clone(),
        Some(Location::Basic(_)) => "Basic".into(),
    };
    assert!(core.challenge().eq_ignore_ascii_case(&challenge));
    let interest: Vec<&str> = core.interest().collect();
    assert_eq!(interest.iter().collect::<BTreeSet<_>>().len(), interest.len(), "each once");
    assert!(interest.iter().all(|name| **name == name.to_ascii_lowercase()));
    if let Some(Location::Header(name, _)) = &location {
        assert!(interest.contains(&&**name));
    }
    // One of those that were given is no more.
    if let Some(given) = settings.get("pepper").and_then(|text| text.split(',').next()).and_then(unhex) {
        let pepper = edgelatch_core::key::Pepper::new(&given).expect("a pepper");
        assert!(core.clone().with_pepper(pepper).is_some());
    }
    let shown = format!("{core:?}").to_lowercase();
    for pepper in settings.get("pepper").into_iter().flat_map(|text| text.split(',')) {
        assert!(!shown.contains(&pepper.to_lowercase()), "a secret is shown");
    }
}

/// What is refused may hold a pepper, which no message repeats.
fn no_secret(text: &str, message: &str) {
    assert!(!message.is_empty());
    let values = text.lines().filter_map(|line| line.strip_prefix("pepper=")).flat_map(|value| value.split(','));
    for pepper in values.filter(|pepper| {
        pepper.len() >= 16 && text.matches(pepper).count() == 1 && pepper.bytes().all(|byte| byte.is_ascii_hexdigit())
    }) {
        assert!(!message.contains(pepper), "{message}");
    }
}
