//! What is said about files as they are finished: a line each at `detail`, the bar, and the lock file.

use std::time::{Duration, Instant};

use pgkeep_repo::manifest::FileRef;

use super::bad_pages;
use super::queue::Job;
use super::worker::{Restored, Worker};
use crate::error::Result;
use crate::hosts::repository;
use crate::locks::LockType;
use crate::report::size_text::size_text;

/// Names are shown at most so often.
const SHOW_EVERY: Duration = Duration::from_millis(50);

/// What became of all files.
#[derive(Debug, Clone, Copy)]
pub(super) struct Copied {
    /// Bytes of all files.
    pub size: u64,
    /// Bytes of those that were not there already.
    pub written: u64,
    /// How many of the files have invalid pages.
    pub bad_files: u32,
}

/// Bytes done of bytes in all.
pub(super) struct Progress<'a> {
    worker: &'a Worker<'a>,
    total: u64,
    done: u64,
    /// Bytes of files that were there already.
    kept: u64,
    /// Files written that have invalid pages.
    bad_files: u32,
    lock_keys: Vec<u32>,
    shown: Instant,
}

impl<'a> Progress<'a> {
    pub(super) fn begin(worker: &'a Worker<'a>, total: u64) -> Result<Self> {
        let context = worker.context;
        context.progress.begin("restore", total, &worker.moved);
        let lock_keys = repository::keys(&context.config);
        let progress = Self {
            worker,
            total,
            done: 0,
            kept: 0,
            bad_files: 0,
            lock_keys,
            shown: Instant::now(),
        };
        progress.note()?;
        Ok(progress)
    }

    fn note(&self) -> Result<()> {
        let note = |key: &u32| {
            self.worker
                .context
                .note_progress(LockType::Restore, *key, self.total, self.done)
        };
        self.lock_keys.iter().try_for_each(note)
    }

    /// Takes the results of a job.
    pub(super) fn finished(&mut self, job: &Job, results: &[Restored], process: u32) -> Result<()> {
        let manifest = self.worker.manifest;
        let detailed = log::log_enabled!(target: crate::DETAIL, log::Level::Debug);
        let mut name = None;
        for (&position, result) in job.files.iter().zip(results) {
            let file = manifest.file_at(position as usize);
            self.done = self.done.saturating_add(file.size);
            if *result == Restored::Kept {
                self.kept = self.kept.saturating_add(file.size);
            }
            if detailed {
                let line = self.line(&file, *result);
                crate::jobs::as_process(process, || crate::detail!("{line}"));
            }
            if matches!(result, Restored::Copied { .. }) && bad_pages::is_bad(&file) {
                bad_pages::note(self.worker.settings, self.worker.places, &file)?;
                self.bad_files += 1;
            }
            name = Some(file.name.to_vec());
        }
        if let Some(name) =
            name.filter(|_| self.shown.elapsed() >= SHOW_EVERY || self.done >= self.total)
        {
            self.shown = Instant::now();
            self.worker
                .context
                .progress
                .finished(&String::from_utf8_lossy(&name));
        }
        self.note()
    }

    pub(super) fn end(self) -> Copied {
        self.worker.context.progress.end();
        Copied {
            size: self.done,
            written: self.done.saturating_sub(self.kept),
            bad_files: self.bad_files,
        }
    }

    fn line(&self, file: &FileRef<'_>, result: Restored) -> String {
        let worker = self.worker;
        let name = file.name.to_vec();
        let zeroed = worker.zeroed.contains(&file.name);
        let mut line = String::from(if zeroed {
            "restore zeroed file "
        } else {
            "restore file "
        });
        line.push_str(&String::from_utf8_lossy(&worker.places.shown(&name)));
        if result == Restored::Kept {
            if worker.settings.force {
                line.push_str(&format!(
                    " - exists and matches size {} and modification time {}",
                    file.size, file.timestamp
                ));
            } else if file.size == 0 {
                line.push_str(" - exists and is zero size");
            } else {
                line.push_str(" - exists and matches backup");
            }
        }
        line.push_str(" (");
        if let Some(slice) = file.bundle {
            let holder = file
                .reference_label()
                .map(|label| format!("{label}/"))
                .unwrap_or_default();
            line.push_str(&format!("bundle {holder}{}/{}, ", slice.id, slice.offset));
        }
        if file.block_map_size() != 0 && result != Restored::Kept {
            line.push_str("bi ");
            let fetched = if let Restored::Copied { block_bytes } = result {
                block_bytes
            } else {
                0
            };
            if fetched != file.size {
                line.push_str(&format!("{}/", size_text(fetched)));
            }
        }
        line.push_str(&format!(
            "{}, {})",
            size_text(file.size),
            percent(self.done, self.total)
        ));
        if let Some(checksum) = file.checksum.filter(|_| file.size != 0 && !zeroed) {
            line.push_str(&format!(" checksum {checksum}"));
        }
        line
    }
}

/// `12.34%`; nothing of nothing is all of it.
fn percent(done: u64, total: u64) -> String {
    let hundredths = if total == 0 {
        10_000
    } else {
        u128::from(done) * 10_000 / u128::from(total)
    };
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}
