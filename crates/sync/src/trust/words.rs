//! A root in words: what changes against the one before, and what that means to edges.

use edgelatch_core::root::Root;
use edgelatch_core::signed::RoleKeys;
use edgelatch_core::tree::ObjectId;
use edgelatch_registry::format_time;

use crate::key_file::public_text;

/// The lines that are shown before a root is signed, and that stand in its draft.
pub(super) fn of(before: &Root, bytes: &[u8], next: &Root, fingerprint: &str) -> Vec<String> {
    let mut lines = vec![
        format!("Root {} of realm {}, to follow root {}.", next.version, next.realm, before.version),
        format!("fingerprint       {fingerprint}"),
        format!("of root {:<9} {}", before.version, ObjectId::of(bytes)),
    ];
    // Unlike what follows, this does not rest on the root before being the one that edges have: whoever made that one up has signed it.
    lines.extend(Root::signers(bytes).unwrap_or_default().iter().map(|key| format!("  signed by {}", public_text(key))));
    lines.extend([
        format!("issued            {}", format_time(next.issued_at)),
        format!("expires           {} (before: {})", format_time(next.expires_at), format_time(before.expires_at)),
    ]);
    role(&mut lines, "root keys", &before.root, &next.root);
    role(&mut lines, "publisher keys", &before.publisher, &next.publisher);
    let era = if next.era == before.era { "goes on" } else { "BEGINS" };
    lines.push(format!("era {:<13} {era}, least epoch {} (before: {})", next.era, next.min_epoch, before.min_epoch));
    lines.extend(meaning(before, next).into_iter().map(|line| format!("For edges: {line}")));
    lines
}

fn role(lines: &mut Vec<String>, name: &str, before: &RoleKeys, next: &RoleKeys) {
    let of = |role: &RoleKeys| format!("{} of {} must sign", role.threshold(), role.keys().count());
    let changed = if of(before) == of(next) { String::new() } else { format!(" (before: {})", of(before)) };
    lines.push(format!("{name:<17} {}{changed}", of(next)));
    let holds = |role: &RoleKeys, key: &[u8; 32]| role.keys().any(|known| known == key);
    for key in next.keys() {
        lines.push(format!("  {} {}", if holds(before, key) { "keeps" } else { "ADDS " }, public_text(key)));
    }
    for key in before.keys().filter(|key| !holds(next, key)) {
        lines.push(format!("  DROPS {}", public_text(key)));
    }
}

/// What edges make of it.
fn meaning(before: &Root, next: &Root) -> Vec<String> {
    let gone = |before: &RoleKeys, next: &RoleKeys| before.keys().any(|key| !next.keys().any(|known| known == key));
    let mut lines = vec![format!("they follow by themselves, with the next head, from every root up to {}.", before.version)];
    if next.era != before.era {
        lines.push(format!(
            "what was signed under earlier roots counts no more, whatever its epoch; epochs go on at {} or above.",
            next.min_epoch
        ));
    } else if gone(&before.publisher, &next.publisher) {
        lines.push(
            "what a dropped publisher key signs counts no more; epochs that they have seen still do, its own too.".into(),
        );
    }
    if gone(&before.root, &next.root) || next.root.threshold() != before.root.threshold() {
        lines.push(
            "those that start with an earlier root can still be led astray by its root keys: deploy this root to them.".into(),
        );
    }
    lines
}
