//! How far a run is: a bar on a terminal, a line now and then elsewhere, always on
//! standard error.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use crate::session::Step;
use crate::tell::tell;

/// Time between lines where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// Shows steps of a session.
#[derive(Debug)]
pub enum Progress {
    /// Shows nothing.
    Quiet,
    /// Redraws one line.
    Bar(ProgressBar),
    /// Prints lines.
    Lines {
        /// When counting began.
        started: Instant,
        /// When the last line was printed.
        printed: Instant,
        /// Steps that an earlier session had done.
        skipped: Option<usize>,
    },
}

impl Progress {
    /// What fits standard error.
    pub fn new(quiet: bool) -> Self {
        if quiet {
            return Self::Quiet;
        }
        if std::io::stderr().is_terminal() {
            let template = "{msg} [{bar:24}] {percent:>3} %  {elapsed} gone, {eta} left";
            let style = ProgressStyle::with_template(template).expect("the template is well formed");
            return Self::Bar(ProgressBar::no_length().with_style(style.progress_chars("=> ")));
        }
        let now = Instant::now();
        Self::Lines { started: now, printed: now, skipped: None }
    }

    /// Shows where the session stands.
    pub fn show(&mut self, step: Step<'_>, passes: usize) {
        self.show_pass(&format!("pass {}/{passes}", step.pass + 1), step);
    }

    /// Shows where a pass stands that is not one of those counted.
    pub fn show_pass(&mut self, pass: &str, step: Step<'_>) {
        let place = format!("{pass}  {}  {}", step.workload, step.allocator);
        match self {
            Self::Quiet => {}
            Self::Bar(bar) => {
                bar.set_length(step.total as u64);
                if bar.position() == 0 && step.done > 0 {
                    // A resumed run starts in the middle; that must not look like speed.
                    bar.set_position(step.done as u64);
                    bar.reset_eta();
                }
                bar.set_message(format!("{place:<44}"));
                bar.set_position(step.done as u64);
            }
            Self::Lines { started, printed, skipped } => {
                let before = *skipped.get_or_insert(step.done);
                if printed.elapsed() < LINE_INTERVAL {
                    return;
                }
                *printed = Instant::now();
                let done_now = u32::try_from(step.done - before).unwrap_or(u32::MAX).max(1);
                let left = u32::try_from(step.total - step.done).unwrap_or(u32::MAX);
                let eta = (started.elapsed() / done_now).saturating_mul(left);
                let percent = 100 * step.done / step.total.max(1);
                tell(format_args!("{place}  {percent} %  about {} left", HumanDuration(eta)));
            }
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
