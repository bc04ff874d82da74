//! From where a key may be used: the lists as administrators keep them, with notes and disabled entries. What they mean
//! is decided by `edgelatch_core::policy`, which sees the enabled entries only.

use edgelatch_core::cidr::Cidr;
use edgelatch_core::policy::{AllowMode, IpPolicy, Order};
use serde::Serialize;

use super::text::Note;
use super::words::{FromText, display, word, words};
use crate::error::{Error, Warning};
use crate::limits::MAX_IP_ENTRIES;

words! {
    /// Which IP lists a key may have.
    IpLists {
        /// None.
        None = "none",
        /// An allow list.
        Allow = "allow",
        /// Both.
        AllowAndDeny = "allow_and_deny",
    }

    /// Whom an allow list lets in whose last entry was removed.
    EmptyList {
        /// Nobody, until somebody says otherwise: the key stays closed.
        Nobody = "nobody",
        /// Everybody, as without a list.
        Everybody = "everybody",
    }
}

/// How to mend what cannot be edited.
pub(super) const OTHER_KEY: &str = "make another key";

/// One entry of a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IpEntry {
    /// The network, or one address.
    #[serde(serialize_with = "display")]
    pub cidr: Cidr,
    /// Whether it counts.
    pub enabled: bool,
    /// A remark.
    pub note: Note,
}

/// An enabled entry without a note.
impl FromText for IpEntry {
    fn parse(field: &str, text: &str) -> Result<IpEntry, Error> {
        Ok(IpEntry { cidr: FromText::parse(field, text)?, enabled: true, note: Note::default() })
    }
}

/// A network or an address.
impl FromText for Cidr {
    fn parse(field: &str, text: &str) -> Result<Cidr, Error> {
        Cidr::parse(text.as_bytes()).map_err(|e| Error::invalid(field, e.to_string()))
    }
}

/// Mode, order and both lists, in agreement with each other and within their limits.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IpRules {
    #[serde(serialize_with = "word")]
    allow_mode: AllowMode,
    #[serde(serialize_with = "word")]
    order: Order,
    allow: Vec<IpEntry>,
    deny: Vec<IpEntry>,
}

impl IpRules {
    /// No restriction.
    pub fn unrestricted() -> IpRules {
        IpRules::without_lists(AllowMode::Any, Order::AllowFirst)
    }

    /// A mode and an order, to be completed.
    pub(crate) fn without_lists(allow_mode: AllowMode, order: Order) -> IpRules {
        IpRules { allow_mode, order, allow: Vec::new(), deny: Vec::new() }
    }

    /// Without a mode, a list with any entry is meant to be obeyed.
    pub fn new(allow_mode: Option<AllowMode>, order: Order, allow: Vec<IpEntry>, deny: Vec<IpEntry>) -> Result<IpRules, Error> {
        check_list("allow", &allow)?;
        check_list("deny", &deny)?;
        let implied = if allow.is_empty() { AllowMode::Any } else { AllowMode::List };
        let allow_mode = allow_mode.unwrap_or(implied);
        if allow_mode == AllowMode::Any && allow.iter().any(|e| e.enabled) {
            let reason = "`any` contradicts the enabled allow entries: choose `list`, or remove or disable them";
            return Err(Error::invalid("allow_mode", reason));
        }
        Ok(IpRules { allow_mode, order, allow, deny })
    }

    /// Whether everyone or only the list may come.
    pub fn allow_mode(&self) -> AllowMode {
        self.allow_mode
    }

    /// Which list is asked first.
    pub fn order(&self) -> Order {
        self.order
    }

    /// The allow list.
    pub fn allow(&self) -> &[IpEntry] {
        &self.allow
    }

    /// The deny list.
    pub fn deny(&self) -> &[IpEntry] {
        &self.deny
    }

    /// These rules with `edit` applied; `empty` says whom an emptied allow list lets in.
    pub fn edited(&self, edit: &IpEdit, empty: EmptyList) -> Result<IpRules, Error> {
        let allow = edit.allow.apply("allow", &self.allow)?;
        let deny = edit.deny.apply("deny", &self.deny)?;
        let changes = !matches!(edit.allow, ListEdit::Keep);
        let kept = match (changes, allow.is_empty(), empty) {
            (true, false, _) => AllowMode::List,
            (true, true, EmptyList::Everybody) => AllowMode::Any,
            // Emptying the list must not open the key to the world unasked: a list stays a list.
            _ => self.allow_mode,
        };
        IpRules::new(Some(edit.allow_mode.unwrap_or(kept)), edit.order.unwrap_or(self.order), allow, deny)
    }

    /// What edges decide by; `None` when there is no restriction.
    pub fn policy(&self) -> Option<IpPolicy> {
        let (allow, deny) = (enabled(&self.allow), enabled(&self.deny));
        Some(IpPolicy { allow_mode: self.allow_mode, order: self.order, allow, deny })
            .filter(|policy| !policy.is_unrestricted())
    }

    /// What an administrator may not have meant, and how to mend it: by an edit only if the rules are `editable`, and by one of these orders only.
    pub(crate) fn warnings(&self, editable: bool, orders: &[Order]) -> Vec<Warning> {
        let mut found = Vec::new();
        let (allow, deny) = (enabled(&self.allow), enabled(&self.deny));
        let listed = self.allow_mode == AllowMode::List;
        if listed && allow.is_empty() {
            let mend = if editable { "add one, or set the mode to `any`" } else { OTHER_KEY };
            found.push(Warning::RefusesEveryone { mend });
        }
        if listed && !deny.is_empty() && self.order == Order::AllowFirst {
            let mend = match (orders.contains(&Order::DenyFirst), editable) {
                (true, true) => "set the order to `deny_first` to let it count",
                (true, false) => "make another key with the order `deny_first` to let it count",
                (false, true) => "take out of the allow list what is to be refused",
                (false, false) => "make another key whose allow list does not let in what is to be refused",
            };
            found.push(Warning::DenyIgnored { entries: deny.len(), mend });
        }
        found.extend(allow.iter().filter(|c| c.prefix() == 0).map(|c| Warning::AllowsAll { entry: c.to_string() }));
        found.extend(deny.iter().filter(|c| c.prefix() == 0).map(|c| Warning::DeniesAll { entry: c.to_string() }));
        found
    }
}

fn enabled(list: &[IpEntry]) -> Vec<Cidr> {
    list.iter().filter(|entry| entry.enabled).map(|entry| entry.cidr).collect()
}

fn check_list(field: &str, list: &[IpEntry]) -> Result<(), Error> {
    if list.len() > MAX_IP_ENTRIES {
        return Err(Error::invalid(field, format!("{} entries are more than the limit of {MAX_IP_ENTRIES}", list.len())));
    }
    let mut seen: Vec<String> = list.iter().map(|e| e.cidr.to_string()).collect();
    seen.sort_unstable();
    match seen.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Error::invalid(field, format!("{} is listed twice; give it once", pair[0]))),
        None => Ok(()),
    }
}

/// The IP rules of a key to be made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewIpRules {
    /// Who may come; `list` if there is an allow entry and nothing is said.
    pub allow_mode: Option<AllowMode>,
    /// Which list is asked first; the org's first choice unless said.
    pub order: Option<Order>,
    /// The allow list.
    pub allow: Vec<IpEntry>,
    /// The deny list.
    pub deny: Vec<IpEntry>,
}

impl NewIpRules {
    pub(crate) fn rules(&self, first_choice: Order) -> Result<IpRules, Error> {
        IpRules::new(self.allow_mode, self.order.unwrap_or(first_choice), self.allow.clone(), self.deny.clone())
    }
}

/// Changes to a key's IP rules.
#[derive(Clone, Debug, Default)]
pub struct IpEdit {
    /// New mode.
    pub allow_mode: Option<AllowMode>,
    /// New order.
    pub order: Option<Order>,
    /// Changes to the allow list.
    pub allow: ListEdit,
    /// Changes to the deny list.
    pub deny: ListEdit,
}

impl IpEdit {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        let keeps = |list: &ListEdit| matches!(list, ListEdit::Keep);
        self.allow_mode.is_none() && self.order.is_none() && keeps(&self.allow) && keeps(&self.deny)
    }
}

/// Changes to one list.
#[derive(Clone, Debug, Default)]
pub enum ListEdit {
    /// None.
    #[default]
    Keep,
    /// Another list in its place.
    Replace(Vec<IpEntry>),
    /// Entries to remove, add (an entry for the same network gives way), and switch on or off.
    Change {
        /// To add.
        add: Vec<IpEntry>,
        /// To remove.
        remove: Vec<Cidr>,
        /// To switch: network and whether it counts from now on.
        switch: Vec<(Cidr, bool)>,
    },
}

impl ListEdit {
    fn apply(&self, field: &str, list: &[IpEntry]) -> Result<Vec<IpEntry>, Error> {
        let (add, remove, switch) = match self {
            ListEdit::Keep => return Ok(list.to_vec()),
            ListEdit::Replace(new) => return Ok(new.clone()),
            ListEdit::Change { add, remove, switch } => (add, remove, switch),
        };
        let mut list = list.to_vec();
        let place = |list: &[IpEntry], cidr: &Cidr| {
            let absent = || Error::invalid(field, format!("{cidr} is not in the list; look at the key first"));
            list.iter().position(|e| e.cidr == *cidr).ok_or_else(absent)
        };
        for cidr in remove {
            let at = place(&list, cidr)?;
            list.remove(at);
        }
        for (cidr, enabled) in switch {
            let at = place(&list, cidr)?;
            list[at].enabled = *enabled;
        }
        list.retain(|old| !add.iter().any(|new| new.cidr == old.cidr));
        list.extend(add.iter().cloned());
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(text: &str) -> IpEntry {
        IpEntry::parse("allow", text).unwrap()
    }

    fn rules(allow: &[&str], deny: &[&str]) -> IpRules {
        let list = |texts: &[&str]| texts.iter().map(|t| entry(t)).collect();
        IpRules::new(None, Order::AllowFirst, list(allow), list(deny)).unwrap()
    }

    const BOTH: [Order; 2] = [Order::AllowFirst, Order::DenyFirst];

    /// What is said where everything may be edited.
    fn warned(rules: &IpRules) -> Vec<Warning> {
        rules.warnings(true, &BOTH)
    }

    /// The rules with another allow list.
    fn edited(rules: &IpRules, allow: ListEdit, empty: EmptyList) -> Result<IpRules, Error> {
        rules.edited(&IpEdit { allow, ..IpEdit::default() }, empty)
    }

    #[test]
    fn host_bits_are_refused_with_the_network() {
        let error = IpEntry::parse("allow/0", "10.0.0.1/24").unwrap_err().to_string();
        assert!(error.starts_with("`allow/0`: ") && error.contains("10.0.0.0/24"), "{error}");
    }

    #[test]
    fn warns_of_what_has_no_effect_or_too_much() {
        assert!(warned(&rules(&["10.0.0.0/8"], &[])).is_empty());
        assert!(warned(&rules(&[], &["10.0.0.0/8"])).is_empty());
        assert_eq!(warned(&rules(&["0.0.0.0/0"], &[])), [Warning::AllowsAll { entry: "0.0.0.0/0".into() }]);
        assert_eq!(warned(&rules(&[], &["::/0"])), [Warning::DeniesAll { entry: "::/0".into() }]);
        let edit = IpEdit { order: Some(Order::DenyFirst), ..IpEdit::default() };
        assert!(warned(&rules(&["10.0.0.0/8"], &["10.1.0.0/16"]).edited(&edit, EmptyList::Nobody).unwrap()).is_empty());
    }

    /// What is advised can be done.
    #[test]
    fn a_remedy_is_one_that_is_allowed() {
        let ignored = rules(&["10.0.0.0/8"], &["10.1.0.0/16"]);
        for (orders, editable, says, never) in [
            (&BOTH[..], true, "set the order to `deny_first`", "another key"),
            (&BOTH, false, "make another key with the order", "set the order"),
            (&BOTH[..1], true, "take out of the allow list", "deny_first"),
            (&BOTH[..1], false, "make another key", "deny_first"),
        ] {
            let said = ignored.warnings(editable, orders)[0].to_string();
            assert!(said.contains("(1 enabled)") && said.contains(says) && !said.contains(never), "{said}");
        }
        let closed = IpRules::without_lists(AllowMode::List, Order::AllowFirst);
        assert!(closed.warnings(true, &BOTH)[0].to_string().ends_with("set the mode to `any`"));
        assert!(closed.warnings(false, &BOTH)[0].to_string().ends_with(OTHER_KEY));
    }

    #[test]
    fn emptying_the_list_does_not_open_the_key() {
        let remove = ListEdit::Change { add: vec![], remove: vec![entry("10.0.0.0/8").cidr], switch: vec![] };
        for allow in [remove, ListEdit::Replace(vec![])] {
            let listed = rules(&["10.0.0.0/8"], &[]);
            let closed = edited(&listed, allow.clone(), EmptyList::Nobody).unwrap();
            assert_eq!(closed.allow_mode(), AllowMode::List);
            assert_eq!(warned(&closed)[0].code(), "refuses_everyone");
            assert!(edited(&listed, allow, EmptyList::Everybody).unwrap().policy().is_none());
            let any = IpEdit { allow_mode: Some(AllowMode::Any), ..IpEdit::default() };
            assert!(closed.edited(&any, EmptyList::Nobody).unwrap().policy().is_none());
        }
    }

    #[test]
    fn entries_can_be_switched_off() {
        let off = ListEdit::Change { add: vec![], remove: vec![], switch: vec![(entry("10.0.0.0/8").cidr, false)] };
        let edited = edited(&rules(&["10.0.0.0/8", "::1"], &[]), off, EmptyList::Nobody).unwrap();
        assert_eq!(edited.allow().len(), 2);
        assert_eq!(edited.policy().unwrap().allow, [entry("::1").cidr]);
    }

    #[test]
    fn contradictions_are_refused() {
        assert!(IpRules::new(Some(AllowMode::Any), Order::AllowFirst, vec![entry("::1")], vec![]).is_err());
        assert!(IpRules::new(None, Order::AllowFirst, vec![entry("::1"), entry("0::1/128")], vec![]).is_err());
        let many = (0..=MAX_IP_ENTRIES).map(|i| entry(&format!("10.0.{}.{}", i / 256, i % 256))).collect();
        assert!(IpRules::new(None, Order::AllowFirst, many, vec![]).unwrap_err().to_string().contains("limit of 1000"));
        let absent = ListEdit::Change { add: vec![], remove: vec![entry("::2").cidr], switch: vec![] };
        assert!(edited(&rules(&["::1"], &[]), absent, EmptyList::Nobody).is_err());
    }
}
