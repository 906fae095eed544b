//! What is wrong with source or target: told with the next step, and nothing is changed that should not be.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::source::{AES, BUNDLES, Made, Maker, OTHER_AES, cluster};
use crate::stage::{Result, Stage, must_say, segment};

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let [one, two, three] = [(); 3].map(|()| Arc::clone(program));
    suite
        .test(
            "what_cannot_be_copied_is_refused_and_nothing_changes",
            move || refused(&one),
        )
        .test("a_target_of_another_cluster_is_refused", move || {
            another_cluster(&two)
        })
        .test("damage_in_the_source_is_told_and_not_copied", move || {
            damaged(&three)
        })
}

fn encrypted<'p>(program: &'p Program) -> Result<Stage<'p>> {
    Stage::new(
        program,
        &Made {
            maker: Maker::Ours,
            source: &[&BUNDLES[..], &AES[..]].concat(),
            target: &[&BUNDLES[..], &OTHER_AES[..]].concat(),
            compress: "none",
            sftp: false,
        },
    )
}

fn refused(program: &Program) -> TestResult {
    let mut stage = encrypted(program)?;
    let both = stage.both.clone();
    let text = fs::read_to_string(&both)?;
    let link = stage.scratch.join("link");
    std::os::unix::fs::symlink(stage.source(), &link)?;
    let target = format!("repo2-path={}", stage.target.display());
    let source_path = format!("repo2-path={}", stage.source().display());
    let link_path = format!("repo2-path={}", link.display());
    let (ours, theirs) = (AES[1].1, OTHER_AES[1].1);
    let empty = stage.snapshot(&stage.target)?;
    let source = stage.snapshot(&stage.source())?;
    for (what, changed, arguments, code, words) in [
        (
            "onto itself",
            text.clone(),
            &["--repo-to=1"][..],
            32,
            "repo1 cannot be copied onto itself",
        ),
        (
            // The configuration is refused, for any command.
            "onto itself under another number",
            text.replace(&target, &source_path).replace(theirs, ours),
            &[],
            32,
            "must be different",
        ),
        (
            "onto itself by a link",
            text.replace(&target, &link_path).replace(theirs, ours),
            &[],
            32,
            "repo1 cannot be copied onto itself",
        ),
        (
            "onto itself by a link, to see what would be copied",
            text.replace(&target, &link_path).replace(theirs, ours),
            &["--dry-run"],
            32,
            "repo1 cannot be copied onto itself",
        ),
        (
            "into a repository that is not configured",
            text.clone(),
            &["--repo-to=3"],
            32,
            "repo3 is not in the configuration",
        ),
        (
            "with a wrong pass-phrase of the source",
            text.replace(ours, "a wrong one"),
            &[],
            95,
            "repo1: ",
        ),
        (
            "a set that is not there",
            text.clone(),
            &["--set=20200101-000000F"],
            75,
            "backup set 20200101-000000F is not valid",
        ),
    ] {
        stage.both = stage.scratch.write("changed.conf", changed)?;
        let outcome = match arguments {
            ["--repo-to=1" | "--repo-to=3"] => {
                stage.ours(&stage.both, &["--repo=1", arguments[0], "repo-copy"])?
            }
            _ => stage.copy(arguments)?,
        };
        if outcome.code != code {
            return Err(format!("{what}: {outcome:?}").into());
        }
        must_say(&outcome, words)?;
        if !words.starts_with("must") {
            must_say(&outcome, "HINT")?;
        }
        empty.must_equal(&stage.snapshot(&stage.target)?)?;
        source.must_equal(&stage.snapshot(&stage.source())?)?;
    }
    // A target with another pass-phrase than the configuration has.
    stage.both = both;
    stage.copy(&["--set=latest"])?.success()?;
    let before = stage.snapshot(&stage.target)?;
    stage.both = stage
        .scratch
        .write("changed.conf", text.replace(theirs, "a wrong one"))?;
    let outcome = stage.copy(&[])?.expect_code(95)?;
    must_say(&outcome, "repo2: ")?;
    before.must_equal(&stage.snapshot(&stage.target)?)?;
    // A command that works on the target.
    stage.both = stage.scratch.write("changed.conf", text)?;
    let lock = stage.scratch.join("lock/main-backup-2.lock");
    let held = fs::File::create(&lock)?;
    stage.scratch.account().own_tree(&lock)?;
    held.lock()?;
    must_say(&stage.copy(&[])?.expect_code(50)?, "unable to acquire lock")?;
    before.must_equal(&stage.snapshot(&stage.target)?)?;
    Ok(())
}

fn another_cluster(program: &Program) -> TestResult {
    let stage = encrypted(program)?;
    let data = stage.scratch.join("data");
    fs::remove_dir_all(&data)?;
    cluster()?.system_id(4711).build(&data)?;
    stage.scratch.account().own_tree(&data)?;
    stage
        .theirs(&stage.two, &["--no-online", "stanza-create"])?
        .success()?;
    let before = stage.snapshot(&stage.target)?;
    let outcome = stage.copy(&[])?.expect_code(51)?;
    must_say(&outcome, "the stanza in repo2 is of another cluster")?;
    must_say(&outcome, "4711")?;
    before.must_equal(&stage.snapshot(&stage.target)?)?;
    Ok(())
}

/// Changes a byte in the middle.
fn damage(path: &Path) -> Result<()> {
    let mut bytes = fs::read(path)?;
    let at = bytes.len() / 2;
    bytes[at] ^= 0x10;
    fs::write(path, bytes)?;
    Ok(())
}

fn damaged(program: &Program) -> TestResult {
    let stage = encrypted(program)?;
    // A bundle of the differential, and a segment.
    let bundles = stage
        .source()
        .join("backup/main")
        .join(&stage.labels[1])
        .join("bundle");
    damage(&bundles.join("1"))?;
    let wal = stage.source().join("archive/main/15-1/0000000100000000");
    for entry in fs::read_dir(&wal)? {
        let path = entry?.path();
        if path.to_string_lossy().contains(&segment(4)) {
            damage(&path)?;
        }
    }
    let outcome = stage.copy(&[])?.expect_code(26)?;
    must_say(&outcome, "invalid checksum")?;
    must_say(
        &outcome,
        &format!("backup {} is not copied", stage.labels[1]),
    )?;
    must_say(&outcome, "2 files cannot be used, 2 backups not copied")?;
    // The incremental builds on the differential.
    let builds_on = format!("backup {} is not copied: it builds on", stage.labels[2]);
    must_say(&outcome, &builds_on)?;
    stage.target_is_sound()?;
    stage.target_holds(&[0, 3], &[1, 2, 3, 5, 6, 7, 8])?;
    // A file that is gone.
    fs::remove_dir_all(&bundles)?;
    let outcome = stage.copy(&[])?.expect_code(55)?;
    must_say(&outcome, "file missing")?;
    stage.target_is_sound()
}
