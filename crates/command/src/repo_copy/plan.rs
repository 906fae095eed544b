//! What a copy has to do: found by the lists of both sides, before anything is changed.

use std::collections::{BTreeMap, BTreeSet};

use pgkeep_repo::backup_info::BackupEntry;
use pgkeep_repo::{ArchiveId, BackupLabel, BackupType};
use pgkeep_storage::in_parallel;

use super::settings::{Settings, Wal};
use super::sides::Sides;
use super::wal_list::{self, Listed, Step, Stored, Wanted};
use crate::error::{Error, ErrorCode, Result};

/// What is to be done.
#[derive(Debug)]
pub(super) struct Plan {
    /// Each after those that it refers to.
    pub sets: Vec<SetPlan>,
    pub archives: BTreeMap<ArchiveId, ArchivePlan>,
    /// All WAL from the oldest chosen backup on was asked for, and these do not say where theirs begins.
    pub without_wal: Vec<BackupLabel>,
}

/// A backup.
#[derive(Debug)]
pub(super) struct SetPlan {
    pub entry: BackupEntry,
    /// The target has it.
    pub there: bool,
}

impl SetPlan {
    pub(super) fn label(&self) -> &BackupLabel {
        &self.entry.label
    }

    pub(super) fn range(&self) -> Option<(String, String)> {
        range_of(&self.entry)
    }
}

/// First and last WAL segment that make a backup consistent; `None`: it was made without a server, and needs none.
pub(super) fn range_of(entry: &BackupEntry) -> Option<(String, String)> {
    let is_segment = |text: &&String| pgkeep_postgres::wal::name::is_segment(text);
    let start = entry.archive_start.as_ref().filter(is_segment)?;
    let stop = entry.archive_stop.as_ref().filter(is_segment)?;
    Some((start.clone(), stop.clone()))
}

/// The WAL of one cluster.
#[derive(Debug, Default)]
pub(super) struct ArchivePlan {
    /// To be copied, by what it stands for.
    pub left: BTreeMap<String, Stored>,
    /// Of the wanted files, how many the target has.
    pub there: u64,
    /// Stored several times with other bytes, by what they stand for.
    pub several: BTreeSet<String>,
    /// Segments that one of both sides has, of those that are wanted.
    pub segments: BTreeSet<String>,
}

impl Plan {
    /// Compares both sides.
    ///
    /// # Errors
    /// A backup of the target that has the label of another one in the source; those of the storages.
    pub(super) fn make(
        settings: &Settings,
        sides: &Sides,
        chosen: Vec<BackupEntry>,
    ) -> Result<Self> {
        let sets = compare_sets(settings, sides, chosen)?;
        let mut archives = BTreeMap::new();
        for (id, wanted) in wanted(settings, sides, &sets)? {
            let (from, to) = (&*sides.from.storage, &*sides.to.storage);
            let list = |storage| wal_list::list(storage, &settings.stanza, &id);
            let (source, target) = match &sides.target {
                Some(_) => in_parallel(to, || list(from), || list(to))?,
                None => (list(from)?, Listed::new()),
            };
            let recoded = sides.is_recoded();
            archives.insert(id, ArchivePlan::of(&source, &target, &wanted, recoded));
        }
        let without_wal = match settings.wal {
            Wal::FromOldest => {
                let without = sets.iter().filter(|set| set.range().is_none());
                without.map(|set| set.label().clone()).collect()
            }
            Wal::Everything | Wal::OfSets => Vec::new(),
        };
        Ok(Self {
            sets,
            archives,
            without_wal,
        })
    }

    /// Bytes to be copied, as far as the lists say.
    pub(super) fn bytes(&self) -> u64 {
        let sets = self.sets.iter().filter(|set| !set.there);
        let sets = sets.map(|set| set.entry.repo_size_delta);
        let wal = self.archives.values().flat_map(|one| one.left.values());
        sets.chain(wal.map(|stored| stored.size))
            .fold(0, u64::saturating_add)
    }
}

impl ArchivePlan {
    fn of(source: &Listed, target: &Listed, wanted: &Wanted, recoded: bool) -> Self {
        let mut plan = Self::default();
        let names = source.keys().chain(target.keys());
        let is_wanted =
            |name: &&String| pgkeep_postgres::wal::name::is_segment(name) && wanted.holds(name);
        plan.segments.extend(names.filter(is_wanted).cloned());
        for (name, files) in source.iter().filter(|(name, _)| wanted.holds(name)) {
            match wal_list::step(files, target.get(name), recoded) {
                Step::Copy(stored) => {
                    plan.left.insert(name.clone(), stored);
                }
                Step::There => plan.there += 1,
                Step::Several => {
                    plan.several.insert(name.clone());
                }
            }
        }
        plan
    }
}

/// Which WAL of which archive is wanted.
fn wanted(
    settings: &Settings,
    sides: &Sides,
    sets: &[SetPlan],
) -> Result<BTreeMap<ArchiveId, Wanted>> {
    let mut wanted = BTreeMap::new();
    if settings.wal == Wal::Everything {
        for id in wal_list::archives(&*sides.from.storage, &settings.stanza)? {
            // WAL of a cluster that the stanza never had is nobody's.
            let known = sides.source.archive.history.find(id.id());
            if known.is_some_and(|entry| entry.archive_id() == id) {
                wanted.insert(id, Wanted::All);
            }
        }
        return Ok(wanted);
    }
    for set in sets {
        let Some((id, range)) = sides.archive_id(set.entry.pg_id).zip(set.range()) else {
            continue;
        };
        let entry = wanted.entry(id);
        match settings.wal {
            Wal::FromOldest => {
                let place = range.0[8..].to_owned();
                let from = entry.or_insert_with(|| Wanted::From(place.clone()));
                if let Wanted::From(oldest) = from
                    && place < *oldest
                {
                    *oldest = place;
                }
            }
            Wal::OfSets | Wal::Everything => {
                if let Wanted::Between(ranges) =
                    entry.or_insert_with(|| Wanted::Between(BTreeSet::new()))
                {
                    ranges.insert(range);
                }
            }
        }
    }
    Ok(wanted)
}

fn compare_sets(
    settings: &Settings,
    sides: &Sides,
    chosen: Vec<BackupEntry>,
) -> Result<Vec<SetPlan>> {
    let target = sides.target.as_ref();
    let listed = target.and_then(|target| target.backup.as_ref());
    let mut sets = Vec::new();
    for entry in chosen {
        let other = listed.and_then(|backup| backup.find(&entry.label));
        if other.is_some_and(|other| !is_same(&entry, other, sides.is_rewritten())) {
            return Err(another(settings, &entry));
        }
        let there = other.is_some();
        sets.push(SetPlan { entry, there });
    }
    Ok(sets)
}

fn another(settings: &Settings, entry: &BackupEntry) -> Error {
    Error::new(
        ErrorCode::BackupMismatch,
        format!(
            "backup {} in repo{} is another one than in repo{}",
            entry.label, settings.to, settings.from
        ),
    )
    .with_hint("nothing was changed. One of them can be copied only where the other is not; --set chooses backups.")
}

/// Whether both are one backup, stored in the same way unless it is `rewritten`.
pub(super) fn is_same(one: &BackupEntry, other: &BackupEntry, rewritten: bool) -> bool {
    let of = |entry: &BackupEntry| {
        let (start, stop) = (entry.timestamp_start, entry.timestamp_stop);
        let lsn = (entry.lsn_start.clone(), entry.lsn_stop.clone());
        let sizes = (entry.size, entry.size_delta, entry.pg_id);
        (start, stop, lsn, sizes, entry.prior.clone())
    };
    of(one) == of(other) && (rewritten || one.repo_size == other.repo_size)
}

/// The full backup that a backup builds on.
pub(super) fn full_of(entry: &BackupEntry) -> Option<BackupLabel> {
    (entry.backup_type != BackupType::Full).then(|| entry.label.full_label())
}
