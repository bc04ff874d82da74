//! Conditions of a query, put together.

use super::Value;

/// Conditions that must all hold, and the values of their parameters.
#[derive(Clone, Debug)]
pub(crate) struct Conditions {
    /// For the parameters, in their order.
    pub(crate) values: Vec<Value>,
    tests: Vec<String>,
}

impl Conditions {
    /// A first one: the test, and the parameter at its end.
    pub(crate) fn new(test: &str, value: impl Into<Value>) -> Conditions {
        let mut all = Conditions { values: Vec::new(), tests: Vec::new() };
        all.add(test, value);
        all
    }

    /// One more: the test, and the parameter at its end.
    pub(crate) fn add(&mut self, test: &str, value: impl Into<Value>) {
        self.add_with(value, |place| format!("{test} {place}"));
    }

    pub(crate) fn maybe(&mut self, test: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.add(test, value);
        }
    }

    /// A test that has its parameter wherever it wants.
    pub(crate) fn add_with(&mut self, value: impl Into<Value>, test: impl FnOnce(&str) -> String) {
        self.values.push(value.into());
        self.tests.push(test(&format!("${}", self.values.len())));
    }

    /// A test without a parameter.
    pub(crate) fn add_plain(&mut self, test: impl Into<String>) {
        self.tests.push(test.into());
    }

    /// After `WHERE`.
    pub(crate) fn sql(&self) -> String {
        self.tests.join(" AND ")
    }
}
