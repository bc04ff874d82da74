//! The IP policy of a key: who decides, in which order, and the bytes it is stored as.
//!
//! ```text
//! policy   := flags:u8 zero:u8 allow4:u16 allow6:u16 deny4:u16 deny6:u16 list(allow4) list(allow6) list(deny4) list(deny6)
//! flags    := bit 0: allow_mode is list; bit 1: order is deny_first; other bits 0
//! list(n)  := n networks, then n prefixes of one byte
//! network  := u32 in an IPv4 list; u64 high half, u64 low half in an IPv6 list; little-endian
//! ```
//! A list ascends strictly by network, its entries are disjoint and have no host bits, so that one binary search answers.
//! The encoder drops what lies inside a wider entry of the same list. `allow_mode = any` has no allow entries.

#[cfg(feature = "builder")]
use crate::cidr::minimal;
use crate::cidr::{Cidr, covers4, covers6};
use crate::ip::Ip;
#[cfg(feature = "builder")]
use alloc::vec::Vec;
use core::fmt;

/// Whether an allow list decides at all.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum AllowMode {
    /// Every address, except denied ones.
    #[default]
    Any,
    /// Only listed addresses; with no entry, nobody.
    List,
}

/// What an address in both lists gets.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Order {
    /// A non-empty allow list alone decides; deny entries beside it have no effect.
    #[default]
    AllowFirst,
    /// A denied address is refused whatever the allow list says.
    DenyFirst,
}

/// The answer of a policy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IpVerdict {
    /// The address may use the key.
    Allowed,
    /// It may not.
    Denied,
    /// There is a policy, and the address is not known: refused.
    Unknown,
}

/// Why a policy cannot be encoded, or bytes are not one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum PolicyError {
    /// Allow entries with `allow_mode = any`.
    AllowWithoutList,
    /// More entries than the format counts.
    TooMany {
        /// Entries of the list.
        entries: usize,
    },
    /// The length is not what the counts announce.
    Length,
    /// A reserved bit is set.
    Flags,
    /// Entries are unsorted, repeated, overlapping, or no networks.
    Entries,
}

/// A policy as an administrator states it; only enabled entries are in it.
#[cfg(feature = "builder")]
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct IpPolicy {
    /// Whether the allow list decides.
    pub allow_mode: AllowMode,
    /// What wins.
    pub order: Order,
    /// Who may.
    pub allow: Vec<Cidr>,
    /// Who may not.
    pub deny: Vec<Cidr>,
}

#[cfg(feature = "builder")]
impl IpPolicy {
    /// The canonical bytes: the same networks in any order and spelling give the same bytes.
    pub fn encode(&self) -> Result<Vec<u8>, PolicyError> {
        if self.allow_mode == AllowMode::Any && !self.allow.is_empty() {
            return Err(PolicyError::AllowWithoutList);
        }
        let flags = u8::from(self.allow_mode == AllowMode::List) | u8::from(self.order == Order::DenyFirst) << 1;
        let (mut head, mut lists) = (Vec::from([flags, 0]), Vec::new());
        for list in [&self.allow, &self.deny] {
            let minimal = minimal(list.clone());
            let fours = minimal.iter().take_while(|c| matches!(c.net(), Ip::V4(_))).count();
            let (v4, v6) = minimal.split_at_checked(fours).unwrap_or_default();
            for family in [v4, v6] {
                let entries = family.len();
                let count = u16::try_from(entries).map_err(|_| PolicyError::TooMany { entries })?;
                head.extend_from_slice(&count.to_le_bytes());
                for entry in family {
                    match entry.net() {
                        Ip::V4(net) => lists.extend_from_slice(&net.to_le_bytes()),
                        Ip::V6(net) => lists.extend_from_slice(&net.rotate_left(64).to_le_bytes()),
                    }
                }
                lists.extend(family.iter().map(Cidr::prefix));
            }
        }
        head.append(&mut lists);
        Ok(head)
    }

    /// Whether the policy lets every request through, known address or not.
    pub fn is_unrestricted(&self) -> bool {
        self.allow_mode == AllowMode::Any && self.deny.is_empty()
    }
}

/// Encoded policies are read in place.
#[derive(Clone, Copy, Debug)]
pub struct PolicyView<'a>(&'a [u8]);

/// Bytes before the lists.
const HEADER: usize = 10;

/// The four lists, split by length alone.
struct Lists<'a> {
    list_mode: bool,
    deny_first: bool,
    allow: Pair<'a>,
    deny: Pair<'a>,
}

#[derive(Clone, Copy)]
struct Pair<'a> {
    nets4: &'a [[u8; 4]],
    prefixes4: &'a [u8],
    nets6: &'a [[u8; 16]],
    prefixes6: &'a [u8],
}

impl<'a> PolicyView<'a> {
    /// Checks that the bytes are exactly one canonical policy.
    pub fn validate(bytes: &'a [u8]) -> Result<PolicyView<'a>, PolicyError> {
        let view = PolicyView(bytes);
        if Self::encoded_len(bytes) != Some(bytes.len()) {
            return Err(PolicyError::Length);
        }
        let lists = view.lists().ok_or(PolicyError::Length)?;
        if bytes.first().is_none_or(|flags| flags & !3 != 0) || bytes.get(1) != Some(&0) {
            return Err(PolicyError::Flags);
        }
        if !lists.list_mode && lists.allow.entries().next().is_some() {
            return Err(PolicyError::AllowWithoutList);
        }
        for pair in [lists.allow, lists.deny] {
            let mut before: Option<Cidr> = None;
            for entry in pair.entries() {
                let entry = entry.ok_or(PolicyError::Entries)?;
                if before.is_some_and(|b| entry <= b || b.contains(entry.net())) {
                    return Err(PolicyError::Entries);
                }
                before = Some(entry);
            }
        }
        Ok(view)
    }

    /// A view of bytes already validated, which may be followed by others. On bytes that are none, [`decide`] refuses.
    ///
    /// [`decide`]: PolicyView::decide
    #[inline]
    pub const fn new_unchecked_len(bytes: &'a [u8]) -> PolicyView<'a> {
        PolicyView(bytes)
    }

    /// How many bytes the policy at the start of `bytes` announces.
    pub fn encoded_len(bytes: &[u8]) -> Option<usize> {
        let [a4, a6, d4, d6] = counts(bytes)?;
        Some(HEADER + 5 * (a4 + d4) + 17 * (a6 + d6))
    }

    /// Whether `ip` may use the key. `None` is an address that is not known.
    #[inline]
    pub fn decide(&self, ip: Option<Ip>) -> IpVerdict {
        let Some(lists) = self.lists() else { return IpVerdict::Denied };
        if !lists.list_mode && lists.deny.is_empty() {
            return IpVerdict::Allowed;
        }
        let Some(ip) = ip else { return IpVerdict::Unknown };
        let allow_decides = lists.list_mode && !lists.deny_first && !lists.allow.is_empty();
        let refused = (!allow_decides && lists.deny.contains(ip)) || (lists.list_mode && !lists.allow.contains(ip));
        if refused { IpVerdict::Denied } else { IpVerdict::Allowed }
    }

    /// Whether only listed addresses pass.
    pub fn allow_mode(&self) -> AllowMode {
        if self.0.first().is_some_and(|flags| flags & 1 == 0) { AllowMode::Any } else { AllowMode::List }
    }

    /// What wins.
    pub fn order(&self) -> Order {
        if self.0.first().is_some_and(|flags| flags & 2 == 0) { Order::AllowFirst } else { Order::DenyFirst }
    }

    /// The allow entries, IPv4 first.
    pub fn allow(&self) -> impl Iterator<Item = Cidr> + use<'a> {
        self.lists().into_iter().flat_map(|lists| lists.allow.entries()).flatten()
    }

    /// The deny entries, IPv4 first.
    pub fn deny(&self) -> impl Iterator<Item = Cidr> + use<'a> {
        self.lists().into_iter().flat_map(|lists| lists.deny.entries()).flatten()
    }

    #[inline]
    fn lists(&self) -> Option<Lists<'a>> {
        let &flags = self.0.first()?;
        let [a4, a6, d4, d6] = counts(self.0)?;
        let (allow, rest) = Pair::split(self.0.get(HEADER..)?, a4, a6)?;
        let (deny, _) = Pair::split(rest, d4, d6)?;
        Some(Lists { list_mode: flags & 1 != 0, deny_first: flags & 2 != 0, allow, deny })
    }
}

#[inline]
fn counts(bytes: &[u8]) -> Option<[usize; 4]> {
    let &[_, _, a, b, c, d, e, f, g, h] = bytes.first_chunk::<HEADER>()?;
    Some([[a, b], [c, d], [e, f], [g, h]].map(|pair| usize::from(u16::from_le_bytes(pair))))
}

impl<'a> Pair<'a> {
    #[inline]
    fn split(bytes: &'a [u8], fours: usize, sixes: usize) -> Option<(Pair<'a>, &'a [u8])> {
        let (nets4, rest) = bytes.split_at_checked(4 * fours)?;
        let (prefixes4, rest) = rest.split_at_checked(fours)?;
        let (nets6, rest) = rest.split_at_checked(16 * sixes)?;
        let (prefixes6, rest) = rest.split_at_checked(sixes)?;
        Some((Pair { nets4: nets4.as_chunks().0, prefixes4, nets6: nets6.as_chunks().0, prefixes6 }, rest))
    }

    #[inline]
    fn is_empty(&self) -> bool {
        self.nets4.is_empty() && self.nets6.is_empty()
    }

    /// Entries are disjoint, so only the last network at or below the address can hold it.
    #[inline]
    fn contains(&self, ip: Ip) -> bool {
        match ip {
            Ip::V4(ip) => {
                let after = self.nets4.partition_point(|net| u32::from_le_bytes(*net) <= ip);
                let Some(at) = after.checked_sub(1) else { return false };
                let entry = self.nets4.get(at).zip(self.prefixes4.get(at));
                entry.is_some_and(|(net, &prefix)| covers4(u32::from_le_bytes(*net), prefix, ip))
            }
            Ip::V6(ip) => {
                let after = self.nets6.partition_point(|net| read6(net) <= ip);
                let Some(at) = after.checked_sub(1) else { return false };
                let entry = self.nets6.get(at).zip(self.prefixes6.get(at));
                entry.is_some_and(|(net, &prefix)| covers6(read6(net), prefix, ip))
            }
        }
    }

    /// The entries in order; `None` for one that is no network.
    fn entries(&self) -> impl Iterator<Item = Option<Cidr>> + use<'a> {
        let pair = *self;
        (0..pair.prefixes4.len() + pair.prefixes6.len()).map(move |index| pair.entry(index))
    }

    fn entry(&self, index: usize) -> Option<Cidr> {
        let (net, prefix) = match index.checked_sub(self.nets4.len()) {
            None => (Ip::V4(u32::from_le_bytes(*self.nets4.get(index)?)), self.prefixes4.get(index)?),
            Some(index) => (Ip::V6(read6(self.nets6.get(index)?)), self.prefixes6.get(index)?),
        };
        Cidr::new(net, *prefix)
    }
}

/// The high half comes first.
#[inline]
fn read6(net: &[u8; 16]) -> u128 {
    u128::from_le_bytes(*net).rotate_left(64)
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            PolicyError::AllowWithoutList => {
                f.write_str("`allow_mode = any` with allow entries is ambiguous; use `list`, or remove the entries")
            }
            PolicyError::TooMany { entries } => write!(f, "{entries} entries in one list, {} are possible", u16::MAX),
            PolicyError::Length => f.write_str("IP policy: the length is not what its counts announce"),
            PolicyError::Flags => f.write_str("IP policy: a reserved bit is set"),
            PolicyError::Entries => f.write_str("IP policy: entries are unsorted, overlapping or no networks"),
        }
    }
}

impl core::error::Error for PolicyError {}

#[cfg(test)]
mod tests;
