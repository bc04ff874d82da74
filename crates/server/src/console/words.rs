//! The words of each preset's system, where its documentation has others than this console: its users find what they read there.

use edgelatch_registry::Preset;

use super::language::Language;
use super::texts::{DE, EN, Texts};

macro_rules! words {
    ($($preset:ident { $($name:ident: $en:literal, $de:literal;)* })*) => {
        /// All texts, as people say them who know a preset's system.
        pub(super) fn words(preset: Preset, language: Language) -> &'static Texts {
            match (preset, language) {
                $(
                    (Preset::$preset, Language::En) => {
                        static WORDS: Texts = Texts { $($name: $en,)* ..EN };
                        &WORDS
                    }
                    (Preset::$preset, Language::De) => {
                        static WORDS: Texts = Texts { $($name: $de,)* ..DE };
                        &WORDS
                    }
                )*
                (_, language) => language.texts(),
            }
        }
    };
}

words! {
    VergeOs {
        create_key: "New API Key", "Neuer API-Schlüssel";
        create: "Submit", "Absenden";
        save: "Submit", "Absenden";
        expiration: "Expiration Type", "Art des Ablaufs";
        set_date: "Set Date", "Datum wählen";
        no_expiry: "Never Expire", "Läuft nie ab";
        allow_list: "IP Allow List", "Erlaubte IP-Adressen";
        deny_list: "IP Deny List", "Gesperrte IP-Adressen";
        save_pak: "Save", "Speichern";
    }
    VergeCloud {
        create_key: "Create API Key", "API-Schlüssel anlegen";
        key_name: "API Key Name", "Name des API-Schlüssels";
        api_key: "API Key", "API-Schlüssel";
        created_at: "Created At", "Erstellt am";
        view: "View details", "Einzelheiten";
        scope: "Access Scope", "Geltungsbereich";
        some_services: "Specific services only", "Nur bestimmte Dienste";
    }
    IpAware {
        create_key: "Create New Key", "Neuen Schlüssel anlegen";
        step_configure: "Configure Key", "Schlüssel einrichten";
        key_name: "Key Name", "Name des Schlüssels";
        allow_list: "IP Whitelist", "Erlaubte IP-Adressen";
        save: "Save Changes", "Änderungen speichern";
        revoke_key: "Revoke Key", "Schlüssel widerrufen";
        secret: "Secret Key", "Geheimer Schlüssel";
    }
    Valar {
        create_key: "Create API Key", "API-Schlüssel anlegen";
        create: "Create Key", "Schlüssel anlegen";
        step_configure: "Configure Key Settings", "Schlüssel einrichten";
        key_prefix: "Key Prefix", "Anfang";
        last_used: "Last Used", "Zuletzt benutzt";
        view_log: "View Audit Log", "Anfragen ansehen";
        ip_address: "IP Address", "IP-Adresse";
        allow_list: "IP Allowlist", "Erlaubte IP-Adressen";
        no_expiry: "No Expiry", "Kein Ablauf";
        day_1: "1 Day", "1 Tag";
        week_1: "1 Week", "1 Woche";
        month_1: "1 Month", "1 Monat";
        month_3: "3 Months", "3 Monate";
        year_1: "1 Year", "1 Jahr";
        rotate_key: "Rotate Key", "Schlüssel erneuern";
        delete_key: "Delete Key", "Schlüssel löschen";
    }
}
