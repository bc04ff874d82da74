//! Text without `core::fmt`, whose machinery would be a tenth of the wasm file. What an edge says, it says by [`Say`]; `Display`, for
//! everybody else, shows the same.

use alloc::string::String;

/// What can be said as text.
pub trait Say {
    /// Adds it to a text.
    fn say(&self, out: &mut String);

    /// It as a text of its own.
    fn said(&self) -> String {
        let mut out = String::new();
        self.say(&mut out);
        out
    }
}

impl Say for str {
    #[inline(never)]
    fn say(&self, out: &mut String) {
        out.push_str(self);
    }
}

impl Say for String {
    fn say(&self, out: &mut String) {
        self.as_str().say(out);
    }
}

impl<T: Say + ?Sized> Say for &T {
    fn say(&self, out: &mut String) {
        (**self).say(out);
    }
}

impl Say for u64 {
    fn say(&self, out: &mut String) {
        decimal(*self, 1, out);
    }
}

impl Say for usize {
    fn say(&self, out: &mut String) {
        u64::try_from(*self).unwrap_or(u64::MAX).say(out);
    }
}

macro_rules! narrow {
    ($($type:ty)*) => { $(impl Say for $type {
        fn say(&self, out: &mut String) {
            u64::from(*self).say(out);
        }
    })* };
}

narrow!(u8 u16 u32);

/// Says one thing after another.
#[macro_export]
macro_rules! say {
    ($out:expr, $($part:expr),+ $(,)?) => {{ $($crate::text::Say::say(&$part, $out);)+ }};
}

/// Has `Display` show what is said.
macro_rules! shown {
    ($($type:ty),+) => { $(impl core::fmt::Display for $type {
        fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
            f.write_str(&$crate::text::Say::said(self))
        }
    })+ };
}

pub(crate) use shown;

/// Says a number in decimal digits, with zeros in front up to `least` digits.
pub(crate) fn decimal(mut value: u64, least: usize, out: &mut String) {
    let mut digits = [b'0'; 20];
    let mut used = 0;
    for digit in digits.iter_mut().rev() {
        if value == 0 && used >= least {
            break;
        }
        *digit = b'0' + u8::try_from(value % 10).unwrap_or(0);
        value /= 10;
        used += 1;
    }
    characters(digits.get(digits.len() - used..).unwrap_or_default(), out);
}

/// Says bytes of which each is an ASCII character.
pub(crate) fn characters(bytes: &[u8], out: &mut String) {
    core::str::from_utf8(bytes).unwrap_or_default().say(out);
}

/// Says a text in which `{name}` stands for the fact of that name.
pub(crate) fn fill(text: &str, facts: &[(&str, &dyn Say)], out: &mut String) {
    let mut rest = text;
    while let Some((before, (name, after))) =
        rest.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    {
        before.say(out);
        facts.iter().filter(|(known, _)| *known == name).for_each(|(_, fact)| fact.say(out));
        rest = after;
    }
    rest.say(out);
}

/// Reads a number of decimal digits and nothing else.
pub(crate) fn whole(text: &str) -> Option<u64> {
    let digit =
        |sum: u64, byte: u8| sum.checked_mul(10)?.checked_add(u64::from(byte.checked_sub(b'0').filter(|digit| *digit < 10)?));
    if text.is_empty() { None } else { text.bytes().try_fold(0, digit) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said_as_display_shows_them() {
        let powers = (0..20).map(|n| 10u64.pow(n));
        for number in powers.flat_map(|power| [power - 1, power, power + 1]).chain([u64::MAX]) {
            assert_eq!(number.said(), alloc::format!("{number}"));
            assert_eq!(whole(&number.said()), Some(number));
        }
        let padded = |value| {
            let mut out = String::new();
            decimal(value, 2, &mut out);
            out
        };
        assert_eq!([0, 7, 42, 512].map(padded), ["00", "07", "42", "512"]);
        for text in ["", "+1", "-1", " 1", "1 ", "1.0", "0x1", "18446744073709551616", "١"] {
            assert_eq!(whole(text), None, "{text}");
        }
    }

    #[test]
    fn facts_stand_where_they_are_named() {
        let filled = |text: &str| {
            let mut out = String::new();
            fill(text, &[("one", &1u8), ("other", &"two")], &mut out);
            out
        };
        assert_eq!(filled("{other}{one}: no {one} is {other}."), "two1: no 1 is two.");
        assert_eq!(filled("none"), "none");
    }
}
