//! What the demonstration prints: steps, the commands of each, facts, proofs, a short table, and the total.

use std::cell::Cell;
use std::time::Duration;

use super::paint::{Ink, Paint};
use crate::error::Result;
use crate::report::size_text::size_text;
use crate::report::time_text::elapsed_text;
use crate::run::context::Output;

/// Prints as it goes.
pub(super) struct Report {
    output: Output,
    paint: Paint,
    steps: Cell<u32>,
}

/// Figures of the run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbers {
    /// Bytes of the cluster, and how long it took.
    pub(super) backup: (u64, Duration),
    /// The same on the server, if there is one.
    pub(super) server_backup: Option<(u64, Duration)>,
    pub(super) restore: (u64, Duration),
    pub(super) repository_bytes: u64,
    pub(super) server_bytes: Option<u64>,
    pub(super) rows_during_backup: u64,
}

impl Report {
    pub(super) fn new(output: Output) -> Self {
        let paint = Paint::new(output.style());
        Self {
            output,
            paint,
            steps: Cell::new(0),
        }
    }

    pub(super) fn paint(&self) -> Paint {
        self.paint
    }

    pub(super) fn title(&self, text: &str) -> Result<()> {
        let title = self
            .paint
            .paint(Ink::Heading, &format!("pgkeep demo: {text}"));
        self.output.text(&format!("{title}\n"))
    }

    pub(super) fn step(&self, text: &str) -> Result<()> {
        self.steps.set(self.steps.get() + 1);
        let heading = format!("{}. {text}", self.steps.get());
        let heading = self.paint.paint(Ink::Heading, &heading);
        self.output.text(&format!("\n{heading}\n"))
    }

    /// A command line that is run now.
    pub(super) fn command(&self, line: &str) -> Result<()> {
        let prompt = self.paint.paint(Ink::Quiet, "$");
        let line = self.paint.paint(Ink::Command, line);
        self.output.text(&format!("{prompt} {line}\n"))
    }

    /// What a command answered.
    pub(super) fn answer(&self, text: &str) -> Result<()> {
        self.output.text(&format!("{text}\n"))
    }

    /// An answer that is an error, as it is meant to be.
    pub(super) fn refusal(&self, text: &str) -> Result<()> {
        self.answer(&self.paint.paint(Ink::Bad, text))
    }

    pub(super) fn fact(&self, text: &str) -> Result<()> {
        self.output.text(&format!("   {text}\n"))
    }

    pub(super) fn drawing(&self, text: &str) -> Result<()> {
        self.output.text(&format!("\n{text}"))
    }

    pub(super) fn proof(&self, text: &str) -> Result<()> {
        let ok = self.paint.paint(Ink::Good, "ok");
        self.output.text(&format!("{ok} {text}\n"))
    }

    pub(super) fn numbers(&self, numbers: &Numbers) -> Result<()> {
        let row = |name: &str, size: u64, time: Option<Duration>| {
            let milliseconds = time.map(|time| i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
            let rate = time.map(|time| (size as f64 / time.as_secs_f64().max(0.001)) as u64);
            let row = format!(
                "   {name:<28}{:>10}{:>10}{:>14}",
                size_text(size),
                milliseconds.map(elapsed_text).unwrap_or_default(),
                rate.map(|rate| format!("{}/s", size_text(rate)))
                    .unwrap_or_default()
            );
            format!("{}\n", row.trim_end())
        };
        let head = format!("   {:<28}{:>10}{:>10}{:>14}", "", "size", "time", "rate");
        let mut text = format!("\n{}\n", self.paint.paint(Ink::Quiet, &head));
        let mut timed = |name, (bytes, time)| text.push_str(&row(name, bytes, Some(time)));
        timed("full backup, encrypted", numbers.backup);
        if let Some(backup) = numbers.server_backup {
            timed("full backup over SFTP", backup);
        }
        timed("restore to the moment", numbers.restore);
        text.push_str(&row("local repository", numbers.repository_bytes, None));
        if let Some(bytes) = numbers.server_bytes {
            text.push_str(&row("repository on the server", bytes, None));
        }
        text.push_str(&format!(
            "   {:<28}{:>10}\n",
            "rows written during backup", numbers.rows_during_backup
        ));
        self.output.text(&text)
    }

    /// The last words, for somebody who has seen nothing else.
    pub(super) fn finish(&self, text: &str) -> Result<()> {
        let text = self.paint.paint(Ink::Good, text);
        self.output.text(&format!("\n{text}\n"))
    }
}
