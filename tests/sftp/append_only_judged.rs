//! What somebody adds through an account that may only add, and whoever keeps the repository does not believe.

use std::path::Path;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::TestResult;

use crate::Test;
use crate::append_only::{newest_set, published, run, stage};
use crate::stage::Stage;

pub(crate) const TESTS: &[(&str, Test)] = &[(
    "what_is_added_and_not_believed_stops_expire_and_changes_nothing",
    not_believed,
)];

/// What somebody with the key has added stops whoever keeps the repository, and nothing is changed.
fn not_believed(program: &Program) -> TestResult {
    let mut stage = stage(program, &[])?;
    stage.set("repo1-retention-full", "2");
    run(&stage, &["--no-online", "stanza-create"])?;
    run(&stage, &["--no-online", "--type=full", "backup"])?;
    stage.local_run(&["expire"])?;
    let sets = stage.server.files().join("backup/main");
    let good = newest_set(&sets)?;
    // A genuine set under a label of the future, between what is there, and without its files.
    for (label, reason) in [
        ("20990101-000000F", "its manifest is of backup"),
        ("20200101-000000F", "its manifest is of backup"),
    ] {
        let fake = sets.join(label);
        copy_tree(&stage, &sets.join(&good), &fake)?;
        expect_stop(&stage, label, reason)?;
        std::fs::remove_dir_all(&fake)?;
    }
    // One that says what it should, and of which a file is gone.
    run(&stage, &["--no-online", "--type=full", "backup"])?;
    let second = newest_set(&sets)?;
    // WAL of a timeline that never began beside a set that is sound: the set is not touched either.
    let timeline = stage
        .server
        .files()
        .join("archive/main/15-1/0000000900000000");
    std::fs::create_dir_all(&timeline)?;
    let before = published(stage.server.files())?;
    let outcome = stage.local_outcome(&["expire"])?;
    let told = "WAL was added and is not believed: there is WAL of timeline 00000009";
    if outcome.code != 104 || !outcome.stdout.contains(told) {
        return Err(format!("{outcome:?}").into());
    }
    if published(stage.server.files())? != before {
        return Err("something was changed".into());
    }
    std::fs::remove_dir(&timeline)?;
    let gone = sets.join(&second).join("pg_data/base/1/16384.gz");
    let kept = std::fs::read(&gone)?;
    std::fs::remove_file(&gone)?;
    expect_stop(&stage, &second, "is not there")?;
    std::fs::write(&gone, kept)?;
    stage.scratch.account().own(&gone)?;
    // Small ones, and too many.
    std::fs::rename(
        stage.scratch.join("data/base/1/16384"),
        stage.scratch.join("aside"),
    )?;
    run(&stage, &["--no-online", "--type=full", "backup"])?;
    let small = newest_set(&sets)?;
    expect_stop(&stage, &small, "less than half")?;
    // Somebody says that it is right: it is listed alone, and the rules go on from there.
    stage.local_run(&[
        &format!("--set={small}"),
        "--annotation=genuine=yes",
        "annotate",
    ])?;
    expect_stop(&stage, &second, "is not later than")?;
    stage.local_run(&["repo-rm", "--recurse", &format!("backup/main/{second}")])?;
    stage.local_run(&["expire"])?;
    for _ in 0..2 {
        run(&stage, &["--no-online", "--type=full", "backup"])?;
    }
    expect_stop(&stage, &newest_set(&sets)?, "all that were listed would go")
}

fn expect_stop(stage: &Stage<'_>, label: &str, reason: &str) -> TestResult {
    let before = published(stage.server.files())?;
    let outcome = stage.local_outcome(&["expire"])?;
    let told = format!("backup {label} was added and is not believed");
    if outcome.code != 104 || !outcome.stdout.contains(&told) || !outcome.stdout.contains(reason) {
        return Err(format!("{label}, {reason}: {outcome:?}").into());
    }
    if published(stage.server.files())? != before {
        return Err("something was changed".into());
    }
    Ok(())
}

fn copy_tree(stage: &Stage<'_>, from: &Path, to: &Path) -> TestResult {
    let mut copy = stage.scratch.account().command("cp");
    pgkeep_testkit::run::run(copy.arg("-a").arg(from).arg(to))?.success()?;
    Ok(())
}
