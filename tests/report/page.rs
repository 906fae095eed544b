//! What the page says of a repository, whatever its state.

use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use super::stage::{Stage, has};

type Test = fn(&Program) -> TestResult;

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let tests: [(&str, Test); 4] = [
        ("the_page_tells_the_sets_of_a_real_repository", sets),
        ("a_repository_that_is_gone_is_told_on_the_page", gone),
        ("a_run_that_fails_leaves_the_old_page", kept),
        ("the_page_says_why_wal_cannot_be_read", unread),
    ];
    tests.into_iter().fold(suite, |suite, (name, test)| {
        let program = Arc::clone(program);
        suite.test(name, move || test(&program))
    })
}

fn sets(program: &Program) -> TestResult {
    let stage = Stage::new(program)?;
    let page = stage.report(&[])?;
    for label in stage.labels()? {
        has(&page, &label)?;
    }
    for part in [
        "Stanza main",
        "Stanza web",
        "encrypted with aes-256-cbc",
        "repo1-retention-full=1",
        "Goes after the next full backup:",
        "why: &lt;script&gt;",
        // A finding of doctor: the cluster does not run.
        "What to do",
        "missing stanza path",
    ] {
        has(&page, part)?;
    }
    // What report itself has no use for is asked by doctor all the same.
    let said = ["<script", "not a secret", "repo1-retention-full is not set"];
    if said.iter().any(|part| page.contains(part)) {
        return Err(page.into());
    }
    // Of one stanza alone, and without doctor.
    let page = stage.report(&["--stanza=main", "--no-report-doctor"])?;
    has(&page, "All is in order")?;
    if page.contains("Stanza web") {
        return Err(page.into());
    }
    Ok(())
}

fn gone(program: &Program) -> TestResult {
    let stage = Stage::new(program)?;
    let repo = stage.scratch.join("repo");
    std::fs::rename(&repo, stage.scratch.join("elsewhere"))?;
    has(&stage.report(&[])?, "missing stanza path")?;
    // Not even a directory.
    stage.scratch.write("repo", "a file")?;
    let page = stage.report(&[])?;
    has(&page, "Something has failed")?;
    has(&page, "unable to list")
}

fn kept(program: &Program) -> TestResult {
    let stage = Stage::new(program)?;
    let www = stage.scratch.make_dir("www")?;
    let file = stage.scratch.write("www/backups.html", "old")?;
    let option = format!("--report-file={}", file.display());
    // Nothing can be made in the directory.
    let closed = std::os::unix::fs::PermissionsExt::from_mode(0o555);
    std::fs::set_permissions(&www, closed)?;
    let failed = stage.run(&[option.as_str(), "--no-report-doctor", "report"])?;
    has(&failed.stderr, "unable to write the report")?;
    assert_eq!(failed.code, 64);
    assert_eq!(std::fs::read_to_string(&file)?, "old");
    std::fs::set_permissions(&www, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let outcome = stage.run(&[option.as_str(), "report"])?.success()?;
    assert_eq!(outcome.stdout, "");
    has(&std::fs::read_to_string(&file)?, "</html>")
}

fn unread(program: &Program) -> TestResult {
    let stage = Stage::new(program)?;
    let archive = stage.scratch.join("repo/archive/main/15-1");
    let sum = "0".repeat(40);
    for log in ["00000000", "00000001", "00000002"] {
        let path = archive.join(format!("00000001{log}"));
        std::fs::create_dir_all(&path)?;
        std::fs::write(path.join(format!("00000001{log}00000001-{sum}")), "")?;
    }
    stage.scratch.account().own_tree(&archive)?;
    // The first and the last one tell how far the WAL goes.
    let closed = archive.join("0000000100000001");
    std::fs::set_permissions(&closed, std::os::unix::fs::PermissionsExt::from_mode(0o0))?;
    let page = stage.report(&["--no-report-doctor"])?;
    std::fs::set_permissions(&closed, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    has(&page, "The WAL could not be read, so it is not known")?;
    has(
        &page,
        "000000010000000000000001 to 000000010000000200000001",
    )?;
    let why = format!("{}': [13] Permission denied", closed.display());
    has(&page, &why)
}
