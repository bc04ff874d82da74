//! Characters of names: which may stand in one, and when two names look alike.

use caseless::default_case_fold_str;
use unicode_normalization::{UnicodeNormalization, is_nfc};
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};
use unicode_security::confusable_detection::skeleton as skeleton_of;

/// Characters that show nothing though their category does not say so: `Default_Ignorable_Code_Point` of the Unicode Character Database
/// beyond category Cf, and the blank of Braille.
const INVISIBLE: [(char, char); 10] = [
    ('\u{34f}', '\u{34f}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Whether a character deceives whoever reads it: it is not seen, reorders what is shown, breaks the line, is a blank that is not the usual one,
/// or means nothing, or nothing yet.
pub(crate) fn is_deceptive(c: char) -> bool {
    use GeneralCategory as Is;
    if c.is_ascii() {
        return false; // controls have rules of their own
    }
    let category = c.general_category();
    let hidden = matches!(category, Is::Format | Is::LineSeparator | Is::ParagraphSeparator | Is::SpaceSeparator);
    let meaningless = matches!(category, Is::Unassigned | Is::PrivateUse | Is::Surrogate);
    hidden || meaningless || INVISIBLE.iter().any(|(first, last)| (*first..=*last).contains(&c))
}

/// The first such character of a text.
pub(crate) fn deceptive(text: &str) -> Option<char> {
    text.chars().find(|c| is_deceptive(*c))
}

/// The text in Unicode's normalization form C, in which what looks the same by composition is the same.
pub(crate) fn composed(text: &str) -> String {
    if is_nfc(text) { text.into() } else { text.nfc().collect() }
}

/// What two texts share that differ in case only: Unicode's full case folding.
pub(crate) fn folded(text: &str) -> String {
    composed(&default_case_fold_str(text))
}

/// What names share that people take for the same, as skeletons of Unicode Technical Standard 39, section 4. They are only compared, and never
/// shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Looks {
    /// In any case: `deploy` and `DEPLOY`, and small letters of another alphabet among its own.
    any_case: String,
    /// As it is written: a capital may look like one of another alphabet whose small letters do not, such as the Cyrillic `В`, or like a
    /// small letter that is not its own, such as `I` and `l`.
    as_written: String,
}

impl Looks {
    pub(crate) fn of(name: &str) -> Looks {
        let compatible: String = name.nfkc().collect();
        // The table leads from some small letters to capitals, so that the case is folded again.
        let first: String = skeleton_of(&default_case_fold_str(&compatible)).collect();
        let any_case = skeleton_of(&default_case_fold_str(&first)).collect();
        Looks { any_case, as_written: skeleton_of(&compatible).collect() }
    }

    /// Each beside the column that keeps it, and the column in which one key of an org holds it.
    pub(crate) fn columns(&self) -> [(&'static str, &'static str, &str); 2] {
        let [any_case, as_written] = Looks::COLUMNS;
        [(any_case.0, any_case.1, &self.any_case), (as_written.0, as_written.1, &self.as_written)]
    }

    /// The columns that keep them, each beside that in which one key of an org holds it.
    pub(crate) const COLUMNS: [(&'static str, &'static str); 2] = [("skeleton", "held_name"), ("look", "held_look")];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_deceives_is_told_from_what_people_write() {
        for good in [
            "Produktion – Größe",
            "生産",
            "продакшн",
            "عربى",
            "हिन्दी",
            "ทดสอบ",
            "naïve café",
            "🔑 key",
            "É",
            "a\u{301}",
            "€",
            "№ 5",
        ] {
            assert_eq!(deceptive(good), None, "{good}");
        }
        for bad in [
            '\u{202e}',
            '\u{2066}',
            '\u{2069}',
            '\u{200e}',
            '\u{200b}',
            '\u{200d}',
            '\u{feff}',
            '\u{2028}',
            '\u{2029}',
            '\u{ad}',
            '\u{61c}',
            '\u{a0}',
            '\u{3000}',
            '\u{2003}',
            '\u{3164}',
            '\u{115f}',
            '\u{ffa0}',
            '\u{2800}',
            '\u{fe0f}',
            '\u{e0041}',
            '\u{e0100}',
            '\u{378}',
            '\u{e000}',
            '\u{fffe}',
            '\u{10ffff}',
            '\u{34f}',
            '\u{180e}',
            '\u{2060}',
        ] {
            assert_eq!(deceptive(&format!("a{bad}b")), Some(bad), "U+{:04X}", u32::from(bad));
        }
    }

    fn alike(one: &str, other: &str) -> bool {
        let [one, other] = [one, other].map(Looks::of);
        one.columns().into_iter().zip(other.columns()).any(|(one, other)| one == other)
    }

    #[test]
    fn names_that_look_alike_are_told() {
        for (one, other) in [
            ("deploy", "Deploy"),
            ("deploy", "DEPLOY"),
            ("deploy", "dерlоу"),
            ("scope", "ѕсоре"),
            ("paypal", "раураl"),
            ("caf\u{e9}", "cafe\u{301}"),
            ("prod-1", "prod-l"),
            ("db0", "dbO"),
            ("ﬁle", "file"),
            ("ｐｒｏｄ", "prod"),
            ("straße", "STRASSE"),
            ("K", "\u{212a}"),
        ] {
            assert!(alike(one, other), "{one} {other}");
        }
        // Capitals of Cyrillic and Greek whose small letters look like no Latin ones.
        for (one, other) in [
            ("BACKUP", "ВACKUP"),
            ("BACKUP", "BACКUP"),
            ("TEST", "ТESТ"),
            ("MAIL", "МAIL"),
            ("HOST", "НOST"),
            ("NODE", "ΝODE"),
            ("ZONE", "ΖONE"),
            ("prod-I", "prod-l"),
            ("PROD-I", "PROD-1"),
            ("Team |", "Team I"),
        ] {
            assert!(alike(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("deploy", "deploys"),
            ("a b", "ab"),
            ("prod", "pròd"),
            ("key 2", "key 3"),
            ("é", "e"),
            ("Key I", "Key L"),
            ("Key A", "Key B"),
        ] {
            assert!(!alike(one, other), "{one} {other}");
        }
    }

    #[test]
    fn case_is_folded_as_unicode_does() {
        for (one, other) in [
            ("ÜBER", "über"),
            ("ΟΔΟΣ", "οδος"),
            ("ΟΔΟΣ", "οδοσ"),
            ("STRASSE", "straße"),
            ("ДЕПЛОЙ", "деплой"),
            ("I\u{307}x", "i\u{307}X"),
        ] {
            assert_eq!(folded(one), folded(other), "{one}");
        }
    }
}
