//! Waiting until a change is everywhere: `--wait`, after the act is committed and said to be.

use std::thread::sleep;
use std::time::{Duration, Instant};

use edgelatch_registry::{Caller, EdgeRow, Standing, format_time};
use indicatif::{ProgressBar, ProgressDrawTarget};
use serde::Serialize;

use crate::prelude::*;

/// How often it is looked whether a change has arrived.
const LOOK: Duration = Duration::from_millis(50);

/// Whether to wait.
#[derive(Args)]
pub(crate) struct Wait {
    /// Wait until every edge that reports has this change, at most so long, and name those that lack it. What was done stays done
    #[arg(long, value_name = "SPAN", value_parser = read::pause)]
    wait: Option<Duration>,
    /// Nothing differs from before.
    #[arg(skip)]
    unchanged: bool,
}

/// What edges are shown by.
pub(crate) const COLUMNS: &[Column<EdgeRow>] = &[
    ("NAME", |e| or_dash(e.name.as_ref().map_or("", |name| name.as_str()))),
    ("EDGE", |e| e.edge.to_string()),
    ("STATE", |e| if e.live { "live" } else { "gone" }.into()),
    ("EPOCH", |e| if e.epoch == 0 { "none".into() } else { e.epoch.to_string() }),
    ("BEHIND", |e| e.behind.to_string()),
    ("HEAD AGE", |e| e.age.map_or("-".into(), |age| format!("{age} s"))),
    ("SINCE", |e| format_time(e.since)),
    ("SEEN", |e| format_time(e.seen_at)),
    ("SKEW", |e| format!("{} s", e.skew)),
    ("ROOT", |e| e.root_version.to_string()),
    ("MODE", |e| e.mode.to_string()),
    ("SDK", |e| e.sdk.to_string()),
];

impl Wait {
    pub(crate) fn is_asked(&self) -> bool {
        self.wait.is_some()
    }

    /// The same after an act that changed something, or did not.
    pub(crate) fn if_changed(self, changed: bool) -> Wait {
        Wait { unchanged: !changed, ..self }
    }

    /// Waits for the last act of a caller, which was `done`, if that is asked for; says else when edges will have it. `code` is what the act itself ended with.
    pub(crate) fn after(
        &self,
        context: &Context,
        open: &Open,
        caller: &Caller,
        done: &str,
        code: ExitCode,
    ) -> Result<ExitCode> {
        match (self.wait, caller.committed().change()) {
            (Some(_), Some(change)) => {
                // It is committed, and said to be: what fails from here on must not read as if it were not.
                let arrived = self.until(context, open, change, done).unwrap_or_else(|failure| {
                    output::note(format_args!("{done}, but how far that has got could not be read: {failure}"));
                    ExitCode::from(1)
                });
                Ok(if arrived == ExitCode::SUCCESS { code } else { arrived })
            }
            (None, Some(_)) if open.has_edges() && !self.unchanged && code == ExitCode::SUCCESS && !context.json => {
                output::note(format_args!("{DIM}Edges know it from the next epoch on.{RESET}"));
                Ok(code)
            }
            _ => Ok(code),
        }
    }

    /// Waits for a change, if that is asked for, and says how far it got.
    pub(crate) fn until(&self, context: &Context, open: &Open, change: u64, done: &str) -> Result<ExitCode> {
        let (begin, patience) = (Instant::now(), self.wait.unwrap_or_default());
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let mut said = String::new();
        let found = loop {
            let found = open.registry.fleet(&open.realm).standing(Some(change))?;
            // Nobody is there who could have it sooner or later.
            let over = found.everywhere || (found.published && found.live == 0) || begin.elapsed() >= patience;
            if over {
                break found;
            }
            let says = progress(&found);
            if says != said {
                if bar.is_hidden() && !context.json {
                    output::note(format_args!("{DIM}{says} …{RESET}"));
                }
                bar.set_message(says.clone());
                said = says;
            }
            bar.tick();
            sleep(LOOK.min(patience.saturating_sub(begin.elapsed())));
        };
        bar.finish_and_clear();
        let arrival = Arrival { arrival: found, seconds: begin.elapsed().as_secs_f64() };
        context.answer(arrival.arrival.everywhere, &arrival, |arrival| arrival.print(done))
    }
}

/// How far a change has got, and how long that was waited for.
#[derive(Serialize)]
struct Arrival {
    arrival: Standing,
    seconds: f64,
}

fn edges(number: u64) -> String {
    if number == 1 { "1 edge".into() } else { format!("{number} edges") }
}

fn progress(found: &Standing) -> String {
    match found.epoch.filter(|_| found.published) {
        None => format!("change {} is committed, and waits to be published", found.change),
        Some(epoch) => {
            format!(
                "change {} is published as epoch {epoch}: {} of {} have it",
                found.change,
                found.live - found.lacking,
                edges(found.live)
            )
        }
    }
}

impl Arrival {
    fn print(&self, done: &str) {
        let Arrival { arrival: found, seconds } = self;
        let Standing { change, live, lacking, gone_lacking, .. } = found;
        match () {
            () if found.everywhere => {
                output::line(format_args!("{GOOD}{done} everywhere{RESET}: {}, {seconds:.2} s", edges(*live)))
            }
            () if !found.published => output::line(format_args!(
                "{BAD}not published{RESET} after {seconds:.2} s: no epoch shows change {change} yet; see whether `edgelatch serve` runs, \
                 or run `edgelatch publish`"
            )),
            () if *live == 0 => output::line(format_args!(
                "{BAD}not known{RESET}: change {change} is published, but no edge reports which epoch it has; give edges a reporter"
            )),
            () if *lacking == 0 => output::line(format_args!(
                "{BAD}not known{RESET}: {} have change {change}, and there may be more than are kept track of",
                edges(*live)
            )),
            () => {
                output::line(format_args!(
                    "{BAD}not everywhere{RESET} after {seconds:.2} s: {lacking} of {} lack change {change}",
                    edges(*live)
                ));
                output::table(COLUMNS, &found.edges);
            }
        }
        if !found.everywhere {
            output::note(format_args!("what was done stays done; to look again: edgelatch fleet --lacks {change}"));
        }
        if *gone_lacking > 0 {
            output::note(format_args!(
                "{} reported no more before this change: they may serve what they had until their heads end",
                edges(*gone_lacking)
            ));
        }
    }
}
