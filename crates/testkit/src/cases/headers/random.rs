//! Requests that chance makes: sound ones, with what clients, proxies and attackers do to them.

use super::{keys::Keys, language::Call};
use crate::random::Random;
use anyhow::Result;

/// How often each comes is how often it stands here.
const METHODS: &[&str] = &["GET", "GET", "GET", "GET", "HEAD", "POST", "OPTIONS", "DELETE", "PATCH"];

const TARGETS: &[&str] = &[
    "/",
    "/",
    "/",
    "/zones?page=2",
    "/?api_key=K1",
    "/?api_key=K2&a=b",
    "/?a=b&api_key=K1",
    "/?api_key=K1&api_key=K1",
    "/?API_KEY=K1",
    "/?api%5Fkey=K1",
    "/?api_key=",
    "/?api_key=KREV",
    "/?api_key=K1%20",
    "/?api_key=K1+",
    "/a/../b",
    "//x",
    "/%2e%2e/admin",
    "/?a=%00",
    "http://api.example.com/",
    "/?api_key=\"K1\"",
    "/?x=1;api_key=K1",
    "/?&api_key=K1&",
    "/?api_key=K1=",
];

/// Header lines that matter, in the ways in which they are written.
const LINES: &[&str] = &[
    "Authorization: Bearer K1",
    "Authorization: Bearer K1",
    "Authorization: Bearer K1",
    "authorization: bearer K2",
    "X-API-Key: K1",
    "X-API-Key: K1",
    "x-api-key:K2",
    "AUTHORIZATION:\tBEARER  K1\t ",
    "Authorization: Bearer KREV",
    "Authorization: Bearer KEXP",
    "Authorization: Bearer KDIS",
    "Authorization: Bearer KNBF",
    "Authorization: Bearer KUNK",
    "X-API-Key: KIP",
    "X-API-Key: K1:flip",
    "Authorization: Bearer",
    "Authorization:",
    "X-API-Key:",
    "Authorization: Basic dTpw",
    "Authorization: Basic dTpw, Bearer K1",
    "Authorization: Digest username=\"u\", realm=\"r\"",
    "Authorization: Bearer K1, Bearer K2",
    "Authorization: Bearer \"K1\"",
    "Authorization: BearerK1",
    "Authorization: K1",
    "X-API-Key: Bearer K1",
    "X-API-Key: K1,K2",
    "X-API-Key: K1 K2",
    "Authorization: Bearer K1=",
    "Authorization: Bearer K1:id",
    "Authorization: Bearer K1:upper",
];
/// Lines beside them: some of them decide, most must not matter.
const OTHERS: &[&str] = &[
    "Origin: https://app.example.com",
    "Access-Control-Request-Method: GET",
    "Cookie: api_key=K1; a=b",
    "Accept: */*",
    "X-Forwarded-For: 10.0.0.1",
    "Forwarded: for=10.0.0.1",
    "X-Real-IP: 10.0.0.1",
    "X-Edgelatch-Key-Id: key_1",
    "Proxy-Authorization: Bearer K1",
    "X_API_Key: K1",
    "X-Api-Keys: K1",
    "X-HTTP-Method-Override: OPTIONS",
    "X-Original-URL: /?api_key=K1",
    "Via: 1.1 proxy",
    "Host: api.example.com",
    "Host: api.example.com:443",
    "Host: localhost/x?",
    "Host: a b",
    "Host: 127.1",
];
/// What is put in somewhere.
const PIECES: &[&str] = &[
    " ", "\t", ",", "\"", "=", "==", "%20", "%4b", "+", "/", "\\", ";", "#", "?", "&", ":", "\u{a0}", "\u{85}", "\u{e9}",
    "\u{ff}", "\u{7f}", "\u{1}", "~", "\u{200b}", "K1", ", ", "Bearer ", "bearer", "A",
];

/// A request.
pub fn call(random: &mut Random, keys: &Keys) -> Result<Call> {
    let mut call = Call::parse("-", keys)?;
    call.method = random.pick(METHODS).into();
    let target = keys.fill(random.pick(TARGETS))?;
    call.target = changed(random, target, 4);
    for _ in 0..[0, 1, 1, 1, 1, 2][random.below(6)] {
        call.lines.push(random.pick(LINES).into());
    }
    for _ in 0..[0, 0, 1, 2][random.below(4)] {
        call.lines.push(random.pick(OTHERS).into());
    }
    for at in 0..call.lines.len() {
        let other = random.below(at + 1);
        call.lines.swap(at, other);
    }
    for line in &mut call.lines {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = keys.fill(&format!("v:{value}"))?.split_off(2);
        *line = format!("{name}:{}", changed(random, value, 3));
    }
    call.host = random.below(20) > 0;
    Ok(call)
}

/// One time in so many with a few characters put in, taken out, doubled or in the other case.
fn changed(random: &mut Random, text: String, one_in: usize) -> String {
    if random.below(one_in) > 0 {
        return text;
    }
    let mut characters: Vec<char> = text.chars().collect();
    for _ in 0..=random.below(2) {
        // A target keeps its first character, without which it is another kind of text.
        let at = random.below(characters.len() + 1).max(1).min(characters.len());
        match random.below(5) {
            0 if at < characters.len() => drop(characters.remove(at)),
            1 if at < characters.len() => characters.insert(at, characters[at]),
            2 if at < characters.len() => {
                let character = characters[at];
                characters[at] = if character.is_ascii_lowercase() {
                    character.to_ascii_uppercase()
                } else {
                    character.to_ascii_lowercase()
                };
            }
            3 => characters.truncate(at),
            _ => drop(characters.splice(at..at, random.pick(PIECES).chars())),
        }
    }
    characters.into_iter().collect()
}
