//! Directories and files that do not let their owner write, search or read: backed up, restored, restored over, removed.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use pgkeep_testkit::compare::{Ignore, Snapshot};
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::error::Error;
use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::scratch::Scratch;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::stage::Result;

const CATALOG: &str = "PG_15_202209061";
/// What is closed in the cluster, the deepest first.
const CLOSED: &[(&str, u32)] = &[
    ("data/closed/key", 0o400),
    ("data/closed/deep/ca", 0o444),
    ("data/closed/deep", 0o555),
    ("data/closed", 0o500),
    ("data/base/1/16384", 0o400),
    ("data/base/1", 0o500),
    ("data/shared", 0o2750),
    ("data/postgresql.auto.conf", 0o400),
    ("data/PG_VERSION", 0o400),
    ("data/global/pg_control", 0o400),
    ("linked/file", 0o400),
    ("linked", 0o555),
    ("alone/file.conf", 0o400),
    ("space/PG_15_202209061/1/16390", 0o400),
    ("space/PG_15_202209061/1", 0o500),
    ("space/PG_15_202209061", 0o550),
];

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let (owner, root, trees) = (
        Arc::clone(program),
        Arc::clone(program),
        Arc::clone(program),
    );
    suite
        .test(
            "a_cluster_with_closed_directories_is_restored_by_its_owner",
            move || by_owner(&owner),
        )
        .test(
            "a_cluster_with_directories_of_others_is_restored_by_root",
            move || by_root(&root),
        )
        .test(
            "a_target_that_somebody_has_closed_since_is_left_alone",
            move || left_alone(&trees),
        )
}

struct Place {
    scratch: Scratch,
    config: PathBuf,
}

impl Place {
    /// A made-up cluster with a tablespace, a link to a directory and one to a file.
    fn new() -> Result<Self> {
        let scratch = Scratch::new()?;
        let data = scratch.join("data");
        DataDirBuilder::new("15")?
            .page_checksums()
            .relation("base/1/16384", 4)
            .relation("base/1/16385", 40)
            .file("closed/key", "secret")
            .file("closed/deep/ca", "public")
            .file("shared/file", "shared")
            .file("postgresql.auto.conf", "work_mem = '4MB'\n")
            .build(&data)?;
        let space = scratch.join("space").join(CATALOG).join("1");
        fs::create_dir_all(&space)?;
        fs::write(space.join("16390"), [0; 16384])?;
        for name in ["linked", "alone"] {
            fs::create_dir(scratch.join(name))?;
        }
        fs::write(scratch.join("linked/file"), "linked")?;
        fs::write(scratch.join("alone/file.conf"), "alone")?;
        symlink(scratch.join("space"), data.join("pg_tblspc/16389"))?;
        symlink(scratch.join("linked"), data.join("linked"))?;
        symlink(scratch.join("alone/file.conf"), data.join("file.conf"))?;
        for name in ["data", "space", "linked", "alone"] {
            scratch.account().own_tree(&scratch.join(name))?;
        }
        for (name, mode) in CLOSED {
            set_mode(&scratch.join(name), *mode)?;
        }
        let config = Configuration::new(&scratch)?
            .global("repo1-retention-full", 3)
            .global("repo1-bundle", "y")
            .global("repo1-block", "y")
            .global("log-level-console", "detail")
            .stanza("main", "pg1-path", data.display())
            .write(&scratch, "pgbackrest.conf")?;
        Ok(Self { scratch, config })
    }

    fn words(&self) -> [String; 2] {
        [
            format!("--config={}", self.config.display()),
            "--stanza=main".to_owned(),
        ]
    }

    fn back_up(&self, program: &Program) -> TestResult {
        for words in [
            &["--no-online", "stanza-create"][..],
            &["--no-online", "--type=full", "backup"],
        ] {
            run(program.command().args(self.words()).args(words))?.success()?;
        }
        Ok(())
    }

    fn restore(&self, mut command: Command, more: &[&str]) -> TestResult {
        let there = |name: &str| self.scratch.join(name).display().to_string();
        command.args(self.words()).args([
            format!("--pg1-path={}", there("copy")),
            format!("--tablespace-map=16389={}", there("copy-space")),
            format!("--link-map=linked={}", there("copy-linked")),
            format!("--link-map=file.conf={}", there("copy-alone/file.conf")),
        ]);
        run(command.args(more).arg("restore"))?.success()?;
        Ok(())
    }

    /// All is as in the cluster: kinds, modes, contents.
    fn is_same(&self) -> TestResult {
        for (name, copy) in [("data", "copy"), ("linked", "copy-linked")] {
            let ignore = [
                "linked",
                "file.conf",
                "postgresql.auto.conf",
                "pg_tblspc",
                "recovery.signal",
            ]
            .into_iter()
            .filter(|_| name == "data")
            .fold(Ignore::nothing(), Ignore::path);
            let expected = Snapshot::of(&self.scratch.join(name), &ignore)?;
            expected.must_equal(&Snapshot::of(&self.scratch.join(copy), &ignore)?)?;
        }
        if fs::read(self.scratch.join("copy-alone/file.conf"))? != b"alone" {
            return Err("copy-alone/file.conf has another content".into());
        }
        for (name, mode) in CLOSED {
            let copy = match name.split_once('/') {
                Some(("data", rest)) => format!("copy/{rest}"),
                _ => format!("copy-{name}"),
            };
            let found = self.scratch.join(&copy).metadata()?.mode() & 0o7777;
            if found != *mode {
                return Err(format!("{copy} has mode {found:04o} in place of {mode:04o}").into());
            }
        }
        Ok(())
    }
}

fn set_mode(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .map_err(|error| format!("{}: {error}", path.display()).into())
}

impl Drop for Place {
    fn drop(&mut self) {
        // So that the directory can be removed by whoever runs the tests.
        let _ = run(Command::new("chmod")
            .args(["-R", "u+rwx"])
            .arg(self.scratch.path()));
    }
}

fn by_owner(program: &Program) -> TestResult {
    let place = Place::new()?;
    place.back_up(program)?;
    let at = |name: &str| place.scratch.join(name);
    // One target is there already, empty and closed.
    place.scratch.make_dir("copy-linked")?;
    set_mode(&at("copy-linked"), 0o555)?;
    place.restore(program.command(), &[])?;
    place.is_same()?;
    // Nothing to do.
    place.restore(program.command(), &["--delta"])?;
    place.is_same()?;
    place.restore(program.command(), &["--force"])?;
    place.is_same()?;
    // Things are missing, different, too much, and closed further.
    for (name, content) in [
        ("copy/closed/key", "a longer secret"),
        ("copy/base/1/16384", "short"),
        ("copy-linked/file", "other"),
        ("copy-alone/file.conf", "other"),
    ] {
        let path = at(name);
        set_mode(&path, 0o600)?;
        fs::write(&path, content)?;
        set_mode(&path, 0o400)?;
    }
    let extra = at("copy/closed/extra");
    fs::create_dir_all(extra.join("deep/deeper"))?;
    fs::write(extra.join("deep/file"), "x")?;
    place.scratch.account().own_tree(&extra)?;
    for (name, mode) in [("deep/deeper", 0), ("deep", 0o500), ("", 0o100)] {
        set_mode(&extra.join(name), mode)?;
    }
    fs::remove_file(at("copy/closed/deep/ca"))?;
    set_mode(&at("copy/closed/deep"), 0)?;
    set_mode(&at("copy-space").join(CATALOG).join("1"), 0o100)?;
    set_mode(&at("copy/base/1/16385"), 0)?;
    place.restore(program.command(), &["--delta"])?;
    place.is_same()
}

fn by_root(program: &Program) -> TestResult {
    if !rustix::process::geteuid().is_root() {
        return Err(Error::missing("the right to be root").into());
    }
    let place = Place::new()?;
    let nobody = 65534;
    for name in ["data/closed/deep/ca", "data/closed/deep", "data/shared"] {
        chown(place.scratch.join(name), Some(nobody), Some(nobody))?;
    }
    set_mode(&place.scratch.join("data/shared"), 0o2750)?;
    let root = || {
        let mut command = Command::new(program.path());
        command.current_dir("/");
        command
    };
    for words in [
        &["--allow-root", "--no-online", "stanza-create"][..],
        &["--allow-root", "--no-online", "--type=full", "backup"],
    ] {
        run(root().args(place.words()).args(words))?.success()?;
    }
    for more in [&[][..], &["--delta"]] {
        place.restore(root(), more)?;
        place.is_same()?;
        for name in [
            "closed/deep/ca",
            "closed/deep",
            "closed",
            "shared",
            "base/1",
        ] {
            let expected = place.scratch.join("data").join(name).metadata()?;
            let found = place.scratch.join("copy").join(name).metadata()?;
            if (expected.uid(), expected.gid()) != (found.uid(), found.gid()) {
                return Err(format!("{name} belongs to {}:{}", found.uid(), found.gid()).into());
            }
        }
    }
    Ok(())
}

/// Not the mode that the backup has: then it is no business of a restore.
fn left_alone(program: &Program) -> TestResult {
    let place = Place::new()?;
    place.back_up(program)?;
    place.restore(program.command(), &[])?;
    let linked = place.scratch.join("copy-linked");
    set_mode(&linked, 0o100)?;
    let before = Snapshot::of(&place.scratch.join("copy"), &Ignore::nothing())?;
    let refused = place.restore(program.command(), &["--delta"]);
    let said = "without rwx permissions";
    if !refused.is_err_and(|error| error.to_string().contains(said)) {
        return Err("it was not refused".into());
    }
    before.must_equal(&Snapshot::of(
        &place.scratch.join("copy"),
        &Ignore::nothing(),
    )?)?;
    set_mode(&linked, 0o555)?;
    place.restore(program.command(), &["--delta"])?;
    place.is_same()
}
