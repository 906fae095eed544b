//! Damage of every kind is found and named, and the original is safe from WAL that would reach it.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use pgkeep_repo::manifest::Manifest;
use pgkeep_testkit::cluster::Cluster;
use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::suite::{Suite, TestResult, seed};

use crate::stage::{Result, Stage, holds};

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let own = Arc::clone(program);
    let suite = suite.test(
        "drill_finds_every_kind_of_damage_in_the_repository",
        move || found(&own),
    );
    let own = Arc::clone(program);
    let suite = suite.test(
        "drill_finds_a_damaged_index_page_and_a_damaged_table_page",
        move || pages(&own),
    );
    let own = Arc::clone(program);
    let suite = suite.test("drill_finds_a_row_that_cannot_be_read", move || row(&own));
    let own = Arc::clone(program);
    suite.test(
        "drill_does_not_replay_what_would_create_a_tablespace_at_the_place_of_the_original",
        move || new_tablespace(&own),
    )
}

/// Files below a directory of the repository whose names contain this, sorted.
fn stored(stage: &Stage<'_>, below: &str, part: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![stage.cluster.scratch().join("repo").join(below)];
    while let Some(path) = open.pop() {
        for entry in fs::read_dir(&path)? {
            let path = entry?.path();
            if path.is_dir() && !path.is_symlink() {
                open.push(path);
            } else if path.to_string_lossy().contains(part) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// What is done to files of the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Missing,
    Cut,
    Flipped,
    /// A manifest that is in order has another checksum for this file.
    Checksum(&'static str),
}

/// A damage: which files, what is done to them, and what the drill must say of it.
struct Damage {
    below: &'static str,
    /// In their names; `{segment}` and `{file}` are those of the stage.
    part: &'static str,
    change: Change,
    said: &'static [&'static str],
}

const fn damage_of(
    (below, part): (&'static str, &'static str),
    change: Change,
    said: &'static [&'static str],
) -> Damage {
    Damage {
        below,
        part,
        change,
        said,
    }
}

const FILE: (&str, &str) = ("backup/main", "{file}");
const BUNDLE: (&str, &str) = ("backup/main", "/bundle/1");
const WAL: (&str, &str) = ("archive/main", "{segment}");
const MANIFEST: (&str, &str) = ("backup/main", "F/backup.manifest");
const BACKUP_INFO: (&str, &str) = ("backup/main", "/backup.info");
const ARCHIVE_INFO: (&str, &str) = ("archive/main", "/archive.info");

/// Info files and manifests have a copy: both are damaged.
const DAMAGES: &[Damage] = &[
    damage_of(FILE, Change::Missing, &["restore failed: ", "{file}"]),
    damage_of(FILE, Change::Cut, &["restore failed: ", "{file}"]),
    damage_of(FILE, Change::Flipped, &["restore failed: ", "{file}"]),
    damage_of(BUNDLE, Change::Missing, &["restore failed: ", "/bundle/1"]),
    damage_of(BUNDLE, Change::Cut, &["restore failed: ", "/bundle/1"]),
    damage_of(BUNDLE, Change::Flipped, &["restore failed: ", "/bundle/1"]),
    damage_of(
        WAL,
        Change::Missing,
        &["failed  WAL chain: missing in the archive: {segment}"],
    ),
    // The server must not take it for the end.
    damage_of(WAL, Change::Cut, &["{segment}"]),
    damage_of(WAL, Change::Flipped, &["{segment}"]),
    damage_of(MANIFEST, Change::Missing, &["backup.manifest"]),
    damage_of(MANIFEST, Change::Cut, &["backup.manifest"]),
    damage_of(MANIFEST, Change::Flipped, &["backup.manifest"]),
    damage_of(
        MANIFEST,
        Change::Checksum("pg_data/{file}"),
        &["restore failed: ", "{file}", "checksum"],
    ),
    // One in a bundle.
    damage_of(
        MANIFEST,
        Change::Checksum("pg_data/base/1/PG_VERSION"),
        &["restore failed: ", "base/1/PG_VERSION", "checksum"],
    ),
    damage_of(BACKUP_INFO, Change::Missing, &["backup.info"]),
    damage_of(BACKUP_INFO, Change::Flipped, &["backup.info"]),
    damage_of(ARCHIVE_INFO, Change::Missing, &["archive.info"]),
    damage_of(ARCHIVE_INFO, Change::Flipped, &["archive.info"]),
];

fn found(program: &Program) -> TestResult {
    let stage = Stage::new(program, Cluster::builder(15), |made| {
        made.global("repo1-bundle", "y")
            .global("repo1-bundle-limit", "256KiB")
    })?;
    stage
        .cluster
        .sql("create table t as select g from generate_series(1, 20000) g")?;
    let file = stage.cluster.sql("select pg_relation_filepath('t')")?;
    stage.run(&["--type=full", "backup"])?;
    let mut segments = Vec::new();
    for round in 0..4 {
        stage
            .cluster
            .sql(&format!("insert into t values ({round})"))?;
        segments.push(stage.archive_all()?);
    }
    let words = [("{segment}", segments[1].as_str()), ("{file}", &file)];
    let full = std::env::var_os("PGKEEP_TEST_FULL").is_some();
    let sample = (0..3).map(|one| (seed() as usize * 3 + one * 5) % DAMAGES.len());
    let chosen: Vec<&Damage> = match full {
        true => DAMAGES.iter().collect(),
        false => sample.map(|at| &DAMAGES[at]).collect(),
    };
    for damage in chosen {
        damaged(&stage, damage, &words)
            .map_err(|error| format!("{} {:?}: {error}", damage.part, damage.change))?;
    }
    // Of two that say the same one may be damaged.
    let info = stored(&stage, "backup/main", "/backup.info")?.remove(0);
    fs::write(&info, "damaged")?;
    holds(&stage.drill(0, &[])?.stdout, &["all proofs passed"])
}

fn damaged(stage: &Stage<'_>, damage: &Damage, words: &[(&str, &str)]) -> TestResult {
    let with_words = |text: &str| {
        words.iter().fold(text.to_owned(), |text, (word, value)| {
            text.replace(word, value)
        })
    };
    let mut kept = Vec::new();
    for path in stored(stage, damage.below, &with_words(damage.part))? {
        let bytes = fs::read(&path)?;
        let mut changed = bytes.clone();
        match damage.change {
            Change::Missing => fs::remove_file(&path)?,
            Change::Cut => fs::write(&path, &bytes[..bytes.len() / 2])?,
            Change::Flipped => {
                changed[bytes.len() / 2] ^= 0x40;
                fs::write(&path, &changed)?;
            }
            Change::Checksum(name) => {
                let text = with_checksum(&String::from_utf8(bytes.clone())?, &with_words(name))?;
                fs::write(&path, text)?;
            }
        }
        kept.push((path, bytes));
    }
    if kept.is_empty() {
        return Err("there is no such file".into());
    }
    // What the restore says is read as text, also by a drill whose own log is JSON.
    let mut command = stage.drill_command(&[]);
    command.env("PGKEEP_LOG_FORMAT", "json");
    let ended = run(&mut command)?;
    for (path, bytes) in kept {
        fs::write(path, bytes)?;
    }
    stage.nothing_is_left()?;
    let said = format!("{}{}", ended.stdout, ended.stderr);
    if ended.code == 0 {
        return Err(format!("it was not found:\n{said}").into());
    }
    if said.contains("\\\"level") {
        return Err(format!("a line of the restore in a message:\n{said}").into());
    }
    let wanted: Vec<String> = damage.said.iter().map(|said| with_words(said)).collect();
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    holds(&said, &wanted)
}

/// The manifest with another checksum of a file, and the checksum of its own that fits.
fn with_checksum(manifest: &str, name: &str) -> Result<String> {
    let start = format!("{name}={{");
    let line = manifest
        .lines()
        .find(|line| line.starts_with(&start))
        .ok_or(format!("{name} is not in the manifest"))?;
    let at = line.find("\"checksum\":\"").ok_or(line)? + "\"checksum\":\"".len();
    let digit = if line[at..].starts_with('0') {
        "1"
    } else {
        "0"
    };
    let wrong = format!("{}{digit}{}", &line[..at], &line[at + 1..]);
    let own = "backrest-checksum=\"";
    let (body, old) = manifest.rsplit_once(own).ok_or("no checksum")?;
    let manifest = format!("{}{own}{old}", body.replace(line, &wrong));
    // It says which one would be right.
    let error = match Manifest::parse(&mut manifest.as_bytes()) {
        Ok(_) => return Err("nothing has changed".into()),
        Err(error) => error.message,
    };
    let right = error.split("invalid checksum, actual '").nth(1);
    let right = right.and_then(|rest| rest.get(..40)).ok_or(error.clone())?;
    let fitting = manifest.replace(&old[..40], right);
    Manifest::parse(&mut fitting.as_bytes())?;
    Ok(fitting)
}

/// Changes the file of a relation while the cluster is stopped, as a bad disk would.
fn damage(stage: &Stage<'_>, relation: &str, change: impl FnOnce(&mut Vec<u8>)) -> TestResult {
    let cluster = &stage.cluster;
    let path = cluster.sql(&format!("select pg_relation_filepath('{relation}')"))?;
    cluster.stop(pgkeep_testkit::cluster::StopMode::Fast)?;
    let path = cluster.data_dir().join(path);
    let mut bytes = fs::read(&path)?;
    change(&mut bytes);
    fs::write(&path, &bytes)?;
    Ok(cluster.start()?)
}

fn pages(program: &Program) -> TestResult {
    let stage = Stage::new(program, Cluster::builder(15).data_checksums(true), |made| {
        made
    })?;
    // A backup that does not look at pages: a restore of one that does would be refused.
    let unseen = ["--type=full", "--no-checksum-page", "backup"];
    stage.cluster.sql(
        "create table t as select g from generate_series(1, 5000) g; create index i on t (g)",
    )?;
    // The first page of an index of this kind describes it, the next one has entries.
    damage(&stage, "i", |bytes| bytes[8192 + 4096] ^= 0x10)?;
    stage.run(&unseen)?;
    stage.archive_all()?;
    let wrong = [
        "failed  pg_amcheck: ",
        "failed  page checksums: ",
        "not all proofs passed",
    ];
    let ended = stage.drill(28, &[])?;
    holds(&ended.stdout, &wrong)?;
    holds(&ended.stdout, &["ok      rows: all can be read"])?;
    damage(&stage, "t", |bytes| bytes[8192 + 4096] ^= 0x10)?;
    stage.run(&unseen)?;
    let ended = stage.drill(57, &[])?;
    holds(&ended.stdout, &wrong)?;
    holds(&ended.stdout, &["failed  rows: database 'postgres': "])?;
    // A backup that looked at pages says which are wrong.
    stage.run(&["--type=full", "backup"])?;
    let path = stage.cluster.sql("select pg_relation_filepath('t')")?;
    let ended = stage.drill(26, &[])?;
    holds(
        &ended.stdout,
        &["invalid page checksum(s) found in file", &path],
    )
}

fn row(program: &Program) -> TestResult {
    let stage = Stage::new(
        program,
        Cluster::builder(15).data_checksums(false),
        |made| made,
    )?;
    stage.cluster.sql(
        "create table r (a text compression pglz); insert into r values (repeat('needle', 1000))",
    )?;
    // The length of the value before it was compressed stands before the first byte that says how.
    damage(&stage, "r", |bytes| {
        let at = bytes.windows(6).position(|part| part == b"needle");
        bytes[at.expect("the row is on the disk") - 5] ^= 1;
    })?;
    stage.run(&["--type=full", "backup"])?;
    stage.archive_all()?;
    holds(
        &stage.drill(57, &[])?.stdout,
        &[
            "failed  rows: database 'postgres': ",
            "compressed pglz data is corrupt",
            "skipped page checksums: the cluster has none",
            "not all proofs passed",
        ],
    )
}

fn new_tablespace(program: &Program) -> TestResult {
    let mut majors = vec![15];
    if std::env::var_os("PGKEEP_TEST_FULL").is_some() {
        // Before 14 the directory of the original would be removed.
        majors.push(12);
    }
    for major in majors {
        let stage = Stage::new(program, Cluster::builder(major), |made| made)?;
        stage.run(&["--type=full", "backup"])?;
        let space = stage.cluster.scratch().make_dir("space")?;
        let create = format!("create tablespace late location '{}'", space.display());
        stage.cluster.sql(&create)?;
        stage
            .cluster
            .sql("create table t tablespace late as select g from generate_series(1, 1000) g")?;
        stage.archive_all()?;
        let ended = stage.drill(76, &[])?;
        holds(
            &ended.stdout,
            &["creates a tablespace in", "make a new backup"],
        )?;
        // Nothing of the original has been touched: its pages are read from the disk.
        stage
            .cluster
            .stop(pgkeep_testkit::cluster::StopMode::Fast)?;
        stage.cluster.start()?;
        let rows = stage.cluster.sql("select count(*) from t")?;
        if rows != "1000" {
            return Err(format!("the original has {rows} rows").into());
        }
        // A new backup has it.
        stage.run(&["--type=full", "backup"])?;
        stage.drill(0, &[])?;
    }
    Ok(())
}
