//! `repo-type=cifs`: a directory without links, owners and modes of its own, as a mounted share is. Every command on it, and both
//! programs with each other's repositories.
//!
//! Each program leads a repository of its own through the same steps. What lies there must be the same; then they change sides.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use pgkeep_testkit::compare::{Ignore, Snapshot};
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::run::{Outcome, Program};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::row::{Layout, Place, Row, Who};
use crate::scenario;
use crate::sides::{SIDES, Stage};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const SEGMENT: &str = "000000010000000000000001";
const NOT_THERE: &str = "000000010000000000000009";

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    // The lives of the array, with running clusters: each program begins one.
    for (writer, continuer, layout) in [
        (Who::Ours, Who::Newest, Layout::Block),
        (Who::Newest, Who::Ours, Layout::Hardlink),
    ] {
        let row = Row {
            writer,
            continuer,
            restorer: writer,
            compress: "zst",
            cipher: layout == Layout::Block,
            layout,
            pg: 15,
            tablespace: true,
            process_max: 2,
            delta: true,
            place: Place::Cifs,
        };
        let program = Arc::clone(program);
        suite = suite.test(row.name(), move || scenario::run(&program, &row));
    }
    let program = Arc::clone(program);
    suite.test(
        "every_command_does_on_a_share_what_pgbackrest_does",
        move || visit(&program),
    )
}

impl Stage<'_> {
    /// A step that ends with this code on either side; then the same files lie in both repositories.
    fn step(&self, arguments: &[&str], code: i32) -> TestResult {
        for side in SIDES {
            self.run(side, side, arguments)?.expect_code(code)?;
        }
        let [ours, theirs] = SIDES.map(|side| self.tree(side));
        let (ours, theirs) = (ours?, theirs?);
        if ours == theirs {
            return Ok(());
        }
        Err(format!("after {arguments:?}\nours {ours:#?}\npgBackRest's {theirs:#?}").into())
    }

    /// Kinds and names of what is in a repository, without what names a moment.
    fn tree(&self, side: &str) -> Result<Vec<String>> {
        let mut names = Vec::new();
        let top = self.scratch.join(format!("repo-{side}"));
        walk(&top, &top, &mut names)?;
        names.sort();
        Ok(names)
    }
}

fn walk(top: &Path, path: &Path, names: &mut Vec<String>) -> TestResult {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let path = entry.path();
        if kind.is_symlink() {
            return Err(format!("there is a link: {}", path.display()).into());
        }
        let name = path.strip_prefix(top)?.display().to_string();
        let dir = if kind.is_dir() { "/" } else { "" };
        names.push(format!("{}{dir}", without_moments(&name)));
        if kind.is_dir() {
            walk(top, &path, names)?;
        }
    }
    Ok(())
}

/// `20260101-101010F` becomes `LF`.
fn without_moments(name: &str) -> String {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).count();
    let parts = name.split('/').map(|part| {
        let labels = part.split('_').map(|label| match label.get(..15) {
            Some(moment) if digits(moment) == 14 && label.as_bytes()[8] == b'-' => {
                format!("L{}", &label[15..])
            }
            _ => label.to_owned(),
        });
        labels.collect::<Vec<_>>().join("_")
    });
    parts.collect::<Vec<_>>().join("/")
}

fn visit(program: &Program) -> TestResult {
    let stage = Stage::new(program)?;
    let scratch = &stage.scratch;
    let data = scratch.join("data");
    let builder = DataDirBuilder::new("15")?;
    builder.clone().relation("base/1/16384", 4).build(&data)?;
    scratch.account().own_tree(&data)?;
    for side in SIDES {
        Configuration::new(scratch)?
            .global("repo1-type", "cifs")
            .global(
                "repo1-path",
                scratch.make_dir(format!("repo-{side}"))?.display(),
            )
            // Where the mark of `stop` lies, too.
            .global(
                "lock-path",
                scratch.make_dir(format!("lock-{side}"))?.display(),
            )
            .global("repo1-retention-full", 1)
            .global("repo1-hardlink", "y")
            .global("log-level-file", "off")
            .stanza("main", "pg1-path", data.display())
            .write(scratch, &format!("{side}.conf"))?;
    }
    let wal = scratch.write(format!("data/pg_wal/{SEGMENT}"), builder.wal_segment(1))?;
    let push = ["archive-push", &wal.display().to_string()];
    stage.step(&["--no-online", "stanza-create"], 0)?;
    stage.step(&push, 0)?;
    // It is there already, with the same checksum.
    stage.step(&push, 0)?;
    stage.step(&["--no-online", "--type=full", "backup"], 0)?;
    // An incremental backup of nothing new is refused by either program.
    stage.step(&["--no-online", "--type=incr", "backup"], 55)?;
    scratch.write("data/postgresql.conf", "# changed\n")?;
    stage.step(&["--no-online", "--type=incr", "backup"], 0)?;
    scratch.write("data/postgresql.conf", "# changed again\n")?;
    stage.step(&["--no-online", "--type=diff", "backup"], 0)?;
    read_each_other(&stage, &data, &builder.wal_segment(1))?;

    stage.step(
        &["--no-online", "--no-expire-auto", "--type=full", "backup"],
        0,
    )?;
    let with_both = stage.tree("ours")?;
    stage.step(&["expire"], 0)?;
    if stage.tree("ours")? == with_both {
        return Err("nothing has expired".into());
    }
    read_each_other(&stage, &data, &builder.wal_segment(1))?;
    // And they go on with each other's.
    for (program, side) in [("ours", "theirs"), ("theirs", "ours")] {
        scratch.write("data/postgresql.conf", format!("# by {program}\n"))?;
        stage
            .run(
                program,
                side,
                &["--no-online", "--type=incr", "--delta", "backup"],
            )?
            .success()?;
        for reader in SIDES {
            must_verify(&stage.run(reader, side, &["--output=text", "--verbose", "verify"])?)?;
        }
    }
    stage.step(&["stop"], 0)?;
    stage.step(&["--force", "stanza-delete"], 0)
}

/// Each program verifies, describes, restores and fetches what the other one wrote.
fn read_each_other(stage: &Stage<'_>, data: &Path, segment: &[u8]) -> TestResult {
    let ignore = Ignore::of_restore();
    let source = Snapshot::of(data, &ignore)?;
    for side in SIDES {
        let mut told = Vec::new();
        for reader in SIDES {
            must_verify(&stage.run(reader, side, &["--output=text", "--verbose", "verify"])?)?;
            told.push(
                stage
                    .run(reader, side, &["--output=json", "info"])?
                    .success()?,
            );
            let copy = stage.scratch.make_dir("copy")?;
            let path = format!("--pg1-path={}", copy.display());
            stage
                .run(reader, side, &[&path, "--type=none", "restore"])?
                .success()?;
            source.must_equal(&Snapshot::of(&copy, &ignore)?)?;
            fs::remove_dir_all(&copy)?;
            let target = stage.scratch.join("RECOVERYXLOG");
            let target_text = target.display().to_string();
            stage
                .run(reader, side, &["archive-get", SEGMENT, &target_text])?
                .success()?;
            if fs::read(&target)? != segment {
                return Err("the segment has other bytes".into());
            }
            fs::remove_file(&target)?;
            stage
                .run(reader, side, &["archive-get", NOT_THERE, &target_text])?
                .expect_code(1)?;
        }
        if told[0].stdout != told[1].stdout {
            return Err(format!("info differs:\n{}\n{}", told[0].stdout, told[1].stdout).into());
        }
    }
    Ok(())
}

fn must_verify(outcome: &Outcome) -> TestResult {
    let fine = outcome.code == 0
        && outcome.stdout.contains("status: ok")
        && !outcome.stdout.contains("status: invalid");
    if fine {
        return Ok(());
    }
    Err(format!("{}: {}", outcome.command, outcome.stdout).into())
}
