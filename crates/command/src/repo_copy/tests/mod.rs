//! Copies between made-up repositories in memory, while others work on the target or a run dies.

mod chain;
mod cut_off;
mod found;
mod meanwhile;
mod outcome;
mod target;

use std::fmt;
use std::sync::{Arc, Mutex};

use pgkeep_config::Program;
use pgkeep_pipeline::Sha1Digest;
use pgkeep_repo::manifest::{BackupHeader, BackupOptions, FileData};
use pgkeep_repo::{ArchiveInfo, BackupInfo, BackupLabel, Manifest, Stanza, layout};
use pgkeep_storage::copy::{read_all, write_all};
use pgkeep_storage::memory::MemoryStorage;
use pgkeep_storage::{Storage, StoragePath, WriteOptions};
use secrecy::SecretString;

use super::*;
use crate::hosts::Repository;
use crate::hosts::added_sets::missing_file;
use crate::run::context::Output;
use crate::run::progress::{NoProgress, Progress};
use crate::run::{test_context, test_stanza};

const FULL: &str = "20260101-000000F";
const INCR: &str = "20260101-000000F_20260102-000000I";
const LATER: &str = "20260105-000000F";
const FILES: u32 = 3;

fn stanza() -> Stanza {
    Stanza::new("demo").unwrap()
}

fn label(text: &str) -> BackupLabel {
    text.parse().unwrap()
}

fn write(storage: &dyn Storage, path: &str, content: &[u8]) {
    let path = StoragePath::new(path);
    write_all(storage, &path, &WriteOptions::default(), content).unwrap();
}

fn read(storage: &dyn Storage, path: &str) -> Option<Vec<u8>> {
    read_all(storage, &StoragePath::new(path), 1 << 20).unwrap()
}

/// A repository in memory.
struct Place {
    memory: MemoryStorage,
    pass: Option<SecretString>,
}

/// How a backup is made.
#[derive(Clone, Copy)]
struct Made {
    label: &'static str,
    /// First and last segment.
    wal: Option<(u32, u32)>,
    archive_check: bool,
    system_id: u64,
}

impl Made {
    fn new(label: &'static str) -> Self {
        Self {
            label,
            wal: None,
            archive_check: true,
            system_id: 7,
        }
    }
}

fn segment(number: u32) -> String {
    format!("0000000100000000{number:08X}")
}

fn wal_path(number: u32) -> String {
    let sha1 = Sha1Digest::of(b"wal");
    format!(
        "archive/demo/17-1/0000000100000000/{}-{sha1}",
        segment(number)
    )
}

fn file_path(set: &str, number: u32) -> String {
    format!("backup/demo/{set}/pg_data/base/{number}")
}

fn content(set: &str, number: u32) -> Vec<u8> {
    format!("content {number} of {set}").into_bytes()
}

impl Place {
    /// Without a stanza.
    fn empty() -> Self {
        Self {
            memory: MemoryStorage::new(),
            pass: None,
        }
    }

    /// With one, and no backup.
    fn new() -> Self {
        let place = Self::empty();
        ArchiveInfo::new(test_stanza::history(), None)
            .save(&place.memory, &stanza(), None)
            .unwrap();
        BackupInfo::new(test_stanza::history(), None)
            .save(&place.memory, &stanza(), None)
            .unwrap();
        place
    }

    /// With a full backup, one that builds on it, and another full one; each with two segments of WAL.
    fn source() -> Self {
        let place = Self::new();
        for (label, first) in [(FULL, 1), (INCR, 3), (LATER, 5)] {
            place.add(Made {
                wal: Some((first, first + 1)),
                ..Made::new(label)
            });
        }
        (1..=6).for_each(|number| place.wal(number));
        place
    }

    /// Stores a backup and lists it.
    fn add(&self, made: Made) {
        let manifest = self.store(made);
        let mut info = self.info();
        info.add(manifest.backup_entry().unwrap());
        info.save(&self.memory, &stanza(), None).unwrap();
    }

    /// Stores a backup of some files; one that builds on another holds the first anew.
    fn store(&self, made: Made) -> Manifest {
        let set = label(made.label);
        let full = set.full_label();
        let prior = (full != set).then_some(full);
        let mut header = BackupHeader::new(set.backup_type(), 1_700_000_000);
        header.prior = prior.clone();
        header.timestamp_stop = 1_700_000_100;
        header.archive_start = made.wal.map(|(start, _)| segment(start));
        header.archive_stop = made.wal.map(|(_, stop)| segment(stop));
        let options = BackupOptions {
            archive_check: made.archive_check,
            online: made.wal.is_some(),
            ..BackupOptions::default()
        };
        let mut manifest = test_stanza::manifest(&set, header, options);
        manifest.pg.system_id = made.system_id;
        for number in 0..FILES {
            let refers = prior.clone().filter(|_| number > 0);
            let holder = refers.as_ref().map_or(made.label, BackupLabel::as_str);
            let bytes = content(holder, number);
            let data = FileData {
                size: bytes.len() as u64,
                size_original: bytes.len() as u64,
                repo_size: bytes.len() as u64,
                checksum: Some(Sha1Digest::of(&bytes)),
                reference: refers.as_ref().map(|refers| manifest.label_id(refers)),
                ..FileData::default()
            };
            manifest.add_file(format!("pg_data/base/{number}").as_bytes(), &data);
            if refers.is_none() {
                write(&self.memory, &file_path(made.label, number), &bytes);
            }
        }
        manifest.save(&self.memory, &stanza(), &set, None).unwrap();
        manifest
    }

    fn wal(&self, number: u32) {
        write(&self.memory, &wal_path(number), b"wal");
    }

    fn info(&self) -> BackupInfo {
        BackupInfo::load(&self.memory, &stanza(), self.pass.as_ref()).unwrap()
    }

    fn labels(&self) -> Vec<String> {
        let info = self.info();
        let entries = info.entries().iter();
        entries.map(|entry| entry.label.to_string()).collect()
    }

    fn remove(&self, path: &str) {
        self.memory.remove(&StoragePath::new(path)).unwrap();
    }

    fn has(&self, path: &str) -> bool {
        let found = self
            .memory
            .info(&StoragePath::new(path), pgkeep_storage::InfoLevel::Exists);
        found.unwrap().is_some()
    }

    /// Everything that has a manifest is whole.
    fn must_be_whole(&self) {
        let info = self.info();
        for set in pgkeep_repo::sets::list_sets(&self.memory, &stanza()).unwrap() {
            let path = layout::manifest(&stanza(), &set);
            if !self.has(&path.to_string()) {
                assert!(
                    info.find(&set).is_none(),
                    "{set} is listed without a manifest"
                );
                continue;
            }
            let pass = info.cipher_pass.as_ref();
            let manifest = Manifest::load(&self.memory, &stanza(), &set, pass).unwrap();
            let missing = missing_file(&self.memory, &stanza(), &set, &manifest).unwrap();
            assert_eq!(missing, None, "of {set}");
            if self.pass.is_none() {
                for file in manifest.files().filter(|file| file.reference.is_none()) {
                    let path = manifest.stored_path(&stanza(), &file).unwrap().to_string();
                    let bytes = read(&self.memory, &path).unwrap();
                    assert_eq!(Some(Sha1Digest::of(&bytes)), file.checksum, "{path}");
                }
            }
        }
    }
}

/// Does something once a file is copied whose name ends like this.
struct Meanwhile {
    after: String,
    does: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meanwhile")
    }
}

impl Progress for Meanwhile {
    fn begin(&self, _stage: &str, _total_bytes: u64, _moved: &Arc<Moved>) {}
    fn finished(&self, file: &str) {
        if file.ends_with(&self.after)
            && let Some(does) = self.does.lock().unwrap().take()
        {
            does();
        }
    }
    fn end(&self) {}
    fn doing(&self, _what: Option<&str>) {}
    fn close(&self) {}
}

/// What is printed.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Said {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A copy with these options.
struct Run<'o> {
    options: &'o [&'o str],
    progress: Arc<dyn Progress>,
    fault: Option<Arc<pgkeep_storage::wrap::faulty::FaultPlan>>,
}

impl Default for Run<'_> {
    fn default() -> Self {
        Self {
            options: &[],
            progress: Arc::new(NoProgress),
            fault: None,
        }
    }
}

impl Run<'_> {
    fn copy(self, source: &Place, target: &Place) -> Result<()> {
        self.copy_into(Output::new(std::io::sink()), source, target)
    }

    /// What it prints.
    fn said(self, source: &Place, target: &Place) -> String {
        let (result, said) = self.told(source, target);
        result.unwrap();
        said
    }

    /// How it ends, and what it prints.
    fn told(self, source: &Place, target: &Place) -> (Result<()>, String) {
        let said = Said::default();
        let result = self.copy_into(Output::new(said.clone()), source, target);
        let bytes = said.0.lock().unwrap().clone();
        (result, String::from_utf8(bytes).unwrap())
    }

    fn copy_into(self, output: Output, source: &Place, target: &Place) -> Result<()> {
        let base = [
            "--repo1-path=/one",
            "--repo2-path=/two",
            "--repo=1",
            "--repo-to=2",
        ];
        let options = [&base[..], self.options].concat();
        let context = Context {
            progress: self.progress,
            output,
            ..test_context::new(Program::PgKeep, "repo-copy", &options)
        };
        let mut settings = Settings::from(&context)?;
        settings.pool.retry = 0;
        let repository = |key: u32, place: &Place| Repository {
            key,
            storage: match self.fault.clone().filter(|_| key == 2) {
                Some(plan) => {
                    let memory: Arc<dyn Storage> = Arc::new(place.memory.clone());
                    Arc::new(pgkeep_storage::wrap::faulty::Faulty::new(memory, plan))
                }
                None => Arc::new(place.memory.clone()),
            },
            pass: place.pass.clone(),
            elsewhere: None,
        };
        tell(&context, &settings, || {
            Sides::of(repository(1, source), repository(2, target), &settings)
        })
    }
}

fn copy_all(source: &Place, target: &Place) -> Result<()> {
    Run::default().copy(source, target)
}

/// The code of a run that does `does` once a file is copied whose name ends like `after`.
fn copy_meanwhile(
    (source, target): (&Place, &Place),
    after: &str,
    does: impl FnOnce() + Send + 'static,
) -> Option<ErrorCode> {
    let run = Run {
        progress: Arc::new(Meanwhile {
            after: after.to_owned(),
            does: Mutex::new(Some(Box::new(does))),
        }),
        ..Run::default()
    };
    run.copy(source, target).err().map(|error| error.code)
}
