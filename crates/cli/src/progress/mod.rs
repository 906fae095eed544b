//! What a user at the terminal sees while a command runs: one line that is drawn again and again, below the log.
//!
//! It shows how far a stage is (a bar, bytes, rate, time left and the file in hand), or what the run does or waits for beside
//! one. A thread draws it eight times a second from counters, so that it moves while the main thread waits. What is printed
//! otherwise steps in front of it. Nothing of it appears when the output is not a terminal, nor as `pgbackrest`.

mod line;
mod view;

use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pgkeep_command::run::cancel::Cancel;
use pgkeep_command::run::context::{Output, Style};
use pgkeep_command::run::moved::Moved;
use pgkeep_command::run::progress::{NoProgress, Progress};
use pgkeep_config::Program;

use crate::log::{Around, Sink};
use crate::terminal;
use line::Letters;
use view::View;

/// Time between two drawings.
const EVERY: Duration = Duration::from_millis(125);

/// The line, and the output of the command in front of it; without somebody at a terminal only the output.
pub(crate) fn for_terminal(
    sink: &'static Sink,
    program: Program,
    command: &str,
    cancel: &Cancel,
) -> (Arc<dyn Progress>, Output) {
    if program != Program::PgKeep || !terminal::can_draw() {
        return (Arc::new(NoProgress), Output::new(io::stdout()));
    }
    let letters = if terminal::shows_utf8() {
        Letters::BLOCKS
    } else {
        Letters::ASCII
    };
    let shared = Arc::new(Shared {
        began: Instant::now(),
        view: Mutex::new(View::new(command, letters)),
        drawn: Mutex::new(None),
        closed: AtomicBool::new(false),
        in_line: AtomicBool::new(false),
        cancel: cancel.clone(),
    });
    let drawing = Arc::clone(&shared);
    let started = std::thread::Builder::new()
        .name("terminal".to_owned())
        .spawn(move || drawing.keep_drawing());
    if started.is_err() {
        // A run is not worth less for want of a bar.
        return (Arc::new(NoProgress), Output::new(io::stdout()));
    }
    let aside = Arc::clone(&shared);
    let around: Around = Arc::new(move |print| aside.step_aside(print));
    sink.set_around(Some(around));
    let output = Output::new(InFront(Arc::clone(&shared))).with_style(Style {
        colours: terminal::shows_colours(),
        utf8: terminal::shows_utf8(),
        live: true,
    });
    (Arc::new(Line(shared)), output)
}

struct Shared {
    began: Instant,
    view: Mutex<View>,
    /// The line that is on the screen.
    drawn: Mutex<Option<ProgressBar>>,
    closed: AtomicBool,
    /// The command printed half a line, which must not be drawn over.
    in_line: AtomicBool,
    cancel: Cancel,
}

impl Shared {
    fn keep_drawing(&self) {
        while !self.closed.load(Ordering::SeqCst) {
            std::thread::sleep(EVERY);
            self.draw();
        }
    }

    fn draw(&self) {
        let mut drawn = lock(&self.drawn);
        let stopping = self.cancel.signal().is_some();
        // The view is left at once: who changes it does not wait for the terminal.
        let text = self.view().text(self.now(), stopping);
        let wanted = !self.closed.load(Ordering::SeqCst) && !self.in_line.load(Ordering::SeqCst);
        match text.filter(|_| wanted) {
            Some(text) => drawn.get_or_insert_with(one_line).set_message(text),
            None => clear(&mut drawn),
        }
    }

    /// Prints something with the line out of the way.
    fn step_aside(&self, print: &mut dyn FnMut()) {
        match &*lock(&self.drawn) {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    fn view(&self) -> MutexGuard<'_, View> {
        lock(&self.view)
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn one_line() -> ProgressBar {
    let target = ProgressDrawTarget::stderr_with_hz(20);
    let style = ProgressStyle::with_template("{wide_msg}");
    let bar = ProgressBar::with_draw_target(None, target);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn clear(drawn: &mut Option<ProgressBar>) {
    if let Some(bar) = drawn.take() {
        bar.finish_and_clear();
    }
}

/// The line as the listener of a run.
struct Line(Arc<Shared>);

impl Progress for Line {
    fn begin(&self, stage: &str, total_bytes: u64, moved: &Arc<Moved>) {
        let now = self.0.now();
        self.0.view().begin(stage, total_bytes, moved, now);
    }

    fn finished(&self, file: &str) {
        self.0.view().finished(file);
    }

    fn end(&self) {
        self.0.view().end();
    }

    fn doing(&self, what: Option<&str>) {
        let now = self.0.now();
        self.0.view().doing(what, now);
        if what.is_none() {
            // At once: what comes next may use the terminal.
            self.0.draw();
        }
    }

    fn close(&self) {
        self.0.closed.store(true, Ordering::SeqCst);
        clear(&mut lock(&self.0.drawn));
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Line")
    }
}

/// Standard output of the command.
struct InFront(Arc<Shared>);

impl Write for InFront {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let half = bytes.last().is_some_and(|last| *last != b'\n');
        self.0.in_line.store(half, Ordering::SeqCst);
        self.0.view().printed();
        let mut result = Ok(0);
        self.0.step_aside(&mut || {
            let mut out = io::stdout().lock();
            result = out.write(bytes).and_then(|done| out.flush().map(|()| done));
        });
        result
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
