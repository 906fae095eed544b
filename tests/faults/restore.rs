//! Faults in restores: never a cluster that could be started and is not whole, and doing it again finishes it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use pgkeep_pipeline::Sha1Digest;
use pgkeep_repo::{BackupInfo, Manifest, Stanza};
use pgkeep_storage::posix::PosixStorage;
use pgkeep_testkit::compare::{Ignore, Snapshot};
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::scratch::Scratch;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::point::{Fault, points};
use crate::stage::{Place, Result, Stage};

/// One kind of restore.
#[derive(Debug)]
struct Kind {
    name: &'static str,
    /// Onto a cluster that has changed since.
    delta: bool,
    place: Place,
    options: &'static [(&'static str, &'static str)],
}

const BLOCKS: &[(&str, &str)] = &[
    ("compress-type", "zst"),
    ("repo1-bundle", "y"),
    ("repo1-block", "y"),
];

const KINDS: [Kind; 4] = [
    Kind {
        name: "restore_into_an_empty_directory",
        delta: false,
        place: Place::Local,
        options: &[("compress-type", "gz")],
    },
    Kind {
        name: "delta_restore",
        delta: true,
        place: Place::Local,
        options: &[("compress-type", "none")],
    },
    Kind {
        name: "delta_restore_of_bundles_and_blocks",
        delta: true,
        place: Place::Local,
        options: BLOCKS,
    },
    Kind {
        name: "restore_of_bundles_and_blocks",
        delta: false,
        place: Place::Sftp,
        options: BLOCKS,
    },
];

/// Files of recovery settings, which are not of the backup.
const SETTINGS: [&str; 2] = ["postgresql.auto.conf", "standby.signal"];
const TABLESPACE: &str = "PG_15_202209061";

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    for kind in &KINDS {
        for (fault, what) in [(Fault::Kill, "is_killed_in"), (Fault::Error, "fails_in")] {
            let program = Arc::clone(program);
            let name = format!(
                "when_a_storage_operation_{what}_a_{}{}_the_next_one_finishes_it",
                kind.name,
                kind.place.suffix()
            );
            suite = suite.test(name, move || visit(&program, kind, fault));
        }
    }
    suite
}

/// The made-up cluster with one tablespace, and its backup.
pub fn prepare<'a>(
    program: &'a Program,
    scratch: &'a Scratch,
    place: Place,
    options: &[(&str, &str)],
) -> Result<Stage<'a>> {
    let data = scratch.join("data");
    let mut made = Configuration::new(scratch)?
        .global("repo1-retention-full", 3)
        .global("log-level-file", "off")
        .global("log-level-console", "detail")
        .global("job-retry", 0)
        .stanza("main", "pg1-path", data.display());
    for (option, value) in options {
        made = made.global(option, value);
    }
    let (made, repository, server) = place.repository(scratch, made)?;
    let stage = Stage {
        program,
        pgbackrest: PgBackRest::mandatory()?,
        scratch,
        config: made.write(scratch, "pgbackrest.conf")?,
        repository,
        server,
    };
    DataDirBuilder::new("15")?
        .page_checksums()
        .relation("base/1/16384", 4)
        .relation("base/1/16385", 40)
        .relation("base/1/16386", 300)
        .relation("global/1262", 1)
        .file("pg_xact/0000", vec![0x55; 20_000])
        .file("empty", "")
        .file("certs/key", "secret")
        .file("certs/deep/ca", "public")
        .build(&data)?;
    let tablespace = scratch.join("space");
    fs::create_dir_all(tablespace.join(TABLESPACE).join("1"))?;
    fs::write(tablespace.join(TABLESPACE).join("1/16390"), [0; 16384])?;
    std::os::unix::fs::symlink(&tablespace, data.join("pg_tblspc/16389"))?;
    for directory in ["", TABLESPACE, &format!("{TABLESPACE}/1")] {
        fs::set_permissions(
            tablespace.join(directory),
            fs::Permissions::from_mode(0o700),
        )?;
    }
    scratch.account().own_tree(&data)?;
    scratch.account().own_tree(&tablespace)?;
    close(&data)?;
    stage.ours(&["--no-online", "stanza-create"])?.success()?;
    stage
        .ours(&["--no-online", "--type=full", "backup"])?
        .success()?;
    Ok(stage)
}

/// Takes rights from the owner of some files and directories, the deepest first.
fn close(data: &Path) -> Result<()> {
    for (name, mode) in [
        ("certs/key", 0o400),
        ("certs/deep/ca", 0o444),
        ("certs/deep", 0o555),
        ("certs", 0o500),
    ] {
        fs::set_permissions(data.join(name), fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// Words of a restore into `copy` and `space-copy`.
pub fn arguments(scratch: &Scratch, delta: bool) -> Vec<String> {
    let mut words = vec![
        format!("--pg1-path={}", scratch.join("copy").display()),
        format!(
            "--tablespace-map=16389={}",
            scratch.join("space-copy").display()
        ),
        "--type=standby".to_owned(),
    ];
    words.extend(delta.then(|| "--delta".to_owned()));
    words.push("restore".to_owned());
    words
}

fn visit(program: &Program, kind: &Kind, fault: Fault) -> TestResult {
    let scratch = Scratch::new()?;
    let stage = prepare(program, &scratch, kind.place, kind.options)?;
    let manifest = manifest(&stage)?;
    target(&stage, false)?;
    if kind.delta {
        let words = arguments(&scratch, false);
        stage.ours(&strs(&words))?.success()?;
        change(&scratch.join("copy"))?;
        for name in ["copy", "space-copy"] {
            copy(&stage, name, &format!("saved-{name}"))?;
        }
    }
    let words = arguments(&scratch, kind.delta);
    target(&stage, kind.delta)?;
    let operations = stage.count(&strs(&words))?;
    is_whole(&stage, &manifest)?;
    let points = points(fault, operations, kind.place.share());
    for point in &points {
        visit_point(&stage, kind, fault, point, &manifest)
            .map_err(|error| format!("{point} of {operations}: {error}"))?;
    }
    println!(
        "faults, {} {fault:?}: {} of {operations} operations",
        kind.name,
        points.len()
    );
    Ok(())
}

fn visit_point(
    stage: &Stage<'_>,
    kind: &Kind,
    fault: Fault,
    point: &str,
    manifest: &Manifest,
) -> Result<()> {
    target(stage, kind.delta)?;
    let copy = stage.scratch.join("copy");
    let before = Snapshot::of(&copy, &Ignore::nothing().modes())?;
    let words = arguments(stage.scratch, kind.delta);
    let outcome = stage.ours_with_fault(point, &strs(&words))?;
    match fault {
        Fault::Kill => Stage::was_killed(&outcome)?,
        Fault::Error => {
            if let Some(struck) = Stage::ended_with_error(&outcome)? {
                println!("{point} did no harm: {struck}");
            }
        }
    }
    // With a control file a server would start: then all is as it was, or all is there.
    if copy.join("global/pg_control").exists()
        && before
            .must_equal(&Snapshot::of(&copy, &Ignore::nothing().modes())?)
            .is_err()
    {
        is_whole(stage, manifest)
            .map_err(|error| format!("it could be started and is not whole: {error}"))?;
    }
    let words = arguments(stage.scratch, true);
    stage.ours(&strs(&words))?.success()?;
    is_whole(stage, manifest).map_err(|error| format!("after the second restore: {error}").into())
}

fn strs(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

/// The target as a restore finds it.
fn target(stage: &Stage<'_>, changed: bool) -> Result<()> {
    for name in ["copy", "space-copy"] {
        let path = stage.scratch.join(name);
        if path.exists() {
            let mut chmod = std::process::Command::new("chmod");
            run(chmod.args(["-R", "u+rwx"]).arg(&path))?.success()?;
            fs::remove_dir_all(&path)?;
        }
        if changed {
            copy(stage, &format!("saved-{name}"), name)?;
        } else {
            stage.scratch.make_dir(name)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700))?;
        }
    }
    Ok(())
}

fn copy(stage: &Stage<'_>, from: &str, to: &str) -> Result<()> {
    let mut command = stage.scratch.account().command("cp");
    let (from, to) = (stage.scratch.join(from), stage.scratch.join(to));
    run(command.arg("-a").arg(from).arg(to))?.success()?;
    Ok(())
}

/// What a server and its administrator may have done since the backup.
fn change(data: &Path) -> Result<()> {
    let relation = data.join("base/1/16386");
    let mut bytes = fs::read(&relation)?;
    bytes[100 * 8192..101 * 8192].fill(0);
    bytes.extend([0; 8192]);
    fs::write(&relation, bytes)?;
    fs::write(data.join("pg_xact/0000"), vec![0xAA; 30_000])?;
    fs::write(data.join("base/1/16385"), [0; 8192])?;
    fs::remove_file(data.join("base/1/16384"))?;
    fs::create_dir(data.join("base/5"))?;
    fs::write(data.join("base/5/17000"), "of a new database")?;
    fs::write(data.join("base/1/17001"), "of a new table")?;
    fs::set_permissions(data.join("global/1262"), fs::Permissions::from_mode(0o640))?;
    for name in ["certs", "certs/key"] {
        fs::set_permissions(data.join(name), fs::Permissions::from_mode(0o700))?;
    }
    fs::write(data.join("certs/key"), "other secret")?;
    fs::create_dir(data.join("certs/new"))?;
    fs::write(data.join("certs/new/key"), "new")?;
    close(data)
}

fn manifest(stage: &Stage<'_>) -> Result<Manifest> {
    let storage = PosixStorage::at(&stage.repository);
    let stanza = Stanza::new("main")?;
    let info = BackupInfo::load(&storage, &stanza, None)?;
    let last = info.entries().last().ok_or("no backup")?;
    Ok(Manifest::load(&storage, &stanza, &last.label, None)?)
}

/// Every file of the manifest is there with its size, bytes, mode and time, every path with its mode, and nothing else but recovery
/// settings.
fn is_whole(stage: &Stage<'_>, manifest: &Manifest) -> Result<()> {
    let copy = stage.scratch.join("copy");
    let mut known = BTreeSet::new();
    for file in manifest.files() {
        let name = file.name.to_vec();
        let below = name.strip_prefix(b"pg_data/").unwrap_or(&name).to_vec();
        let path = copy.join(std::ffi::OsStr::from_bytes(&below));
        let bytes = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let found = path.metadata()?;
        let sum = Sha1Digest::of(&bytes);
        if bytes.len() as u64 != file.size
            || file.checksum.is_some_and(|expected| expected != sum)
            || found.mode() & 0o7777 != file.mode
            || found.mtime() != file.timestamp
        {
            return Err(format!("{} is not as in the manifest", path.display()).into());
        }
        known.insert(path);
    }
    for path in manifest.paths() {
        let below = path.name.strip_prefix(b"pg_data").unwrap_or(&path.name);
        let below = below.strip_prefix(b"/").unwrap_or(below);
        if path.name == b"pg_tblspc" {
            continue;
        }
        let found = copy.join(std::ffi::OsStr::from_bytes(below));
        if found.metadata()?.mode() & 0o7777 != path.mode {
            return Err(format!("{} is not as in the manifest", found.display()).into());
        }
    }
    for name in SETTINGS {
        if !copy.join(name).exists() {
            return Err(format!("{name} is missing").into());
        }
        known.insert(copy.join(name));
    }
    nothing_but(&copy, &known)
}

fn nothing_but(directory: &Path, known: &BTreeSet<std::path::PathBuf>) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        // Through the link of the tablespace.
        if path.is_dir() {
            nothing_but(&path, known)?;
        } else if !known.contains(&path) {
            return Err(format!("{} is not of the backup", path.display()).into());
        }
    }
    Ok(())
}
