//! Which backup of which repository is restored.
//!
//! Repositories are asked in key order; the first that has a fitting set wins. One that cannot be read is only warned
//! about, for another may have what is needed.

use pgkeep_postgres::Lsn;
use pgkeep_postgres::recovery::RecoveryTarget;
use pgkeep_repo::backup_info::BackupEntry;
use pgkeep_repo::pg_history::PgHistoryEntry;
use pgkeep_repo::{ArchiveId, BackupInfo, BackupLabel};
use secrecy::SecretString;

use super::line::{self, OnLine};
use super::settings::Settings;
use super::target_time;
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::{Repository, repository};
use crate::run::Context;

/// The set to restore and where it is.
#[derive(Debug)]
pub(super) struct Chosen {
    pub repository: Repository,
    pub label: BackupLabel,
    /// Pass-phrase of manifests; `None`: not encrypted.
    pub manifest_pass: Option<SecretString>,
    /// Stored size of all its files, bytes.
    pub repo_size: u64,
    /// Where the WAL is that makes it consistent; `None`: offline backup.
    pub archive_id: Option<ArchiveId>,
    /// Why this set, in words that follow its name.
    pub why: &'static str,
    /// What the repository knows of all sets.
    pub info: BackupInfo,
}

/// What a set must fulfil.
enum Wanted<'a> {
    Label(&'a str),
    /// Ended before this second.
    StoppedBefore(i64),
    /// Ended at this position or before.
    StoppedAt(Lsn),
    Latest,
}

impl Wanted<'_> {
    fn why(&self) -> &'static str {
        match self {
            Self::Label(_) => "as given with --set",
            Self::StoppedBefore(_) | Self::StoppedAt(_) => {
                "the newest that ended before the target"
            }
            Self::Latest => "the newest",
        }
    }
}

/// Finds the set.
///
/// # Errors
/// [`ErrorCode::BackupSetInvalid`] when there is none; [`ErrorCode::Format`] for a target that cannot be read.
pub(super) fn choose(context: &Context, settings: &Settings) -> Result<Chosen> {
    let wanted = wanted(context, settings)?;
    // One that does not lead to the timeline that was asked for, in case that no repository has a better one.
    let mut off_line = None;
    for key in repository::keys(&context.config) {
        context.cancel.check()?;
        let repository = repository::open(context, key)?;
        let name = repository.name();
        let info = match BackupInfo::load(
            &*repository.storage,
            &settings.stanza,
            repository.pass.as_ref(),
        ) {
            Ok(info) => info,
            Err(error) => {
                let error = Error::from(error);
                // A repository that cannot even be reached ends the search, as in pgBackRest.
                if matches!(
                    error.code,
                    ErrorCode::HostConnect | ErrorCode::Service | ErrorCode::Term
                ) {
                    return Err(error);
                }
                log::warn!("{name}: {}", error.named_text());
                continue;
            }
        };
        if info.entries().is_empty() {
            log::warn!(
                "{name}: [{}] no backup sets to restore",
                ErrorCode::BackupSetInvalid.name()
            );
            continue;
        }
        let Some(mut entry) = find(&info, &wanted, &name)? else {
            continue;
        };
        let mut on_line = true;
        let mut why = wanted.why();
        match line::newest_on(context, settings, &repository, &info, entry)? {
            OnLine::Same => {}
            OnLine::Other(other) => {
                entry = other;
                why = "the newest that leads to the timeline";
            }
            OnLine::NoneHere => on_line = false,
        }
        let online = entry.option_online && entry.archive_start.is_some();
        let cluster = info.history.find(entry.pg_id).filter(|_| online);
        let chosen = Chosen {
            label: entry.label.clone(),
            manifest_pass: info.cipher_pass.clone(),
            repo_size: entry.repo_size,
            archive_id: cluster.map(PgHistoryEntry::archive_id),
            repository,
            why,
            info,
        };
        if on_line {
            return Ok(chosen);
        }
        off_line.get_or_insert(chosen);
    }
    if let Some(chosen) = off_line {
        // The check of the timeline says what is wrong with it.
        return Ok(chosen);
    }
    Err(none_found(settings, &wanted))
}

fn wanted<'a>(context: &Context, settings: &'a Settings) -> Result<Wanted<'a>> {
    if let Some(set) = &settings.set {
        return Ok(Wanted::Label(set));
    }
    Ok(match &settings.target {
        RecoveryTarget::Time(text) => {
            let time = target_time::parse(text, context.clock.zone()).ok_or_else(|| {
                Error::new(
                    ErrorCode::Format,
                    format!("automatic backup set selection cannot be performed with provided time '{text}'"),
                )
                .with_hint(
                    "time format must be YYYY-MM-DD HH:MM:SS with optional msec and optional timezone (+/- HH or HHMM \
                     or HH:MM) - if timezone is omitted, local time is assumed (for UTC use +00)",
                )
            })?;
            Wanted::StoppedBefore(time)
        }
        RecoveryTarget::Lsn(text) => Wanted::StoppedAt(text.parse()?),
        _ => Wanted::Latest,
    })
}

fn find<'a>(
    info: &'a BackupInfo,
    wanted: &Wanted<'_>,
    repository: &str,
) -> Result<Option<&'a BackupEntry>> {
    match wanted {
        Wanted::Label(label) => Ok(info
            .entries()
            .iter()
            .find(|entry| entry.label.as_str() == *label)),
        Wanted::StoppedBefore(time) => {
            let before = |entry: &&BackupEntry| {
                i64::try_from(entry.timestamp_stop).is_ok_and(|stop| stop < *time)
            };
            Ok(info.entries().iter().rev().find(before))
        }
        Wanted::StoppedAt(target) => {
            for entry in info.entries().iter().rev() {
                let Some(stop) = &entry.lsn_stop else {
                    log::warn!(
                        "{repository} reached backup from prior version missing required LSN info before finding a match \
                         -- backup auto-select has been disabled for this repo\n\
                         HINT: you may specify a backup to restore using the --set option."
                    );
                    return Ok(None);
                };
                if stop.parse::<Lsn>()? <= *target {
                    return Ok(Some(entry));
                }
            }
            Ok(None)
        }
        Wanted::Latest => {
            let Some(entry) = info.entries().last() else {
                return Ok(None);
            };
            if entry.pg_id < info.history.current().id {
                return Err(Error::new(
                    ErrorCode::BackupSetInvalid,
                    format!("the latest backup set found '{}' is from a prior version of PostgreSQL", entry.label),
                )
                .with_hint("was a backup created after the stanza-upgrade?")
                .with_hint("specify --set or --type=time/lsn to restore from a prior version of PostgreSQL."));
            }
            Ok(Some(entry))
        }
    }
}

/// Sets that could be restored for what was asked, newest first; a set that was named is no condition.
pub(super) fn fitting<'a>(
    context: &Context,
    settings: &Settings,
    info: &'a BackupInfo,
) -> Vec<&'a BackupEntry> {
    let by_target = Settings {
        set: None,
        ..settings.clone()
    };
    let wanted = wanted(context, &by_target).unwrap_or(Wanted::Latest);
    let fits = |entry: &&BackupEntry| match &wanted {
        Wanted::Label(_) => true,
        Wanted::StoppedBefore(time) => {
            i64::try_from(entry.timestamp_stop).is_ok_and(|stop| stop < *time)
        }
        Wanted::StoppedAt(target) => entry
            .lsn_stop
            .as_deref()
            .and_then(|stop| stop.parse::<Lsn>().ok())
            .is_some_and(|stop| stop <= *target),
        Wanted::Latest => entry.pg_id == info.history.current().id,
    };
    info.entries().iter().rev().filter(fits).collect()
}

fn none_found(settings: &Settings, wanted: &Wanted<'_>) -> Error {
    let target = match &settings.target {
        RecoveryTarget::Time(text) | RecoveryTarget::Lsn(text) => text.as_str(),
        _ => "",
    };
    let message = match wanted {
        Wanted::Label(label) => format!("backup set {label} is not valid"),
        Wanted::StoppedBefore(_) => {
            format!("unable to find backup set with stop time less than '{target}'")
        }
        Wanted::StoppedAt(_) => {
            format!("unable to find backup set with lsn less than or equal to '{target}'")
        }
        Wanted::Latest => "no backup set found to restore".to_owned(),
    };
    Error::new(ErrorCode::BackupSetInvalid, message)
}
