//! The flags that change one of a key's two lists of addresses.

use edgelatch_core::cidr::Cidr;
use edgelatch_registry::{Error, IpEntry, ListEdit, Note};

use crate::prelude::*;

/// Reads an entry: `CIDR`, `CIDR=NOTE`, and either with `off:` before it.
pub(super) fn entry(text: &str) -> Result<IpEntry, Error> {
    let text = text.trim();
    let (enabled, text) = text.strip_prefix("off:").map_or((true, text), |rest| (false, rest));
    let (cidr, note) = text.split_once('=').unwrap_or((text, ""));
    Ok(IpEntry { cidr: read::network(cidr)?, enabled, note: Note::parse("", note)? })
}

/// The same flags for each list; clap needs their names as literals.
macro_rules! list_edit {
    ($name:ident, $list:literal, $clear:literal, $add:literal, $remove:literal, $enable:literal, $disable:literal) => {
        #[derive(Args)]
        pub(super) struct $name {
            #[arg(help = concat!("New ", $list, " list, in place of the old one: CIDR, CIDR=NOTE or off:CIDR"), id = $list, long = $list, value_name = "CIDR", value_delimiter = ',', value_parser = entry, conflicts_with_all = [$clear, $add, $remove, $enable, $disable])]
            replace: Vec<IpEntry>,
            #[arg(help = concat!("Empty the ", $list, " list"), id = $clear, long = $clear, conflicts_with_all = [$add, $remove, $enable, $disable])]
            clear: bool,
            #[arg(help = concat!("Add to the ", $list, " list; an entry for the same network gives way"), id = $add, long = $add, value_name = "CIDR", value_delimiter = ',', value_parser = entry)]
            add: Vec<IpEntry>,
            #[arg(help = concat!("Remove from the ", $list, " list"), id = $remove, long = $remove, value_name = "CIDR", value_delimiter = ',', value_parser = read::network)]
            remove: Vec<Cidr>,
            #[arg(help = concat!("Let an entry of the ", $list, " list count again"), id = $enable, long = $enable, value_name = "CIDR", value_delimiter = ',', value_parser = read::network)]
            enable: Vec<Cidr>,
            #[arg(help = concat!("Keep an entry of the ", $list, " list without effect"), id = $disable, long = $disable, value_name = "CIDR", value_delimiter = ',', value_parser = read::network)]
            disable: Vec<Cidr>,
        }

        impl From<$name> for ListEdit {
            fn from($name { replace, clear, add, remove, enable, disable }: $name) -> ListEdit {
                if clear || !replace.is_empty() {
                    return ListEdit::Replace(replace);
                }
                let on = enable.into_iter().map(|cidr| (cidr, true));
                let switch: Vec<_> = on.chain(disable.into_iter().map(|cidr| (cidr, false))).collect();
                if add.is_empty() && remove.is_empty() && switch.is_empty() {
                    return ListEdit::Keep;
                }
                ListEdit::Change { add, remove, switch }
            }
        }
    };
}

list_edit!(AllowEdit, "allow", "clear-allow", "add-allow", "remove-allow", "enable-allow", "disable-allow");
list_edit!(DenyEdit, "deny", "clear-deny", "add-deny", "remove-deny", "enable-deny", "disable-deny");
