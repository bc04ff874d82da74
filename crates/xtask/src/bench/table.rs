//! Figures, each beside its target.

/// What a figure should be.
#[derive(Clone, Copy)]
pub enum Target {
    /// Less is better.
    AtMost(f64),
    /// More is better.
    AtLeast(f64),
    /// To look at.
    None,
}

use Target::{AtLeast, AtMost};

/// Figures with their targets and units.
#[derive(Default)]
pub struct Table(Vec<(String, Target, f64, &'static str)>);

impl Table {
    pub fn row(&mut self, what: impl Into<String>, target: Target, value: f64, unit: &'static str) {
        self.0.push((what.into(), target, value, unit));
    }

    pub fn print(&self) {
        let width = self.0.iter().map(|(what, ..)| what.chars().count()).max().unwrap_or(0);
        println!("{:width$}  {:>14}  {:>14}  {:>6}", "figure", "target", "value", "ratio");
        for (what, target, value, unit) in &self.0 {
            let ratio = |limit: f64| if *value == limit { "1.00".into() } else { format!("{:.2}", value / limit) };
            let (aim, ratio) = match *target {
                AtMost(limit) => (format!("≤ {limit} {unit}"), ratio(limit)),
                AtLeast(limit) => (format!("≥ {limit} {unit}"), ratio(limit)),
                Target::None => (String::new(), String::new()),
            };
            let digits = [(10.0, 2), (100.0, 1)].iter().find(|(below, _)| value < below).map_or(0, |(_, digits)| *digits);
            println!("{what:width$}  {aim:>14}  {:>14}  {ratio:>6}", format!("{value:.digits$} {unit}"));
        }
        println!("ratio = value / target: up to 1 is good where the target is ≤, from 1 where it is ≥");
    }
}
