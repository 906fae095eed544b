//! Another host that cannot be reached, or will not: what is said, with which code, and that nothing is left.

use std::os::unix::fs::PermissionsExt;

use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::TestResult;

use crate::Test;
use crate::stage::{Host, Stage};

pub const TESTS: &[(&str, Test)] = &[
    (
        "a_host_that_cannot_be_reached_is_named_with_what_ssh_says",
        unreachable,
    ),
    ("a_login_that_is_refused_is_told", login),
    (
        "a_program_that_is_not_there_or_not_configured_is_told",
        program,
    ),
    ("the_other_host_speaks_of_its_own_errors", raised),
    ("a_pgbackrest_on_the_other_host_is_recognized", old_version),
    ("commands_that_must_run_elsewhere_are_refused", elsewhere),
    ("what_a_login_prints_does_no_harm", banner),
    ("odd_characters_in_paths_arrive_as_they_are", odd),
];

fn unreachable(program: &Program) -> TestResult {
    let mut stage = Stage::at_rest(program)?;
    stage.set(Host::Pg, "repo1-host-port", "1")?;
    stage.fails(
        Host::Pg,
        &["repo-ls"],
        125,
        "remote-0 process on '127.0.0.1' terminated unexpectedly [255]: ssh: connect to host 127.0.0.1 port 1: Connection refused",
    )?;
    // What one repository does to info is told with the others.
    let info = stage.run(Host::Pg, &["info"])?.stdout;
    if !info.contains("error (other)") || !info.contains("[UnknownError] remote-0 process on") {
        return Err(info.into());
    }
    // Nothing on this host mends that.
    let doctor = stage.doctor(Host::Pg)?;
    if !doctor.contains("run pgkeep doctor there") || doctor.contains("chown") {
        return Err(doctor.into());
    }
    stage.set(Host::Pg, "repo1-host", "no-such-host.invalid")?;
    stage.fails(
        Host::Pg,
        &["repo-ls"],
        125,
        "remote-0 process on 'no-such-host.invalid' terminated unexpectedly [255]: ssh: Could not resolve hostname no-such-host.invalid: ",
    )?;
    stage.set(Host::Pg, "cmd-ssh", "/no/such/ssh -v")?;
    stage.fails(
        Host::Pg,
        &["repo-ls"],
        102,
        "unable to execute '/no/such/ssh -v': [2] No such file or directory",
    )?;
    stage.nothing_left()
}

fn login(program: &Program) -> TestResult {
    let mut stage = Stage::at_rest(program)?;
    stage.set(Host::Pg, "repo1-host-user", "nobody")?;
    stage.fails(
        Host::Pg,
        &["repo-ls"],
        125,
        "terminated unexpectedly [255]: nobody@127.0.0.1: Permission denied (publickey).",
    )?;
    let user = stage.server.user().to_owned();
    stage.set(Host::Pg, "repo1-host-user", &user)?;
    stage.scratch.write("known_hosts", "")?;
    stage.fails(
        Host::Pg,
        &["repo-ls"],
        125,
        "terminated unexpectedly [255]: No ED25519 host key is known for ",
    )?;
    stage.nothing_left()
}

fn program(program: &Program) -> TestResult {
    let mut stage = Stage::at_rest(program)?;
    stage.set(Host::Pg, "repo1-host-cmd", "/no/such/pgbackrest")?;
    stage.fails(
        Host::Pg,
        &["repo-ls"],
        125,
        "remote-0 process on '127.0.0.1' terminated unexpectedly [127]: ",
    )?;
    let path = program.path().display().to_string();
    stage.set(Host::Pg, "repo1-host-cmd", &path)?;
    stage.set(Host::Pg, "repo1-host-config", "/no/such.conf")?;
    stage.fails(
        Host::Pg,
        &["repo-ls"],
        55,
        "terminated unexpectedly [55]: ERROR: [055]: unable to open missing file '/no/such.conf' for read",
    )?;
    stage.nothing_left()
}

fn raised(program: &Program) -> TestResult {
    let stage = Stage::at_rest(program)?;
    stage.fails(
        Host::Pg,
        &["repo-get", "no/such/file"],
        55,
        "raised from remote-0 ssh protocol on '127.0.0.1': unable to open missing file '",
    )?;
    stage.nothing_left()
}

fn old_version(program: &Program) -> TestResult {
    let mut stage = Stage::at_rest(program)?;
    let pgbackrest = PgBackRest::mandatory()?;
    let path = pgbackrest.path().display().to_string();
    stage.set(Host::Pg, "repo1-host-cmd", &path)?;
    stage.fails(
        Host::Pg,
        &["repo-ls"],
        39,
        &format!(
            "pgBackRest {} answered on the other host",
            pgbackrest.version()
        ),
    )?;
    stage.nothing_left()?;
    // And the other way round it learns that the versions differ.
    let config = format!("--config={}", stage.config(Host::Pg).display());
    let ours = format!("--repo1-host-cmd={}", program.path().display());
    let outcome = pgbackrest
        .run([&*config, "--stanza=main", &ours, "repo-ls"])?
        .expect_code(39)?;
    let said = outcome.stdout + &outcome.stderr;
    if !said.contains("for greeting key 'version' but got 'pgkeep ") {
        return Err(said.into());
    }
    stage.nothing_left()
}

fn elsewhere(program: &Program) -> TestResult {
    let mut stage = Stage::at_rest(program)?;
    for (command, parameters) in [
        ("restore", &[][..]),
        ("archive-push", &["/pg_wal/000000010000000000000001"][..]),
        ("archive-get", &["000000010000000000000001", "/to"][..]),
    ] {
        let words: Vec<&str> = [command].iter().chain(parameters).copied().collect();
        stage.fails(
            Host::Repo,
            &words,
            72,
            &format!("{command} command must be run on the PostgreSQL host"),
        )?;
    }
    stage.set(Host::Repo, "repo1-host", "127.0.0.1")?;
    stage.fails(
        Host::Repo,
        &["backup"],
        27,
        "pg and repo hosts cannot both be configured as remote",
    )?;
    Ok(())
}

fn banner(program: &Program) -> TestResult {
    let mut stage = Stage::at_rest(program)?;
    let noisy = stage.scratch.write(
        "noisy",
        format!(
            "#!/bin/sh\necho 'Welcome to the backup host!'\necho 'You have mail.' >&2\nexec {} \"$@\"\n",
            program.path().display()
        ),
    )?;
    std::fs::set_permissions(&noisy, PermissionsExt::from_mode(0o755))?;
    stage.set(Host::Pg, "repo1-host-cmd", &noisy.display().to_string())?;
    stage.run(Host::Pg, &["repo-ls"])?;
    stage.nothing_left()
}

/// They pass the shell of the other host.
fn odd(program: &Program) -> TestResult {
    let mut stage = Stage::at_rest(program)?;
    let odd = stage.scratch.join("da'ta \"$HOME\" `id`; & % \\ \u{e9}");
    std::fs::rename(stage.scratch.join("data"), &odd)?;
    let odd = odd.display().to_string();
    for host in [Host::Pg, Host::Repo] {
        stage.set(host, "pg1-path", &odd)?;
    }
    stage.run(Host::Repo, &["--no-online", "stanza-create"])?;
    stage.run(Host::Repo, &["--no-online", "--type=full", "backup"])?;
    stage.run(Host::Pg, &["--no-online", "stanza-create"])?;
    let copy = stage.scratch.join("copy 'of' it").display().to_string();
    stage.run(
        Host::Pg,
        &[&format!("--pg1-path={copy}"), "--type=none", "restore"],
    )?;
    let (first, second) = (
        std::fs::read(format!("{odd}/base/1/16384"))?,
        std::fs::read(format!("{copy}/base/1/16384"))?,
    );
    if first != second {
        return Err("the restored file is another one".into());
    }
    stage.nothing_left()
}
