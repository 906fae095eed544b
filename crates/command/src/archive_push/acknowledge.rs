//! What the spool says of each file: `.ok` once every repository holds it, `.error` while one does not.
//!
//! The main thread of the background process alone is here.

use std::collections::{BTreeMap, HashMap};

use pgkeep_storage::FileInfo;

use super::lane::{Event, Failure};
use super::push_file::encountered;
use super::source::Source;
use super::target::{no_valid_repository, repository_error};
use crate::archiving::spool::Spool;
use crate::error::{Error, Result};
use crate::jobs;

/// Clocks of two file systems that are not exactly the same.
const CLOCK_DIFFERENCE: i64 = 60;

/// Whether an `.ok` was written before the file it stands for: it is of an earlier cluster, whose segments had the same names.
///
/// # Errors
/// When the file cannot be looked at.
pub(super) fn is_of_an_earlier_file(ok: &FileInfo, source: &Source) -> Result<bool> {
    let written = source.info()?.map(|info| info.modified);
    Ok(written.is_some_and(|written| ok.modified.saturating_add(CLOCK_DIFFERENCE) < written))
}

#[derive(Debug, Default)]
struct File {
    name: String,
    /// Lanes that hold it, with their warnings.
    held: BTreeMap<usize, Option<String>>,
    /// Lanes that failed, with the text of the error.
    failed: BTreeMap<usize, String>,
}

/// Collects the results of all lanes.
pub(super) struct Acknowledge<'a> {
    spool: &'a Spool,
    /// Repository of each lane.
    keys: Vec<u32>,
    files: Vec<File>,
    index: HashMap<String, usize>,
    /// Lanes whose repository was found unfit, with the error; reported only once another is fit.
    unfit: Vec<Event>,
    any_fit: bool,
    any_failed: bool,
    ignore: bool,
}

impl<'a> Acknowledge<'a> {
    pub(super) fn new(spool: &'a Spool, keys: Vec<u32>, names: Vec<String>) -> Self {
        let mut this = Self {
            spool,
            keys,
            files: Vec::new(),
            index: HashMap::new(),
            unfit: Vec::new(),
            any_fit: false,
            any_failed: false,
            ignore: false,
        };
        for name in names {
            this.add(&name);
        }
        this
    }

    /// Adds a file at the end; `false` if it is there already.
    pub(super) fn add(&mut self, name: &str) -> bool {
        if self.index.contains_key(name) {
            return false;
        }
        self.index.insert(name.to_owned(), self.files.len());
        self.files.push(File {
            name: name.to_owned(),
            ..File::default()
        });
        true
    }

    /// Whether every repository holds the file.
    pub(super) fn is_done(&self, name: &str) -> bool {
        self.index
            .get(name)
            .is_some_and(|&index| self.files[index].held.len() == self.keys.len())
    }

    /// Later results are of no interest: the files were given up.
    pub(super) fn ignore_from_now_on(&mut self) {
        self.ignore = true;
    }

    /// Takes in one result.
    ///
    /// # Errors
    /// When the spool cannot be written.
    pub(super) fn take(&mut self, event: Event) -> Result<()> {
        if self.ignore {
            return Ok(());
        }
        if let Err(Failure::Unfit(_)) = event.result {
            if !self.any_fit {
                self.unfit.push(event);
                return Ok(());
            }
        } else if !self.any_fit {
            self.any_fit = true;
            for event in std::mem::take(&mut self.unfit) {
                self.settle(event)?;
            }
        }
        self.settle(event)
    }

    fn settle(&mut self, event: Event) -> Result<()> {
        let lanes = self.keys.len();
        let file = &mut self.files[event.file];
        match event.result {
            Ok(warning) => {
                file.failed.remove(&event.lane);
                file.held.insert(event.lane, warning);
                if file.held.len() < lanes {
                    return Ok(());
                }
                let warnings: Vec<String> = file.held.values().flatten().cloned().collect();
                jobs::as_process(event.process, || {
                    for warning in &warnings {
                        log::warn!("{warning}");
                    }
                    crate::detail!("pushed WAL file '{}' to the archive", file.name);
                });
                self.spool.write_ok(&file.name, &warnings)
            }
            Err(Failure::File(error)) => {
                let (name, process) = (file.name.clone(), event.process);
                self.fail(&name, process, &error)
            }
            Err(Failure::Repository(error) | Failure::Unfit(error)) => {
                file.failed
                    .insert(event.lane, repository_error(self.keys[event.lane], &error));
                let all: Vec<String> = file.failed.values().cloned().collect();
                let (name, process) = (file.name.clone(), event.process);
                self.fail(&name, process, &encountered(&all))
            }
        }
    }

    fn fail(&mut self, name: &str, process: u32, error: &Error) -> Result<()> {
        self.any_failed = true;
        let code = error.code.number();
        jobs::as_process(process, || {
            log::warn!(
                "could not push WAL file '{name}' to the archive (will be retried): [{code}] {}",
                error.text()
            );
        });
        self.spool.write_error(Some(name), error)
    }

    /// The outcome of the run.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::RepoInvalid`] when no repository was fit.
    pub(super) fn conclude(self) -> Result<()> {
        if !self.any_fit && !self.unfit.is_empty() {
            let errors = self.unfit.iter().filter_map(|event| match &event.result {
                Err(Failure::Unfit(error)) => {
                    Some((event.lane, repository_error(self.keys[event.lane], error)))
                }
                _ => None,
            });
            let by_lane: BTreeMap<usize, String> = errors.collect();
            return Err(no_valid_repository(
                &by_lane.into_values().collect::<Vec<_>>(),
            ));
        }
        if self.any_failed {
            log::warn!(
                "stopped archive-push after an error, remaining WAL will be processed on the next run"
            );
        }
        Ok(())
    }
}
