//! Texts that cannot be invalid: each type's rule is one row below.

use std::str::FromStr;

use edgelatch_core::{key, permission};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::chars::{composed, deceptive, folded, is_deceptive};
use super::words::{FromText, from_text};
use crate::error::Error;
use crate::limits;

/// Whether a text may be repeated as the name of a member or parameter: anything else may be a secret in the wrong place.
pub fn is_member_name(text: &str) -> bool {
    (1..=24).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

/// A line that people read: no control characters (the snapshot separates its texts by them), no blanks at the ends, and nothing that
/// deceives the eye.
fn is_line(text: &str) -> bool {
    text.trim() == text && !text.chars().any(char::is_control) && deceptive(text).is_none()
}

/// Lines that people read.
fn is_prose(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') && deceptive(text).is_none()
}

fn is_slug(text: &str) -> bool {
    let plain = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    text.as_bytes().first().is_some_and(plain) && text.bytes().all(|b| plain(&b) || matches!(b, b'.' | b'_' | b'-'))
}

/// Whether a text is 16 bytes in hexadecimal digits behind what tells of what they are the id.
fn is_id(text: &str, prefix: &str) -> bool {
    let digits = text.strip_prefix(prefix).filter(|id| id.len() == 32);
    digits.is_some_and(|id| id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
}

/// An address as people give it: how mail finds it is no concern here.
fn is_email(text: &str) -> bool {
    let parts = text.split_once('@').filter(|(user, host)| !user.is_empty() && !host.is_empty() && !host.contains('@'));
    parts.is_some() && text.bytes().all(|b| b.is_ascii_graphic() && !b"<>()\\,;:\"".contains(&b))
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident($field:literal, $empty:ident up to $max:expr, $rule:expr, $says:literal, $pattern:expr);)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, derive_more::Display, Serialize)]
        pub struct $name(String);

        impl $name {
            /// Reads `text`, and composes it (Unicode normalization form C); an error names `field`.
            pub fn parse(field: &str, text: &str) -> Result<Self, Error> {
                let rule: fn(&str) -> bool = $rule;
                let text = composed(text);
                if text.is_empty() && !texts!(@$empty) {
                    return Err(Error::invalid(field, concat!("is empty; it must be ", $says)));
                }
                if text.len() > $max {
                    return Err(Error::invalid(field, format!("{} bytes are more than the limit of {}", text.len(), $max)));
                }
                if !rule(&text) {
                    let hidden = deceptive(&text).map(|c| format!("holds U+{:04X}, which is not seen as what it is; it ", u32::from(c)));
                    return Err(Error::invalid(field, format!("{}must be {}", hidden.unwrap_or_default(), $says)));
                }
                Ok($name(text))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromText for $name {
            fn parse(field: &str, text: &str) -> Result<Self, Error> {
                $name::parse(field, text)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                $name::parse($field, text)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                crate::model::schema::text(concat!("Text: ", $says, "."), $pattern, $max, texts!(@$empty))
            }
        }

        impl utoipa::ToSchema for $name {}

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from_text(from)
            }
        }
    )* };
    (@filled) => { false };
    (@maybe) => { true };
}

texts! {
    /// Identifies a realm, org, owner or role.
    Slug("id", filled up to limits::MAX_SLUG_BYTES, is_slug, "a-z 0-9 . _ -, beginning with a letter or digit",
        Some("^[a-z0-9][a-z0-9._-]*$"));
    /// What people call something.
    Name("name", filled up to limits::MAX_NAME_BYTES, is_line, "one line without control, invisible or unassigned characters, or blanks at its ends",
        Some(r"^[^\s\u0000-\u001f\u007f-\u009f]([^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f])?$"));
    /// Where mail finds somebody. Capitals make no difference, and are kept as they came.
    Email("email", filled up to limits::MAX_EMAIL_BYTES, is_email, "an address such as jo@example.com",
        Some(r"^[!#-'*+./0-9=?A-Z\[\]^_`a-z{|}~-]+@[!#-'*+./0-9=?A-Z\[\]^_`a-z{|}~-]+$"));
    /// What something is for; nothing said by default.
    #[derive(Default)]
    Description("description", maybe up to limits::MAX_DESCRIPTION_BYTES, is_prose, "text without control, invisible or unassigned characters",
        Some(r"^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*$"));
    /// A remark on an IP entry; none by default.
    #[derive(Default)]
    Note("note", maybe up to limits::MAX_NOTE_BYTES, is_line, "one line without control, invisible or unassigned characters, or blanks at its ends",
        Some(r"^([^\s\u0000-\u001f\u007f-\u009f]([^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f])?)?$"));
    /// A word by which people sort keys.
    Tag("tag", filled up to limits::MAX_TAG_BYTES, |t| is_line(t) && !t.contains(|c: char| c.is_whitespace() || c == ','),
        "one word without commas, control, invisible or unassigned characters", Some(r"^[^\s,\u0000-\u001f\u007f-\u009f]+$"));
    /// A service that a scope names.
    Service("scope", filled up to edgelatch_core::limits::MAX_PERMISSION_BYTES, |t| permission::is_permission(t.as_bytes()),
        "segments of A-Z a-z 0-9 _ - joined by dots, such as `cdn`", Some("^[A-Za-z0-9_-]+([.][A-Za-z0-9_-]+)*$"));
    /// What a role grants.
    Pattern("permission", filled up to edgelatch_core::limits::MAX_PERMISSION_BYTES, |t| permission::is_pattern(t.as_bytes()),
        "segments of A-Z a-z 0-9 _ - joined by dots, a whole segment may be `*`, such as `dns.*`",
        Some("^([A-Za-z0-9_-]+|[*])([.]([A-Za-z0-9_-]+|[*]))*$"));
    /// The prefix of issued keys, without the `_` that follows it.
    Prefix("prefix", filled up to edgelatch_core::limits::MAX_PREFIX_BYTES, |t| key::Prefix::parse(t).is_ok(),
        "a lower-case letter followed by a-z 0-9 _, such as `vsp_sk`",
        Some("^[a-z][a-z0-9_]*$"));
    /// What a program calls itself or something of its own.
    Token("token", filled up to limits::MAX_TOKEN_BYTES, |t| t.bytes().all(|b| b.is_ascii_graphic()),
        "visible ASCII characters, such as a UUID", Some("^[!-~]+$"));
    /// Identifies an event.
    EventId("event", filled up to limits::EVENT_ID_BYTES, |t| is_id(t, "evt_"), "`evt_` and 32 hexadecimal digits", Some("^evt_[0-9a-f]{32}$"));
    /// Identifies an import.
    ImportId("import", filled up to limits::IMPORT_ID_BYTES, |t| is_id(t, "imp_"), "`imp_` and 32 hexadecimal digits", Some("^imp_[0-9a-f]{32}$"));
}

impl Pattern {
    /// Whether this pattern grants whatever `other` grants. A `*` of `other` stands for words that no pattern names, so only a `*` covers it.
    pub(crate) fn covers(&self, other: &Pattern) -> bool {
        // Whether the words so far of this pattern cover so many words of the other, from none to all.
        let mut covered: Vec<bool> = std::iter::once(true).chain(other.0.split('.').map(|_| false)).collect();
        for own in self.0.split('.') {
            let mut any = false;
            let next = covered.iter().zip(other.0.split('.')).map(|(before, word)| {
                any |= before;
                if own == "*" { any } else { *before && own == word }
            });
            covered = std::iter::once(false).chain(next).collect();
        }
        covered.last() == Some(&true)
    }
}

/// The list without what it names twice, in order.
pub(crate) fn distinct<T: Clone + Ord>(given: &[T], field: &str, limit: usize) -> Result<Vec<T>, Error> {
    let mut list = given.to_vec();
    list.sort_unstable();
    list.dedup();
    if list.len() > limit {
        return Err(Error::invalid(field, format!("{} are more than the limit of {limit}", list.len())));
    }
    Ok(list)
}

/// Names of roles, each once.
pub(crate) fn unique_roles(roles: &[Slug]) -> Result<Vec<Slug>, Error> {
    distinct(roles, "roles", limits::MAX_KEY_ROLES)
}

/// Tags, each once whatever its case, as it was given first, in the order of their letters.
pub(crate) fn unique_tags(tags: &[Tag]) -> Result<Vec<Tag>, Error> {
    let mut list: Vec<(String, &Tag)> = tags.iter().map(|tag| (folded(tag.as_str()), tag)).collect();
    list.sort_by(|(a, _), (b, _)| a.cmp(b));
    list.dedup_by(|later, first| later.0 == first.0);
    if list.len() > limits::MAX_KEY_TAGS {
        return Err(Error::invalid("tags", format!("{} are more than the limit of {}", list.len(), limits::MAX_KEY_TAGS)));
    }
    Ok(list.into_iter().map(|(_, tag)| tag.clone()).collect())
}

/// A key's custom metadata: a JSON object, kept as compact text; empty when there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata(String);

impl Metadata {
    /// Reads a JSON object. An empty object is no metadata.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let value: Value = serde_json::from_str(text)
            .map_err(|e| Error::invalid("metadata", format!("is not JSON, at line {} column {}", e.line(), e.column())))?;
        let Value::Object(members) = value else {
            return Err(Error::invalid("metadata", r#"must be a JSON object, such as {"team":"web"}"#));
        };
        Metadata::from_members(members)
    }

    fn from_members(members: Map<String, Value>) -> Result<Self, Error> {
        if members.is_empty() {
            return Ok(Metadata::default());
        }
        // JSON leaves DEL and the C1 controls as they are; the snapshot takes no control characters, and what is printed should show all it holds.
        let text: String = Value::Object(members)
            .to_string()
            .chars()
            .map(|c| if c.is_control() || is_deceptive(c) { escaped(c) } else { c.into() })
            .collect();
        if text.len() > limits::MAX_METADATA_BYTES {
            let reason = format!("{} bytes are more than the limit of {}", text.len(), limits::MAX_METADATA_BYTES);
            return Err(Error::invalid("metadata", reason));
        }
        Ok(Metadata(text))
    }

    /// Compact JSON text, or nothing.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the database holds, which was valid when it was written.
    pub(crate) fn stored(text: String) -> Self {
        Metadata(text)
    }
}

impl Serialize for Metadata {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        serde_json::from_str::<Value>(&self.0).unwrap_or(Value::Null).serialize(to)
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Metadata::from_members(Map::deserialize(from)?).map_err(|error| serde::de::Error::custom(error.reason()))
    }
}

/// A character as JSON writes it in ASCII (RFC 8259 section 7).
fn escaped(c: char) -> String {
    c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_obey_their_rules() {
        for good in ["a", "acme", "3com", "eu-west.1", &"x".repeat(64)] {
            assert!(Slug::parse("realm", good).is_ok(), "{good}");
        }
        for bad in ["", "Acme", "-a", ".a", "a b", "ä", "a/b", "a\u{1f}", &"x".repeat(65)] {
            let error = Slug::parse("realm", bad).unwrap_err();
            assert!(error.to_string().starts_with("`realm`: "), "{error}");
        }
        assert!(Name::parse("name", "Production API – EU").is_ok());
        for bad in ["", " a", "a\n", "a\u{1f}b", "a\u{1e}", "a\u{0}", &"x".repeat(129)] {
            assert!(Name::parse("name", bad).is_err(), "{bad:?}");
        }
        assert!(Description::parse("description", "two\nlines").is_ok());
        assert!(Description::parse("description", "bell\u{7}").is_err());
        assert!(Pattern::parse("permission", "dns.*").is_ok() && Pattern::parse("permission", "dns*").is_err());
        assert!(Service::parse("scope", "cdn").is_ok() && Service::parse("scope", "*").is_err());
        assert!(Prefix::parse("prefix", "vsp_sk").is_ok() && Prefix::parse("prefix", "Vsp").is_err());
    }

    #[test]
    fn a_pattern_covers_what_it_grants_in_every_case() {
        let covers = |own: &str, other: &str| {
            let [own, other] = [own, other].map(|text| Pattern::parse("permission", text).unwrap());
            own.covers(&other)
        };
        for (own, other) in [
            ("*", "*"),
            ("*", "a.*.b"),
            ("*", "a"),
            ("a.*", "a.b"),
            ("a.*", "a.b.c"),
            ("a.*", "a.*.c"),
            ("a.*", "a.*.*"),
            ("*.view", "a.*.view"),
            ("*.b.*", "a.*.b.c"),
            ("a.b", "a.b"),
        ] {
            assert!(covers(own, other), "{own} {other}");
        }
        for (own, other) in [
            ("a.*", "*"),
            ("a.*", "a"),
            ("a.*", "b.*"),
            ("a.b", "a.*"),
            ("a.b", "a.b.c"),
            ("*.view", "*"),
            ("*.view", "view"),
            ("*.view", "a.*"),
            ("*.*", "*"),
            ("*.b.*", "a.*.c"),
            ("a.*.c", "a.*"),
        ] {
            assert!(!covers(own, other), "{own} {other}");
        }
    }

    #[test]
    fn tags_are_words_told_apart_in_any_case() {
        let tags = |texts: &[&str]| unique_tags(&texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<Tag>>());
        let named = |texts: &[&str]| tags(texts).unwrap().iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(named(&["web", "API", "Web", "api", "gro\u{df}", "GROSS"]), ["API", "gro\u{df}", "web"]);
        for bad in ["", "a b", "a,b", " a", "a\u{a0}b", "a\u{202e}b", "a\nb", &"x".repeat(limits::MAX_TAG_BYTES + 1)] {
            assert!(Tag::parse("tag", bad).is_err(), "{bad:?}");
        }
        let many: Vec<String> = (0..=limits::MAX_KEY_TAGS).map(|n| format!("t{n}")).collect();
        assert_eq!(tags(&many.iter().map(String::as_str).collect::<Vec<_>>()).unwrap_err().field(), Some("tags"));
        assert_eq!(named(&many[1..].iter().map(String::as_str).collect::<Vec<_>>()).len(), limits::MAX_KEY_TAGS);
    }

    #[test]
    fn metadata_is_a_small_object() {
        assert_eq!(Metadata::parse("{ \"b\": 1, \"a\": [true] }").unwrap().as_str(), r#"{"a":[true],"b":1}"#);
        assert_eq!(Metadata::parse("{}").unwrap().as_str(), "");
        assert_eq!(Metadata::parse("{\"a\":\"\u{7f}\u{85}\\n\"}").unwrap().as_str(), r#"{"a":"\u007f\u0085\n"}"#);
        for bad in ["", "[]", "1", "{", "{}x", &format!("{{\"a\":\"{}\"}}", "x".repeat(4096)), &"[".repeat(10_000)] {
            assert!(Metadata::parse(bad).is_err());
        }
    }
}
