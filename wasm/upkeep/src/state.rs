//! The one edge of an instance, and the areas through which text and bytes go.

use crate::table::Table;
use alloc::string::String;
use alloc::vec::Vec;
use edgelatch_core::edge::{Edge, HostConfig, Staged};
use edgelatch_core::limits::{MAX_BLOCK, MAX_CREDENTIAL_BYTES};
use edgelatch_core::say;
use edgelatch_core::text::Say;
use spin::Mutex;
use wasm_bindgen::prelude::wasm_bindgen;

/// The length that stands for "there is no text".
pub const NO_TEXT: u32 = u32::MAX;

/// Between the items of a list that is left as text: no name that the core accepts holds a control character.
pub const ITEM: char = '\u{1e}';

/// Room for more than any key that is looked at, so that a longer one is seen to be longer.
const KEY_AREA: usize = 2 * MAX_CREDENTIAL_BYTES;
/// Room for more than the text of any address, of which the longest has 45 characters.
const IP_AREA: usize = 64;
/// Room for one byte more than the longest block.
const BLOCK_AREA: usize = MAX_BLOCK + 1;
/// Room for a key's id and an address.
const NOTE_AREA: usize = NOTED_IP_AT + IP_AREA;
/// Where the key's id begins in it; it has 15 characters.
const NOTED_KEY_AT: usize = 1;
const NOTED_IP_AT: usize = 16;
/// Where the address begins in the note area.
pub const NOTED_IP: u32 = 16;
/// In the note area, says that the client's address is the one in the block as it stands there.
pub const PEER: u8 = u8::MAX;
/// Input up to this size is written where the input before it lay: bundles come in slices, thousands of them.
const REUSED_INPUT: usize = 64 * 1024;

/// Everything an instance holds.
pub struct State {
    /// The edge; `None` until [`open`].
    pub edge: Option<Edge>,
    pub(crate) staged: Option<Staged>,
    pub(crate) roots: Vec<Vec<u8>>,
    pub(crate) input: Vec<u8>,
    /// The text that the host may read.
    pub text: String,
    pub(crate) tables: [Table; 2],
    /// Bytes that were asked for beforehand, for trees that are replaced.
    pub(crate) spare: usize,
    /// See [`key_ptr`].
    pub key: Area,
    /// See [`ip_ptr`].
    pub ip: Area,
    /// See [`block_ptr`].
    pub block: Area,
    /// See [`note_ptr`].
    pub note: Note,
}

/// Never waited for: an instance that trapped halfway through a call keeps it locked, and answers as if nothing were loaded.
static STATE: Mutex<State> = Mutex::new(State {
    edge: None,
    staged: None,
    roots: Vec::new(),
    input: Vec::new(),
    text: String::new(),
    tables: [Table::new(), Table::new()],
    spare: 0,
    key: Area(Vec::new()),
    ip: Area(Vec::new()),
    block: Area(Vec::new()),
    note: Note { area: [0; NOTE_AREA], said: String::new() },
});

/// What is noted of a request.
pub struct Note {
    area: [u8; NOTE_AREA],
    /// What is said is put together here.
    said: String,
}

impl Note {
    /// Writes it as [`note_ptr`] says.
    #[inline]
    pub fn set(&mut self, told: &edgelatch_core::edge::Note<'_>) {
        if self.put(NOTED_KEY_AT, told.key_id.as_ref().map(|id| id as &dyn Say)) == 0 {
            self.area[NOTED_KEY_AT] = 0;
        }
        let length = self.put(NOTED_IP_AT, told.client.as_ref().map(|ip| ip as &dyn Say));
        let as_sent = length > 0 && told.peer == Some(self.said.as_bytes());
        self.area[0] = if as_sent { PEER } else { length };
    }

    /// Writes what there is to say, if it fits: an id and an address do. Returns how many bytes that are.
    fn put(&mut self, at: usize, what: Option<&dyn Say>) -> u8 {
        self.said.clear();
        if let Some(what) = what {
            what.say(&mut self.said);
        }
        match self.area.get_mut(at..at + self.said.len()) {
            Some(room) => room.copy_from_slice(self.said.as_bytes()),
            None => self.said.clear(),
        }
        u8::try_from(self.said.len()).unwrap_or(0)
    }
}

/// A stretch of memory that the host writes to.
pub struct Area(Vec<u8>);

impl Area {
    /// The text of this length, `None` for [`NO_TEXT`]; all of the area for one that did not fit, which is more than any rule accepts.
    #[inline]
    pub fn text(&self, length: u32) -> Option<&[u8]> {
        (length != NO_TEXT).then(|| self.0.get(..size(length)).unwrap_or(&self.0))
    }

    fn place(&mut self, size: usize) -> u32 {
        self.0.resize(size, 0);
        address(&self.0)
    }
}

/// Uses the state; `None` in an instance that stopped halfway through a call.
pub fn with<T>(user: impl FnOnce(&mut State) -> T) -> Option<T> {
    STATE.try_lock().map(|mut state| user(&mut state))
}

/// Changes the state. A refusal leaves its text and returns -1.
pub(crate) fn change<E: Say>(code: impl FnOnce(&E) -> &'static str, change: impl FnOnce(&mut State) -> Result<f64, E>) -> f64 {
    let changed = with(|state| {
        change(state).unwrap_or_else(|error| {
            refused(state, code(&error), &error);
            -1.0
        })
    });
    changed.unwrap_or(-1.0)
}

/// Here once and not in every export.
#[inline(never)]
fn refused(state: &mut State, code: &'static str, error: &dyn Say) {
    state.text.clear();
    say!(&mut state.text, code, ": ", error);
}

/// Leaves a text for the host. Returns whether there is one.
pub(crate) fn say(text: impl Fn(&State) -> Option<String>) -> u32 {
    said(&text)
}

/// Here once and not in every export.
#[inline(never)]
fn said(text: &dyn Fn(&State) -> Option<String>) -> u32 {
    let said = with(|state| {
        let text = text(state);
        let found = text.is_some();
        state.text = text.unwrap_or_default();
        found
    });
    said.unwrap_or(false).into()
}

fn area(size: usize, pick: impl FnOnce(&mut State) -> &mut Area) -> u32 {
    with(|state| pick(state).place(size)).unwrap_or(0)
}

/// Where the host writes a key, and the service for [`compile`](crate::compile()).
#[wasm_bindgen]
pub fn key_ptr() -> u32 {
    area(KEY_AREA, |state| &mut state.key)
}

/// Bytes of the key area.
#[wasm_bindgen]
pub fn key_len() -> u32 {
    length(KEY_AREA)
}

/// Where the host writes a client address.
#[wasm_bindgen]
pub fn ip_ptr() -> u32 {
    area(IP_AREA, |state| &mut state.ip)
}

/// Bytes of the address area.
#[wasm_bindgen]
pub fn ip_len() -> u32 {
    length(IP_AREA)
}

/// Where the host writes a request block, and the permission for [`compile`](crate::compile).
#[wasm_bindgen]
pub fn block_ptr() -> u32 {
    area(BLOCK_AREA, |state| &mut state.block)
}

/// Bytes of the block area.
#[wasm_bindgen]
pub fn block_len() -> u32 {
    length(BLOCK_AREA)
}

/// Where a note of a request is left: from byte 1 on the key's id, unless that byte is 0; in byte 0 how the client's address is told: 0 not at
/// all, [`PEER`] as the address in the block, else by so many characters from byte [`NOTED_IP`] on.
#[wasm_bindgen]
pub fn note_ptr() -> u32 {
    with(|state| address(&state.note.area)).unwrap_or(0)
}

/// Bytes of the note area.
#[wasm_bindgen]
pub fn note_len() -> u32 {
    length(NOTE_AREA)
}

/// Where the last text lies.
#[wasm_bindgen]
pub fn text_ptr() -> u32 {
    with(|state| address(state.text.as_bytes())).unwrap_or(0)
}

/// Bytes of the last text.
#[wasm_bindgen]
pub fn text_len() -> u32 {
    with(|state| length(state.text.len())).unwrap_or(0)
}

/// Makes room for `length` bytes that the host writes for the next call that takes them. Returns where, or 0 when there is
/// not that much memory.
#[wasm_bindgen]
pub fn input(length: u32) -> u32 {
    let room = with(|state| {
        let (size, input) = (size(length), &mut state.input);
        if size > input.capacity() || input.capacity() > REUSED_INPUT {
            // What was there goes first, so that two large ones need not fit.
            *input = Vec::new();
            input.try_reserve_exact(size).ok()?;
        }
        input.resize(size, 0);
        Some(address(input))
    });
    room.flatten().unwrap_or(0)
}

/// Sets up the edge: the input is the root, and after `root_len` bytes the configuration text.
#[wasm_bindgen]
pub fn open(root_len: u32) -> f64 {
    change(edgelatch_core::error::Error::code, |state| {
        let input = core::mem::take(&mut state.input);
        let (root, config) = input.split_at_checked(size(root_len)).unwrap_or((&input, &[]));
        let not_text = edgelatch_core::error::Error::NotText { object: "configuration" };
        let config = HostConfig::parse(core::str::from_utf8(config).map_err(|_| not_text)?)?;
        state.edge = Some(Edge::new(root, config)?);
        Ok(0.0)
    })
}

/// Where bytes lie, as the host sees it. Memory is 32 bits wide here.
#[inline]
pub fn address(bytes: &[u8]) -> u32 {
    length(bytes.as_ptr().addr())
}

/// A size as the host sees it.
#[inline]
pub fn length(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(0)
}

pub(crate) fn size(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}
