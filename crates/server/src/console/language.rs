//! Languages of the console, and which one a browser asks for.

use axum::http::{HeaderMap, header};

use super::texts::{DE, EN, Texts};

/// A language of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    En,
    De,
}

impl Language {
    /// The first that a browser asks for and that there is; else English.
    pub(super) fn of(headers: &HeaderMap) -> Language {
        let asked = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        // Browsers list them with the most wanted first.
        let known = asked.split(',').filter_map(|one| match one.trim().get(..2)?.to_ascii_lowercase().as_str() {
            "en" => Some(Language::En),
            "de" => Some(Language::De),
            _ => None,
        });
        known.into_iter().next().unwrap_or(Language::En)
    }

    /// Its tag (BCP 47).
    pub(super) fn code(self) -> &'static str {
        match self {
            Language::En => "en",
            Language::De => "de",
        }
    }

    /// The texts in it.
    pub(super) fn texts(self) -> &'static Texts {
        match self {
            Language::En => &EN,
            Language::De => &DE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_answered_in_its_language() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, text.parse().unwrap());
            Language::of(&headers)
        };
        assert_eq!(
            [of("de-AT,de;q=0.9,en;q=0.8"), of("fr, de"), of("EN-us"), of("fr"), of("é")].map(Language::code),
            ["de", "de", "en", "en", "en"]
        );
        assert_eq!(Language::of(&HeaderMap::new()), Language::En);
    }
}
