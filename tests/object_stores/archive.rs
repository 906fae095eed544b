//! Archiving into a bucket and from it, one segment at a time and in the background, also beside a local repository.

use pgkeep_testkit::cluster::StopMode;
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::TestResult;

use crate::stage::{BOTH, Stage, Who, must_have, same};
use crate::store::Store;

/// A repository on the disk and one in the bucket, archived into in the background; either is enough to recover.
pub(crate) fn two_repositories(program: &Program, store: &Store) -> TestResult {
    let scratch = pgkeep_testkit::scratch::Scratch::new()?;
    let local = scratch.make_dir("repo2")?.display().to_string();
    let options = [
        ("repo2-path", local.as_str()),
        ("repo2-retention-full", "2"),
        ("archive-async", "y"),
        ("repo1-bundle", "y"),
        ("repo2-bundle", "y"),
        ("process-max", "2"),
    ];
    let stage = Stage::new(program, store, &options)?;
    let sql = |text: &str| stage.cluster.sql(text);
    let run = |arguments: &[&str]| stage.run(Who::Ours, arguments);
    run(&["check"])?;
    sql("create table t (id int generated always as identity, what text)")?;
    for repository in ["--repo=1", "--repo=2"] {
        run(&[repository, "--type=full", "backup"])?;
    }
    sql("insert into t (what) values ('after both')")?;
    for _ in 0..12 {
        sql(
            "select pg_switch_wal(); insert into t (what) select 'x' where false; select txid_current()",
        )?;
    }
    stage.archive_all()?;
    for who in BOTH {
        let told = stage.run(who, &["info"])?.stdout;
        must_have(&told, "repo2")?;
    }
    for repository in ["--repo=1", "--repo=2"] {
        run(&[repository, "--output=text", "verify"])?;
        let (rows, _) = stage.restored(&format!("copy{repository}"), &[repository])?;
        same(repository, "after both", &rows)?;
    }
    Ok(())
}

/// One segment at a time by either program, and the same one pushed again.
pub(crate) fn segments(program: &Program, store: &Store) -> TestResult {
    let stage = Stage::new(program, store, &[])?;
    let wal = stage.cluster.data_dir().join("pg_wal");
    stage.cluster.sql("create table t (id int)")?;
    stage.archive_all()?;
    stage.archive_with(Who::Theirs)?;
    stage.cluster.reload()?;
    stage.cluster.sql("insert into t values (1)")?;
    stage.archive_all()?;
    stage.cluster.stop(StopMode::Fast)?;
    let segment = |name: &String| {
        let name = name.rsplit('/').next()?;
        (name.len() > 64).then(|| name[..24].to_owned())
    };
    let mut archived: Vec<String> = stage.objects()?.iter().filter_map(segment).collect();
    archived.sort();
    if archived.len() < 2 {
        return Err(format!("archived are {archived:?}").into());
    }
    for segment in &archived {
        let mut contents = Vec::new();
        for who in BOTH {
            let fetched = wal.join("RECOVERYXLOG");
            stage.run(
                who,
                &["archive-get", segment, &fetched.display().to_string()],
            )?;
            contents.push(std::fs::read(&fetched)?);
            std::fs::remove_file(&fetched)?;
        }
        if contents[0] != contents[1] || contents[0].is_empty() {
            return Err(format!("{segment} comes with different bytes").into());
        }
        let again = stage.cluster.scratch().write(segment, &contents[0])?;
        let other = stage.cluster.scratch().make_dir("other")?.join(segment);
        if let Some(last) = contents[0].last_mut() {
            *last ^= 1;
        }
        std::fs::write(&other, &contents[0])?;
        for who in BOTH {
            // The same again is no error, another one of that name is.
            stage.run(who, &["archive-push", &again.display().to_string()])?;
            stage
                .outcome(who, &["archive-push", &other.display().to_string()])?
                .expect_code(45)?;
        }
    }
    let nothing = wal.join("RECOVERYXLOG").display().to_string();
    for who in BOTH {
        stage
            .outcome(who, &["archive-get", "00000001000000000000FFFF", &nothing])?
            .expect_code(1)?;
    }
    Ok(())
}
