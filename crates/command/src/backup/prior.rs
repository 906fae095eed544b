//! The backup that a diff or incr depends on, and what must be taken over from it.

use pgkeep_repo::manifest::Manifest;
use pgkeep_repo::{BackupInfo, BackupLabel, BackupType};

use super::plan::Plan;
use super::settings::Settings;
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::Repository;

/// Finds the prior backup. `None`: this backup is or becomes a full one.
pub(super) fn find(plan: &mut Plan, info: &BackupInfo) -> Option<BackupLabel> {
    if plan.backup_type == BackupType::Full {
        return None;
    }
    let pg_id = info.history.current().id;
    let label = info
        .entries()
        .iter()
        .rev()
        .find(|entry| {
            entry.pg_id == pg_id
                && (plan.backup_type == BackupType::Incr || entry.backup_type == BackupType::Full)
        })
        .map(|entry| entry.label.clone());
    if label.is_none() {
        log::warn!(
            "no prior backup exists, {} backup has been changed to full",
            plan.backup_type
        );
        plan.backup_type = BackupType::Full;
    }
    label
}

/// Its manifest.
///
/// # Errors
/// When it cannot be loaded.
pub(super) fn load(
    settings: &Settings,
    repository: &Repository,
    info: &BackupInfo,
    label: Option<&BackupLabel>,
) -> Result<Option<Manifest>> {
    let load = |label| {
        Manifest::load(
            &*repository.storage,
            &settings.stanza,
            label,
            info.cipher_pass.as_ref(),
        )
        .map_err(|error| advise(error.into()))
    };
    label.map(load).transpose()
}

/// Says what can be done where the prior backup cannot be read.
pub(super) fn advise(error: Error) -> Error {
    match error.code {
        ErrorCode::Checksum
        | ErrorCode::Crypto
        | ErrorCode::FileMissing
        | ErrorCode::FileRead
        | ErrorCode::Format => error.with_hint(
            "the prior backup seems to be damaged: run verify, and --type=full for a backup that does not need it.",
        ),
        _ => error,
    }
}

/// Adapts the plan to the prior backup.
///
/// # Errors
/// [`ErrorCode::Format`] for a manifest that does not say what it must.
pub(super) fn adapt(plan: &mut Plan, label: &BackupLabel, prior: &Manifest) -> Result<()> {
    log::info!("last backup label = {label}, version = {}", prior.version);
    if prior.options.compress_type != plan.compress {
        log::warn!(
            "{} backup cannot alter compress-type option to '{}', reset to value in {label}",
            plan.backup_type,
            plan.compress
        );
        plan.compress = prior.options.compress_type;
        plan.level = prior.options.compress_level.ok_or_else(|| {
            Error::new(
                ErrorCode::Format,
                "compress-level missing in prior manifest",
            )
        })?;
    }
    match prior.options.checksum_page {
        // Made before page checksums were known: they begin with the next full backup.
        None => plan.checksum_page = false,
        Some(checksum_page) => {
            if checksum_page != plan.checksum_page {
                log::warn!(
                    "{} backup cannot alter 'checksum-page' option to '{}', reset to '{checksum_page}' from {label}",
                    plan.backup_type,
                    plan.checksum_page
                );
            }
            plan.checksum_page = checksum_page;
        }
    }
    Ok(())
}
