//! What the demonstration prints: steps, facts, proofs, and a short table.

use std::time::Duration;

use crate::error::Result;
use crate::runtime::context::Output;
use crate::runtime::size_text::size_text;

/// Prints as it goes; counts the proofs for the last line.
pub(super) struct Report {
    output: Output,
    steps: u32,
    proofs: u32,
}

/// Figures of the run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbers {
    pub(super) cluster_bytes: u64,
    pub(super) repository_bytes: u64,
    /// Size of the repository on the server and time of the backup to it.
    pub(super) server: Option<(u64, Duration)>,
    pub(super) backup_time: Duration,
    pub(super) restore_time: Duration,
    pub(super) rows_during_backup: u64,
}

impl Report {
    pub(super) fn new(output: Output) -> Self {
        Self {
            output,
            steps: 0,
            proofs: 0,
        }
    }

    pub(super) fn title(&self, text: &str) -> Result<()> {
        self.output.text(&format!("pgkeep demo: {text}\n\n"))
    }

    pub(super) fn step(&mut self, text: &str) -> Result<()> {
        self.steps += 1;
        self.output.text(&format!("{}. {text}\n", self.steps))
    }

    pub(super) fn fact(&self, text: &str) -> Result<()> {
        self.output.text(&format!("      {text}\n"))
    }

    pub(super) fn note(&self, text: &str) -> Result<()> {
        self.output.text(&format!("{text}\n"))
    }

    pub(super) fn proof(&mut self, text: &str) -> Result<()> {
        self.proofs += 1;
        self.output.text(&format!("   ok {text}\n"))
    }

    pub(super) fn numbers(&self, numbers: &Numbers) -> Result<()> {
        let row = |name: &str, size: u64, time: Option<Duration>| {
            let time_text = time
                .map(|time| format!("{:.2} s", time.as_secs_f64()))
                .unwrap_or_default();
            let rate = time
                .map(|time| {
                    format!(
                        "{}/s",
                        size_text((size as f64 / time.as_secs_f64().max(0.001)) as u64)
                    )
                })
                .unwrap_or_default();
            format!(
                "   {name:<28}{:>10}{time_text:>10}{rate:>12}\n",
                size_text(size)
            )
        };
        let mut text = format!(
            "\n   {:<28}{:>10}{:>10}{:>12}\n",
            "", "size", "time", "rate"
        );
        let mut rows = vec![(
            "full backup, encrypted",
            numbers.cluster_bytes,
            Some(numbers.backup_time),
        )];
        if let Some((_, time)) = numbers.server {
            rows.push(("full backup over SFTP", numbers.cluster_bytes, Some(time)));
        }
        rows.push((
            "point-in-time restore",
            numbers.cluster_bytes,
            Some(numbers.restore_time),
        ));
        rows.push(("local repository", numbers.repository_bytes, None));
        if let Some((bytes, _)) = numbers.server {
            rows.push(("repository on the server", bytes, None));
        }
        for (name, size, time) in rows {
            text.push_str(&row(name, size, time));
        }
        text.push_str(&format!(
            "   {:<28}{:>10}\n",
            "rows written during backup", numbers.rows_during_backup
        ));
        self.output.text(&text)
    }

    pub(super) fn finish(&self) -> Result<()> {
        self.output.text(&format!(
            "\n{} proofs, all good. Nothing was left behind or changed elsewhere.\n",
            self.proofs
        ))
    }
}
