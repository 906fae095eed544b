//! The script on the SFTP host: run once, run again and undone, refused, failed and taken back.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::desk::{Desk, Result, says};

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    for newest in [false, true] {
        let name = if newest {
            "the_newest_openssh"
        } else {
            "this_systems_openssh"
        };
        let mut test = |what: &str, run: fn(&Program, bool) -> TestResult| {
            let program = Arc::clone(program);
            let taken = std::mem::replace(&mut suite, Suite::new("sftp_setup"));
            suite = taken.test(format!("{what}_on_{name}"), move || run(&program, newest));
        };
        test("the_script_runs_twice_and_its_undo_leaves_nothing", life);
        test(
            "a_part_that_sshd_does_not_accept_is_taken_back",
            broken_dropin,
        );
    }
    for (name, run) in [
        (
            "a_restriction_that_is_not_in_force_takes_all_back",
            not_in_force as fn(&Program) -> TestResult,
        ),
        (
            "what_is_not_ready_is_refused_before_anything_is_changed",
            refused,
        ),
        (
            "an_undo_keeps_backups_and_a_new_run_gives_them_back",
            keeps_backups,
        ),
    ] {
        let program = Arc::clone(program);
        suite = suite.test(name, move || run(&program));
    }
    suite
}

/// Neither the host's part of the account, nor anything else, may be the account's to write.
fn is_closed(desk: &Desk) -> Result<()> {
    for path in [
        "/srv/sftp/pgbackup",
        "/etc/ssh/authorized_keys.d",
        "/etc/ssh/authorized_keys.d/pgbackup",
    ] {
        let found = std::fs::metadata(desk.machine.path(path))?;
        if found.uid() != 0 || found.permissions().mode() & 0o022 != 0 {
            return Err(format!("{path} can be written by others than root").into());
        }
    }
    let shadow = std::fs::read_to_string(desk.machine.path("/etc/shadow"))?;
    says(&shadow, "pgbackup:*:")?;
    let passwd = std::fs::read_to_string(desk.machine.path("/etc/passwd"))?;
    says(&passwd, ":/upload:/usr/sbin/nologin\n")?;
    let keys = std::fs::read_to_string(desk.machine.path("/etc/ssh/authorized_keys.d/pgbackup"))?;
    if !keys.starts_with("restrict,from=\"127.0.0.0/8\" ssh-ed25519 ") || keys.lines().count() != 1
    {
        return Err(format!("authorized keys: {keys}").into());
    }
    // The chroot: what is seen, and what can be written.
    desk.sftp("ls /upload\nmkdir /upload/x\nrmdir /upload/x")?
        .success()?;
    let root = desk.sftp("ls -1 /")?.success()?.stdout;
    if root
        .lines()
        .filter(|line| !line.starts_with("sftp>"))
        .ne(["/upload"])
    {
        return Err(format!("the account sees {root}").into());
    }
    let refused = desk.sftp("mkdir /x")?;
    if refused.code == 0 {
        return Err("the account can write beside its directory".into());
    }
    Ok(())
}

fn life(program: &Program, newest: bool) -> TestResult {
    let desk = Desk::new(program, newest)?;
    let before = desk.machine.snapshot()?;
    desk.prepared(&["--sftp-from=127.0.0.0/8"])?;
    let first = desk.run_script(&[])?.success()?;
    says(&first.stdout, "ready: pgbackup may do SFTP")?;
    says(&first.stdout, &desk.machine.fingerprint()?)?;
    is_closed(&desk)?;
    // Some days pass.
    desk.machine
        .shell("sed -i 's/^pgbackup:\\*:[0-9]*:/pgbackup:*:19000:/' /etc/shadow")?
        .success()?;
    let once = desk.machine.snapshot()?;
    desk.run_script(&[])?.success()?;
    once.must_equal(&desk.machine.snapshot()?)?;
    is_closed(&desk)?;
    desk.run_script(&["--undo"])?.success()?;
    before.must_equal(&desk.machine.snapshot()?)?;
    if desk.sftp("ls")?.code == 0 {
        return Err("the key still logs in".into());
    }
    says(
        &desk.run_script(&["--undo"])?.success()?.stdout,
        "nothing on this machine",
    )
}

fn change_script(desk: &Desk, from: &str, to: &str) -> Result<()> {
    let text = std::fs::read_to_string(desk.script())?;
    says(&text, from)?;
    std::fs::write(desk.script(), text.replace(from, to))?;
    Ok(())
}

fn broken_dropin(program: &Program, newest: bool) -> TestResult {
    let desk = Desk::new(program, newest)?;
    desk.prepared(&[])?;
    let before = desk.machine.snapshot()?;
    // As it would be with a server that does not know one of the words.
    change_script(&desk, "    PermitTTY no\n", "    PermitTeletype no\n")?;
    let failed = desk.run_script(&[])?.expect_code(1)?;
    says(&failed.stderr, "sshd does not accept the new part")?;
    says(&failed.stderr, "taken back")?;
    before.must_equal(&desk.machine.snapshot()?)?;

    // The same in a later run: the account goes on as it was.
    change_script(&desk, "    PermitTeletype no\n", "    PermitTTY no\n")?;
    desk.run_script(&[])?.success()?;
    let good = desk.machine.snapshot()?;
    change_script(&desk, "    PermitTTY no\n", "    PermitTeletype no\n")?;
    desk.run_script(&[])?.expect_code(1)?;
    good.must_equal(&desk.machine.snapshot()?)?;
    desk.sftp("ls /upload")?.success()?;
    Ok(())
}

fn not_in_force(program: &Program) -> TestResult {
    let desk = Desk::new(program, false)?;
    desk.prepared(&[])?;
    std::fs::write(
        desk.machine.path("/etc/ssh/sshd_config.d/00-other.conf"),
        "Match User pg*\n    PermitTunnel yes\n",
    )?;
    let before = desk.machine.snapshot()?;
    let failed = desk.run_script(&[])?.expect_code(1)?;
    says(&failed.stderr, "permittunnel no")?;
    before
        .must_equal(&desk.machine.snapshot()?)
        .map_err(Into::into)
}

fn refused(program: &Program) -> TestResult {
    let desk = Desk::new(program, false)?;
    desk.prepared(&[])?;
    let config = desk.machine.path("/etc/ssh/sshd_config");
    let good = std::fs::read_to_string(&config)?;
    let expect = |words: &str| -> Result<()> {
        let before = desk.machine.snapshot()?;
        let failed = desk.run_script(&[])?.expect_code(1)?;
        says(&failed.stderr, words)?;
        Ok(before.must_equal(&desk.machine.snapshot()?)?)
    };
    std::fs::write(&config, good.replace("Include ", "#Include "))?;
    expect("Include /etc/ssh/sshd_config.d/*.conf")?;
    std::fs::write(&config, good.replace("Subsystem sftp", "#Subsystem sftp"))?;
    expect("Subsystem sftp internal-sftp")?;
    std::fs::write(&config, format!("{good}Nonsense yes\n"))?;
    expect("does not accept its present configuration")?;
    std::fs::write(&config, &good)?;

    desk.machine.shell("useradd pgbackup")?.success()?;
    expect("the account pgbackup exists")?;
    desk.machine
        .shell("userdel pgbackup; groupdel pgbackup 2>/dev/null || :; groupadd pgbackup")?
        .success()?;
    expect("the group pgbackup exists")?;
    desk.machine
        .shell("groupdel pgbackup; chmod 777 /srv")?
        .success()?;
    expect("others than root can write /srv")?;
    desk.machine
        .shell("chmod 755 /srv; mkdir -p /srv/sftp/pgbackup/upload")?
        .success()?;
    expect("exists and was not made by this script")?;
    desk.machine
        .shell("rm -r /srv/sftp; ln -s /tmp /srv/sftp")?
        .success()?;
    expect("/srv/sftp is not a directory")
}

fn keeps_backups(program: &Program) -> TestResult {
    let desk = Desk::new(program, false)?;
    desk.prepared(&[])?;
    desk.run_script(&[])?.success()?;
    let file = desk.machine.scratch().write("backup", "a backup")?;
    let put = format!("put {} /upload/backup", file.display());
    desk.sftp(&put)?.success()?;
    says(
        &desk.run_script(&["--undo"])?.success()?.stdout,
        "kept: the backups in /srv/sftp/pgbackup/upload",
    )?;
    let kept = desk.machine.path("/srv/sftp/pgbackup/upload");
    let found = std::fs::metadata(&kept)?;
    if (found.uid(), found.permissions().mode() & 0o7777) != (0, 0o700) {
        return Err("what is kept is open to the next owner of the number".into());
    }
    desk.run_script(&[])?.success()?;
    desk.sftp("get /upload/backup /dev/null\nrm /upload/backup")?
        .success()?;
    desk.run_script(&["--undo"])?.success()?;
    if desk.machine.path("/srv/sftp").exists()
        || desk.machine.path("/etc/ssh/pgkeep-pgbackup.made").exists()
    {
        return Err("an empty directory was left".into());
    }
    Ok(())
}
