//! Whole restores of made-up clusters, backed up by our own backup into a repository on disk.
#![allow(clippy::disallowed_methods)] // test data on real directories

mod damage;
mod dry_run;
mod hostile;
mod interrupted;
mod limits;
mod refused;
mod whole;

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use pgkeep_config::Program;
use pgkeep_testkit::data_dir::DataDirBuilder;
use tempfile::TempDir;

use super::*;
use crate::error::ErrorCode;
use crate::run::clock::Clock;
use crate::run::context::User;
use crate::run::moved::Moved;
use crate::run::progress::Progress as Listener;
use crate::run::test_context::{self, NOW};

type Hook = Box<dyn FnMut() + Send>;

/// Calls a hook when files begin to be copied, and after each job that is shown.
#[derive(Default)]
struct Moments(Mutex<Option<Hook>>);

impl std::fmt::Debug for Moments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Moments")
    }
}

impl Listener for Moments {
    fn begin(&self, _stage: &str, _total_bytes: u64, _moved: &Arc<Moved>) {
        if let Some(hook) = &mut *self.0.lock().unwrap() {
            hook();
        }
    }

    fn finished(&self, _file: &str) {}

    fn end(&self) {}
    fn doing(&self, _what: Option<&str>) {}
    fn close(&self) {}
}

/// A cluster, a repository, and room for what is restored.
struct Fixture {
    dir: TempDir,
    options: Vec<String>,
    clock: Clock,
}

impl Fixture {
    /// Makes the cluster and its stanza; `options` are those of every run.
    fn new(options: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let cluster = DataDirBuilder::new("17")
            .unwrap()
            .page_checksums()
            .relation("base/1/1259", 12)
            .relation("base/1/2619", 40)
            .relation("base/20000/1259", 3)
            .file("base/1/PG_VERSION", b"17\n".to_vec())
            .file("base/20000/PG_VERSION", b"17\n".to_vec())
            .file("base/1/2620", Vec::new())
            .file("base/1/an = odd \"name\"", b"odd".to_vec())
            .file("postgresql.auto.conf", b"work_mem = '4MB'\n".to_vec());
        cluster.build(&dir.path().join("source")).unwrap();
        let fixture = Self {
            dir,
            options: options.iter().map(|&option| option.to_owned()).collect(),
            clock: Clock::fixed(Timestamp::from_second(NOW).unwrap()),
        };
        crate::stanza_create::run(&fixture.context("stanza-create", "source", &["--no-online"]))
            .unwrap();
        fixture
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn context(&self, command: &str, pg: &str, more: &[&str]) -> Context {
        self.context_with(command, pg, more, Moments::default())
    }

    fn context_with(&self, command: &str, pg: &str, more: &[&str], moments: Moments) -> Context {
        let mut options = Vec::new();
        let mut path = |option: &str, name: &str| {
            options.push(format!("--{option}={}", self.path(name).display()))
        };
        path("pg1-path", pg);
        path("repo1-path", "repo");
        path("lock-path", "lock");
        if command != "stanza-create" {
            let of_copies = ["--compress", "--repo1-bundle", "--repo1-block"];
            let fits = |option: &&String| {
                command == "backup" || !of_copies.iter().any(|prefix| option.starts_with(prefix))
            };
            options.push("--job-retry=0".to_owned());
            options.extend(self.options.iter().filter(fits).cloned());
        } else {
            options.extend(
                self.options
                    .iter()
                    .filter(|option| option.contains("cipher"))
                    .cloned(),
            );
        }
        if command == "restore" {
            options.push(format!("--spool-path={}", self.path("spool").display()));
        }
        options.extend(more.iter().map(|&option| option.to_owned()));
        let context = test_context::new(Program::PgKeep, command, &options);
        let user = User {
            uid: rustix::process::getuid().as_raw(),
            gid: rustix::process::getgid().as_raw(),
            ..context.user.clone()
        };
        Context {
            clock: self.clock.clone(),
            progress: Arc::new(moments),
            user,
            ..context
        }
    }

    fn backup(&self, kind: &str) {
        let context = self.context(
            "backup",
            "source",
            &["--no-online", &format!("--type={kind}")],
        );
        crate::backup::run(&context).unwrap();
    }

    /// Restores into `target` below the fixture.
    fn restore(&self, target: &str, more: &[&str]) -> Result<()> {
        run(&self.context("restore", target, more))
    }

    fn write(&self, name: &str, content: &[u8]) {
        std::fs::write(self.path(name), content).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    fn exists(&self, name: &str) -> bool {
        self.path(name).symlink_metadata().is_ok()
    }

    /// The restored files are those of the source, in content, mode and time, and nothing else is there.
    fn assert_same(&self, target: &str) {
        let (source, target) = (files(&self.path("source")), files(&self.path(target)));
        let names = |files: &BTreeMap<String, File>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&source), names(&target));
        for (name, file) in &source {
            let other = &target[name];
            assert!(file.content == other.content, "content of {name}");
            assert_eq!(file.mode, other.mode, "mode of {name}");
            // Its time is that of the restore, which has looked for recovery settings in it.
            if name != "postgresql.auto.conf" {
                assert_eq!(file.modified, other.modified, "time of {name}");
            }
        }
    }
}

struct File {
    content: Vec<u8>,
    mode: u32,
    modified: i64,
}

/// All files below a directory. What a backup leaves out is left out.
fn files(root: &Path) -> BTreeMap<String, File> {
    let mut found = BTreeMap::new();
    let mut paths = vec![root.to_owned()];
    while let Some(path) = paths.pop() {
        for entry in std::fs::read_dir(&path).unwrap() {
            let path = entry.unwrap().path();
            let info = path.symlink_metadata().unwrap();
            if info.is_dir() {
                paths.push(path);
                continue;
            }
            let name = path
                .strip_prefix(root)
                .unwrap()
                .to_string_lossy()
                .into_owned();
            if name == "postmaster.opts" {
                continue;
            }
            let content = std::fs::read(&path).unwrap();
            found.insert(
                name,
                File {
                    content,
                    mode: info.mode() & 0o7777,
                    modified: info.mtime(),
                },
            );
        }
    }
    found
}
