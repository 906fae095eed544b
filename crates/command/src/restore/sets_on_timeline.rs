//! Which sets lead to a timeline: recovery from them can get there.
//!
//! A timeline branched off its parent at a position its history file tells. A set that ended before that leads to both.
//! One of the parent that ended later does not lead to the branch, nor does one of another branch.

use pgkeep_postgres::Lsn;
use pgkeep_postgres::timeline::{TimelineId, TimelineSwitch};
use pgkeep_repo::backup_info::BackupEntry;
use pgkeep_repo::{ArchiveId, ArchiveInfo, BackupInfo};

use super::chosen::Chosen;
use super::settings::Settings;
use super::timeline;
use super::wanted_set;
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::Repository;
use crate::run::Context;

/// The timeline on which a set was made, and where it was consistent; `None` for an offline one.
pub(super) fn position(entry: &BackupEntry) -> Option<(TimelineId, Lsn)> {
    let timeline = timeline::of_segment(entry.archive_start.as_deref()?)?;
    let lsn = entry.lsn_stop.as_deref().or(entry.lsn_start.as_deref())?;
    Some((timeline, lsn.parse().ok()?))
}

fn holds(to: TimelineId, history: &[TimelineSwitch], entry: &BackupEntry) -> bool {
    position(entry).is_some_and(|position| leads(to, history, position))
}

/// Whether recovery that is consistent at a position of a timeline can go on to `to`.
fn leads(to: TimelineId, history: &[TimelineSwitch], (timeline, lsn): (TimelineId, Lsn)) -> bool {
    timeline == to
        || history
            .iter()
            .any(|item| item.timeline == timeline && lsn <= item.switch)
}

/// What became of a set that does not lead to the timeline that was asked for.
#[derive(Debug)]
pub(super) enum OnTimeline<'a> {
    /// It does, or nobody can tell yet: the check of the timeline will.
    Same,
    /// The newest set that does.
    Other(&'a BackupEntry),
    /// None of this repository does.
    NoneHere,
}

/// Finds a set that leads to the timeline that was said by number, where `entry` does not.
///
/// # Errors
/// When the repository is out of reach.
pub(super) fn newest_on<'a>(
    context: &Context,
    settings: &Settings,
    repository: &Repository,
    info: &'a BackupInfo,
    entry: &BackupEntry,
) -> Result<OnTimeline<'a>> {
    let said = settings.target_timeline.as_deref();
    let Some(to) = said.and_then(|said| said.parse::<TimelineId>().ok()) else {
        return Ok(OnTimeline::Same);
    };
    if settings.set.is_some() || position(entry).is_none_or(|(timeline, _)| timeline == to) {
        return Ok(OnTimeline::Same);
    }
    let Some(history) = history(settings, repository, info, entry, to)? else {
        return Ok(OnTimeline::Same);
    };
    if holds(to, &history, entry) {
        return Ok(OnTimeline::Same);
    }
    let found = newest(context, settings, info, entry.pg_id, to, &history);
    if let Some(found) = found {
        log::info!(
            "{}: backup set {} is not on the line of timeline {to}, {} is the newest that is",
            repository.name(),
            entry.label,
            found.label
        );
    }
    Ok(found.map_or(OnTimeline::NoneHere, OnTimeline::Other))
}

/// Says which set leads to a timeline that the chosen one does not, or which timelines there are.
pub(super) fn advise(
    context: &Context,
    settings: &Settings,
    chosen: &Chosen,
    (to, error): (Option<TimelineId>, Error),
) -> Error {
    let repository = &chosen.repository;
    let (Some(to), Some(id), false) = (to, &chosen.archive_id, error.is_about_the_storage()) else {
        return error;
    };
    if error.code == ErrorCode::FileMissing {
        let known = timeline::known(&*repository.storage, settings, id).unwrap_or_default();
        let made: Vec<TimelineId> = chosen
            .info
            .entries()
            .iter()
            .filter_map(|entry| Some(position(entry)?.0))
            .collect();
        let mut all: Vec<TimelineId> = known.into_iter().chain(made).collect();
        all.sort();
        all.dedup();
        let all: Vec<String> = all.iter().map(ToString::to_string).collect();
        return error.with_hint(format!(
            "timeline {to} is not in {}: it has timelines {}.",
            repository.name(),
            all.join(", ")
        ));
    }
    let entry = chosen.info.find(&chosen.label);
    let history = entry.map(|entry| {
        history(settings, repository, &chosen.info, entry, to)
            .ok()
            .flatten()
    });
    let (Some(entry), Some(Some(history))) = (entry, history) else {
        return error;
    };
    let hint = match newest(context, settings, &chosen.info, entry.pg_id, to, &history) {
        Some(found) => format!(
            "the newest set on the line of timeline {to} is {}: restore it with --set={}, or follow the timeline of {} \
             with --target-timeline=current.",
            found.label, found.label, chosen.label
        ),
        None => format!(
            "no set of {} is on the line of timeline {to}; --target-timeline=current follows the timeline of {}.",
            repository.name(),
            chosen.label
        ),
    };
    error.with_hint(hint)
}

fn newest<'a>(
    context: &Context,
    settings: &Settings,
    info: &'a BackupInfo,
    pg_id: u32,
    to: TimelineId,
    history: &[TimelineSwitch],
) -> Option<&'a BackupEntry> {
    wanted_set::fitting(context, settings, info)
        .into_iter()
        .find(|entry| entry.pg_id == pg_id && holds(to, history, entry))
}

/// The history of `to` in the archive of the set's cluster; `None` where it cannot be read.
fn history(
    settings: &Settings,
    repository: &Repository,
    info: &BackupInfo,
    entry: &BackupEntry,
    to: TimelineId,
) -> Result<Option<Vec<TimelineSwitch>>> {
    let Some(cluster) = info.history.find(entry.pg_id) else {
        return Ok(None);
    };
    let id: ArchiveId = cluster.archive_id();
    let storage = &*repository.storage;
    let loaded = ArchiveInfo::load(storage, &settings.stanza, repository.pass.as_ref())
        .map_err(Error::from)
        .and_then(|archive| timeline::load_history(storage, settings, &id, to, &archive));
    match loaded {
        Ok(history) => Ok(Some(history)),
        Err(error) if error.is_about_the_storage() => Err(error),
        Err(error) => {
            crate::detail!(
                "unable to read the history of timeline {to}: {}",
                error.text()
            );
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_leads_to_its_own_timeline_and_to_those_that_branched_off_after_it() {
        let history =
            pgkeep_postgres::timeline::parse_history("1\t0/3000110\tx\n2\t0/5000000\ty\n").unwrap();
        let to_three =
            |timeline, lsn| leads(TimelineId(3), &history, (TimelineId(timeline), Lsn(lsn)));
        assert!(to_three(3, 0x900_0000) && to_three(1, 0x300_0110) && to_three(2, 0x500_0000));
        assert!(!to_three(1, 0x300_0111) && !to_three(2, 0x500_0001) && !to_three(4, 1));
        // The first timeline has no history: only its own sets lead to it.
        assert!(leads(TimelineId(1), &[], (TimelineId(1), Lsn(1))));
        assert!(!leads(TimelineId(1), &[], (TimelineId(2), Lsn(1))));
    }
}
