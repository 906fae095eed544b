//! Which backup sets and histories a repository has on disk, by their names alone.

use std::collections::BTreeSet;

use pgkeep_storage::{FileInfo, InfoLevel, ListOptions, Storage, StoragePath, in_parallel};

use crate::backup_label::BackupLabel;
use crate::closed;
use crate::error::Result;
use crate::layout::{self, HISTORY_EXTENSION};
use crate::retention::is_history_year;
use crate::stanza::Stanza;

fn names(storage: &dyn Storage, path: &StoragePath) -> Result<Vec<String>> {
    let options = ListOptions {
        level: InfoLevel::Exists,
        sort: true,
    };
    let found = storage.list(path, &options)?.unwrap_or_default();
    let name = |info: FileInfo| String::from_utf8(info.name.as_bytes().to_vec()).ok();
    Ok(found.into_iter().filter_map(name).collect())
}

/// Labels of the directories in `backup/<stanza>`, ascending; complete or not.
pub fn list_sets(storage: &dyn Storage, stanza: &Stanza) -> Result<Vec<BackupLabel>> {
    let labels: BTreeSet<BackupLabel> = names(storage, &layout::backup_path(stanza))?
        .iter()
        .filter_map(|name| name.parse().ok())
        .collect();
    Ok(labels.into_iter().collect())
}

/// As [`list_sets`], and whether the stanza is one that another account may only add to ([`crate::closed`]). Both are asked at
/// once; a listing with all details would look up the link `latest`, which costs two more round trips.
pub fn list_sets_and_closed(
    storage: &dyn Storage,
    stanza: &Stanza,
) -> Result<(Vec<BackupLabel>, bool)> {
    in_parallel(
        storage,
        || list_sets(storage, stanza),
        || closed::is_closed_file(storage, &layout::backup_info(stanza)),
    )
}

/// Years that `backup.history` has, ascending.
pub fn list_history_years(storage: &dyn Storage, stanza: &Stanza) -> Result<Vec<String>> {
    let mut years = names(storage, &layout::history_path(stanza))?;
    years.retain(|name| is_history_year(name));
    Ok(years)
}

/// Labels of the history manifests of one year, ascending.
pub fn list_history(
    storage: &dyn Storage,
    stanza: &Stanza,
    year: &str,
) -> Result<Vec<BackupLabel>> {
    let label = |name: &String| name.strip_suffix(HISTORY_EXTENSION)?.parse().ok();
    let labels: BTreeSet<BackupLabel> = names(storage, &layout::history_year_path(stanza, year))?
        .iter()
        .filter_map(label)
        .collect();
    Ok(labels.into_iter().collect())
}

/// All labels that a new one must be later than.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TakenLabels {
    /// Of the sets on disk, ascending; complete or not.
    pub sets: Vec<BackupLabel>,
    /// Of the newest year of the history, ascending: a set that was expired keeps its label for ever.
    pub history: Vec<BackupLabel>,
}

impl TakenLabels {
    /// Lists them.
    pub fn list(storage: &dyn Storage, stanza: &Stanza) -> Result<Self> {
        let history = || match list_history_years(storage, stanza)?.last() {
            Some(newest) => list_history(storage, stanza, newest),
            None => Ok(Vec::new()),
        };
        let (sets, history) = in_parallel(storage, || list_sets(storage, stanza), history)?;
        Ok(Self { sets, history })
    }
}

#[cfg(test)]
mod tests {
    use pgkeep_storage::Paths;
    use pgkeep_storage::memory::MemoryStorage;

    use super::*;

    #[test]
    fn taken_labels_are_those_of_sets_and_of_the_newest_history() {
        let storage = MemoryStorage::new();
        let stanza = Stanza::new("demo").unwrap();
        assert_eq!(
            TakenLabels::list(&storage, &stanza).unwrap(),
            TakenLabels::default()
        );
        for path in [
            "backup/demo/20260101-000000F",
            "backup/demo/other",
            "backup/demo/backup.history/2024/20240101-000000F.manifest.gz",
            "backup/demo/backup.history/2025/20250101-000000F.manifest.gz",
            "backup/demo/backup.history/2025/20250102-000000F.manifest",
            "backup/demo/backup.history/notes",
        ] {
            storage
                .create_path(&StoragePath::from(path), 0o750)
                .unwrap();
        }
        let taken = TakenLabels::list(&storage, &stanza).unwrap();
        let texts = |labels: &[BackupLabel]| {
            labels
                .iter()
                .map(BackupLabel::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(texts(&taken.sets), ["20260101-000000F"]);
        assert_eq!(texts(&taken.history), ["20250101-000000F"]);
        assert_eq!(
            list_history_years(&storage, &stanza).unwrap(),
            ["2024", "2025"]
        );
    }
}
