//! The keys that rows speak of: `K1`, `KREV`, … and the forms derived from them.

use anyhow::{Context, Result, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use edgelatch_core::key::{self, KeyId};
use std::collections::BTreeMap;

/// A key of the fixture.
pub struct Key {
    pub text: String,
    pub id: KeyId,
}

/// All keys of the fixture, by the name that rows use.
#[derive(Default)]
pub struct Keys(pub BTreeMap<&'static str, Key>);

impl Keys {
    /// Replaces the keys' names in a header value or target; the name of a header is left alone.
    ///
    /// A name counts where no letter or digit stands before it. `:form` after it derives another text, and `C*N` is the
    /// character C repeated N times. Everything else is literal, so `K1z` is K1 and a `z`.
    pub fn fill(&self, text: &str) -> Result<String> {
        let start = match text.split_once(':') {
            Some((name, _)) if !name.starts_with(['/', '?', ' ', '\t']) && !name.contains('=') => name.len() + 1,
            _ => 0,
        };
        let mut out = text[..start].to_owned();
        let mut rest = &text[start..];
        while let Some(first) = rest.chars().next() {
            let inside_word = out.ends_with(|c: char| c.is_ascii_alphanumeric());
            if !inside_word && let Some((key, after)) = self.named(rest) {
                let (text, after) = derived(key, after)?;
                out.push_str(&text);
                rest = after;
            } else if !inside_word && let Some((text, after)) = repeated(rest) {
                out.push_str(&text);
                rest = after;
            } else {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        Ok(out)
    }

    /// The key whose name begins the text; the longest name wins.
    fn named<'a>(&self, text: &'a str) -> Option<(&Key, &'a str)> {
        let names = self.0.iter().filter_map(|(name, key)| Some((name.len(), key, text.strip_prefix(name)?)));
        names.max_by_key(|(length, ..)| *length).map(|(_, key, after)| (key, after))
    }

    #[cfg(test)]
    pub fn example() -> Keys {
        let key = |name, text: &str, id| (name, Key { text: text.into(), id: KeyId(id) });
        Keys([key("K1", "key-one", 1), key("K2", "key-two", 2), key("KREV", "revoked", 3)].into())
    }
}

/// Applies `:form` as often as it stands there.
fn derived<'a>(key: &Key, mut after: &'a str) -> Result<(String, &'a str)> {
    let mut text = key.text.clone();
    while let Some(rest) = after.strip_prefix(':') {
        let sign = usize::from(rest.starts_with('-'));
        let end = rest[sign..].find(|c: char| !c.is_ascii_alphanumeric()).map_or(rest.len(), |i| sign + i);
        let (form, rest) = rest.split_at(end);
        if form.is_empty() {
            break;
        }
        text = change(key, &text, form).with_context(|| format!("cannot interpret the form `:{form}` of a key"))?;
        after = rest;
    }
    Ok((text, after))
}

fn change(key: &Key, text: &str, form: &str) -> Result<String> {
    let digest = key::digest(text.as_bytes());
    Ok(match form {
        "lower" => text.to_lowercase(),
        "upper" => text.to_uppercase(),
        "flip" => replace_at(text, text.len() - 1),
        // The secret's first character: prefix and check characters stay as they are.
        "body" => replace_at(text, text.rfind('_').map_or(0, |i| i + 1)),
        "prefix" => format!("other_sk{}", &text[text.rfind('_').unwrap_or(0)..]),
        "noprefix" => text[text.rfind('_').map_or(0, |i| i + 1)..].to_owned(),
        "id" => key.id.to_string(),
        "hash" | "b64hash" => STANDARD.encode(digest),
        "hexhash" => digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        "mask" | "masked" => key::masked(text),
        "first12" => key::first_12(text),
        _ => match form.strip_prefix('-').and_then(|n| n.parse::<usize>().ok()) {
            Some(n) if n <= text.len() => text[..text.len() - n].to_owned(),
            _ => bail!("unknown"),
        },
    })
}

/// Another letter or digit at one place.
fn replace_at(text: &str, at: usize) -> String {
    let other = if text[at..].starts_with('7') { "8" } else { "7" };
    format!("{}{other}{}", &text[..at], &text[at + 1..])
}

/// `A*513`.
fn repeated(text: &str) -> Option<(String, &str)> {
    let character = text.chars().next()?;
    let rest = text[character.len_utf8()..].strip_prefix('*')?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let count: usize = rest[..end].parse().ok().filter(|count| *count <= 1 << 20)?;
    Some((std::iter::repeat_n(character, count).collect(), &rest[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(text: &str) -> String {
        Keys::example().fill(text).unwrap()
    }

    #[test]
    fn names_are_replaced_in_values_only() {
        assert_eq!(fill("Authorization: Bearer K1"), "Authorization: Bearer key-one");
        assert_eq!(fill("K1: Bearer \"K1\",<K2>"), "K1: Bearer \"key-one\",<key-two>");
        assert_eq!(fill("/?a=K1&b=K2"), "/?a=key-one&b=key-two");
        assert_eq!(fill("X: KREVK1 aK1 K\u{e9}"), "X: revokedK1 aK1 K\u{e9}");
        assert_eq!(fill("X: K1zz K1= K1:"), "X: key-onezz key-one= key-one:");
    }

    #[test]
    fn forms() {
        assert_eq!(fill("X: K1:-1 K1:upper K1:-4:upper"), "X: key-on KEY-ONE KEY");
        assert_eq!(fill("X: K1:flip K2:id"), "X: key-on7 key_00000000002");
        assert_eq!(fill("X: A*5 0*2,"), "X: AAAAA 00,");
        assert_eq!(fill("X: K1:hash").len(), "X: ".len() + 44);
        assert_eq!(fill("X: K1:hexhash").len(), "X: ".len() + 64);
        assert!(Keys::example().fill("X: K1:other").is_err() && Keys::example().fill("X: K1:-99").is_err());
    }
}
