//! The files of backups that go, by their names: a bucket removes them without a list.
//!
//! A list of a large set comes page after page, each asked for with the end of the one before, which makes a long row of waits
//! for the server. What the history keeps of a manifest has nearly all of these names in one answer. It is only a help: the list
//! follows, finds what has other names, and does all the work where the history has nothing.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::thread::JoinHandle;

use pgkeep_repo::{BackupLabel, Manifest, Stanza};
use pgkeep_storage::{Storage, StoragePath};
use secrecy::SecretString;

use crate::error::Result;
use crate::hosts::Repository;

/// Bytes of a manifest in the history, from which on a set is listed: all names wait in memory.
const MOST: u64 = 4 << 20;
/// Names of all sets after which no other set's are read, for the same reason.
const NAMES: usize = 250_000;
/// Manifests that are read at the same time.
const AT_ONCE: usize = 4;

/// Files of backups.
#[derive(Debug, Default)]
pub(super) struct Named(BTreeMap<BackupLabel, Vec<StoragePath>>);

/// Reads names while something else is done.
#[derive(Debug, Default)]
pub(super) struct Reading(RefCell<Option<JoinHandle<Named>>>);

impl Reading {
    /// Begins to read the names of the files of `labels`, where that is of use.
    pub(super) fn begin(
        &self,
        repository: &Repository,
        stanza: &Stanza,
        labels: Vec<BackupLabel>,
        pass: Option<&SecretString>,
    ) {
        let storage = &repository.storage;
        // A storage with directories is asked about all of them at the same time, and must remove these, too. The host of a
        // repository lists for itself.
        let near = repository.elsewhere.is_some() || !storage.has_latency();
        if labels.is_empty() || near || storage.as_paths().is_some() {
            return;
        }
        let (storage, stanza, pass) = (Arc::clone(storage), stanza.clone(), pass.cloned());
        let reading = std::thread::spawn(move || read(&*storage, &stanza, &labels, pass.as_ref()));
        self.0.replace(Some(reading));
    }

    /// What waits for them. A set whose names could not be read has none.
    pub(super) fn end(&self) -> impl FnOnce() -> Named + Send + use<> {
        let reading = self.0.take();
        || {
            reading.map_or_else(Named::default, |reading| {
                reading
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
        }
    }
}

fn read(
    storage: &dyn Storage,
    stanza: &Stanza,
    labels: &[BackupLabel],
    pass: Option<&SecretString>,
) -> Named {
    let mut named = Named::default();
    for group in labels.chunks(AT_ONCE) {
        let found: Vec<Vec<StoragePath>> = std::thread::scope(|scope| {
            let asked: Vec<_> = group
                .iter()
                .map(|label| scope.spawn(move || names(storage, stanza, label, pass)))
                .collect();
            let joined = asked.into_iter().map(|one| {
                one.join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            });
            joined.collect()
        });
        named.0.extend(group.iter().cloned().zip(found));
        if named.0.values().map(Vec::len).sum::<usize>() > NAMES {
            break;
        }
    }
    named
}

/// Files that the set itself holds; none if that is not known.
fn names(
    storage: &dyn Storage,
    stanza: &Stanza,
    label: &BackupLabel,
    pass: Option<&SecretString>,
) -> Vec<StoragePath> {
    let manifest = match Manifest::load_history(storage, stanza, label, pass, MOST) {
        Ok(Some(manifest)) if manifest.backup.label.as_ref() == Some(label) => manifest,
        Ok(_) => return Vec::new(),
        Err(error) => {
            log::debug!("the names of the files of {label} are not known: {error}");
            return Vec::new();
        }
    };
    let held = manifest.files().filter(|file| {
        // With bundles no empty file is stored, and a bucket that keeps versions notes removals of what was never there.
        let nothing = file.size == 0 && manifest.backup.bundle;
        !nothing && manifest.holder(file) == Some(label)
    });
    let stored: BTreeSet<StoragePath> = held
        .filter_map(|file| manifest.stored_path(stanza, &file))
        .filter(stays_inside)
        .collect();
    stored.into_iter().collect()
}

/// Whether a name leads nowhere else. To a bucket such parts mean nothing, but some keep it in directories.
fn stays_inside(path: &StoragePath) -> bool {
    let mut parts = path.as_bytes().split(|byte| *byte == b'/');
    parts.all(|part| part != b"." && part != b"..")
}

impl Named {
    /// Removes the files of these backups, of all at the same time.
    pub(super) fn remove(&self, storage: &dyn Storage, labels: &[BackupLabel]) -> Result<()> {
        let known = labels.iter().filter_map(|label| self.0.get(label));
        std::thread::scope(|scope| {
            let removing: Vec<_> = known
                .filter(|paths| !paths.is_empty())
                .map(|paths| scope.spawn(move || storage.remove_files(paths)))
                .collect();
            removing.into_iter().try_for_each(|one| {
                one.join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use pgkeep_pipeline::Sha1Digest;
    use pgkeep_repo::manifest::{
        BackupHeader, BackupOptions, FileData, Made, PG_DATA, Path, PgInfo, Target, TargetKind,
    };
    use pgkeep_repo::{BackupType, layout};
    use pgkeep_storage::memory::MemoryStorage;
    use pgkeep_storage::wrap::latency::{Latency, LatencySettings};

    use super::*;

    const FULL: &str = "20260101-000000F";
    const INCR: &str = "20260101-000000F_20260101-120000I";

    /// The history of an incr with a file of its own, an empty one, and one that the full backup holds.
    fn bucket(stanza: &Stanza, bundle: bool) -> MemoryStorage {
        let memory = MemoryStorage::new();
        let mut header = BackupHeader::new(BackupType::Incr, 1_700_000_000);
        header.prior = Some(FULL.parse().unwrap());
        header.bundle = bundle;
        let pg = PgInfo {
            version: "17".to_owned(),
            ..PgInfo::default()
        };
        let mut manifest = Manifest::new(header, pg, BackupOptions::default());
        manifest.references.push(FULL.parse().unwrap());
        manifest.set_label(INCR.parse().unwrap());
        manifest.add_path(Path {
            name: PG_DATA.to_vec(),
            mode: 0o700,
            user: None,
            group: None,
        });
        manifest.add_target(Target {
            name: PG_DATA.to_vec(),
            path: b"/pg".to_vec(),
            kind: TargetKind::Path,
        });
        let reference = manifest.label_id(&FULL.parse().unwrap());
        for (name, size, reference) in [
            (&b"pg_data/empty"[..], 0, None),
            (b"pg_data/mine", 8, None),
            (b"pg_data/../../../x", 8, None),
            (b"pg_data/theirs", 8, Some(reference)),
        ] {
            let data = FileData {
                size,
                size_original: size,
                repo_size: size,
                checksum: Some(match size {
                    0 => Sha1Digest::EMPTY,
                    _ => Sha1Digest([7; 20]),
                }),
                reference,
                ..FileData::default()
            };
            manifest.add_file(name, &data);
        }
        let staged = manifest.stage(&memory, stanza, &INCR.parse().unwrap(), (None, Made::Here));
        staged.unwrap().publish().unwrap();
        memory.as_bucket()
    }

    fn read_from(storage: Arc<dyn Storage>, stanza: &Stanza) -> Vec<String> {
        let reading = Reading::default();
        let repository = Repository {
            elsewhere: None,
            key: 1,
            storage,
            pass: None,
        };
        let labels = vec![INCR.parse().unwrap(), "20260102-000000F".parse().unwrap()];
        reading.begin(&repository, stanza, labels, None);
        let Named(named) = reading.end()();
        let paths = named.into_values().flatten();
        paths.map(|path| path.to_string()).collect()
    }

    #[test]
    fn names_are_those_of_the_files_that_the_set_itself_holds() {
        let stanza = Stanza::new("demo").unwrap();
        let set = format!("backup/demo/{INCR}/pg_data");
        for (bundle, names) in [(false, &["empty", "mine"][..]), (true, &["mine"])] {
            let far = Latency::new(
                Arc::new(bucket(&stanza, bundle)),
                LatencySettings::default(),
            );
            let wanted: Vec<String> = names.iter().map(|name| format!("{set}/{name}")).collect();
            assert_eq!(read_from(Arc::new(far), &stanza), wanted);
        }
    }

    #[test]
    fn a_history_that_cannot_be_read_or_is_of_another_set_gives_no_names() {
        let stanza = Stanza::new("demo").unwrap();
        let memory = bucket(&stanza, false);
        let history = |label: &str| layout::history_manifest(&stanza, &label.parse().unwrap());
        let other = memory.copy_within(&history(INCR), &history("20260102-000000F"));
        other.unwrap().wait().unwrap();
        let content = pgkeep_storage::WriteOptions::default();
        pgkeep_storage::copy::write_all(&memory, &history(INCR), &content, b"no gzip").unwrap();
        let far = Latency::new(Arc::new(memory), LatencySettings::default());
        assert_eq!(read_from(Arc::new(far), &stanza), Vec::<String>::new());
    }
}
