//! The two info files of a new stanza: made where nothing of it is there.

use pgkeep_config::{option, option_name};
use pgkeep_repo::cipher_keys::dependent_pass;
use pgkeep_repo::pg_history::PgHistoryEntry;
use pgkeep_repo::{ArchiveInfo, BackupInfo, PgHistory, Stanza, layout};
use pgkeep_storage::copy::read_all;
use pgkeep_storage::temporary::final_name;
use pgkeep_storage::{InfoLevel, ListOptions, Storage, StoragePath};

use super::Repository;
use crate::error::{Error, ErrorCode, Result};

/// A new info file is some hundred bytes.
const INFO_LIMIT: u64 = 1 << 20;
/// How often a copy is made to follow its file.
const TRIES_TO_AGREE: usize = 10;

/// The two histories that the files of a stanza have.
#[derive(Debug, Clone)]
pub struct Histories {
    pub archive: PgHistory,
    pub backup: PgHistory,
}

impl Histories {
    /// Those of a stanza with one cluster.
    #[must_use]
    pub fn of(entry: &PgHistoryEntry) -> Self {
        Self {
            archive: PgHistory::new(entry.clone()),
            backup: PgHistory::new(entry.clone()),
        }
    }
}

/// Makes both files in a repository that has neither.
///
/// # Errors
/// [`ErrorCode::PathNotEmpty`] when there are files of the stanza already; those of the storage.
pub fn make(repository: &Repository, stanza: &Stanza, histories: Histories) -> Result<()> {
    refuse_files(repository, stanza)?;
    refuse_locks_without_versions(repository)?;
    let (storage, pass) = (&*repository.storage, repository.pass.as_ref());
    // archive.info first, because WAL may be pushed as soon as it is there. A run that dies in between is recognized by the
    // missing pair, and does not look like a stanza without an archive.
    ArchiveInfo::new(histories.archive, dependent_pass(pass)?).save(storage, stanza, pass)?;
    BackupInfo::new(histories.backup, dependent_pass(pass)?).save(storage, stanza, pass)?;
    if pass.is_some() {
        agree(storage, &layout::archive_info(stanza))?;
        agree(storage, &layout::backup_info(stanza))?;
    }
    Ok(())
}

/// Makes the `backup.info` that a run left out which died right after `archive.info`.
///
/// # Errors
/// [`ErrorCode::PathNotEmpty`] when there are backups: then it is lost, not left out.
pub fn complete(repository: &Repository, stanza: &Stanza, backup: PgHistory) -> Result<()> {
    let (storage, pass) = (&*repository.storage, repository.pass.as_ref());
    if holds_files(storage, &layout::backup_path(stanza))? {
        return Err(not_empty(storage, "backup directory"));
    }
    BackupInfo::new(backup, dependent_pass(pass)?).save(storage, stanza, pass)?;
    if pass.is_some() {
        agree(storage, &layout::backup_info(stanza))?;
    }
    Ok(())
}

fn refuse_files(repository: &Repository, stanza: &Stanza) -> Result<()> {
    let storage = &*repository.storage;
    let in_backup = holds_files(storage, &layout::backup_path(stanza))?;
    let in_archive = holds_files(storage, &layout::archive_path(stanza))?;
    let what = match (in_backup, in_archive) {
        (false, false) => None,
        (true, false) => Some("backup directory"),
        (false, true) => Some("archive directory"),
        (true, true) => Some("backup directory and/or archive directory"),
    };
    what.map_or(Ok(()), |what| Err(not_empty(storage, what)))
}

fn holds_files(storage: &dyn Storage, path: &StoragePath) -> Result<bool> {
    let options = ListOptions {
        level: InfoLevel::Exists,
        ..ListOptions::default()
    };
    let entries = storage.list(path, &options)?.unwrap_or_default();
    // What a run that was killed left, under a name that is never used again.
    let left_over = |name: &[u8]| final_name(name).is_some();
    Ok(entries
        .iter()
        .any(|entry| !left_over(entry.name.as_bytes())))
}

fn not_empty(storage: &dyn Storage, what: &str) -> Error {
    let root = storage.display(&StoragePath::root());
    Error::new(ErrorCode::PathNotEmpty, format!("{what} not empty")).with_hint(format!(
        "the repository at '{root}' holds files of this stanza but no info files."
    ))
}

/// Info files are replaced with every backup. A storage replaces a locked file only where it keeps the old one as a version:
/// elsewhere the stanza would stay as it is made now until the locks have ended.
fn refuse_locks_without_versions(repository: &Repository) -> Result<()> {
    let Some(protection) = repository.storage.as_protection() else {
        return Ok(());
    };
    if protection.lock().is_none() || protection.of_bucket()?.versions != Some(false) {
        return Ok(());
    }
    let option = option_name(option::REPO_STORAGE_LOCK, repository.key);
    Err(Error::new(
        ErrorCode::OptionInvalid,
        format!("option '{option}' needs a bucket that keeps versions, which this one does not"),
    )
    .with_hint("locked files are replaced only where the old ones stay as versions: switch versions on, or remove the option."))
}

/// Makes the copy of an info file equal to it. No lock keeps away another host that makes the stanza in the same repository
/// at the same time, and either name may have become one of its files, with another pass-phrase in it: whoever had to take
/// the copy one day could not read what was encrypted since. Readers take the main file, so the copy follows it. Every run
/// writes its main file before it looks, so the last one that looks sees the main file that stays.
pub(crate) fn agree(storage: &dyn Storage, main: &StoragePath) -> Result<()> {
    let copy = layout::copy_of(main);
    let read = |path: &StoragePath| read_all(storage, path, INFO_LIMIT);
    for _ in 0..TRIES_TO_AGREE {
        if read(main)? == read(&copy)? {
            return Ok(());
        }
        storage.copy_within(main, &copy)?.wait()?;
    }
    Err(Error::new(
        ErrorCode::LockAcquire,
        format!(
            "'{}' was written by other runs all the while",
            storage.display(main)
        ),
    )
    .with_hint("does another host create this stanza? Run stanza-create on one of them."))
}
