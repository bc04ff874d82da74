//! What stands around every page: its language, where one is, the navigation; and how a template becomes an answer.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};

use super::assets::{HTMX, SCRIPT, STYLE};
use super::language::Language;
use super::texts::{Text, Texts};
use super::views::View;
use super::words::words;
use crate::problem::Problem;

/// What every template is given as `f`.
pub(super) struct Frame {
    /// Texts in the reader's language.
    pub(super) t: &'static Texts,
    pub(super) language: Language,
    /// Path and query of this page.
    pub(super) place: String,
    /// What its forms carry; empty where nobody is signed in.
    pub(super) form: String,
    /// The realm that it is about.
    pub(super) realm: String,
    /// The area of it that is shown, by the path's word.
    pub(super) area: &'static str,
}

/// The areas of a realm, by the path's word, in the order of the navigation.
const AREAS: [(&str, Text); 14] = [
    ("keys", |t| t.keys),
    ("reminders", |t| t.reminders),
    ("services", |t| t.services),
    ("roles", |t| t.roles),
    ("owners", |t| t.owners),
    ("orgs", |t| t.orgs),
    ("people", |t| t.people),
    ("usage", |t| t.usage_title),
    ("activity", |t| t.activity),
    ("alerts", |t| t.alerts),
    ("fleet", |t| t.fleet),
    ("health", |t| t.health),
    ("leak", |t| t.leak),
    ("settings", |t| t.settings),
];

impl Frame {
    pub(super) fn new(language: Language, place: String, form: String) -> Frame {
        Frame { t: language.texts(), language, place, form, realm: String::new(), area: "" }
    }

    /// Where nobody is signed in.
    pub(super) fn bare(language: Language) -> Frame {
        Frame::new(language, String::new(), String::new())
    }

    /// In an area of a realm.
    pub(super) fn within(self, realm: &str, area: &'static str) -> Frame {
        Frame { realm: realm.into(), area, ..self }
    }

    /// About keys, in the words of their preset's system.
    pub(super) fn about_keys(self, realm: &str, view: &View) -> Frame {
        Frame { t: words(view.preset, self.language), ..self.within(realm, "keys") }
    }

    pub(super) fn areas(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        AREAS.iter().map(|(word, text)| (*word, text(self.t)))
    }

    /// What the area is called that is shown.
    pub(super) fn area_title(&self) -> &'static str {
        self.areas().find(|(word, _)| *word == self.area).map_or("", |(_, title)| title)
    }

    pub(super) fn style(&self) -> &'static str {
        STYLE.name()
    }

    pub(super) fn script(&self) -> &'static str {
        SCRIPT.name()
    }

    pub(super) fn htmx(&self) -> &'static str {
        HTMX.name()
    }

    /// A span such as `3mo` in the reader's words, if there are some.
    pub(super) fn span(&self, span: &str) -> String {
        let days = span.strip_suffix('d').filter(|days| days.bytes().all(|digit| digit.is_ascii_digit()));
        match (span, days) {
            ("1d", _) => self.t.day_1.into(),
            ("1w", _) => self.t.week_1.into(),
            ("1mo", _) => self.t.month_1.into(),
            ("3mo", _) => self.t.month_3.into(),
            ("1y", _) => self.t.year_1.into(),
            (_, Some(days)) => format!("{days} {}", self.t.days),
            (other, None) => other.into(),
        }
    }

    /// How many of something there are.
    pub(super) fn counted(&self, number: &u64, one: &str, many: &str) -> String {
        format!("{number} {}", if *number == 1 { one } else { many })
    }

    /// A time of the API, as it is read where no script shows it in the reader's own zone.
    pub(super) fn utc(&self, at: &str) -> String {
        at.get(..16).map_or_else(|| at.to_owned(), |minute| format!("{} UTC", minute.replace('T', " ")))
    }
}

/// A template as an answer.
pub(super) fn page(template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => Html(text).into_response(),
        Err(error) => Problem::failure(format!("a page of the console cannot be made: {error}")).into_response(),
    }
}
