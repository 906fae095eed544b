//! Two accounts from one script: the one of the database host may only add, the other one keeps the repository.
//!
//! Both work with the lines that `sftp-setup` printed for them, as somebody would who follows it.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::desk::{Desk, Result, says};

/// Where the files are on the machine.
const UPLOAD: &str = "/srv/sftp/pgbackup/upload";

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    // The script's other tests run on both.
    let full = std::env::var_os("PGKEEP_TEST_FULL").is_some();
    for newest in [false, true].into_iter().filter(|newest| full || !newest) {
        let by = if newest { "the_newest" } else { "this_systems" };
        let program = Arc::clone(program);
        suite = suite.test(
            format!("one_account_adds_and_the_other_keeps_on_{by}_openssh"),
            move || life(&program, newest),
        );
    }
    for (name, run) in [
        (
            "an_ordinary_account_becomes_one_that_adds_or_stays_as_it_was",
            upgraded as fn(&Program) -> TestResult,
        ),
        (
            "two_accounts_that_cannot_be_made_are_refused_before_anything_is_changed",
            refused,
        ),
    ] {
        let program = Arc::clone(program);
        suite = suite.test(name, move || run(&program));
    }
    suite
}

/// A key of another host; only its public half is on the database host.
struct Keeper {
    private: PathBuf,
    public: PathBuf,
}

impl Keeper {
    fn new(desk: &Desk<'_>) -> Result<Self> {
        let scratch = desk.machine.scratch();
        let private = scratch.make_dir("another host")?.join("id_ed25519_sftp");
        run(scratch
            .account()
            .command("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(&private))?
        .success()?;
        let public = scratch.join("keeper.pub");
        std::fs::copy(private.with_extension("pub"), &public)?;
        Ok(Self { private, public })
    }

    fn option(&self) -> String {
        format!("--sftp-keeper-key={}", self.public.display())
    }
}

/// The configurations of both hosts, made of what was printed.
fn configurations(desk: &Desk<'_>, keeper: &Keeper, said: &str) -> Result<(PathBuf, PathBuf)> {
    let (_, lines) = said
        .split_once("lines for the configuration:\n\n")
        .ok_or("no lines")?;
    let (adds, keeps) = lines
        .split_once("\nlines for the configuration of the host that keeps the repository, which is never this one:\n\n")
        .ok_or_else(|| format!("no lines of the keeper: {lines}"))?;
    says(adds, "repo2-sftp-append-only=y\n")?;
    says(keeps, "repo1-sftp-host-pin=SHA256:")?;
    let scratch = desk.machine.scratch();
    let data = scratch.make_dir("data")?;
    DataDirBuilder::new("15")?.build(&data)?;
    scratch.account().own_tree(&data)?;
    let more = format!(
        "log-path={0}\nlock-path={0}\nlog-level-file=off\ncompress-type=none\n[main]\n",
        scratch.make_dir("run")?.display()
    );
    let adds = format!("{adds}{more}pg1-path={}\n", data.display());
    let own = keeper.private.display().to_string();
    let keeps = format!("{}{more}", keeps.replace("~/.ssh/id_ed25519_sftp", &own));
    Ok((
        scratch.write("adds.conf", adds)?,
        scratch.write("keeps.conf", keeps)?,
    ))
}

fn life(program: &Program, newest: bool) -> TestResult {
    let desk = Desk::new(program, newest)?;
    let keeper = Keeper::new(&desk)?;
    let before = desk.machine.snapshot()?;
    let said = desk
        .prepared(&[
            "--append-only",
            &keeper.option(),
            "--sftp-keeper-from=127.0.0.0/8",
        ])?
        .stdout;
    let (adds, keeps) = configurations(&desk, &keeper, &said)?;
    let ready = desk.run_script(&[])?.success()?.stdout;
    says(
        &ready,
        "ready: pgbackup may add files in /srv/sftp/pgbackup/upload, and change and remove none",
    )?;
    says(&ready, "ready: pgbackup-keeper may do SFTP")?;
    let once = desk.machine.snapshot()?;
    desk.run_script(&[])?.success()?;
    once.must_equal(&desk.machine.snapshot()?)?;
    let numbers = desk
        .machine
        .shell("id -u pgbackup; id -u pgbackup-keeper")?
        .success()?
        .stdout;
    let numbers: Vec<&str> = numbers.lines().collect();
    if numbers.len() != 2 || numbers[0] != numbers[1] || numbers[0] == "0" {
        return Err(format!("the accounts have the numbers {numbers:?}").into());
    }
    let key = std::fs::read_to_string(
        desk.machine
            .path("/etc/ssh/authorized_keys.d/pgbackup-keeper"),
    )?;
    says(&key, "restrict,from=\"127.0.0.0/8\" ssh-ed25519 ")?;

    let pgkeep = |config: &PathBuf, words: &[&str]| -> Result<Outcome> {
        let config = format!("--config={}", config.display());
        Ok(run(program
            .command()
            .args([config.as_str(), "--stanza=main"])
            .args(words))?)
    };
    pgkeep(&adds, &["--no-online", "stanza-create"])?.success()?;
    for _ in 0..3 {
        pgkeep(&adds, &["--no-online", "--type=full", "backup"])?.success()?;
        pgkeep(&keeps, &["expire"])?.success()?;
    }
    let info = pgkeep(&adds, &["info"])?.success()?.stdout;
    if info.matches("full backup: ").count() != 2 {
        return Err(format!("two backups are to be kept:\n{info}").into());
    }
    let config = format!("--config={}", adds.display());
    let audit = run(program.command().args([&config, "sftp-audit"]))?.stdout;
    let passes =
        |line: &str| line.contains("pass") && line.contains("changing and removing finished");
    if !audit.lines().any(passes) {
        return Err(format!("the audit does not pass:\n{audit}").into());
    }
    let list = "/upload/backup/main/backup.info";
    for request in [
        format!("rm {list}"),
        format!("rename {list} /upload/x"),
        format!("chmod 600 {list}"),
        format!("put {} {list}", adds.display()),
        "rmdir /upload/backup".into(),
    ] {
        if desk.sftp(&request)?.code == 0 {
            return Err(format!("the account that adds may '{request}'").into());
        }
    }
    desk.sftp_as(
        "pgbackup-keeper",
        &keeper.private,
        "mkdir /upload/x\nrmdir /upload/x",
    )?
    .success()?;
    // Neither key opens the other account.
    for (user, key) in [
        ("pgbackup", keeper.private.clone()),
        ("pgbackup-keeper", desk.key()),
    ] {
        if desk.sftp_as(user, &key, "ls /upload")?.code == 0 {
            return Err(format!("the other account's key opens {user}").into());
        }
    }

    says(
        &desk.run_script(&["--undo"])?.success()?.stdout,
        "taken back: the account pgbackup-keeper",
    )?;
    std::fs::remove_dir_all(desk.machine.path(UPLOAD))?;
    desk.run_script(&["--undo"])?.success()?;
    before.must_equal(&desk.machine.snapshot()?)?;
    Ok(())
}

fn upgraded(program: &Program) -> TestResult {
    let desk = Desk::new(program, false)?;
    let keeper = Keeper::new(&desk)?;
    desk.prepared(&[])?;
    let plain = std::fs::read_to_string(desk.script())?;
    desk.run_script(&[])?.success()?;
    let file = desk.machine.scratch().write("backup", "a backup")?;
    desk.sftp(&format!("put {} /upload/backup", file.display()))?
        .success()?;
    let ordinary = desk.machine.snapshot()?;

    desk.prepared(&["--append-only", &keeper.option()])?;
    let script = std::fs::read_to_string(desk.script())?;
    let broken = script.replace("    PermitTTY no\n", "    PermitTeletype no\n");
    std::fs::write(desk.script(), broken)?;
    says(
        &desk.run_script(&[])?.expect_code(1)?.stderr,
        "the changes of this run were taken back",
    )?;
    ordinary.must_equal(&desk.machine.snapshot()?)?;
    desk.sftp("rename /upload/backup /upload/b\nrename /upload/b /upload/backup")?
        .success()?;

    // A session that is open has the file open for writing, which no mode takes from it.
    std::fs::write(desk.script(), &script)?;
    let mut open = desk.open_session()?;
    let said = desk.run_script(&[])?.success()?.stdout;
    says(&said, "note: sessions of pgbackup were ended")?;
    open.wait()?;
    // Once more there is nothing to end.
    let said = desk.run_script(&[])?.success()?.stdout;
    if said.contains("were ended") {
        return Err(said.into());
    }
    let stored = desk.machine.path(UPLOAD).join("backup");
    let mode = std::fs::metadata(&stored)?.permissions().mode() & 0o222;
    if mode != 0 || desk.sftp("rm /upload/backup")?.code == 0 {
        return Err("what was there before can still be changed".into());
    }
    let closed = desk.machine.snapshot()?;

    // The script for one account would leave the other one without restrictions.
    std::fs::write(desk.script(), &plain)?;
    says(
        &desk.run_script(&[])?.expect_code(1)?.stderr,
        "the account pgbackup-keeper was made here",
    )?;
    says(
        &desk.run_script(&["--undo"])?.expect_code(1)?.stderr,
        "other keys use the account pgbackup-keeper",
    )?;
    closed.must_equal(&desk.machine.snapshot()?)?;
    Ok(())
}

fn refused(program: &Program) -> TestResult {
    let desk = Desk::new(program, false)?;
    let keeper = Keeper::new(&desk)?;
    // On the database host.
    let says_with = |arguments: &[&str], code: i32, words: &str| -> Result<()> {
        says(&desk.setup(arguments)?.expect_code(code)?.stdout, words)
    };
    let option = keeper.option();
    says_with(
        &[&option],
        31,
        "option 'sftp-keeper-key' not valid without option 'append-only'",
    )?;
    let both = format!("--sftp-keeper-key={}.pub", keeper.private.display());
    says_with(&["--append-only", &both], 32, "is on this host")?;
    says_with(
        &["--append-only", "--sftp-keeper-user=pgbackup"],
        32,
        "HINT: the account of this host has this name",
    )?;
    let private = format!("--sftp-keeper-key={}", keeper.private.display());
    let refused = desk.setup(&["--append-only", &private])?;
    says(&refused.stdout, "it is a private key")?;
    if refused.code == 0 || desk.key().exists() {
        return Err("something was made before it was refused".into());
    }
    desk.prepared(&["--append-only", &option])?;
    let own = desk.machine.scratch().join("own.pub");
    std::fs::copy(desk.key().with_extension("pub"), &own)?;
    let own = format!("--sftp-keeper-key={}", own.display());
    says_with(&["--append-only", &own], 32, "is the one of this host")?;

    // On the SFTP host.
    let expect = |words: &str| -> Result<()> {
        let before = desk.machine.snapshot()?;
        let failed = desk.run_script(&[])?.expect_code(1)?;
        says(&failed.stderr, words)?;
        Ok(before.must_equal(&desk.machine.snapshot()?)?)
    };
    desk.machine.shell("useradd pgbackup-keeper")?.success()?;
    expect("Choose another name for it (--sftp-keeper-user)")?;
    desk.machine
        .shell("userdel pgbackup-keeper; groupdel pgbackup-keeper 2>/dev/null || :")?
        .success()?;
    // A server of before the requests could be named that are refused.
    let sshd = desk.machine.shell("command -v sshd")?.success()?.stdout;
    let old = format!(
        "#!/bin/sh\n[ \"$1\" != -V ] || {{ echo 'OpenSSH_7.9p1 Debian-10, OpenSSL 1.1.1' >&2; exit 1; }}\nexec {} \"$@\"\n",
        sshd.trim()
    );
    let wrapper = desk.machine.path("/root/sshd");
    std::fs::write(&wrapper, old)?;
    desk.machine
        .shell("install -m 755 /root/sshd /usr/local/sbin/sshd")?
        .success()?;
    expect("needs OpenSSH 8.0 or later, and this is OpenSSH_7.9")
}
