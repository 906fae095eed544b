//! A stanza that another account adds to, in memory.

use std::sync::Arc;

use pgkeep_config::Program;
use pgkeep_pipeline::Sha1Digest;
use pgkeep_repo::BackupType;
use pgkeep_repo::manifest::{BackupHeader, BackupOptions, FileData, Manifest};
use pgkeep_storage::copy::write_all;
use pgkeep_storage::durability::Durability;
use pgkeep_storage::memory::MemoryStorage;
use pgkeep_storage::{
    FileInfo, Found, InfoLevel, ListOptions, PipelineRead, ReadOptions, Removed, Storage,
    StorageKind, StorageWrite, Ticket, WriteMode, WriteOptions,
};

use super::*;
use crate::run::test_context::{self, NOW};
use crate::run::test_stanza;

/// NOW is 2027-01-15 08:00:00.
const FIRST: &str = "20270114-075500F";
const SECOND: &str = "20270115-075500F";

fn stanza() -> Stanza {
    Stanza::new("demo").unwrap()
}

fn label(text: &str) -> BackupLabel {
    text.parse().unwrap()
}

/// A backup of a minute that began five minutes before `end`.
fn manifest(text: &str, end: i64, segment: &str) -> Manifest {
    let mut header = BackupHeader::new(BackupType::Full, end - 300);
    header.timestamp_stop = end - 240;
    header.archive_start = Some(segment.to_owned());
    header.archive_stop = Some(segment.to_owned());
    let mut manifest = test_stanza::manifest(&label(text), header, BackupOptions::default());
    let data = FileData {
        checksum: Some(Sha1Digest::EMPTY),
        ..FileData::default()
    };
    manifest.add_file(b"pg_data/PG_VERSION", &data);
    manifest
}

fn store(memory: &MemoryStorage, manifest: &Manifest) {
    let label = manifest.backup.label.as_ref().unwrap();
    manifest.save(memory, &stanza(), label, None).unwrap();
    let file = layout::set_path(&stanza(), label).join("pg_data/PG_VERSION");
    write_all(memory, &file, &WriteOptions::default(), b"").unwrap();
}

const SEGMENTS: [&str; 2] = ["000000010000000000000001", "000000010000000000000009"];

/// A list with [`FIRST`], and [`SECOND`] that was added; the WAL of both is there.
fn added(second: &Manifest) -> MemoryStorage {
    let memory = MemoryStorage::new();
    memory.set_now(NOW - 86_400);
    let history = test_stanza::history();
    let first = manifest(FIRST, NOW - 86_400, SEGMENTS[0]);
    store(&memory, &first);
    let mut info = BackupInfo::new(history, None);
    info.closed = Some(true);
    info.add(first.backup_entry().unwrap());
    info.save(&memory, &stanza(), None).unwrap();
    memory.set_now(NOW);
    for segment in SEGMENTS {
        let name = format!("{segment}-{}.gz", Sha1Digest::EMPTY);
        let path = layout::archive_file(&stanza(), &"17-1".parse().unwrap(), &name);
        write_all(&memory, &path, &WriteOptions::default(), b"x").unwrap();
    }
    store(&memory, second);
    memory
}

fn load_from(storage: Arc<dyn Storage>) -> Result<Loaded> {
    let options = ["--repo1-retention-full=4"];
    let context = test_context::new(Program::PgBackRest, "expire", &options);
    let repository = Repository {
        elsewhere: None,
        key: 1,
        storage,
        pass: None,
    };
    let limits = limits(&context.config, 1);
    load(&context, &repository, &stanza(), limits)
}

#[test]
fn what_is_listed_is_what_was_judged() {
    let honest = manifest(SECOND, NOW, SEGMENTS[1]);
    let memory = added(&honest);
    // As text it is later than all WAL that there will ever be.
    let thief = Thief {
        path: layout::manifest(&stanza(), &label(SECOND)),
        next: manifest(SECOND, NOW, "00000001FFFFFFFF000000FF"),
        inner: memory,
    };
    let loaded = load_from(Arc::new(thief)).unwrap();
    assert!(loaded.closed);
    assert_eq!(loaded.added, [label(SECOND)]);
    let entry = loaded.info.find(&label(SECOND)).unwrap();
    assert_eq!(entry, &honest.backup_entry().unwrap());
    assert_eq!(
        loaded.warnings,
        [format!(
            "backup '{SECOND}' found in repository added to backup.info"
        )]
    );
}

#[test]
fn all_wal_of_an_archive_is_not_before_a_backup_whatever_it_says_of_checks() {
    let refused = |segment: &str| {
        let mut second = manifest(SECOND, NOW, segment);
        second.options.archive_check = false;
        load_from(Arc::new(added(&second))).map(drop)
    };
    for segment in ["00000001000000000000000A", "00000001FFFFFFFF000000FF"] {
        let error = refused(segment).unwrap_err();
        assert_eq!(error.code, ErrorCode::BackupSetInvalid);
        let reason = format!("segment {segment}, which it needs, is later than all WAL");
        assert!(error.message.contains(&reason), "{error:?}");
    }
    // A gap, and WAL that was archived.
    for segment in ["000000010000000000000008", SEGMENTS[1]] {
        refused(segment).unwrap();
    }
}

#[test]
fn a_false_backup_that_came_first_is_named_and_gone_once_it_is_removed() {
    let memory = added(&manifest(SECOND, NOW, SEGMENTS[1]));
    let mut info = BackupInfo::load(&memory, &stanza(), None).unwrap();
    // The list has a set already that needs WAL of long after.
    let mut entry = info.entries()[0].clone();
    entry.archive_start = Some("0000000100000FFF00000001".to_owned());
    info.add(entry);
    info.closed = Some(true);
    info.save(&memory, &stanza(), None).unwrap();
    let error = load_from(Arc::new(memory.clone())).unwrap_err();
    assert!(
        error.hints.iter().any(|hint| hint.contains(&format!(
            "if backup {FIRST} is the one that you do not know, remove that: repo-rm --recurse backup/demo/{FIRST}"
        ))),
        "{error:?}"
    );
    let set = layout::set_path(&stanza(), &label(FIRST));
    memory.remove_tree(&set).unwrap();
    let loaded = load_from(Arc::new(memory)).unwrap();
    assert_eq!(loaded.gone, [label(FIRST)]);
    assert_eq!(loaded.added, [label(SECOND)]);
}

/// Once a manifest was opened, the next one to open it finds another.
#[derive(Debug)]
struct Thief {
    path: StoragePath,
    next: Manifest,
    inner: MemoryStorage,
}

impl Storage for Thief {
    fn kind(&self) -> StorageKind {
        self.inner.kind()
    }

    fn durability(&self, mode: WriteMode) -> pgkeep_storage::Result<Durability> {
        self.inner.durability(mode)
    }

    fn display(&self, path: &StoragePath) -> String {
        self.inner.display(path)
    }

    fn info(
        &self,
        path: &StoragePath,
        want: InfoLevel,
    ) -> pgkeep_storage::Result<Option<FileInfo>> {
        self.inner.info(path, want)
    }

    fn info_many(
        &self,
        paths: &[StoragePath],
        want: InfoLevel,
    ) -> pgkeep_storage::Result<Vec<Option<FileInfo>>> {
        self.inner.info_many(paths, want)
    }

    fn list(
        &self,
        path: &StoragePath,
        list: &ListOptions,
    ) -> pgkeep_storage::Result<Option<Vec<FileInfo>>> {
        self.inner.list(path, list)
    }

    fn list_tree(
        &self,
        path: &StoragePath,
        list: &ListOptions,
        each: &mut dyn FnMut(FileInfo) -> pgkeep_storage::Result<()>,
    ) -> pgkeep_storage::Result<Found> {
        self.inner.list_tree(path, list, each)
    }

    fn open_read(
        &self,
        path: &StoragePath,
        read: &ReadOptions,
    ) -> pgkeep_storage::Result<Box<dyn PipelineRead>> {
        let opened = self.inner.open_read(path, read)?;
        if *path == self.path {
            store(&self.inner, &self.next);
        }
        Ok(opened)
    }

    fn open_write(
        &self,
        path: &StoragePath,
        options: &WriteOptions,
    ) -> pgkeep_storage::Result<Box<dyn StorageWrite>> {
        self.inner.open_write(path, options)
    }

    fn copy_within(&self, from: &StoragePath, to: &StoragePath) -> pgkeep_storage::Result<Ticket> {
        self.inner.copy_within(from, to)
    }

    fn remove(&self, path: &StoragePath) -> pgkeep_storage::Result<Removed> {
        self.inner.remove(path)
    }

    fn remove_many(&self, paths: &[StoragePath]) -> pgkeep_storage::Result<Vec<Removed>> {
        self.inner.remove_many(paths)
    }

    fn remove_tree(&self, path: &StoragePath) -> pgkeep_storage::Result<Removed> {
        self.inner.remove_tree(path)
    }
}
