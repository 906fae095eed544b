//! Whole backups of made-up clusters into a repository in memory, with a fixed clock and a scripted server.

mod abort;
mod compare;
mod elsewhere;
mod hosts;
mod increment;
#[cfg(feature = "faulty")]
mod meanwhile;
mod online;
#[cfg(feature = "faulty")]
mod power;
mod whole;

use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use pgkeep_config::Program;
use pgkeep_pipeline::{CompressType, Pipeline, Sha1Digest, Stage};
use pgkeep_repo::cipher_keys::dependent_pass;
use pgkeep_repo::manifest::{FileRef, Manifest};
use pgkeep_repo::sets::list_sets;
use pgkeep_repo::{ArchiveInfo, BackupInfo, BackupLabel, PgHistory, Stanza, layout};
use pgkeep_storage::memory::MemoryStorage;
use pgkeep_storage::{
    FileTree, FileType, InfoLevel, ListOptions, ReadOptions, Storage, StoragePath,
};
use pgkeep_testkit::data_dir::DataDirBuilder;
use tempfile::TempDir;

use super::*;
use crate::hosts::{PgHost, pg_host, this_host};
use crate::run::clock::Clock;
use crate::run::moved::Moved;
use crate::run::progress::Progress;
use crate::run::test_context::{self, NOW};

/// Modification time of all files of a new cluster.
pub(super) const OLD: i64 = 1_700_000_000;

type Hook = Box<dyn FnMut() + Send>;

/// Calls a hook when copying begins, and another after each job.
#[derive(Default)]
pub(super) struct Moments {
    begin: Mutex<Option<Hook>>,
    advance: Mutex<Option<Hook>>,
}

impl std::fmt::Debug for Moments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Moments")
    }
}

impl Moments {
    fn at_begin(hook: impl FnMut() + Send + 'static) -> Self {
        Self {
            begin: Mutex::new(Some(Box::new(hook))),
            advance: Mutex::default(),
        }
    }

    fn at_advance(hook: impl FnMut() + Send + 'static) -> Self {
        Self {
            begin: Mutex::default(),
            advance: Mutex::new(Some(Box::new(hook))),
        }
    }

    fn call(hook: &Mutex<Option<Hook>>) {
        if let Some(hook) = &mut *hook.lock().unwrap() {
            hook();
        }
    }
}

impl Progress for Moments {
    fn begin(&self, _stage: &str, _total_bytes: u64, _moved: &Arc<Moved>) {
        Self::call(&self.begin);
    }

    fn finished(&self, _file: &str) {
        Self::call(&self.advance);
    }

    fn end(&self) {}
    fn doing(&self, _what: Option<&str>) {}
    fn close(&self) {}
}

/// A cluster on disk and a repository with its stanza.
pub(super) struct Fixture {
    dir: TempDir,
    pub memory: MemoryStorage,
    pub repository: Repository,
    options: Vec<String>,
    clock: Clock,
}

impl Fixture {
    /// A cluster made by `builder` and a repository for it; `options` are those of every backup.
    pub(super) fn new(builder: DataDirBuilder, options: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        builder.build(&dir.path().join("pg")).unwrap();
        let memory = MemoryStorage::new();
        let encrypted = options.iter().any(|option| option.contains("aes-256-cbc"));
        let repository = Repository {
            elsewhere: None,
            key: 1,
            storage: Arc::new(memory.clone()),
            pass: encrypted.then(|| "secret".into()),
        };
        let fixture = Self {
            dir,
            memory,
            repository,
            options: options.iter().map(|&option| option.to_owned()).collect(),
            clock: Clock::fixed(Timestamp::from_second(NOW).unwrap()),
        };
        fixture
            .pg()
            .list_tree(&StoragePath::root(), &ListOptions::default(), &mut |info| {
                fixture.age(&info.name.to_string(), OLD);
                Ok(())
            })
            .unwrap();
        let context = fixture.context(&[], Moments::default());
        let (control, _) =
            crate::hosts::cluster::read_control(&context, &*fixture.host(&context)).unwrap();
        let history = PgHistory::new(crate::hosts::stanza_info::history_entry(&control));
        let pass = fixture.repository.pass.as_ref();
        let archive = ArchiveInfo::new(history.clone(), dependent_pass(pass).unwrap());
        archive
            .save(&fixture.memory, &fixture.stanza(), pass)
            .unwrap();
        let mut backup = BackupInfo::new(history, dependent_pass(pass).unwrap());
        backup
            .save(&fixture.memory, &fixture.stanza(), pass)
            .unwrap();
        fixture
    }

    pub(super) fn stanza(&self) -> Stanza {
        Stanza::new("demo").unwrap()
    }

    pub(super) fn pg_path(&self) -> PathBuf {
        self.dir.path().join("pg")
    }

    pub(super) fn pg(&self) -> Arc<pgkeep_storage::posix::PosixStorage> {
        this_host::directory(&self.pg_path())
    }

    pub(super) fn host(&self, context: &Context) -> Arc<dyn PgHost> {
        pg_host::open(context, 1).unwrap()
    }

    /// Sets a modification time.
    pub(super) fn age(&self, name: &str, time: i64) {
        self.pg()
            .set_modified(&StoragePath::from(name), time)
            .unwrap();
    }

    /// Writes a file of the cluster, as changed at `time`.
    pub(super) fn write(&self, name: &str, content: &[u8], time: i64) {
        let options = pgkeep_storage::WriteOptions {
            modified: Some(time),
            file_mode: 0o600,
            ..Default::default()
        };
        pgkeep_storage::copy::write_all(&*self.pg(), &StoragePath::from(name), &options, content)
            .unwrap();
    }

    pub(super) fn context(&self, more: &[&str], moments: Moments) -> Context {
        let mut options = vec![
            "--log-level-file=off".to_owned(),
            format!("--pg1-path={}", self.pg_path().display()),
        ];
        if !more.iter().any(|option| option.starts_with("--job-retry=")) {
            options.push("--job-retry=0".to_owned());
        }
        options.extend(self.options.iter().cloned());
        options.extend(more.iter().map(|&option| option.to_owned()));
        Context {
            clock: self.clock.clone(),
            progress: Arc::new(moments),
            ..test_context::new(Program::PgKeep, "backup", &options)
        }
    }

    /// An offline backup with more options.
    pub(super) fn backup(&self, more: &[&str]) -> Result<()> {
        self.backup_with(more, Moments::default())
    }

    pub(super) fn backup_with(&self, more: &[&str], moments: Moments) -> Result<()> {
        let mut options = vec!["--no-online"];
        options.extend_from_slice(more);
        let context = self.context(&options, moments);
        make(
            &context,
            &Settings::from(&context)?,
            &self.repository,
            Source::open,
        )
    }

    pub(super) fn info(&self) -> BackupInfo {
        BackupInfo::load(&self.memory, &self.stanza(), self.repository.pass.as_ref()).unwrap()
    }

    /// The label of the newest backup that is listed.
    pub(super) fn newest(&self) -> BackupLabel {
        self.info().entries().last().unwrap().label.clone()
    }

    pub(super) fn manifest(&self, label: &BackupLabel) -> Manifest {
        Manifest::load(
            &self.memory,
            &self.stanza(),
            label,
            self.info().cipher_pass.as_ref(),
        )
        .unwrap()
    }

    /// Bytes that the repository holds of a file.
    pub(super) fn stored(&self, manifest: &Manifest, file: &FileRef<'_>) -> Vec<u8> {
        let path = manifest.stored_path(&self.stanza(), file).unwrap();
        let read = ReadOptions {
            ranges: vec![manifest.stored_range(file)],
            ..Default::default()
        };
        let mut bytes = Vec::new();
        self.memory
            .open_read(&path, &read)
            .unwrap()
            .read_to_end(&mut bytes)
            .unwrap();
        bytes
    }

    /// Content of a file that is stored whole.
    pub(super) fn content(&self, manifest: &Manifest, name: &str) -> Vec<u8> {
        let file = manifest.file(name.as_bytes()).unwrap();
        let raw = manifest.stored_raw(&file);
        let mut stages = Vec::new();
        if let Some(pass) = &manifest.cipher_pass {
            stages.push(Stage::Decrypt {
                pass: pass.clone(),
                raw,
            });
        }
        stages.push(Stage::Decompress {
            kind: manifest.options.compress_type,
            raw,
        });
        let mut running = Pipeline::new(stages).start(4096);
        let mut plain = Vec::new();
        running
            .push(&self.stored(manifest, &file), &mut plain)
            .unwrap();
        running.finish(&mut plain).unwrap();
        plain
    }

    /// Every file of a backup is stored with the size and the checksum that the manifest gives, and files that are stored
    /// whole have the content of the cluster.
    pub(super) fn check(&self, label: &BackupLabel) -> Manifest {
        let manifest = self.manifest(label);
        for file in manifest.files() {
            let bundled_empty = file.size == 0 && manifest.backup.bundle;
            if !bundled_empty {
                let stored = self.stored(&manifest, &file);
                assert_eq!(stored.len() as u64, file.repo_size, "{}", file.name);
                let expected = file.repo_checksum.or(file.checksum).unwrap();
                assert_eq!(Sha1Digest::of(&stored), expected, "{}", file.name);
            }
            if file.block_map_size() == 0 && !bundled_empty {
                let plain = self.content(&manifest, &file.name.to_string());
                assert_eq!(Some(Sha1Digest::of(&plain)), file.checksum, "{}", file.name);
            }
        }
        let copy = layout::manifest_copy(&self.stanza(), label);
        let main = layout::manifest(&self.stanza(), label);
        let read = |path| {
            pgkeep_storage::copy::read_all(&self.memory, path, 1 << 24)
                .unwrap()
                .unwrap()
        };
        assert_eq!(read(&copy), read(&main));
        assert!(
            self.memory
                .info(
                    &layout::history_manifest(&self.stanza(), label),
                    InfoLevel::Exists
                )
                .unwrap()
                .is_some()
        );
        let latest = self
            .memory
            .info(&layout::latest(&self.stanza()), InfoLevel::Detail)
            .unwrap();
        let linked = self.repository.storage.as_symbolic_links().is_some();
        assert_eq!(
            latest.map(|info| info.kind),
            linked.then_some(FileType::Link)
        );
        manifest
    }
}

/// A cluster with a few relations, an empty and an odd file.
pub(super) fn cluster() -> DataDirBuilder {
    DataDirBuilder::new("17")
        .unwrap()
        .page_checksums()
        .relation("base/1/1259", 12)
        .relation("base/1/1247", 3)
        .relation("base/1/2619", 40)
        .file("base/1/2620", Vec::new())
        .file("base/1/an = odd \"name\"", b"odd".to_vec())
        .file("pg_wal/000000010000000000000001", vec![7; 4096])
}

/// Names of the files that a backup stores itself.
pub(super) fn own_files(manifest: &Manifest) -> Vec<String> {
    manifest
        .files()
        .filter(|file| file.reference.is_none())
        .map(|file| file.name.to_string())
        .collect()
}

/// All types with the extension they give.
pub(super) fn compress_options() -> Vec<String> {
    CompressType::ALL
        .iter()
        .map(|kind| format!("--compress-type={kind}"))
        .collect()
}
