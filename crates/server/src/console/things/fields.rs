//! A field of a form about a role, an owner or an org. Nothing is checked here: what does not fit is refused by the API, and shown beside its field
//! with what was typed.

use serde_json::{Map, Value};

use crate::console::client::Refused;
use crate::console::form::Fields;
use crate::console::language::Language;
use crate::console::orgs::Choice;
use crate::console::texts::{Text, Texts};

/// How a field is filled in, and what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A text on one line.
    Line,
    /// A number.
    Number,
    /// A number, or none where nothing is filled in.
    NumberOrNone,
    /// A list of words.
    Words,
    /// Such a list, or none at all where nothing is filled in.
    WordsOrNone,
    /// One of these words, of which an empty one leaves it open.
    Choice(&'static [&'static str]),
    /// Yes or no.
    Switch,
    /// One of the orgs, or the `whole` realm.
    Org { whole: bool },
    /// Whatever else JSON holds.
    Json,
}

/// A member of the API's bodies, as a field.
#[derive(Clone, Copy)]
pub(super) struct Member {
    /// Its name; one of the settings is named with what it is in, `settings.`.
    pub(super) name: &'static str,
    pub(super) title: Title,
    pub(super) shape: Shape,
    pub(super) is_required: bool,
}

/// What a field is called.
#[derive(Clone, Copy)]
pub(super) enum Title {
    Text(Text),
    /// In English and in German.
    Both(&'static str, &'static str),
}

impl Title {
    fn of(self, t: &Texts, language: Language) -> &'static str {
        match (self, language) {
            (Title::Text(text), _) => text(t),
            (Title::Both(en, _), Language::En) => en,
            (Title::Both(_, de), Language::De) => de,
        }
    }
}

impl Member {
    pub(super) const fn new(name: &'static str, title: Text, shape: Shape) -> Member {
        Member { name, title: Title::Text(title), shape, is_required: false }
    }

    pub(super) const fn setting(name: &'static str, en: &'static str, de: &'static str, shape: Shape) -> Member {
        Member { name, title: Title::Both(en, de), shape, is_required: false }
    }

    pub(super) const fn required(self) -> Member {
        Member { is_required: true, ..self }
    }

    /// What something has of it.
    pub(super) fn of<'v>(&self, thing: &'v Value) -> &'v Value {
        self.name.split('.').fold(thing, |value, name| &value[name])
    }

    /// What was typed, as the API reads it.
    fn read(&self, text: &str) -> Value {
        let words = || text.split([' ', ',', '\n']).filter(|word| !word.is_empty());
        let number = || text.parse::<u64>().map_or_else(|_| Value::from(text), Value::from);
        match self.shape {
            Shape::NumberOrNone | Shape::WordsOrNone if text.is_empty() => Value::Null,
            Shape::Number | Shape::NumberOrNone => number(),
            Shape::Words | Shape::WordsOrNone => words().collect(),
            Shape::Switch => Value::from(text == "true"),
            Shape::Json => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
            Shape::Line | Shape::Choice(_) | Shape::Org { .. } => text.into(),
        }
    }

    /// Something as it stands in the field.
    pub(super) fn written(&self, value: &Value) -> String {
        match (self.shape, value) {
            (_, Value::Null) => String::new(),
            (Shape::Words | Shape::WordsOrNone, Value::Array(words)) => {
                words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
            }
            (Shape::Json, value) => value.to_string(),
            (_, Value::String(text)) => text.clone(),
            (_, other) => other.to_string(),
        }
    }
}

/// The members that a form tells of: all of a new thing that say something; of an old one those that differ.
pub(super) fn body(members: &[Member], fields: &Fields, old: Option<&Value>) -> Value {
    let mut body = Map::new();
    for member in members {
        let (value, text) = (member.read(fields.text(member.name)), fields.text(member.name));
        let says = match old {
            // What no field was sent of stays as it is.
            Some(old) => fields.has(member.name) && member.of(old) != &value,
            None => !text.is_empty() || member.is_required,
        };
        if !says {
            continue;
        }
        match member.name.split_once('.') {
            None => drop(body.insert(member.name.into(), value)),
            Some((whole, part)) => {
                let whole = body.entry(whole).or_insert_with(|| Value::Object(Map::new()));
                if let Some(whole) = whole.as_object_mut() {
                    whole.insert(part.into(), value);
                }
            }
        }
    }
    Value::Object(body)
}

/// A field as it is shown.
pub(super) struct Shown {
    pub(super) name: &'static str,
    /// The same where a dot would mean something.
    pub(super) id: String,
    pub(super) title: &'static str,
    pub(super) value: String,
    /// What can be chosen, if it is chosen: a word, and what it says.
    pub(super) choices: Vec<(String, String)>,
    /// Whether it takes several lines.
    pub(super) is_long: bool,
    pub(super) is_required: bool,
    /// What is wrong with it.
    pub(super) wrong: Option<String>,
}

impl Shown {
    pub(super) fn is_chosen(&self, word: &str) -> bool {
        self.value == word
    }
}

/// The name of the field that a refusal is about.
pub(super) fn field_of(refused: &Refused) -> String {
    let pointer = refused.pointer.as_deref().unwrap_or_default().trim_start_matches('/');
    let mut parts = pointer.split('/');
    match (parts.next(), parts.next()) {
        (Some("settings"), Some(setting)) => format!("settings.{setting}"),
        (Some(member), _) => member.to_owned(),
        (None, _) => String::new(),
    }
}

/// The fields of a form, with what they hold by name.
pub(super) fn shown(
    members: &[Member],
    value: impl Fn(&Member) -> String,
    refused: Option<&Refused>,
    choice: Option<&Choice>,
    (t, language): (&Texts, Language),
) -> Vec<Shown> {
    let wrong = refused.map(|refused| (field_of(refused), refused.detail.clone()));
    let word = |word: &&str| {
        let days = word.strip_suffix('d').and_then(|days| days.parse::<u64>().ok());
        let said = match days {
            Some(1) => format!("1 {}", t.day),
            Some(days) => format!("{days} {}", t.days),
            None if word.is_empty() => "–".to_owned(),
            None => (*word).to_owned(),
        };
        ((*word).to_owned(), said)
    };
    let field = |member: &Member| Shown {
        name: member.name,
        id: member.name.replace('.', "-"),
        title: member.title.of(t, language),
        value: value(member),
        choices: match member.shape {
            Shape::Choice(words) => words.iter().map(word).collect(),
            Shape::Switch => vec![("false".into(), t.no.into()), ("true".into(), t.yes.into())],
            Shape::Org { whole } => {
                let is_offered = whole && choice.is_some_and(|choice| choice.is_whole);
                let realm = is_offered.then(|| (String::new(), t.whole_realm.to_owned()));
                realm.into_iter().chain(choice.into_iter().flat_map(|choice| choice.orgs.clone())).collect()
            }
            _ => Vec::new(),
        },
        is_long: matches!(member.shape, Shape::Words | Shape::WordsOrNone | Shape::Json),
        is_required: member.is_required,
        wrong: wrong.as_ref().filter(|(of, _)| of == member.name).map(|(_, detail)| detail.clone()),
    };
    members.iter().map(field).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const MEMBERS: &[Member] = &[
        Member::new("name", |t| t.name, Shape::Line),
        Member::new("roles", |t| t.roles, Shape::Words),
        Member::new("disabled", |t| t.disabled, Shape::Switch),
        Member::setting("settings.max_keys", "", "", Shape::NumberOrNone),
        Member::setting("settings.services", "", "", Shape::WordsOrNone),
    ];

    fn sent(text: &str) -> Fields {
        Fields::parse(text.as_bytes())
    }

    #[test]
    fn only_what_differs_is_said() {
        let old = json!({ "name": "One", "roles": ["a"], "disabled": false, "settings": { "max_keys": 20, "services": null } });
        let same = "name=One&roles=a&disabled=false&settings.max_keys=20&settings.services=";
        assert_eq!(body(MEMBERS, &sent(same), Some(&old)), json!({}));
        // What the form did not have is no wish to empty it.
        assert_eq!(body(MEMBERS, &sent("name=One"), Some(&old)), json!({}));
        let other = "name=Two&roles=a+b%0D%0Ac&disabled=true&settings.max_keys=&settings.services=cdn,dns";
        let settings = json!({ "max_keys": null, "services": ["cdn", "dns"] });
        let wanted = json!({ "name": "Two", "roles": ["a", "b", "c"], "disabled": true, "settings": settings });
        assert_eq!(body(MEMBERS, &sent(other), Some(&old)), wanted);
        // Whatever is no number is said as it stands, and refused.
        assert_eq!(body(MEMBERS, &sent("settings.max_keys=-1"), Some(&old)), json!({ "settings": { "max_keys": "-1" } }));
    }

    #[test]
    fn a_new_thing_leaves_open_what_was_not_filled_in() {
        assert_eq!(body(MEMBERS, &sent("name=One&roles=+"), None), json!({ "name": "One" }));
        let required = [Member::new("name", |t| t.name, Shape::Line).required()];
        assert_eq!(body(&required, &sent("name="), None), json!({ "name": "" }));
    }
}
