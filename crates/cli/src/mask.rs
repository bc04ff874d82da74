//! What must not be printed: texts of keys, and passwords.

/// Words that hold the text of a key, `prefix_` and 36 letters and digits, become `<key>`: what was typed in the wrong place
/// must not end up in a log. So does the password of a database's address.
pub(crate) fn mask(text: &str) -> String {
    let text = &mask_password(text);
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut masked = String::with_capacity(text.len());
    for part in text.split_inclusive(|c| !is_word(c)) {
        let word = part.trim_end_matches(|c| !is_word(c));
        let secret = word.split('_').skip(1).any(|run| run.len() >= 36);
        masked.push_str(if secret { "<key>" } else { word });
        masked.push_str(part.get(word.len()..).unwrap_or_default());
    }
    masked
}

/// Of `scheme://user:password@host`, the password becomes `<password>`.
fn mask_password(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        masked.push_str(before);
        masked.push_str("://");
        let end = after.find(|c: char| c.is_whitespace() || c == '\'' || c == '`').unwrap_or(after.len());
        let (address, tail) = after.split_at(end);
        // A password may hold any character, so it ends at the last `@`.
        match address.rsplit_once('@').and_then(|(login, host)| Some((login.split_once(':')?.0, host))) {
            Some((user, host)) => masked.extend([user, ":<password>@", host]),
            None => masked.push_str(address),
        }
        rest = tail;
    }
    masked.push_str(rest);
    masked
}
