//! How far long work has come: a bar on a terminal, a line every few seconds elsewhere.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often progress is reported where there is no terminal.
const REPORT_EVERY: Duration = Duration::from_secs(5);

/// Progress of some work, on stderr.
pub struct Progress {
    bar: ProgressBar,
    what: &'static str,
    reported: Mutex<Instant>,
    begun: Instant,
}

impl Progress {
    /// Of so many things; `None` if nobody knows.
    ///
    /// # Panics
    /// Never: the templates are constants.
    #[must_use]
    pub fn new(what: &'static str, len: Option<u64>) -> Self {
        let bar = ProgressBar::with_draw_target(len, ProgressDrawTarget::stderr());
        let template = match len {
            Some(_) => "{msg} {bar:30} {pos}/{len} entries, {per_sec}, {eta} left",
            None => "{msg} {pos} entries, {per_sec}",
        };
        bar.set_style(ProgressStyle::with_template(template).expect("a constant"));
        bar.set_message(what);
        let now = Instant::now();
        Self {
            bar,
            what,
            reported: Mutex::new(now),
            begun: now,
        }
    }

    /// So many more are done.
    pub fn add(&self, more: u64) {
        self.bar.inc(more);
        let Ok(mut reported) = self.reported.lock() else {
            return;
        };
        if self.bar.is_hidden() && reported.elapsed() >= REPORT_EVERY {
            *reported = Instant::now();
            let done = self.bar.position();
            let of = self
                .bar
                .length()
                .map_or(String::new(), |len| format!(" of {len}"));
            let rate = done / self.begun.elapsed().as_secs().max(1);
            eprintln!("{}: {done}{of} entries, {rate} a second", self.what);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
