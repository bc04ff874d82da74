//! What must not be printed: texts of keys, and passwords.

use std::sync::LazyLock;

use regex_lite::Regex;

/// What is looked for, and what stands there instead.
const SECRETS: [(&str, &str); 2] = [
    // `scheme://user:password@host`. A password may hold any character, so it ends at the last `@`.
    (r"(://[^\s'`:]*):[^\s'`]*@", "${1}:<password>@"),
    // A word that holds the text of a key: a prefix, `_` and 36 letters and digits.
    ("[0-9A-Za-z_]*_[0-9A-Za-z]{36}[0-9A-Za-z_]*", "<key>"),
];

/// The same without texts of keys, for what was typed in the wrong place must not end up in a log, and without the password of
/// a database's address.
pub(crate) fn mask(text: &str) -> String {
    static COMPILED: LazyLock<Vec<(Regex, &str)>> =
        LazyLock::new(|| SECRETS.map(|(pattern, mask)| (Regex::new(pattern).expect("a fixed pattern"), mask)).into());
    COMPILED.iter().fold(text.to_owned(), |text, (pattern, mask)| pattern.replace_all(&text, *mask).into_owned())
}
