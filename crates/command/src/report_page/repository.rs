//! What the page tells of one stanza in one repository.

use pgkeep_config::command::CommandId;
use pgkeep_repo::backup_info::BackupEntry;
use pgkeep_repo::pin::{PIN_KEY, Pin};
use pgkeep_repo::{BackupInfo, BackupType, Stanza};

use super::coverage::{self, OfSet, Words};
use super::facts::{Fate, Kind, Repository, Retention, Set, State, Verify};
use super::settings::{self, Places};
use crate::error::{ErrorCode, Result};
use crate::expire::{self, Outlook};
use crate::hosts;
use crate::report::{lock_text, pin_text};
use crate::run::{Context, begin};
use crate::stanzas::{RepositoryReport, Status};
use crate::verify::last_run;

/// # Errors
/// The run was stopped.
pub(super) fn facts(
    context: &Context,
    stanza: &str,
    places: &Places,
    report: &RepositoryReport,
) -> Result<Repository> {
    let of_sets = coverage::of_sets(report);
    let outlook = match &report.backup_info {
        Some(info) => Some(outlook(context, stanza, report.key, info)?),
        None => None,
    };
    let (outlook, error) = match outlook {
        Some(Ok(outlook)) => (Some(outlook), None),
        Some(Err(error)) => (None, Some(error)),
        None => (None, None),
    };
    let sets: Vec<Set> = report
        .backup_info
        .iter()
        .flat_map(|info| info.entries())
        .zip(&of_sets)
        .map(|(entry, of_set)| set(context, report, entry, of_set, outlook.as_ref()))
        .collect();
    let coverage = report.wal.as_ref().map(|_| coverage::merge(&of_sets));
    let gaps = coverage.as_ref().is_some_and(|one| !one.gaps.is_empty());
    let unread = report.backup_info.is_some() && report.wal.is_none();
    let mut worst = state(&report.status);
    // Of a list of sets the newest says how things stand; what is wrong with an older one is told beside it.
    worst = worst.max(sets.last().map(|set| set.state).unwrap_or_default());
    if gaps || unread || sets.iter().any(|set| set.state > State::Ok) {
        worst = worst.max(State::Warn);
    }
    Ok(Repository {
        key: report.key,
        place: settings::place(&context.config, report.key),
        cipher: settings::knows_cipher(&context.config, report).then(|| report.cipher.to_owned()),
        state: worst,
        status: report.status.repository_message().to_owned(),
        wal: report
            .shown_archives()
            .filter_map(|archive| {
                let (min, max) = archive.min.as_ref().zip(archive.max.as_ref())?;
                Some(format!("{}: {}", archive.id, coverage::text(min, max)))
            })
            .collect(),
        sets,
        coverage,
        wal_error: report.wal_error.clone(),
        retention: Retention {
            rules: outlook.map(|outlook| outlook.rules).unwrap_or_default(),
            error,
        },
        verify: verified(context, stanza, places, report),
    })
}

/// How a status is to be taken.
pub(super) fn state(status: &Status) -> State {
    match status {
        Status::Ok => State::Ok,
        // One repository is not like the others, which says so itself.
        Status::Mixed => State::Warn,
        _ => State::Fail,
    }
}

/// What retention says; the text is why it cannot.
fn outlook(
    context: &Context,
    stanza: &str,
    key: u32,
    info: &BackupInfo,
) -> Result<std::result::Result<Outlook, String>> {
    let loaded = match context.config.as_command(CommandId::Expire, Some(stanza)) {
        Ok(loaded) => loaded,
        Err(error) => return Ok(Err(begin::lower(&error).text())),
    };
    match expire::outlook(&context.with_config(loaded.config), key, info) {
        Ok(outlook) => Ok(Ok(outlook)),
        Err(error) if error.code == ErrorCode::Term => Err(error),
        Err(error) => Ok(Err(error.text())),
    }
}

fn set(
    context: &Context,
    report: &RepositoryReport,
    entry: &BackupEntry,
    of_set: &OfSet,
    outlook: Option<&Outlook>,
) -> Set {
    let clock = &context.clock;
    let seconds = |time: u64| i64::try_from(time).unwrap_or(i64::MAX);
    let (restorable, mut state) = match &of_set.words {
        Words::Unknown => ("not known".to_owned(), State::Ok),
        Words::Nothing(missing) => (format!("nothing: {missing} missing"), State::Fail),
        Words::AsItIs => ("only itself".to_owned(), State::Ok),
        Words::Until(time) => (format!("until {}", clock.local_text(*time)), State::Ok),
    };
    let mut notes = Vec::new();
    if entry.error == Some(true) {
        notes.push("damaged pages".to_owned());
        state = state.max(State::Warn);
    }
    if let Some(pin) = Pin::of(entry) {
        let text = pin_text::text(clock, &pin);
        notes.push(match pin.holds(clock.seconds()) {
            true => format!("pinned {text}"),
            false => format!("pin {text}"),
        });
    }
    if let Some(until) = report.locked.get(&entry.label) {
        notes.push(format!("locked {}", lock_text::until(clock, *until)));
    }
    for (key, value) in &entry.annotations {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if key.as_slice() != PIN_KEY.as_bytes() {
            notes.push(format!("{}: {}", text(key), text(value)));
        }
    }
    Set {
        label: entry.label.to_string(),
        kind: match entry.backup_type {
            BackupType::Full => Kind::Full,
            BackupType::Diff => Kind::Diff,
            BackupType::Incr => Kind::Incr,
        },
        start: seconds(entry.timestamp_start),
        stop: seconds(entry.timestamp_stop),
        size: entry.size,
        stored: entry.repo_size_delta,
        restorable,
        state,
        notes,
        fate: outlook
            .and_then(|outlook| outlook.fates.get(&entry.label))
            .map_or(Fate::Unknown, |(goes, why)| {
                let when = match goes {
                    expire::Goes::Not => return Fate::Stays(why.clone()),
                    expire::Goes::Now => "with the next expire".to_owned(),
                    expire::Goes::AfterFull => "after the next full backup".to_owned(),
                    expire::Goes::At(time) => format!("from {} on", clock.local_text(*time)),
                };
                Fate::Goes(when, why.clone())
            }),
    }
}

fn verified(
    context: &Context,
    stanza: &str,
    places: &Places,
    report: &RepositoryReport,
) -> Option<Verify> {
    report.backup_info.as_ref()?;
    // What could be read is open still.
    let repository = hosts::repository::open(context, report.key).ok()?;
    let stanza = Stanza::new(stanza).ok()?;
    let last = last_run::of(context, &places.spool_path, &stanza, &repository).last?;
    Some(Verify {
        at: last.stop,
        code: last.code,
    })
}
