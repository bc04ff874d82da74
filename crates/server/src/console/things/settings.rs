//! An org's settings as fields of a form.

use super::fields::{Member, Shape};

const fn member(name: &'static str, en: &'static str, de: &'static str, shape: Shape) -> Member {
    Member::setting(name, en, de, shape)
}

/// Each setting, in the order in which people look for them.
pub(super) const SETTINGS: &[Member] = &[
    member("settings.prefix", "Prefix of its keys", "Anfang ihrer Schlüssel", Shape::Line),
    member("settings.credentials", "Headers that keys come in", "Header, in denen Schlüssel kommen", Shape::Words),
    member(
        "settings.authority",
        "Permissions come from",
        "Berechtigungen kommen von",
        Shape::Choice(&["roles", "owner", "org"]),
    ),
    member("settings.min_roles", "Roles of a key, at least", "Rollen eines Schlüssels, mindestens", Shape::Number),
    member("settings.max_roles", "Roles of a key, at most", "Rollen eines Schlüssels, höchstens", Shape::Number),
    member("settings.services", "Services (none: any)", "Dienste (keine: beliebige)", Shape::WordsOrNone),
    member("settings.editable", "What an edit may change", "Was sich ändern lässt", Shape::Words),
    member(
        "settings.revocation",
        "What revoking does",
        "Was Widerrufen tut",
        Shape::Choice(&["permanent", "reversible", "delete"]),
    ),
    member("settings.rotation", "Rotation", "Erneuern", Shape::Choice(&["none", "in_place", "overlap"])),
    member("settings.max_overlap", "Longest overlap, in seconds", "Längste Übergangszeit in Sekunden", Shape::Number),
    member("settings.rotation_confirmed", "Type the name to rotate", "Zum Erneuern den Namen eingeben", Shape::Switch),
    member("settings.deletion", "Deletion", "Löschen", Shape::Choice(&["none", "immediate", "confirmed", "typed_name"])),
    member(
        "settings.ip_lists",
        "IP lists of keys",
        "IP-Listen der Schlüssel",
        Shape::Choice(&["none", "allow", "allow_and_deny"]),
    ),
    member(
        "settings.empty_allow_list",
        "An emptied allow list lets in",
        "Eine geleerte Liste erlaubter Adressen lässt ein",
        Shape::Choice(&["nobody", "everybody"]),
    ),
    member("settings.ip_orders", "List that may be asked first", "Liste, die zuerst gefragt werden darf", Shape::Words),
    member("settings.max_ip_entries", "IP entries of a key, at most", "IP-Einträge eines Schlüssels, höchstens", Shape::Number),
    member("settings.max_keys", "Keys, at most", "Schlüssel, höchstens", Shape::NumberOrNone),
    member("settings.max_active_keys", "Active keys, at most", "Aktive Schlüssel, höchstens", Shape::NumberOrNone),
    member("settings.unique_names", "Each name once", "Jeder Name nur einmal", Shape::Switch),
    member("settings.list_revoked", "Lists show revoked keys", "Listen zeigen widerrufene Schlüssel", Shape::Switch),
    member("settings.expiry_choices", "Spans offered for expiry", "Angebotene Laufzeiten", Shape::Words),
    member("settings.expiry_custom", "Any other time of expiry", "Anderer Ablauf möglich", Shape::Switch),
    member("settings.expiry_never", "Keys without expiry", "Schlüssel ohne Ablauf", Shape::Switch),
    member("settings.environments", "Environments", "Umgebungen", Shape::Json),
    member("settings.request_log_days", "Days that requests are kept", "Tage, die Anfragen aufgehoben werden", Shape::Number),
    member("settings.alert_after", "Refusals that raise an alert", "Abweisungen bis zu einer Meldung", Shape::NumberOrNone),
    member("settings.revoke_leaked", "Revoke leaked keys at once", "Gefundene Schlüssel sofort widerrufen", Shape::Switch),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use edgelatch_registry::{Preset, Settings};
    use serde_json::{Value, json};

    #[test]
    fn each_setting_has_a_field_that_writes_what_it_reads() {
        for preset in [Preset::Default, Preset::VergeOs, Preset::VergeCloud, Preset::IpAware, Preset::Valar] {
            let settings = serde_json::to_value(preset.data().unwrap().settings).unwrap();
            let org = json!({ "settings": settings });
            let own: BTreeSet<&str> = settings.as_object().unwrap().keys().map(String::as_str).collect();
            let here: BTreeSet<&str> = SETTINGS.iter().map(|one| one.name.strip_prefix("settings.").unwrap()).collect();
            assert_eq!(own, here);
            assert_eq!(SETTINGS.len(), here.len(), "one is there twice");
            let mut form = form_urlencoded::Serializer::new(String::new());
            for one in SETTINGS {
                form.append_pair(one.name, &one.written(one.of(&org)));
            }
            let fields = crate::console::form::Fields::parse(form.finish().as_bytes());
            assert_eq!(super::super::fields::body(SETTINGS, &fields, Some(&org)), json!({}), "{preset}");
        }
    }

    #[test]
    fn whatever_is_offered_fits() {
        let settings = serde_json::to_value(Preset::Default.data().unwrap().settings).unwrap();
        for one in SETTINGS {
            let Shape::Choice(words) = one.shape else { continue };
            for word in words {
                let mut settings = settings.clone();
                settings[one.name.strip_prefix("settings.").unwrap()] = Value::from(*word);
                serde_json::from_value::<Settings>(settings).unwrap_or_else(|error| panic!("{}: {word}: {error}", one.name));
            }
        }
    }
}
