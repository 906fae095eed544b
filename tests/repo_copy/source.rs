//! Repositories with a chain of backups, each made once and copied for all tests that start from it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::scratch::Scratch;

use crate::stage::{Result, segment};

/// Options without the number of their repository.
pub type Options<'o> = &'o [(&'o str, &'o str)];

pub const AES: [(&str, &str); 2] = [
    ("cipher-type", "aes-256-cbc"),
    ("cipher-pass", "a pass-phrase of a source"),
];
pub const OTHER_AES: [(&str, &str); 2] = [
    ("cipher-type", "aes-256-cbc"),
    ("cipher-pass", "another one of a target"),
];
pub const BUNDLES: [(&str, &str); 3] = [
    ("bundle", "y"),
    ("block", "y"),
    // Several bundles, and files beside them.
    ("bundle-limit", "64KiB"),
];

/// Who made the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    Ours,
    PgBackRest,
}

/// What a stage is made of.
pub struct Made<'o> {
    pub maker: Maker,
    pub source: Options<'o>,
    pub target: Options<'o>,
    pub compress: &'o str,
    pub sftp: bool,
}

/// Backups of a cluster at rest: full, differential, incremental and a second full one, each after two segments of WAL.
pub struct Source {
    scratch: Scratch,
    labels: Vec<String>,
}

/// One for each kind, and a lock of its own for making it.
type Kind = Arc<Mutex<Option<Arc<Source>>>>;

static SOURCES: Mutex<BTreeMap<String, Kind>> = Mutex::new(BTreeMap::new());

impl Source {
    /// The one of this kind.
    pub fn of(program: &Program, made: &Made<'_>) -> Result<Arc<Self>> {
        let name = format!("{:?} {} {:?}", made.maker, made.compress, made.source);
        let mut all = SOURCES.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = Arc::clone(all.entry(name).or_default());
        drop(all);
        let mut kind = kind.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(source) = &*kind {
            return Ok(Arc::clone(source));
        }
        let source = Arc::new(Self::make(program, made)?);
        *kind = Some(Arc::clone(&source));
        Ok(source)
    }

    fn make(program: &Program, made: &Made<'_>) -> Result<Self> {
        let scratch = Scratch::new()?;
        let config = Configuration::new(&scratch)?
            .global("log-level-file", "off")
            .global("compress-type", made.compress)
            .stanza("main", "pg1-path", scratch.join("data").display());
        let config = with(config, 1, made.source)
            .global("repo1-retention-full", 9)
            .write(&scratch, "one.conf")?;
        scratch.account().own_tree(&config)?;
        make_cluster(&scratch)?;
        let pgbackrest = PgBackRest::rolling()?;
        let command = |arguments: &[&str]| {
            let mut command = match made.maker {
                Maker::Ours => program.command(),
                Maker::PgBackRest => pgbackrest.command(),
            };
            command
                .arg(format!("--config={}", config.display()))
                .arg("--stanza=main")
                .args(arguments);
            run(&mut command)?.success()
        };
        command(&["--no-online", "stanza-create"])?;
        let mut labels = Vec::new();
        for (state, kind) in (0..).zip(["full", "diff", "incr", "full"]) {
            if state > 0 {
                change(&scratch, state)?;
            }
            for number in [2 * state + 1, 2 * state + 2] {
                let wal = scratch.write(
                    format!("data/pg_wal/{}", segment(number)),
                    cluster()?.wal_segment(number as u8),
                )?;
                command(&["archive-push", &wal.display().to_string()])?;
                fs::remove_file(&wal)?;
            }
            command(&["--no-online", &format!("--type={kind}"), "backup"])?;
            labels = labels_in(&scratch.join("repo"))?;
            let kept = scratch.join(format!("state{state}"));
            copy_tree(&scratch.join("data"), &kept)?;
        }
        Ok(Self { scratch, labels })
    }

    /// Copies the cluster, its states and its repository; the labels of the backups.
    pub fn put_into(&self, scratch: &Scratch) -> Result<Vec<String>> {
        let states = (0..self.labels.len()).map(|at| format!("state{at}"));
        for name in states.chain(["data".to_owned(), "repo".to_owned()]) {
            let to = scratch.join(&name);
            if to.exists() {
                fs::remove_dir_all(&to)?;
            }
            copy_tree(&self.scratch.join(&name), &to)?;
        }
        Ok(self.labels.clone())
    }
}

/// The configuration with options of one repository.
pub fn with(config: Configuration, key: u32, options: Options<'_>) -> Configuration {
    options.iter().fold(config, |config, (name, value)| {
        config.global(&format!("repo{key}-{name}"), value)
    })
}

/// The kind of cluster, with small segments.
pub fn cluster() -> Result<DataDirBuilder> {
    Ok(DataDirBuilder::new("15")?.wal_segment_size(1 << 20))
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    run(Command::new("cp").arg("-a").args([from, to]))?.success()?;
    Ok(())
}

/// Labels of the backups in a repository, ascending.
fn labels_in(repo: &Path) -> Result<Vec<String>> {
    let mut labels = Vec::new();
    for entry in fs::read_dir(repo.join("backup/main"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.starts_with("20") {
            labels.push(name);
        }
    }
    labels.sort();
    Ok(labels)
}

fn make_cluster(scratch: &Scratch) -> Result<()> {
    let data = scratch.join("data");
    let mut builder = cluster()?
        .relation("base/1/16384", 64)
        .relation("base/1/16385", 4)
        .relation("base/1/16386", 2)
        .file("base/1/empty", b"")
        .file("base/1/odd=name \"x\"", b"one odd file");
    for number in 0..12 {
        builder = builder.file(
            format!("base/1/small{number}"),
            format!("{number}").repeat(99),
        );
    }
    builder.build(&data)?;
    own(scratch)?;
    times(scratch, 0)
}

fn own(scratch: &Scratch) -> Result<()> {
    let data = scratch.join("data");
    scratch.account().own_tree(&data)?;
    fs::set_permissions(&data, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    Ok(())
}

/// Gives the files that changed last a time of their own, long enough ago to be trusted.
fn times(scratch: &Scratch, state: u64) -> Result<()> {
    let changed = match state {
        0 => vec!["base/1", "global", "."],
        _ => vec!["base/1/16384", "base/1/16385", "base/1/new"],
    };
    let time = SystemTime::now() - Duration::from_secs(5000 - 100 * state);
    for name in changed {
        let path = scratch.join("data").join(name);
        let files = match path.is_dir() {
            true => fs::read_dir(&path)?
                .map(|entry| entry.map(|entry| entry.path()))
                .collect::<std::io::Result<Vec<_>>>()?,
            false => vec![path],
        };
        for file in files.iter().filter(|file| file.is_file()) {
            File::options().write(true).open(file)?.set_modified(time)?;
        }
    }
    Ok(())
}

/// Changes some pages, and makes a file that did not exist before.
pub fn change(scratch: &Scratch, state: u64) -> Result<()> {
    let base = scratch.join("data/base/1");
    let mut large = fs::read(base.join("16384"))?;
    for page in [3, 17 + state as usize, 40] {
        large[page * 8192 + 5000] ^= state as u8 + 1;
    }
    fs::write(base.join("16384"), large)?;
    let mut small = fs::read(base.join("16385"))?;
    small[6000] ^= state as u8 + 1;
    fs::write(base.join("16385"), small)?;
    fs::write(base.join("new"), format!("state {state}").repeat(700))?;
    own(scratch)?;
    times(scratch, state)
}
