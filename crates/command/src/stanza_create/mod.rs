//! `stanza-create`: makes the two info files of a stanza in every repository.
//!
//! Running it again is harmless: existing files are checked against the cluster and a missing copy is put back.

use pgkeep_config::{option, option_name};
use pgkeep_pipeline::cipher;
use pgkeep_postgres::control::ControlFile;
use pgkeep_repo::{ArchiveInfo, BackupInfo, PgHistory, Stanza, layout};
use pgkeep_storage::copy::read_all;
use pgkeep_storage::temporary::final_name;
use pgkeep_storage::{InfoLevel, ListOptions, Storage, StoragePath};
use secrecy::SecretString;

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::{Repository, cluster, clusters, pg_host, repository, stanza_info};
use crate::locks::stop_file;
use crate::run::Context;
use crate::run::summary::list;

/// A new info file is some hundred bytes.
const INFO_LIMIT: u64 = 1 << 20;
/// How often a copy is made to follow its file.
const TRIES_TO_AGREE: usize = 10;

/// Makes or checks the stanza in every repository.
///
/// # Errors
/// When a repository has something else under that name, or files that do not fit the cluster.
pub fn run(context: &Context) -> Result<()> {
    let stanza = Stanza::new(context.stanza()?)?;
    stop_file::check(context)?;
    if context.config.boolean(option::FORCE) {
        log::warn!("option --force is no longer supported");
    }
    let control = control_of_cluster(context)?;
    let (mut made, mut mended, mut sound) = (Vec::new(), Vec::new(), Vec::new());
    for repository in repository::open_all(context)? {
        context.cancel.check()?;
        log::info!(
            "stanza-create for stanza '{stanza}' on {}",
            repository.name()
        );
        match create(&repository, &stanza, &control)? {
            Created::New => made.push(repository.name()),
            Created::Mended => mended.push(repository.name()),
            Created::Already => sound.push(repository.name()),
        }
    }
    for (names, what) in [
        (made, "created in"),
        (mended, "repaired in"),
        (sound, "was already in"),
    ] {
        if !names.is_empty() {
            context
                .summary
                .done(format!("stanza {stanza} {what} {}", list(&names)));
        }
    }
    Ok(())
}

/// What the cluster says of itself: from the primary, or with `--no-online` from the files of pg1.
///
/// # Errors
/// When there is no primary, or server and data directory are not the same cluster.
pub fn control_of_cluster(context: &Context) -> Result<ControlFile> {
    if context.config.boolean(option::ONLINE) {
        let primary = clusters::find_primary(context)?;
        cluster::check_same_cluster(&primary)?;
        return Ok(primary.control);
    }
    let host = pg_host::open(context, 1)?;
    Ok(cluster::read_control(context, &*host)?.0)
}

/// Which of a file and its copy exist.
#[derive(Debug, Clone, Copy)]
struct Pair {
    main: bool,
    copy: bool,
}

impl Pair {
    fn any(self) -> bool {
        self.main || self.copy
    }
}

/// What was to be done for a stanza in one repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Created {
    New,
    /// A file or its copy was missing.
    Mended,
    Already,
}

fn create(repository: &Repository, stanza: &Stanza, control: &ControlFile) -> Result<Created> {
    let storage = &*repository.storage;
    let archive = layout::archive_info(stanza);
    let backup = layout::backup_info(stanza);
    let paths = [
        archive.clone(),
        layout::copy_of(&archive),
        backup.clone(),
        layout::copy_of(&backup),
    ];
    let found = storage.info_many(&paths, InfoLevel::Exists)?;
    let exists = |at: usize| found[at].is_some();
    let in_archive = Pair {
        main: exists(0),
        copy: exists(1),
    };
    let in_backup = Pair {
        main: exists(2),
        copy: exists(3),
    };
    match (in_archive.any(), in_backup.any()) {
        (false, false) => create_new(repository, stanza, control).map(|()| Created::New),
        (true, true) => {
            stanza_info::load_for(repository, stanza, control)?;
            let mended = [
                mend(storage, &archive, in_archive)?,
                mend(storage, &backup, in_backup)?,
            ];
            if mended.contains(&true) {
                return Ok(Created::Mended);
            }
            log::info!(
                "stanza '{stanza}' already exists on {} and is valid",
                repository.name()
            );
            Ok(Created::Already)
        }
        (archive_exists, _) => {
            let (there, missing) = if archive_exists {
                ("archive.info", "backup.info")
            } else {
                ("backup.info", "archive.info")
            };
            Err(Error::new(
                ErrorCode::FileMissing,
                format!(
                    "{there} exists but {missing} is missing on {}",
                    repository.name()
                ),
            )
            .with_hint("this may be a symptom of repository corruption!"))
        }
    }
}

/// Copies the file that is there to the one that is missing; `true` if one was.
fn mend(storage: &dyn Storage, main: &StoragePath, pair: Pair) -> Result<bool> {
    let copy = layout::copy_of(main);
    let (from, to) = match pair {
        Pair {
            main: true,
            copy: true,
        } => return Ok(false),
        Pair {
            main: true,
            copy: false,
        } => (main, &copy),
        Pair { main: false, .. } => (&copy, main),
    };
    storage.copy_within(from, to)?.wait()?;
    Ok(true)
}

fn create_new(repository: &Repository, stanza: &Stanza, control: &ControlFile) -> Result<()> {
    let storage = &*repository.storage;
    let holds_files = |path: &StoragePath| {
        let options = ListOptions {
            level: InfoLevel::Exists,
            ..ListOptions::default()
        };
        Ok::<_, Error>(
            storage
                .list(path, &options)?
                .unwrap_or_default()
                .iter()
                // What a run that was killed left, under a name that is never used again.
                .any(|entry| final_name(entry.name.as_bytes()).is_none()),
        )
    };
    let in_backup = holds_files(&layout::backup_path(stanza))?;
    let in_archive = holds_files(&layout::archive_path(stanza))?;
    let what = match (in_backup, in_archive) {
        (false, false) => None,
        (true, false) => Some("backup directory"),
        (false, true) => Some("archive directory"),
        (true, true) => Some("backup directory and/or archive directory"),
    };
    if let Some(what) = what {
        return Err(
            Error::new(ErrorCode::PathNotEmpty, format!("{what} not empty")).with_hint(format!(
                "the repository at '{}' holds files of this stanza but no info files.",
                storage.display(&StoragePath::root())
            )),
        );
    }
    refuse_locks_without_versions(repository)?;
    let pass = repository.pass.as_ref();
    let entry = stanza_info::history_entry(control);
    // archive.info first, because WAL may be pushed as soon as it is there. A run that dies in between is recognized by the
    // missing pair, and does not look like a stanza without an archive.
    ArchiveInfo::new(PgHistory::new(entry.clone()), sub_pass(pass)?).save(storage, stanza, pass)?;
    BackupInfo::new(PgHistory::new(entry), sub_pass(pass)?).save(storage, stanza, pass)?;
    if pass.is_some() {
        agree(storage, &layout::archive_info(stanza))?;
        agree(storage, &layout::backup_info(stanza))?;
    }
    Ok(())
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
fn agree(storage: &dyn Storage, main: &StoragePath) -> Result<()> {
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

/// A new pass-phrase for what lies below an encrypted info file.
fn sub_pass(repository_pass: Option<&SecretString>) -> Result<Option<SecretString>> {
    Ok(repository_pass
        .map(|_| cipher::generate_pass())
        .transpose()?)
}

#[cfg(test)]
mod tests;
