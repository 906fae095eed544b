//! A repository that has been kept for ten years: sets of PostgreSQL 9.5, 10 and 11 by an old pgBackRest, of 15 by a new one.
//!
//! Both programs say the same of it, restore any of its sets, expire the old clusters with their WAL, and go on.

use std::path::Path;
use std::sync::Arc;

use pgkeep_testkit::compare::{Ignore, Snapshot};
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::catalogue;
use crate::state::{Result, State};

/// Versions of a cluster's life. The newest pgBackRest still tells of 9.5, but neither verifies nor restores it.
const LIFE: [&str; 4] = ["9.5", "10", "11", "15"];
const KNOWN: [&str; 4] = ["9.6", "10", "11", "15"];
/// System identifiers count from here.
const SYSTEM_ID: u64 = 7_000_000_000_000_000_100;

const CIPHER: [(&str, &str); 2] = [
    ("repo1-cipher-type", "aes-256-cbc"),
    ("repo1-cipher-pass", "kept for ten years"),
];

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    let known = Arc::clone(program);
    suite = suite.test("both_say_the_same_of_a_repository_since_9_6", move || {
        catalogue::compare(&known, &years(&KNOWN, &CIPHER)?)
    });
    let told = Arc::clone(program);
    suite = suite.test(
        "a_repository_since_9_5_is_told_of_and_verified",
        move || told_of_and_verified(&told),
    );
    let restored = Arc::clone(program);
    suite = suite.test("sets_since_9_5_are_restored_as_by_their_maker", move || {
        restores(&restored)
    });
    let expired = Arc::clone(program);
    suite.test("old_clusters_expire_alike_and_both_go_on", move || {
        expires_and_goes_on(&expired)
    })
}

/// A full and an incr of each version, with a segment of WAL.
fn years(life: &[&str], options: &[(&str, &str)]) -> Result<State> {
    let state = State::new(options)?;
    let old = PgBackRest::find("2.45")?;
    for (at, version) in life.iter().enumerate() {
        let by = |words: &[&str]| -> Result<Outcome> {
            let mut command = match *version {
                "15" => state.pgbackrest.command(),
                _ => old.command(),
            };
            command
                .arg(format!("--config={}", state.config.display()))
                .arg("--stanza=main");
            Ok(run(command.args(words))?.success()?)
        };
        let builder = DataDirBuilder::new(version)?
            .system_id(SYSTEM_ID + at as u64)
            .file("base/1/made_in", *version);
        state.cluster(&builder)?;
        let create = if at == 0 {
            "stanza-create"
        } else {
            "stanza-upgrade"
        };
        by(&["--no-online", create])?;
        by(&["--no-online", "--type=full", "backup"])?;
        state
            .scratch
            .write("data/postgresql.conf", format!("# of {version}, later\n"))?;
        by(&["--no-online", "--type=incr", "backup"])?;
        let wal = match version.starts_with("9.") {
            true => "pg_xlog",
            false => "pg_wal",
        };
        let segment = state.scratch.write(
            format!("data/{wal}/000000010000000000000001"),
            builder.wal_segment(1),
        )?;
        by(&["archive-push", &segment.display().to_string()])?;
    }
    Ok(state)
}

/// `info` in all forms; the newest pgBackRest has no word on whether sets of 9.5 are whole.
fn told_of_and_verified(program: &Program) -> TestResult {
    let state = years(&LIFE, &[])?;
    let labels = state.labels()?;
    let mut asked = vec![vec!["info".to_owned()]];
    asked.extend(
        labels
            .iter()
            .map(|label| vec![format!("--set={label}"), "info".to_owned()]),
    );
    for words in asked {
        for output in ["--output=text", "--output=json"] {
            let mut all = state.with_stanza(&[output, "--log-level-console=off"]);
            all.extend(words.clone());
            let (expected, got) = (state.theirs(&all)?, state.ours(program, &all)?);
            if (expected.code, &expected.stdout) != (got.code, &got.stdout) || got.code != 0 {
                return Err(format!(
                    "{all:?}\npgBackRest ({}):\n{}\nthis program ({}):\n{}",
                    expected.code, expected.stdout, got.code, got.stdout
                )
                .into());
            }
        }
    }
    let verified = state
        .as_pgkeep(program, &["--output=text", "--verbose", "verify"])?
        .success()?
        .stdout;
    let whole = labels.iter().all(|label| {
        verified.contains(&format!("backup: {label}, status: valid"))
            && verified.contains("archiveId: 9.5-1")
    });
    match whole && labels.len() == 2 * LIFE.len() {
        true => Ok(()),
        false => Err(verified.into()),
    }
}

/// Restores every set by this program and by the pgBackRest that made it or could have.
fn restores(program: &Program) -> TestResult {
    let state = years(&LIFE, &[])?;
    let old = PgBackRest::find("2.45")?;
    for label in state.labels()? {
        let mut copies = Vec::new();
        for (side, mut command) in [("theirs", old.command()), ("ours", program.as_pgbackrest())] {
            let copy = state.scratch.make_dir(format!("{side}-{label}"))?;
            run(command
                .arg(format!("--config={}", state.config.display()))
                .arg(format!("--pg1-path={}", copy.display()))
                .arg(format!("--set={label}"))
                .args(["--stanza=main", "--type=none", "restore"]))?
            .success()?;
            copies.push(Snapshot::of(&copy, &Ignore::nothing())?);
        }
        copies[0]
            .must_equal(&copies[1])
            .map_err(|error| format!("{label}: {error}"))?;
    }
    Ok(())
}

fn expires_and_goes_on(program: &Program) -> TestResult {
    let state = years(&LIFE, &[])?;
    let repo = state.scratch.join("repo");
    let saved = state.scratch.join("saved");
    copy(&repo, &saved)?;
    let words = [
        "--stanza=main",
        "--repo1-retention-full=2",
        "--log-level-console=off",
        "expire",
    ];
    let ignore = Ignore::nothing()
        .path("backup/main/backup.info")
        .path("backup/main/backup.info.copy");
    state.theirs(&words)?.success()?;
    let theirs = Snapshot::of(&repo, &ignore)?;
    std::fs::remove_dir_all(&repo)?;
    copy(&saved, &repo)?;
    state.ours(program, &words)?.success()?;
    theirs.must_equal(&Snapshot::of(&repo, &ignore)?)?;
    for gone in ["9.5-1", "10-2"] {
        if repo.join("archive/main").join(gone).exists() {
            return Err(format!("WAL of {gone} is still there").into());
        }
    }
    // The history still names all clusters, and life goes on with either program.
    let info = std::fs::read_to_string(repo.join("backup/main/backup.info"))?;
    for version in LIFE {
        if !info.contains(&format!("\"db-version\":\"{version}\"")) {
            return Err(format!("the history has lost {version}:\n{info}").into());
        }
    }
    state.scratch.write("data/postgresql.conf", "# ours\n")?;
    state
        .as_pgkeep(program, &["--no-online", "--type=incr", "backup"])?
        .success()?;
    state.scratch.write("data/postgresql.conf", "# theirs\n")?;
    state.make(&["--type=incr", "backup"])?;
    state.as_pgkeep(program, &["verify"])?.success()?;
    Ok(())
}

fn copy(from: &Path, to: &Path) -> TestResult {
    run(std::process::Command::new("cp").arg("-a").arg(from).arg(to))?.success()?;
    Ok(())
}
