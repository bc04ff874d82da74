//! How far something long has come: a bar on a terminal, a plain line now and then elsewhere.

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
    /// For work of this length, which is told where there is no terminal whenever so much more is done.
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
