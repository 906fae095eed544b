//! WAL of a stanza in a repository, against what the cluster says it has archived.

use pgkeep_postgres::wal::name::segment_part;
use pgkeep_postgres::wal::segment::WalSegment;
use pgkeep_repo::archive::{StoredSegment, is_wal_directory, wal_directory};
use pgkeep_repo::{ArchiveId, ArchiveInfo, Stanza, layout};
use pgkeep_storage::{InfoLevel, ListOptions, Storage};

use super::check::WAL;
use super::cluster::Facts;
use crate::error::Result;
use crate::report::advice;
use crate::report::finding::{Finding, Subject};
use crate::report::time_text::time_text;

/// How long a segment that has ended may be on its way, beyond `archive_timeout`.
const PATIENCE: i64 = 300;

struct Newest {
    segment: String,
    /// When it was stored, seconds since 1970.
    at: i64,
}

pub(super) fn examine(
    subject: &Subject,
    stanza: &Stanza,
    storage: &dyn Storage,
    info: &ArchiveInfo,
    facts: &Facts,
    now: i64,
) -> Option<Finding> {
    let archive = Archive {
        storage,
        stanza,
        id: info.history.current().archive_id(),
    };
    let health = facts.health.as_ref();
    // Of files that are no segments the segments before them were archived as well.
    let last = health
        .and_then(|health| health.last_archived.as_ref())
        .and_then(|event| segment_part(&event.file));
    Some(match grade(subject, stanza, &archive, last, facts, now) {
        Ok(finding) => finding,
        Err(error) => {
            let mend = advice::pgkeep(stanza.as_str(), "--output=text verify");
            subject.fail(&WAL, error.text(), mend)
        }
    })
}

fn grade(
    subject: &Subject,
    stanza: &Stanza,
    archive: &Archive<'_>,
    last: Option<&str>,
    facts: &Facts,
    now: i64,
) -> Result<Finding> {
    let check = advice::pgkeep(stanza.as_str(), "check");
    let directory = match last.and_then(wal_directory) {
        Some(directory) => Some(directory.to_owned()),
        None => archive.newest_directory()?,
    };
    let segments = match &directory {
        Some(directory) => archive.segments(directory)?,
        None => Vec::new(),
    };
    let newest = segments.iter().max_by(|a, b| a.segment.cmp(&b.segment));
    if let Some(last) = last
        && !segments.iter().any(|stored| stored.segment == last)
    {
        let here = newest.map_or("none of its directory", |newest| &newest.segment);
        return Ok(subject.fail(
            &WAL,
            format!("the cluster has archived {last}, but here is {here}"),
            format!("see whether archive_command is for this repository: {check}"),
        ));
    }
    let Some(newest) = newest else {
        return Ok(match &facts.health {
            Some(_) => subject.note(&WAL, "none yet", check),
            None => subject.ok(&WAL, "none yet"),
        });
    };
    let age = (now - newest.at).max(0);
    let seen = format!(
        "newest {}, stored {} ago",
        newest.segment,
        time_text(age.unsigned_abs())
    );
    if is_behind(&newest.segment, facts, age) {
        return Ok(subject.warn(&WAL, format!("{seen}, while the cluster writes on"), check));
    }
    Ok(subject.ok(&WAL, seen))
}

/// Whether segments after the newest have ended, and had the time to arrive.
fn is_behind(newest: &str, facts: &Facts, age: i64) -> bool {
    let (Some(health), Some(control)) = (&facts.health, &facts.control) else {
        return false;
    };
    let Some(current) = health.current_wal.as_deref() else {
        return false;
    };
    let (Ok(newest), Ok(current)) = (WalSegment::parse(newest), WalSegment::parse(current)) else {
        return false;
    };
    let timeout = i64::try_from(health.archive_timeout.as_secs()).unwrap_or(0);
    current > newest.next(control.wal_segment_size) && age > PATIENCE + timeout
}

/// The archive of the cluster that the stanza has now.
struct Archive<'a> {
    storage: &'a dyn Storage,
    stanza: &'a Stanza,
    id: ArchiveId,
}

impl Archive<'_> {
    fn newest_directory(&self) -> Result<Option<String>> {
        let options = ListOptions {
            level: InfoLevel::Exists,
            ..ListOptions::default()
        };
        let path = layout::archive_id_path(self.stanza, &self.id);
        let listed = self.storage.list(&path, &options)?.unwrap_or_default();
        Ok(listed
            .into_iter()
            .map(|info| info.name.to_string())
            .filter(|name| is_wal_directory(name))
            .max())
    }

    fn segments(&self, directory: &str) -> Result<Vec<Newest>> {
        let options = ListOptions {
            level: InfoLevel::Basic,
            ..ListOptions::default()
        };
        let path = layout::wal_path(self.stanza, &self.id, directory);
        let listed = self.storage.list(&path, &options)?.unwrap_or_default();
        Ok(listed
            .into_iter()
            .filter_map(|info| {
                let stored = StoredSegment::parse(&info.name.to_string())?;
                (!stored.is_partial()).then(|| Newest {
                    segment: stored.segment().to_owned(),
                    at: info.modified,
                })
            })
            .collect())
    }
}
