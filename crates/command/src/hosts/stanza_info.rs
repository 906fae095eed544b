//! The two info files of a stanza seen together: they must agree with each other and with the cluster.

use pgkeep_postgres::control::ControlFile;
use pgkeep_repo::pg_history::PgHistoryEntry;
use pgkeep_repo::{ArchiveInfo, BackupInfo, Stanza};

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::Repository;

/// Both info files of a stanza.
#[derive(Debug)]
pub struct StanzaInfo {
    pub archive: ArchiveInfo,
    pub backup: BackupInfo,
}

/// Loads both files.
///
/// # Errors
/// When one cannot be loaded from the file nor from its copy.
pub fn load(repository: &Repository, stanza: &Stanza) -> Result<StanzaInfo> {
    let storage = &*repository.storage;
    let archive = ArchiveInfo::load(storage, stanza, repository.pass.as_ref())?;
    let backup = BackupInfo::load(storage, stanza, repository.pass.as_ref())?;
    Ok(StanzaInfo { archive, backup })
}

/// Loads both files and makes sure that they are of one stanza and of this cluster.
///
/// # Errors
/// [`ErrorCode::FileInvalid`] when they are not.
pub fn load_for(
    repository: &Repository,
    stanza: &Stanza,
    control: &ControlFile,
) -> Result<StanzaInfo> {
    let info = load(repository, stanza)?;
    check_match(&info)?;
    let current = info.archive.history.current();
    if current.version != control.version.to_string() || current.system_id != control.system_id {
        return Err(Error::new(
            ErrorCode::FileInvalid,
            "backup and archive info files exist but do not match the database",
        )
        .with_hint("is this the correct stanza?")
        .with_hint("did an error occur during stanza-upgrade?"));
    }
    Ok(info)
}

/// Makes sure that both files name the same current cluster.
///
/// # Errors
/// [`ErrorCode::FileInvalid`] when they do not.
pub fn check_match(info: &StanzaInfo) -> Result<()> {
    let (archive, backup) = (
        info.archive.history.current(),
        info.backup.history.current(),
    );
    if archive.id == backup.id
        && archive.system_id == backup.system_id
        && archive.version == backup.version
    {
        return Ok(());
    }
    let line = |entry: &PgHistoryEntry| {
        format!(
            "id = {}, version = {}, system-id = {}",
            entry.id, entry.version, entry.system_id
        )
    };
    Err(Error::new(
        ErrorCode::FileInvalid,
        format!(
            "backup info file and archive info file do not match\narchive: {}\nbackup : {}",
            line(archive),
            line(backup)
        ),
    )
    .with_hint("this may be a symptom of repository corruption!"))
}

/// The history entry of a cluster, as a new stanza or an upgrade writes it.
#[must_use]
pub fn history_entry(control: &ControlFile) -> PgHistoryEntry {
    PgHistoryEntry {
        id: 1,
        system_id: control.system_id,
        version: control.version.to_string(),
        catalog_version: control.catalog_version,
        control_version: control.control_version,
    }
}
