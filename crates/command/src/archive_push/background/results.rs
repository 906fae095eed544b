//! The results of the run: a file is `.ok` in the spool once every repository has it, and `.error` while one has not.
//!
//! Only the main thread of the background process works here.

use std::collections::{BTreeMap, HashMap};

use super::in_flight::{Event, Failure};
use crate::archive_push::repositories::{no_valid_repository, push_error, repository_error};
use crate::archiving::spool::Spool;
use crate::error::{Error, ErrorCode, Result};
use crate::jobs;

#[derive(Debug, Default)]
struct FileState {
    name: String,
    /// Repositories that have it, with their warnings.
    stored: BTreeMap<usize, Option<String>>,
    /// Repositories that failed, with the text of the error.
    failed: BTreeMap<usize, String>,
}

/// Collects the results of all repositories.
pub(crate) struct Results<'a> {
    spool: &'a Spool,
    /// Key of each repository.
    keys: Vec<u32>,
    files: Vec<FileState>,
    index: HashMap<String, usize>,
    /// Results of repositories that cannot be used; reported only once another can.
    unusable: Vec<Event>,
    any_usable: bool,
    any_failed: bool,
    ignore: bool,
}

impl<'a> Results<'a> {
    pub(crate) fn new(spool: &'a Spool, keys: Vec<u32>, names: Vec<String>) -> Self {
        let mut this = Self {
            spool,
            keys,
            files: Vec::new(),
            index: HashMap::new(),
            unusable: Vec::new(),
            any_usable: false,
            any_failed: false,
            ignore: false,
        };
        for name in names {
            this.add(&name);
        }
        this
    }

    /// Adds a file at the end; `false` if it is there already.
    pub(crate) fn add(&mut self, name: &str) -> bool {
        if self.index.contains_key(name) {
            return false;
        }
        self.index.insert(name.to_owned(), self.files.len());
        self.files.push(FileState {
            name: name.to_owned(),
            ..FileState::default()
        });
        true
    }

    /// Whether every repository has the file.
    pub(crate) fn is_done(&self, name: &str) -> bool {
        self.index
            .get(name)
            .is_some_and(|&index| self.files[index].stored.len() == self.keys.len())
    }

    /// Later results are of no interest: the files were given up.
    pub(crate) fn ignore_from_now_on(&mut self) {
        self.ignore = true;
    }

    /// Takes in one result.
    ///
    /// # Errors
    /// When the spool cannot be written.
    pub(crate) fn take(&mut self, event: Event) -> Result<()> {
        if self.ignore {
            return Ok(());
        }
        if let Err(Failure::Unusable(_)) = event.result {
            if !self.any_usable {
                self.unusable.push(event);
                return Ok(());
            }
        } else if !self.any_usable {
            self.any_usable = true;
            for event in std::mem::take(&mut self.unusable) {
                self.settle(event)?;
            }
        }
        self.settle(event)
    }

    fn settle(&mut self, event: Event) -> Result<()> {
        let repositories = self.keys.len();
        let file = &mut self.files[event.file];
        match event.result {
            Ok(warning) => {
                file.failed.remove(&event.repository);
                file.stored.insert(event.repository, warning);
                if file.stored.len() < repositories {
                    return Ok(());
                }
                let warnings: Vec<String> = file.stored.values().flatten().cloned().collect();
                jobs::as_process(event.process, || {
                    for warning in &warnings {
                        log::warn!("{warning}");
                    }
                    crate::detail!("pushed WAL file '{}' to the archive", file.name);
                });
                self.spool.write_ok(&file.name, &warnings)
            }
            // Another host has pushed another segment of that name since this one was looked for.
            Err(Failure::Repository(error)) if error.code == ErrorCode::ArchiveDuplicate => {
                let (name, process) = (file.name.clone(), event.process);
                self.fail(&name, process, &error)
            }
            Err(Failure::File(error)) => {
                let (name, process) = (file.name.clone(), event.process);
                self.fail(&name, process, &error)
            }
            Err(Failure::Repository(error) | Failure::Unusable(error)) => {
                file.failed.insert(
                    event.repository,
                    repository_error(self.keys[event.repository], &error),
                );
                let all: Vec<String> = file.failed.values().cloned().collect();
                let (name, process) = (file.name.clone(), event.process);
                self.fail(&name, process, &push_error(&all))
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
    /// [`crate::error::ErrorCode::RepoInvalid`] when no repository can be used.
    pub(crate) fn conclude(self) -> Result<()> {
        if !self.any_usable && !self.unusable.is_empty() {
            let errors = self
                .unusable
                .iter()
                .filter_map(|event| match &event.result {
                    Err(Failure::Unusable(error)) => Some((
                        event.repository,
                        repository_error(self.keys[event.repository], error),
                    )),
                    _ => None,
                });
            let by_repository: BTreeMap<usize, String> = errors.collect();
            return Err(no_valid_repository(
                &by_repository.into_values().collect::<Vec<_>>(),
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
