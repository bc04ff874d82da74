//! Makes the throw-away realms of `edgelatch/testing`: keys, a tree, a root and a head, all by the core's own builders, so that they are what a
//! control plane publishes. Like the module that verifies it takes and returns numbers; bytes go through two areas of this module's memory:
//!
//! | area | written by | read by |
//! |---|---|---|
//! | input | the host, after [`input`] made room | [`issue`], [`realm`] |
//! | output | [`issue`], [`realm`] | the host, from [`output_ptr`] on |
#![forbid(unsafe_code)]

mod made;
mod read;

use std::sync::Mutex;
use wasm_bindgen::prelude::wasm_bindgen;

#[derive(Default)]
struct State {
    input: Vec<u8>,
    output: Vec<u8>,
}

static STATE: Mutex<State> = Mutex::new(State { input: Vec::new(), output: Vec::new() });

/// `None` in an instance that stopped halfway through a call.
fn with<T>(user: impl FnOnce(&mut State) -> T) -> Option<T> {
    STATE.try_lock().ok().map(|mut state| user(&mut state))
}

fn address(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.as_ptr().addr()).unwrap_or(0)
}

/// Makes room for `length` bytes of input. Returns where.
#[wasm_bindgen]
pub fn input(length: u32) -> u32 {
    let room = with(|state| {
        state.input = vec![0; usize::try_from(length).unwrap_or(0)];
        address(&state.input)
    });
    room.unwrap_or(0)
}

/// Where the output lies.
#[wasm_bindgen]
pub fn output_ptr() -> u32 {
    with(|state| address(&state.output)).unwrap_or(0)
}

/// Bytes of the output.
#[wasm_bindgen]
pub fn output_len() -> u32 {
    with(|state| u32::try_from(state.output.len()).unwrap_or(0)).unwrap_or(0)
}

/// Makes the text of a key out of random bytes, the input: 128 are enough.
#[wasm_bindgen]
pub fn issue() {
    with(|state| state.output = made::key(&state.input));
}

/// Makes a realm out of 64 random bytes, from which its two signing keys come, and the text that [`read`] reads behind them. Returns how many bytes of
/// the output are the root, behind which the bundle stands; -1 when the output says what is wrong with the text.
#[wasm_bindgen]
pub fn realm() -> f64 {
    let made = with(|state| {
        let made = made::realm(&state.input);
        let (number, output) = match made {
            Ok((root, bundle)) => {
                let length = u32::try_from(root.len()).unwrap_or(0);
                (f64::from(length), [root, bundle].concat())
            }
            Err(wrong) => (-1.0, wrong.into_bytes()),
        };
        state.output = output;
        number
    });
    made.unwrap_or(-1.0)
}
