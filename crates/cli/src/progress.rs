//! The bar that long commands show on an interactive terminal: bytes, rate, time left and the file in hand.
//!
//! Nothing of it appears when the output is not a terminal. Log lines are printed above the bar.

use std::sync::{Arc, Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pgkeep_command::runtime::progress::{NoProgress, Progress};
use pgkeep_config::Program;

use crate::log::{Around, Sink};
use crate::terminal;

/// The bar where stdout and stderr are a terminal, else nothing; nothing as `pgbackrest`, whose output is the original's.
pub(crate) fn for_terminal(sink: &'static Sink, program: Program) -> Arc<dyn Progress> {
    if program == Program::PgKeep && terminal::is_attended() {
        Arc::new(Bar {
            sink,
            bar: Mutex::new(None),
        })
    } else {
        Arc::new(NoProgress)
    }
}

struct Bar {
    sink: &'static Sink,
    bar: Mutex<Option<ProgressBar>>,
}

impl Progress for Bar {
    fn begin(&self, stage: &str, total_bytes: u64) {
        let bar =
            ProgressBar::with_draw_target(Some(total_bytes), ProgressDrawTarget::stderr_with_hz(8));
        let style = ProgressStyle::with_template(
            "{prefix} {bar:24} {percent:>3}%  {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left  {wide_msg}",
        );
        if let Ok(style) = style {
            bar.set_style(style);
        }
        bar.set_prefix(stage.to_owned());
        let shown = bar.clone();
        let around: Around = Arc::new(move |print| shown.suspend(print));
        self.sink.set_around(Some(around));
        *self.lock() = Some(bar);
    }

    fn advance(&self, done_bytes: u64, file: &str) {
        if let Some(bar) = &*self.lock() {
            bar.set_position(done_bytes);
            bar.set_message(file.to_owned());
        }
    }

    fn end(&self) {
        self.sink.set_around(None);
        if let Some(bar) = self.lock().take() {
            bar.finish_and_clear();
        }
    }
}

impl Bar {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<ProgressBar>> {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Bar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bar")
    }
}
