//! Where WAL of this cluster may lie: the archive ids of every repository that match the control file.
//!
//! A repository that cannot be read is remembered as such. As long as there is one, "not found" is not known of any
//! file: PostgreSQL would take it for the end of the archive and promote.

use pgkeep_postgres::control::{CHECKPOINT_INVALID, ControlFile};
use pgkeep_repo::{ArchiveId, ArchiveInfo, layout};
use pgkeep_storage::{InfoLevel, ListOptions, StoragePath};
use secrecy::SecretString;

use super::settings::Settings;
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::{Repository, cluster, pg_host, repository};
use crate::run::Context;

/// One repository and the directories to search in it, newest first.
#[derive(Debug, Clone)]
pub(super) struct Archive {
    pub repository: Repository,
    pub ids: Vec<ArchiveId>,
    /// Decrypts the WAL.
    pub pass: Option<SecretString>,
}

/// All repositories, sorted out.
#[derive(Debug, Default)]
pub(super) struct Archives {
    pub usable: Vec<Archive>,
    /// `repo2: [FileMissingError] …`, one for each that cannot be used; logged already.
    pub warnings: Vec<String>,
    /// Those of `warnings` that are about repositories which could not be read.
    pub unread: Vec<String>,
}

/// The text of a failure of one repository.
pub(super) fn repository_warning(key: u32, error: &Error) -> String {
    format!("repo{key}: {}", error.named_text())
}

/// Looks at every repository of the run.
///
/// # Errors
/// [`ErrorCode::Format`] when the cluster was restored but its `backup_label` is gone; those of the control file.
pub(super) fn open_all(context: &Context, settings: &Settings) -> Result<Archives> {
    let host = pg_host::open(context, settings.pg_key)?;
    let (control, _) = cluster::read_control(context, &*host)?;
    if control.checkpoint == CHECKPOINT_INVALID
        && host
            .info(&StoragePath::from("backup_label"), InfoLevel::Exists)?
            .is_none()
    {
        return Err(Error::new(
            ErrorCode::Format,
            "pg_control from backup is not valid without backup_label",
        )
        .with_hint("was the backup_label file removed?"));
    }
    let mut archives = Archives::default();
    let keys = repository::keys(&context.config);
    for (key, loaded) in keys
        .iter()
        .zip(load_all(context, settings, &control, &keys))
    {
        match loaded {
            Ok(archive) if archive.ids.is_empty() => {
                // It was read, and it has nothing of this cluster.
                let error = Error::new(
                    ErrorCode::ArchiveMismatch,
                    format!(
                        "unable to retrieve the archive id for database version '{}' and system-id '{}'",
                        control.version, control.system_id
                    ),
                );
                archives.warn(repository_warning(*key, &error));
            }
            Ok(archive) => archives.usable.push(archive),
            Err(error) if error.code == ErrorCode::Term => return Err(error),
            Err(error) => {
                let warning = repository_warning(*key, &error);
                archives.unread.push(warning.clone());
                archives.warn(warning);
            }
        }
    }
    Ok(archives)
}

impl Archives {
    fn warn(&mut self, warning: String) {
        log::warn!("{warning}");
        self.warnings.push(warning);
    }

    /// Whether a file takes long to arrive, so that several should be under way.
    pub(super) fn slow(&self) -> bool {
        self.usable
            .iter()
            .any(|archive| archive.repository.storage.has_latency())
    }
}

fn load_all(
    context: &Context,
    settings: &Settings,
    control: &ControlFile,
    keys: &[u32],
) -> Vec<Result<Archive>> {
    if let [key] = keys {
        return vec![load(context, settings, control, *key)];
    }
    std::thread::scope(|scope| {
        let threads: Vec<_> = keys
            .iter()
            .map(|&key| scope.spawn(move || load(context, settings, control, key)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(Error::panicked())))
            .collect()
    })
}

fn load(
    context: &Context,
    settings: &Settings,
    control: &ControlFile,
    key: u32,
) -> Result<Archive> {
    let repository = repository::open(context, key)?;
    let storage = &*repository.storage;
    let info = ArchiveInfo::load(storage, &settings.stanza, repository.pass.as_ref())?;
    let version = control.version.to_string();
    let mut ids = Vec::new();
    let mut existing: Option<Vec<String>> = None;
    for (age, entry) in info.history.entries().iter().rev().enumerate() {
        if entry.system_id != control.system_id || entry.version != version {
            continue;
        }
        let id = entry.archive_id();
        if age > 0 {
            // Of the past: only if there is still something of it.
            if existing.is_none() {
                let options = ListOptions {
                    level: InfoLevel::Exists,
                    ..ListOptions::default()
                };
                let found = storage
                    .list(&layout::archive_path(&settings.stanza), &options)?
                    .unwrap_or_default();
                existing = Some(
                    found
                        .into_iter()
                        .map(|info| info.name.to_string())
                        .collect(),
                );
            }
            if !existing
                .as_ref()
                .is_some_and(|names| names.contains(&id.to_string()))
            {
                continue;
            }
        }
        ids.push(id);
    }
    Ok(Archive {
        repository: repository.clone(),
        ids,
        pass: info.cipher_pass,
    })
}
