//! What a set must fulfil to be restored: the one named, the newest before a target, or the newest of all.

use pgkeep_postgres::Lsn;
use pgkeep_postgres::recovery::RecoveryTarget;
use pgkeep_repo::BackupInfo;
use pgkeep_repo::backup_info::BackupEntry;

use super::settings::Settings;
use crate::error::{Error, ErrorCode, Result};
use crate::run::{Context, time_text};

/// What a set must fulfil.
pub(super) enum Wanted<'a> {
    Label(&'a str),
    /// Ended before this second.
    StoppedBefore(i64),
    /// Ended at this position or before.
    StoppedAt(Lsn),
    Latest,
}

impl Wanted<'_> {
    pub(super) fn why(&self) -> &'static str {
        match self {
            Self::Label(_) => "as given with --set",
            Self::StoppedBefore(_) | Self::StoppedAt(_) => {
                "the newest that ended before the target"
            }
            Self::Latest => "the newest",
        }
    }
}

/// The condition of a run.
///
/// # Errors
/// [`ErrorCode::Format`] for a target that cannot be read.
pub(super) fn wanted<'a>(context: &Context, settings: &'a Settings) -> Result<Wanted<'a>> {
    if let Some(set) = &settings.set {
        return Ok(Wanted::Label(set));
    }
    Ok(match &settings.target {
        RecoveryTarget::Time(text) => {
            let time = time_text::parse(text, context.clock.zone()).ok_or_else(|| {
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

/// The set of a repository that fulfils it.
///
/// # Errors
/// [`ErrorCode::BackupSetInvalid`] where the newest set is of another cluster than the stanza's now.
pub(super) fn find<'a>(
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

/// The error if no repository has one.
pub(super) fn none_found(settings: &Settings, wanted: &Wanted<'_>) -> Error {
    let target = match &settings.target {
        RecoveryTarget::Time(text) | RecoveryTarget::Lsn(text) => text.as_str(),
        _ => "",
    };
    let (message, hint) = match wanted {
        Wanted::Label(label) => (
            format!("backup set {label} is not valid"),
            "'info' lists the backups of each repository; --repo names one of them.",
        ),
        Wanted::StoppedBefore(_) => (
            format!("unable to find backup set with stop time less than '{target}'"),
            "'info' shows when each backup ended: the target must be later; was a time zone meant?",
        ),
        Wanted::StoppedAt(_) => (
            format!("unable to find backup set with lsn less than or equal to '{target}'"),
            "'info --set' shows where the WAL of a backup ends: the target must not be before that.",
        ),
        Wanted::Latest => (
            "no backup set found to restore".to_owned(),
            "'info' lists the backups of each repository: has one been made of this stanza?",
        ),
    };
    Error::new(ErrorCode::BackupSetInvalid, message).with_hint(hint)
}
