//! Manifests: which can be used, and what a single backup needs.

use pgkeep_pipeline::Sha1Digest;
use pgkeep_repo::{ArchiveId, BackupLabel, Manifest, layout};
use pgkeep_storage::in_parallel;

use super::findings::Findings;
use super::info::{hashed, log_unusable};
use super::result::{BackupResult, Status};
use super::settings::Settings;
use super::wal::WalRange;
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::Repository;
use crate::hosts::stanza_info::StanzaInfo;
use crate::wal::window::Point;

/// The WAL that `label` needs; adds to `backups` those that its blocks may lie in.
pub(super) fn needs(
    repository: &Repository,
    settings: &Settings,
    info: &StanzaInfo,
    label: &BackupLabel,
    backups: &mut Vec<BackupLabel>,
) -> WalRange {
    let pass = info.backup.cipher_pass.as_ref();
    // An unusable manifest is found again, and told, when the backup is verified.
    let Ok(manifest) = Manifest::load(&*repository.storage, &settings.stanza, label, pass) else {
        return WalRange(None);
    };
    if manifest.files().any(|file| file.block_map_size() > 0) {
        backups.extend(manifest.references.iter().cloned());
        backups.sort();
        backups.dedup();
    }
    WalRange(
        manifest
            .backup
            .archive_start
            .clone()
            .zip(manifest.backup.archive_stop.clone()),
    )
}

/// What the backup needs to be restored; `None` where the manifest says something that no program writes.
pub(super) fn point(manifest: &Manifest) -> Option<Point> {
    let header = &manifest.backup;
    let segment = |text: &Option<String>| match text {
        Some(text) => text.parse().map(Some).map_err(drop),
        None => Ok(None),
    };
    let wal = segment(&header.archive_start)
        .ok()?
        .zip(segment(&header.archive_stop).ok()?);
    Some(Point {
        archive: ArchiveId::new(manifest.pg.version.clone(), manifest.pg.id),
        wal,
        lsn: header.lsn_stop.as_deref().and_then(|lsn| lsn.parse().ok()),
        time: header.timestamp_stop,
        holds_wal: manifest.options.archive_copy,
    })
}

/// The manifest to verify a backup by, and the checksum of its text; `None` with the status set if there is none. `unfinished`: what is said of the backup if it
/// has no manifest, where that is no fault.
pub(super) fn usable(
    repository: &Repository,
    settings: &Settings,
    info: &StanzaInfo,
    result: &mut BackupResult,
    unfinished: Option<(Status, &str)>,
    findings: &mut Findings,
) -> Result<Option<(Manifest, Sha1Digest)>> {
    let found = load(repository, settings, info, result, unfinished, findings)?;
    let known = |manifest: &Manifest| {
        let pg = &manifest.pg;
        info.archive.history.entries().iter().any(|entry| {
            entry.id == pg.id && entry.system_id == pg.system_id && entry.version == pg.version
        })
    };
    let manifest = found.filter(|(manifest, _)| {
        let known = known(manifest);
        if !known {
            let pg = &manifest.pg;
            log::info!(
                "'{}' may not be recoverable - PG data (id {}, version {}, system-id {}) is not in the backup.info \
                 history, skipping",
                result.label,
                pg.id,
                pg.version,
                pg.system_id
            );
        }
        known
    });
    if manifest.is_none() {
        match result.status {
            Status::Valid => {
                result.status = Status::Invalid;
                findings.add(ErrorCode::FileInvalid);
            }
            // What an expire left behind is no harm; a backup that people are told of is.
            Status::ManifestMissing if info.backup.find(&result.label).is_some() => {
                findings.note(ErrorCode::FileMissing);
            }
            _ => {}
        }
    }
    Ok(manifest)
}

fn load(
    repository: &Repository,
    settings: &Settings,
    info: &StanzaInfo,
    result: &mut BackupResult,
    unfinished: Option<(Status, &str)>,
    findings: &mut Findings,
) -> Result<Option<(Manifest, Sha1Digest)>> {
    let (storage, label, pass) = (
        &*repository.storage,
        &result.label,
        info.backup.cipher_pass.as_ref(),
    );
    let path = layout::manifest(&settings.stanza, label);
    let copy = layout::copy_of(&path);
    let shown = format!("<REPO:BACKUP>/{label}/{}", layout::MANIFEST);
    let fail = |error: Error, shown: &str| {
        if error.is_about_the_storage() {
            return Err(error);
        }
        log_unusable(&error, shown);
        Ok(error.code == ErrorCode::FileMissing)
    };
    let (main, copied) = in_parallel(
        storage,
        || Ok::<_, Error>(hashed(storage, &path, pass, &Manifest::parse)),
        || Ok(hashed(storage, &copy, pass, &|_| Ok(()))),
    )?;
    let reason;
    let missing = match main {
        Ok((manifest, sha1)) => {
            match copied {
                Ok(((), copied)) if copied != sha1 => {
                    crate::detail!("backup '{label}' manifest.copy does not match manifest");
                    // Read only now: another content may be one that an interrupted run left.
                    if let Err(error) = hashed(storage, &copy, pass, &Manifest::parse) {
                        let reason = error.text();
                        fail(error, &format!("{shown}.copy"))?;
                        findings.one_of_two(&format!("{shown}.copy"), &reason);
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    let reason = error.text();
                    fail(error, &format!("{shown}.copy"))?;
                    findings.one_of_two(&format!("{shown}.copy"), &reason);
                }
            }
            return Ok(Some((manifest, sha1)));
        }
        Err(error) => {
            reason = error.text();
            fail(error, &shown)?
        }
    };
    if let (Some((status, what)), true) = (unfinished, missing) {
        log::info!("backup '{label}' {what}, skipping");
        result.status = status;
        return Ok(None);
    }
    match hashed(storage, &copy, pass, &Manifest::parse) {
        Ok(found) => {
            crate::detail!(
                "{label}/{} is missing or unusable, using copy",
                layout::MANIFEST
            );
            findings.one_of_two(&shown, &reason);
            Ok(Some(found))
        }
        Err(error) => {
            if fail(error, &format!("{shown}.copy"))? && missing {
                crate::detail!("manifest missing for '{label}' - backup may have expired");
                result.status = Status::ManifestMissing;
            }
            Ok(None)
        }
    }
}
