//! What is said when a file of a set cannot be had from the repository: file, set, repository, cause, and what to do next.
//!
//! A failure of the target (no room, no rights) is told as it is: it names its file, and the set is not to blame.

use std::sync::{Mutex, PoisonError};

use pgkeep_repo::backup_info::BackupEntry;
use pgkeep_repo::manifest::FileRef;
use pgkeep_repo::{BackupInfo, BackupLabel};
use pgkeep_storage::{Operation, StoragePath};

use super::choose_set::{self, Chosen};
use super::file::Worker;
use super::settings::Settings;
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::{Repository, repository};
use crate::run::Context;

/// Sets are named up to this many in each repository, the newest first.
const NAMED: usize = 4;

/// Why a file could not be restored.
#[derive(Debug)]
pub(super) enum Failed {
    /// What the repository gave, or that it gave nothing.
    Repository(Error),
    /// The same of blocks that are in another repository file than the map.
    Blocks(Error, StoragePath, BackupLabel),
    /// The file on this host could not be written.
    Target(Error),
}

impl Failed {
    /// Names the repository file of blocks.
    pub(super) fn in_blocks(self, path: &StoragePath, label: &BackupLabel) -> Self {
        match self {
            Self::Repository(error) => Self::Blocks(error, path.clone(), label.clone()),
            other => other,
        }
    }
}

impl From<pgkeep_storage::Error> for Failed {
    fn from(error: pgkeep_storage::Error) -> Self {
        match error.operation {
            // Of the target nothing is read while it is written.
            Operation::Connect | Operation::OpenRead | Operation::Read => {
                Self::Repository(error.into())
            }
            _ => Self::Target(error.into()),
        }
    }
}

impl From<pgkeep_pipeline::Error> for Failed {
    fn from(error: pgkeep_pipeline::Error) -> Self {
        Self::Repository(error.into())
    }
}

/// Of readers: writers of the target are told apart where they are called.
impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        Self::Repository(error.into())
    }
}

/// What was found while files were fetched: the message of each failure, and the backups that hold what is damaged.
#[derive(Debug, Default)]
pub(super) struct Damage(Mutex<Vec<(String, Vec<BackupLabel>)>>);

impl Damage {
    /// The error of a file that failed.
    pub(super) fn told(&self, worker: &Worker<'_>, file: &FileRef<'_>, failed: Failed) -> Error {
        let (cause, blocks) = match failed {
            Failed::Target(error) => return error,
            Failed::Repository(error) => (error, None),
            Failed::Blocks(error, path, label) => (error, Some((path, label))),
        };
        // A lost connection, a bug and a stop say nothing about the file.
        if cause.is_about_the_storage() || cause.code == ErrorCode::Assert {
            return cause;
        }
        let in_bundle = blocks.is_none() && file.bundle.is_some();
        let (path, holders) = match blocks {
            Some((path, label)) => (Some(path), vec![label]),
            None => (
                worker.manifest.stored_path(&worker.settings.stanza, file),
                holders(worker, file),
            ),
        };
        let error = Error {
            message: message(worker, file, &cause, path, in_bundle),
            ..cause
        };
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        found.push((error.message.clone(), holders));
        error
    }

    /// The backups to blame for this error, if it is one of a damaged file.
    fn holders(&self, error: &Error) -> Option<Vec<BackupLabel>> {
        let found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A job that failed again has the later messages behind the first.
        found
            .iter()
            .find(|(message, _)| error.message.starts_with(message.as_str()))
            .map(|(_, holders)| holders.clone())
    }
}

/// The backups whose files make up the file. Of blocks nobody knows which is wrong when only the sum is.
fn holders(worker: &Worker<'_>, file: &FileRef<'_>) -> Vec<BackupLabel> {
    let manifest = worker.manifest;
    if file.block_map_size() == 0 {
        return manifest.holder(file).cloned().into_iter().collect();
    }
    let own = manifest.backup.label.iter();
    own.chain(&manifest.references).cloned().collect()
}

fn message(
    worker: &Worker<'_>,
    file: &FileRef<'_>,
    cause: &Error,
    path: Option<StoragePath>,
    in_bundle: bool,
) -> String {
    let repository = worker.repository;
    // The checksum that does not match names the file already, in pgBackRest's words.
    let mut message = if cause.code == ErrorCode::Checksum {
        cause.message.clone()
    } else {
        let shown = worker.places.shown(&file.name.to_vec());
        format!(
            "unable to restore '{}': {}",
            String::from_utf8_lossy(&shown),
            cause.message
        )
    };
    let label = worker.manifest.backup.label.as_ref();
    message.push_str(&format!(
        "\nset {} of {}",
        label.map_or("", BackupLabel::as_str),
        repository.name()
    ));
    if let Some(path) = path {
        message.push_str(&format!(
            " has it in '{}'",
            repository.storage.display(&path)
        ));
        if let Some(slice) = file.bundle.filter(|_| in_bundle) {
            message.push_str(&format!(
                ", {} bytes from offset {}",
                file.repo_size, slice.offset
            ));
        }
    }
    message
}

/// Adds to the error that ends the restore what can be done: verify, and sets that do not need what is damaged.
pub(super) fn advise(
    context: &Context,
    settings: &Settings,
    chosen: &Chosen,
    damage: &Damage,
    error: Error,
) -> Error {
    match damage.holders(&error) {
        None => error,
        Some(holders) => with_hints(context, settings, chosen, error, &|entry| {
            let needs = |label: &BackupLabel| {
                entry.label == *label
                    || entry
                        .references
                        .as_ref()
                        .is_some_and(|references| references.contains(label))
            };
            holders.iter().any(needs)
        }),
    }
}

/// The same of a manifest that cannot be used: the set is lost, those that depend on it are not.
pub(super) fn advise_of_manifest(
    context: &Context,
    settings: &Settings,
    chosen: &Chosen,
    error: Error,
) -> Error {
    if error.is_about_the_storage() || context.cancel.signal().is_some() {
        return error;
    }
    let message = format!(
        "{}\nset {} of {} cannot be restored without its manifest",
        error.message,
        chosen.label,
        chosen.repository.name()
    );
    let error = Error { message, ..error };
    with_hints(context, settings, chosen, error, &|entry| {
        entry.label == chosen.label
    })
}

/// `needs`: whether a set of the same repository needs what is damaged.
fn with_hints(
    context: &Context,
    settings: &Settings,
    chosen: &Chosen,
    error: Error,
    needs: &dyn Fn(&BackupEntry) -> bool,
) -> Error {
    let key = chosen.repository.key;
    let error = error.with_hint(format!(
        "run '{} --stanza={} --repo={key} verify' to find out what else is damaged in repo{key}.",
        context.config.program().binary(),
        settings.stanza
    ));
    let mut others = Vec::new();
    others.extend(named(context, settings, key, &chosen.info, needs));
    for other in repository::keys(&context.config) {
        // One that cannot be asked is not named; the restore has failed already.
        if other != key
            && let Ok(info) = load(context, settings, other)
        {
            others.extend(named(context, settings, other, &info, &|_| false));
        }
    }
    if others.is_empty() {
        return error
            .with_hint("no other set is there that does without it and fits what was asked for.");
    }
    error.with_hint(format!(
        "other sets that do not need what is damaged: {}; restore one with --repo and --set.",
        others.join("; ")
    ))
}

fn load(context: &Context, settings: &Settings, key: u32) -> Result<BackupInfo> {
    let Repository { storage, pass, .. } = repository::open(context, key)?;
    Ok(BackupInfo::load(
        &*storage,
        &settings.stanza,
        pass.as_ref(),
    )?)
}

/// `repo1 20260101-120000F, 20251201-120000F and 3 more`
fn named(
    context: &Context,
    settings: &Settings,
    key: u32,
    info: &BackupInfo,
    needs: &dyn Fn(&BackupEntry) -> bool,
) -> Option<String> {
    let labels: Vec<&str> = choose_set::fitting(context, settings, info)
        .into_iter()
        .filter(|entry| !needs(entry))
        .map(|entry| entry.label.as_str())
        .collect();
    if labels.is_empty() {
        return None;
    }
    let mut text = format!("repo{key} {}", labels[..labels.len().min(NAMED)].join(", "));
    if labels.len() > NAMED {
        text.push_str(&format!(" and {} more", labels.len() - NAMED));
    }
    Some(text)
}
