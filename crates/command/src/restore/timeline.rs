//! Can recovery from this backup reach the wanted timeline? Asked before anything is touched.
//!
//! Following the backup's own timeline always works; any other must have branched off it after the backup began,
//! which its history file in the archive tells.

use std::io::Read;

use pgkeep_pipeline::{Pipeline, RunningReader, Stage};
use pgkeep_postgres::recovery::RecoveryTarget;
use pgkeep_postgres::timeline::{self, TimelineId, TimelineSwitch};
use pgkeep_postgres::{Lsn, PgVersion};
use pgkeep_repo::{ArchiveId, ArchiveInfo, Manifest, archive, layout};
use pgkeep_storage::{InfoLevel, ListOptions, ReadOptions, Storage};

use super::settings::Settings;
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::Repository;

/// History files are a few lines; more than this is something else.
const HISTORY_LIMIT: u64 = 16 << 20;
const BUFFER: usize = 64 * 1024;
/// The timeline of the newest history file, or the backup's own if that is newer.
const LATEST: &str = "latest";

/// What the archive says, asked while the manifest is still on its way. Errors are kept until their turn.
#[derive(Debug)]
pub(super) struct Archive {
    id: ArchiveId,
    info: Result<ArchiveInfo>,
    /// The newest timeline with a history file; only where it is asked for.
    newest: Result<Option<TimelineId>>,
}

impl Archive {
    /// Asks.
    pub(super) fn ask(repository: &Repository, settings: &Settings, id: &ArchiveId) -> Self {
        let storage = &*repository.storage;
        let info = ArchiveInfo::load(storage, &settings.stanza, repository.pass.as_ref());
        let wanted = info.is_ok()
            && id
                .version()
                .parse()
                .is_ok_and(|version| said(settings, version) == LATEST);
        let newest = match wanted {
            true => newest(storage, settings, id),
            false => Ok(None),
        };
        Self {
            id: id.clone(),
            info: info.map_err(Error::from),
            newest,
        }
    }
}

/// The timelines that recovery will follow: where it begins, where it ends, and those between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub from: TimelineId,
    pub to: TimelineId,
    /// The history of `to`; nothing where that is `from`.
    pub history: Vec<TimelineSwitch>,
}

/// Fails when the target timeline cannot be reached from the backup, and hands back the timelines that lead there. Offline
/// backups are not asked. `archive`: what was asked already.
///
/// # Errors
/// [`ErrorCode::DbMismatch`]; a lower error when archive.info or the history file cannot be read. With the timeline that
/// was wanted, where that is known.
pub(super) fn verify(
    repository: &Repository,
    settings: &Settings,
    manifest: &Manifest,
    version: PgVersion,
    archive: Option<Archive>,
) -> std::result::Result<Option<Line>, (Option<TimelineId>, Error)> {
    let unknown = |error| (None, error);
    let (Some(start), Some(lsn)) = (&manifest.backup.archive_start, &manifest.backup.lsn_start)
    else {
        return Ok(None);
    };
    if !manifest.options.online {
        return Ok(None);
    }
    let storage = &*repository.storage;
    let archive_id = ArchiveId::new(manifest.pg.version.clone(), manifest.pg.id);
    let archive = archive
        .filter(|archive| archive.id == archive_id)
        .unwrap_or_else(|| Archive::ask(repository, settings, &archive_id));
    let info = archive.info.map_err(unknown)?;
    let from = of_segment(start).ok_or_else(|| {
        unknown(Error::new(
            ErrorCode::Format,
            format!("invalid WAL segment '{start}' in the manifest"),
        ))
    })?;
    let lsn: Lsn = lsn.parse().map_err(|error| unknown(Error::from(error)))?;
    let own = Line {
        from,
        to: from,
        history: Vec::new(),
    };
    let to = match said(settings, version) {
        "current" => return Ok(Some(own)),
        LATEST => archive
            .newest
            .map_err(unknown)?
            .map_or(from, |newest| from.max(newest)),
        said => said.parse().map_err(|_| {
            unknown(Error::new(
                ErrorCode::DbMismatch,
                format!("invalid target timeline '{said}'"),
            ))
        })?,
    };
    if to == from {
        return Ok(Some(own));
    }
    let checked = load_history(storage, settings, &archive_id, to, &info)
        .and_then(|history| check(&history, from, lsn, to).map(|()| history));
    match checked {
        Ok(history) => Ok(Some(Line { from, to, history })),
        Err(error) => Err((Some(to), error)),
    }
}

/// The timeline in the name of a segment.
pub(super) fn of_segment(name: &str) -> Option<TimelineId> {
    let digits = name.get(..8)?;
    u32::from_str_radix(digits, 16).ok().map(TimelineId)
}

/// What is said of the timeline that recovery will follow. `current`: the backup's own; else [`LATEST`] or its id.
fn said(settings: &Settings, version: PgVersion) -> &str {
    settings.target_timeline.as_deref().unwrap_or({
        if version <= PgVersion::V11 || settings.target == RecoveryTarget::Immediate {
            "current"
        } else {
            LATEST
        }
    })
}

/// The newest timeline that has a history file in the archive.
fn newest(
    storage: &dyn Storage,
    settings: &Settings,
    archive_id: &ArchiveId,
) -> Result<Option<TimelineId>> {
    Ok(known(storage, settings, archive_id)?.into_iter().max())
}

/// Timelines that have a history file in the archive.
pub(super) fn known(
    storage: &dyn Storage,
    settings: &Settings,
    archive_id: &ArchiveId,
) -> Result<Vec<TimelineId>> {
    let options = ListOptions {
        level: InfoLevel::Exists,
        ..ListOptions::default()
    };
    let path = layout::archive_id_path(&settings.stanza, archive_id);
    let listed = storage.list(&path, &options)?.unwrap_or_default();
    let timeline = |name: &[u8]| {
        let hex = archive::history_timeline(std::str::from_utf8(name).ok()?)?;
        u32::from_str_radix(hex, 16).ok().map(TimelineId)
    };
    Ok(listed
        .iter()
        .filter_map(|entry| timeline(entry.name.as_bytes()))
        .collect())
}

/// What the history file of a timeline says. The first has none, for it branched off nothing.
///
/// # Errors
/// [`ErrorCode::FileMissing`] where there is none, [`ErrorCode::Format`] for one that makes no sense.
pub(super) fn load_history(
    storage: &dyn Storage,
    settings: &Settings,
    archive_id: &ArchiveId,
    timeline: TimelineId,
    info: &ArchiveInfo,
) -> Result<Vec<TimelineSwitch>> {
    if timeline == TimelineId(1) {
        return Ok(Vec::new());
    }
    let path = layout::archive_file(&settings.stanza, archive_id, &timeline.history_name());
    let read = storage.open_read(&path, &ReadOptions::default())?;
    let stages = info
        .cipher_pass
        .iter()
        .map(|pass| Stage::Decrypt {
            pass: pass.clone(),
            raw: false,
        })
        .collect();
    let mut plain = RunningReader::new(read, Pipeline::new(stages).start(BUFFER), BUFFER);
    let mut bytes = Vec::new();
    (&mut plain).take(HISTORY_LIMIT).read_to_end(&mut bytes)?;
    timeline::parse_history(&String::from_utf8_lossy(&bytes)).map_err(|error| {
        let shown = storage.display(&path);
        Error::new(
            ErrorCode::Format,
            format!(
                "invalid timeline '{:X}' at '{shown}': {}",
                timeline.0,
                error.message()
            ),
        )
    })
}

/// The backup's timeline must be part of the history, left only after the backup began.
fn check(history: &[TimelineSwitch], from: TimelineId, lsn: Lsn, to: TimelineId) -> Result<()> {
    if history
        .iter()
        .any(|item| item.timeline == from && lsn < item.switch)
    {
        return Ok(());
    }
    let error = match history.iter().rfind(|item| item.timeline == from) {
        Some(item) => Error::new(
            ErrorCode::DbMismatch,
            format!(
                "target timeline {:X} forked from backup timeline {:X} at {} which is before backup lsn of {lsn}",
                to.0, from.0, item.switch
            ),
        )
        .with_hint("was the target timeline created by accidentally promoting a standby?")
        .with_hint("was the target timeline created by testing a restore without --archive-mode=off?")
        .with_hint("was the backup made after the target timeline was created?"),
        None => Error::new(
            ErrorCode::DbMismatch,
            format!("backup timeline {:X}, lsn {lsn} is not in the history of target timeline {:X}", from.0, to.0),
        )
        .with_hint("was the target timeline created by promoting from a timeline < latest?"),
    };
    Err(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> Vec<TimelineSwitch> {
        timeline::parse_history("1\t0/3000110\tx\n2\t0/5000000\ty\n").unwrap()
    }

    #[test]
    fn a_backup_before_the_fork_can_follow_it() {
        check(&history(), TimelineId(1), Lsn(0x300_0000), TimelineId(3)).unwrap();
        check(&history(), TimelineId(2), Lsn(0x4ff_ffff), TimelineId(3)).unwrap();
    }

    #[test]
    fn a_backup_after_the_fork_or_of_another_branch_cannot() {
        let error = check(&history(), TimelineId(1), Lsn(0x300_0110), TimelineId(3)).unwrap_err();
        assert_eq!(error.code, ErrorCode::DbMismatch);
        assert_eq!(
            error.message,
            "target timeline 3 forked from backup timeline 1 at 0/3000110 which is before backup lsn of 0/3000110"
        );
        let error = check(&history(), TimelineId(10), Lsn(0x10), TimelineId(3)).unwrap_err();
        assert_eq!(
            error.message,
            "backup timeline A, lsn 0/10 is not in the history of target timeline 3"
        );
    }
}
