//! Bytes written as edits of other bytes: a list of `[at, removed, "inserted, base64"]`, ascending, where `at` is a place in the
//! original. Most objects of the vectors differ from another one in a few bytes, so this keeps the files short.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

/// Equal bytes between two edits that are not worth ending the first for.
const GAP: usize = 6;
/// Above this product of lengths only the ends are compared.
const LARGE: usize = 4_000_000;

/// The edits that turn `base` into `bytes`.
pub fn between(base: &[u8], bytes: &[u8]) -> Value {
    let kept = if base.len() * bytes.len() > LARGE { ends(base, bytes) } else { common(base, bytes) };
    let mut edits: Vec<Value> = Vec::new();
    let (mut from, mut to) = (0, 0);
    for (a, b, len) in kept.into_iter().filter(|run| run.2 >= GAP).chain([(base.len(), bytes.len(), 0)]) {
        if (a, b) != (from, to) {
            edits.push(json!([from, a - from, BASE64_STANDARD.encode(&bytes[to..b])]));
        }
        (from, to) = (a + len, b + len);
    }
    edits.into()
}

/// The common beginning and end, as runs: place in `a`, place in `b`, length.
fn ends(a: &[u8], b: &[u8]) -> Vec<(usize, usize, usize)> {
    let head = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let tail = a[head..].iter().rev().zip(b[head..].iter().rev()).take_while(|(x, y)| x == y).count();
    vec![(0, 0, head), (a.len() - tail, b.len() - tail, tail)]
}

/// The runs of a longest common subsequence.
fn common(a: &[u8], b: &[u8]) -> Vec<(usize, usize, usize)> {
    let width = b.len() + 1;
    let mut best = vec![0u16; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            let (below, right) = (best[(i + 1) * width + j], best[i * width + j + 1]);
            best[i * width + j] = if a[i] == b[j] { best[(i + 1) * width + j + 1] + 1 } else { below.max(right) };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut runs: Vec<(usize, usize, usize)> = Vec::new();
    while i < a.len() && j < b.len() {
        if a[i] == b[j] {
            match runs.last_mut() {
                Some((x, y, len)) if (*x + *len, *y + *len) == (i, j) => *len += 1,
                _ => runs.push((i, j, 1)),
            }
            (i, j) = (i + 1, j + 1);
        } else if best[(i + 1) * width + j] >= best[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    runs
}
