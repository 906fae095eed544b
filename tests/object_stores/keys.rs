//! Names of objects: the same that pgBackRest gives them, and nothing else in the bucket.

use std::collections::BTreeSet;

use pgkeep_testkit::cluster::StopMode;
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::TestResult;

use crate::stage::{BOTH, Stage, Who, must_have};
use crate::store::Store;

/// Files by themselves; in bundles too where everything is to run. Of the same stopped cluster both make sets with the same objects.
pub(crate) fn same_names(program: &Program, store: &Store) -> TestResult {
    let full = std::env::var_os("PGKEEP_TEST_FULL").is_some();
    let layouts = [&[][..], &[("repo1-bundle", "y"), ("repo1-block", "y")]];
    for options in &layouts[..if full { 2 } else { 1 }] {
        let stage = Stage::new(program, store, options)?;
        stage.cluster.sql("create table t (id int)")?;
        stage.cluster.stop(StopMode::Fast)?;
        for who in BOTH {
            stage.run(who, &["--no-online", "--type=full", "backup"])?;
        }
        let labels = stage.labels()?;
        let [ours, theirs] = labels.as_slice() else {
            return Err(format!("two backups are not {labels:?}").into());
        };
        let objects = stage.objects()?;
        let of = |label: &str| -> BTreeSet<String> {
            let below = |name: &String| {
                Some(
                    name.strip_prefix(&format!("backup/main/{label}/"))?
                        .to_owned(),
                )
            };
            objects.iter().filter_map(below).collect()
        };
        let (of_ours, of_theirs) = (of(ours), of(theirs));
        if of_ours != of_theirs || of_ours.is_empty() {
            let only: Vec<&String> = of_ours.symmetric_difference(&of_theirs).collect();
            return Err(format!("objects of one set only: {only:?}").into());
        }
        // Beside sets there are the files of the stanza, no link, no mark of a directory, no lock.
        let rest: Vec<&String> = objects
            .iter()
            .filter(|name| {
                !labels
                    .iter()
                    .any(|label| name.starts_with(&format!("backup/main/{label}/")))
            })
            .filter(|name| !name.starts_with("archive/main/17-1/"))
            .filter(|name| !name.starts_with("backup/main/backup.history/2"))
            .collect();
        let known = [
            "archive/main/archive.info",
            "archive/main/archive.info.copy",
            "backup/main/backup.info",
            "backup/main/backup.info.copy",
        ];
        if rest != known {
            return Err(format!("other objects: {rest:?}").into());
        }
    }
    Ok(())
}

/// The whole bucket may be the repository.
pub(crate) fn root_path(program: &Program, store: &Store) -> TestResult {
    let stage = Stage::new(
        program,
        store,
        &[("repo1-path", "/"), ("repo1-bundle", "y")],
    )?;
    stage.cluster.sql("create table t (id int)")?;
    stage.run(Who::Ours, &["check"])?;
    stage.run(Who::Ours, &["--type=full", "backup"])?;
    stage.run(Who::Theirs, &["--type=diff", "backup"])?;
    stage.both_agree()?;
    // pgBackRest does not look below the first level there.
    let listed = stage.run(Who::Ours, &["--recurse", "repo-ls"])?.stdout;
    must_have(&listed, "\nbackup/main/backup.info\n")
}
