//! The database host's side: nothing is trusted unless its fingerprint was compared, and nothing is written over.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::sync::Arc;

use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::desk::{Desk, Result, says};

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    for (name, run) in [
        (
            "only_a_confirmed_key_becomes_known",
            fingerprints as fn(&Program) -> TestResult,
        ),
        ("a_user_at_the_terminal_is_asked", terminal),
        (
            "pgbackrest_does_not_know_the_command",
            unknown_to_pgbackrest,
        ),
    ] {
        let program = Arc::clone(program);
        suite = suite.test(name, move || run(&program));
    }
    suite
}

fn fingerprints(program: &Program) -> TestResult {
    let desk = Desk::new(program, false)?;
    // Nobody there: the script is printed all the same, and nothing is trusted.
    let nobody = desk.setup(&[])?.expect_code(37)?;
    says(&nobody.stdout, "requires option: fingerprint")?;
    says(
        &nobody.stdout,
        &format!("ED25519 {}", desk.machine.fingerprint()?),
    )?;
    if !nobody.stdout.starts_with("#!/bin/sh\n") || desk.known_hosts().exists() {
        return Err(format!("no script, or known hosts:\n{}", nobody.stdout).into());
    }
    let mode = std::fs::metadata(desk.key())?.permissions().mode() & 0o7777;
    if mode != 0o600 {
        return Err(format!("mode of the key: {mode:o}").into());
    }
    let key = std::fs::read(desk.key())?;

    let wrong = format!("--fingerprint=SHA256:{}", "A".repeat(43));
    let refused = desk.setup(&[&wrong])?.expect_code(101)?;
    says(&refused.stdout, "no host key of '[127.0.0.1]:")?;
    let md5 = desk.setup(&["--fingerprint=MD5:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff"])?;
    says(&md5.expect_code(32)?.stdout, "for 'fingerprint' option")?;
    if desk.known_hosts().exists() {
        return Err("a wrong fingerprint made a known host".into());
    }

    let said = desk.prepared(&[])?.stdout;
    says(&said, "repo2-sftp-host-key-check-type=strict\n")?;
    let known = std::fs::read_to_string(desk.known_hosts())?;
    if known.lines().count() != 1
        || !known.starts_with(&format!(
            "[127.0.0.1]:{} ssh-ed25519 ",
            desk.machine.address().port()
        ))
    {
        return Err(format!("known hosts:\n{known}").into());
    }
    // Known now: no fingerprint is needed any more, and nothing is written again.
    desk.setup(&[])?.success()?;
    if std::fs::read_to_string(desk.known_hosts())? != known || std::fs::read(desk.key())? != key {
        return Err("a second run changed files".into());
    }
    // What the program trusts, OpenSSH trusts too: the refusal is of the key, not of the host.
    let openssh = desk.sftp("ls")?;
    says(&openssh.stderr, "Permission denied (publickey")?;

    // Another machine under this name.
    desk.machine.shell("rm /etc/ssh/ssh_host_ed25519_key*; ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key")?.success()?;
    desk.machine.reload_sshd()?;
    let changed = desk.setup(&[])?.expect_code(101)?;
    says(&changed.stdout, "ssh-keygen -R '[127.0.0.1]:")
}

/// The same command at a terminal made by `script`, with this answer.
fn at_terminal(desk: &Desk, answer: &str) -> Result<Outcome> {
    let script = format!("--sftp-script={}", desk.script().display());
    let command = desk.command(&[&script]);
    let line: Vec<String> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| format!("'{}'", word.to_string_lossy()))
        .collect();
    let answers = desk
        .machine
        .scratch()
        .write("answer", format!("{answer}\n"))?;
    let mut terminal = desk.machine.scratch().account().command("script");
    terminal.args(["-qec", &line.join(" "), "/dev/null"]);
    let output = terminal
        .stdin(Stdio::from(std::fs::File::open(answers)?))
        .output()?;
    Ok(Outcome {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n"),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        command: line.join(" "),
    })
}

fn terminal(program: &Program) -> TestResult {
    if run(Command::new("script").arg("--version")).is_err() {
        return Err(pgkeep_testkit::Error::missing("script of bsdutils").into());
    }
    let desk = Desk::new(program, false)?;
    for answer in [
        "no",
        "",
        "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ] {
        let refused = at_terminal(&desk, answer)?.expect_code(101)?;
        says(&refused.stdout, "were not confirmed")?;
        if desk.known_hosts().exists() {
            return Err(format!("the answer {answer:?} made a known host").into());
        }
    }
    let typed = at_terminal(&desk, &desk.machine.fingerprint()?)?.success()?;
    says(&typed.stdout, "(ED25519)")?;
    let known = std::fs::read_to_string(desk.known_hosts())?;
    if known.lines().count() != 1 {
        return Err(format!("known hosts:\n{known}").into());
    }
    std::fs::remove_file(desk.known_hosts())?;
    at_terminal(&desk, "yes")?.success()?;
    let known = std::fs::read_to_string(desk.known_hosts())?;
    if known.lines().count() != 3 {
        return Err(format!("ED25519, ECDSA and RSA are expected:\n{known}").into());
    }
    Ok(())
}

fn unknown_to_pgbackrest(program: &Program) -> TestResult {
    let refused = program.run_as_pgbackrest(["sftp-setup"])?.expect_code(48)?;
    says(
        &format!("{}{}", refused.stdout, refused.stderr),
        "invalid command 'sftp-setup'",
    )
}
