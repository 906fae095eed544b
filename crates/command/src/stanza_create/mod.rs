//! `stanza-create`: makes the two info files of a stanza in every repository.
//!
//! Running it again is harmless: existing files are checked against the cluster and a missing copy is put back.

use pgkeep_config::option;
use pgkeep_postgres::control::ControlFile;
use pgkeep_repo::{Stanza, layout};
use pgkeep_storage::{InfoLevel, Storage, StoragePath};
use serde_json::json;

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::new_stanza::{self, Histories};
use crate::hosts::{Repository, cluster, clusters, pg_host, repository, stanza_info};
use crate::locks::stop_file;
use crate::run::Context;
use crate::run::summary::list;

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
    let mut told = Vec::new();
    for repository in repository::open_all(context)? {
        context.cancel.check()?;
        log::info!(
            "stanza-create for stanza '{stanza}' on {}",
            repository.name()
        );
        let created = create(&repository, &stanza, &control)?;
        told.push(json!({"repo-key": repository.key, "result": created.name()}));
        // A repository that fails later does not take back what was done.
        context.summary.fact("repo", told.clone());
        match created {
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

impl Created {
    /// For programs.
    fn name(self) -> &'static str {
        match self {
            Self::New => "created",
            Self::Mended => "repaired",
            Self::Already => "there",
        }
    }
}

fn create(repository: &Repository, stanza: &Stanza, control: &ControlFile) -> Result<Created> {
    let storage = &*repository.storage;
    let archive = layout::archive_info(stanza);
    let backup = layout::backup_info(stanza);
    let found = storage.info_many(&layout::info_files(stanza), InfoLevel::Exists)?;
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
        (false, false) => {
            let entry = stanza_info::history_entry(control);
            new_stanza::make(repository, stanza, Histories::of(&entry)).map(|()| Created::New)
        }
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

#[cfg(test)]
mod tests;
