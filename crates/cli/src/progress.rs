//! How far something long has come: a bar on a terminal, a plain line now and then elsewhere.

use std::time::Duration;

use edgelatch_sync::Stage;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output;

/// A bar to be moved by whoever reads or writes, and a count beside it.
pub(crate) struct Meter {
    bar: ProgressBar,
    /// Counts between two plain lines.
    every: u64,
    told: u64,
}

impl Meter {
    /// For work of this length. Where there is no terminal, a plain line appears whenever `every` more counts are done.
    pub(crate) fn new(length: u64, every: u64) -> Meter {
        let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent:>3} %  {msg}") {
            bar.set_style(style);
        }
        Meter { bar, every, told: 0 }
    }

    /// The bar itself.
    pub(crate) fn bar(&self) -> ProgressBar {
        self.bar.clone()
    }

    /// Says how much is done.
    pub(crate) fn tell(&mut self, done: u64, text: impl Fn() -> String) {
        if !self.bar.is_hidden() {
            self.bar.set_message(text());
        } else if done / self.every > self.told / self.every {
            self.told = done;
            output::note(format_args!("{} …", text()));
        }
    }

    /// Takes the bar off the screen.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

/// Tells what a publisher is at: a spinner on a terminal, plain lines elsewhere once there is much to do.
pub(crate) fn stages() -> (ProgressBar, impl Fn(Stage) + Send + Sync + 'static) {
    const MUCH: usize = 20_000;
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let hidden = bar.is_hidden();
    bar.set_style(ProgressStyle::default_spinner());
    if !hidden {
        bar.enable_steady_tick(Duration::from_millis(100));
    }
    let shown = bar.clone();
    let watch = move |stage: Stage| {
        let (text, much) = match stage {
            Stage::Reading => ("reading the registry".to_owned(), false),
            Stage::Building(records) => (format!("building a tree of {records} records"), records >= MUCH),
            Stage::Writing(bytes) => {
                (format!("signing a tree of {bytes} bytes, and writing what is new of it"), bytes >= 32 * MUCH as u64)
            }
            Stage::Shown(epoch) => (format!("epoch {epoch} is out, writing its bundle"), false),
        };
        if !hidden {
            shown.set_message(text);
        } else if much {
            output::note(format_args!("{text} …"));
        }
    };
    (bar, watch)
}
