//! What expiring WAL reads first, on a storage with latency while the list of backups is read.
//!
//! Nothing that an earlier step does changes what is read here: WAL that arrives meanwhile is younger than any limit, and the
//! history of clusters changes only under the stanza's lock.

use pgkeep_repo::{ArchiveId, ArchiveInfo, Stanza, layout};
use pgkeep_storage::{InfoLevel, ListOptions, Storage, StoragePath, in_parallel};
use secrecy::SecretString;

use crate::error::Result;

/// Archives as they are named in `archive.info` and as they are found.
#[derive(Debug)]
pub(super) struct Archives {
    pub info: ArchiveInfo,
    /// Each with the names in its directory.
    pub found: Vec<(ArchiveId, Vec<String>)>,
}

impl Archives {
    /// Two round trips: the names of all archives, and what is in each of them.
    pub(super) fn read(
        storage: &dyn Storage,
        stanza: &Stanza,
        pass: Option<&SecretString>,
    ) -> Result<Self> {
        let info = || Ok(ArchiveInfo::load(storage, stanza, pass)?);
        let found = || -> Result<Vec<(ArchiveId, Vec<String>)>> {
            let found = names(storage, &layout::archive_path(stanza))?;
            let ids: Vec<ArchiveId> = found.iter().filter_map(|name| name.parse().ok()).collect();
            let paths: Vec<StoragePath> = ids
                .iter()
                .map(|id| layout::archive_id_path(stanza, id))
                .collect();
            let inside = names_of_all(storage, &paths)?;
            Ok(ids.into_iter().zip(inside).collect())
        };
        let (info, found) = in_parallel(storage, info, found)?;
        Ok(Self { info, found })
    }
}

/// Names in a directory, sorted; none if it is missing.
pub(super) fn names(storage: &dyn Storage, path: &StoragePath) -> Result<Vec<String>> {
    let options = ListOptions {
        level: InfoLevel::Exists,
        sort: true,
    };
    let listed = storage.list(path, &options)?.unwrap_or_default();
    Ok(listed
        .into_iter()
        .map(|info| info.name.to_string())
        .collect())
}

/// As [`names`], of some directories, all at the same time where a list is mostly waiting.
pub(super) fn names_of_all(
    storage: &dyn Storage,
    paths: &[StoragePath],
) -> Result<Vec<Vec<String>>> {
    if !storage.has_latency() {
        return paths.iter().map(|path| names(storage, path)).collect();
    }
    std::thread::scope(|scope| {
        let asked: Vec<_> = paths
            .iter()
            .map(|path| scope.spawn(move || names(storage, path)))
            .collect();
        let joined = asked.into_iter().map(|one| {
            one.join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        joined.collect()
    })
}
