//! Faults in backups: full, incremental, and incremental with bundles and blocks, of a made-up data directory.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pgkeep_testkit::compare::{Ignore, Snapshot};
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::Program;
use pgkeep_testkit::scratch::Scratch;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::point::{Fault, points};
use crate::stage::{Place, Result, Stage};

/// One kind of backup.
#[derive(Debug)]
struct Kind {
    name: &'static str,
    place: Place,
    /// `--type=…`
    argument: &'static str,
    options: &'static [(&'static str, &'static str)],
}

const KINDS: [Kind; 5] = [
    Kind {
        name: "full_backup",
        place: Place::Local,
        argument: "--type=full",
        options: &[("compress-type", "gz")],
    },
    Kind {
        name: "incr_backup",
        place: Place::Local,
        argument: "--type=incr",
        options: &[("compress-type", "lz4"), ("repo1-hardlink", "y")],
    },
    Kind {
        name: "incr_backup_with_bundles_and_blocks",
        place: Place::Local,
        argument: "--type=incr",
        options: &[
            ("compress-type", "zst"),
            ("repo1-bundle", "y"),
            ("repo1-block", "y"),
        ],
    },
    Kind {
        name: "full_backup",
        place: Place::Sftp,
        argument: "--type=full",
        options: &[("compress-type", "lz4")],
    },
    Kind {
        name: "incr_backup_with_bundles_and_blocks",
        place: Place::Sftp,
        argument: "--type=incr",
        options: &[
            ("compress-type", "zst"),
            ("repo1-bundle", "y"),
            ("repo1-block", "y"),
        ],
    },
];

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    for kind in &KINDS {
        for (fault, what) in [(Fault::Kill, "is_killed_in"), (Fault::Error, "fails_in")] {
            let program = Arc::clone(program);
            let name = format!(
                "when_a_storage_operation_{what}_a_{}{}_the_next_backup_succeeds",
                kind.name,
                kind.place.suffix()
            );
            suite = suite.test(name, move || visit(&program, kind, fault));
        }
    }
    suite
}

fn visit(program: &Program, kind: &Kind, fault: Fault) -> TestResult {
    let scratch = Scratch::new()?;
    let mut made = Configuration::new(&scratch)?
        .global("repo1-retention-full", 3)
        .global("log-level-file", "off")
        .global("job-retry", 0)
        .stanza("main", "pg1-path", scratch.join("data").display());
    for (option, value) in kind.options {
        made = made.global(option, value);
    }
    let (made, repository, server) = kind.place.repository(&scratch, made)?;
    let config = made.write(&scratch, "pgbackrest.conf")?;
    let stage = Stage {
        program,
        pgbackrest: PgBackRest::mandatory()?,
        scratch: &scratch,
        config,
        repository,
        server,
    };
    let data = scratch.join("data");
    DataDirBuilder::new("15")?
        .page_checksums()
        .relation("base/1/16384", 4)
        .relation("base/1/16385", 24)
        .relation("global/1262", 1)
        .file("pg_xact/0000", vec![0x55; 20_000])
        .file("empty", "")
        .build(&data)?;
    for name in [
        "base/1/16384",
        "base/1/16385",
        "global/1262",
        "pg_xact/0000",
        "empty",
    ] {
        set_modified(&data.join(name), 0)?;
    }
    scratch.account().own_tree(&data)?;
    // The life so far was pgBackRest's.
    stage.theirs(&["--no-online", "stanza-create"])?.success()?;
    stage
        .theirs(&["--no-online", "--type=full", "backup"])?
        .success()?;
    change(&data, 0)?;
    let saved = stage.save()?;
    let arguments = ["--no-online", kind.argument, "backup"];
    let operations = stage.count(&arguments)?;
    let points = points(fault, operations, kind.place.share());
    for (number, point) in points.iter().enumerate() {
        let visited = visit_point(&stage, fault, point, &arguments, number);
        visited.map_err(|error| format!("{point} of {operations}: {error}"))?;
    }
    stage.saved_is_untouched(&saved)?;
    println!(
        "faults, {}{} {fault:?}: {} of {operations} operations",
        kind.name,
        kind.place.suffix(),
        points.len()
    );
    Ok(())
}

/// One life after one fault.
fn visit_point(
    stage: &Stage<'_>,
    fault: Fault,
    point: &str,
    arguments: &[&str],
    number: usize,
) -> Result<()> {
    stage.reset()?;
    let outcome = stage.ours_with_fault(point, arguments)?;
    match fault {
        Fault::Kill => Stage::was_killed(&outcome)?,
        Fault::Error => {
            if let Some(struck) = Stage::ended_with_error(&outcome)? {
                println!("{point} did no harm: {struck}");
            }
        }
    }
    let after =
        |step: &'static str| move |error: Box<dyn std::error::Error>| format!("{step}: {error}");
    stage
        .is_valid_but_for_the_list()
        .map_err(after("after the fault"))?;
    let data = stage.scratch.join("data");
    // One program or the other goes on; then the other.
    let pgbackrest_first = number % 4 == 3;
    for (step, by_pgbackrest) in [pgbackrest_first, !pgbackrest_first]
        .into_iter()
        .enumerate()
    {
        change(&data, 1 + 2 * number as u64 + step as u64)?;
        let outcome = if by_pgbackrest {
            stage.theirs(arguments)?
        } else {
            stage.ours(arguments)?
        };
        outcome.success()?;
        stage.is_valid().map_err(after(if by_pgbackrest {
            "after pgBackRest's backup"
        } else {
            "after our backup"
        }))?;
    }
    // A restore waits for the disk, and verify has read everything: every second point is enough.
    if number.is_multiple_of(2) || std::env::var_os("PGKEEP_TEST_FULL").is_some() {
        stage.restores(
            number % 4 == 2,
            &Snapshot::of(&data, &Ignore::of_restore())?,
        )?;
    }
    stage.has_no_stray_file()
}

/// Changes a page of a relation and another file; each change is later than the one before by their times.
fn change(data: &Path, number: u64) -> Result<()> {
    let relation = data.join("base/1/16385");
    let mut bytes = fs::read(&relation)?;
    // A new page of zeros has no checksum to be wrong.
    let page = (number % 24) as usize;
    bytes[page * 8192..(page + 1) * 8192].fill(0);
    fs::write(&relation, bytes)?;
    set_modified(&relation, number + 1)?;
    let transactions = data.join("pg_xact/0000");
    fs::write(&transactions, number.to_string().repeat(5000))?;
    set_modified(&transactions, number + 1)
}

/// Sets a time long past, a minute later for each number.
fn set_modified(path: &Path, number: u64) -> Result<()> {
    let file = fs::File::options().write(true).open(path)?;
    Ok(file
        .set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + 60 * number))?)
}
