//! The life of a repository in a bucket, with every command that has to do with it.

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::TestResult;

use crate::stage::{Stage, Who, must_have, same};
use crate::store::Store;

/// Backups of all types, what is told of them, recovery to the end, to a point and over an old copy.
pub(crate) fn backups(program: &Program, store: &Store) -> TestResult {
    let options = [
        ("repo1-bundle", "y"),
        ("repo1-block", "y"),
        ("process-max", "2"),
        ("repo1-cipher-type", "aes-256-cbc"),
        ("repo1-cipher-pass", "a pass of the suite"),
    ];
    let stage = Stage::new(program, store, &options)?;
    let sql = |text: &str| stage.cluster.sql(text);
    let run = |arguments: &[&str]| stage.run(Who::Ours, arguments);
    run(&["check"])?;
    sql("create table t (id int generated always as identity, what text)")?;
    // Larger than a part of an upload.
    sql(
        "create table large as select g id, sha512(g::text::bytea) v from generate_series(1, 90000) g",
    )?;
    for kind in ["full", "diff", "incr"] {
        sql(&format!("insert into t (what) values ('before {kind}')"))?;
        sql("update large set v = sha512(v) where id % 1000 = 0")?;
        run(&[&format!("--type={kind}"), "backup"])?;
    }
    sql("select pg_create_restore_point('here')")?;
    sql("insert into t (what) values ('after the point')")?;
    stage.archive_all()?;
    stage.both_agree()?;
    stage.both_say(&[
        &["repo-ls", "backup/main"],
        &["--recurse", "--output=json", "repo-ls"],
        &["--recurse", "--sort=desc", "repo-ls", "archive"],
        &["--filter=\\.info$", "--recurse", "repo-ls"],
        &["repo-ls", "backup/main/backup.info"],
        &["repo-ls", "nothing"],
        &["repo-get", "backup/main/backup.info"],
    ])?;

    let newest = stage.labels()?.pop().ok_or("there is no backup")?;
    let set = format!("--set={newest}");
    run(&[&set, "--annotation=why=because", "annotate"])?;
    must_have(&run(&[&set, "info"])?.stdout, "why: because")?;
    must_have(
        &stage.run(Who::Theirs, &[&set, "info"])?.stdout,
        "why: because",
    )?;
    let missing = ["--raw", "repo-get", "backup/main/nothing"];
    for arguments in [
        &missing[..],
        &[&["--ignore-missing"], &missing[..]].concat(),
    ] {
        let code = stage.outcome(Who::Theirs, arguments)?.code;
        stage.outcome(Who::Ours, arguments)?.expect_code(code)?;
    }

    let expected = "before full,before diff,before incr";
    let point = ["--type=name", "--target=here", "--target-action=promote"];
    let (rows, _) = stage.restored("point", &point)?;
    same("to the point", expected, &rows)?;
    let all = format!("{expected},after the point");
    let (rows, copy) = stage.restored("end", &[])?;
    same("to the end", &all, &rows)?;
    // The copy went its own way since; a delta brings it back, by either program.
    for who in [Who::Ours, Who::Theirs] {
        std::fs::write(copy.join("PG_VERSION"), "99\n")?;
        std::fs::remove_file(copy.join("postgresql.auto.conf"))?;
        let rows = stage.restored_into(who, &copy, &["--delta"])?;
        same("by delta", &all, &rows)?;
    }
    doctor(&stage)
}

/// `doctor` can look at all, and what it finds of a bucket without versions is true.
fn doctor(stage: &Stage<'_>) -> TestResult {
    let found = stage.own(&["doctor"])?;
    let warned: Vec<&str> = found
        .stdout
        .lines()
        .filter(|line| line.starts_with("WARN") || line.starts_with("FAIL"))
        // The disk of the test's own machine may be nearly full.
        .filter(|line| !line.starts_with("WARN: room for "))
        .collect();
    let removal = "WARN: what a thief of the credentials could delete (removal, repo1)";
    if warned != [removal] {
        return Err(format!("{warned:?}:\n{}\n{}", found.stdout, found.stderr).into());
    }
    must_have(&found.stdout, "0 failed, ")
}

/// Retention, and an end of everything: what is removed is gone, and nothing else.
pub(crate) fn expires_and_ends(program: &Program, store: &Store) -> TestResult {
    let stage = Stage::new(
        program,
        store,
        &[("repo1-retention-full", "1"), ("start-fast", "y")],
    )?;
    let sql = |text: &str| stage.cluster.sql(text);
    sql("create table t (id int generated always as identity, what text)")?;
    let run = |arguments: &[&str]| stage.run(Who::Ours, arguments);
    run(&["--type=full", "backup"])?;
    run(&["--type=diff", "--repo1-bundle", "backup"])?;
    let old = stage.labels()?;
    sql("insert into t (what) values ('x')")?;
    run(&[
        "--type=full",
        "--no-expire-auto",
        "--repo1-bundle",
        "backup",
    ])?;
    let before = stage.objects()?;
    let of_old = |name: &&String| {
        name.starts_with("backup/main/2")
            && old.iter().any(|label| name.contains(&format!("/{label}/")))
    };
    if before.iter().filter(of_old).count() < 100 {
        return Err(format!("the old sets are not there: {before:?}").into());
    }
    run(&["expire"])?;
    let after = stage.objects()?;
    let left: Vec<&String> = after.iter().filter(of_old).collect();
    if !left.is_empty() {
        return Err(format!("expire left {left:?}").into());
    }
    stage.both_agree()?;
    if after
        .iter()
        .filter(|name| name.starts_with("archive/"))
        .count()
        >= before
            .iter()
            .filter(|name| name.starts_with("archive/"))
            .count()
    {
        return Err("expire left all WAL".into());
    }
    // Each expires what the other wrote.
    for who in [Who::Theirs, Who::Ours] {
        stage.run(who, &["--type=full", "--repo1-bundle", "backup"])?;
    }
    stage.both_agree()?;

    stage
        .cluster
        .stop(pgkeep_testkit::cluster::StopMode::Fast)?;
    run(&["stop"])?;
    run(&["stanza-delete"])?;
    let left = stage.objects()?;
    if !left.is_empty() {
        return Err(format!("stanza-delete left {left:?}").into());
    }
    must_have(
        &stage.outcome(Who::Theirs, &["info"])?.stdout,
        "missing stanza path",
    )
}
