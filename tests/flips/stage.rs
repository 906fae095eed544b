//! A small repository of one layout, what must come out of it, and the checks of a damaged one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use pgkeep_testkit::compare::{Ignore, Snapshot};
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::scratch::Scratch;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// How files lie in the repository.
#[derive(Debug)]
pub struct Layout {
    pub name: &'static str,
    options: &'static [(&'static str, &'static str)],
}

impl Layout {
    pub const ALL: [&'static Self; 4] = [
        &Self {
            name: "plain_files",
            options: &[("compress-type", "none")],
        },
        &Self {
            name: "gz_files",
            options: &[("compress-type", "gz")],
        },
        &Self {
            name: "bundles_blocks_and_zst",
            options: &[
                ("compress-type", "zst"),
                ("repo1-bundle", "y"),
                ("repo1-block", "y"),
            ],
        },
        &Self {
            name: "aes_bundles_and_lz4",
            options: &[
                ("compress-type", "lz4"),
                ("repo1-bundle", "y"),
                ("repo1-cipher-type", "aes-256-cbc"),
            ],
        },
    ];
}

/// What a file of the repository is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    ArchiveInfo,
    BackupInfo,
    Manifest,
    History,
    Bundle,
    BackupFile,
}

impl FileKind {
    /// The kind of a path below the repository; copies belong to their file.
    fn of(path: &Path) -> Option<Self> {
        let text = path.to_string_lossy();
        let name = path.file_name()?.to_string_lossy();
        match name.as_ref() {
            "archive.info" => Some(Self::ArchiveInfo),
            "backup.info" => Some(Self::BackupInfo),
            "backup.manifest" => Some(Self::Manifest),
            name if name.ends_with(".copy") => None,
            _ if text.contains("backup.history") => Some(Self::History),
            _ if text.contains("/bundle/") => Some(Self::Bundle),
            _ => Some(Self::BackupFile),
        }
    }

    /// Damages of a default run.
    pub fn sample(self) -> usize {
        match self {
            Self::Bundle | Self::BackupFile | Self::Manifest => 20,
            Self::BackupInfo | Self::ArchiveInfo => 14,
            Self::History => 8,
        }
    }
}

/// A repository with a full and an incremental backup.
pub struct Stage<'a> {
    program: &'a Program,
    scratch: Scratch,
    config: PathBuf,
    full: String,
    /// What a restore of each set must be.
    whole: BTreeMap<String, Snapshot>,
}

impl<'a> Stage<'a> {
    pub fn new(program: &'a Program, layout: &Layout) -> Result<Self> {
        let scratch = Scratch::new()?;
        let mut made = Configuration::new(&scratch)?
            .global("repo1-retention-full", 2)
            .global("log-level-file", "off")
            .global("log-level-console", "warn")
            // A damaged file does not get better by waiting.
            .global("job-retry", 0)
            .stanza("main", "pg1-path", scratch.join("data").display());
        for (option, value) in layout.options {
            made = made.global(option, value);
        }
        let config = made.write(&scratch, "pgbackrest.conf")?;
        let mut stage = Self {
            program,
            scratch,
            config,
            full: String::new(),
            whole: BTreeMap::new(),
        };
        let builder = DataDirBuilder::new("15")?
            .page_checksums()
            .relation("base/1/16384", 4)
            .relation("base/1/16385", 24)
            .relation("global/1262", 1)
            .file(
                "base/1/pg filenode=1.map",
                "name with blanks and an equals sign",
            )
            .file("pg_xact/0000", vec![0x55; 20_000])
            .file("empty", "");
        let data = stage.scratch.join("data");
        builder.build(&data)?;
        stage.own(&data)?;
        age(&data, 1000)?;
        stage.say(&["--no-online", "stanza-create"])?.success()?;
        stage
            .say(&["--no-online", "--type=full", "backup"])?
            .success()?;
        stage.full = stage.latest()?;
        stage.whole.insert(stage.full.clone(), stage.expected()?);
        change(&data)?;
        stage
            .say(&["--no-online", "--type=incr", "backup"])?
            .success()?;
        stage.whole.insert(stage.latest()?, stage.expected()?);
        Ok(stage)
    }

    pub fn repo(&self) -> PathBuf {
        self.scratch.join("repo")
    }

    /// Files that can be damaged, as path below the repository and length.
    pub fn files_by_kind(&self) -> Result<BTreeMap<FileKind, Vec<(PathBuf, usize)>>> {
        let mut found: BTreeMap<FileKind, Vec<(PathBuf, usize)>> = BTreeMap::new();
        walk(&self.repo(), &mut |path, length| {
            let below = path.strip_prefix(self.repo()).unwrap_or(path).to_owned();
            if let Some(kind) = FileKind::of(&below) {
                found.entry(kind).or_default().push((below, length));
            }
        })?;
        found.values_mut().for_each(|files| files.sort());
        Ok(found)
    }

    /// Everything must be well.
    pub fn check_undamaged(&self) -> Result<()> {
        self.say(&["verify"])?.success()?;
        for label in self.whole.keys() {
            if !self.restores(label)? {
                return Err(format!("the whole set {label} is not restored").into());
            }
        }
        Ok(())
    }

    /// True if the damage was noticed, false if it is harmless; everything else is an error.
    pub fn check_damaged(&self, kind: FileKind) -> Result<bool> {
        let verify = self.say(&["verify"])?;
        orderly(&verify)?;
        let mut noticed = verify.code != 0;
        if matches!(
            kind,
            FileKind::ArchiveInfo | FileKind::BackupInfo | FileKind::Manifest
        ) {
            let info = self.say(&["info"])?;
            orderly(&info)?;
            noticed |= info.code != 0 || info.stdout.contains("error");
        }
        for label in self.whole.keys() {
            let restored = self.restores(label)?;
            if !restored && !noticed && kind != FileKind::BackupInfo {
                return Err(format!("verify found nothing, but {label} cannot be restored").into());
            }
            noticed |= !restored;
        }
        Ok(noticed)
    }

    /// True if the set was restored and is what it must be; false if the restore said that it cannot.
    fn restores(&self, label: &str) -> Result<bool> {
        let copy = self.scratch.join("copy");
        if copy.exists() {
            fs::remove_dir_all(&copy)?;
        }
        self.scratch.make_dir("copy")?;
        let set = format!("--set={label}");
        let outcome = self.say(&[
            &set,
            "--type=none",
            &format!("--pg1-path={}", copy.display()),
            "restore",
        ])?;
        orderly(&outcome)?;
        if outcome.code != 0 {
            return Ok(false);
        }
        let expected = self.whole.get(label).ok_or("an unknown set")?;
        let restored = Snapshot::of(&copy, &Ignore::of_restore())?;
        expected
            .must_equal(&restored)
            .map_err(|error| format!("a wrong restore of {label} with success: {error}"))?;
        Ok(true)
    }

    fn expected(&self) -> Result<Snapshot> {
        Ok(Snapshot::of(
            &self.scratch.join("data"),
            &Ignore::of_restore(),
        )?)
    }

    fn latest(&self) -> Result<String> {
        let info = self.say(&["--output=json", "info"])?.success()?;
        let value: serde_json::Value = serde_json::from_str(&info.stdout)?;
        let label = value[0]["backup"]
            .as_array()
            .and_then(|list| list.last())
            .and_then(|backup| backup["label"].as_str());
        Ok(label.ok_or("info lists no backup")?.to_owned())
    }

    /// Runs this program under its own name, where `verify` tells by the exit code what it found.
    fn say(&self, arguments: &[&str]) -> Result<Outcome> {
        let mut command = self.program.command();
        command
            .arg(format!("--config={}", self.config.display()))
            .arg("--stanza=main");
        Ok(run(command
            .env("PGBACKREST_REPO1_CIPHER_PASS", "sesame")
            .args(arguments))?)
    }

    fn own(&self, path: &Path) -> Result<()> {
        Ok(self.scratch.account().own_tree(path)?)
    }
}

/// A run may fail, but must say why, and never panic.
fn orderly(outcome: &Outcome) -> Result<()> {
    let all = format!("{}{}", outcome.stdout, outcome.stderr);
    let told = outcome.code == 0 || all.contains("ERROR: [");
    if outcome.code > 127 || all.contains("panicked") || !told {
        return Err(format!("exit code {} of {}\n{all}", outcome.code, outcome.command).into());
    }
    Ok(())
}

/// Changes some pages of one relation and adds a file, later than [`age`] said.
fn change(data: &Path) -> Result<()> {
    let relation = data.join("base/1/16385");
    let mut bytes = fs::read(&relation)?;
    for page in [3, 11, 12] {
        // A new page of zeros has no checksum to be wrong.
        bytes[page * 8192..(page + 1) * 8192].fill(0);
    }
    fs::write(&relation, bytes)?;
    fs::write(data.join("base/1/pg_internal.added"), vec![7; 30_000])?;
    let added = data.join("base/1/pg_internal.added");
    let like = fs::metadata(&relation)?;
    std::os::unix::fs::chown(
        &added,
        Some(std::os::unix::fs::MetadataExt::uid(&like)),
        Some(std::os::unix::fs::MetadataExt::gid(&like)),
    )?;
    fs::set_permissions(&added, like.permissions())?;
    for path in [relation, added] {
        set_age(&path, 500)?;
    }
    Ok(())
}

/// Gives all files a modification time in the past, so that a change shows.
fn age(top: &Path, seconds: u64) -> Result<()> {
    let mut files = Vec::new();
    walk(top, &mut |path, _| files.push(path.to_owned()))?;
    files.iter().try_for_each(|path| set_age(path, seconds))
}

fn set_age(path: &Path, seconds: u64) -> Result<()> {
    let file = fs::File::options().write(true).open(path)?;
    Ok(file.set_modified(SystemTime::now() - Duration::from_secs(seconds))?)
}

fn walk(top: &Path, each: &mut dyn FnMut(&Path, usize)) -> Result<()> {
    for entry in fs::read_dir(top)? {
        let path = entry?.path();
        let found = fs::symlink_metadata(&path)?;
        if found.is_dir() {
            walk(&path, each)?;
        } else if found.is_file() {
            each(&path, usize::try_from(found.len())?);
        }
    }
    Ok(())
}
