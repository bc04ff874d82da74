//! The host's side: bytes in, numbers and texts out.

use super::*;

pub const CONFIG: &str = "client_ip=trust=10.0.0.0/8;header=x-client\n";
pub const OFFICE: &str = "198.51.100.9";
/// The requirement that demands nothing.
pub const NONE: u32 = 1;

pub fn fixture(path: &[&str]) -> JsValue {
    let all = JSON::parse(include_str!("../../../tests/runtimes/fixture.json")).unwrap();
    path.iter().fold(all, |value, key| Reflect::get(&value, &JsValue::from_str(key)).unwrap())
}

pub fn text(path: &[&str]) -> String {
    fixture(path).as_string().unwrap()
}

pub fn bytes(path: &[&str]) -> Vec<u8> {
    let word = |c: u8| b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".iter().position(|d| *d == c);
    let mut out = Vec::new();
    for chunk in text(path).as_bytes().chunks(4) {
        let digits: Vec<usize> = chunk.iter().filter_map(|c| word(*c)).collect();
        let bits = digits.iter().fold(0, |bits, digit| bits << 6 | digit) << (6 * (4 - digits.len()));
        out.extend(u32::try_from(bits).unwrap().to_be_bytes()[1..].iter().take(digits.len() - 1));
    }
    out
}

pub fn now() -> f64 {
    fixture(&["start"]).as_f64().unwrap() + 10.0
}

/// What a host does through its view of the memory.
pub fn write(at: u32, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).unwrap();
    view(at, length).copy_from(bytes);
}

pub fn view(at: u32, length: u32) -> Uint8Array {
    let memory: WebAssembly::Memory = wasm_bindgen::memory().unchecked_into();
    Uint8Array::new_with_byte_offset_and_length(&memory.buffer(), at, length)
}

pub fn said() -> String {
    String::from_utf8(view(wasm::text_ptr(), wasm::text_len()).to_vec()).unwrap()
}

/// The text that an answer of `identity` points to.
pub fn told(answer: f64) -> String {
    let (length, at) = ((answer / 4_294_967_296.0) as u32, (answer % 4_294_967_296.0) as u32);
    String::from_utf8(view(at, length).to_vec()).unwrap()
}

/// What is noted of a request: the key's id and the client's address.
pub fn noted(request: &str) -> (Option<String>, Option<String>) {
    write(wasm::block_ptr(), request.as_bytes());
    let packed = wasm::verify_noting(length(request), NONE, now());
    assert_eq!(packed, wasm::verify_block(length(request), NONE, now()));
    let note = view(wasm::note_ptr(), wasm::note_len()).to_vec();
    let text = |at: usize, length: usize| Some(String::from_utf8(note[at..at + length].to_vec()).unwrap());
    let client = match note[0] {
        0 => None,
        wasm::PEER => Some("as given".to_owned()),
        length => text(wasm::NOTED_IP as usize, length.into()),
    };
    (if note[1] == 0 { None } else { text(1, 15) }, client)
}

pub fn give(bytes: &[u8]) {
    let at = wasm::input(u32::try_from(bytes.len()).unwrap());
    assert_ne!(at, 0);
    write(at, bytes);
}

pub fn length(text: &str) -> u32 {
    u32::try_from(text.len()).unwrap()
}

pub fn open(config: &str) {
    let root = bytes(&["roots", "0"]);
    give(&[root.as_slice(), config.as_bytes()].concat());
    assert_eq!(wasm::open(u32::try_from(root.len()).unwrap()), 0.0, "{}", said());
}

/// An answer, or the stable code of the refusal.
pub fn accepted(answer: f64) -> Result<f64, String> {
    if answer < 0.0 { Err(said().split(": ").next().unwrap_or_default().to_owned()) } else { Ok(answer) }
}

/// Offers a bundle by its beginning, feeds it piece by piece, and commits.
pub fn take(bundle: &[u8], now: f64) -> Result<(), String> {
    give(bundle.get(..bundle.len().min(4096)).unwrap_or_default());
    accepted(wasm::offer(now))?;
    feed(bundle, now)
}

/// The same under the head that was offered last.
pub fn feed(bundle: &[u8], now: f64) -> Result<(), String> {
    accepted(wasm::begin(now))?;
    for piece in bundle.chunks(100) {
        give(piece);
        accepted(wasm::feed())?;
    }
    accepted(wasm::commit(now)).map(|_| ())
}

/// What the candidate, or the tree that serves, lacks: place, length, offset, digest.
pub fn lacks(list: impl Fn(u32, u32) -> u32, from: u32) -> Vec<(u32, usize, usize, String)> {
    if list(from, 100) == 0 {
        return Vec::new();
    }
    let line = |line: &str| {
        let [place, length, offset, digest] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        (place.parse().unwrap(), length.parse().unwrap(), offset.parse().unwrap(), digest.to_owned())
    };
    said().lines().map(line).collect()
}

pub fn serve() {
    open(CONFIG);
    take(&bytes(&["snapshots", "first", "bundle"]), now()).unwrap();
}

pub fn code(packed: f64) -> &'static str {
    edgelatch_core::verdict::CODES[(packed % 64.0) as usize].name
}

pub fn ask_at(key: &str, now: f64) -> &'static str {
    write(wasm::key_ptr(), key.as_bytes());
    code(wasm::verify_key(length(key), wasm::NO_TEXT, NONE, now))
}

pub fn ask(key: &str, ip: Option<&str>, requirement: u32) -> f64 {
    write(wasm::key_ptr(), key.as_bytes());
    write(wasm::ip_ptr(), ip.unwrap_or_default().as_bytes());
    wasm::verify_key(length(key), ip.map_or(wasm::NO_TEXT, length), requirement, now())
}

pub fn compile(service: Option<&str>, permission: Option<&str>) -> u32 {
    write(wasm::key_ptr(), service.unwrap_or_default().as_bytes());
    write(wasm::block_ptr(), permission.unwrap_or_default().as_bytes());
    wasm::compile(service.map_or(wasm::NO_TEXT, length), permission.map_or(wasm::NO_TEXT, length))
}

pub fn block(text: &str) -> f64 {
    write(wasm::block_ptr(), text.as_bytes());
    wasm::verify_block(length(text), NONE, now())
}
