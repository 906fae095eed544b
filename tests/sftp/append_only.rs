//! An account that may only add: everything a cluster's host does goes through it, and nothing that is there ever changes.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use pgkeep_testkit::compare::{Ignore, Snapshot};
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::{Outcome, Program};
use pgkeep_testkit::sftp_server::{SftpServer, SftpServerBuilder};
use pgkeep_testkit::suite::TestResult;

use crate::stage::{Options, Stage};
use crate::{Result, Test};

pub(crate) const TESTS: &[(&str, Test)] = &[
    (
        "a_server_without_hard_links_is_refused_and_gets_no_file",
        no_hard_links,
    ),
    (
        "a_server_that_refuses_too_little_is_refused_and_gets_no_file",
        not_protected,
    ),
    (
        "what_changes_a_repository_is_refused_through_an_account_that_only_adds",
        refused,
    ),
    (
        "a_backup_that_was_killed_is_begun_anew_by_an_account_that_only_adds",
        begun_anew,
    ),
    (
        "the_audit_passes_an_account_that_can_change_nothing",
        audited,
    ),
];

/// What the account may not ask for.
const DENIED: &str = "remove,rmdir,rename,posix-rename,setstat,fsetstat,lsetstat,symlink";

/// A server whose account may only add.
pub(crate) fn server() -> SftpServerBuilder {
    server_without("")
}

/// One that lacks other requests besides; they begin with a comma.
pub(crate) fn server_without(also: &str) -> SftpServerBuilder {
    SftpServer::builder().line(format!("ForceCommand internal-sftp -P {DENIED}{also}"))
}

/// A server with such an account and a second one that may do everything.
pub(crate) fn with_keeper() -> SftpServerBuilder {
    let line = format!("ForceCommand internal-sftp -P {DENIED}");
    SftpServer::builder().keeper().account_line(line)
}

pub(crate) fn stage<'a>(program: &'a Program, options: Options<'_>) -> Result<Stage<'a>> {
    let mut stage = Stage::on(program, server(), options)?;
    stage.set("repo1-sftp-append-only", "y");
    stage.set("log-level-console", "info");
    Ok(stage)
}

/// Under its own name: the option is not pgBackRest's.
pub(crate) fn run(stage: &Stage<'_>, arguments: &[&str]) -> Result<Outcome> {
    Ok(stage.ours_with(&[], arguments)?.success()?)
}

/// Every file that has its final name, with what must never change of it.
pub(crate) type Files = BTreeMap<PathBuf, (u64, u32, Vec<u8>)>;

/// All files below `root` that are published; each must be one that nobody may write.
pub(crate) fn published(root: &Path) -> Result<Files> {
    let mut files = Files::new();
    let mut left = vec![root.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in std::fs::read_dir(directory)? {
            let path = entry?.path();
            let about = path.symlink_metadata()?;
            if about.is_dir() {
                left.push(path);
            } else if !path.to_string_lossy().ends_with(".pgbackrest.tmp") {
                let mode = about.permissions().mode() & 0o7777;
                let bytes = std::fs::read(&path)?;
                files.insert(path, (about.ino(), mode, bytes));
            }
        }
    }
    Ok(files)
}

/// Everything of before is there as it was, and all is closed to writers.
pub(crate) fn only_added(before: &Files, root: &Path) -> Result<Files> {
    let after = published(root)?;
    for (path, was) in before {
        if after.get(path) != Some(was) {
            return Err(format!("{} has changed or is gone", path.display()).into());
        }
    }
    for (path, (_, mode, _)) in &after {
        if mode & 0o222 != 0 {
            return Err(format!("{} has mode {mode:o}", path.display()).into());
        }
    }
    Ok(after)
}

pub(crate) fn life(program: &Program, options: Options<'_>) -> TestResult {
    let stage = stage(program, options)?;
    let root = stage.server.files().to_owned();
    let builder = DataDirBuilder::new("15")?;
    run(&stage, &["--no-online", "stanza-create"])?;
    let mut files = only_added(&Files::new(), &root)?;
    run(&stage, &["--no-online", "stanza-create"])?;
    let write = |name: &str, bytes: Vec<u8>| stage.scratch.write(format!("data/{name}"), bytes);
    let segment = "pg_wal/000000010000000000000001";
    let history = "pg_wal/00000002.history";
    write(segment, builder.wal_segment(1))?;
    write(
        history,
        b"1\t0/3000000\tno recovery target specified\n".to_vec(),
    )?;
    let path_of = |name: &str| {
        stage
            .scratch
            .join(format!("data/{name}"))
            .display()
            .to_string()
    };
    // The same once more is a success, as after an answer that was lost.
    for name in [segment, history, segment, history] {
        run(&stage, &["archive-push", &path_of(name)])?;
        files = only_added(&files, &root)?;
    }
    write(segment, builder.wal_segment(2))?;
    write(
        history,
        b"1\t0/4000000\tno recovery target specified\n".to_vec(),
    )?;
    for name in [segment, history] {
        let outcome = stage.ours_with(&[], &["archive-push", &path_of(name)])?;
        // As with pgBackRest: one of a list for a segment of several repositories.
        if outcome.code != 45 {
            return Err(format!("{name}: {outcome:?}").into());
        }
    }
    write(segment, builder.wal_segment(1))?;
    files = only_added(&files, &root)?;

    let backup = |kind: &str| {
        run(
            &stage,
            &["--no-online", &format!("--type={kind}"), "backup"],
        )
    };
    for (number, kind) in ["full", "incr", "diff", "incr", "full"].iter().enumerate() {
        write("postgresql.conf", vec![b'#'; number + 1])?;
        let said = backup(kind)?.stdout;
        if !said.contains("expire is not run here") {
            return Err(format!("the log does not say that nothing is expired:\n{said}").into());
        }
        files = only_added(&files, &root)?;
        let info = run(&stage, &["info"])?.stdout;
        if info.matches(" backup: ").count() != number + 1 {
            return Err(format!("after {} backups:\n{info}", number + 1).into());
        }
    }
    let info = run(&stage, &["info"])?.stdout;
    if info.matches("incr backup: ").count() != 2 || info.matches("diff backup: ").count() != 1 {
        return Err(format!("a type of backup has changed:\n{info}").into());
    }
    let verified = run(&stage, &["--output=text", "--verbose", "verify"])?.stdout;
    if !verified.contains("status: ok") {
        return Err(format!("not whole:\n{verified}").into());
    }
    let keeper = "retention by another account";
    let verbose = ["--verbose", "doctor"];
    let doctor = stage.ours_with(&[], &verbose)?.stdout;
    if !doctor.contains(keeper) || doctor.contains(&format!("WARN: {keeper}")) {
        return Err(format!("doctor does not look for who runs expire:\n{doctor}").into());
    }
    // As if nobody had run it for three days.
    let list = root.join("backup/main/backup.info");
    let before = std::fs::metadata(&list)?.modified()?;
    let set_time = |time| std::fs::File::open(&list).and_then(|file| file.set_modified(time));
    set_time(before - std::time::Duration::from_secs(3 * 86_400))?;
    let doctor = stage.ours_with(&[], &["doctor"])?.stdout;
    set_time(before)?;
    if !doctor.contains(&format!("WARN: {keeper}")) {
        return Err(format!("doctor does not miss expire:\n{doctor}").into());
    }
    let fetched = stage.scratch.join("data/pg_wal/RECOVERYXLOG");
    let to = fetched.display().to_string();
    run(&stage, &["archive-get", "000000010000000000000001", &to])?;
    if std::fs::read(&fetched)? != builder.wal_segment(1) {
        return Err("the segment came back with other bytes".into());
    }
    std::fs::remove_file(fetched)?;
    let copy = stage.scratch.make_dir("copy")?;
    let place = format!("--pg1-path={}", copy.display());
    run(&stage, &[&place, "--type=none", "restore"])?;
    let ignore = Ignore::of_restore();
    let data = Snapshot::of(&stage.scratch.join("data"), &ignore)?;
    data.must_equal(&Snapshot::of(&copy, &ignore)?)?;
    only_added(&files, &root)?;
    pgbackrest_sees_all_once_it_is_kept(&stage)
}

fn pgbackrest_sees_all_once_it_is_kept(stage: &Stage<'_>) -> TestResult {
    let pgbackrest = PgBackRest::mandatory()?;
    let config = format!("--config={}", stage.local()?.display());
    let arguments = [config.as_str(), "--stanza=main"];
    let info = |pgbackrest: &PgBackRest| -> Result<usize> {
        let said = pgbackrest
            .run(arguments.iter().chain(&["info"]))?
            .success()?;
        Ok(said.stdout.matches(" backup: ").count())
    };
    let before = info(&pgbackrest)?;
    stage.local_run(&["expire"])?;
    // Two full backups are kept, with all that depends on them.
    let after = info(&pgbackrest)?;
    if (before, after) != (0, 5) {
        return Err(format!("pgBackRest saw {before} backups, and then {after}").into());
    }
    let verify = ["--output=text", "--verbose", "verify"];
    let verified = pgbackrest.run(arguments.iter().chain(&verify))?.success()?;
    if !verified.stdout.contains("status: ok") || verified.stdout.contains("status: invalid") {
        return Err(format!("pgBackRest:\n{}", verified.stdout).into());
    }
    // What keeps the repository does not open it to the other account.
    only_added(&Files::new(), stage.server.files())?;
    Ok(())
}

fn no_hard_links(program: &Program) -> TestResult {
    let server =
        SftpServer::builder().line(format!("ForceCommand internal-sftp -P hardlink,{DENIED}"));
    let mut stage = Stage::on(program, server, &[])?;
    stage.set("repo1-sftp-append-only", "y");
    let outcome = stage.ours_with(&[], &["--no-online", "stanza-create"])?;
    if outcome.code == 0
        || !outcome.stdout.contains("hardlink@openssh.com")
        || !outcome.stdout.contains("HINT: use OpenSSH")
    {
        return Err(format!("{outcome:?}").into());
    }
    if std::fs::read_dir(stage.server.files())?.next().is_some() {
        return Err("something was written".into());
    }
    Ok(())
}

/// Where the server refuses nothing, or forgets a request, the account protects nothing: that is told before a file gets its name.
fn not_protected(program: &Program) -> TestResult {
    for (allowed, may) in [
        (DENIED, "remove, rename, chmod"),
        ("remove", "remove"),
        ("posix-rename", "rename"),
        ("fsetstat", "chmod"),
    ] {
        let denied: Vec<&str> = DENIED
            .split(',')
            .filter(|one| !allowed.split(',').any(|other| other == *one))
            .collect();
        let server = match denied.is_empty() {
            true => SftpServer::builder(),
            false => SftpServer::builder().line(format!(
                "ForceCommand internal-sftp -P {}",
                denied.join(",")
            )),
        };
        let mut stage = Stage::on(program, server, &[])?;
        stage.set("repo1-sftp-append-only", "y");
        let outcome = stage.ours_with(&[], &["--no-online", "stanza-create"])?;
        let words = format!("the server lets this account {may} files");
        for part in [&words[..], "HINT: have the server refuse it"] {
            if outcome.code == 0 || !outcome.stdout.contains(part) {
                return Err(format!("no '{part}' for {allowed}: {outcome:?}").into());
            }
        }
        let doctor = stage.ours_with(&[], &["doctor"])?;
        if !doctor.stdout.contains("FAIL: writing to the repository")
            || !doctor
                .stdout
                .contains("mend with: have the server refuse it")
        {
            return Err(format!("{allowed}: {doctor:?}").into());
        }
        let files = published(stage.server.files())?;
        if !files.is_empty() {
            return Err(format!("{allowed}: {:?}", files.keys()).into());
        }
    }
    Ok(())
}

/// Each command that changes or removes files says so, says who can do it, and changes nothing: by the option, and where the
/// configuration lacks it by the server.
fn refused(program: &Program) -> TestResult {
    let cipher = [
        ("repo1-cipher-type", "aes-256-cbc"),
        ("repo1-cipher-pass", "x"),
    ];
    let stage = stage(program, &cipher)?;
    run(&stage, &["--no-online", "stanza-create"])?;
    run(&stage, &["--no-online", "--type=full", "backup"])?;
    run(&stage, &["--no-online", "--type=full", "backup"])?;
    let root = stage.server.files();
    let before = published(root)?;
    let label = newest_set(&root.join("backup/main"))?;
    let set = format!("--set={label}");
    let directory = format!("backup/main/{label}");
    run(&stage, &["stop"])?;
    let delete = ["stanza-delete"];
    // The codes of a bad option, and of errors in one repository of several.
    let table: [(&[&str], i32); 9] = [
        (&delete, 31),
        (&["--force", "stanza-delete"], 31),
        (&["expire"], 31),
        (&["--repo1-retention-full=1", "expire"], 31),
        (&[&set, "expire"], 31),
        (&[&set, "--annotation=a=b", "annotate"], 104),
        (&["--no-online", "stanza-upgrade"], 31),
        (&["repo-rm", "archive/main/archive.info"], 31),
        (&["repo-rm", "--recurse", &directory], 31),
    ];
    for (arguments, code) in table {
        if arguments != delete {
            // Only that needs a stop file, which stops the others.
            run(&stage, &["start"])?;
        }
        let outcome = stage.ours_with(&[], arguments)?;
        if outcome.code != code
            || !outcome
                .stdout
                .contains("which repo1-sftp-append-only rules out")
            || !outcome.stdout.contains("HINT: run it on the SFTP host")
        {
            return Err(format!("{arguments:?}: {outcome:?}").into());
        }
        if published(root)? != before {
            return Err(format!("{arguments:?} has changed something").into());
        }
    }
    let rekey = [("repo1-cipher-pass-new", "y")];
    let outcome = stage.ours_with(&rekey, &["repo-rekey"])?;
    if outcome.code != 31 || !outcome.stdout.contains("HINT: run it on the SFTP host") {
        return Err(format!("repo-rekey: {outcome:?}").into());
    }
    run(&stage, &["--dry-run", "expire"])?;
    if published(root)? != before {
        return Err("something was changed".into());
    }
    // The server refuses what the option would have.
    for (arguments, _) in table {
        let outcome = stage.ours_with(&[("repo1-sftp-append-only", "")], arguments)?;
        if outcome.code == 0 && !arguments.contains(&"stanza-upgrade") {
            return Err(format!("{arguments:?} without the option: {outcome:?}").into());
        }
        if published(root)? != before {
            return Err(format!("{arguments:?} without the option has changed something").into());
        }
    }
    // A backup does its work. That nothing is expired after it is told, whether that was asked for or not.
    let backup = [
        "--no-online",
        "--type=full",
        "--repo1-retention-full=1",
        "--expire-auto",
        "backup",
    ];
    let said = run(&stage, &backup)?.stdout;
    if !said.contains("expire is not run here") {
        return Err(format!("it is not told:\n{said}").into());
    }
    only_added(&before, root)?;
    Ok(())
}

/// A set that was never finished stays as it is, and the next backup succeeds beside it.
fn begun_anew(program: &Program) -> TestResult {
    let stage = stage(program, &[])?;
    run(&stage, &["--no-online", "stanza-create"])?;
    run(&stage, &["--no-online", "--type=full", "backup"])?;
    let root = stage.server.files().to_owned();
    let sets = root.join("backup/main");
    // What a run leaves that was killed before the end: everything but the manifest.
    let finished: Vec<PathBuf> = published(&sets)?
        .into_keys()
        .filter(|path| path.ends_with("backup.manifest"))
        .collect();
    std::fs::remove_file(&finished[0])?;
    let before = published(&root)?;
    let said = run(&stage, &["--no-online", "--type=full", "backup"])?.stdout;
    if !said.contains("is begun anew") {
        return Err(format!("it is not told:\n{said}").into());
    }
    only_added(&before, &root)?;
    stage.local_run(&["expire"])?;
    let unfinished = finished[0].parent().ok_or("no parent")?;
    if unfinished.exists() {
        return Err("the set that was never finished is still there".into());
    }
    let verified = run(&stage, &["--output=text", "--verbose", "verify"])?.stdout;
    if !verified.contains("status: ok") {
        return Err(format!("not whole:\n{verified}").into());
    }
    Ok(())
}

/// Label of the newest directory.
pub(crate) fn newest_set(sets: &Path) -> Result<String> {
    let mut labels = Vec::new();
    for entry in std::fs::read_dir(sets)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with('F') {
            labels.push(name);
        }
    }
    labels.sort();
    labels.pop().ok_or_else(|| "no set".into())
}

/// As [`only_added`], whatever was added.
pub(crate) fn only_unchanged(before: &Files, root: &Path) -> TestResult {
    let after = published(root)?;
    match before
        .iter()
        .find(|(path, was)| after.get(*path) != Some(*was))
    {
        Some((path, _)) => Err(format!("{} has changed or is gone", path.display()).into()),
        None => Ok(()),
    }
}

/// What the audit says about finished backups, of an account that is closed and of one that only says so.
fn audited(program: &Program) -> TestResult {
    let closed = stage(program, &[])?;
    run(&closed, &["--no-online", "stanza-create"])?;
    let before = published(closed.server.files())?;
    expect_change(&closed, "refused", "pass")?;
    only_unchanged(&before, closed.server.files())?;
    // An info file that somebody else has made.
    crate::stage::mode(
        &closed.server.files().join("backup/main/backup.info"),
        0o640,
    )?;
    expect_change(&closed, "refused, but the account may write '", "risk")?;
    tried_out_is_removed(&closed)?;
    let mut open = Stage::new(program, &[])?;
    open.set("repo1-sftp-append-only", "y");
    expect_change(&open, "the account may date back, overwrite,", "risk")
}

/// What the audit, the probe and the doctor have left is removed by who keeps the repository, when it is a day old.
fn tried_out_is_removed(stage: &Stage<'_>) -> TestResult {
    let root = stage.server.files();
    crate::stage::mode(&root.join("backup/main/backup.info"), 0o440)?;
    run(stage, &["sftp-probe"])?;
    stage.ours_with(&[], &["doctor"])?;
    let tried = || -> Result<Vec<PathBuf>> {
        let entries = std::fs::read_dir(root)?.collect::<std::io::Result<Vec<_>>>()?;
        Ok(entries
            .iter()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(".pgkeep-"))
            .map(std::fs::DirEntry::path)
            .collect())
    };
    let made = tried()?;
    for command in ["audit", "probe", "doctor"] {
        let name = format!(".pgkeep-{command}-");
        if !made
            .iter()
            .any(|path| path.display().to_string().contains(&name))
        {
            return Err(format!("nothing of {command} is left: {made:?}").into());
        }
    }
    stage.local_run(&["expire"])?;
    if tried()?.len() != made.len() {
        return Err("what may still be in use was removed".into());
    }
    let before = std::time::SystemTime::now() - std::time::Duration::from_secs(2 * 86_400);
    for path in &made {
        std::fs::File::open(path)?.set_modified(before)?;
    }
    stage.local_run(&["expire"])?;
    match tried()?.is_empty() {
        true => Ok(()),
        false => Err(format!("still there: {:?}", tried()?).into()),
    }
}

fn expect_change(stage: &Stage<'_>, seen: &str, grade: &str) -> TestResult {
    let outcome = stage.ours_with(&[], &["sftp-audit"])?;
    let found = outcome.stdout.lines().any(|line| {
        line.contains(grade) && line.contains("changing and removing finished backups")
    });
    if !found || !outcome.stdout.contains(seen) {
        return Err(format!("no '{grade}' with '{seen}': {}", outcome.stdout).into());
    }
    Ok(())
}
